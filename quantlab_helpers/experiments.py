"""Measure whole networks: sweeps over bits and k, one layer at a time, several seeds.

Numbers out, nothing drawn. What takes seconds is kept in the user's cache folder under a hash of
everything it depends on (weights, images, settings, this package's code), so a second call is
instant and a change of any of them is never missed. Read `plots.py` next.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor, nn

from . import _cache
from ._support.progress import progress_bar
from ._support.validation import as_weights, check_choice, check_int, finite_range
from .data import Dataset, load_mnist
from .metrics import entropy_bits
from .network import QUANTIZED_LAYERS, Quantizer, quantize_model
from .quantizers import kmeans_quantize, uniform_quantize
from .training import evaluate

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


class Spread(NamedTuple):
    """One quantity over several seeds: mean, sample standard deviation, and every value."""

    mean: float
    std: float
    values: list[float]


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


def equal_entropy(
    weights: ArrayLike | Tensor, *, ks: Iterable[int] = (2, 4, 8, 16, 32)
) -> list[EntropyPoint]:
    """Compare k-means with equal steps where both cost the same after an entropy coder.

    At equal k, k-means has the smaller error by construction. But its codes are used more
    evenly, so an entropy coder saves less on them. Here the equal-step grid, with a level at 0
    and as many levels as it needs, gets the step at which its codes have the same entropy.

    Parameters
    ----------
    weights : array_like or Tensor of float
        At least two different finite numbers.
    ks : iterable of int, default=(2, 4, 8, 16, 32)
        Numbers of centres, each 2..65536.

    Returns
    -------
    list of EntropyPoint
        One per entry of `ks`; the grid's entropy is never above that of k-means.

    Raises
    ------
    ValueError
        If all weights are equal: nothing has to be stored then.

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
            f"`weights` must hold at least two different numbers, got only {low:.6g}; "
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


def over_seeds(measure: Callable[[int], float], *, seeds: int = 5) -> Spread:
    """Repeat a measurement with seeds 0, 1, ... and report its mean and spread.

    Parameters
    ----------
    measure : callable
        Takes a seed, returns one number.
    seeds : int, default=5
        How many seeds, at least 2: one run has no spread.

    Returns
    -------
    Spread
        ``mean``, sample standard deviation ``std``, and ``values`` in the order of the seeds.

    Examples
    --------
    >>> over_seeds(lambda seed: float(seed), seeds=3)
    Spread(mean=1.0, std=1.0, values=[0.0, 1.0, 2.0])
    """
    check_int("seeds", seeds, low=2)
    return spread([measure(seed) for seed in range(seeds)])


def spread(values: Sequence[float]) -> Spread:
    """Return mean and sample standard deviation of at least two values.

    Parameters
    ----------
    values : sequence of float
        One number per run.

    Returns
    -------
    Spread
        With the values as a list.

    Examples
    --------
    >>> spread([0.98, 0.96]).mean
    0.97
    """
    return Spread(statistics.fmean(values), statistics.stdev(values), list(values))


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
    """Return the entropy of signed codes, however far apart they lie."""
    low = codes.min()
    if codes.max() - low < 1 << 20:
        return entropy_bits((codes - low).astype(np.intp))
    return entropy_bits(np.unique(codes, return_inverse=True)[1])


def _sqnr(values: np.ndarray, decoded: np.ndarray) -> float:
    """Return the SQNR in dB of float64 arrays."""
    return 10 * float(np.log10(np.sum(values**2) / np.sum((values - decoded) ** 2)))
