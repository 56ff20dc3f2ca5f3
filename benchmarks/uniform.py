"""Uniform quantization: against the course lab's loop, against a copy, and against brute force.

python benchmarks/uniform.py
"""

from __future__ import annotations

import numpy as np
from _bench import Row, in_turn, table
from _weights import data_sets
from course_lab import array_loop, lab_uniform

import quantlab_helpers as ql

NOTES = """\
"A list of levels" computes the distances one by one. The course lab's 25 seconds for a network
suggest that it does the same. "An array of them" is the fastest reading of the same loop: numpy
does the work of 256 steps. It misses the target by the factor that its row shows.

"""


def wrong_levels(weights: np.ndarray, bits: int) -> int:
    """Count the codes that are not those of the nearest level of a float64 linspace."""
    levels = np.linspace(float(weights.min()), float(weights.max()), 2**bits)
    codes = ql.uniform_quantize(weights, bits).codes
    wrong = 0
    # The nearest of all levels by argmin, a chunk at a time; at 16 bits, where 65,536 distances
    # per weight are too many, the nearer of the two levels that enclose it.
    for start in range(0, len(weights), 4096):
        chunk = weights[start : start + 4096].astype(np.float64)
        if bits <= 8:
            nearest = np.abs(chunk[:, None] - levels).argmin(axis=1)
        else:
            right = np.searchsorted(levels, chunk).clip(1, len(levels) - 1)
            nearest = right - (chunk - levels[right - 1] <= levels[right] - chunk)
        wrong += int((nearest != codes[start : start + 4096]).sum())
    return wrong


def rows(runs: int = 5) -> list[Row]:
    found = []
    for name, weights in data_sets().items():
        for loop, words in ((lab_uniform, "its list of levels"), (array_loop, "an array of them")):
            slow, quick = in_turn(
                lambda w=weights, loop=loop: loop(w, 8),
                lambda w=weights: ql.uniform_quantize(w, 8),
                runs if loop is array_loop else 1,
            )
            measured = f"{slow / quick:,.0f}x ({slow:.1f} s, {1000 * quick:.2f} ms)"
            what = f"uniform 8 bits against the course lab's loop over {words}, {name}"
            short = 1 - slow / quick / 2000
            found.append(Row(what, measured, "2,000x", short <= 0, short))
        copy, ours = in_turn(
            lambda w=weights: (w.copy(), w.min(), w.max()),
            lambda w=weights: ql.uniform_quantize(w, 8),
            51,
        )
        what = f"uniform 8 bits against a copy plus min and max, {name}"
        found.append(Row(what, f"{ours / copy:.1f}x", "at most 12x", ours / copy <= 12))
        wrong = {bits: wrong_levels(weights, bits) for bits in (1, 3, 8, 16)}
        measured = ", ".join(f"b = {bits}: {count}" for bits, count in wrong.items())
        what = f"wrong levels against brute force, {name}"
        found.append(Row(what, measured, "0", not any(wrong.values())))
    return found


if __name__ == "__main__":
    print(table(rows()))
