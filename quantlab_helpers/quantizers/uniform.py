"""Uniform quantization: weights in, codes on a grid of equal steps out.

One grid per tensor or per channel, with a floating-point or an integer zero point, over the whole
range or a clipped one. Read `kmeans.py` next.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from .._support.validation import as_weights, check_choice, check_int, finite_range
from .tensor import BLOCK_SIZE, FLOAT32_MAX, Codes, QuantizedTensor


def uniform_quantize(
    weights: ArrayLike | Tensor,
    bits: int,
    *,
    zero_point: Literal["float", "int"] = "float",
    granularity: Literal["per_tensor", "per_channel"] = "per_tensor",
    axis: int = 0,
    clip: Literal["minmax"] | float = "minmax",
) -> QuantizedTensor:
    r"""Round weights to the nearest of ``2**bits`` equally spaced levels.

    With the floating-point zero point, the levels run from the smallest to the largest weight,
    and both are hit exactly:

    .. math:: \mathrm{level}_c = \min + \frac{\max - \min}{2^{bits} - 1} \, c

    so no weight moves by more than half a step. Ties go to the even code.

    Parameters
    ----------
    weights : array_like or Tensor of float, any shape
        Finite numbers, at least one. float16, bfloat16, float32 and float64 are read as they are.
    bits : int
        Bits per weight, 1..16.
    zero_point : {"float", "int"}, default="float"
        "float" is the course lab's grid: 0 is in general not a level. "int" is the grid of
        torch's observers: the range is widened to contain 0, which is then exactly a level, and
        the ends move by up to half a step.
    granularity : {"per_tensor", "per_channel"}, default="per_tensor"
        One grid for all weights, or one for each index along `axis`.
    axis : int, default=0
        The channel axis; torch's weights have output channels on axis 0.
    clip : "minmax" or float, default="minmax"
        A number from 50 to 100 keeps that central percentage of the weights as the range;
        weights outside it saturate at the ends.

    Returns
    -------
    QuantizedTensor
        With `scale` and `zero_point` set. A constant tensor comes back exactly.

    Raises
    ------
    TypeError
        If `bits` is not an integer or `weights` does not hold real numbers.
    ValueError
        If `weights` is empty, holds NaN, an infinity or a number beyond float32, or an option
        is outside its range.

    Notes
    -----
    The floating-point zero point is torch's ``per_channel_affine_float_qparams``; the integer
    one follows ``torch.ao.quantization.MinMaxObserver`` and ONNX ``QuantizeLinear``.

    Examples
    --------
    >>> quantized = uniform_quantize(np.array([0.0, 0.2, 0.7, 1.0]), 2)
    >>> quantized.codes.tolist(), round(quantized.scale, 4)
    ([0, 1, 2, 3], 0.3333)
    >>> uniform_quantize(np.array([-1.0, 0.1, 2.0]), 2, zero_point="int").codebook.tolist()
    [-1.0, 0.0, 1.0, 2.0]
    """
    array = as_weights("weights", weights)
    check_int("bits", bits, low=1, high=16)
    check_choice("zero_point", zero_point, ("float", "int"))
    check_choice("granularity", granularity, ("per_tensor", "per_channel"))
    kept = 100.0 if clip == "minmax" else _check_clip(clip)
    low, high = finite_range("weights", array)
    if max(-low, high) > FLOAT32_MAX:
        raise ValueError(
            f"`weights` must fit in float32 (at most {FLOAT32_MAX:.3g}), got values from {low:.3g} "
            f"to {high:.3g}; scale them down first."
        )
    if granularity == "per_tensor":
        codes, codebook, scale, zero = _uniform(array.reshape(-1), bits, zero_point, kept)
        return QuantizedTensor(codes.reshape(array.shape), codebook, bits, scale, zero)
    if not -array.ndim <= axis < array.ndim:
        raise ValueError(
            f"`axis` must name an axis of `weights`, from {-array.ndim} to {array.ndim - 1}, got "
            f"{axis} for shape {array.shape}; per_channel needs at least one axis."
        )
    channels = np.moveaxis(array, axis, 0)
    parts = [_uniform(channel.reshape(-1), bits, zero_point, kept) for channel in channels]
    stacked = np.stack([part[0] for part in parts]).reshape(channels.shape)
    return QuantizedTensor(
        np.ascontiguousarray(np.moveaxis(stacked, 0, axis)),
        np.stack([part[1] for part in parts]),
        bits,
        np.array([part[2] for part in parts]),
        np.array([part[3] for part in parts]),
        axis % array.ndim,
    )


def _check_clip(clip: Any) -> float:
    """Return `clip` as a percentage from 50 to 100."""
    if isinstance(clip, str | bool) or not 50 <= clip <= 100:
        raise ValueError(
            '`clip` must be "minmax" or a percentage from 50 to 100, '
            f"got {clip!r}; 99.9 keeps the central 99.9%."
        )
    return float(clip)


def _uniform(
    values: NDArray[np.floating[Any]], bits: int, zero_point: str, kept: float
) -> tuple[Codes, NDArray[np.float32], float, float]:
    """Return codes, levels, scale and zero point of one flat array; inputs are checked."""
    steps = 2**bits - 1
    if kept == 100:
        low, high = float(values.min()), float(values.max())
    else:
        tail = (100 - kept) / 2
        ends = np.percentile(values, [tail, 100 - tail]).astype(np.float32)  # as in the file
        low, high = float(ends[0]), float(ends[1])
    if zero_point == "int":
        low, high = min(low, 0.0), max(high, 0.0)
        scale = (high - low) / steps
        if scale >= np.finfo(np.float64).tiny:
            zero = float(np.clip(np.rint(-low / scale), 0, steps))
            codes = _codes(values, 0.0, scale, steps, zero=zero)
            return codes, integer_grid(scale, zero, bits), scale, zero
    levels, scale, zero = minmax_grid(low, high, bits)
    if scale == 0:
        codes = np.zeros(values.shape, np.uint8 if bits <= 8 else np.uint16)
    else:
        codes = _codes(values, low, scale, steps, zero=None if kept == 100 else 0.0)
    return codes, levels, scale, zero


def minmax_grid(low: float, high: float, bits: int) -> tuple[NDArray[np.float32], float, float]:
    """Return levels, scale and zero point of the grid from `low` to `high`."""
    steps = 2**bits - 1
    scale = (high - low) / steps
    if scale < np.finfo(np.float64).tiny:  # constant, or narrower than float32 resolves
        return np.full(steps + 1, low, np.float32), 0.0, 0.0
    return np.linspace(low, high, steps + 1).astype(np.float32), scale, -low / scale


def integer_grid(scale: float, zero: float, bits: int) -> NDArray[np.float32]:
    """Return the levels ``(c - zero) * scale``, of which one is exactly 0."""
    levels = (np.arange(2**bits) - zero) * scale
    return np.clip(levels, -FLOAT32_MAX, FLOAT32_MAX).astype(
        np.float32
    )  # an end can be half a step beyond


def _codes(
    values: NDArray[np.floating[Any]],
    origin: float,
    scale: float,
    steps: int,
    *,
    zero: float | None,
) -> Codes:
    """Round ``(values - origin) / scale + zero`` to codes in 0..steps, in float64, by blocks.

    Without a zero point all values must lie between origin and origin + steps * scale.
    """
    codes = np.empty(values.shape, np.uint8 if steps < 256 else np.uint16)
    scratch = np.empty(min(BLOCK_SIZE, values.size))
    for start in range(0, values.size, BLOCK_SIZE):
        block = values[start : start + BLOCK_SIZE]
        position = scratch[: block.size]
        np.subtract(block, origin, out=position, dtype=np.float64)
        np.divide(position, scale, out=position)
        np.rint(position, out=position)
        if zero is not None:
            np.add(position, zero, out=position)
            np.clip(position, 0, steps, out=position)
        codes[start : start + BLOCK_SIZE] = position
    return codes
