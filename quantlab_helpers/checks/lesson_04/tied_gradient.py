"""Exercise tied-gradient of lesson 04: the gradient of a shared centre."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compare import EPS32, Difference, array_difference, as_array
from ..exercise import Case, FunctionExercise, Mistake


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([0.5, -1.0, 2.0, 4.0]), np.array([0, 1, 0, 3]), 4  # centre 2 has no weight
    for shape, k in (((3, 4), 3), ((8, 5), 4), ((2, 3, 2, 2), 6)):
        codes = rng.integers(0, k - 1, size=shape)  # so the last centre has at most one weight
        codes.flat[:2] = k - 1, 0
        yield rng.normal(size=shape).astype(np.float32), codes, k
    yield np.array([[1e-30, 2e-30, -4e-30]]), np.array([[2, 2, 0]]), 3
    yield np.array([1e30, -3e30, 2e30], np.float32), np.array([1, 1, 1]), 2
    yield np.array([0.25]), np.array([0]), 1
    yield np.array([0.25, 0.5]), np.array([0, 1]), 5  # most centres have no weight
    yield np.ones(300, np.float32), np.zeros(300, np.int64), 2


def _sums(gradient: Any, codes: Any, k: int) -> NDArray[np.float64]:
    weights = np.asarray(gradient, np.float64).ravel()
    return np.bincount(np.ravel(codes), weights=weights, minlength=k).astype(np.float64)


def _compare(expected: NDArray[np.float64], got: Any, case: Case) -> Difference:
    gradient, codes, k = case
    # Adding n float32 numbers in any order rounds n - 1 times, each by at most eps/2 of the sum
    # of absolute values.
    tolerance = codes.size * EPS32 / 2 * float(np.abs(gradient.astype(np.float64)).sum())
    array = as_array(got)
    if not isinstance(array, str) and array.shape != expected.shape:
        return f"your result has shape {array.shape}, expected ({k},), one sum per centre"
    if not isinstance(array, str) and np.array_equal(np.isnan(array), np.isnan(expected)):
        return array_difference(
            np.nan_to_num(expected), np.nan_to_num(array), tolerance, name="sums"
        )
    return array_difference(expected, got, tolerance, name="sums")


def _means(gradient: Any, codes: Any, k: int) -> Any:
    return _sums(gradient, codes, k) / np.maximum(np.bincount(codes.ravel(), minlength=k), 1)


def _means_or_nan(gradient: Any, codes: Any, k: int) -> Any:
    counts = np.bincount(codes.ravel(), minlength=k)
    return np.where(counts == 0, np.nan, _means(gradient, codes, k))


def _maxima(gradient: Any, codes: Any, k: int) -> Any:
    groups = [gradient[codes == centre] for centre in range(k)]
    return np.array([group.max() if group.size else 0.0 for group in groups])


def _last_only(gradient: Any, codes: Any, k: int) -> Any:
    result = np.zeros(k)
    result[codes.ravel()] = gradient.ravel()  # numpy keeps the last value; += does the same
    return result


def _sums_of_absolute_values(gradient: Any, codes: Any, k: int) -> Any:
    return _sums(np.abs(gradient), codes, k)


def _counts(gradient: Any, codes: Any, k: int) -> Any:
    return np.bincount(codes.ravel(), minlength=k).astype(np.float64)


def _sums_without_last(gradient: Any, codes: Any, k: int) -> Any:
    result = _sums(gradient, codes, k)
    result[-1] = 0
    return result


def _sums_of_present_centres(gradient: Any, codes: Any, k: int) -> Any:
    return np.array([gradient[codes == c].astype(float).sum() for c in np.unique(codes)])


EXERCISE = FunctionExercise(
    name="tied-gradient",
    signature="tied_gradient(gradient, codes, k)",
    solution=_sums,
    cases=_cases,
    compare=_compare,
    why="weights that share a centre move together, so the loss changes by the sum of all their "
    "gradients when the centre moves",
    fix="for each centre 0 .. k-1 add up the gradient at the places where codes is that centre",
    mistakes=[
        Mistake(
            _means,
            "you divide by the number of weights: that is the mean, which some labs take, but the "
            "derivative with respect to a centre is the sum",
            "leave out the division",
        ),
        Mistake(
            _means_or_nan,
            "you take the mean, and the mean of no weights is NaN; the derivative is the sum, and "
            "a sum of nothing is 0",
            "use sum instead of mean",
        ),
        Mistake(
            _last_only,
            "of all the weights of a centre only the last one counts: with repeated codes both "
            "sums[codes] = gradient and sums[codes] += gradient overwrite",
            "add them all: np.add.at, np.bincount with weights, or a sum per centre",
        ),
        Mistake(
            _maxima,
            "you take the largest gradient of each centre; the other gradients count too",
            "use sum instead of max",
        ),
        Mistake(
            _sums_of_present_centres,
            "you leave out centres without weights, so the results have other indices than the "
            "codebook",
            "go through range(k), not through the codes that occur; a centre without weights gets "
            "0 (np.bincount needs minlength=k)",
        ),
        Mistake(
            lambda gradient, codes, k: _sums(gradient, codes, k)[:-1],
            "the last centre is missing",
            "centres are numbered 0 to k - 1: range(k) has them all",
        ),
        Mistake(
            lambda gradient, codes, k: _sums(gradient, codes, k)[: codes.max() + 1],
            "the result ends at the largest code that occurs, but centres above it exist too",
            "give np.bincount minlength=k, or start from np.zeros(k)",
        ),
        Mistake(
            _sums_without_last,
            "the last centre got no gradient: your loop ends before centre k - 1",
            "range(k) runs from 0 to k - 1; range(k - 1) leaves the last one out",
        ),
        Mistake(
            lambda gradient, codes, k: np.append(_sums(gradient, codes, k)[1:], 0),
            "the sums are one place off: centres are numbered from 0, you count from 1",
            "go through range(k)",
        ),
        Mistake(
            lambda gradient, codes, k: np.asarray(gradient.sum(axis=0)),
            "you sum along an axis of the layer; the weights that share a centre may be anywhere "
            "in the layer, and the codes say which they are",
            "for each centre pick the gradients with `codes == centre`, then sum them all",
        ),
        Mistake(
            _sums_of_absolute_values,
            "you add absolute values; gradients of opposite sign cancel",
            "add the gradients with their signs",
        ),
        Mistake(
            _counts,
            "you count the weights of each centre instead of adding up their gradients",
            "np.bincount counts unless it gets weights=gradient.ravel()",
        ),
        Mistake(
            lambda gradient, codes, k: _sums(gradient, codes, k)[codes],
            "you return one number per weight; a centre has one gradient",
            "return the k sums, before they are spread over the weights",
        ),
        Mistake(
            lambda gradient, codes, k: -_sums(gradient, codes, k),
            "the sign is wrong: the step goes against the gradient, but the gradient itself is "
            "the sum",
            "leave the minus to the optimizer",
        ),
    ],
)
