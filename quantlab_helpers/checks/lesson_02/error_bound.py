"""Exercise error-bound of lesson 02: the largest error of a uniform grid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...metrics import half_step_bound
from ...quantizers.uniform import uniform_quantize
from ..compare import Difference, as_array
from ..exercise import Case, FunctionExercise, Mistake
from ._shared import level_tolerance


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    yield -0.5, 1.0, 2
    for bits in (1, 3, 8):
        low, high = np.sort(rng.normal(size=2)).tolist()
        yield low, high, bits
    yield 0.25, 0.25, 3
    yield -1e-30, 2e-30, 4


def _compare(expected: float, got: Any, case: Case) -> Difference:
    low, high, bits = case
    array = as_array(got)
    if isinstance(array, str) or array.size != 1:
        return f"your function returned {got!r}, not one number"
    value = float(array.reshape(()))
    if abs(value - expected) <= level_tolerance(low, high) / (2**bits - 1):
        return None
    return f"you return {value:.6g}, expected {expected:.6g}"


EXERCISE = FunctionExercise(
    name="error-bound",
    signature="error_bound(low, high, bits)",
    solution=lambda low, high, bits: half_step_bound(uniform_quantize([low, high], bits)),
    cases=_cases,
    compare=_compare,
    why="the largest error is that of a weight halfway between two levels: half a step",
    fix="compute the step, (high - low)/(2**bits - 1), and halve it",
    mistakes=[
        Mistake(
            lambda low, high, bits: (high - low) / (2**bits - 1),
            "that is a whole step, the bound for always taking the level below; the nearest level "
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
            "the range is high - low; you used only high",
            "subtract low from high",
        ),
        Mistake(
            lambda low, high, bits: (low - high) / (2**bits - 1) / 2,
            "an error bound is never negative: you subtracted high from low",
            "subtract low from high",
        ),
        Mistake(
            lambda low, high, bits: (high - low) / (2 * bits - 1) / 2,
            "b bits can represent 2^b values; you used 2*b",
            "use 2**bits",
        ),
    ],
)
