"""The exercises of lesson 02 on whole tensors, error and bytes, and their well-known mistakes.

Those on levels and codes are in `_checks_uniform.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics import half_step_bound
from ..quantizers.uniform import uniform_quantize
from .compare import EPS32, Difference, as_array
from .exercise import Case, FunctionExercise, Mistake, ValueExercise

_LINES = 100_000  # far fewer than the 470,400 weights of the large case, far more than 2^12 levels


def level_tolerance(low: float, high: float) -> float:
    """Return what float32 arithmetic may lose on a level ``low + step * code``.

    Two subtractions, a quotient, a product and a sum, each rounded once by half an eps of a
    number that is at most twice the larger end.
    """
    return 5 * EPS32 * max(abs(low), abs(high))


def _tensor_cases(rng: np.random.Generator) -> Iterator[Case]:
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


def _tensors_differ(expected: NDArray[Any], got: Any, case: Case) -> Difference:
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
        off = np.abs(array - expected.astype(np.float64)) > tolerance
    if off.any():
        off &= ~_tied(array, expected, weights, bits, tolerance)
    if not off.any():
        return None
    distinct = len(np.unique(array))
    if distinct > 2**bits:
        return f"your result has {distinct:,} different values, {bits} bits tell {2**bits} apart"
    at = tuple(int(i) for i in np.argwhere(off)[0])
    return (
        f"{int(off.sum()):,} of {array.size:,} values wrong: "
        f"{weights[at]:.6g} became {array[at]:.6g}, expected {expected[at]:.6g}"
    )


def _tied(
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


def _unguarded(weights: NDArray[Any], bits: int) -> NDArray[np.float64]:
    """Quantize with 0/0 where all weights are equal."""
    return _on_grid(weights, bits) * (np.nan if weights.min() == weights.max() else 1)


def _per_row(weights: NDArray[Any], bits: int) -> NDArray[np.float64]:
    if weights.ndim < 2:
        return _on_grid(weights, bits)
    return np.stack([_on_grid(row, bits) for row in weights])


_TENSOR = FunctionExercise(
    name="uniform-quantize",
    signature="uniform_quantize(weights, bits)",
    solution=lambda weights, bits: uniform_quantize(weights, bits).dequantize(),
    cases=_tensor_cases,
    differs=_tensors_differ,
    why="every weight becomes the nearest of 2^bits levels between the smallest and the largest "
    "weight",
    fix="take low and high from the weights, compute the codes by rounding (weights - low) / step "
    "and return low + step * codes; a tensor whose weights are all equal is its own level",
    line_limit=_LINES,
    mistakes=[
        Mistake(
            lambda w, bits: _on_grid(w, bits, np.floor),
            "you cut off the decimals of the codes (floor, //, int or astype): every weight moves "
            "down to the level below, by up to a whole step",
            "round with np.round or np.rint",
        ),
        Mistake(
            _unguarded,
            "where all weights are equal, low is high and the step is 0: 0/0 is NaN, and a network "
            "with one NaN in it answers only NaN",
            "return a copy of the weights where low equals high",
        ),
        Mistake(
            lambda w, bits: np.nan_to_num(_unguarded(w, bits)),
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


def _bound_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield -0.5, 1.0, 2
    for bits in (1, 3, 8):
        low, high = np.sort(rng.normal(size=2)).tolist()
        yield low, high, bits
    yield 0.25, 0.25, 3
    yield -1e-30, 2e-30, 4


def _bounds_differ(expected: float, got: Any, case: Case) -> Difference:
    low, high, bits = case
    array = as_array(got)
    if isinstance(array, str) or array.size != 1:
        return f"your function returned {got!r}, not one number"
    value = float(array.reshape(()))
    if abs(value - expected) <= level_tolerance(low, high) / (2**bits - 1):
        return None
    return f"you return {value:.6g}, expected {expected:.6g}"


_BOUND = FunctionExercise(
    name="error-bound",
    signature="error_bound(low, high, bits)",
    solution=lambda low, high, bits: half_step_bound(uniform_quantize([low, high], bits)),
    cases=_bound_cases,
    differs=_bounds_differ,
    why="the worst place for a weight is the middle between two levels, half a step from both",
    fix="compute the step, (high - low)/(2**bits - 1), and halve it",
    mistakes=[
        Mistake(
            lambda low, high, bits: (high - low) / (2**bits - 1),
            "that is a whole step, the error of always taking the level below; the nearest level "
            "is never more than half a step away",
            "halve it",
        ),
        Mistake(
            lambda low, high, bits: (high - low) / 2**bits / 2,
            "you divided the range by 2^bits: there are only 2^bits - 1 steps between the levels",
            "divide by 2**bits - 1, and halve",
        ),
        Mistake(
            lambda low, high, bits: (high - low) / (2**bits - 1) / 4,
            "you halved twice",
            "the largest error is half a step, (high - low)/(2**bits - 1)/2",
        ),
        Mistake(
            lambda low, high, bits: high / (2**bits - 1) / 2,
            "the range is high - low, you used high alone",
            "subtract low from high",
        ),
        Mistake(
            lambda low, high, bits: (low - high) / (2**bits - 1) / 2,
            "an error bound is never negative: you subtracted high from low",
            "subtract low from high",
        ),
        Mistake(
            lambda low, high, bits: (high - low) / (2 * bits - 1) / 2,
            "b bits tell 2^b values apart, you used 2*b",
            "use 2**bits",
        ),
    ],
)


def _cost_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield 1000, 3
    yield 470_400, 8
    yield 10, 1  # 10 bits do not fill two bytes
    yield 3, 3
    yield 3, 5
    yield 1, 1
    yield int(rng.integers(100, 9999)), 5
    yield 2304, 16


def _costs_differ(expected: float, got: Any, case: Case) -> Difference:
    array = as_array(got)
    if isinstance(array, str) or array.size != 1:
        return f"your function returned {got!r}, not one number"
    value = float(array.reshape(()))
    if value == expected:
        return None
    return f"you return {value:,.10g} bytes, expected {expected:,.10g}"


def _stored(count: int, bits: int) -> int:
    """Return what the package's own quantizer says."""
    quantized = uniform_quantize(np.zeros(count), bits)
    return quantized.payload_bytes + quantized.overhead_bytes


