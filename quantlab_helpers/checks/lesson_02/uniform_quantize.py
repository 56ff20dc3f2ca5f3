"""Exercise uniform-quantize of lesson 02: quantize and dequantize a whole tensor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...quantizers.uniform import uniform_quantize
from ..compare import Difference, as_array, count_nan, plural
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
    # As many weights as fc1 has, most of them near zero.
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
        return count_nan(array, "values")
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
        return (
            f"your result has {distinct:,} distinct values, {plural(bits, 'bit')} can represent "
            f"{2**bits:,}"
        )
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    return (
        f"{int(wrong.sum()):,} of {array.size:,} values {'is' if wrong.sum() == 1 else 'are'} "
        "wrong: "
        f"{weights[first]:.6g} became {array[first]:.6g}, expected {expected[first]:.6g}"
    )


def _is_tie(
    array: NDArray[Any], expected: NDArray[Any], weights: NDArray[Any], bits: int, tolerance: float
) -> NDArray[np.bool_]:
    """Return where a value is another level that is equally near, up to float32 rounding."""
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
    """Quantize in one formula; the rounding and the number of steps may be wrong."""
    low, high = float(weights.min()), float(weights.max())
    if low == high:
        return weights.astype(np.float64)
    step = np.float64(high - low) / (2**bits - 1 if steps is None else steps)
    return np.asarray(low + step * rounding((weights.astype(np.float64) - low) / step))


def _nan_where_constant(weights: NDArray[Any], bits: int) -> NDArray[np.float64]:
    """Quantize; NaN if all weights are equal."""
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
    "and return low + step * codes; if all weights are equal, return a copy of them",
    line_limit=_LINE_LIMIT,
    mistakes=[
        Mistake(
            lambda w, bits: _on_grid(w, bits, np.floor),
            "you cut off the decimals of the codes (floor, //, int or astype): every weight moves "
            "down to the level below, by up to one whole step",
            "round with np.round or np.rint",
        ),
        Mistake(
            _nan_where_constant,
            "if all weights are equal, low is high and the step is 0: 0/0 is NaN, and one NaN "
            "among the weights makes all outputs of a network NaN",
            "return a copy of the weights if low equals high",
        ),
        Mistake(
            lambda w, bits: np.nan_to_num(_nan_where_constant(w, bits)),
            "if all weights are equal, the step is 0; you turn the NaN of 0/0 into 0, but the "
            "only level is that one weight",
            "return a copy of the weights if low equals high",
        ),
        Mistake(
            lambda w, bits: _on_grid(w, bits, steps=2**bits),
            "you divided the range by 2^bits: that gives 2^bits + 1 levels, one too many for the "
            "bits",
            "divide by 2**bits - 1",
        ),
        Mistake(
            lambda w, bits: _on_grid(w, bits, steps=2 * bits - 1),
            "b bits can represent 2^b values; you used 2*b",
            "use 2**bits",
        ),
        Mistake(
            lambda w, bits: _on_grid(w, bits, steps=255),
            "255 steps belong to 8 bits; you used that number instead of bits",
            "divide by 2**bits - 1",
        ),
        Mistake(
            lambda w, bits: np.rint((w.astype(np.float64) - _grid(w, bits)[0]) / _grid(w, bits)[1]),
            "these are the codes; the exercise asks for the values they mean",
            "multiply the codes by the step and add low",
        ),
        Mistake(
            lambda w, bits: _on_grid(w, bits) - float(w.min()),
            "you subtracted low and never added it again, so all values are shifted",
            "return low + step * codes",
        ),
        Mistake(
            lambda w, bits: _grid(w, bits)[1] * np.rint(w.astype(float) / _grid(w, bits)[1]),
            "you rounded to multiples of the step, a grid through 0; the levels of this grid "
            "start at the smallest weight",
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
            "these are the original weights",
            "return the quantized values that you computed",
        ),
        Mistake(
            lambda w, bits: _on_grid(w, bits).reshape(-1),
            "the values have only one dimension; a layer needs them in the shape of its weights",
            "give them the weights' shape, for example with .reshape(weights.shape)",
        ),
    ],
)
