"""One-dimensional k-means: the `k` centres with the smallest squared error, and the nearest centre.

In one dimension the clusters are runs of the sorted values, so the search is for ``k - 1`` cuts and
needs neither seed nor restarts. The textbook algorithm, step by step, is in `lloyd.py`. Read
`kmeans_1d` first, then `_best_cuts` and the functions that it calls.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from .._support.validation import as_weights, check_int, finite_range
from ._binning import Bins, bin_ends, group_by_leading_bits, open_bins
from ._prefix_sums import (
    EXACT_MAX_CELLS,
    Cuts,
    Doubles,
    Floats,
    SortedCells,
    pair_costs,
    power_of_two,
    run_cost,
)
from .tensor import Codes

# For at most so many centres of more than so many values, binning is faster than sorting.
BINNING_MAX_K, BINNING_MIN_VALUES = 8, 32_768
BINS_PER_CENTRE = 128  # bins per centre that leave a cut enough places to choose from
CUT_RADIUS = 16  # steps that a cut may move to either side at once


class Centres(NamedTuple):
    """The `k_used` cluster means, ascending, and the weighted sum of squared distances to them."""

    centres: Doubles
    inertia: float
    k_used: int


def kmeans_1d(
    values: ArrayLike | Tensor, k: int, *, sample_weight: ArrayLike | Tensor | None = None
) -> Centres:
    r"""Find `k` centres that minimise :math:`\sum_i w_i \min_j (x_i - c_j)^2`.

    With prefix sums of :math:`w`, :math:`wx` and :math:`wx^2` over the sorted values, the cost of
    a run is three subtractions, :math:`\sum wx^2 - (\sum wx)^2 / \sum w`, and a dynamic program
    picks the cuts: exactly for up to 256 distinct values; beyond, among ever finer neighbourhoods
    of a first guess, down to single values. Deterministic, and never a pass over the values per
    iteration.

    Parameters
    ----------
    values : array_like or Tensor of float16, float32 or float64, any shape
        At least one value, all finite. Never modified.
    k : int from 1 to 65536
        Number of centres wanted. With fewer distinct values there are fewer centres.
    sample_weight : array_like or Tensor of float, shape of `values`, optional
        Importance of each value, at least 0; a weight of 2 counts the value twice.

    Returns
    -------
    Centres
        ``centres`` float64 of shape (k_used,), ``inertia`` float, ``k_used`` int.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above. The message says what to do.

    References
    ----------
    The exact program: Wu, J. Algorithms 12 (1991); Gronlund et al., arXiv:1701.07204 (2017).
    The first guess, centres as dense as density**(1/3): Panter and Dite, Proc. IRE 39 (1951).

    Examples
    --------
    >>> result = kmeans_1d([1.0, 2.0, 9.0, 11.0], 2)
    >>> result.centres.tolist(), result.inertia, result.k_used
    ([1.5, 10.0], 2.5, 2)
    """
    data = as_weights("values", values)
    finite_range("values", data)
    check_int("k", k, low=1, high=65_536)
    if (
        sample_weight is None
        and data.dtype == np.float32
        and k <= BINNING_MAX_K
        and data.size > BINNING_MIN_VALUES
    ):
        bins = group_by_leading_bits(data.reshape(-1))
        if bins.counts.size > max(EXACT_MAX_CELLS, BINS_PER_CENTRE * k):
            return _kmeans_by_bins(data.reshape(-1), bins, k)
    if sample_weight is None:
        cells, weights = np.sort(data, axis=None), None
    else:
        cells, weights = _sort_weighted(data, sample_weight)
    cells, weights = _merge_equal(cells, weights, k)
    k = min(k, cells.size)
    if cells.size <= EXACT_MAX_CELLS:
        cuts = _optimal_cuts(pair_costs(cells, weights), np.arange(cells.size + 1), k)
    else:
        cuts = _best_cuts(SortedCells(cells, weights, k), k)
    return _centres_of_runs(cells, weights, cuts)


def assign(values: ArrayLike | Tensor, centres: ArrayLike) -> Codes:
    """Give every value the index of its nearest centre; a tie goes to the lower one.

    Parameters
    ----------
    values : array_like or Tensor of float16, float32 or float64, any shape
        At least one value, all finite. Never modified, nor copied to float64 as a whole.
    centres : array_like of float, shape (k,)
        1 to 65536 finite values, strictly ascending.

    Returns
    -------
    ndarray of uint8 (up to 256 centres) or uint16, shape of `values`
        ``centres[codes]`` are the quantized values.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above. The message says what to do.

    Examples
    --------
    >>> assign([[0.1, 0.4], [1.6, 0.5]], [0.0, 1.0, 2.0]).tolist()
    [[0, 0], [2, 0]]
    """
    data = as_weights("values", values)
    finite_range("values", data)
    levels = as_weights("centres", centres).astype(np.float64)
    finite_range("centres", levels)
    if levels.ndim != 1 or levels.size > 65536 or (levels[1:] <= levels[:-1]).any():
        raise ValueError(
            "`centres` must be 1-D, strictly ascending and at most 65536, "
            f"got shape {levels.shape}; pass np.unique(centres)."
        )
    # float16 is slow to compare, and exact in float32.
    dtype = np.promote_types(data.dtype, np.float32)
    middles = _middles(levels, dtype)
    codes = np.zeros(data.size, code_type(levels.size))
    flat = data.reshape(-1)
    find = _code_finder(middles, flat.size)
    for first in range(0, flat.size, 65536):
        block = flat[first : first + 65536].astype(dtype, copy=False)
        codes[first : first + 65536] = find(block)
    return codes.reshape(data.shape)


def _code_finder(middles: Floats, size: int) -> Callable[[Floats], NDArray[Any]]:
    """Return the fastest function that counts, for each of `size` values, the middles below it."""
    if middles.dtype == np.float32 and middles.size > 12 and size > 1 << 16:
        low, high = (np.searchsorted(middles, end) for end in bin_ends())
        codes = low.astype(code_type(middles.size + 1))
        mixed = low != high

        def look_up(block: Floats) -> NDArray[Any]:
            keys = block.view(np.uint32) >> 16
            result = codes.take(keys)
            rest = np.flatnonzero(mixed.take(keys))  # their bin contains a middle
            result[rest] = np.searchsorted(middles, block[rest])
            return result

        return look_up
    if middles.size < 256:
        return lambda block: sum(
            ((block > middle).view(np.uint8) for middle in middles), np.zeros(block.size, np.uint8)
        )
    return lambda block: np.searchsorted(middles, block)


def code_type(k: int) -> np.dtype[np.unsignedinteger[Any]]:
    """Return the smallest integer type that counts k centres."""
    return np.dtype(np.uint8) if k <= 256 else np.dtype(np.uint16)


def _middles(levels: Doubles, dtype: np.dtype[Any]) -> Floats:
    """Round the midpoints of the levels down to dtype, so that ``x > middle`` stays exact."""
    half = 0.5 if np.abs(levels).max() < 1e307 else 1.0
    low, high = levels[:-1] * (0.5 / half), levels[1:] * (0.5 / half)
    total = low + high
    lost = (low - (total - (total - low))) + (high - (total - low))  # the rounding error of `total`
    with np.errstate(over="ignore"):
        middles = (total * half).astype(dtype)
    twice = middles.astype(np.float64) / half
    above = (twice > total) | ((twice == total) & (lost < 0))
    return np.where(above, np.nextafter(middles, -np.inf, dtype=dtype), middles)


def _sort_weighted(data: Floats, sample_weight: ArrayLike | Tensor) -> tuple[Floats, Doubles]:
    """Check the weights, drop the values of weight 0 and sort the rest."""
    weights = as_weights("sample_weight", sample_weight).astype(np.float64)
    if weights.shape != data.shape:
        raise ValueError(
            f"`sample_weight` must have the shape of `values`, {data.shape}, got {weights.shape}."
        )
    low, high = weights.min(), weights.max()
    if not (low >= 0 and 0 < high < np.inf):
        raise ValueError(
            "`sample_weight` must be finite, at least 0 and not all 0, "
            f"got {low} to {high}; clip it first (np.clip)."
        )
    chosen = np.flatnonzero(weights)
    chosen = chosen[np.argsort(data.ravel()[chosen])]
    return data.ravel()[chosen], weights.ravel()[chosen]


def _merge_equal(cells: Floats, weights: Doubles | None, k: int) -> tuple[Floats, Doubles | None]:
    """Merge equal values into one weighted cell, unless repeats are too short to matter."""
    if cells.size > CUT_RADIUS * k and not (cells[CUT_RADIUS:] == cells[:-CUT_RADIUS]).any():
        return cells, weights
    starts = np.flatnonzero(np.r_[True, cells[1:] != cells[:-1]])
    if weights is None:
        return cells[starts], np.diff(starts, append=cells.size).astype(np.float64)
    return cells[starts], np.add.reduceat(weights, starts)


def _kmeans_by_bins(values: NDArray[np.float32], bins: Bins, k: int) -> Centres:
    """Return the centres of values in bins, sorting only the bins near a cut.

    For a few centres sorting is most of the work, and nearly all of it orders values far from any
    cut. An unsorted bin counts as its mean; its own squared error is a constant. Bins around the
    cuts are opened until each cut is in an open one.
    """
    total = np.r_[0, bins.counts.cumsum()]
    cells, weights = bins.means, bins.counts
    sorted_cells = SortedCells(cells, weights, k)
    start = sorted_cells.companding_cuts(EXACT_MAX_CELLS // 2)
    start = _optimal_cuts_among(sorted_cells, start, k)
    cuts = _improve_cuts(sorted_cells, start, 4, stop=256)
    opened = np.zeros(bins.counts.size, bool)
    while True:
        before = np.r_[0, weights.cumsum()][cuts]
        beside = np.r_[before[1:-1] - 1, before[1:-1]]  # the last value before each cut, the next
        at = np.searchsorted(total, beside, side="right") - 1
        if opened[at].all():
            result = _centres_of_runs(cells, weights, cuts)
            return result._replace(inertia=result.inertia + float(bins.errors[~opened].sum()))
        for side in (-2, -1, 0, 1, 2):
            opened[np.clip(at + side, 0, opened.size - 1)] = True
        cells, weights = open_bins(values, bins, opened)
        cuts = np.searchsorted(np.r_[0, weights.cumsum()], before)
        cuts = _improve_cuts(SortedCells(cells, weights, k), cuts, 256, finest=values.size)


def _best_cuts(sorted_cells: SortedCells, k: int) -> Cuts:
    """Return the cuts of the best k runs: from companding, improved down to single cells."""
    if k > 85:  # a second descent would gain less than 1e-4
        return _improve_cuts(sorted_cells, sorted_cells.companding_cuts(k), 4)
    if k > 32:
        start = sorted_cells.companding_cuts(k)
    else:
        grid = sorted_cells.companding_cuts(EXACT_MAX_CELLS)
        start = _optimal_cuts_among(sorted_cells, grid, k)
    if k <= 16:
        return _improve_cuts(sorted_cells, start, 4)
    # Different steps end in different local optima: combine the cuts of both.
    both = [_improve_cuts(sorted_cells, start, parts, stop=256) for parts in (4, 6)]
    return _improve_cuts(sorted_cells, _optimal_cuts_among(sorted_cells, np.unique(both), k), 256)


def _optimal_cuts_among(sorted_cells: SortedCells, candidates: Cuts, k: int) -> Cuts:
    """Return the best partition into k runs that cuts only at the candidates."""
    moments = sorted_cells.moments_before(candidates)
    return _optimal_cuts(run_cost(moments[:, :, None], moments[:, None, :]), candidates, k)


def _optimal_cuts(cost: Doubles, candidates: Cuts, k: int) -> Cuts:
    """Return the k runs of least total cost, by dynamic programming over cost[start, end]."""
    best, back = cost[0], []
    for _ in range(k - 1):
        total = cost + best[:, None]
        back.append(total.argmin(0))
        best = total.min(0)
    path = [candidates.size - 1]
    for choice in reversed(back):
        path.append(choice[path[-1]])
    return np.unique(candidates[[0, *path]])


def _improve_cuts(
    sorted_cells: SortedCells,
    cuts: Cuts,
    parts: int,
    *,
    stop: float = np.inf,
    finest: int | None = None,
) -> Cuts:
    """Move all cuts by steps of 1/parts of a cluster, then finer ones, until none helps."""
    best, finest = np.inf, finest or sorted_cells.size
    while True:
        moved, inertia, at_end = _improve_cuts_once(sorted_cells, cuts, parts)
        gain = best - inertia
        if gain > 0:
            cuts, best = moved, inertia
        # Steps of this size leave about 1 / parts**2 of the inertia: a smaller gain is not worth
        # another round. Nor is one needed if a few cuts all stayed within the radius.
        near = not at_end and cuts.size <= 17
        if near or not gain > 0.02 / parts**2 * best or cuts.size > 4096:
            if parts >= min(stop, finest):
                return cuts
            parts = 4 * parts if parts < np.diff(cuts).max() else finest


def _improve_cuts_once(
    sorted_cells: SortedCells, cuts: Cuts, parts: int
) -> tuple[Cuts, float, bool]:
    """Return the best cuts within 16 steps of these, their inertia, and if one moved all 16.

    A step is 1/parts of the cluster that it crosses, measured on companding's integral, which
    weighs a thin tail like the bulk; it is at least one cell. The costs between the options of
    neighbouring cuts form a chain of tables, which a dynamic program minimises over.
    """
    steps, places = np.arange(-CUT_RADIUS, CUT_RADIUS + 1), np.arange(cuts.size)
    height = np.interp(cuts, sorted_cells.knots, sorted_cells.integral)
    height = np.interp(places[:, None] + steps / parts, places, height)
    spread = np.interp(height, sorted_cells.integral, sorted_cells.knots) - cuts[:, None]
    spread = np.sign(steps) * np.maximum(np.abs(np.rint(spread)), np.abs(steps))
    options = np.clip(cuts[:, None] + spread.astype(np.intp), 1, sorted_cells.size - 1)
    options[0], options[-1] = 0, sorted_cells.size
    best, back = np.zeros(steps.size), np.empty(options.shape, np.intp)
    for first in range(1, cuts.size, 16):
        moments = sorted_cells.moments_before(options[first - 1 : first + 16])
        for j, cost in enumerate(
            run_cost(moments[:, :-1, :, None], moments[:, 1:, None, :]), first
        ):
            cost += best[:, None]
            back[j] = cost.argmin(0)
            best = cost.min(0)
    moved, choice, at_end = cuts.copy(), 0, False
    for j in range(cuts.size - 1, 0, -1):
        moved[j] = options[j, choice]
        choice = back[j, choice]
        at_end |= j > 1 and choice in (0, steps.size - 1)
    return moved, float(best[0]), at_end


def _centres_of_runs(cells: Floats, weights: Doubles | None, cuts: Cuts) -> Centres:
    """Return each run's mean and the inertia, computed about a value within the run."""
    centres, inertia = np.empty(cuts.size - 1), 0.0
    for j, (start, end) in enumerate(pairwise(cuts.tolist())):
        run, scale = cells[start:end].astype(np.float64), power_of_two(cells[start:end])
        run *= scale
        middle = run[run.size // 2]
        run -= middle
        w = np.ones(run.size) if weights is None else weights[start:end]
        mean = w @ run / w.sum()
        run -= mean
        centres[j] = (middle + mean) / scale
        inertia += float(w @ (run * run)) / scale / scale
    return Centres(centres, inertia, centres.size)
