"""Group float32 values by their leading 16 bits: a histogram in one pass, without a sort.

A bin is one sign, one exponent and seven bits of mantissa: narrower than 1% of any value in it
(except subnormal numbers).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
BLOCK_SIZE = 1 << 18
_ASCENDING = np.r_[0xFFFF:0x7FFF:-1, 0:0x8000]  # bins by value: the negative ones run backwards


class Bins(NamedTuple):
    """The bins in use, by ascending value, and the bin of every value.

    ``counts``, ``means`` and ``errors`` (sums of squared distances to the mean) are float64 of
    shape (bins,); ``labels`` are the leading bits of each bin, ``keys`` those of each value.
    """

    keys: NDArray[np.uint16]
    labels: NDArray[np.intp]
    counts: Doubles
    means: Doubles
    errors: Doubles


def group_by_leading_bits(values: NDArray[np.float32]) -> Bins:
    """Return the bins of the values, with the count, mean and squared error of each."""
    keys = np.empty(values.size, np.uint16)
    counts, first, second = np.zeros((3, 1 << 16))
    # Allocated once: new pages for every block would cost as much as the arithmetic.
    length = min(BLOCK_SIZE, values.size)
    all_edges, all_keys, all_offsets = (np.empty(length, t) for t in (np.uint32, np.intp, float))
    for start in range(0, values.size, BLOCK_SIZE):
        block = values[start : start + BLOCK_SIZE]
        bits = block.view(np.uint32)
        edge, key, offset = (a[: block.size] for a in (all_edges, all_keys, all_offsets))
        np.right_shift(bits, 16, out=key)
        keys[start : start + BLOCK_SIZE] = key
        # Relative to the bin's edge, so that the squares lose no precision.
        np.bitwise_and(bits, 0xFFFF0000, out=edge)
        np.subtract(block, edge.view(np.float32), out=offset, dtype=np.float64)
        counts += np.bincount(key, minlength=1 << 16)
        first += np.bincount(key, offset, 1 << 16)
        offset *= offset
        second += np.bincount(key, offset, 1 << 16)
    labels = _ASCENDING[counts[_ASCENDING] > 0]
    n, moved = counts[labels], first[labels] / counts[labels]
    edges = (labels.astype(np.uint32) << 16).view(np.float32)
    errors = np.maximum(second[labels] - n * moved**2, 0)
    return Bins(keys, labels, n, edges + moved, errors)


def bin_ends() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the smallest and the largest value of each of the 65,536 bins, by leading bits."""
    near = (np.arange(1 << 16, dtype=np.uint32) << 16).view(np.float32)
    far = (np.arange(1 << 16, dtype=np.uint32) << 16 | 0xFFFF).view(np.float32)
    return np.minimum(near, far), np.maximum(near, far)


def open_bins(
    values: NDArray[np.float32], bins: Bins, chosen: NDArray[np.bool_]
) -> tuple[Doubles, Doubles]:
    """Return ascending cells and weights: distinct values of the chosen bins, means of the rest."""
    inside = np.zeros(1 << 16, bool)
    inside[bins.labels[chosen]] = True
    singles = np.sort(values[inside[bins.keys]]).astype(np.float64)
    starts = np.flatnonzero(np.r_[True, singles[1:] != singles[:-1]])
    repeats = np.diff(starts, append=singles.size).astype(np.float64)
    singles = singles[starts]
    places = np.searchsorted(singles, bins.means[~chosen])
    return (
        np.insert(singles, places, bins.means[~chosen]),
        np.insert(repeats, places, bins.counts[~chosen]),
    )
