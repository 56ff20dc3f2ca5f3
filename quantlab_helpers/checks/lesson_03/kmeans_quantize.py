"""Exercise kmeans-quantize of lesson 03: a whole tensor on k centres.

k-means has many right answers, because every start may end elsewhere. So an answer is compared with
the properties of a fixed point of Lloyd's algorithm, and not with one expected result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..compare import Array, Difference, as_array, count_nan, plural, type_name
from ..exercise import Case, FunctionExercise, Mistake
from ._shared import distances, float32, mean_tolerance


class _Result(NamedTuple):
    """An answer of the right shape next to the weights, both flat and float64."""

    x: Array  # the weights
    y: Array  # their quantized values
    k: int
    shape: tuple[int, ...]
    values: Array  # distinct ones of y, ascending
    codes: Array  # of y in values
    tolerance: float

    @property
    def misplaced(self) -> Array:
        """Return the indices of weights that are nearer to another value than to their own."""
        best = distances(self.x, self.values).min(-1)
        return np.flatnonzero(np.abs(self.x - self.y) > best + 2 * self.tolerance)

    def off_centre(self, centre: Callable[[Array], Any]) -> Array:
        """Return the indices of values that are not the `centre` (mean, median) of their "
        "weights."""
        expected = np.array([centre(self.x[self.codes == j]) for j in range(self.values.size)])
        return np.flatnonzero(np.abs(self.values - expected) > self.tolerance)


def _result(got: Any, case: Case) -> _Result | str:
    weights, k = case
    array = as_array(got)
    if type_name(got) == "QuantizedTensor":
        return "your function returned a QuantizedTensor, not an array of floats"
    if isinstance(array, str):
        return array
    if array.shape != weights.shape:
        return f"your result has shape {array.shape}, the weights have {weights.shape}"
    if array.dtype.kind in "iub":
        return f"you return {array.dtype} numbers from {array.min()} to {array.max()}"
    if np.isnan(array).any():
        return count_nan(array, "values")
    y = array.astype(np.float64).ravel()
    values, codes = np.unique(y, return_inverse=True)
    x = weights.astype(np.float64).ravel()
    return _Result(x, y, k, weights.shape, values, codes, mean_tolerance(weights))


def _equal_step_values(weights: Array, k: int) -> Array:
    levels = np.linspace(weights.min(), weights.max(), k)
    nearest: Array = levels[distances(weights, levels).argmin(-1)]
    return nearest


def _norm(errors: Array) -> float:
    return float(np.sqrt(np.sum(errors**2)))


def _leaves_centres_unused(r: _Result) -> bool:
    """Return whether fewer than k values are used and the SSE shows that more were possible.

    Lloyd's algorithm never increases the SSE, and equal steps are always a possible start. By the
    triangle inequality, rounding the values adds at most their rounding times sqrt(n) to its root.
    """
    rounded = r.tolerance * math.sqrt(r.x.size)
    start = _norm(r.x - _equal_step_values(r.x, r.k))
    return r.values.size < r.k and _norm(r.x - r.y) > start + rounded


def _compare_with_fixed_point(got: Any, case: Case) -> Difference:
    """Say which property of a fixed point of Lloyd's algorithm a result does not have."""
    r = _result(got, case)
    if isinstance(r, str):
        return r
    if r.values.size > r.k:
        return f"your result has {r.values.size} distinct values, k = {r.k} allows {r.k}"
    distinct = np.unique(r.x).size
    if distinct <= r.k:
        moved = int((np.abs(r.x - r.y) > r.tolerance).sum())
        if not moved:
            return None
        return (
            f"{plural(moved, 'weight')} changed, but {distinct} distinct weights need at most k "
            "centres"
        )
    if (misplaced := r.misplaced).size:
        x, y = r.x[misplaced[0]], r.y[misplaced[0]]
        nearest = r.values[np.abs(r.values - x).argmin()]
        return (
            f"{misplaced.size} of {r.x.size} weights are not at the nearest of your values: "
            f"{x:.4g} became {y:.4g}, but {nearest:.4g} is nearer"
        )
    if (off_centre := r.off_centre(np.mean)).size:
        members = r.x[r.codes == off_centre[0]]
        return (
            f"your value {r.values[off_centre[0]]:.6g} replaces {plural(members.size, 'weight')} "
            f"whose mean is {members.mean():.6g}"
        )
    if _leaves_centres_unused(r):
        sse = _norm(r.x - _equal_step_values(r.x, r.k)) ** 2
        return (
            f"the SSE is {_norm(r.x - r.y) ** 2:.4g} with {r.values.size} of {r.k} centres in "
            f"use; the start, {r.k} levels at equal steps, has {sse:.4g}"
        )
    return None


