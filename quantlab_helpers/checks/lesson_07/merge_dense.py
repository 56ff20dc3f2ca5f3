"""Exercise merge-dense of lesson 07: merge two linear layers into one.

Compared: weight and bias of the merged layer, within float32 rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from torch import nn

from ..compare import ROUNDING32, Array
from ..exercise import Case, FunctionExercise, Mistake
from ._shared import Layer, layer_difference, set_values, to_float64


def _linear(rng: np.random.Generator, inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    set_values(layer.weight, rng.normal(size=(outputs, inputs)))
    set_values(layer.bias, rng.normal(size=outputs))
    return layer


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for inputs, middle, outputs in ((4, 3, 2), (3, 3, 3), (7, 20, 5), (5, 2, 6), (1, 4, 1)):
        yield _linear(rng, inputs, middle), _linear(rng, middle, outputs)


def _layer_of(
    change: Callable[[Array, Array, Array, Array], tuple[Any, Any]],
) -> Callable[..., Any]:
    """Make a result from a formula of W1, b1, W2 and b2."""

    def result(fc1: nn.Linear, fc2: nn.Linear) -> Layer:
        return Layer(*change(*map(to_float64, (fc1.weight, fc1.bias, fc2.weight, fc2.bias))))

    return result


_merge = _layer_of(lambda w1, b1, w2, b2: (w2 @ w1, w2 @ b1 + b2))


def _tolerance(fc1: nn.Linear, fc2: nn.Linear) -> Layer:
    # A sum of n products in float32, in any order: n roundings of the sum of absolute values.
    rounds = (fc1.out_features + 2) * ROUNDING32

    def size(w1: Array, b1: Array, w2: Array, b2: Array) -> tuple[Any, Any]:
        w1, b1, w2, b2 = map(np.abs, (w1, b1, w2, b2))
        return rounds * (w2 @ w1), rounds * (w2 @ b1 + b2)

    slack: Layer = _layer_of(size)(fc1, fc2)
    return slack


EXERCISE = FunctionExercise(
    name="merge-dense",
    signature="merge(fc1, fc2)",
    solution=_merge,
    cases=_cases,
    compare=lambda expected, got, case: layer_difference(expected, got, _tolerance(*case)),
    why="fc2(fc1(x)) = W2 (W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2)",
    fix="weight = fc2.weight @ fc1.weight; bias = fc2.weight @ fc1.bias + fc2.bias",
    mistakes=[
        Mistake(
            _layer_of(lambda w1, b1, w2, b2: (w2 @ w1, b2)),
            "the bias of fc1 is missing; it reaches the output through the weights of fc2",
            "add fc2.weight @ fc1.bias to the bias",
        ),
        Mistake(
            _layer_of(lambda w1, b1, w2, b2: (w2 @ w1, b1 + b2)),
            "you added the bias of fc1 without the weights of fc2; it is part of the output of "
            "fc1, so fc2 multiplies it",
            "add fc2.weight @ fc1.bias, not fc1.bias itself",
        ),
        Mistake(
            _layer_of(lambda w1, b1, w2, b2: (w2 @ w1, w2 @ b1)),
            "the bias of fc2 is missing",
            "add fc2.bias",
        ),
        Mistake(
            _layer_of(lambda w1, b1, w2, b2: (w2 @ w1, w2 @ (b1 + b2))),
            "you multiplied the bias of fc2 by its weights; it is added after them",
            "multiply only fc1.bias: fc2.weight @ fc1.bias + fc2.bias",
        ),
        Mistake(
            _layer_of(lambda w1, b1, w2, b2: (w1 @ w2, w2 @ b1 + b2)),
            "the product has the wrong order: the first layer is the factor on the right",
            "write fc2.weight @ fc1.weight",
        ),
        Mistake(
            _layer_of(lambda w1, b1, w2, b2: ((w2 @ w1).T, w2 @ b1 + b2)),
            "the weight is transposed; torch stores it as (outputs, inputs)",
            "leave the transposition out",
        ),
        Mistake(
            _layer_of(lambda w1, b1, w2, b2: (w2 * w1, w2 @ b1 + b2)),
            "* multiplies number by number; two layers in a row are a matrix product",
            "use @ in place of *",
        ),
        Mistake(
            _layer_of(lambda w1, b1, w2, b2: (w1 + w2, b1 + b2)),
            "you added the weights; for two layers in a row they are multiplied",
            "use fc2.weight @ fc1.weight",
        ),
        Mistake(
            _layer_of(lambda w1, b1, w2, b2: (w2 @ np.maximum(w1, 0), w2 @ np.maximum(b1, 0) + b2)),
            "you put a ReLU between the layers; this network has no ReLU there, and layers with a "
            "ReLU between them cannot be merged",
            "leave the ReLU out",
        ),
    ],
)
