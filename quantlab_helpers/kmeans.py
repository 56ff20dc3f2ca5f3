"""One-dimensional k-means: the best ``k`` values to stand for many weights.

Two layers live here. `lloyd` is the textbook algorithm, one visible step at a time, for learning.
`kmeans_1d` and `assign` are for use: on a line the clusters are intervals of the sorted values, so
the search is for ``k - 1`` cuts, and it needs no seed and no restarts. Nothing here knows about
bits, layers or files, and nothing clusters vectors. Read `kmeans_1d`, then `_descend`, first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating[Any]]
Doubles = NDArray[np.float64]
Cuts = NDArray[np.intp]
Codes = NDArray[np.uint8 | np.uint16]
Init = Literal["linear", "density", "random", "k-means++"]

_BLOCK = 16  # sorted values per stored prefix sum
_TAKEN = np.tri(_BLOCK, _BLOCK, -1)  # row i: which cells of a block lie before its i-th cut
_EXACT = 256  # candidate cuts that the exact dynamic program takes
_REACH = 16  # steps that a cut may move to either side in one sweep


class Centres(NamedTuple):
    """What `kmeans_1d` found.

    Attributes
    ----------
    centres : ndarray of float64, shape (k_used,)
        Cluster means, strictly ascending.
    inertia : float
        Weighted sum of squared distances of the values to the centre of their cluster.
    k_used : int
        Number of clusters: `k`, or the number of distinct values if that is smaller.
    """

    centres: Doubles
    inertia: float
    k_used: int


class LloydStep(NamedTuple):
    """One half-step of `lloyd`: after the codes changed, or after the centres did.

    Attributes
    ----------
    iteration : int
        Counts from 1; an iteration is an "assign" followed by an "update".
    phase : str
        ``"assign"`` or ``"update"``.
    centres : ndarray of float64, shape (k,)
        Ascending; an empty cluster keeps its old centre.
    codes : ndarray of uint8 or uint16, shape of the values
        Cluster of each value.
    inertia : float
        Sum of squared distances for these codes and these centres.
    empty : ndarray of int, shape (n_empty,)
        Clusters that no value chose.
    """

    iteration: int
    phase: str
    centres: Doubles
    codes: Codes
    inertia: float
    empty: NDArray[np.intp]


def kmeans_1d(values: ArrayLike, k: int, *, sample_weight: ArrayLike | None = None) -> Centres:
    r"""Find `k` centres that minimise :math:`\sum_i w_i \min_j (x_i - c_j)^2`.

    Optimal clusters are intervals of the sorted values. With prefix sums of :math:`w`,
    :math:`wx` and :math:`wx^2` the cost of any interval is a few subtractions, and a dynamic
    program picks the cuts. It is exact for at most 256 distinct values. Beyond, it runs over 256
    candidate cuts placed by companding and then over ever finer neighbourhoods of the best cuts,
    down to single values. Deterministic; after the sort the values are hardly touched again.

    Parameters
    ----------
    values : array_like of float16, float32 or float64, any shape
        At least one value, all finite. Never modified.
    k : int from 1 to 65536
        Number of centres wanted.
    sample_weight : array_like of float, shape of `values`, optional
        Non-negative importance of each value; a weight of 2 counts the value twice.

    Returns
    -------
    Centres
        Centres, inertia and number of clusters used.

    Raises
    ------
    ValueError
        If `values` is empty or not finite, `k` is not an int from 1 to 65536, or `sample_weight`
        has another shape, a negative or non-finite entry, or no positive one.

    References
    ----------
    Wu, "Optimal quantization by matrix searching", J. Algorithms 12 (1991), for the exact program.
    Gronlund et al., "Fast exact k-means, k-medians and Bregman divergence clustering in 1D",
    arXiv:1701.07204 (2017), for the survey of exact methods.
    Panter and Dite, Proc. IRE 39 (1951), for companding: centres as dense as density**(1/3).

    Examples
    --------
    >>> found = kmeans_1d([1.0, 2.0, 9.0, 11.0], 2)
    >>> found.centres.tolist(), found.inertia, found.k_used
    ([1.5, 10.0], 2.5, 2)
    """
    data = _as_finite("values", values)
    _check_k(k)
    if sample_weight is None:
        cells, weights = np.sort(data, axis=None), None
    else:
        cells, weights = _sort_weighted(data, sample_weight)
    cells, weights = _collapse(cells, weights, k)
    k = min(k, cells.size)
    cuts = _best_cuts(_Line(cells, weights, k), k)
    return _summarise(cells, weights, cuts)


def assign(values: ArrayLike, centres: ArrayLike) -> Codes:
    """Give every value the index of its nearest centre; a tie goes to the lower one.

    Parameters
    ----------
    values : array_like of float16, float32 or float64, any shape
        All finite. Never modified, and never copied to float64 as a whole.
    centres : array_like of float, shape (k,)
        Finite and strictly ascending, 1 to 65536 of them.

    Returns
    -------
    ndarray of uint8 (at most 256 centres) or uint16, shape of `values`
        ``centres[codes]`` are the quantized values.

    Raises
    ------
    ValueError
        If `values` is empty or not finite, or `centres` is not as above.

    Examples
    --------
    >>> assign([[0.1, 0.4], [1.6, 0.5]], [0.0, 1.0, 2.0]).tolist()
    [[0, 0], [2, 0]]
    """
    data = _as_finite("values", values)
    levels = np.asarray(_as_finite("centres", centres), np.float64)
    _check_k(levels.size, "the number of `centres`")
    if levels.ndim != 1 or (np.diff(levels) <= 0).any():
        raise ValueError(
            f"`centres` must be 1-D and strictly ascending, got shape {levels.shape}; "
            "pass np.unique(centres)."
        )
    return _assign(data, levels)


def lloyd(
    values: ArrayLike,
    k: int,
    *,
    init: Init = "linear",
    rng: np.random.Generator | None = None,
    max_iter: int = 100,
) -> Iterator[LloydStep]:
    """Watch Lloyd's algorithm work: assign, update, assign, ... until no code changes.

    The inertia never rises, yet where it ends depends on where it starts; compare the four starts
    with `kmeans_1d`. A centre that no value chooses stays where it is and is listed as empty.

    Parameters
    ----------
    values : array_like of float, any shape
        At least one value, all finite.
    k : int from 1 to 65536
        Number of centres.
    init : {"linear", "density", "random", "k-means++"}, default="linear"
        Where the centres start: equal steps from minimum to maximum, equal shares of the values,
        `k` of the values drawn at random (Forgy), or values drawn far from those drawn before.
    rng : numpy.random.Generator, optional
        Source of the two random starts, which need one.
    max_iter : int, default=100
        Give up after this many iterations.

    Yields
    ------
    LloydStep
        After every assignment and after every update.

    Raises
    ------
    ValueError
        At the call, not at the first step: if an argument is not as above, or if a random start
        is asked for more centres than there are values.

    References
    ----------
    Lloyd, "Least squares quantization in PCM", Bell Labs (1957), IEEE Trans. IT 28 (1982).
    Han, Mao and Dally, "Deep Compression", ICLR 2016, for the first three starts on weights.
    Arthur and Vassilvitskii, "k-means++", SODA 2007.

    Examples
    --------
    >>> for step in lloyd([0.0, 1.0, 5.0, 6.0, 7.0], 2):
    ...     print(step.iteration, step.phase, step.centres.tolist(), step.inertia)
    1 assign [0.0, 7.0] 6.0
    1 update [0.5, 6.0] 2.5
    2 assign [0.5, 6.0] 2.5
    """
    data = np.asarray(_as_finite("values", values), np.float64)
    _check_k(k)
    _check_k(max_iter, "`max_iter`")
    if init not in ("linear", "density", "random", "k-means++"):
        raise ValueError(
            f"`init` must be 'linear', 'density', 'random' or 'k-means++', got {init!r}."
        )
    if init in ("random", "k-means++"):
        if rng is None:
            raise ValueError(f"`init`={init!r} needs `rng`; pass rng=np.random.default_rng(seed).")
        if k > data.size:
            raise ValueError(
                f"`k` must be at most the number of values for `init`={init!r}, "
                f"got {k} for {data.size}; pass init='linear'."
            )
    return _lloyd(data, _initial_centres(data.ravel(), k, init, rng), max_iter)


def _as_finite(name: str, values: ArrayLike) -> Floats:
    """Return a non-empty, finite float array; float16, float32 and float64 stay what they are."""
    array = np.asarray(values)
    if array.dtype not in (np.float16, np.float32, np.float64):
        array = array.astype(np.float64)
    if array.size == 0:
        raise ValueError(f"`{name}` must hold at least one value, got shape {array.shape}.")
    # One NaN or infinity shows in the minimum or the maximum.
    if not np.isfinite([array.min(), array.max()]).all():
        nan, inf = np.isnan(array).sum(), np.isinf(array).sum()
        raise ValueError(
            f"`{name}` must be finite, got {nan} NaN and {inf} inf of {array.size}; "
            "remove or replace them first (np.nan_to_num)."
        )
    return array


def _check_k(k: int, name: str = "`k`") -> None:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= 65536:
        raise ValueError(f"{name} must be an int from 1 to 65536, got {k!r}.")


def _sort_weighted(data: Floats, sample_weight: ArrayLike) -> tuple[Floats, Doubles]:
    """Check the weights, drop the values of weight 0 and sort the rest."""
    weights = np.asarray(sample_weight, np.float64)
    if weights.shape != data.shape:
        raise ValueError(
            f"`sample_weight` must have the shape of `values` {data.shape}, got {weights.shape}."
        )
    if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.max() > 0):
        raise ValueError(
            "`sample_weight` must be finite, >= 0 and not all 0, "
            f"got values from {weights.min()} to {weights.max()}; clip or rescale it first."
        )
    chosen = np.flatnonzero(weights)
    chosen = chosen[np.argsort(data.ravel()[chosen])]
    return data.ravel()[chosen], weights.ravel()[chosen]


def _collapse(cells: Floats, weights: Doubles | None, k: int) -> tuple[Floats, Doubles | None]:
    """Merge equal values into one weighted cell, unless repeats are too few and short to matter."""
    few = cells.size > _REACH * k and not (cells[_REACH:] == cells[:-_REACH]).any()
    if few or cells.size == 1:
        return cells, weights
    starts = np.flatnonzero(np.r_[True, cells[1:] != cells[:-1]])
    if weights is None:
        return cells[starts], np.diff(starts, append=cells.size).astype(np.float64)
    return cells[starts], np.add.reduceat(weights, starts)


def _scale(cells: Floats) -> float:
    """Return the power of two that brings sorted cells into -1..1, so that squares stay finite."""
    peak = max(-float(cells[0]), float(cells[-1]))
    return 2.0 ** -max(int(np.frexp(peak)[1]), -1000)


class _Line:
    """The sorted cells as a line on which to place cuts; cut ``i`` lies before cell ``i``.

    Sums of weight, of x and of x**2 are stored for every 16th cut only; other cuts add their few
    cells on demand. The sums run outward from the middle cell, about it, so that far outliers
    cannot drown the digits of the rest.
    """

    def __init__(self, cells: Floats, weights: Doubles | None, k: int) -> None:
        self.size, rows = cells.size, cells.size // _BLOCK + 1
        self.x = np.zeros((rows, _BLOCK))
        x = self.x.reshape(-1)[: self.size]
        x[:] = cells
        x *= _scale(cells)
        x -= x[self.size // 2]
        self.w = None if weights is None else np.zeros((rows, _BLOCK))
        if self.w is not None:
            self.w.reshape(-1)[: self.size] = weights
        blocks, ones = np.empty((3, rows)), np.ones((1024, _BLOCK))
        for first in range(0, rows, 1024):
            some = slice(first, first + 1024)
            part = self.x[some]
            w = ones[: len(part)] if self.w is None else self.w[some]
            blocks[:, some] = _moments(w, part)
        self.stored, middle = np.zeros((3, rows)), self.size // 2 // _BLOCK
        self.stored[:, middle + 1 :] = blocks[:, middle:-1].cumsum(1)
        self.stored[:, :middle] = -blocks[:, :middle][:, ::-1].cumsum(1)[:, ::-1]
        # Companding's integral of density**(1/3), between knots that are denser at both ends.
        even = np.linspace(0, self.size - 1, max(1024, 2 * k)).astype(np.intp)
        tail = np.geomspace(1, self.size, 256).astype(np.intp) - 1
        knots = np.unique(np.r_[even, tail, self.size - 1 - tail])
        mass = np.diff(self.before(knots)[0])
        self.knots = np.r_[0, knots[1:] + 0.5]
        self.integral = np.r_[0, np.cbrt(mass * np.diff(x[knots]) ** 2).cumsum()]

    def before(self, cuts: Cuts) -> Doubles:
        """Return the three sums, shape (3, *cuts.shape), over the cells before each cut."""
        row, rest = np.divmod(cuts, _BLOCK)
        w = _TAKEN.take(rest, 0)
        if self.w is not None:
            w *= self.w.take(row, 0)
        return self.stored.take(row, 1) + _moments(w, self.x.take(row, 0))

    def equal_steps(self, k: int) -> Cuts:
        """Return k + 1 distinct cuts, both ends included, at equal steps of the integral."""
        n, i = self.size, np.arange(k + 1)
        steps = np.interp(i * (self.integral[-1] / k), self.integral, self.knots).astype(np.intp)
        # Push up what is too low, then down what is too high.
        cuts = np.minimum(np.maximum.accumulate(steps - i) + i, n - k + i)
        cuts[0], cuts[-1] = 0, n
        return np.maximum(cuts, i)


def _moments(w: Doubles, x: Doubles) -> Doubles:
    """Return the sums of w, w x and w x**2 within each block."""
    wx, ones = w * x, np.ones(_BLOCK)
    return np.stack([w @ ones, wx @ ones, np.vecdot(wx, x)])


def _cost(left: Doubles, right: Doubles) -> Doubles:
    """Return the squared error about their mean of the cells between two cuts; inf if none are."""
    w = right[0] - left[0]
    between = right[1] - left[1]
    between *= between
    with np.errstate(divide="ignore", invalid="ignore"):
        between /= w
    # Shrinking by 1e-15 shifts the cost of every partition alike, and rounds single cells to 0.
    error = (right[2] - left[2]) * (1 - 1e-15)
    error -= between
    np.maximum(error, 0, out=error)
    empty = w <= 0
    if empty.any():
        error[empty] = np.inf
    return error


def _best_cuts(line: _Line, k: int) -> Cuts:
    """Start from companding, descend to single cells, and join what two descents found best."""
    if line.size <= _EXACT:
        return _exact(line, np.arange(line.size + 1), k)
    if k > 85:
        return _descend(line, line.equal_steps(k), 4)
    start = line.equal_steps(k) if k > 32 else _exact(line, line.equal_steps(_EXACT), k)
    if k <= 16:
        return _descend(line, start, 4)
    # Steps of other sizes get caught in other places, so each descent may be best somewhere.
    found = [_descend(line, start, parts, stop=256) for parts in (4, 6)]
    return _descend(line, _exact(line, np.unique(found), k), 256)


def _exact(line: _Line, candidates: Cuts, k: int) -> Cuts:
    """Return the best partition into k runs among all that cut only at the candidates."""
    moments = line.before(candidates)
    cost = _cost(moments[:, :, None], moments[:, None, :])
    best, back = cost[0], []
    for _ in range(k - 1):
        total = cost + best[:, None]
        back.append(total.argmin(0))
        best = total.min(0)
    path = [candidates.size - 1]
    for choice in reversed(back):
        path.append(choice[path[-1]])
    return candidates[[0, *path[::-1]]]


def _descend(line: _Line, cuts: Cuts, parts: int, stop: float = np.inf) -> Cuts:
    """Move all cuts at once, in ever finer steps, until no single cell helps."""
    best = np.inf
    while True:
        moved, inertia = _sweep(line, cuts, parts)
        gain = best - inertia
        if gain > 0:
            cuts, best = moved, inertia
        # The grid itself costs about 1 / parts**2 of the inertia: no use in perfecting it further.
        if gain <= 0.02 / parts**2 * best or cuts.size > 4096:
            if parts >= min(stop, line.size):
                return cuts
            parts = 4 * parts if parts < np.diff(cuts).max() else line.size


def _sweep(line: _Line, cuts: Cuts, parts: int) -> tuple[Cuts, float]:
    """Return the best cuts within 16 steps of these, a step being 1/parts of a cluster.

    Steps follow the clusters they cross, so 16 steps of a quarter let a cut pass four neighbours
    and a whole cluster wander along the line; no step is shorter than one cell. The candidates of
    neighbouring cuts form a chain of small cost tables, and a dynamic program walks along it.
    """
    k = cuts.size - 1
    steps = np.arange(-_REACH, _REACH + 1)
    places = np.arange(k + 1)
    height = np.interp(cuts, line.knots, line.integral)
    height = np.interp(places[:, None] + steps / parts, places, height)
    spread = np.interp(height, line.integral, line.knots) - cuts[:, None]
    spread = np.sign(steps) * np.maximum(np.abs(np.rint(spread)), np.abs(steps))
    options = np.clip(cuts[:, None] + spread.astype(np.intp), 1, line.size - 1)
    options[0], options[-1] = 0, line.size
    best, back = np.zeros(steps.size), np.empty((k, steps.size), np.intp)
    for first in range(0, k, 16):
        moments = line.before(options[first : first + 17])
        for j, cost in enumerate(_cost(moments[:, :-1, :, None], moments[:, 1:, None, :]), first):
            cost += best[:, None]
            back[j] = cost.argmin(0)
            best = cost.min(0)
    choice, moved = 0, cuts.copy()
    for j in range(k - 1, 0, -1):
        choice = back[j, choice]
        moved[j] = options[j, choice]
    return moved, float(best[0])


def _summarise(cells: Floats, weights: Doubles | None, cuts: Cuts) -> Centres:
    """Compute each run's mean and squared error afresh, about a value of its own."""
    centres, inertia = np.empty(cuts.size - 1), 0.0
    for j, (start, end) in enumerate(zip(cuts[:-1], cuts[1:], strict=True)):
        run = cells[start:end].astype(np.float64)
        scale = _scale(run)
        run *= scale
        anchor = run[run.size // 2]
        run -= anchor
        if weights is None:
            mean = run.mean()
            run -= mean
            error = run @ run
        else:
            w = weights[start:end]
            mean = w @ run / w.sum()
            run -= mean
            error = w @ (run * run)
        centres[j] = (anchor + mean) / scale
        inertia += float(error) / scale / scale
    return Centres(centres, inertia, centres.size)


def _assign(data: Floats, levels: Doubles) -> Codes:
    """Count the midpoints below each value, which is the index of its nearest level."""
    dtype = np.uint8 if levels.size <= 256 else np.uint16
    middles = _middles(levels, data.dtype)
    flat, codes = data.reshape(-1), np.zeros(data.size, dtype)
    for first in range(0, flat.size, 65536):
        block, out = flat[first : first + 65536], codes[first : first + 65536]
        if levels.size > 40:
            out[:] = np.searchsorted(middles, block)
        else:
            for middle in middles:
                out += block > middle
    return codes.reshape(data.shape)


def _middles(levels: Doubles, dtype: np.dtype[Any]) -> Floats:
    """Round the midpoints of the levels down to dtype, so that ``x > middle`` stays exact."""
    low, high = levels[:-1] / 2, levels[1:] / 2
    exact = low + high
    rest = (low - (exact - (exact - low))) + (high - (exact - low))  # what the sum rounded off
    with np.errstate(over="ignore"):
        middles = exact.astype(dtype)
    above = (middles > exact) | ((middles == exact) & (rest < 0))
    middles[above] = np.nextafter(middles[above], dtype.type(-np.inf))
    return middles


def _initial_centres(data: Doubles, k: int, init: Init, rng: np.random.Generator | None) -> Doubles:
    """Return k ascending start centres."""
    if init == "linear":
        return np.linspace(data.min(), data.max(), k)
    if init == "density":
        return np.quantile(data, (np.arange(k) + 0.5) / k)
    assert rng is not None
    if init == "random":
        return np.sort(rng.choice(data, k, replace=False))
    centres = [rng.choice(data)]
    distance = np.full(data.size, np.inf)
    while len(centres) < k:
        distance = np.minimum(distance, (data - centres[-1]) ** 2)
        total = distance.sum()
        centres.append(rng.choice(data, p=distance / total if total > 0 else None))
    return np.sort(centres)


def _lloyd(data: Doubles, centres: Doubles, max_iter: int) -> Iterator[LloydStep]:
    x, k = data.ravel(), centres.size
    dtype = np.uint8 if k <= 256 else np.uint16
    codes = None
    for iteration in range(1, max_iter + 1):
        before, codes = codes, np.searchsorted((centres[:-1] + centres[1:]) / 2, x)
        count = np.bincount(codes, minlength=k)
        empty = np.flatnonzero(count == 0)
        for phase in ("assign", "update"):
            if phase == "update":
                total = np.bincount(codes, weights=x, minlength=k)
                centres = np.where(count > 0, total / np.maximum(count, 1), centres)
            inertia = float(((x - centres[codes]) ** 2).sum())
            shaped = codes.astype(dtype).reshape(data.shape)
            yield LloydStep(iteration, phase, centres, shaped, inertia, empty)
            if before is not None and (codes == before).all():
                return
