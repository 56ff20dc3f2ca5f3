"""The exercises of lesson 04, retraining, and their well-known mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._loop import RETRAIN_REQUANTIZE
from .compare import EPS32, Difference, as_array, differs_by
from .exercise import Case, FunctionExercise, Mistake, ValueExercise


def _gradient_cases(rng: np.random.Generator) -> Iterator[Case]:
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


def _tied(gradient: Any, codes: Any, k: int) -> NDArray[np.float64]:
    weights = np.asarray(gradient, np.float64).ravel()
    return np.bincount(np.ravel(codes), weights=weights, minlength=k).astype(np.float64)


def _tied_differs(expected: NDArray[np.float64], got: Any, case: Case) -> Difference:
    gradient, codes, k = case
    # Adding n float32 numbers in any order rounds n - 1 times, each by at most eps/2 of the sum
    # of absolute values.
    tolerance = codes.size * EPS32 / 2 * float(np.abs(gradient.astype(np.float64)).sum())
    array = as_array(got)
    if not isinstance(array, str) and array.shape != expected.shape:
        return f"your result has shape {array.shape}, but there are k = {k} centres: ({k},)"
    if not isinstance(array, str) and np.array_equal(np.isnan(array), np.isnan(expected)):
        return differs_by(np.nan_to_num(expected), np.nan_to_num(array), tolerance, what="sums")
    return differs_by(expected, got, tolerance, what="sums")


def _mean(gradient: Any, codes: Any, k: int) -> Any:
    return _tied(gradient, codes, k) / np.maximum(np.bincount(codes.ravel(), minlength=k), 1)


def _mean_nan(gradient: Any, codes: Any, k: int) -> Any:
    counts = np.bincount(codes.ravel(), minlength=k)
    return np.where(counts == 0, np.nan, _mean(gradient, codes, k))


def _largest(gradient: Any, codes: Any, k: int) -> Any:
    groups = [gradient[codes == centre] for centre in range(k)]
    return np.array([group.max() if group.size else 0.0 for group in groups])


def _overwritten(gradient: Any, codes: Any, k: int) -> Any:
    result = np.zeros(k)
    result[codes.ravel()] = gradient.ravel()  # numpy keeps the last one; += does the same
    return result


def _absolute(gradient: Any, codes: Any, k: int) -> Any:
    return _tied(np.abs(gradient), codes, k)


def _counted(gradient: Any, codes: Any, k: int) -> Any:
    return np.bincount(codes.ravel(), minlength=k).astype(np.float64)


def _all_but_last(gradient: Any, codes: Any, k: int) -> Any:
    result = _tied(gradient, codes, k)
    result[-1] = 0
    return result


def _present(gradient: Any, codes: Any, k: int) -> Any:
    return np.array([gradient[codes == c].astype(float).sum() for c in np.unique(codes)])


_TIED = FunctionExercise(
    name="tied-gradient",
    signature="tied_gradient(gradient, codes, k)",
    solution=_tied,
    cases=_gradient_cases,
    differs=_tied_differs,
    why="weights that share a centre move together, so the loss changes by the sum of all their "
    "gradients when the centre moves",
    fix="for each centre 0 .. k-1 add up the gradient at the places where codes is that centre",
    mistakes=[
        Mistake(
            _mean,
            "you divide by the number of weights: that is the mean, which some labs take, but the "
            "derivative by a centre is the sum",
            "leave the division out",
        ),
        Mistake(
            _mean_nan,
            "you take the mean, and the mean of no weights is NaN; the derivative is the sum, and "
            "a sum of nothing is 0",
            "use sum instead of mean",
        ),
        Mistake(
            _overwritten,
            "of all the weights of a centre only the last one counts: with repeated codes both "
            "sums[codes] = gradient and sums[codes] += gradient overwrite",
            "add them all: np.add.at, np.bincount with weights, or a sum per centre",
        ),
        Mistake(
            _largest,
            "you take the largest gradient of each centre; the others pull at it too",
            "use sum instead of max",
        ),
        Mistake(
            _present,
            "you leave out centres without weights, so the results no longer line up with the "
            "codebook",
            "go through range(k), not through the codes that occur; a centre without weights gets "
            "0 (np.bincount needs minlength=k)",
        ),
        Mistake(
            lambda gradient, codes, k: _tied(gradient, codes, k)[:-1],
            "the last centre is missing",
            "centres are numbered 0 to k - 1: range(k) has them all",
        ),
        Mistake(
            lambda gradient, codes, k: _tied(gradient, codes, k)[: codes.max() + 1],
            "the result ends at the largest code that occurs, but centres above it exist too",
            "give np.bincount minlength=k, or start from np.zeros(k)",
        ),
        Mistake(
            _all_but_last,
            "the last centre got no gradient: your loop ends before centre k - 1",
            "range(k) runs from 0 to k - 1; range(k - 1) leaves the last one out",
        ),
        Mistake(
            lambda gradient, codes, k: np.append(_tied(gradient, codes, k)[1:], 0),
            "the sums are one place off: centres are numbered from 0, you count from 1",
            "go through range(k)",
        ),
        Mistake(
            lambda gradient, codes, k: np.asarray(gradient.sum(axis=0)),
            "you sum along an axis of the layer; which weights share a centre is written in codes, "
            "wherever in the layer they are",
            "for each centre pick the gradients with `codes == centre`, then sum them all",
        ),
        Mistake(
            _absolute,
            "you add absolute values; gradients of opposite sign cancel",
            "add the gradients with their signs",
        ),
        Mistake(
            _counted,
            "you count the weights of each centre instead of adding up their gradients",
            "np.bincount counts unless it gets weights=gradient.ravel()",
        ),
        Mistake(
            lambda gradient, codes, k: _tied(gradient, codes, k)[codes],
            "you return one number per weight; a centre has one gradient, whatever the shape of "
            "the layer",
            "return the k sums, before they are spread over the weights",
        ),
        Mistake(
            lambda gradient, codes, k: -_tied(gradient, codes, k),
            "the sign is turned: the step goes against the gradient, but the gradient itself is "
            "the plain sum",
            "leave the minus to the optimizer",
        ),
    ],
)

_WORDS = ("a", "b", "cannot tell")


def _better_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Draw runs around 0.9; each pattern separates two ways to judge."""
    for one, other in (
        ([6, 7, 8], [0, 1, 2]),  # clearly apart
        ([0, 1, 2], [6, 7, 8]),
        ([0, 1, 20], [3, 4, 5]),  # the best run and the better mean are a's, and luck
        ([0, 10, 0, 10], [4, 5, 6, 5]),  # equal means
        ([6.4, 4.4, 2.4], [3, 1, -1]),  # the difference is 3.4, two errors 3.27, two deviations 5.7
        ([3, 1, -1], [6.4, 4.4, 2.4]),
        ([6, 4, 2], [3, 1, -1]),  # 3.0 against 3.27, which dividing by n makes 2.67
        ([8, 6, 4], [3, 1, -1]),  # 5.0 against 3.27; two deviations are 5.7, with n 4.6
        ([7, 6, 8], [6, 7, 5]),  # 1.0 against 1.63: more than one error, less than two
        ([12, 6, 6], [1, 5, 1]),  # 5.7 against 4.8; both errors added are 6.7
        ([0, 0, 0, 0, 0, 12], [-3] * 6),  # all spread on one side
        ([6, 7, 8, 6, 7, 8, 6, 7, 8, 7], [5, 6]),  # unlike numbers of runs
        ([5, 5, 5], [5, 5, 5]),  # no spread and no difference
        ([6, 6, 6], [5, 5, 5]),  # no spread, so any difference counts
    ):
        for low, unit in ((0.9, 0.001), (90.0, 1.0)):  # and in per cent
            shuffled = [rng.permutation(runs) for runs in (one, other)]
            yield tuple(np.round(low + unit * runs, 6).tolist() for runs in shuffled)


