"""Exercise uniform-levels of lesson 02: the levels of a uniform grid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compare import Difference, array_difference, as_array, plural
from ..exercise import Case, FunctionExercise, Mistake
from ._shared import level_tolerance


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    yield -0.5, 1.0, 2
    for bits in (1, 3, 8, 12):
        low, high = np.sort(rng.normal(size=2)).tolist()
        yield low, high, bits
    yield 0.25, 0.25, 3  # a constant tensor: all levels are equal
    yield -1e-6, 2e-6, 4
    yield -1e30, 1e30, 5


def _compare(expected: NDArray[Any], got: Any, case: Case) -> Difference:
    low, high, bits = case
    tolerance = level_tolerance(low, high)
    array = as_array(got)
    if isinstance(array, str) or array.shape != expected.shape:
        if not isinstance(array, str) and array.ndim == 1:
            return (
                f"you return {plural(array.size, 'level')}, {plural(bits, 'bit')} have {2**bits:,}"
            )
        return array_difference(expected, got, tolerance, name="levels")
    if abs(float(array[-1]) - expected[-1]) > tolerance:
        return f"your levels end at {float(array[-1]):.9g}, not at max {expected[-1]:.9g}"
    return array_difference(expected, got, tolerance, name="levels")


def _accumulated_in_float32(low: float, high: float, bits: int) -> NDArray[np.float32]:
    """Return the levels that the course lab's loop computes in float32."""
    step = (np.float32(high) - np.float32(low)) / np.float32(2**bits - 1)
    terms = np.full(2**bits, step, np.float32)
    terms[0] = low
    return np.add.accumulate(terms)


EXERCISE = FunctionExercise(
    name="uniform-levels",
    signature="uniform_levels(low, high, bits)",
    solution=lambda low, high, bits: np.linspace(low, high, 2**bits),
    cases=_cases,
    compare=_compare,
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
            "2^bits is the number of levels; you made 2^bits steps and so one level too many: its "
            "code would not fit into the bits",
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
            "is not included",
            "let the code run over range(2**bits), which ends with 2**bits - 1",
        ),
        Mistake(
            _accumulated_in_float32,
            "you add the step again and again in float32: every addition rounds, and after 2^bits "
            "- 1 additions the errors have added up. The course lab makes this mistake",
            "compute each level from its code, low + step * code, which rounds only a few times",
        ),
        Mistake(
            lambda low, high, bits: np.linspace(low, high, 2 * bits),
            "b bits can represent 2^b values; you used 2*b",
            "use 2**bits",
        ),
        Mistake(
            lambda low, high, bits: np.linspace(0, high - low, 2**bits),
            "your levels have the right step but start at 0: the start of the grid is missing",
            "add low to every level",
        ),
        Mistake(
            lambda low, high, bits: low + (high - low) / 2**bits * (np.arange(2**bits) + 0.5),
            "you divided the range into 2^bits cells and took their middles; the grid of this lab "
            "has a level at low and one at high",
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
