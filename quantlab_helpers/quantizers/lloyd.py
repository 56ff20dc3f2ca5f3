"""Lloyd's algorithm, one visible step at a time: k-means as it is taught.

For learning, not for quantizing: `optimal_kmeans.py` finds the optimum directly.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from .._support.validation import as_weights, check_choice, check_int, finite_range
from ._prefix_sums import Doubles
from .optimal_kmeans import code_type
from .tensor import Codes

Init = Literal["linear", "density", "random", "k-means++"]


class LloydStep(NamedTuple):
    """State after one half of an iteration of `lloyd`: new codes ("assign") or centres ("update").

    `codes` have the shape of the values; `empty` lists the clusters that no value chose.
    """

    iteration: int
    phase: Literal["assign", "update"]
    centres: Doubles
    codes: Codes
    inertia: float
    empty: NDArray[np.intp]


def lloyd(
    values: ArrayLike | Tensor,
    k: int,
    *,
    init: Init = "linear",
    rng: np.random.Generator | None = None,
    max_iter: int = 100,
) -> Iterator[LloydStep]:
    """Yield the states of Lloyd's algorithm: assign, update, assign, ... until no code changes.

    The inertia never rises, but where it ends depends on where it starts; compare `kmeans_1d`.
    A centre that no value chooses stays where it is and is listed as empty.

    Parameters
    ----------
    values : array_like or Tensor of float, any shape
        At least one value, all finite.
    k : int from 1 to 65536
        Number of centres.
    init : {"linear", "density", "random", "k-means++"}, default="linear"
        Start from equal steps from minimum to maximum; from equal shares of the values; from
        `k` of the values at random (Forgy); or from values far from those drawn before.
    rng : numpy.random.Generator, optional
        Random numbers for "random" and "k-means++", which require it.
    max_iter : int, default=100
        Stop after this many iterations.

    Yields
    ------
    LloydStep
        After every assignment, with the codes new, and after every update, with the centres new.

    Raises
    ------
    TypeError, ValueError
        At the call: if an argument is not as above, or `k` values cannot be drawn.

    References
    ----------
    Lloyd, Bell Labs (1957) and IEEE Trans. Inf. Theory 28 (1982). The starts on weights: Han, Mao
    and Dally, ICLR 2016. k-means++: Arthur and Vassilvitskii, SODA 2007.

    Examples
    --------
    >>> for step in lloyd([0.0, 1.0, 5.0, 6.0, 7.0], 2):
    ...     print(step.iteration, step.phase, step.centres.tolist(), step.inertia)
    1 assign [0.0, 7.0] 6.0
    1 update [0.5, 6.0] 2.5
    2 assign [0.5, 6.0] 2.5
    """
    data = as_weights("values", values).astype(np.float64)
    finite_range("values", data)
    check_int("k", k, low=1, high=65_536)
    check_int("max_iter", max_iter, low=1)
    check_choice("init", init, ("linear", "density", "random", "k-means++"))
    x = data.ravel()
    if init == "linear":
        centres = np.linspace(x.min(), x.max(), k)
    elif init == "density":
        centres = np.quantile(x, (np.arange(k) + 0.5) / k)
    elif rng is None:
        raise ValueError(f"`rng` is needed by init={init!r}; pass np.random.default_rng(seed).")
    elif k > x.size:
        raise ValueError(
            f"`k` must be at most the number of values for init={init!r}, "
            f"got {k} for {x.size}; pass init='linear'."
        )
    elif init == "random":
        centres = np.sort(rng.choice(x, k, replace=False))
    else:
        centres = _kmeans_plus_plus(x, k, rng)
    return _iterate(data, centres, max_iter)


def _iterate(data: Doubles, centres: Doubles, max_iter: int) -> Iterator[LloydStep]:
    """Alternate: the nearest centre for every value, then the mean value for every centre."""
    x, k = data.ravel(), centres.size
    old: NDArray[np.intp] | None = None
    for iteration in range(1, max_iter + 1):
        nearest = np.searchsorted((centres[:-1] + centres[1:]) / 2, x)
        count = np.bincount(nearest, minlength=k)
        empty = np.flatnonzero(count == 0)
        codes = nearest.astype(code_type(k)).reshape(data.shape)
        inertia = float(((x - centres[nearest]) ** 2).sum())
        yield LloydStep(iteration, "assign", centres, codes, inertia, empty)
        if old is not None and np.array_equal(nearest, old):
            return
        total = np.bincount(nearest, x, minlength=k)
        centres = np.where(count > 0, total / np.maximum(count, 1), centres)
        inertia = float(((x - centres[nearest]) ** 2).sum())
        yield LloydStep(iteration, "update", centres, codes, inertia, empty)
        old = nearest


def _kmeans_plus_plus(x: Doubles, k: int, rng: np.random.Generator) -> Doubles:
    """Return k values, drawn in proportion to their squared distance to those drawn before."""
    centres = [rng.choice(x)]
    distance = np.full(x.size, np.inf)
    while len(centres) < k:
        distance = np.minimum(distance, (x - centres[-1]) ** 2)
        total = distance.sum()
        centres.append(rng.choice(x, p=distance / total if total > 0 else None))
    return np.sort(centres)
