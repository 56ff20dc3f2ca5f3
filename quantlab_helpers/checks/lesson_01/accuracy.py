"""Exercise accuracy of lesson 01: the fraction of correct predictions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..compare import ROUNDING32, Difference, number_difference
from ..exercise import Case, FunctionExercise, Mistake


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for images, right, scale in [
        (10, 6, 1.0),  # as many images as classes, so that the wrong axis gives a number too
        (12, 7, 1.0),
        (5, 5, 1.0),  # all right
        (4, 0, 1.0),  # all wrong
        (1, 1, 1.0),
        (250, 97, 1.0),  # two batches of 100 and half a batch
        (250, 171, 1.0),
        (80, 33, 1000.0),  # exp(1000) is infinite
    ]:
        logits = torch.from_numpy(scale * rng.normal(size=(images, 10)))
        labels = logits.argmax(1)
        wrong = torch.from_numpy(rng.permutation(images)[right:])
        labels[wrong] = (labels[wrong] + torch.from_numpy(rng.integers(1, 10, len(wrong)))) % 10
        yield logits.float(), labels
    # A largest logit of 1.0 and the label 1: comparing the logit itself gives a hit.
    square = torch.tensor([[0.1, 1.0, 0.3], [2.0, 0.5, 0.1], [1.5, 0.2, 0.4]])
    yield square, torch.tensor([1, 0, 2])
    logits = -1 - torch.from_numpy(rng.random((10, 10))).float()  # no logit above 0
    logits[:, 0] = -1.5
    labels = torch.zeros(10, dtype=torch.int64)
    labels[:2], labels[2] = logits[:2].argmax(1), logits[2].argmin()
    yield logits, labels


def _compare(expected: float, got: Any, case: Case) -> Difference:
    # Counts are exact; the quotient is rounded once, perhaps as float32.
    return number_difference(expected, got, 2 * ROUNDING32 * max(1, expected), "accuracy")


def _hits(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.argmax(1) == labels).double()


def _fraction_right(predictions: Tensor, labels: Tensor) -> float:
    return float((predictions == labels).double().mean())


def _batch_means(logits: Tensor, labels: Tensor) -> list[float]:
    return [float(hits.mean()) for hits in _hits(logits, labels).split(100)]


EXERCISE = FunctionExercise(
    name="accuracy",
    signature="accuracy(logits, labels)",
    solution=lambda logits, labels: float(_hits(logits, labels).mean()),
    cases=_cases,
    compare=_compare,
    why="the prediction for an image is the index of the largest logit in its row, and the "
    "accuracy is the fraction of predictions that equal their label",
    fix="compare the argmax of each row with the labels, and take the mean",
    mistakes=[
        Mistake(
            lambda logits, labels: 100 * _hits(logits, labels).mean(),
            "you returned percent; the accuracy is a fraction from 0 to 1",
            "leave out the factor 100; printing with :.2% shows percent",
        ),
        Mistake(
            lambda logits, labels: _hits(logits, labels).sum(),
            "you returned how many are right, not the fraction",
            "divide by the number of images",
        ),
        Mistake(
            lambda logits, labels: 1 - _hits(logits, labels).mean(),
            "you returned the fraction of wrong predictions, the error rate",
            "count where prediction and label are equal",
        ),
        Mistake(
            lambda logits, labels: int(_hits(logits, labels).sum()) // len(labels),
            "you divided integers with //, or turned the result into an integer: it becomes 0 "
            "unless all predictions are right",
            "divide with /",
        ),
        Mistake(
            lambda logits, labels: _fraction_right(logits.argmax(0), labels),
            "you took the largest logit of each column, across images, instead of each row",
            "a row is one image: take the argmax along dimension 1",
        ),
        Mistake(
            lambda logits, labels: _fraction_right(logits.max(1).values, labels),
            "you compared the largest logit itself with the label; the prediction is its index",
            "use argmax, which gives the index, instead of max",
        ),
        Mistake(
            lambda logits, labels: _fraction_right(logits.argmin(1), labels),
            "you took the smallest logit; the network predicts the class of the largest",
            "use argmax instead of argmin",
        ),
        Mistake(
            lambda logits, labels: _fraction_right(logits.argmax(1) + 1, labels),
            "you counted from 1; digits, and indices in Python, begin at 0",
            "compare the argmax with the labels as they are",
        ),
        Mistake(
            lambda logits, labels: _fraction_right(
                (logits.exp() / logits.exp().sum(1, keepdim=True)).argmax(1), labels
            ),
            "exp() of a large logit is infinite, and infinity divided by infinity is NaN",
            "compare the logits themselves, or use torch.softmax, which does not overflow",
        ),
        Mistake(
            lambda logits, labels: _fraction_right(
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
            "count the right predictions of all images before you divide",
        ),
        Mistake(
            lambda logits, labels: float(np.mean(_batch_means(logits, labels))),
            "you took the mean of the batches' accuracies: the last batch is smaller, so each of "
            "its images counts more than the others",
            "add up the right predictions of all batches, and divide once",
        ),
    ],
)
