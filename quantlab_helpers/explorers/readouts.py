"""Numbers that several views show: counts, errors, file sizes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from .._support.validation import as_weights
from ..network import QUANTIZED_LAYERS, QuantizedModel, quantize_model
from ..quantizers.kmeans import kmeans_quantize
from ..quantizers.optimal_kmeans import assign
from ..quantizers.tensor import QuantizedTensor
from ..quantizers.uniform import uniform_quantize
from ..storage.file import CODINGS, save_quantized
from ..storage.ledgers import Ledger, ledger


def on_equal_steps(net: nn.Module, bits: int) -> QuantizedModel:
    """Return the network with all weights and biases on uniform grids."""

    def quantizer(tensor: Tensor) -> QuantizedTensor:
        return uniform_quantize(tensor, bits)

    return quantize_model(net, weights=quantizer, biases=quantizer)


def on_centres(net: nn.Module, k: int) -> QuantizedModel:
    """Return the network with k centres for the weights and k for the biases of every layer."""

    def quantizer(tensor: Tensor) -> QuantizedTensor:
        return kmeans_quantize(tensor, k)

    return quantize_model(net, weights=quantizer, biases=quantizer)


def files_of(model: QuantizedModel) -> dict[str, Ledger]:
    """Write the network in every coding, and return where the bytes of each file are."""
    with tempfile.TemporaryDirectory() as folder:
        path, ledgers = Path(folder) / "net.safetensors", {}
        for coding in CODINGS:
            save_quantized(model, path, coding=coding)
            ledgers[coding] = ledger(path)
    return ledgers


def equal_steps(weights: Tensor | Array, k: int) -> QuantizedTensor:
    """Round weights to the nearest of `k` levels in equal steps from minimum to maximum."""
    values = as_weights("weights", weights)
    low, high = float(values.min()), float(values.max())
    levels = np.unique(np.linspace(low, high, k))
    codes = assign(values, levels)
    bits = max(1, (levels.size - 1).bit_length())
    step = (high - low) / (k - 1)
    zero = -low / step if step else 0.0
    return QuantizedTensor(codes, levels.astype(np.float32), bits, step, zero)


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


def counts_on_levels(quantized: QuantizedTensor) -> tuple[Array, Array]:
    """Return the levels of all channels, ascending, and how many weights are on each."""
    if quantized.axis is None:
        counts = np.bincount(quantized.codes.reshape(-1), minlength=quantized.codebook.size)
        levels, inverse = np.unique(quantized.codebook, return_inverse=True)
        return levels, np.bincount(inverse, counts).astype(np.intp)
    values, counts = np.unique(quantized.dequantize(), return_counts=True)
    levels = np.unique(quantized.codebook)
    everywhere = np.zeros(levels.size, np.intp)
    everywhere[np.searchsorted(levels, values)] = counts
    return levels, everywhere


def largest_error(weights: Array, quantized: QuantizedTensor) -> float:
    """Return how far the weight that moved furthest has moved."""
    return float(np.abs(np.subtract(weights, quantized.dequantize(), dtype=np.float64)).max())


def widened(low: float, high: float) -> tuple[float, float]:
    """Return a range with a little room on both sides."""
    room = (high - low) / 30 or abs(high) / 10 or 1.0
    return low - room, high + room


class _Readout(NamedTuple):
    """What is said of one tensor, computed once for picture, sentence and table."""

    quantized: QuantizedTensor
    levels: Array
    counts: Array
    unique: int
    error: float


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
