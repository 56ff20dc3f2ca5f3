"""The exercises of lesson 02, uniform quantization, and their well-known mistakes.

Levels and codes are here; whole tensors, error and bytes are in `_checks_error.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._error import EXERCISES as _ERROR
from ._error import level_tolerance
from .compare import Difference, as_array, differs_by
from .exercise import Case, FunctionExercise, Mistake, ValueExercise


def _level_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield -0.5, 1.0, 2
    for bits in (1, 3, 8, 12):
        low, high = np.sort(rng.normal(size=2)).tolist()
        yield low, high, bits
    yield 0.25, 0.25, 3  # a constant tensor: every level is that value
    yield -1e-6, 2e-6, 4
    yield -1e30, 1e30, 5


def _levels_differ(expected: NDArray[Any], got: Any, case: Case) -> Difference:
    low, high, bits = case
    tolerance = level_tolerance(low, high)
    array = as_array(got)
    if isinstance(array, str) or array.shape != expected.shape:
        if not isinstance(array, str) and array.ndim == 1:
            return f"you return {array.size} levels, {bits} bits have {2**bits}"
        return differs_by(expected, got, tolerance, what="levels")
    if abs(float(array[-1]) - expected[-1]) > tolerance:
        return f"your levels end at {float(array[-1]):.9g}, not at max {expected[-1]:.9g}"
    return differs_by(expected, got, tolerance, what="levels")


def _added_up(low: float, high: float, bits: int) -> NDArray[np.float32]:
    """Levels as the course lab's loop makes them, in the float32 of its tensors."""
    step = (np.float32(high) - np.float32(low)) / np.float32(2**bits - 1)
    terms = np.full(2**bits, step, np.float32)
    terms[0] = low
    return np.add.accumulate(terms)


_LEVELS = FunctionExercise(
    name="uniform-levels",
    signature="uniform_levels(low, high, bits)",
    solution=lambda low, high, bits: np.linspace(low, high, 2**bits),
    cases=_level_cases,
    differs=_levels_differ,
    why="the levels run from low to high in equal steps of (high - low)/(2^bits - 1)",
    fix="compute low + step * index for index = 0 .. 2^bits - 1",
    mistakes=[
        Mistake(
            lambda low, high, bits: low + (high - low) / 2**bits * np.arange(2**bits),
            "the step is (high - low)/(2^bits - 1), you divided by 2^bits: between 2^bits levels "
            "there are only 2^bits - 1 steps",
            "divide by 2**bits - 1",
        ),
        Mistake(
            lambda low, high, bits: np.linspace(low, high, 2**bits + 1),
            "2^bits is the number of levels, you made 2^bits steps and so one level too many: "
            "its code would not fit into the bits",
            "make 2**bits levels, which have 2**bits - 1 steps between them",
        ),
        Mistake(
            lambda low, high, bits: np.linspace(low, high, 2**bits - 1),
            "you made 2^bits - 1 levels, but that is the number of steps between 2^bits levels",
            "make 2**bits levels; the code of the last one is 2**bits - 1",
        ),
        Mistake(
            lambda low, high, bits: np.linspace(low, high, 2**bits)[:-1],
            "your levels stop before high: the end of a range, of np.arange and of a loop with < "
            "is left out",
            "let the code run over range(2**bits), which ends with 2**bits - 1",
        ),
        Mistake(
            _added_up,
            "you add the step again and again in float32: every addition rounds, and after "
            "2^bits - 1 of them the roundings have piled up. This is a slip of the course lab",
            "compute each level from its code, low + step * code, which rounds only once or twice",
        ),
        Mistake(
            lambda low, high, bits: np.linspace(low, high, 2 * bits),
            "b bits tell 2^b values apart, you used 2*b",
            "use 2**bits",
        ),
        Mistake(
            lambda low, high, bits: np.linspace(0, high - low, 2**bits),
            "your levels start at 0 and have the right step: the start of the grid is missing",
            "add low to every level",
        ),
        Mistake(
            lambda low, high, bits: low + (high - low) / 2**bits * (np.arange(2**bits) + 0.5),
            "you cut the range into 2^bits cells and took their middles; the grid of this lab "
            "has a level on low and one on high",
            "start at low and divide by 2**bits - 1",
        ),
        Mistake(
            lambda low, high, bits: np.linspace(-1, 1, 2**bits) * max(abs(low), abs(high)),
            "the grid of this lab runs from the smallest to the largest weight, yours is "
            "symmetric around zero",
            "start at low and end at high",
        ),
    ],
)


