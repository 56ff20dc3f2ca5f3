"""Exercise count-bytes of lesson 01: the bytes of a network's parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from ...metrics import float32_bytes
from ..compare import Difference, number_difference
from ..exercise import Case, FunctionExercise, Mistake
from ._shared import course_net, describe_layers, fill_randomly, nested_net


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    with torch.random.fork_rng(devices=[]):  # building layers draws from the learner's generator
        yield (fill_randomly(nn.Linear(2, 1), rng),)
        yield (fill_randomly(nested_net(rng), rng),)
        yield (nn.BatchNorm2d(int(rng.integers(2, 20))),)
        frozen = fill_randomly(nested_net(rng), rng)
        yield (frozen.requires_grad_(False),)
        yield (course_net(rng),)


def _parameter_counts(net: nn.Module) -> list[int]:
    return [parameter.numel() for parameter in net.parameters()]


def _bytes_of_children(net: nn.Module) -> int:
    sizes = [_parameter_counts(layer) for layer in net.children() if not list(layer.children())]
    return 4 * sum(map(sum, sizes))


def _compare(expected: int, got: Any, case: Case) -> Difference:
    difference = number_difference(expected, got, 0, "number of bytes")
    return difference and difference + describe_layers(case[0])


EXERCISE = FunctionExercise(
    name="count-bytes",
    signature="count_bytes(net)",
    solution=lambda net: 4 * sum(_parameter_counts(net)),
    cases=_cases,
    compare=_compare,
    why="every number in every parameter is a 32-bit float, and that takes 4 bytes",
    fix="go through net.parameters(), add up how many numbers each has, and multiply by 4",
    mistakes=[
        Mistake(
            lambda net: sum(_parameter_counts(net)),
            "you counted the numbers, not their bytes",
            "multiply by the 4 bytes of a 32-bit float",
        ),
        Mistake(
            lambda net: 32 * sum(_parameter_counts(net)),
            "you counted bits: a 32-bit float has 32 bits, and 8 bits are one byte",
            "multiply by 4 instead of 32",
        ),
        Mistake(
            lambda net: 8 * sum(_parameter_counts(net)),
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
            "you counted only matrices and convolutions: biases and BatchNorm's parameters have "
            "one dimension, and are parameters too",
            "take every tensor of net.parameters()",
        ),
        Mistake(
            lambda net: 4 * sum(p.numel() for p in net.parameters() if p.requires_grad),
            "you left out parameters that are not trained: the file needs them too",
            "take every tensor, also those with requires_grad=False",
        ),
        Mistake(
            lambda net: 4 * sum(len(p) for p in net.parameters()),
            "len() of a tensor is only its first dimension, the number of rows",
            "use .numel(), which counts all the numbers in a tensor",
        ),
        Mistake(
            lambda net: (
                4 * sum(p.numel() for p in net.parameters(False)) or _bytes_of_children(net)
            ),
            "you left out layers inside layers: net.children() gives only the outermost ones",
            "go through net.parameters(), which goes into all of them",
        ),
        Mistake(
            lambda net: 4 * len(list(net.parameters())),
            "you counted tensors: each of them holds many numbers",
            "add up .numel() over the tensors",
        ),
        Mistake(
            lambda net: 4 * sum(_parameter_counts(net)) / 1000,
            "you returned kilobytes",
            "return bytes, without dividing",
        ),
        Mistake(
            lambda net: 4 * sum(_parameter_counts(net)) / 1024,
            "you returned kibibytes, units of 1,024 bytes",
            "return bytes, without dividing",
        ),
        Mistake(
            lambda net: 4 * _parameter_counts(net)[0],
            "you counted the first tensor only: a `return` inside the loop ends it after one round",
            "put `return` after the loop, not inside it",
        ),
        Mistake(
            lambda net: 4 * _parameter_counts(net)[-1],
            "you counted the last tensor only: the loop overwrites the sum instead of adding to it",
            "start at 0 before the loop, and use += in it",
        ),
    ],
)
