"""Prefix sums over sorted values: the cost of any run of them, and a first guess of the cuts.

`optimal_kmeans.py` places its cuts with these. A cell is a value, or several values
with one weight.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Doubles = NDArray[np.float64]
Cuts = NDArray[np.intp]

EXACT_MAX_CELLS = 256  # candidate cuts that the exact dynamic program takes
BLOCK_SIZE = 16  # cells per stored prefix sum
# Row i: 1 for the cells of a block before its i-th cut. Second half: -1 for those after it.
_BEFORE = np.tri(BLOCK_SIZE, BLOCK_SIZE, -1)
_SIGNS = np.r_[_BEFORE, _BEFORE - 1]


class SortedCells:
    """Sorted cells x with prefix sums of their weights w, of w x and of w x**2.

    Cut i is before cell i. The sums are stored at every 16th cut; the others add their few cells on
    demand. They run outward from the middle, negative to its left, so that an outlier does not cost
    the other values precision.
    """

    def __init__(self, cells: Floats, weights: Doubles | None, k: int) -> None:
        self.size = n = cells.size
        self.skip = -(n // 2) % BLOCK_SIZE  # so that the middle cell begins a block
        self.middle = middle = (n // 2 + self.skip) // BLOCK_SIZE
        self.x = _in_blocks(cells, self.skip)
        self.x *= power_of_two(cells)
        self.x -= self.x.flat[self.skip + n // 2]
        self.w = None if weights is None else _in_blocks(weights, self.skip)
        blocks, ones = np.empty((3, len(self.x))), np.ones((1024, BLOCK_SIZE))
        for first in range(0, len(self.x), 1024):
            some = slice(first, first + 1024)
            w = ones[: len(self.x[some])] if self.w is None else self.w[some]
            blocks[:, some] = _moments(w, self.x[some])
        self.stored = np.zeros_like(blocks)
        self.stored[:, middle + 1 :] = blocks[:, middle:-1].cumsum(1)
        left = slice(0, max(middle - 1, 0))
        self.stored[:, left] = -blocks[:, 1:middle][:, ::-1].cumsum(1)[:, ::-1]
        # Companding: centres are best at equal steps of the integral of density**(1/3). It is
        # tabulated at knots, which are denser at both ends.
        tail = np.geomspace(1, n, 256).astype(np.intp) - 1
        even = np.linspace(0, n - 1, max(1024, 2 * k)).astype(np.intp)
        knots = np.unique(np.r_[even, tail, n - 1 - tail])
        mass, gap = np.diff(self.moments_before(knots)[0]), np.diff(self.x.flat[self.skip + knots])
        rise = np.cbrt(mass * gap**2)
        for _ in range(16):  # no more steps than cells, so an outlier takes one, not all
            rise = np.minimum(rise, np.diff(knots) * (rise.sum() / max(k, EXACT_MAX_CELLS)))
        self.knots = np.r_[0, knots[1:] + 0.5]
        self.integral = np.r_[0, rise.cumsum()]

    def moments_before(self, cuts: Cuts) -> Doubles:
        """Return the three sums, shape (3, *cuts.shape), over the cells before each cut."""
        row, rest = np.divmod(cuts + self.skip, BLOCK_SIZE)
        w = _SIGNS.take(rest + BLOCK_SIZE * (row < self.middle), 0)
        if self.w is not None:
            w *= self.w.take(row, 0)
        sums: Doubles = self.stored.take(row, 1) + _moments(w, self.x.take(row, 0))
        # Changes the cost of every partition alike, and rounds the cost of single cells to 0.
        sums[2] *= 1 - 1e-15
        return sums

    def companding_cuts(self, k: int) -> Cuts:
        """Return k + 1 distinct cuts, both ends included, at equal steps of the integral."""
        n, i = self.size, np.arange(k + 1)
        steps = np.interp(i * (self.integral[-1] / k), self.integral, self.knots)
        # Make the cuts distinct: raise those too low, then lower those too high.
        cuts = np.maximum.accumulate(np.rint(steps).astype(np.intp) - i) + i
        cuts = np.minimum(cuts, n - k + i)
        cuts[-1] = n
        return cuts


def _in_blocks(cells: Floats, skip: int) -> Doubles:
    """Return float64 rows of 16 cells, with `skip` zeros before the first, some after the last."""
    blocks = np.zeros(((cells.size + skip) // BLOCK_SIZE + 1, BLOCK_SIZE))
    blocks.reshape(-1)[skip : skip + cells.size] = cells
    return blocks


def _moments(w: Doubles, x: Doubles) -> Doubles:
    """Return the sums of w, w x and w x**2 within each block."""
    wx, ones = w * x, np.ones(BLOCK_SIZE)
    return np.stack([w @ ones, wx @ ones, np.vecdot(wx, x)])


def run_cost(left: Doubles, right: Doubles) -> Doubles:
    """Return the squared error of the cells between two cuts about their mean; inf for no cells."""
    w = right[0] - left[0]
    mean_term = right[1] - left[1]
    mean_term *= mean_term
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_term /= w
    cost: Doubles = right[2] - left[2]
    cost -= mean_term
    np.maximum(cost, 0, out=cost)
    empty = w <= 0
    if empty.any():
        cost[empty] = np.inf
    return cost


def power_of_two(cells: Floats) -> float:
    """Return the power of two that brings sorted cells into -1..1, so that squares stay finite."""
    peak = max(-float(cells[0]), float(cells[-1]))
    return 2.0 ** -max(int(np.frexp(peak)[1]), -1000)


def pair_costs(cells: Floats, weights: Doubles | None) -> Doubles:
    """Return the scaled cost of every run of a few cells, [first cut, last cut], inf for none.

    Each run grows by one cell at a time (Welford's update) instead of subtracting sums, so nothing
    cancels, however far the cells lie apart.
    """
    x = cells.astype(np.float64) * power_of_two(cells)
    w = np.ones(x.size) if weights is None else weights
    cost = np.full((x.size + 1, x.size + 1), np.inf)
    total, mean, error = w, x, np.zeros(x.size)
    for length in range(1, x.size + 1):
        starts = np.arange(x.size + 1 - length)
        cost[starts, starts + length] = error
        delta = x[length:] - mean[:-1]
        grown = total[:-1] + w[length:]
        share = w[length:] / grown
        error = error[:-1] + delta**2 * total[:-1] * share
        mean, total = mean[:-1] + delta * share, grown
    return cost
