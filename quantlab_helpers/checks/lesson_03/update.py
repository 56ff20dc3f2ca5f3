"""Exercise update of lesson 03: the mean of every cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..compare import Array, Difference, array_difference, as_array
from ..exercise import Case, FunctionExercise, Mistake
from ._shared import distances, float32, mean_tolerance


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    yield float32([0, 1, 5, 6, 7]), np.array([0, 0, 1, 1, 1]), float32([0, 7])
    # Any codes are allowed: these are not the codes of the nearest centres.
    yield (
        float32(rng.normal(size=(4, 6))),
        rng.permutation(24).reshape(4, 6) % 3,
        float32([-1, 0, 1]),
    )
    yield (
        float32(rng.laplace(size=(3, 2, 3, 3))),
        rng.permutation(54).reshape(3, 2, 3, 3) % 5,
        float32(np.sort(rng.normal(size=5))),
    )
    yield float32([-1, -2, 4, 5, 0.5]), np.array([0, 0, 3, 3, 1]), float32([-2, 0.7, 2.5, 6])
    yield float32(rng.normal(size=6)), np.array([0, 1, 0, 1, 1, 0]), float32([-1, 1, 9])  # the last
    yield float32(rng.normal(size=5) * 1e-6), np.zeros(5, int), float32([1e-6])


def _means(weights: Array, codes: Array, centres: Array) -> Array:
    """Return the mean of every cluster, NaN for an empty one."""
    members = [weights[codes == j].astype(np.float64) for j in range(centres.size)]
    return np.array([m.mean() if m.size else np.nan for m in members])


def _update(weights: Array, codes: Array, centres: Array, empty: Any = None) -> Array:
    means = _means(weights, codes, centres)
    return np.where(np.isnan(means), centres if empty is None else empty, means)


def _compare(expected: Array, got: Any, case: Case) -> Difference:
    array = as_array(got)
    holes = np.isnan(expected)  # only in the results of a mistake
    if holes.any() and not isinstance(array, str) and array.shape == expected.shape:
        if not np.array_equal(holes, np.isnan(array)):
            return "other centres are NaN"
        expected, got = np.nan_to_num(expected), np.nan_to_num(array)
    return array_difference(expected, got, mean_tolerance(case[0]), name="centres")


EXERCISE = FunctionExercise(
    name="update",
    signature="update(weights, codes, centres)",
    solution=_update,
    cases=_cases,
    compare=_compare,
    why="the mean of some weights is the value with the smallest sum of squared distances to "
    "them, and an empty cluster has no weights that could move its centre",
    fix="for every index j take the mean of the weights whose code is j; if there are none, keep "
    "centres[j]",
    mistakes=[
        Mistake(
            _means,
            "the mean of no weights is 0/0: an empty cluster gets NaN as its centre, and "
            "distances to NaN cannot be compared",
            "keep the old centre if a cluster has no member",
        ),
        Mistake(
            lambda w, d, c: _update(w, d, c, 0.0),
            "the centre of an empty cluster jumped to 0, the sum of no weights",
            "keep the old centre if a cluster has no member",
        ),
        Mistake(
            lambda w, d, c: np.array([w[d == j].mean() for j in np.unique(d)]),
            "you dropped the empty clusters, so the centres after them got other indices",
            "return one centre for every entry of centres, in the same order",
        ),
        Mistake(
            lambda w, d, c: _update(w, d, c, w.mean()),
            "the centre of an empty cluster moved to the mean of all weights",
            "keep the old centre if a cluster has no member",
        ),
        Mistake(
            lambda w, d, c: _update(w, distances(w, c).argmin(-1), c),
            "you assigned the weights again; the update uses the codes that it gets",
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
            "leave centre j at index j",
        ),
        Mistake(
            lambda w, d, c: _update(w, d, c)[d],
            "you returned a value for every weight, not one for every centre",
            "return the centres; centres[codes] comes later",
        ),
        Mistake(
            lambda w, d, c: _means(w, d, c)[:1],
            "you return only the first centre: the `return` is inside the loop",
            "move it out of the loop, after its last line",
        ),
        Mistake(
            lambda w, d, c: c,
            "the centres are the old ones",
            "put the means into a new array and return that",
        ),
    ],
)
