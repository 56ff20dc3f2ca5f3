"""Repeat a measurement with several seeds; report mean and spread."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .._support.validation import check_int


class Spread(NamedTuple):
    """One quantity over several seeds: mean, sample standard deviation, and every value."""

    mean: float
    std: float
    values: list[float]


def over_seeds(measure: Callable[[int], float], *, seeds: int = 5) -> Spread:
    """Return mean and spread of a measurement with seeds 0, 1, ....

    Parameters
    ----------
    measure : callable
        Takes a seed, returns one number.
    seeds : int, default=5
        Number of seeds, at least 2: one run has no spread.

    Returns
    -------
    Spread
        ``mean``, sample standard deviation ``std``, and ``values`` in the order of the seeds.

    Examples
    --------
    >>> over_seeds(lambda seed: float(seed), seeds=3)
    Spread(mean=1.0, std=1.0, values=[0.0, 1.0, 2.0])
    """
    check_int("seeds", seeds, low=2)
    return spread([measure(seed) for seed in range(seeds)])


def spread(values: Sequence[float]) -> Spread:
    """Return mean and sample standard deviation of at least two values.

    Parameters
    ----------
    values : sequence of float
        One number per run.

    Returns
    -------
    Spread
        With the values as a list.

    Examples
    --------
    >>> spread([0.98, 0.96]).mean
    0.97
    """
    return Spread(statistics.fmean(values), statistics.stdev(values), list(values))
