"""Exercise entropy of lesson 05: the entropy of codes, from their counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...metrics import entropy_bits
from ..compare import EPS32, Difference, as_array, number_difference
from ..exercise import Case, FunctionExercise, Mistake


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([2, 1, 1]),)
    yield (np.array([2, 1, 1, 0]),)
    yield (rng.integers(1, 50, 8),)
    yield (np.array([3, 0, 12, 0, 1]),)
    yield (np.full(8, 5),)
    yield (np.array([7]),)
    yield (np.array([0, 12, 0]),)
    yield (np.array([1, 4, 20, 469_900, 400, 60, 12, 3]),)  # as lopsided as fc1
    yield (rng.integers(0, 4, 256),)


def _entropy(counts: NDArray[Any]) -> float:
    return entropy_bits(np.repeat(np.arange(counts.size), counts))


def _shares(counts: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(counts[counts > 0] / counts.sum(), np.float64)


def _compare(expected: float, got: Any, case: Case) -> Difference:
    # Of k terms that add up to H, each is rounded about three times in float32, and a share that
    # is off by one eps changes its logarithm by 1.45 eps.
    tolerance = (case[0].size + 3) * EPS32 * (abs(expected) + 1.45)
    array = as_array(got)
    if not isinstance(array, str) and array.size == 1 and math.isnan(array.item()):
        return None if math.isnan(expected) else "you return NaN, not a number of bits"
    return number_difference(expected, got, tolerance, "entropy")


def _of_shares(formula: Callable[[NDArray[Any], int], Any]) -> Callable[[NDArray[Any]], float]:
    """Return the `answer` of a mistake: a formula of the shares of codes that occur, and the "
    "total."""
    return lambda counts: float(formula(_shares(counts), int(counts.sum())))


EXERCISE = FunctionExercise(
    name="entropy",
    signature="entropy(counts)",
    solution=_entropy,
    cases=_cases,
    compare=_compare,
    why="a code that makes up a fraction p of all codes costs log2(1/p) bits; the entropy is the "
    "mean cost over all codes. A code that never occurs has no part in the mean",
    fix="keep the counts above 0, divide them by their sum, and return -sum(p * log2(p))",
    mistakes=[
        Mistake(
            lambda counts: math.nan if (counts == 0).any() else _entropy(counts),
            "one of the codes never occurs: 0 * log2(0) is 0 * -inf, which is NaN, although p "
            "log2(p) goes to 0 with p",
            "leave out the counts that are 0 before you take the logarithm",
        ),
        Mistake(
            lambda counts: 0.0 if (counts == 0).any() else _entropy(counts),
            "if a code never occurs, the sum is NaN, and you turn the whole sum into 0",
            "leave out the counts that are 0 before you take the logarithm",
        ),
        Mistake(
            lambda counts: _entropy(counts) * math.log(2),
            "you took the natural logarithm, which gives nats; one bit doubles the number of codes",
            "use np.log2",
        ),
        Mistake(
            lambda counts: _entropy(counts) * math.log10(2),
            "you took the logarithm of base 10; one bit doubles the number of codes",
            "use np.log2",
        ),
        Mistake(
            lambda counts: -_entropy(counts),
            "the logarithm of a fraction is negative, so the sum needs a minus in front",
            "return -sum(p * log2(p))",
        ),
        Mistake(
            _of_shares(lambda p, n: -np.sum(p * n * np.log2(p * n))),
            "you took the counts themselves; the formula needs fractions, which add up to 1",
            "divide the counts by their sum first",
        ),
        Mistake(
            _of_shares(lambda p, n: np.sum(p * n * np.log2(p * n))),
            "you took the counts themselves; the formula needs fractions, which add up to 1",
            "divide the counts by their sum first",
        ),
        Mistake(
            _of_shares(lambda p, n: -np.mean(np.log2(p))),
            "you averaged over the distinct codes as if all were equally frequent; a frequent "
            "code must have more weight",
            "multiply each log2(p) by p",
        ),
        Mistake(
            _of_shares(lambda p, n: -np.sum(np.log2(p))),
            "you added log2(p) of all codes; a frequent code must have more weight",
            "multiply each log2(p) by p",
        ),
        Mistake(
            lambda counts: math.log2(counts.size),
            "log2 of the number of codes is the cost of a fixed width; it is the entropy only if "
            "all are equally frequent",
            "use the counts of the codes",
        ),
        Mistake(
            _of_shares(lambda p, n: np.log2(p.size)),
            "log2 of the number of codes is the cost of a fixed width; it is the entropy only if "
            "all are equally frequent",
            "use the counts of the codes",
        ),
        Mistake(
            lambda counts: max(1, math.ceil(_entropy(counts))),
            "you rounded up to whole bits; the entropy is a mean, and a mean is rarely a whole "
            "number",
            "return it unrounded",
        ),
        Mistake(
            lambda counts: math.ceil(_entropy(counts)),
            "you rounded up to whole bits; the entropy is a mean, and a mean is rarely a whole "
            "number",
            "return it unrounded",
        ),
        Mistake(
            _of_shares(lambda p, n: np.sum(p * np.ceil(-np.log2(p)))),
            "you rounded the bits of every code up to whole bits; the entropy is the lower bound "
            "without such rounding",
            "do not round log2(1/p)",
        ),
        Mistake(
            _of_shares(lambda p, n: -n * np.sum(p * np.log2(p))),
            "these are the bits of all codes together; the entropy is bits per code",
            "use fractions, which add up to 1, not counts, in front of the logarithm",
        ),
        Mistake(
            _of_shares(lambda p, n: -n * np.sum(p * np.log2(p)) / 8),
            "these are the bytes of all codes together; the entropy is bits per code",
            "return -sum(p * log2(p))",
        ),
        Mistake(
            lambda counts: _entropy(counts) / counts.size,
            "you took the mean of p * log2(p), and so divided by the number of distinct codes; "
            "the fractions p are weights already",
            "use sum instead of mean",
        ),
        Mistake(
            entropy_bits,
            "you treated the counts as codes and counted them again",
            "counts[c] is how often code c occurs; divide by counts.sum()",
        ),
        Mistake(
            lambda counts: _entropy(counts + 1),
            "you added 1 to every count, so that rare codes look more frequent than they are",
            "leave out the counts that are 0 instead",
        ),
        Mistake(
            _of_shares(lambda p, n: -np.sum(p / p.max() * np.log2(p / p.max()))),
            "you divided by the largest count; fractions add up to 1",
            "divide the counts by their sum",
        ),
    ],
)
