"""Numbers that several views show: networks at one setting, counts on levels, errors, ranges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from ..network import QUANTIZED_LAYERS, QuantizedModel, quantize_model
from ..quantizers.kmeans import kmeans_quantize
from ..quantizers.tensor import QuantizedTensor
from ..quantizers.uniform import uniform_quantize

Array = NDArray[Any]


def tensor_names(net: nn.Module) -> list[str]:
    """Return the names of the weights and biases that `quantize_model` would quantize."""
    return [
        f"{name}.{kind}"
        for name, layer in net.named_modules()
        if isinstance(layer, QUANTIZED_LAYERS)
        for kind in ("weight", "bias")
        if getattr(layer, kind) is not None
    ]


def uniform_network(net: nn.Module, bits: int) -> QuantizedModel:
    """Return the network with all weights and biases on uniform grids of `bits` bits."""

    def quantizer(tensor: Tensor) -> QuantizedTensor:
        return uniform_quantize(tensor, bits)

    return quantize_model(net, weights=quantizer, biases=quantizer)


def kmeans_network(net: nn.Module, k: int) -> QuantizedModel:
    """Return the network with k centres for the weights and k for the biases of every layer."""

    def quantizer(tensor: Tensor) -> QuantizedTensor:
        return kmeans_quantize(tensor, k)

    return quantize_model(net, weights=quantizer, biases=quantizer)


def counts_on_levels(quantized: QuantizedTensor) -> tuple[Array, Array]:
    """Return the levels of all channels, ascending, and how many weights are on each."""
    if quantized.axis is None:
        counts = np.bincount(quantized.codes.reshape(-1), minlength=quantized.codebook.size)
        levels, inverse = np.unique(quantized.codebook, return_inverse=True)
        return levels, np.bincount(inverse, counts).astype(np.intp)
    values, counts = np.unique(quantized.dequantize(), return_counts=True)
    levels = np.unique(quantized.codebook)
    counts_of_all = np.zeros(levels.size, np.intp)
    counts_of_all[np.searchsorted(levels, values)] = counts
    return levels, counts_of_all


def largest_error(weights: Array, quantized: QuantizedTensor) -> float:
    """Return the largest distance between a weight and its quantized value."""
    return float(np.abs(np.subtract(weights, quantized.dequantize(), dtype=np.float64)).max())


def padded_range(low: float, high: float) -> tuple[float, float]:
    """Return a range with a little room on both sides."""
    room = (high - low) / 30 or abs(high) / 10 or 1.0
    return low - room, high + room


def plural(count: int, noun: str) -> str:
    """Return "1 bit", "2 bits", "1,000 bits"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
