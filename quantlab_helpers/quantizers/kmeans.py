"""k-means quantization: weights in, codes and a codebook of centres out.

`kmeans_quantize` places all centres freely, `sparse_kmeans` keeps one at exactly zero. The solver
is in `optimal_kmeans.py`. Read `../metrics.py` next.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from .._support.validation import as_weights, check_int, finite_range
from .optimal_kmeans import assign, kmeans_1d
from .tensor import QuantizedTensor


def kmeans_quantize(
    weights: ArrayLike | Tensor, k: int, *, sample_weight: ArrayLike | Tensor | None = None
) -> QuantizedTensor:
    """Replace every weight by the nearest of `k` centres placed by k-means.

    The course lab calls this non-uniform quantization; weight sharing, clustering and
    palettization are other names for it.

    Parameters
    ----------
    weights : array_like or Tensor of float, any shape
        Finite numbers, at least one.
    k : int
        Number of centres, 1..65536. With fewer distinct weights, each gets its own centre, and
        ``k_used`` is their number.
    sample_weight : array_like or Tensor, same shape, optional
        How much each weight's squared error counts, at least 0; for instance the diagonal of
        the Hessian.

    Returns
    -------
    QuantizedTensor
        ``codebook`` holds the ``k_used`` centres, ``bits`` is ``ceil(log2(k_used))``, at least 1.

    Raises
    ------
    TypeError
        If `k` is not an integer or `weights` does not hold real numbers.
    ValueError
        If `weights` is empty or not finite, or `k` or `sample_weight` is outside its range.

    See Also
    --------
    quantlab_helpers.quantizers.optimal_kmeans.kmeans_1d : the solver.

    Examples
    --------
    >>> quantized = kmeans_quantize(np.array([0.0, 0.25, 4.0, 4.5, 9.0]), 3)
    >>> quantized.codes.tolist(), quantized.codebook.tolist(), quantized.bits
    ([0, 0, 1, 1, 2], [0.125, 4.25, 9.0], 2)
    """
    array = as_weights("weights", weights)
    finite_range("weights", array)
    check_int("k", k, low=1, high=65_536)
    importance = None if sample_weight is None else as_weights("sample_weight", sample_weight)
    centres = kmeans_1d(array, k, sample_weight=importance).centres
    bits = max(1, (len(centres) - 1).bit_length())
    return QuantizedTensor(assign(array, centres), centres.astype(np.float32), bits)


def sparse_kmeans(weights: ArrayLike | Tensor, k: int) -> QuantizedTensor:
    """Quantize to exactly zero and `k` - 1 centres for everything else.

    On a pruned tensor, plain k-means places a centre near the many zeros, but not at zero. Here the
    zeros have a centre of their own, and k-means places the others on the remaining weights.

    Parameters
    ----------
    weights : array_like or Tensor of float, any shape
        Zeros stay zero.
    k : int
        Number of centres including zero, 2..65536.

    Returns
    -------
    QuantizedTensor
        One level, 0, if all weights are zero; the same as `kmeans_quantize` if none is.

    Examples
    --------
    >>> sparse_kmeans([0.0, 0.0, 0.0, 0.5, 0.75, -3.0], 3).codebook.tolist()
    [-3.0, 0.0, 0.625]
    """
    check_int("k", k, low=2, high=65_536)
    array = as_weights("weights", weights)
    finite_range("weights", array)
    used = array != 0
    if used.all():
        return kmeans_quantize(array, k)
    if not used.any():
        return QuantizedTensor(np.zeros(array.shape, np.uint8), np.zeros(1, np.float32), 1)
    rest = kmeans_quantize(array[used], k - 1)
    below = int(np.searchsorted(rest.codebook, 0))
    codebook = np.insert(rest.codebook, below, np.float32(0))
    bits = max(1, (len(codebook) - 1).bit_length())
    codes = np.full(array.shape, below, np.uint8 if bits <= 8 else np.uint16)
    codes[used] = rest.codes + (rest.codes >= below)
    return QuantizedTensor(codes, codebook, bits)
