"""Compare uniform grids with k-means at the same entropy of the codes. Read `seeds.py` next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from .._support.validation import as_weights, check_int, finite_range
from ..metrics import entropy_bits
from ..quantizers.kmeans import kmeans_quantize


class EntropyPoint(NamedTuple):
    """k-means and an equal-step grid on one tensor, entropy-coded to the same size.

    Entropies in bits per weight, `sqnr` in dB; ``step`` is the grid's, in weight units.
    """

    k: int
    kmeans_entropy: float
    kmeans_sqnr: float
    uniform_entropy: float
    uniform_sqnr: float
    step: float


def equal_entropy(
    weights: ArrayLike | Tensor, *, ks: Iterable[int] = (2, 4, 8, 16, 32)
) -> list[EntropyPoint]:
    """Return SQNR of k-means and of equal steps, at the same size after an entropy coder.

    At equal k, k-means has the smaller error by construction. But its codes are used more
    evenly, so an entropy coder saves less on them. Here the equal-step grid, with a level at 0
    and as many levels as it needs, gets the step at which its codes have the same entropy.

    Parameters
    ----------
    weights : array_like or Tensor of float
        At least two distinct finite numbers.
    ks : iterable of int, default=(2, 4, 8, 16, 32)
        Numbers of centres, each 2..65536.

    Returns
    -------
    list of EntropyPoint
        One per entry of `ks`; the grid's entropy is never above that of k-means.

    Raises
    ------
    ValueError
        If all weights are equal: their entropy is 0.

    Notes
    -----
    Gish and Pierce (1968) showed that at high rates a uniform quantizer followed by an entropy
    coder is within 0.25 bit of the best possible.

    Examples
    --------
    >>> weights = np.random.default_rng(0).laplace(size=20_000)
    >>> point = equal_entropy(weights, ks=[8])[0]
    >>> point.uniform_entropy <= point.kmeans_entropy, point.uniform_sqnr > point.kmeans_sqnr
    (True, True)
    """
    values = as_weights("weights", weights).astype(np.float64).reshape(-1)
    low, high = finite_range("weights", values)
    if low == high:
        raise ValueError(
            f"`weights` must hold at least two distinct numbers, got only {low:.6g}; "
            "a constant tensor has entropy 0 on every grid."
        )
    points = []
    for k in ks:
        check_int("ks", k, low=2, high=65_536)
        quantized = kmeans_quantize(values, k)
        entropy = entropy_bits(quantized.codes)
        step = _step_at_entropy(values, entropy)
        codes = np.rint(values / step)
        points.append(
            EntropyPoint(
                k,
                entropy,
                _sqnr(values, quantized.dequantize()),
                _grid_entropy(codes),
                _sqnr(values, codes * step),
                step,
            )
        )
    return points


def _step_at_entropy(values: np.ndarray, entropy: float) -> float:
    """Return the finest step whose codes have at most this entropy, by bisection of its log."""
    coarse = float(np.abs(values).max()) * 4  # every weight on the level 0
    fine = coarse * 2.0**-30
    for _ in range(40):
        middle = (coarse * fine) ** 0.5
        if _grid_entropy(np.rint(values / middle)) <= entropy:
            coarse = middle
        else:
            fine = middle
    return coarse


def _grid_entropy(codes: np.ndarray) -> float:
    """Return the entropy of signed codes with any range."""
    low = codes.min()
    if codes.max() - low < 1 << 20:
        return entropy_bits((codes - low).astype(np.intp))
    return entropy_bits(np.unique(codes, return_inverse=True)[1])


def _sqnr(values: np.ndarray, decoded: np.ndarray) -> float:
    """Return the SQNR in dB of float64 arrays."""
    return 10 * float(np.log10(np.sum(values**2) / np.sum((values - decoded) ** 2)))
