"""Measure whole networks: sweeps over bits and k, one layer at a time, several seeds.

Numbers out, nothing drawn. What takes seconds is kept in the user's cache folder under a hash of
everything it depends on (weights, images, settings, this package's code), so a second call is
instant and a change of any of them is never missed. Read `plots.py` next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

from torch import nn

from .._support.progress import progress_bar
from .._support.validation import check_choice, check_int
from ..data import Dataset, load_mnist
from ..network import QUANTIZED_LAYERS, Quantizer, quantize_model
from ..quantizers.kmeans import kmeans_quantize
from ..quantizers.uniform import uniform_quantize
from ..training import evaluate
from . import cache as _cache

Scheme = Literal["uniform", "kmeans"]


class SweepPoint(NamedTuple):
    """A quantized network at one setting: bits or k, test accuracy in 0..1, bytes in all."""

    value: int
    accuracy: float
    bytes: int


class SensitivityPoint(NamedTuple):
    """Accuracy in 0..1 with only this layer's weight quantized; bytes of the whole network."""

    layer: str
    value: int
    accuracy: float
    bytes: int


def bits_sweep(
    net: nn.Module,
    *,
    bits: Iterable[int] = range(1, 9),
    data: Dataset | None = None,
    progress: bool = True,
) -> list[SweepPoint]:
    """Test a network with its weights and biases on uniform grids of 1, 2, ... bits.

    Parameters
    ----------
    net : torch.nn.Module
        A trained network; left as it is.
    bits : iterable of int, default=1..8
        Bits per weight and bias, each 1..16.
    data : Dataset, optional
        By default MNIST's 10,000 test images.
    progress : bool, default=True
        Show a progress bar where something has to be computed.

    Returns
    -------
    list of SweepPoint
        One per entry of `bits`, in their order.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline
    >>> test = load_mnist("test", limit=200, device="cpu")
    >>> points = bits_sweep(load_baseline("cpu"), bits=[1, 8], data=test, progress=False)
    >>> points[0].accuracy < points[1].accuracy, points[0].bytes < points[1].bytes
    (True, True)
    """
    settings = [check_int("bits", b, low=1, high=16) for b in bits]
    return _sweep(net, "uniform", settings, data, progress)


def k_sweep(
    net: nn.Module,
    *,
    ks: Iterable[int] = (2, 4, 8, 16, 32, 64),
    data: Dataset | None = None,
    progress: bool = True,
) -> list[SweepPoint]:
    """Test a network with the weights and biases of each tensor on k centres.

    Parameters
    ----------
    net : torch.nn.Module
        A trained network; left as it is.
    ks : iterable of int, default=(2, 4, 8, 16, 32, 64)
        Centres per tensor, each 1..65536.
    data : Dataset, optional
        By default MNIST's 10,000 test images.
    progress : bool, default=True
        Show a progress bar where something has to be computed.

    Returns
    -------
    list of SweepPoint
        One per entry of `ks`, in their order.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline
    >>> test = load_mnist("test", limit=200, device="cpu")
    >>> points = k_sweep(load_baseline("cpu"), ks=[2, 8], data=test, progress=False)
    >>> [point.value for point in points], points[0].bytes < points[1].bytes
    ([2, 8], True)
    """
    settings = [check_int("ks", k, low=1, high=65_536) for k in ks]
    return _sweep(net, "kmeans", settings, data, progress)


def sensitivity(
    net: nn.Module,
    *,
    scheme: Scheme = "uniform",
    values: Sequence[int] = (1, 2, 3, 4),
    data: Dataset | None = None,
    progress: bool = True,
) -> list[SensitivityPoint]:
    """Test a network with the weight of one layer quantized at a time.

    Parameters
    ----------
    net : torch.nn.Module
        A trained network; left as it is.
    scheme : {"uniform", "kmeans"}, default="uniform"
        Whether `values` are bits (1..16) or numbers of centres (1..65536).
    values : sequence of int, default=(1, 2, 3, 4)
        The settings to try on each layer.
    data : Dataset, optional
        By default MNIST's 10,000 test images.
    progress : bool, default=True
        Show a progress bar where something has to be computed.

    Returns
    -------
    list of SensitivityPoint
        For each layer in the network's order, one per entry of `values`.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline
    >>> test = load_mnist("test", limit=200, device="cpu")
    >>> points = sensitivity(load_baseline("cpu"), values=[2], data=test, progress=False)
    >>> [point.layer for point in points if point.layer.startswith("fc")]
    ['fc1', 'fc2']
    """
    check_choice("scheme", scheme, ("uniform", "kmeans"))
    high = 16 if scheme == "uniform" else 65_536
    settings = [check_int("values", value, low=1, high=high) for value in values]
    layers = [name for name, module in net.named_modules() if isinstance(module, QUANTIZED_LAYERS)]

    def measure(images: Dataset, layer: str, value: int) -> tuple[float, int]:
        only = {layer: _quantizer(scheme, value)}
        quantized = quantize_model(net, weights=only, biases=None)
        return evaluate(quantized.net, images).accuracy, quantized.total_bytes

    points = [(layer, value) for layer in layers for value in settings]
    rows = _measured(f"sensitivity {scheme}", net, data, points, measure, progress)
    return [
        SensitivityPoint(layer, value, accuracy, size)
        for (layer, value), (accuracy, size) in zip(points, rows, strict=True)
    ]


def _quantizer(scheme: str, value: int) -> Quantizer:
    """Return the quantizer of one setting."""
    if scheme == "uniform":
        return lambda weights: uniform_quantize(weights, value)
    return lambda weights: kmeans_quantize(weights, value)


def _sweep(
    net: nn.Module, scheme: str, settings: list[int], data: Dataset | None, progress: bool
) -> list[SweepPoint]:
    """Quantize weights and biases alike at every setting, and test."""

    def measure(images: Dataset, value: int) -> tuple[float, int]:
        quantizer = _quantizer(scheme, value)
        quantized = quantize_model(net, weights=quantizer, biases=quantizer)
        return evaluate(quantized.net, images).accuracy, quantized.total_bytes

    rows = _measured(f"{scheme} sweep", net, data, [(v,) for v in settings], measure, progress)
    return [SweepPoint(value, *row) for value, row in zip(settings, rows, strict=True)]


def _measured(
    name: str,
    net: nn.Module,
    data: Dataset | None,
    points: Sequence[tuple[Any, ...]],
    measure: Callable[..., tuple[float, int]],
    progress: bool,
) -> list[tuple[float, int]]:
    """Return `measure` at every point, from the cache where it was measured before."""
    if data is None:
        data = load_mnist("test", device=next(net.parameters()).device)
    content = _cache.fingerprint(net, data)
    entries = {point: _cache.entry(content, name, point) for point in points}
    recalled = {point: _cache.recall(path) for point, path in entries.items()}
    known = {point: result for point, result in recalled.items() if result is not None}
    missing = [point for point in entries if point not in known]
    with progress_bar(len(missing), name, show=progress and bool(missing), unit="test") as bar:
        for point in missing:
            known[point] = measure(data, *point)
            _cache.remember(entries[point], known[point])
            bar.update()
    return [known[point] for point in points]
