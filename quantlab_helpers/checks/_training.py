"""The exercises of lessons 00 and 01, and their well-known mistakes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..metrics import float32_bytes
from ._penalty import L1_PENALTY, drawn, layers_of, nested, whole
from .compare import EPS32, Difference, as_array, number_differs
from .exercise import Case, FunctionExercise, Mistake, ValueExercise

_ROUNDING32 = EPS32 / 2  # relative, of one float32 operation


# levels-of-bits


def _bits_cases(rng: np.random.Generator) -> Iterator[Case]:
    for bits in (3, 1, 2, 4, 8, int(rng.integers(5, 12)), 16):
        yield (bits,)


_LEVELS_OF_BITS = FunctionExercise(
    name="levels-of-bits",
    signature="levels_of_bits(bits)",
    solution=lambda bits: 2**bits,
    cases=_bits_cases,
    differs=lambda expected, got, case: number_differs(expected, got, 0, "number of values"),
    why="each bit is 0 or 1, so one more bit doubles the number of different patterns",
    fix="start with 1 and double it once for each bit",
    mistakes=[
        Mistake(
            lambda bits: 2 * bits,
            "you multiplied by 2 once; every bit multiplies the number of patterns by 2",
            "multiply 2 by itself, once for each bit; in Python a power is written with **",
        ),
        Mistake(
            lambda bits: bits**2,
            "you squared the number of bits: base and exponent have changed places",
            "the base is 2, what one bit can be; the number of bits is the exponent",
        ),
        Mistake(
            lambda bits: 2**bits - 1,
            "you counted one too few: that is the largest code, and the codes begin at 0",
            "count the code 0 as well",
        ),
        Mistake(
            lambda bits: 2**bits + 1,
            "you counted one too many: the codes run from 0 to one less than their number",
            "count the codes of 1 bit, 0 and 1: they are two",
        ),
        Mistake(
            lambda bits: 2 ** (bits - 1),
            "you kept one bit for a sign; here every bit tells values apart, and a code has no "
            "sign: it only says which level is meant",
            "use all the bits",
        ),
        Mistake(
            lambda bits: 2 ^ bits,
            "in Python `^` is not a power: it compares the bits of two integers (exclusive or)",
            "write a power with **",
        ),
        Mistake(
            lambda bits: bits,
            "you returned the number of bits, not of the values that they tell apart",
            "write down the patterns of 2 bits (00, 01, ...) and count them",
        ),
        Mistake(
            lambda bits: 10**bits,
            "you counted decimal digits; a digit has ten values, a bit has two",
            "use 2 as the base",
        ),
    ],
)


# count-bytes


def _bytes_cases(rng: np.random.Generator) -> Iterator[Case]:
    with torch.random.fork_rng(devices=[]):  # building layers draws from the learner's generator
        yield (drawn(nn.Linear(2, 1), rng),)
        yield (drawn(nested(rng), rng),)
        yield (nn.BatchNorm2d(int(rng.integers(2, 20))),)
        frozen = drawn(nested(rng), rng)
        yield (frozen.requires_grad_(False),)
        yield (whole(rng),)


def _sizes(net: nn.Module) -> list[int]:
    return [parameter.numel() for parameter in net.parameters()]


def _of_children(net: nn.Module) -> int:
    sizes = [_sizes(layer) for layer in net.children() if not list(layer.children())]
    return 4 * sum(map(sum, sizes))


def _bytes_differ(expected: int, got: Any, case: Case) -> Difference:
    found = number_differs(expected, got, 0, "number of bytes")
    return found and found + layers_of(case[0])


_COUNT_BYTES = FunctionExercise(
    name="count-bytes",
    signature="count_bytes(net)",
    solution=lambda net: 4 * sum(_sizes(net)),
    cases=_bytes_cases,
    differs=_bytes_differ,
    why="a 32-bit float takes 4 bytes, and every number in every parameter is one",
    fix="go through net.parameters(), add up how many numbers each has, and multiply by 4",
    mistakes=[
        Mistake(
            lambda net: sum(_sizes(net)),
            "you counted the numbers, not their bytes",
            "multiply by the 4 bytes of a 32-bit float",
        ),
        Mistake(
            lambda net: 32 * sum(_sizes(net)),
            "you counted bits: a 32-bit float has 32 bits, and 8 bits are one byte",
            "multiply by 4 instead of 32",
        ),
        Mistake(
            lambda net: 8 * sum(_sizes(net)),
            "you counted 8 bytes for each number; that is a 64-bit float, numpy's default",
            "multiply by 4: the network's numbers are 32-bit floats",
        ),
        Mistake(
            float32_bytes,
            "you counted BatchNorm's running statistics too: a file needs them, as "
            "ql.float32_bytes says, but they are buffers, not parameters",
            "go through net.parameters() instead of net.state_dict()",
        ),
        Mistake(
            lambda net: 4 * sum(value.numel() for value in net.state_dict().values()),
            "you counted everything in net.state_dict(): BatchNorm's running statistics, and "
            "even its counter of batches, are not parameters",
            "go through net.parameters()",
        ),
        Mistake(
            lambda net: sum(v.numel() * v.element_size() for v in net.state_dict().values()),
            "you counted everything in net.state_dict(): BatchNorm's running statistics, and "
            "even its counter of batches, are not parameters",
            "go through net.parameters()",
        ),
        Mistake(
            lambda net: 4 * sum(p.numel() for n, p in net.named_parameters() if "weight" in n),
            "you left out the biases: they are parameters too",
            "take every tensor of net.parameters()",
        ),
        Mistake(
            lambda net: 4 * sum(p.numel() for p in net.parameters() if p.dim() > 1),
            "you counted matrices and convolutions only: biases and BatchNorm's parameters have "
            "one dimension, and are parameters too",
            "take every tensor of net.parameters()",
        ),
        Mistake(
            lambda net: 4 * sum(p.numel() for p in net.parameters() if p.requires_grad),
            "you left out parameters that are not trained: they need their bytes all the same",
            "take every tensor, whatever its requires_grad",
        ),
        Mistake(
            lambda net: 4 * sum(len(p) for p in net.parameters()),
            "len() of a tensor is its first dimension only, its rows",
            "use .numel(), which counts all the numbers in a tensor",
        ),
        Mistake(
            lambda net: 4 * sum(p.numel() for p in net.parameters(False)) or _of_children(net),
            "you left out layers inside layers: net.children() gives the outermost ones only",
            "go through net.parameters(), which looks into all of them",
        ),
        Mistake(
            lambda net: 4 * len(list(net.parameters())),
            "you counted tensors: each of them holds many numbers",
            "add up .numel() over the tensors",
        ),
        Mistake(
            lambda net: 4 * sum(_sizes(net)) / 1000,
            "you returned kilobytes",
            "return bytes, without dividing",
        ),
        Mistake(
            lambda net: 4 * sum(_sizes(net)) / 1024,
            "you returned kibibytes, units of 1,024 bytes",
            "return bytes, without dividing",
        ),
        Mistake(
            lambda net: 4 * _sizes(net)[0],
            "you counted the first tensor only: a `return` inside the loop ends it at once",
            "put `return` behind the loop, not into it",
        ),
        Mistake(
            lambda net: 4 * _sizes(net)[-1],
            "you counted the last tensor only: the loop overwrites the sum instead of adding to it",
            "start at 0 before the loop, and use += in it",
        ),
    ],
)


# accuracy


def _accuracy_cases(rng: np.random.Generator) -> Iterator[Case]:
    for images, right, scale in [
        (10, 6, 1.0),  # as many images as classes, so that the wrong axis gives a number too
        (12, 7, 1.0),
        (5, 5, 1.0),  # all right
        (4, 0, 1.0),  # all wrong
        (1, 1, 1.0),
        (250, 97, 1.0),  # two batches of 100 and half a one
        (250, 171, 1.0),
        (80, 33, 1000.0),  # exp(1000) is infinite
    ]:
        logits = torch.from_numpy(scale * rng.normal(size=(images, 10)))
        labels = logits.argmax(1)
        wrong = torch.from_numpy(rng.permutation(images)[right:])
        labels[wrong] = (labels[wrong] + torch.from_numpy(rng.integers(1, 10, len(wrong)))) % 10
        yield logits.float(), labels
    # A largest logit of 1.0 beside the label 1: comparing the logit itself gives a hit.
    square = torch.tensor([[0.1, 1.0, 0.3], [2.0, 0.5, 0.1], [1.5, 0.2, 0.4]])
    yield square, torch.tensor([1, 0, 2])
    logits = -1 - torch.from_numpy(rng.random((10, 10))).float()  # no logit above 0
    logits[:, 0] = -1.5
    labels = torch.zeros(10, dtype=torch.int64)
    labels[:2], labels[2] = logits[:2].argmax(1), logits[2].argmin()
    yield logits, labels


def _accuracy_differs(expected: float, got: Any, case: Case) -> Difference:
    # Counts are exact; the quotient is rounded once, perhaps as float32.
    return number_differs(expected, got, 2 * _ROUNDING32 * max(1, expected), "accuracy")


def _hits(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.argmax(1) == labels).double()


def _share(predictions: Tensor, labels: Tensor) -> float:
    return float((predictions == labels).double().mean())


def _batch_means(logits: Tensor, labels: Tensor) -> list[float]:
    return [float(hits.mean()) for hits in _hits(logits, labels).split(100)]


_ACCURACY = FunctionExercise(
    name="accuracy",
    signature="accuracy(logits, labels)",
    solution=lambda logits, labels: float(_hits(logits, labels).mean()),
    cases=_accuracy_cases,
    differs=_accuracy_differs,
    why="the prediction for an image is the place of the largest logit in its row, and the "
    "accuracy is the share of predictions that equal their label",
    fix="compare the argmax of each row with the labels, and take the mean",
    mistakes=[
        Mistake(
            lambda logits, labels: 100 * _hits(logits, labels).mean(),
            "you returned per cent; the accuracy is a fraction from 0 to 1",
            "leave out the factor 100; printing with :.2% shows per cent",
        ),
        Mistake(
            lambda logits, labels: _hits(logits, labels).sum(),
            "you returned how many are right, not their share",
            "divide by the number of images",
        ),
        Mistake(
            lambda logits, labels: 1 - _hits(logits, labels).mean(),
            "you returned the share of wrong predictions, the error rate",
            "count where prediction and label are equal",
        ),
        Mistake(
            lambda logits, labels: int(_hits(logits, labels).sum()) // len(labels),
            "you divided integers with //, or turned the result into one: it is cut down to 0 "
            "unless all predictions are right",
            "divide with /",
        ),
        Mistake(
            lambda logits, labels: _share(logits.argmax(0), labels),
            "you took the largest logit of each column, across images, instead of each row",
            "a row is one image: take the argmax along dimension 1",
        ),
        Mistake(
            lambda logits, labels: _share(logits.max(1).values, labels),
            "you compared the largest logit itself with the label; the prediction is its place",
            "use argmax, which gives the place, instead of max",
        ),
        Mistake(
            lambda logits, labels: _share(logits.argmin(1), labels),
            "you took the smallest logit; the network votes with the largest",
            "use argmax instead of argmin",
        ),
        Mistake(
            lambda logits, labels: _share(logits.argmax(1) + 1, labels),
            "you counted places from 1; digits, and places in Python, begin at 0",
            "compare the argmax with the labels as they are",
        ),
        Mistake(
            lambda logits, labels: _share(
                (logits.exp() / logits.exp().sum(1, keepdim=True)).argmax(1), labels
            ),
            "exp() of a large logit is infinite, and infinity divided by infinity is NaN",
            "compare the logits themselves, or use torch.softmax, which does not overflow",
        ),
        Mistake(
            lambda logits, labels: _share(
                torch.where(logits.max(1).values > 0, logits.argmax(1), 0), labels
            ),
            "your search for the largest logit begins at 0 and finds nothing in a row where all "
            "logits are negative",
            "begin with the first logit of the row, or use argmax",
        ),
        Mistake(
            lambda logits, labels: round(float(_hits(logits, labels).mean()), 2),
            "you rounded to two decimals",
            "return the fraction as it is, and round when you print",
        ),
        Mistake(
            lambda logits, labels: _hits(logits, labels).sum() / 100,
            "you divided by 100, the batch size of the course; a batch may have another size",
            "divide by len(labels)",
        ),
        Mistake(
            lambda logits, labels: _hits(logits, labels).sum() / logits.numel(),
            "you divided by the number of logits: ten for each image",
            "divide by len(labels)",
        ),
        Mistake(
            lambda logits, labels: _hits(logits, labels).sum() / logits.shape[1],
            "you divided by the number of classes",
            "divide by the number of images, len(labels)",
        ),
        Mistake(
            lambda logits, labels: _batch_means(logits, labels)[-1],
            "you returned the accuracy of the last batch only",
            "count over all images before you divide",
        ),
        Mistake(
            lambda logits, labels: float(np.mean(_batch_means(logits, labels))),
            "you took the mean of the batches' accuracies: the last batch is smaller, and its "
            "images count more than the others",
            "add up the right predictions of all batches, and divide once",
        ),
    ],
)


# predict-exact-zeros

_PARAMETERS = 481_214


def _is_count(guess: Any) -> bool | str:
    array = as_array(guess)
    if isinstance(guess, bool | str) or isinstance(array, str) or array.size != 1:
        return "this is not one number"
    number = float(array.item())
    if math.isnan(number):
        return "this is not a number"
    if 0 < number < 1:
        return "this looks like a share; the question is how many weights"
    if number < 0:
        return "a count cannot be negative"
    if number > _PARAMETERS:
        return f"the network has no more than {_PARAMETERS:,} parameters"
    return number == int(number) or "a count is a whole number"


_PREDICT_ZEROS = ValueExercise(
    name="predict-exact-zeros",
    rule=f"write a whole number from 0 to {_PARAMETERS:,}; any such number gives the point, for "
    "the next cell measures the truth",
    well_formed=_is_count,
    judge=lambda guess: None,
)


EXERCISES: list[FunctionExercise | ValueExercise] = [
    _LEVELS_OF_BITS,
    _COUNT_BYTES,
    L1_PENALTY,
    _ACCURACY,
    _PREDICT_ZEROS,
]