_COST = FunctionExercise(
    name="cost-in-bytes",
    signature="cost_in_bytes(count, bits)",
    solution=_stored,
    cases=_cost_cases,
    differs=_costs_differ,
    why="count codes of `bits` bits are packed without gaps into whole bytes, and the grid needs "
    "two float32 numbers, min and max, beside them",
    fix="round count * bits / 8 up, and add 8",
    mistakes=[
        Mistake(
            lambda count, bits: -(-count * bits // 8),
            "this is the payload alone: without min and max nobody can turn the codes back into "
            "weights, so that overhead has to be stored too",
            "add 8 bytes, two float32 numbers",
        ),
        Mistake(
            lambda count, bits: count * bits // 8 + 8,
            "you rounded down: where the bits do not fill the last byte, those left over are lost",
            "round up, for example with math.ceil or with -(-x // 8)",
        ),
        Mistake(
            lambda count, bits: round(count * bits / 8) + 8,
            "you rounded to the nearest byte: where that is down, the bits left over are lost",
            "round up, for example with math.ceil or with -(-x // 8)",
        ),
        Mistake(
            lambda count, bits: count * bits / 8 + 8,
            "a file has whole bytes, you count part of one",
            "round up, for example with math.ceil or with -(-x // 8)",
        ),
        Mistake(
            lambda count, bits: count * bits + 64,
            "these are bits, the exercise asks for bytes",
            "divide by 8, and round up",
        ),
        Mistake(
            lambda count, bits: count * bits + 8,
            "these are bits, the exercise asks for bytes (the 8 that you add are bytes already)",
            "divide count * bits by 8, and round up",
        ),
        Mistake(
            lambda count, bits: count * -(-bits // 8) + 8,
            "you gave every code whole bytes of its own; packed codes lie close together, and a "
            "byte may hold parts of two",
            "multiply by count before you divide by 8",
        ),
        Mistake(
            lambda count, bits: 4 * count,
            "4 bytes a weight is what float32 takes; the codes have `bits` bits",
            "start from count * bits",
        ),
        Mistake(
            lambda count, bits: 2 * bits,
            "2 * bits is not a size: it knows neither how many weights there are nor how many "
            "levels, which are 2^bits",
            "start from count * bits",
        ),
        Mistake(
            lambda count, bits: -(-count * bits // 8) + 4,
            "the overhead is two float32 numbers, min and max, you counted one",
            "add 8 bytes",
        ),
        Mistake(
            lambda count, bits: -(-count * bits // 8) + 16,
            "min and max are float32 numbers of 4 bytes each, you counted 8 for each",
            "add 8 bytes for both",
        ),
        Mistake(
            lambda count, bits: -(-count * bits // 8) + 64,
            "the overhead of 64 bits was added as if it were bytes",
            "add 8 bytes",
        ),
        Mistake(
            lambda count, bits: -(-count * bits // 8) + 4 * 2**bits,
            "you stored a float32 for every level; equal steps need no table, because min and max "
            "give all levels",
            "add 8 bytes instead",
        ),
        Mistake(
            lambda count, bits: -(-(count * bits + 64) // 8) + 8,
            "the overhead is counted twice",
            "add it once, 8 bytes",
        ),
    ],
)

EXERCISES: list[FunctionExercise | ValueExercise] = [_TENSOR, _BOUND, _COST]
