"""Error, entropy, distinct values and bytes: the costs and savings of quantization as numbers.

Arrays and `QuantizedTensor` in, one number out. Read `network.py` next.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ._support.validation import as_weights
from .quantizers.tensor import QuantizedTensor


def sse(weights: ArrayLike | Tensor, quantized: QuantizedTensor) -> float:
    """Return the sum of squared errors between weights and their quantized values.

    Parameters
    ----------
    weights : array_like or Tensor of float
        The weights before quantization.
    quantized : QuantizedTensor
        The same weights after it.

    Returns
    -------
    float
        In squared weight units; k-means calls it inertia. Summed in float64.

    Raises
    ------
    ValueError
        If the two differ in shape.

    Examples
    --------
    >>> from quantlab_helpers import uniform_quantize
    >>> weights = np.array([0.0, 0.25, 1.0])
    >>> sse(weights, uniform_quantize(weights, 1))
    0.0625
    """
    error = _flat_errors(weights, quantized)
    return float(np.dot(error, error))


def sqnr_db(weights: ArrayLike | Tensor, quantized: QuantizedTensor) -> float:
    r"""Return the signal-to-quantization-noise ratio in decibels.

    .. math:: 10 \log_{10} \frac{\sum w^2}{\sum (w - \hat w)^2}

    Parameters
    ----------
    weights : array_like or Tensor of float
        The weights before quantization.
    quantized : QuantizedTensor
        The same weights after it.

    Returns
    -------
    float
        In dB; infinite if there is no error. One bit more is worth about 6 dB.

    Raises
    ------
    ValueError
        If the two differ in shape.

    Examples
    --------
    >>> from quantlab_helpers import uniform_quantize
    >>> weights = np.array([0.0, 0.25, 1.0])
    >>> round(sqnr_db(weights, uniform_quantize(weights, 1)), 2)
    12.3
    """
    noise = sse(weights, quantized)
    if noise == 0:
        return float("inf")
    signal = float(np.sum(as_weights("weights", weights).astype(np.float64) ** 2))
    return float("-inf") if signal == 0 else 10 * float(np.log10(signal / noise))


def half_step_bound(quantized: QuantizedTensor) -> float:
    """Return half the step of a uniform grid, the largest error of a weight inside its range.

    Parameters
    ----------
    quantized : QuantizedTensor
        The result of `uniform_quantize`; with several channels, the widest step counts.

    Returns
    -------
    float
        In weight units.

    Raises
    ------
    ValueError
        If the codebook was learned: its levels have no single step.

    Examples
    --------
    >>> from quantlab_helpers import uniform_quantize
    >>> half_step_bound(uniform_quantize(np.array([-1.0, 0.1, 2.0]), 2))
    0.5
    """
    if quantized.scale is None:
        raise ValueError(
            "`quantized` must come from uniform_quantize, got a learned codebook; its error is "
            "bounded by half the widest gap between neighbouring centres instead."
        )
    return float(np.max(quantized.scale)) / 2


def entropy_bits(codes: ArrayLike) -> float:
    r"""Return the entropy of the codes in bits per code.

    .. math:: H = -\sum_c p_c \log_2 p_c

    with :math:`p_c` the share of code :math:`c`. No coder that treats the codes as independent
    draws can store them in fewer bits on average.

    Parameters
    ----------
    codes : array_like of unsigned int, any shape
        At least one code.

    Returns
    -------
    float
        From 0 (all equal) to log2 of the number of distinct codes.

    Raises
    ------
    ValueError
        If `codes` is empty or holds anything but integers of at least 0.

    Examples
    --------
    >>> entropy_bits([0, 0, 1, 2])
    1.5
    """
    array = np.asarray(codes)
    if array.size == 0 or array.dtype.kind not in "iu" or array.min() < 0:
        raise ValueError(
            "`codes` must be at least one integer of 0 or more, got "
            f"{array.size} of dtype {array.dtype}; pass the .codes of a QuantizedTensor."
        )
    share = np.bincount(array.reshape(-1)) / array.size
    share = share[share > 0]
    return float(max(0.0, -np.dot(share, np.log2(share))))


def unique_count(weights: ArrayLike | Tensor | QuantizedTensor) -> int:
    """Return the number of distinct values.

    Parameters
    ----------
    weights : array_like, Tensor or QuantizedTensor
        For a quantized tensor, its dequantized values count.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> unique_count([0.5, 0.5, -1.0])
    2
    """
    values = weights.dequantize() if isinstance(weights, QuantizedTensor) else weights
    return len(np.unique(as_weights("weights", values)))


def float32_bytes(net: nn.Module) -> int:
    """Return the bytes of a network's float32 numbers: parameters and running statistics.

    Parameters
    ----------
    net : torch.nn.Module
        BatchNorm's running means and variances count, since the network needs them; its
        counter of batches does not.

    Returns
    -------
    int
        Four per number. A file adds names and shapes.

    Examples
    --------
    >>> float32_bytes(nn.BatchNorm2d(16)) == 4 * (16 + 16 + 16 + 16)
    True
    """
    tensors = net.state_dict().values()
    return 4 * sum(int(value.numel()) for value in tensors if value.is_floating_point())


def _flat_errors(weights: ArrayLike | Tensor, quantized: QuantizedTensor) -> NDArray[np.float64]:
    """Return the flat float64 differences."""
    array = as_weights("weights", weights)
    if array.shape != quantized.codes.shape:
        raise ValueError(
            f"`weights` must have the shape of `quantized`, got {array.shape} and "
            f"{quantized.codes.shape}; pass the tensor that was quantized."
        )
    error: NDArray[np.float64] = np.subtract(array, quantized.dequantize(), dtype=np.float64)
    return error.reshape(-1)