def _judge(
    a: Sequence[float], b: Sequence[float], ddof: int = 1, mean_of_runs: bool = True
) -> tuple[float, float]:
    """Return the difference of the means and its standard error."""
    variances = [np.var(runs, ddof=ddof) / (len(runs) if mean_of_runs else 1) for runs in (a, b)]
    return float(np.mean(a) - np.mean(b)), float(np.sqrt(sum(variances)))


def _verdict(difference: float, error: float = 0.0, factor: float = 2) -> str:
    if abs(difference) <= factor * error + 1e-12:  # means of equal numbers differ in a last bit
        return "cannot tell"
    return "a" if difference > 0 else "b"


def _better(a: Sequence[float], b: Sequence[float]) -> str:
    return _verdict(*_judge(a, b))


def _bars_overlap(a: Sequence[float], b: Sequence[float], factor: float) -> str:
    """Compare with the sum of both standard errors."""
    errors = [float(np.std(runs, ddof=1) / np.sqrt(len(runs))) for runs in (a, b)]
    return _verdict(_judge(a, b)[0], sum(errors), factor)


def _ranges_overlap(a: Sequence[float], b: Sequence[float]) -> str:
    return "a" if min(a) > max(b) else "b" if min(b) > max(a) else "cannot tell"


def _better_differs(expected: str, got: Any, case: Case) -> Difference:
    if isinstance(got, np.ndarray) and got.ndim == 0:
        got = got.item()
    if isinstance(got, str) and got in _WORDS:
        return None if got == expected else f'you say "{got}", the rule says "{expected}"'
    return f'you return {got!r:.60}, not one of "a", "b" and "cannot tell"'


