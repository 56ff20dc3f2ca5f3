"""Exercise read-error-bars of lesson 04: is one method better than another?."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..compare import Difference
from ..exercise import Case, FunctionExercise, Mistake

_WORDS = ("a", "b", "cannot tell")


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    """Draw runs around 0.9; each pattern distinguishes two ways to judge."""
    for first, second in (
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
        for low, unit in ((0.9, 0.001), (90.0, 1.0)):  # and in percent
            shuffled = [rng.permutation(runs) for runs in (first, second)]
            yield tuple(np.round(low + unit * runs, 6).tolist() for runs in shuffled)


def _difference_and_error(
    a: Sequence[float], b: Sequence[float], ddof: int = 1, mean_of_runs: bool = True
) -> tuple[float, float]:
    """Return the difference of the means and its standard error."""
    variances = [np.var(runs, ddof=ddof) / (len(runs) if mean_of_runs else 1) for runs in (a, b)]
    return float(np.mean(a) - np.mean(b)), float(np.sqrt(sum(variances)))


def _verdict(difference: float, error: float = 0.0, factor: float = 2) -> str:
    if (
        abs(difference) <= factor * error + 1e-12
    ):  # means of equal numbers may differ in the last bit
        return "cannot tell"
    return "a" if difference > 0 else "b"


def _better(a: Sequence[float], b: Sequence[float]) -> str:
    return _verdict(*_difference_and_error(a, b))


def _bars_overlap(a: Sequence[float], b: Sequence[float], factor: float) -> str:
    """Compare with the sum of both standard errors."""
    errors = [float(np.std(runs, ddof=1) / np.sqrt(len(runs))) for runs in (a, b)]
    return _verdict(_difference_and_error(a, b)[0], sum(errors), factor)


def _ranges_overlap(a: Sequence[float], b: Sequence[float]) -> str:
    return "a" if min(a) > max(b) else "b" if min(b) > max(a) else "cannot tell"


def _compare(expected: str, got: Any, case: Case) -> Difference:
    if isinstance(got, np.ndarray) and got.ndim == 0:
        got = got.item()
    if isinstance(got, str) and got in _WORDS:
        return None if got == expected else f'you say "{got}", the rule says "{expected}"'
    return f'you return {got!r:.60}, not one of "a", "b" and "cannot tell"'


EXERCISE = FunctionExercise(
    name="read-error-bars",
    signature="better(accuracies_a, accuracies_b)",
    solution=_better,
    cases=_cases,
    compare=_compare,
    why="a difference of means counts only where it is larger than twice its standard error, "
    "sqrt(s_a^2/n_a + s_b^2/n_b), with s the sample standard deviation",
    fix="compute both means, both s (ddof=1) and the standard error; compare the size of the "
    "difference with twice the error, then look at its sign",
    mistakes=[
        Mistake(
            lambda a, b: {"a": "b", "b": "a"}.get(_better(a, b), "cannot tell"),
            "the names are swapped: the method with the higher accuracy is better",
            'where the mean of accuracies_a is the higher one, return "a"',
        ),
        Mistake(
            lambda a, b: _verdict(_difference_and_error(a, b)[0]),
            "you compare the means and ignore the spread: one of two means is nearly always "
            "higher, by luck alone",
            "compare the difference with twice its standard error first",
        ),
        Mistake(
            lambda a, b: "a" if _difference_and_error(a, b)[0] > 0 else "b",
            "you compare the means and never say that you cannot tell: one of two means is nearly "
            "always higher, by luck alone",
            "compare the difference with twice its standard error first",
        ),
        Mistake(
            lambda a, b: _verdict(max(a) - max(b)),
            "you compare the best runs: the best of several runs is the luckiest one, and more "
            "runs have a better best run",
            "compare the means",
        ),
        Mistake(
            lambda a, b: "a" if max(a) > max(b) else "b",
            "you compare the best runs: the best of several runs is the luckiest one, and more "
            "runs have a better best run",
            "compare the means",
        ),
        Mistake(
            lambda a, b: _verdict(*_difference_and_error(a, b, ddof=0)),
            "this is the standard deviation of a whole population, which divides by n: for a few "
            "runs around their own mean it is too small",
            "divide by n - 1: np.std(..., ddof=1) or statistics.stdev",
        ),
        Mistake(
            lambda a, b: _verdict(*_difference_and_error(a, b, mean_of_runs=False)),
            "you compare with the standard deviation of single runs; the mean of n runs varies "
            "less than one run",
            "divide each variance by its number of runs before you add the two",
        ),
        Mistake(
            lambda a, b: _verdict(*_difference_and_error(a, b, ddof=0, mean_of_runs=False)),
            "you compare with the standard deviation of single runs, with a division by n in it; "
            "the mean of n runs varies less than one run",
            "use ddof=1, and divide each variance by its number of runs before you add the two",
        ),
        Mistake(
            lambda a, b: _verdict(*_difference_and_error(a, b), factor=1),
            "you compare with one standard error; luck alone exceeds it about every third time",
            "compare the difference with 2 times its standard error",
        ),
        Mistake(
            lambda a, b: "a" if _better(a, b) == "a" else "cannot tell",
            "the difference has a sign: if b is better it is negative, and never above twice the "
            "error",
            "compare abs(difference), then look at the sign",
        ),
        Mistake(
            lambda a, b: _bars_overlap(a, b, 2),
            "you add the two standard errors; the squares of independent errors add, under a root",
            "take sqrt(s_a^2/n_a + s_b^2/n_b)",
        ),
        Mistake(
            _ranges_overlap,
            "you ask whether the runs overlap; the difference of two means can be significant "
            "although single runs overlap",
            "compare the difference of the means with twice its standard error",
        ),
        Mistake(
            lambda a, b: _verdict(
                _difference_and_error(a, b)[0], _difference_and_error(a, b)[1] ** 2
            ),
            "this is the square of the standard error: the root is missing",
            "take the square root of s_a^2/n_a + s_b^2/n_b",
        ),
    ],
)