def _code_cases(rng: np.random.Generator) -> Iterator[Case]:
    def own_range(weights: NDArray[Any], bits: int) -> Case:
        return weights, float(weights.min()), float(weights.max()), bits

    yield np.array([-0.5, 0.1, 0.45, 1.0], np.float32), -0.5, 1.0, 2
    yield own_range(rng.normal(size=(3, 4)).astype(np.float32), 3)
    yield own_range(-1 - rng.random(20, np.float32), 1)  # no weight is positive
    yield 0.2 * rng.normal(size=(2, 3, 3)), -0.3, 0.2, 4
    yield np.array([-0.9, -0.5, 0.3, 1.0, 1.7], np.float32), -0.5, 1.0, 2  # outside the range
    yield own_range(rng.normal(size=60).astype(np.float32), 10)  # codes beyond 255
    yield own_range(1e-30 * rng.normal(size=30).astype(np.float32), 8)
    yield np.full((2, 2), 0.25, np.float32), 0.25, 0.25, 3


def _codes_differ(expected: NDArray[Any], got: Any, case: Case) -> Difference:
    weights, low, high, bits = case
    array = as_array(got)
    if isinstance(array, str):
        return array
    if array.shape != expected.shape:
        return f"your codes have shape {array.shape}, the weights have {weights.shape}"
    if (array.dtype.kind in "iu") != (expected.dtype.kind in "iu"):
        return f"your codes are {array.dtype}, not integers: {array.reshape(-1)[:4].tolist()}"
    wrong = array != expected
    if not wrong.any():
        return None
    in_range = (expected >= 0) & (expected < 2**bits)
    outside = wrong & in_range & ~((array >= 0) & (array < 2**bits))
    if outside.any():
        return f"you return code {array[outside][0]}, the codes of {bits} bits are 0..{2**bits - 1}"
    step = (high - low) / (2**bits - 1)
    inside = np.clip(weights.astype(np.float64), low, high)
    far, near = (np.abs(low + step * codes - inside) for codes in (array, expected))
    # A tie may go either way; a code that is off by d makes the distance larger by 2 d.
    wrong &= ~(np.abs(far - near) <= 2 * level_tolerance(low, high))
    if not wrong.any():
        return None
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    return (
        f"{int(wrong.sum())} of {array.size} codes wrong: {weights[at]:.6g} became {array[at]}, "
        f"the nearest level has code {expected[at]}"
    )


def _rounded(
    weights: NDArray[Any], low: float, high: float, steps: float, rounding: Any = np.rint
) -> NDArray[Any]:
    """Return positions on the grid, in steps, clipped to its ends and rounded; floats."""
    if low == high:
        return np.zeros(weights.shape)
    position = (weights.astype(np.float64) - low) / (np.float64(high - low) / steps)
    return np.asarray(rounding(np.clip(position, 0, steps)))


def _unclipped(weights: NDArray[Any], low: float, high: float, bits: int) -> NDArray[np.int64]:
    step = (high - low) / (2**bits - 1) or 1.0
    return np.asarray(np.rint((weights.astype(np.float64) - low) / step), dtype=np.int64)


def _unguarded(weights: NDArray[Any], low: float, high: float, bits: int) -> NDArray[np.int64]:
    """Return what 0/0, converted to integers, leaves where low equals high."""
    if low == high:
        return np.full(weights.shape, np.nan).astype(np.int64)
    return _nearest(weights, low, high, bits)


