"""The scenes of `explore_tradeoff` and `explore_storage`: real files, and what they are worth."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from torch import nn

from ..metrics import float32_bytes
from ..plots.kmeans import curves
from .accuracy import Make, Score, Scores
from .artists import Points
from .readouts import on_centres, on_equal_steps
from .view import Scene, Settings, Slider

BITS = range(1, 9)
KS = (2, 3, 4, 6, 8, 16, 32)
UNIFORM, KMEANS, CODED = "uniform, packed", "k-means, packed", "k-means, entropy-coded"


class TradeoffScene(Scene):
    """Accuracy against bytes; rings on the curves follow the sliders."""

    size = (8.4, 5.2)

    def __init__(self, net: nn.Module) -> None:
        scores = Scores(net)
        self.controls = (
            Slider("bits", "uniform: bits per weight and bias", BITS, 8, "bit"),
            Slider("k", "k-means: centres per tensor (k)", KS, 8, "centre"),
        )
        self._before = float32_bytes(net)
        self._uniform: dict[int, Score] = {}
        self._kmeans: dict[int, Score] = {}
        for bits in BITS:
            key = ("uniform", bits, bits, "float", "per_tensor")
            self._uniform[bits] = _measured(scores, key, partial(on_equal_steps, net, bits))
        for k in KS:
            self._kmeans[k] = _measured(scores, ("kmeans", k), partial(on_centres, net, k))

    def build(self, figure: Figure) -> Sequence[Artist]:
        """Make the axes."""
        self.ax = figure.subplots()
        self.points = Points(self.ax, list(self._places({"bits": 8, "k": 8})))
        return self.points.moving

    def ground(self, settings: Settings) -> Hashable:
        """Only the rings move."""
        return None

    def lay(self, settings: Settings) -> None:
        """Draw the three curves."""
        lines: dict[str, tuple[list[float], list[float]]] = {
            UNIFORM: _curve([(score.total_bytes, score) for score in self._uniform.values()]),
            KMEANS: _curve([(score.total_bytes, score) for score in self._kmeans.values()]),
        }
        if all(score.file_bytes for score in self._kmeans.values()):
            lines[CODED] = _curve([(score.file_bytes, score) for score in self._kmeans.values()])
        curves(lines, xlabel="bytes", ylabel="test accuracy (%)", ax=self.ax)
        self.ax.set_xscale("log")
        self.ax.set_ylim(0, 112)
        sizes = [size for xs, _ in lines.values() for size in xs]
        self.ax.set_xlim(min(sizes) / 1.5, max(sizes) * 1.5)
        self.ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
        self.ax.xaxis.set_major_formatter("{x:,.0f}")

    def update(self, settings: Settings) -> None:
        """Move the rings."""
        self.points.move(self._places(settings))

    def describe(self, settings: Settings) -> tuple[str, str]:
        """Compare the two settings."""
        bits, k = settings["bits"], settings["k"]
        uniform, kmeans = self._uniform[bits], self._kmeans[k]
        alt = (
            "Three curves of test accuracy against bytes on a logarithmic axis: uniform grids of "
            f"1 to 8 bits, k-means with {KS[0]} to {KS[-1]} centres, and the same k-means as an "
            f"entropy-coded file. Rings mark {bits} bits and k = {k}."
        )
        coded = f", {kmeans.file_bytes:,} when entropy-coded" if kmeans.file_bytes else ""
        sentence = (
            f"Uniform, {bits} bits: {uniform.accuracy:.1%} in {uniform.total_bytes:,} bytes. "
            f"k-means, k = {k}: {kmeans.accuracy:.1%} in {kmeans.total_bytes:,} bytes{coded}."
        )
        return alt, sentence

    def facts(self, settings: Settings) -> dict[str, str]:
        """Return accuracy and bytes of both."""
        uniform, kmeans = self._uniform[settings["bits"]], self._kmeans[settings["k"]]
        facts = {}
        for name, score in (("uniform", uniform), ("k-means", kmeans)):
            facts[f"{name}: accuracy"] = score.words
            facts[f"{name}: payload + overhead"] = self._size(score.total_bytes)
            facts[f"{name}: entropy-coded file"] = self._size(score.file_bytes)
        return facts

    def _size(self, size: int) -> str:
        return f"{size:,} bytes, {self._before / size:.1f} times smaller" if size else "none"

    def _places(self, settings: Settings) -> dict[str, tuple[float, float, str]]:
        """Return where the rings are."""
        bits, k = settings["bits"], settings["k"]
        uniform, kmeans = self._uniform[bits], self._kmeans[k]
        word = "1 bit" if bits == 1 else f"{bits} bits"
        places: dict[str, tuple[float, float, str]] = {
            UNIFORM: (uniform.total_bytes, 100 * uniform.accuracy, word),
            KMEANS: (kmeans.total_bytes, 100 * kmeans.accuracy, f"k = {k}"),
        }
        if kmeans.file_bytes:
            places[CODED] = (kmeans.file_bytes, 100 * kmeans.accuracy, f"k = {k}")
        return places


def _measured(scores: Scores, key: tuple[Hashable, ...], make: Make) -> Score:
    score = scores.measure(key, make)
    assert score is not None  # nobody can say meanwhile that it is unwanted
    return score


def _curve(points: Sequence[tuple[int, Score]]) -> tuple[list[float], list[float]]:
    """Return bytes and accuracies in per cent, in the order of the bytes."""
    ordered = sorted(points, key=lambda point: point[0])
    return [size for size, _ in ordered], [100 * score.accuracy for _, score in ordered]
