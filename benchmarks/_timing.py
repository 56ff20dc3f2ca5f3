"""Time two things in turn, so that a machine whose speed drifts still gives a fair ratio."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any


def seconds(call: Callable[[], Any]) -> float:
    """Return the wall seconds of one call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def median(call: Callable[[], Any], runs: int = 5) -> float:
    """Return the median of `runs` calls, after one that is not counted."""
    call()
    return statistics.median(seconds(call) for _ in range(runs))


def ratio(slow: Callable[[], Any], fast: Callable[[], Any], runs: int = 5) -> float:
    """Return the median of slow/fast over `runs` alternating pairs, after one warm-up of `fast`."""
    fast()
    return statistics.median(seconds(slow) / best(fast) for _ in range(runs))


def best(call: Callable[[], Any], runs: int = 3) -> float:
    """Return the median of three calls in a row: what one call beside a slow peer would hide."""
    return statistics.median(seconds(call) for _ in range(runs))
