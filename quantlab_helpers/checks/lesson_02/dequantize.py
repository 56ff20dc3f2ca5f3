"""Exercise dequantize of lesson 02: values from codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compare import Difference, array_difference
from ..exercise import Case, FunctionExercise, Mistake
from ._shared import level_tolerance


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([0, 1, 2, 3, 1], np.uint8), -0.5, 1.0, 2
    yield rng.integers(0, 16, (3, 4), np.uint8), -0.3, float(rng.random()) + 0.1, 4
    yield rng.integers(0, 2, (2, 2, 3), np.uint8), -1.5, -0.25, 1
    yield np.arange(256, dtype=np.uint8), -float(rng.random()), 0.75, 8
    yield rng.integers(0, 4096, 10), -0.5, 0.5, 12
    yield np.array([0, 7, 3], np.uint8), 0.25, 0.25, 3  # low equals high
    yield np.array([[15, 2]], np.uint8), -1e-30, 2e-30, 4


def _compare(expected: NDArray[Any], got: Any, case: Case) -> Difference:
    return array_difference(expected, got, level_tolerance(case[1], case[2]), name="values")


def _decoded(codes: NDArray[Any], low: float, high: float, bits: int) -> NDArray[np.float64]:
    return np.asarray(np.linspace(low, high, 2**bits)[codes])


EXERCISE = FunctionExercise(
    name="dequantize",
    signature="dequantize(codes, low, high, bits)",
    solution=_decoded,
    cases=_cases,
    compare=_compare,
    why="code c means low + step * c, with step = (high - low)/(2^bits - 1)",
    fix="multiply the codes by the step and add low",
    mistakes=[
        Mistake(
            lambda codes, low, high, bits: low + (high - low) / 2**bits * codes,
            "you divided by 2^bits, so the last code does not give high",
            "divide by 2**bits - 1",
        ),
        Mistake(
            lambda codes, low, high, bits: (high - low) / (2**bits - 1) * codes,
            "code 0 means low, yours means zero: low is missing",
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
            "255 steps belong to 8 bits; you used that number instead of bits",
            "divide by 2**bits - 1",
        ),
        Mistake(
            lambda codes, low, high, bits: (
                low + (high - low) / (2**bits - 1) * (codes.astype(float) + 0.5)
            ),
            "you added half a step: codes mean levels, not the middles of cells",
            "leave the 0.5 out",
        ),
        Mistake(
            lambda codes, low, high, bits: high - (high - low) / (2**bits - 1) * codes,
            "your levels run downwards: code 0 means low, not high",
            "start at low and add the steps",
        ),
        Mistake(
            lambda codes, low, high, bits: codes.astype(float),
            "these are still the codes",
            "return low + step * codes",
        ),
        Mistake(
            lambda codes, low, high, bits: _decoded(codes, low, high, bits).reshape(-1),
            "the values have only one dimension; a layer needs them in the shape of its weights",
            "give them the codes' shape, for example with .reshape(codes.shape)",
        ),
    ],
)