_BETTER = FunctionExercise(
    name="read-error-bars",
    signature="better(accuracies_a, accuracies_b)",
    solution=_better,
    cases=_better_cases,
    differs=_better_differs,
    why="a difference of means counts only where it is larger than twice its standard error, "
    "sqrt(s_a^2/n_a + s_b^2/n_b), with s the sample standard deviation",
    fix="compute both means, both s (ddof=1) and the standard error; compare the size of the "
    "difference with twice the error, then look at its sign",
    mistakes=[
        Mistake(
            lambda a, b: {"a": "b", "b": "a"}.get(_better(a, b), "cannot tell"),
            "the names are swapped: the higher accuracy is the better one",
            'where the mean of accuracies_a is the higher one, return "a"',
        ),
        Mistake(
            lambda a, b: _verdict(_judge(a, b)[0]),
            "you compare the means and ignore the spread: of two means one is nearly always "
            "higher, by luck alone",
            "compare the difference with twice its standard error first",
        ),
        Mistake(
            lambda a, b: "a" if _judge(a, b)[0] > 0 else "b",
            "you compare the means and never say that you cannot tell: of two means one is nearly "
            "always higher, by luck alone",
            "compare the difference with twice its standard error first",
        ),
        Mistake(
            lambda a, b: _verdict(max(a) - max(b)),
            "you compare the best runs: the best of several runs is the luckiest one, and more "
            "runs have a better best",
            "compare the means",
        ),
        Mistake(
            lambda a, b: "a" if max(a) > max(b) else "b",
            "you compare the best runs: the best of several runs is the luckiest one, and more "
            "runs have a better best",
            "compare the means",
        ),
        Mistake(
            lambda a, b: _verdict(*_judge(a, b, ddof=0)),
            "this is the standard deviation of a whole population, which divides by n: for a few "
            "runs around their own mean it comes out too small",
            "divide by n - 1: np.std(..., ddof=1) or statistics.stdev",
        ),
        Mistake(
            lambda a, b: _verdict(*_judge(a, b, mean_of_runs=False)),
            "you compare with the standard deviation of single runs; the mean of n runs is surer "
            "than one run",
            "divide each variance by its number of runs before you add them",
        ),
        Mistake(
            lambda a, b: _verdict(*_judge(a, b, ddof=0, mean_of_runs=False)),
            "you compare with the standard deviation of single runs, and divide by n in it; the "
            "mean of n runs is surer than one run",
            "use ddof=1, and divide each variance by its number of runs before you add them",
        ),
        Mistake(
            lambda a, b: _verdict(*_judge(a, b), factor=1),
            "you compare with one standard error; luck alone exceeds it about every third time",
            "compare the difference with 2 times its standard error",
        ),
        Mistake(
            lambda a, b: "a" if _better(a, b) == "a" else "cannot tell",
            "the difference has a sign: where b is better it is negative, and never above twice "
            "the error",
            "compare abs(difference), then look at the sign",
        ),
        Mistake(
            lambda a, b: _bars_overlap(a, b, 2),
            "you add the two standard errors; errors that know nothing of each other add as "
            "squares, under a root",
            "take sqrt(s_a^2/n_a + s_b^2/n_b)",
        ),
        Mistake(
            _ranges_overlap,
            "you ask whether the runs overlap; the difference of two means can be sure although "
            "single runs cross",
            "compare the difference of the means with twice its standard error",
        ),
        Mistake(
            lambda a, b: _verdict(_judge(a, b)[0], _judge(a, b)[1] ** 2),
            "this is the square of the standard error: the root is missing",
            "take the square root of s_a^2/n_a + s_b^2/n_b",
        ),
    ],
)

EXERCISES: list[FunctionExercise | ValueExercise] = [RETRAIN_REQUANTIZE, _TIED, _BETTER]
