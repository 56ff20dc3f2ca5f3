"""Exercise fold-batchnorm of lesson 07: merge a convolution and its BatchNorm into one.

Compared: weight and bias of the merged convolution, within float32 rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from ..compare import ROUNDING32, Array
from ..exercise import Case, FunctionExercise, Mistake
from ._shared import Layer, layer_difference, set_values, to_float64


def _convolution(rng: np.random.Generator, inputs: int, outputs: int, size: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, size)
    set_values(layer.weight, rng.normal(size=(outputs, inputs, size, size)))
    set_values(layer.bias, rng.normal(size=outputs))
    return layer


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for inputs, outputs, size, spread in (
        (1, 2, 3, 1.0),
        (3, 3, 3, 1.0),  # every axis has the same length
        (2, 5, 3, 1.0),
        (4, 1, 1, 1.0),
        (2, 4, 5, 1e-6),  # a variance in the size of eps, as in channels that are nearly dead
        (2, 3, 3, 0.0),
    ):
        norm = nn.BatchNorm2d(outputs)
        set_values(norm.weight, rng.uniform(0.2, 2, outputs))
        set_values(norm.bias, rng.normal(size=outputs))
        set_values(norm.running_mean, rng.normal(size=outputs))
        set_values(norm.running_var, spread * rng.uniform(0.2, 3, outputs))
        yield _convolution(rng, inputs, outputs, size).eval(), norm.eval()


class _Parts(NamedTuple):
    """The numbers of a convolution and of the BatchNorm after it, in float64."""

    weight: Array
    bias: Array
    gamma: Array
    beta: Array
    mean: Array
    variance: Array
    eps: float


def _parts(conv: nn.Conv2d, bn: nn.BatchNorm2d) -> _Parts:
    return _Parts(
        weight=to_float64(conv.weight),
        bias=to_float64(conv.bias),
        gamma=to_float64(bn.weight),
        beta=to_float64(bn.bias),
        mean=to_float64(bn.running_mean),
        variance=to_float64(bn.running_var),
        eps=bn.eps,
    )


def _per_filter(scale: Array, weight: Array) -> Array:
    scaled: Array = weight * scale[:, None, None, None]
    return scaled


def _fold(p: _Parts) -> Layer:
    scale = p.gamma / np.sqrt(p.variance + p.eps)
    return Layer(_per_filter(scale, p.weight), (p.bias - p.mean) * scale + p.beta)


def _tolerance(p: _Parts) -> Layer:
    # Sum, root, quotient and product round the weight 4 times, the bias twice more; float32's own
    # eps differs from 1e-5 by another.
    scale = np.abs(p.gamma) / np.sqrt(p.variance + p.eps)
    size = (np.abs(p.bias) + np.abs(p.mean)) * scale + np.abs(p.beta)
    return Layer(6 * ROUNDING32 * _per_filter(scale, np.abs(p.weight)), 8 * ROUNDING32 * size)


def _mistake_in_formula(change: Callable[[_Parts, Array], tuple[Any, Any]]) -> Callable[..., Any]:
    """Make a mistake from a formula of the parts and the right scale."""

    def result(conv: nn.Conv2d, bn: nn.BatchNorm2d) -> Layer:
        p = _parts(conv, bn)
        return Layer(*change(p, p.gamma / np.sqrt(p.variance + p.eps)))

    return result


def _mistake_in_scale(scale_of: Callable[[_Parts], Array]) -> Callable[..., Any]:
    """Make a mistake from another scale in the right formula."""

    def change(p: _Parts, scale: Array) -> tuple[Any, Any]:
        wrong_scale = scale_of(p)
        return _per_filter(wrong_scale, p.weight), (p.bias - p.mean) * wrong_scale + p.beta

    return _mistake_in_formula(change)


EXERCISE = FunctionExercise(
    name="fold-batchnorm",
    signature="fold(conv, bn)",
    solution=lambda conv, bn: _fold(_parts(conv, bn)),
    cases=_cases,
    compare=lambda expected, got, case: layer_difference(expected, got, _tolerance(_parts(*case))),
    why="bn(conv(x)) = scale * (W x + b - mean) + beta with scale = gamma / sqrt(variance + eps), "
    "one for each output channel: the weight is scale * W and the bias scale * (b - mean) + beta",
    fix="compute scale first; multiply conv.weight by scale[:, None, None, None], because its "
    "first axis is the output channels",
    mistakes=[
        Mistake(
            _mistake_in_scale(lambda p: p.gamma / np.sqrt(p.variance)),
            "eps is missing under the root; it matters most if the variance is tiny, as in "
            "channels whose output hardly changes",
            "divide by torch.sqrt(bn.running_var + bn.eps)",
        ),
        Mistake(
            _mistake_in_scale(lambda p: p.gamma / (np.sqrt(p.variance) + p.eps)),
            "eps belongs under the root: sqrt(variance + eps)",
            "add bn.eps before you take the root",
        ),
        Mistake(
            _mistake_in_scale(lambda p: p.gamma / (p.variance + p.eps)),
            "BatchNorm divides by the standard deviation; you divided by the variance",
            "divide by torch.sqrt(bn.running_var + bn.eps)",
        ),
        Mistake(
            _mistake_in_scale(lambda p: 1 / np.sqrt(p.variance + p.eps)),
            "BatchNorm's own weight (gamma) is missing",
            "scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)",
        ),
        Mistake(
            _mistake_in_scale(lambda p: p.gamma * np.sqrt(p.variance + p.eps)),
            "you multiplied by the standard deviation; BatchNorm divides by it",
            "divide by torch.sqrt(bn.running_var + bn.eps)",
        ),
        Mistake(
            _mistake_in_formula(lambda p, s: (_per_filter(s, p.weight), p.bias)),
            "the bias is still the bias of the convolution, which BatchNorm shifts and scales",
            "the new bias is scale * (conv.bias - bn.running_mean) + bn.bias",
        ),
        Mistake(
            _mistake_in_formula(
                lambda p, s: (_per_filter(s, p.weight), p.bias - p.mean * s + p.beta)
            ),
            "you did not scale the bias of the convolution; BatchNorm scales it like the weight",
            "multiply (conv.bias - bn.running_mean) by the scale, not only the mean",
        ),
        Mistake(
            _mistake_in_formula(
                lambda p, s: (_per_filter(s, p.weight), (p.bias - p.mean + p.beta) * s)
            ),
            "BatchNorm adds its bias (beta) after scaling; you scaled it too",
            "add bn.bias outside the brackets",
        ),
        Mistake(
            _mistake_in_formula(
                lambda p, s: (_per_filter(s, p.weight), (p.bias + p.mean) * s + p.beta)
            ),
            "BatchNorm subtracts the running mean; you added it",
            "write conv.bias - bn.running_mean",
        ),
        Mistake(
            _mistake_in_formula(lambda p, s: (_per_filter(s, p.weight), p.bias * s + p.beta)),
            "the running mean is missing in the bias",
            "write scale * (conv.bias - bn.running_mean) + bn.bias",
        ),
        Mistake(
            _mistake_in_formula(lambda p, s: (_per_filter(s, p.weight), (p.bias - p.mean) * s)),
            "BatchNorm's own bias (beta) is missing",
            "add bn.bias after the scaling",
        ),
        Mistake(
            _mistake_in_formula(lambda p, s: (p.weight, (p.bias - p.mean) * s + p.beta)),
            "the weight is still the weight of the convolution, which BatchNorm scales",
            "multiply each filter of conv.weight by its scale",
        ),
        Mistake(
            _mistake_in_formula(
                lambda p, s: (p.weight * s[None, :, None, None], (p.bias - p.mean) * s + p.beta)
            ),
            "you multiplied along the axis of the inputs; the output channels are the first axis",
            "multiply by scale[:, None, None, None]",
        ),
        Mistake(
            _mistake_in_formula(lambda p, s: (p.weight * s, (p.bias - p.mean) * s + p.beta)),
            "you multiplied along the last axis, the width of the filters; the output channels "
            "are the first axis",
            "multiply by scale[:, None, None, None]",
        ),
    ],
)
