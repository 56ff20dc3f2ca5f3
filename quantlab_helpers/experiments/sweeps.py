"""Accuracy and bytes of a network, quantized with several bits or k, as a whole or by layer.

Measurements are kept in the user's cache folder under a hash of everything they depend on (weights,
images, settings, this package's code): a second call is instant, and a change of any of these leads
to a new measurement. Read `equal_entropy.py` next.
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
from . import cache

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
    """Return accuracy and bytes of a network on uniform grids of 1, 2, ... bits.

    Parameters
    ----------
    net : torch.nn.Module
        A trained network; it is not changed.
    bits : iterable of int, default=1..8
        Bits per weight and bias, each 1..16.
    data : Dataset, optional
        By default MNIST's 10,000 test images.
    progress : bool, default=True
        Show a progress bar while something is computed.

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
    return _sweep_network(net, "uniform", settings, data, progress)


def k_sweep(
    net: nn.Module,
    *,
    ks: Iterable[int] = (2, 4, 8, 16, 32, 64),
    data: Dataset | None = None,
    progress: bool = True,
) -> list[SweepPoint]:
    """Return accuracy and bytes of a network with k centres for each weight and bias tensor.

    Parameters
    ----------
    net : torch.nn.Module
        A trained network; it is not changed.
    ks : iterable of int, default=(2, 4, 8, 16, 32, 64)
        Centres per tensor, each 1..65536.
    data : Dataset, optional
        By default MNIST's 10,000 test images.
    progress : bool, default=True
        Show a progress bar while something is computed.

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
    return _sweep_network(net, "kmeans", settings, data, progress)


def sensitivity(
    net: nn.Module,
    *,
    scheme: Scheme = "uniform",
    values: Sequence[int] = (1, 2, 3, 4),
    data: Dataset | None = None,
    progress: bool = True,
) -> list[SensitivityPoint]:
    """Return accuracy and bytes of a network with the weight of a single layer quantized.

    Parameters
    ----------
    net : torch.nn.Module
        A trained network; it is not changed.
    scheme : {"uniform", "kmeans"}, default="uniform"
        Whether `values` are bits (1..16) or numbers of centres (1..65536).
    values : sequence of int, default=(1, 2, 3, 4)
        The settings to try on each layer.
    data : Dataset, optional
        By default MNIST's 10,000 test images.
    progress : bool, default=True
        Show a progress bar while something is computed.

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
    rows = _measure_cached(f"sensitivity {scheme}", net, data, points, measure, progress)
    return [
        SensitivityPoint(layer, value, accuracy, size)
        for (layer, value), (accuracy, size) in zip(points, rows, strict=True)
    ]


def _quantizer(scheme: str, value: int) -> Quantizer:
    """Return the quantizer of one setting."""
    if scheme == "uniform":
        return lambda weights: uniform_quantize(weights, value)
    return lambda weights: kmeans_quantize(weights, value)


def _sweep_network(
    net: nn.Module, scheme: str, settings: list[int], data: Dataset | None, progress: bool
) -> list[SweepPoint]:
    """Return accuracy and bytes with weights and biases quantized at every setting."""

    def measure(images: Dataset, value: int) -> tuple[float, int]:
        quantizer = _quantizer(scheme, value)
        quantized = quantize_model(net, weights=quantizer, biases=quantizer)
        return evaluate(quantized.net, images).accuracy, quantized.total_bytes

    rows = _measure_cached(
        f"{scheme} sweep", net, data, [(v,) for v in settings], measure, progress
    )
    return [SweepPoint(value, *row) for value, row in zip(settings, rows, strict=True)]


def _measure_cached(
    name: str,
    net: nn.Module,
    data: Dataset | None,
    points: Sequence[tuple[Any, ...]],
    measure: Callable[..., tuple[float, int]],
    progress: bool,
) -> list[tuple[float, int]]:
    """Return `measure` at every point, from the cache if it was measured before."""
    if data is None:
        data = load_mnist("test", device=next(net.parameters()).device)
    content = cache.fingerprint(net, data)
    paths = {point: cache.entry(content, name, point) for point in points}
    recalled = {point: cache.recall(path) for point, path in paths.items()}
    measured = {point: result for point, result in recalled.items() if result is not None}
    missing = [point for point in paths if point not in measured]
    with progress_bar(len(missing), name, show=progress and bool(missing), unit="test") as bar:
        for point in missing:
            measured[point] = measure(data, *point)
            cache.remember(paths[point], measured[point])
            bar.update()
    return [measured[point] for point in points]
