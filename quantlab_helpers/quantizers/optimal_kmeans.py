"""One-dimensional k-means: the best ``k`` values to stand for many weights.

On a line the clusters are runs of the sorted values, so the search is for ``k - 1`` cuts and needs
neither seed nor restarts. Nothing here knows about bits, layers or files, or clusters vectors; the
textbook algorithm, one visible step at a time, is in `lloyd.py`. Read `kmeans_1d`, then
`_best_cuts` and down from there.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from .._support.validation import as_weights, check_int, finite_range
from ._binning import Bins, bin_ends, group, open_some
from ._prefix_sums import EXACT, Cuts, Doubles, Floats, Line, pair_costs, power_of_two, run_cost

Codes = NDArray[np.unsignedinteger[Any]]

_FEW, _MANY = 8, 32_768  # for up to so many centres of more than so many values, bins beat a sort
_FINE = 128  # bins per centre that leave a cut enough places to choose from
_REACH = 16  # steps that a cut may move to either side in one sweep


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
    >>> found = kmeans_1d([1.0, 2.0, 9.0, 11.0], 2)
    >>> found.centres.tolist(), found.inertia, found.k_used
    ([1.5, 10.0], 2.5, 2)
    """
    data = as_weights("values", values)
    finite_range("values", data)
    check_int("k", k, low=1, high=65_536)
    if sample_weight is None and data.dtype == np.float32 and k <= _FEW and data.size > _MANY:
        bins = group(data.reshape(-1))
        if bins.counts.size > max(EXACT, _FINE * k):
            return _by_bins(data.reshape(-1), bins, k)
    if sample_weight is None:
        cells, weights = np.sort(data, axis=None), None
    else:
        cells, weights = _sort_weighted(data, sample_weight)
    cells, weights = _merge_equal(cells, weights, k)
    k = min(k, cells.size)
    if cells.size <= EXACT:
        cuts = _cheapest(pair_costs(cells, weights), np.arange(cells.size + 1), k)
    else:
        cuts = _best_cuts(Line(cells, weights, k), k)
    return _summarise(cells, weights, cuts)


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
    """Return the fastest way to count, for each of `size` values, the middles below it."""
    if middles.dtype == np.float32 and middles.size > 12 and size > 1 << 16:
        low, high = (np.searchsorted(middles, end) for end in bin_ends())
        codes = low.astype(code_type(middles.size + 1))
        mixed = low != high

        def look_up(block: Floats) -> NDArray[Any]:
            keys = block.view(np.uint32) >> 16
            found = codes.take(keys)
            rest = np.flatnonzero(mixed.take(keys))  # a middle runs through their bin
            found[rest] = np.searchsorted(middles, block[rest])
            return found

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
    lost = (low - (total - (total - low))) + (high - (total - low))  # what rounding took from it
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
    if cells.size > _REACH * k and not (cells[_REACH:] == cells[:-_REACH]).any():
        return cells, weights
    starts = np.flatnonzero(np.r_[True, cells[1:] != cells[:-1]])
    if weights is None:
        return cells[starts], np.diff(starts, append=cells.size).astype(np.float64)
    return cells[starts], np.add.reduceat(weights, starts)