def _nearest(weights: NDArray[Any], low: float, high: float, bits: int) -> NDArray[np.int64]:
    """Return the codes by brute force, as an authority that shares no formula with the answer."""
    distance = np.abs(weights.astype(np.float64)[..., None] - np.linspace(low, high, 2**bits))
    return np.asarray(distance.argmin(-1))


_CODES = FunctionExercise(
    name="quantize-to-indices",
    signature="quantize_to_indices(weights, low, high, bits)",
    solution=_nearest,
    cases=_code_cases,
    differs=_codes_differ,
    why="a code says which level is nearest: the distance to low in steps, rounded to an integer "
    "and kept within 0 .. 2^bits - 1",
    fix="compute (weights - low) / step, round, clip to 0 .. 2**bits - 1, convert to integers; "
    "where low equals high there is no step, and every code is 0",
    mistakes=[
        Mistake(
            lambda w, low, high, bits: _rounded(w, low, high, 2**bits - 1, np.floor).astype(int),
            "you cut off the decimals (floor, //, int or astype): that is the level below, so the "
            "error reaches a whole step, twice the bound",
            "round with np.round or np.rint before you convert to integers",
        ),
        Mistake(
            _unguarded,
            "where low equals high the step is 0, and 0/0 is NaN: converted to integers it becomes "
            "a meaningless code",
            "return zeros where low equals high",
        ),
        Mistake(
            lambda w, low, high, bits: _rounded(w, low, high, 2**bits - 1, np.ceil).astype(int),
            "you took the level above (ceil), not the nearest one",
            "round with np.round or np.rint",
        ),
        Mistake(
            _unclipped,
            "weights outside the range get codes outside 0 .. 2^bits - 1, which do not fit into "
            "the bits: they must saturate, that is take the first or the last level",
            "clip the codes with np.clip(codes, 0, 2**bits - 1)",
        ),
        Mistake(
            lambda w, low, high, bits: np.clip(_unclipped(w, low, high, bits), 0, 2**bits),
            "you clip at 2^bits, but the last code is 2^bits - 1",
            "clip to 0 .. 2**bits - 1",
        ),
        Mistake(
            lambda w, low, high, bits: _rounded(w, low, high, 2**bits - 1),
            "the codes are rounded, but they are still floats: a float takes 32 bits, whatever "
            "is in it",
            "convert with .astype(int), or .long() in torch",
        ),
        *(
            Mistake(
                lambda w, low, high, bits, kind=kind: _nearest(w, low, high, bits).astype(kind),
                f"your codes wrap around: {np.dtype(kind).name} holds only "
                f"{np.iinfo(kind).min}..{np.iinfo(kind).max}",
                "convert to a type that holds 2**bits - 1, such as int",
            )
            for kind in (np.uint8, np.int8)
        ),
        Mistake(
            lambda w, low, high, bits: _unclipped(w, low, high, bits).astype(np.uint8),
            "your codes wrap around: a code below 0 or above 255 becomes another one in uint8",
            "clip to 0 .. 2**bits - 1 before you convert to integers",
        ),
        Mistake(
            lambda w, low, high, bits: _nearest(w, float(w.min()), float(w.max()), bits),
            "you used the smallest and largest of these weights instead of low and high: the codes "
            "then belong to another grid",
            "use the range that is passed in",
        ),
        Mistake(
            lambda w, low, high, bits: _rounded(w, low, high, 2**bits).astype(int),
            "you divided the range by 2^bits: there are only 2^bits - 1 steps between the levels",
            "divide by 2**bits - 1",
        ),
        Mistake(
            lambda w, low, high, bits: np.clip(
                np.rint(w / ((high - low) / (2**bits - 1))), 0, 2**bits - 1
            ).astype(int),
            "code 0 stands for low, you counted the steps from zero",
            "subtract low from the weights first",
        ),
        Mistake(
            lambda w, low, high, bits: _nearest(w, low, high, bits) + 1,
            "your codes start at 1; code 0 stands for low, and the last code 2^bits would not fit",
            "count from 0",
        ),
        Mistake(
            lambda w, low, high, bits: np.linspace(low, high, 2**bits)[
                _nearest(w, low, high, bits)
            ],
            "these are the levels themselves, not their codes",
            "return which level it is, counted from 0, not its value",
        ),
        Mistake(
            lambda w, low, high, bits: _nearest(w, low, high, bits).reshape(-1),
            "the codes are in one long row; a layer needs them in the shape of its weights",
            "give them the weights' shape, for example with .reshape(weights.shape)",
        ),
    ],
)


