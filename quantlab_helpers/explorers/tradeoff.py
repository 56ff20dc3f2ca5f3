"""The view of `explore_tradeoff`: test accuracy against bytes, uniform and k-means."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from torch import nn

from ..metrics import float32_bytes
from ..plots.kmeans import curves
from .accuracy import AccuracyCache, Measurement, ModelFactory
from .artists import Rings
from .readouts import kmeans_network, plural, uniform_network
from .view import ExplorerView, Settings, Slider

BITS = range(1, 9)
KS = (2, 3, 4, 6, 8, 16, 32)
UNIFORM, KMEANS, CODED = "uniform, packed", "k-means, packed", "k-means, entropy-coded"


class TradeoffView(ExplorerView):
    """Accuracy against bytes; rings on the curves follow the sliders."""

    size = (8.4, 5.2)

    def __init__(self, net: nn.Module) -> None:
        cache = AccuracyCache(net)
        self.controls = (
            Slider("bits", "uniform: bits per weight and bias", BITS, 8, "bit"),
            Slider("k", "k-means: centres per tensor (k)", KS, 8, "centre"),
        )
        self._float32_bytes = float32_bytes(net)
        self._uniform: dict[int, Measurement] = {}
        self._kmeans: dict[int, Measurement] = {}
        for bits in BITS:
            key = ("uniform", bits, bits, "float", "per_tensor")
            self._uniform[bits] = _measured(cache, key, partial(uniform_network, net, bits))
        for k in KS:
            self._kmeans[k] = _measured(cache, ("kmeans", k), partial(kmeans_network, net, k))

    def create_artists(self, figure: Figure) -> Sequence[Artist]:
        """Make the axes."""
        self.ax = figure.subplots()
        self.rings = Rings(self.ax, list(self._places({"bits": 8, "k": 8})))
        return self.rings.animated_artists

    def background_key(self, settings: Settings) -> Hashable:
        """Return None: only the rings move."""
        return None

    def draw_background(self, settings: Settings) -> None:
        """Draw the three curves."""
        uniform, kmeans = self._uniform.values(), self._kmeans.values()
        lines: dict[str, tuple[list[float], list[float]]] = {
            UNIFORM: _curve([(point.total_bytes, point.accuracy) for point in uniform]),
            KMEANS: _curve([(point.total_bytes, point.accuracy) for point in kmeans]),
        }
        if all(point.file_bytes for point in kmeans):
            lines[CODED] = _curve([(point.file_bytes, point.accuracy) for point in kmeans])
        curves(lines, xlabel="bytes", ylabel="test accuracy (%)", ax=self.ax)
        self.ax.set_xscale("log")
        self.ax.set_ylim(0, 112)
        sizes = [size for xs, _ in lines.values() for size in xs]
        self.ax.set_xlim(min(sizes) / 1.5, max(sizes) * 1.5)
        self.ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
        self.ax.xaxis.set_major_formatter("{x:,.0f}")

    def update_artists(self, settings: Settings) -> None:
        """Move the rings."""
        self.rings.update(self._places(settings))

    def describe(self, settings: Settings) -> tuple[str, str]:
        """Return the alt text, and a sentence that compares the two settings."""
        bits, k = settings["bits"], settings["k"]
        uniform, kmeans = self._uniform[bits], self._kmeans[k]
        alt = (
            "Three curves of test accuracy against bytes on a logarithmic axis: uniform grids of "
            f"1 to 8 bits, k-means with {KS[0]} to {KS[-1]} centres, and the same k-means as an "
            f"entropy-coded file. Rings mark {plural(bits, 'bit')} and k = {k}."
        )
        coded = f", {kmeans.file_bytes:,} when entropy-coded" if kmeans.file_bytes else ""
        sentence = (
            f"Uniform, {plural(bits, 'bit')}: {uniform.accuracy:.1%} in "
            f"{uniform.total_bytes:,} bytes. k-means, k = {k}: {kmeans.accuracy:.1%} in "
            f"{kmeans.total_bytes:,} bytes{coded}."
        )
        return alt, sentence

    def facts(self, settings: Settings) -> dict[str, str]:
        """Return accuracy and bytes of both."""
        uniform, kmeans = self._uniform[settings["bits"]], self._kmeans[settings["k"]]
        facts = {}
        for name, measurement in (("uniform", uniform), ("k-means", kmeans)):
            facts[f"{name}: accuracy"] = measurement.accuracy_text
            facts[f"{name}: payload + overhead"] = self._size(measurement.total_bytes)
            facts[f"{name}: entropy-coded file"] = self._size(measurement.file_bytes)
        return facts

    def _size(self, size: int) -> str:
        return f"{size:,} bytes, {self._float32_bytes / size:.1f} times smaller" if size else "none"

    def _places(self, settings: Settings) -> dict[str, tuple[float, float, str]]:
        """Return x, y and label of each ring."""
        bits, k = settings["bits"], settings["k"]
        uniform, kmeans = self._uniform[bits], self._kmeans[k]
        places: dict[str, tuple[float, float, str]] = {
            UNIFORM: (uniform.total_bytes, 100 * uniform.accuracy, plural(bits, "bit")),
            KMEANS: (kmeans.total_bytes, 100 * kmeans.accuracy, f"k = {k}"),
        }
        if kmeans.file_bytes:
            places[CODED] = (kmeans.file_bytes, 100 * kmeans.accuracy, f"k = {k}")
        return places


def _measured(
    cache: AccuracyCache, key: tuple[Hashable, ...], make_model: ModelFactory
) -> Measurement:
    measurement = cache.measure(key, make_model)
    assert measurement is not None  # only a cancelled measurement gives None
    return measurement


def _curve(points: Sequence[tuple[int, float]]) -> tuple[list[float], list[float]]:
    """Return bytes and accuracies in percent, in ascending order of the bytes."""
    ordered = sorted(points, key=lambda point: point[0])
    return [size for size, _ in ordered], [100 * accuracy for _, accuracy in ordered]
