"""Exercise uniform-quantize of lesson 02: quantize and dequantize a whole tensor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...quantizers.uniform import uniform_quantize
from ..compare import Difference, as_array
from ..exercise import Case, FunctionExercise, Mistake
from ._shared import level_tolerance

_LINE_LIMIT = (
    100_000  # far fewer than the 470,400 weights of the large case, far more than 2^12 levels
)


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([-0.5, 0.1, 0.4, 1.0], np.float32), 2
    yield rng.normal(size=(3, 4)).astype(np.float32), 3
    yield rng.normal(size=(4, 2, 3, 3)), 1
    yield -1 - rng.random(20, np.float32), 4
    yield 1e-30 * rng.normal(size=50).astype(np.float32), 4
    yield 1e30 * rng.normal(size=50).astype(np.float32), 4
    yield rng.normal(size=(40, 5)).astype(np.float32), 10
    yield np.full((2, 2), 0.3, np.float32), 3
    yield np.array([-0.7], np.float32), 8
    # As many weights as fc1 has, and as many of them near zero.
    yield (1e-3 * rng.standard_t(2, size=(300, 1568))).astype(np.float32), 4


def _compare(expected: NDArray[Any], got: Any, case: Case) -> Difference:
    weights, bits = case
    array = as_array(got)
    if isinstance(array, str):
        return array
    if array.shape != expected.shape:
        return f"your result has shape {array.shape}, the weights have {weights.shape}"
    nan = np.isnan(array)
    if (nan != np.isnan(expected)).any():
        return f"{int(nan.sum()):,} of your {array.size:,} values are NaN"
    low, high = float(weights.min()), float(weights.max())
    tolerance = level_tolerance(low, high)
    with np.errstate(invalid="ignore"):
        wrong = np.abs(array - expected.astype(np.float64)) > tolerance
    if wrong.any():
        wrong &= ~_is_tie(array, expected, weights, bits, tolerance)
    if not wrong.any():
        return None
    distinct = len(np.unique(array))
    if distinct > 2**bits:
        return f"your result has {distinct:,} different values, {bits} bits tell {2**bits} apart"
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    return (
        f"{int(wrong.sum()):,} of {array.size:,} values wrong: "
        f"{weights[at]:.6g} became {array[at]:.6g}, expected {expected[at]:.6g}"
    )


def _is_tie(
    array: NDArray[Any], expected: NDArray[Any], weights: NDArray[Any], bits: int, tolerance: float
) -> NDArray[np.bool_]:
    """Say where a value is another level that is as near, as far as float32 can tell."""
    low, step = _grid(weights, bits)
    with np.errstate(all="ignore"):
        level = low + step * np.rint((array.astype(np.float64) - low) / step)
        farther = np.abs(array - weights.astype(np.float64)) - np.abs(expected - weights)
        return np.asarray((np.abs(level - array) <= tolerance) & (np.abs(farther) <= 2 * tolerance))


def _grid(weights: NDArray[Any], bits: int) -> tuple[float, float]:
    low, high = float(weights.min()), float(weights.max())
    return low, (high - low) / (2**bits - 1)


def _on_grid(
    weights: NDArray[Any], bits: int, rounding: Any = np.rint, steps: int | None = None
) -> NDArray[np.float64]:
    """Quantize in one formula, with a way to round and a number of steps that may be wrong."""
    low, high = float(weights.min()), float(weights.max())
    if low == high:
        return weights.astype(np.float64)
    step = np.float64(high - low) / (2**bits - 1 if steps is None else steps)
    return np.asarray(low + step * rounding((weights.astype(np.float64) - low) / step))


def _nan_where_constant(weights: NDArray[Any], bits: int) -> NDArray[np.float64]:
    """Quantize with 0/0 where all weights are equal."""
    return _on_grid(weights, bits) * (np.nan if weights.min() == weights.max() else 1)


def _per_row(weights: NDArray[Any], bits: int) -> NDArray[np.float64]:
    if weights.ndim < 2:
        return _on_grid(weights, bits)
    return np.stack([_on_grid(row, bits) for row in weights])


EXERCISE = FunctionExercise(
    name="uniform-quantize",
    signature="uniform_quantize(weights, bits)",
    solution=lambda weights, bits: uniform_quantize(weights, bits).dequantize(),
    cases=_cases,
    compare=_compare,
    why="every weight becomes the nearest of 2^bits levels between the smallest and the largest "
    "weight",
    fix="take low and high from the weights, compute the codes by rounding (weights - low) / step "
    "and return low + step * codes; a tensor whose weights are all equal is its own level",
    line_limit=_LINE_LIMIT,
    mistakes=[
        Mistake(
            lambda w, bits: _on_grid(w, bits, np.floor),
            "you cut off the decimals of the codes (floor, //, int or astype): every weight moves "
            "down to the level below, by up to a whole step",
            "round with np.round or np.rint",
        ),
        Mistake(
            _nan_where_constant,
            "where all weights are equal, low is high and the step is 0: 0/0 is NaN, and a network "
            "with one NaN in it answers only NaN",
            "return a copy of the weights where low equals high",
        ),
        Mistake(
            lambda w, bits: np.nan_to_num(_nan_where_constant(w, bits)),
            "where all weights are equal, the step is 0; you turn the NaN of 0/0 into 0, but the "
            "only level there is that one weight",
            "return a copy of the weights where low equals high",
        ),
        Mistake(
            lambda w, bits: _on_grid(w, bits, steps=2**bits),
            "you divided the range by 2^bits: that makes 2^bits + 1 levels, one too many for the "
            "bits",
            "divide by 2**bits - 1",
        ),
        Mistake(
            lambda w, bits: _on_grid(w, bits, steps=2 * bits - 1),
            "b bits tell 2^b values apart, you used 2*b",
            "use 2**bits",
        ),
        Mistake(
            lambda w, bits: _on_grid(w, bits, steps=255),
            "255 steps belong to 8 bits; you wrote that number down instead of using bits",
            "divide by 2**bits - 1",
        ),
        Mistake(
            lambda w, bits: np.rint((w.astype(np.float64) - _grid(w, bits)[0]) / _grid(w, bits)[1]),
            "these are the codes; the exercise asks for the values they stand for",
            "multiply the codes by the step and add low",
        ),
        Mistake(
            lambda w, bits: _on_grid(w, bits) - float(w.min()),
            "you subtracted low and never added it again: all values have moved",
            "return low + step * codes",
        ),
        Mistake(
            lambda w, bits: _grid(w, bits)[1] * np.rint(w.astype(float) / _grid(w, bits)[1]),
            "you rounded to multiples of the step, a grid through 0; the levels of this one start "
            "at the smallest weight",
            "subtract low before you round and add it afterwards",
        ),
        Mistake(
            lambda w, bits: (
                np.clip(
                    np.rint(w.astype(float) / np.abs(w).max() * (2 ** (bits - 1) - 1)),
                    -(2 ** (bits - 1)),
                    2 ** (bits - 1) - 1,
                )
                * (np.abs(w).max() / (2 ** (bits - 1) - 1))
            ),
            "your grid is symmetric around zero, from -max to max; the grid of this lab runs from "
            "the smallest to the largest weight",
            "take low = weights.min() and high = weights.max()",
        ),
        Mistake(
            _per_row,
            "you took one range for each row (axis=); this exercise has one for the whole tensor",
            "call .min() and .max() without an axis",
        ),
        Mistake(
            lambda w, bits: np.round(w, bits),
            "the second argument of round is a number of decimals, not of bits",
            "round the position on the grid, (weights - low) / step, to whole numbers",
        ),
        Mistake(
            lambda w, bits: w,
            "these are the weights as they came",
            "return the quantized values; an array that you compute has to be returned",
        ),
        Mistake(
            lambda w, bits: _on_grid(w, bits).reshape(-1),
            "the values are in one long row; a layer needs them in the shape of its weights",
            "give them the weights' shape, for example with .reshape(weights.shape)",
        ),
    ],
)
