"""The exercises of lesson 02, uniform quantization, and their well-known mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._exercise import (
    Case,
    Difference,
    FunctionExercise,
    Mistake,
    ValueExercise,
    as_array,
    differs_by,
)

_EPS32 = float(np.finfo(np.float32).eps)


def _level_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield -0.5, 1.0, 2
    for bits in (1, 3, 8):
        low, high = np.sort(rng.normal(size=2)).tolist()
        yield low, high, bits
    yield 0.25, 0.25, 3  # a constant tensor: every level is that value
    yield -1e-6, 2e-6, 4


def _levels_differ(expected: NDArray[Any], got: Any, case: Case) -> Difference:
    low, high, bits = case
    # A level is a sum of two products, each rounded once: 4 float32 roundings of the larger end.
    tolerance = 4 * _EPS32 * max(abs(low), abs(high))
    array = as_array(got)
    if isinstance(array, str) or array.shape != expected.shape:
        if not isinstance(array, str) and array.ndim == 1:
            return f"you return {array.size} levels, {bits} bits have {2**bits}"
        return differs_by(expected, got, tolerance, what="levels")
    if abs(float(array[-1]) - expected[-1]) > tolerance:
        return f"your levels end at {float(array[-1]):.6g}, not at max {expected[-1]:.6g}"
    return differs_by(expected, got, tolerance, what="levels")


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
            "its index would not fit into the bits",
            "make 2**bits levels, which have 2**bits - 1 steps between them",
        ),
        Mistake(
            lambda low, high, bits: np.linspace(low, high, 2**bits - 1),
            "you made 2^bits - 1 levels, but that is the number of steps between 2^bits levels",
            "make 2**bits levels; the index of the last one is 2**bits - 1",
        ),
        Mistake(
            lambda low, high, bits: np.linspace(low, high, 2 * bits),
            "b bits tell 2^b values apart, you used 2*b",
            "use 2**bits",
        ),
        Mistake(
            lambda low, high, bits: np.linspace(-max(abs(low), abs(high)), high, 2**bits),
            "the grid of this lab runs from the smallest to the largest weight, yours is "
            "symmetric around zero",
            "start at low",
        ),
    ],
)

EXERCISES: list[FunctionExercise | ValueExercise] = [_LEVELS]