def _dequantize_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([0, 1, 2, 3, 1], np.uint8), -0.5, 1.0, 2
    yield rng.integers(0, 16, (3, 4), np.uint8), -0.3, float(rng.random()) + 0.1, 4
    yield rng.integers(0, 2, (2, 2, 3), np.uint8), -1.5, -0.25, 1
    yield np.arange(256, dtype=np.uint8), -float(rng.random()), 0.75, 8
    yield rng.integers(0, 4096, 10), -0.5, 0.5, 12
    yield np.array([0, 7, 3], np.uint8), 0.25, 0.25, 3  # low equals high
    yield np.array([[15, 2]], np.uint8), -1e-30, 2e-30, 4


def _values_differ(expected: NDArray[Any], got: Any, case: Case) -> Difference:
    return differs_by(expected, got, level_tolerance(case[1], case[2]), what="values")


def _decoded(codes: NDArray[Any], low: float, high: float, bits: int) -> NDArray[np.float64]:
    return np.asarray(np.linspace(low, high, 2**bits)[codes])


_DEQUANTIZE = FunctionExercise(
    name="dequantize",
    signature="dequantize(codes, low, high, bits)",
    solution=_decoded,
    cases=_dequantize_cases,
    differs=_values_differ,
    why="code c stands for low + step * c, with step = (high - low)/(2^bits - 1)",
    fix="multiply the codes by the step and add low",
    mistakes=[
        Mistake(
            lambda codes, low, high, bits: low + (high - low) / 2**bits * codes,
            "you divided by 2^bits, so that the last code does not come out at high",
            "divide by 2**bits - 1",
        ),
        Mistake(
            lambda codes, low, high, bits: (high - low) / (2**bits - 1) * codes,
            "code 0 stands for low, yours stands for zero: low is missing",
            "add low",
        ),
        Mistake(
            lambda codes, low, high, bits: _decoded(codes, low, high, bits).astype(codes.dtype),
            "the values were stored in an array of integers (np.zeros_like(codes) makes one), "
            "which cuts off the decimals",
            "compute a new array, or make one with dtype=float",
        ),
        Mistake(
            lambda codes, low, high, bits: low + (high - low) / 255 * codes,
            "255 steps belong to 8 bits; you wrote that number down instead of using bits",
            "divide by 2**bits - 1",
        ),
        Mistake(
            lambda codes, low, high, bits: (
                low + (high - low) / (2**bits - 1) * (codes.astype(float) + 0.5)
            ),
            "you added half a step: codes stand for levels, not for the middles of cells",
            "leave the 0.5 out",
        ),
        Mistake(
            lambda codes, low, high, bits: high - (high - low) / (2**bits - 1) * codes,
            "your levels run downwards: code 0 stands for low, not for high",
            "start at low and add the steps",
        ),
        Mistake(
            lambda codes, low, high, bits: codes.astype(float),
            "these are still the codes",
            "return low + step * codes",
        ),
        Mistake(
            lambda codes, low, high, bits: _decoded(codes, low, high, bits).reshape(-1),
            "the values are in one long row; a layer needs them in the shape of its weights",
            "give them the codes' shape, for example with .reshape(codes.shape)",
        ),
    ],
)


EXERCISES: list[FunctionExercise | ValueExercise] = [_LEVELS, _CODES, _DEQUANTIZE, *_ERROR]
