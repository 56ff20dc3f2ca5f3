"""The two halves of Lloyd's algorithm as exercises of lesson 03, and their well-known mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compare import EPS32, Difference, as_array, differs_by
from .exercise import Case, FunctionExercise, Mistake

Array = NDArray[Any]
U32 = EPS32 / 2  # the most that one float32 rounding changes, relative


def f32(values: Any) -> NDArray[np.float32]:
    """Return float32, as trained weights are."""
    return np.asarray(values, np.float32)


def rounding(weights: Array) -> float:
    """Bound the error of a float32 sum over the weights, divided by their number, and stored."""
    return (weights.size + 2) * U32 * float(np.abs(weights).max())


def distances(weights: Array, centres: Array) -> Array:
    """Return the distance of every weight to every centre, centres last."""
    return np.abs(weights[..., None].astype(np.float64) - centres)


def _assign_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield f32([-0.9, -0.1, 0.2, 1.4]), f32([-1.0, 0.0, 1.0])
    yield f32(rng.normal(size=(3, 5))), np.sort(f32(rng.normal(size=4)))
    yield f32(rng.laplace(size=(4, 2, 3, 3))), np.sort(f32(rng.laplace(size=8)))
    yield f32(rng.normal(size=9) * 1e-6), np.sort(f32(rng.normal(size=5) * 1e-6))
    yield f32([-50.0, -20.0, 30.0]), f32([-1.0, 2.0])  # weights beyond both ends
    yield f32(rng.normal(size=7)), f32([0.3])
    yield f32(rng.uniform(-1, 1, 500)), np.sort(f32(rng.uniform(-1, 1, 300)))  # above 255


def _assign_differs(expected: Array, got: Any, case: Case) -> Difference:
    weights, centres = case
    # Two distances, each a difference of float32 numbers rounded once: two roundings of both ends.
    tolerance = 4 * U32 * float(max(np.abs(weights).max(), np.abs(centres).max()))
    array = as_array(got)
    if isinstance(array, str) or array.shape != expected.shape or expected.dtype.kind == "f":
        return differs_by(expected, got, tolerance, what="indices")
    if array.dtype.kind not in "iu":
        first = array.flat[0]
        return f"your indices are {array.dtype} numbers such as {first:.6g}, not integers"
    if np.array_equal(array, expected):
        return None
    if array.min() < 0 or array.max() >= centres.size:
        wrong = array.min() if array.min() < 0 else array.max()
        return (
            f"you return the index {wrong}, but {centres.size} centres have 0..{centres.size - 1}"
        )
    apart = np.abs(weights - centres.astype(np.float64)[array])
    wanted = np.abs(weights - centres.astype(np.float64)[expected])
    bad = (
        np.abs(apart - wanted) > tolerance
    )  # a weight halfway between two centres may go to either
    if not bad.any():
        return None
    at = int(np.flatnonzero(bad)[0])
    return (
        f"{int(bad.sum())} of your {bad.size} weights are not on their nearest centre: "
        f"{weights.flat[at]:.4g} went to {centres[array.flat[at]]:.4g}, "
        f"but {centres[expected.flat[at]]:.4g} is nearer"
    )


def _equal_steps(weights: Array, centres: Array) -> Array:
    step = (centres[-1] - centres[0]) / (centres.size - 1)
    codes = np.rint((weights - centres[0]) / step).astype(int)
    clipped: Array = np.clip(codes, 0, centres.size - 1)
    return clipped


_ASSIGN = FunctionExercise(
    name="assign",
    signature="assign(weights, centres)",
    solution=lambda weights, centres: distances(weights, centres).argmin(-1),
    cases=_assign_cases,
    differs=_assign_differs,
    why="a weight belongs to the centre at the smallest distance |weight - centre|",
    fix="measure the distance of every weight to every centre; take the index of the smallest",
    mistakes=[
        Mistake(
            lambda w, c: (w[..., None] - c).argmin(-1),
            "you took the smallest difference with its sign, which is the most negative one: "
            "the largest centre wins always",
            "take the absolute value (or the square) before you look for the smallest",
        ),
        Mistake(
            lambda w, c: distances(np.abs(w), np.abs(c)).argmin(-1),
            "you compared sizes without signs, so -0.9 is as near to 1 as to -1",
            "subtract first, then take the absolute value of the difference",
        ),
        Mistake(
            lambda w, c: distances(w, c).argmax(-1),
            "you took the furthest centre, not the nearest",
            "use argmin, not argmax",
        ),
        Mistake(
            lambda w, c: distances(w, c).argmin(-1) + 1,
            "you count the centres from 1; centres[index] counts from 0",
            "give the first centre the index 0",
        ),
        Mistake(
            lambda w, c: c[distances(w, c).argmin(-1)],
            "you returned the centres themselves; what is stored is which one, its index",
            "return the index, not centres[index]",
        ),
        Mistake(
            lambda w, c: distances(w, c).argmin(-1).astype(float),
            "these are the right numbers, but as floats, and centres[1.0] is an error",
            "make the result an integer array, for example with astype(int)",
        ),
        Mistake(
            lambda w, c: distances(w, c).min(-1),
            "you returned the distances to the nearest centres, not which centres these are",
            "use argmin, not min",
        ),
        Mistake(
            lambda w, c: distances(w.ravel(), c).argmin(-1),
            "you flattened the weights: the layer's shape is lost",
            "give the indices the shape of the weights: reshape(weights.shape)",
        ),
        Mistake(
            lambda w, c: distances(w.ravel(), c).argmin(0),
            "you looked for the nearest weight of every centre: one index per centre, and not "
            "one per weight",
            "look for the smallest distance along the axis of the centres",
        ),
        Mistake(
            lambda w, c: np.searchsorted(c, w),
            "you took the first centre above each weight, however far away it is",
            "compare the distances to the centre below and to the one above",
        ),
        Mistake(
            lambda w, c: np.maximum(np.searchsorted(c, w, side="right") - 1, 0),
            "you took the last centre below each weight, however far away it is",
            "compare the distances to the centre below and to the one above",
        ),
        Mistake(
            _equal_steps,
            "you rounded as if the centres lay at equal steps; that is uniform quantization, "
            "and k-means puts its centres at any distance",
            "compare with the centres themselves",
        ),
        Mistake(
            lambda w, c: distances(w, c).argmin(-1).astype(np.uint8),
            "your indices are 8-bit integers, and these end at 255: larger ones wrap around to 0",
            "use int64 or uint16 where there are more than 256 centres",
        ),
    ],
)


def _update_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield f32([0, 1, 5, 6, 7]), np.array([0, 0, 1, 1, 1]), f32([0, 7])
    # Any codes will do: these are not those of the nearest centres.
    yield f32(rng.normal(size=(4, 6))), rng.permutation(24).reshape(4, 6) % 3, f32([-1, 0, 1])
    yield (
        f32(rng.laplace(size=(3, 2, 3, 3))),
        rng.permutation(54).reshape(3, 2, 3, 3) % 5,
        f32(np.sort(rng.normal(size=5))),
    )
    yield f32([-1, -2, 4, 5, 0.5]), np.array([0, 0, 3, 3, 1]), f32([-2, 0.7, 2.5, 6])
    yield f32(rng.normal(size=6)), np.array([0, 1, 0, 1, 1, 0]), f32([-1, 1, 9])  # the last
    yield f32(rng.normal(size=5) * 1e-6), np.zeros(5, int), f32([1e-6])


def _means(weights: Array, codes: Array, centres: Array) -> Array:
    """Solve the exercise, apart from what becomes of an empty cluster."""
    members = [weights[codes == j].astype(np.float64) for j in range(centres.size)]
    return np.array([m.mean() if m.size else np.nan for m in members])


def _update(weights: Array, codes: Array, centres: Array, empty: Any = None) -> Array:
    means = _means(weights, codes, centres)
    return np.where(np.isnan(means), centres if empty is None else empty, means)


def _update_differs(expected: Array, got: Any, case: Case) -> Difference:
    array = as_array(got)
    holes = np.isnan(expected)  # where the expected result is that of a mistake
    if holes.any() and not isinstance(array, str) and array.shape == expected.shape:
        if not np.array_equal(holes, np.isnan(array)):
            return "other centres are NaN"
        expected, got = np.nan_to_num(expected), np.nan_to_num(array)
    return differs_by(expected, got, rounding(case[0]), what="centres")


_UPDATE = FunctionExercise(
    name="update",
    signature="update(weights, codes, centres)",
    solution=_update,
    cases=_update_cases,
    differs=_update_differs,
    why="the value with the least sum of squared distances to some weights is their mean, and an "
    "empty cluster has no weights that could move its centre",
    fix="for every index j take the mean of the weights whose code is j; where there are none, "
    "keep centres[j]",
    mistakes=[
        Mistake(
            _means,
            "the mean of no weights is 0/0: an empty cluster turned its centre into NaN, and "
            "after that no distance to it can be compared",
            "keep the old centre where a cluster has no member",
        ),
        Mistake(
            lambda w, d, c: _update(w, d, c, 0.0),
            "the centre of an empty cluster jumped to 0, which is the sum of nothing",
            "keep the old centre where a cluster has no member",
        ),
        Mistake(
            lambda w, d, c: np.array([w[d == j].mean() for j in np.unique(d)]),
            "you dropped the empty clusters, so the centres behind them got other indices",
            "return one centre for every entry of centres, in the same order",
        ),
        Mistake(
            lambda w, d, c: _update(w, d, c, w.mean()),
            "the centre of an empty cluster moved to the mean of all weights",
            "keep the old centre where a cluster has no member",
        ),
        Mistake(
            lambda w, d, c: _update(w, distances(w, c).argmin(-1), c),
            "you assigned the weights anew; the update goes by the codes that it is given",
            "take the members of cluster j from codes == j",
        ),
        Mistake(
            lambda w, d, c: np.array(
                [np.median(w[d == j]) if (d == j).any() else c[j] for j in range(c.size)]
            ),
            "you took the median, which minimises the sum of distances, not of their squares",
            "take the mean",
        ),
        Mistake(
            lambda w, d, c: np.bincount(d.ravel(), w.ravel(), c.size),
            "you took the sum of the members, not their mean",
            "divide by the number of members",
        ),
        Mistake(
            lambda w, d, c: np.bincount(d.ravel(), w.ravel(), c.size) / w.size,
            "you divided the sum of the members by the number of all weights",
            "divide by the number of weights in the same cluster",
        ),
        Mistake(
            lambda w, d, c: (
                (np.bincount(d.ravel(), w.ravel(), c.size) + c)
                / (np.bincount(d.ravel(), minlength=c.size) + 1)
            ),
            "you counted the old centre as if it were a weight",
            "take the mean of the members alone",
        ),
        Mistake(
            lambda w, d, c: np.array(
                [
                    (w[d == j].min() + w[d == j].max()) / 2 if (d == j).any() else c[j]
                    for j in range(c.size)
                ]
            ),
            "you took the middle between the smallest and the largest member",
            "take the mean: all members count, not only the two at the ends",
        ),
        Mistake(
            lambda w, d, c: np.sort(_update(w, d, c)),
            "you sorted the centres: code j now points to another cluster",
            "leave centre j at place j",
        ),
        Mistake(
            lambda w, d, c: _update(w, d, c)[d],
            "you returned a value for every weight, not one for every centre",
            "return the centres; centres[codes] comes later",
        ),
        Mistake(
            lambda w, d, c: _means(w, d, c)[:1],
            "you return the first centre alone: the `return` stands inside the loop",
            "move it out of the loop, behind the last round",
        ),
        Mistake(
            lambda w, d, c: c,
            "the centres are the old ones",
            "put the means into a new array and return that",
        ),
    ],
)

EXERCISES: list[FunctionExercise] = [_ASSIGN, _UPDATE]
