"""Two exercises of lesson 07 that make one layer of two, and their well-known mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .compare import EPS32, Difference, as_array
from .exercise import Case, FunctionExercise, Mistake

Array = NDArray[Any]
U32 = EPS32 / 2  # the most that one float32 rounding changes, relative


class _Layer(NamedTuple):
    """Weight and bias of one layer."""

    weight: Any
    bias: Any


def _pair_differs(expected: _Layer, got: Any, slack: _Layer) -> Difference:
    """Compare a weight and a bias, number by number, each with how far it may be off."""
    if not isinstance(got, tuple | list) or len(got) != 2:
        kind = "one tensor" if isinstance(got, Tensor) else f"{got!r:.40}"
        return f"you return {kind}, not a weight and a bias"
    for name, value in zip(("weight", "bias"), got, strict=True):
        wanted, array = np.asarray(getattr(expected, name)), as_array(value)
        if isinstance(array, str):
            return f"your {name} is not an array of numbers"
        if array.shape != wanted.shape:
            return f"your {name} has shape {array.shape}, expected {wanted.shape}"
        if np.isnan(array).any():
            return f"{int(np.isnan(array).sum())} numbers of your {name} are NaN"
        tolerance = np.asarray(getattr(slack, name))
        if tolerance.shape != wanted.shape:  # a mistake that returns something of another shape
            tolerance = tolerance.max()
        over = np.abs(array - wanted) > tolerance
        if over.any():
            at = tuple(int(index[0]) for index in np.nonzero(over))
            place = "".join(f"[{index}]" for index in at)
            return (
                f"{int(over.sum())} of the {array.size} numbers of your {name} differ: "
                f"{name}{place} is {array[at]:.5g}, expected {wanted[at]:.5g}"
            )
    return None


def _numbers(tensor: Tensor | None) -> Array:
    assert tensor is not None
    return tensor.detach().double().cpu().numpy()


def _set(tensor: Tensor | None, values: Any) -> None:
    assert tensor is not None
    with torch.no_grad():
        tensor.copy_(torch.as_tensor(np.asarray(values)))


# fold-batchnorm


def _convolution(rng: np.random.Generator, inputs: int, outputs: int, size: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, size)
    _set(layer.weight, rng.normal(size=(outputs, inputs, size, size)))
    _set(layer.bias, rng.normal(size=outputs))
    return layer


def _fold_cases(rng: np.random.Generator) -> Iterator[Case]:
    for inputs, outputs, size, spread in (
        (1, 2, 3, 1.0),
        (3, 3, 3, 1.0),  # every axis has the same length
        (2, 5, 3, 1.0),
        (4, 1, 1, 1.0),
        (2, 4, 5, 1e-6),  # a variance in the size of eps, as in channels that are nearly dead
        (2, 3, 3, 0.0),
    ):
        norm = nn.BatchNorm2d(outputs)
        _set(norm.weight, rng.uniform(0.2, 2, outputs))
        _set(norm.bias, rng.normal(size=outputs))
        _set(norm.running_mean, rng.normal(size=outputs))
        _set(norm.running_var, spread * rng.uniform(0.2, 3, outputs))
        yield _convolution(rng, inputs, outputs, size).eval(), norm.eval()


class _Parts(NamedTuple):
    """The numbers of a convolution and of the BatchNorm behind it, in float64."""

    weight: Array
    bias: Array
    gamma: Array
    beta: Array
    mean: Array
    variance: Array
    eps: float


def _parts(conv: nn.Conv2d, bn: nn.BatchNorm2d) -> _Parts:
    return _Parts(
        weight=_numbers(conv.weight),
        bias=_numbers(conv.bias),
        gamma=_numbers(bn.weight),
        beta=_numbers(bn.bias),
        mean=_numbers(bn.running_mean),
        variance=_numbers(bn.running_var),
        eps=bn.eps,
    )


def _per_filter(scale: Array, weight: Array) -> Array:
    scaled: Array = weight * scale[:, None, None, None]
    return scaled


def _fold(p: _Parts) -> _Layer:
    scale = p.gamma / np.sqrt(p.variance + p.eps)
    return _Layer(_per_filter(scale, p.weight), (p.bias - p.mean) * scale + p.beta)


def _fold_slack(p: _Parts) -> _Layer:
    # Sum, root, quotient and product round the weight 4 times, the bias twice more; float32's own
    # eps differs from 1e-5 by another.
    scale = np.abs(p.gamma) / np.sqrt(p.variance + p.eps)
    size = (np.abs(p.bias) + np.abs(p.mean)) * scale + np.abs(p.beta)
    return _Layer(6 * U32 * _per_filter(scale, np.abs(p.weight)), 8 * U32 * size)


def _folding(change: Callable[[_Parts, Array], tuple[Any, Any]]) -> Callable[..., Any]:
    """Make a mistake from a formula of the parts and the right scale."""

    def gives(conv: nn.Conv2d, bn: nn.BatchNorm2d) -> _Layer:
        p = _parts(conv, bn)
        return _Layer(*change(p, p.gamma / np.sqrt(p.variance + p.eps)))

    return gives


def _scaled_by(scale_of: Callable[[_Parts], Array]) -> Callable[..., Any]:
    """Make a mistake from another scale in the right formula."""

    def change(p: _Parts, scale: Array) -> tuple[Any, Any]:
        mine = scale_of(p)
        return _per_filter(mine, p.weight), (p.bias - p.mean) * mine + p.beta

    return _folding(change)


FOLD_BATCHNORM = FunctionExercise(
    name="fold-batchnorm",
    signature="fold(conv, bn)",
    solution=lambda conv, bn: _fold(_parts(conv, bn)),
    cases=_fold_cases,
    differs=lambda expected, got, case: _pair_differs(expected, got, _fold_slack(_parts(*case))),
    why="bn(conv(x)) = scale * (W x + b - mean) + beta with scale = gamma / sqrt(variance + eps), "
    "one for each output channel: the weight is scale * W and the bias scale * (b - mean) + beta",
    fix="compute scale first; give it three more axes to multiply conv.weight, whose first axis "
    "are the output channels",
    mistakes=[
        Mistake(
            _scaled_by(lambda p: p.gamma / np.sqrt(p.variance)),
            "eps is missing under the root; where the variance is tiny, as in channels that are "
            "nearly dead, it decides",
            "divide by torch.sqrt(bn.running_var + bn.eps)",
        ),
        Mistake(
            _scaled_by(lambda p: p.gamma / (np.sqrt(p.variance) + p.eps)),
            "eps belongs under the root: sqrt(variance + eps)",
            "add bn.eps before you take the root",
        ),
        Mistake(
            _scaled_by(lambda p: p.gamma / (p.variance + p.eps)),
            "BatchNorm divides by the standard deviation; you divided by the variance",
            "take the square root",
        ),
        Mistake(
            _scaled_by(lambda p: 1 / np.sqrt(p.variance + p.eps)),
            "BatchNorm's own weight (gamma) is missing",
            "scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)",
        ),
        Mistake(
            _scaled_by(lambda p: p.gamma * np.sqrt(p.variance + p.eps)),
            "you multiplied by the standard deviation; BatchNorm divides by it",
            "divide",
        ),
        Mistake(
            _folding(lambda p, s: (_per_filter(s, p.weight), p.bias)),
            "the bias is still the convolution's",
            "the new bias is scale * (conv.bias - bn.running_mean) + bn.bias",
        ),
        Mistake(
            _folding(lambda p, s: (_per_filter(s, p.weight), p.bias - p.mean * s + p.beta)),
            "the bias of the convolution goes through BatchNorm as well: it is scaled too",
            "multiply (conv.bias - bn.running_mean) by the scale, not the mean alone",
        ),
        Mistake(
            _folding(lambda p, s: (_per_filter(s, p.weight), (p.bias - p.mean + p.beta) * s)),
            "BatchNorm adds its bias (beta) after scaling; you scaled it too",
            "add bn.bias outside of the brackets",
        ),
        Mistake(
            _folding(lambda p, s: (_per_filter(s, p.weight), (p.bias + p.mean) * s + p.beta)),
            "BatchNorm subtracts the running mean; you added it",
            "write conv.bias - bn.running_mean",
        ),
        Mistake(
            _folding(lambda p, s: (_per_filter(s, p.weight), p.bias * s + p.beta)),
            "the running mean is missing in the bias",
            "write scale * (conv.bias - bn.running_mean) + bn.bias",
        ),
        Mistake(
            _folding(lambda p, s: (_per_filter(s, p.weight), (p.bias - p.mean) * s)),
            "BatchNorm's own bias (beta) is missing",
            "add bn.bias",
        ),
        Mistake(
            _folding(lambda p, s: (p.weight, (p.bias - p.mean) * s + p.beta)),
            "the weight is still the convolution's",
            "multiply each filter of conv.weight by its scale",
        ),
        Mistake(
            _folding(
                lambda p, s: (p.weight * s[None, :, None, None], (p.bias - p.mean) * s + p.beta)
            ),
            "the scale met the axis of the inputs; the output channels are the first axis",
            "multiply by scale[:, None, None, None]",
        ),
        Mistake(
            _folding(lambda p, s: (p.weight * s, (p.bias - p.mean) * s + p.beta)),
            "the scale met the last axis, the width of the filters; the output channels are the "
            "first axis",
            "multiply by scale[:, None, None, None]",
        ),
    ],
)

# merge-dense


def _linear(rng: np.random.Generator, inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    _set(layer.weight, rng.normal(size=(outputs, inputs)))
    _set(layer.bias, rng.normal(size=outputs))
    return layer


def _merge_cases(rng: np.random.Generator) -> Iterator[Case]:
    for inputs, middle, outputs in ((4, 3, 2), (3, 3, 3), (7, 20, 5), (5, 2, 6), (1, 4, 1)):
        yield _linear(rng, inputs, middle), _linear(rng, middle, outputs)


def _merging(change: Callable[[Array, Array, Array, Array], tuple[Any, Any]]) -> Callable[..., Any]:
    """Make a result from a formula of W1, b1, W2 and b2."""

    def gives(fc1: nn.Linear, fc2: nn.Linear) -> _Layer:
        return _Layer(*change(*map(_numbers, (fc1.weight, fc1.bias, fc2.weight, fc2.bias))))

    return gives


_merge = _merging(lambda w1, b1, w2, b2: (w2 @ w1, w2 @ b1 + b2))


def _merge_slack(fc1: nn.Linear, fc2: nn.Linear) -> _Layer:
    # A sum of n products in float32, in any order: n roundings of the sum of absolute values.
    rounds = (fc1.out_features + 2) * U32

    def size(w1: Array, b1: Array, w2: Array, b2: Array) -> tuple[Any, Any]:
        w1, b1, w2, b2 = map(np.abs, (w1, b1, w2, b2))
        return rounds * (w2 @ w1), rounds * (w2 @ b1 + b2)

    slack: _Layer = _merging(size)(fc1, fc2)
    return slack


MERGE_DENSE = FunctionExercise(
    name="merge-dense",
    signature="merge(fc1, fc2)",
    solution=_merge,
    cases=_merge_cases,
    differs=lambda expected, got, case: _pair_differs(expected, got, _merge_slack(*case)),
    why="fc2(fc1(x)) = W2 (W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2)",
    fix="weight = fc2.weight @ fc1.weight; bias = fc2.weight @ fc1.bias + fc2.bias",
    mistakes=[
        Mistake(
            _merging(lambda w1, b1, w2, b2: (w2 @ w1, b2)),
            "the bias of fc1 is lost; it reaches the output through the weights of fc2",
            "add fc2.weight @ fc1.bias to the bias",
        ),
        Mistake(
            _merging(lambda w1, b1, w2, b2: (w2 @ w1, b1 + b2)),
            "the bias of fc1 goes through fc2 as everything that leaves fc1 does",
            "add fc2.weight @ fc1.bias, not fc1.bias itself",
        ),
        Mistake(
            _merging(lambda w1, b1, w2, b2: (w2 @ w1, w2 @ b1)),
            "the bias of fc2 is lost",
            "add fc2.bias",
        ),
        Mistake(
            _merging(lambda w1, b1, w2, b2: (w2 @ w1, w2 @ (b1 + b2))),
            "the bias of fc2 is added behind its weights, and must not go through them",
            "multiply fc1.bias alone: fc2.weight @ fc1.bias + fc2.bias",
        ),
        Mistake(
            _merging(lambda w1, b1, w2, b2: (w1 @ w2, w2 @ b1 + b2)),
            "the product has the wrong order: the layer that comes first stands on the right",
            "write fc2.weight @ fc1.weight",
        ),
        Mistake(
            _merging(lambda w1, b1, w2, b2: ((w2 @ w1).T, w2 @ b1 + b2)),
            "the weight is transposed; torch stores it as (outputs, inputs)",
            "leave the transposition out",
        ),
        Mistake(
            _merging(lambda w1, b1, w2, b2: (w2 * w1, w2 @ b1 + b2)),
            "* multiplies number by number; one layer after another is the product of matrices",
            "use @ in place of *",
        ),
        Mistake(
            _merging(lambda w1, b1, w2, b2: (w1 + w2, b1 + b2)),
            "you added the layers; one after another, they multiply",
            "use fc2.weight @ fc1.weight",
        ),
        Mistake(
            _merging(lambda w1, b1, w2, b2: (w2 @ np.maximum(w1, 0), w2 @ np.maximum(b1, 0) + b2)),
            "you put a ReLU between the layers; this network has none there, and with one they "
            "could not be merged",
            "leave the ReLU out",
        ),
    ],
)