def _mistake_where(recognise: Callable[[_Result], Any]) -> Callable[..., Any]:
    """Return the `answer` of a mistake whose results can be recognised."""

    def judge(got: Any, case: Case) -> Difference:
        r = _result(got, case)
        return None if not isinstance(r, str) and recognise(r) else "no"

    return lambda weights, k: judge


def _mistake_in_raw_result(recognise: Callable[[Any, Array, int], Any]) -> Callable[..., Any]:
    """Do the same for results that are not floats in the shape of the weights."""
    return lambda weights, k: lambda got, case: None if recognise(got, weights, k) else "no"


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    yield float32([0, 1, 5, 6, 7]), 2
    yield float32(rng.laplace(size=(8, 15))), 6
    # From equal steps this takes 25 rounds, and scikit-learn's tolerance does not stop it early.
    yield float32(np.random.default_rng(446).normal(size=(10, 20))), 4
    yield float32(rng.uniform(-1, 1, size=(2, 3, 3, 3))), 6
    yield float32(rng.laplace(size=(5, 12)) * 1e-9), 5  # for a fixed tolerance, all are equal
    yield float32([*rng.normal(size=30) * 0.3, 3.0]), 8  # equal steps leave centres empty
    yield float32([[0.5, 0.6], [-1.0, 2.0]]), 5  # from equal steps, 0.5 and 0.6 share a centre
    yield np.full((2, 3), 0.25, np.float32), 3
    yield float32(rng.normal(size=7)), 1
    yield float32(-rng.exponential(size=40)), 3


def _midrange(members: Array) -> float:
    return float(members.min() + members.max()) / 2


def _few_in_each_row(r: _Result) -> bool:
    return len(r.shape) > 1 and all(np.unique(row).size <= r.k for row in r.y.reshape(r.shape))


def _dtype_kind(got: Any) -> str:
    array = as_array(got)
    return "" if isinstance(array, str) else array.dtype.kind


