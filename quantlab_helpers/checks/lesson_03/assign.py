"""Exercise assign of lesson 03: the nearest centre of every weight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..compare import ROUNDING32, Array, Difference, array_difference, as_array
from ..exercise import Case, FunctionExercise, Mistake
from ._shared import distances, float32


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    yield float32([-0.9, -0.1, 0.2, 1.4]), float32([-1.0, 0.0, 1.0])
    yield float32(rng.normal(size=(3, 5))), np.sort(float32(rng.normal(size=4)))
    yield float32(rng.laplace(size=(4, 2, 3, 3))), np.sort(float32(rng.laplace(size=8)))
    yield float32(rng.normal(size=9) * 1e-6), np.sort(float32(rng.normal(size=5) * 1e-6))
    yield float32([-50.0, -20.0, 30.0]), float32([-1.0, 2.0])  # weights beyond both ends
    yield float32(rng.normal(size=7)), float32([0.3])
    yield float32(rng.uniform(-1, 1, 500)), np.sort(float32(rng.uniform(-1, 1, 300)))  # above 255


def _compare(expected: Array, got: Any, case: Case) -> Difference:
    weights, centres = case
    # Two distances, each a difference of float32 numbers rounded once: two roundings of both ends.
    tolerance = 4 * ROUNDING32 * float(max(np.abs(weights).max(), np.abs(centres).max()))
    array = as_array(got)
    if isinstance(array, str) or array.shape != expected.shape or expected.dtype.kind == "f":
        return array_difference(expected, got, tolerance, name="indices")
    if array.dtype.kind not in "iu":
        first = array.flat[0]
        return f"your indices are {array.dtype} numbers such as {first:.6g}, not integers"
    if np.array_equal(array, expected):
        return None
    if array.min() < 0 or array.max() >= centres.size:
        outside = array.min() if array.min() < 0 else array.max()
        return f"you return the index {outside}, but the indices are 0..{centres.size - 1}"
    distance = np.abs(weights - centres.astype(np.float64)[array])
    smallest = np.abs(weights - centres.astype(np.float64)[expected])
    # A weight halfway between two centres may go to either.
    wrong = np.abs(distance - smallest) > tolerance
    if not wrong.any():
        return None
    first = int(np.flatnonzero(wrong)[0])
    return (
        f"{int(wrong.sum())} of your {wrong.size} weights did not get their nearest centre: "
        f"{weights.flat[first]:.4g} went to {centres[array.flat[first]]:.4g}, "
        f"but {centres[expected.flat[first]]:.4g} is nearer"
    )


def _rounded_to_equal_steps(weights: Array, centres: Array) -> Array:
    step = (centres[-1] - centres[0]) / (centres.size - 1)
    codes = np.rint((weights - centres[0]) / step).astype(int)
    clipped: Array = np.clip(codes, 0, centres.size - 1)
    return clipped


EXERCISE = FunctionExercise(
    name="assign",
    signature="assign(weights, centres)",
    solution=lambda weights, centres: distances(weights, centres).argmin(-1),
    cases=_cases,
    compare=_compare,
    why="a weight belongs to the centre at the smallest distance |weight - centre|",
    fix="measure the distance of every weight to every centre; take the index of the smallest",
    mistakes=[
        Mistake(
            lambda w, c: (w[..., None] - c).argmin(-1),
            "you took the smallest difference with its sign, which is the most negative one: the "
            "largest centre always wins",
            "take the absolute value (or the square) before you look for the smallest",
        ),
        Mistake(
            lambda w, c: distances(np.abs(w), np.abs(c)).argmin(-1),
            "you compared absolute values, so -0.9 is as near to 1 as to -1",
            "subtract first, then take the absolute value of the difference",
        ),
        Mistake(
            lambda w, c: distances(w, c).argmax(-1),
            "you took the furthest centre, not the nearest",
            "use argmin, not argmax",
        ),
        Mistake(
            lambda w, c: distances(w, c).argmin(-1) + 1,
            "you count the centres from 1; indices count from 0",
            "give the first centre the index 0",
        ),
        Mistake(
            lambda w, c: c[distances(w, c).argmin(-1)],
            "you returned the centres themselves; the exercise asks for their indices",
            "return the index, not centres[index]",
        ),
        Mistake(
            lambda w, c: distances(w, c).argmin(-1).astype(float),
            "these are the right numbers, but as floats; centres[1.0] is an error",
            "make the result an integer array, for example with astype(int)",
        ),
        Mistake(
            lambda w, c: distances(w, c).min(-1),
            "you returned the distances to the nearest centres, not the indices of these centres",
            "use argmin, not min",
        ),
        Mistake(
            lambda w, c: distances(w.ravel(), c).argmin(-1),
            "you flattened the weights: the layer's shape is lost",
            "give the indices the shape of the weights: reshape(weights.shape)",
        ),
        Mistake(
            lambda w, c: distances(w.ravel(), c).argmin(0),
            "you looked for the nearest weight of every centre: that gives one index per centre, "
            "not one per weight",
            "look for the smallest distance along the axis of the centres",
        ),
        Mistake(
            lambda w, c: np.searchsorted(c, w),
            "you took the first centre above each weight, even if it is far away",
            "compare the distances to the centre below and to the one above",
        ),
        Mistake(
            lambda w, c: np.maximum(np.searchsorted(c, w, side="right") - 1, 0),
            "you took the last centre below each weight, even if it is far away",
            "compare the distances to the centre below and to the one above",
        ),
        Mistake(
            _rounded_to_equal_steps,
            "you rounded as if the centres had equal distances; that is uniform quantization, and "
            "k-means centres have different distances",
            "compare with the centres themselves",
        ),
        Mistake(
            lambda w, c: distances(w, c).argmin(-1).astype(np.uint8),
            "your indices are 8-bit integers, which end at 255: larger indices wrap around to 0",
            "use int64 or uint16 for more than 256 centres",
        ),
    ],
)