def _by_bins(values: NDArray[np.float32], bins: Bins, k: int) -> Centres:
    """Find the cuts between bins, then open the bins around them until each cut is in an open one.

    Sorting is most of the work for a few centres, and nearly all of it orders values far from any
    cut. A closed bin costs what its mean costs, and a constant.
    """
    total = np.r_[0, bins.counts.cumsum()]
    cells, weights = bins.means, bins.counts
    line = Line(cells, weights, k)
    cuts = _descend(line, _exact(line, line.equal_steps(EXACT // 2), k), 4, stop=256)
    opened = np.zeros(bins.counts.size, bool)
    while True:
        before = np.r_[0, weights.cumsum()][cuts]
        beside = np.r_[before[1:-1] - 1, before[1:-1]]  # the last value before each cut, the next
        at = np.searchsorted(total, beside, side="right") - 1
        if opened[at].all():
            found = _summarise(cells, weights, cuts)
            return found._replace(inertia=found.inertia + float(bins.errors[~opened].sum()))
        for side in (-2, -1, 0, 1, 2):
            opened[np.clip(at + side, 0, opened.size - 1)] = True
        cells, weights = open_some(values, bins, opened)
        cuts = np.searchsorted(np.r_[0, weights.cumsum()], before)
        cuts = _descend(Line(cells, weights, k), cuts, 256, finest=values.size)


def _best_cuts(line: Line, k: int) -> Cuts:
    """Start from companding, descend to single cells, and join what two descents found best."""
    if k > 85:  # where a second descent costs more than the 1e-4 that it gains
        return _descend(line, line.equal_steps(k), 4)
    start = line.equal_steps(k) if k > 32 else _exact(line, line.equal_steps(EXACT), k)
    if k <= 16:
        return _descend(line, start, 4)
    # Steps of other sizes get caught in other places, so each descent may be best somewhere.
    found = [_descend(line, start, parts, stop=256) for parts in (4, 6)]
    return _descend(line, _exact(line, np.unique(found), k), 256)


def _exact(line: Line, candidates: Cuts, k: int) -> Cuts:
    """Return the best partition into k runs among all that cut only at the candidates."""
    moments = line.before(candidates)
    return _cheapest(run_cost(moments[:, :, None], moments[:, None, :]), candidates, k)


def _cheapest(cost: Doubles, candidates: Cuts, k: int) -> Cuts:
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


def _descend(
    line: Line, cuts: Cuts, parts: int, *, stop: float = np.inf, finest: int | None = None
) -> Cuts:
    """Move all cuts at once, in steps of 1/parts of a cluster and finer, until none helps."""
    best, finest = np.inf, finest or line.size
    while True:
        moved, inertia, at_end = _sweep(line, cuts, parts)
        gain = best - inertia
        if gain > 0:
            cuts, best = moved, inertia
        # A grid of steps costs about 1 / parts**2 of the inertia: perfecting it further is vain.
        # And where a few cuts all stayed within reach, another look would find them in place.
        near = not at_end and cuts.size <= 17
        if near or not gain > 0.02 / parts**2 * best or cuts.size > 4096:
            if parts >= min(stop, finest):
                return cuts
            parts = 4 * parts if parts < np.diff(cuts).max() else finest


def _sweep(line: Line, cuts: Cuts, parts: int) -> tuple[Cuts, float, bool]:
    """Return the best cuts within 16 steps of these, their inertia, and if one took all 16.

    A step is 1/parts of the cluster that it crosses, measured on companding's integral, where it
    matters as much in a thin tail as in the bulk; none is shorter than one cell. The costs
    between the options of neighbouring cuts form a chain of tables: a dynamic program walks it.
    """
    steps, places = np.arange(-_REACH, _REACH + 1), np.arange(cuts.size)
    height = np.interp(cuts, line.knots, line.integral)
    height = np.interp(places[:, None] + steps / parts, places, height)
    spread = np.interp(height, line.integral, line.knots) - cuts[:, None]
    spread = np.sign(steps) * np.maximum(np.abs(np.rint(spread)), np.abs(steps))
    options = np.clip(cuts[:, None] + spread.astype(np.intp), 1, line.size - 1)
    options[0], options[-1] = 0, line.size
    best, back = np.zeros(steps.size), np.empty(options.shape, np.intp)
    for first in range(1, cuts.size, 16):
        moments = line.before(options[first - 1 : first + 16])
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


def _summarise(cells: Floats, weights: Doubles | None, cuts: Cuts) -> Centres:
    """Compute each run's mean and squared error afresh, about a value of its own."""
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
