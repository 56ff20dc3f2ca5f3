"""What the benchmarks share: rows with a target, and times taken in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One claim: what was measured, what it must reach, whether it did, and else how much less."""

    what: str
    measured: str
    target: str
    reached: bool
    short: float = 0.0


def seconds(call: Callable[[], Any]) -> float:
    """Return the wall seconds of one call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def median(call: Callable[[], Any], runs: int = 5) -> float:
    """Return the median seconds of `runs` calls, after one that is not counted."""
    call()
    return statistics.median(seconds(call) for _ in range(runs))


def in_turn(peer: Callable[[], Any], ours: Callable[[], Any], runs: int = 5) -> tuple[float, float]:
    """Return the median seconds of a peer and of ours, `runs` of each, taken alternately.

    A machine whose speed drifts then slows both. Ours runs three times in each turn, since one
    short run right after a long one finds cold caches that its user would not.
    """
    ours()
    pairs = [
        (seconds(peer), statistics.median(seconds(ours) for _ in range(3))) for _ in range(runs)
    ]
    theirs, mine = zip(*pairs, strict=True)
    return statistics.median(theirs), statistics.median(mine)


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | measured | must reach | |", "| --- | --- | --- | --- |"]
    lines += [f"| {row.what} | {row.measured} | {row.target} | {_verdict(row)} |" for row in rows]
    return "\n".join(lines)


def _verdict(row: Row) -> str:
    if row.reached:
        return "yes"
    return f"**no**, {row.short:.0%} short; why: below" if row.short > 0 else "**no**"