EXERCISE = FunctionExercise(
    name="kmeans-quantize",
    signature="kmeans_quantize(weights, k)",
    solution=lambda weights, k: _compare_with_fixed_point,
    cases=_cases,
    compare=lambda expected, got, case: expected(got, case),
    why="k-means ends when no assignment and no mean changes any more: then every value is the "
    "mean of its weights, and every weight has the nearest value; if there are at most k distinct "
    "weights, they do not change",
    fix="start with k centres at equal steps; assign and update until nothing changes; return "
    "centres[codes]; if there are at most k distinct weights, return a copy of them",
    mistakes=[
        Mistake(
            _mistake_in_raw_result(lambda got, w, k: type_name(got) == "QuantizedTensor"),
            "a QuantizedTensor holds codes and a codebook; the exercise asks for the quantized "
            "values",
            "return its .dequantize()",
        ),
        Mistake(
            _mistake_in_raw_result(
                lambda got, w, k: isinstance(got, tuple) and len(got) in (2, 3) and len(w) > 3
            ),
            "you return several things; the exercise asks for one array, in which every weight is "
            "replaced by its centre",
            "return only centres[codes]",
        ),
        Mistake(
            _mistake_in_raw_result(
                lambda got, w, k: np.size(got) == w.size and np.shape(got) != w.shape
            ),
            "the layer's shape is lost: k-means takes a list of numbers (scikit-learn a column), "
            "but the network needs its tensor back",
            "end with reshape(weights.shape)",
        ),
        Mistake(
            _mistake_in_raw_result(
                lambda got, w, k: np.shape(got) in ((k,), (k, 1)) and np.shape(got) != w.shape
            ),
            "you return the centres; the exercise asks for one value per weight",
            "return centres[codes], in the shape of the weights",
        ),
        Mistake(
            _mistake_in_raw_result(
                lambda got, w, k: np.shape(got) == w.shape and _dtype_kind(got) in "iu"
            ),
            "these are codes, the indices of the centres; the exercise asks for values",
            "return centres[codes]",
        ),
        Mistake(
            _mistake_in_raw_result(
                lambda got, w, k: _dtype_kind(got) == "f" and np.isnan(as_array(got)).any()
            ),
            "0/0 is NaN: an empty cluster has no mean, and a constant tensor no range to divide by",
            "keep the centre of an empty cluster, and return a constant tensor as it is",
        ),
        Mistake(
            _mistake_where(lambda r: np.array_equal(r.x, r.y)),
            "you returned the weights unchanged",
            "replace every weight by its centre, in a new array, and return that",
        ),
        Mistake(
            _mistake_where(lambda r: r.values.size > r.k and _few_in_each_row(r)),
            "you clustered every row separately; the whole tensor shares one codebook",
            "flatten the weights before you cluster them",
        ),
        Mistake(
            _mistake_where(lambda r: r.values.size > r.k),
            "k is the number of centres: not of bits, which would allow 2**k centres, and not of "
            "steps, which would give k + 1 levels",
            "start with exactly k centres and never add one",
        ),
        Mistake(
            _mistake_where(lambda r: np.unique(r.x).size <= r.k),
            "from equal steps, two close weights share a centre while other centres stay empty; "
            "with at most k distinct weights, each can have its own centre and no error",
            "return a copy of the weights if np.unique(weights) has at most k values",
        ),
        Mistake(
            _mistake_where(
                lambda r: (
                    np.array_equal(r.y, _equal_step_values(r.x, r.k))
                    or np.abs(r.y - _equal_step_values(r.x, r.k)).max() <= r.tolerance
                )
            ),
            "this is the uniform grid of the start: no centre has moved",
            "move every centre to the mean of its weights, assign again, and repeat until no code "
            "changes; for tiny weights, a fixed tolerance ends before the first move",
        ),
        Mistake(
            _mistake_where(lambda r: not r.misplaced.size and not r.off_centre(np.median).size),
            "you placed the centres on medians, which minimise the sum of distances, not of "
            "their squares",
            "use the mean",
        ),
        Mistake(
            _mistake_where(lambda r: not r.misplaced.size and not r.off_centre(_midrange).size),
            "you placed the centres halfway between the ends of their clusters",
            "use the mean: all weights count, not only the two at the ends",
        ),
        Mistake(
            _mistake_where(lambda r: r.misplaced.size and not r.off_centre(np.mean).size),
            "the centres have moved since the last assignment, and some weights now have another "
            "nearest centre: the loop stopped too early",
            "assign and update until no code changes: a few rounds or a fixed tolerance, such as "
            "that of np.allclose, end too soon (scikit-learn: tol=0)",
        ),
        Mistake(
            _mistake_where(lambda r: not r.misplaced.size and r.off_centre(np.mean).size),
            "after the last assignment the centres were not moved to the means: the loop stopped "
            "too early, or it does not use the mean",
            "assign and update until no code changes: a few rounds or a fixed tolerance, such as "
            "that of np.allclose, end too soon (scikit-learn: tol=0)",
        ),
        Mistake(
            _mistake_where(_leaves_centres_unused),
            "nothing moves any more, but too few values are in use: equal centres stay equal, and "
            "argmin takes NaN, the mean of an empty cluster, as the smallest distance",
            "start from k different centres, and keep the old centre if a cluster is empty",
        ),
    ],
)
