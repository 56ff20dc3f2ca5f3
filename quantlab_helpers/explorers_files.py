"""The scenes of `explore_tradeoff` and `explore_storage`: real files, and what they are worth."""

from __future__ import annotations

import tempfile
from collections.abc import Hashable, Sequence
from functools import lru_cache, partial
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from torch import Tensor, nn

from ._scene import Menu, Scene, Settings, Slider
from ._scores import Make, Score, Scores
from .metrics import float32_bytes
from .network import QuantizedModel, quantize_model
from .plots import BARS
from .plots_explorers import Points
from .plots_kmeans import curves
from .plots_storage import ledger_bars
from .quantizers import QuantizedTensor, kmeans_quantize, uniform_quantize
from .storage import CODINGS, Ledger, ledger, save_quantized

BITS = range(1, 9)
KS = (2, 3, 4, 6, 8, 16, 32)
UNIFORM, KMEANS, CODED = "uniform, packed", "k-means, packed", "k-means, entropy-coded"


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


class StorageScene(Scene):
    """The ledger of a file as bars, and beside it what the other codings make of it."""

    size = (8.4, 6.2)

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.controls = (
            Slider("bits", "bits per code", range(1, 7), 3, "bit"),
            Menu(
                "scheme",
                "levels",
                {"k-means, 2^bits centres": "kmeans", "uniform": "uniform"},
                "kmeans",
            ),
            Menu("coding", "coding", {coding: coding for coding in CODINGS}, "packed"),
        )
        self.files = lru_cache(maxsize=32)(self._files)

    def build(self, figure: Figure) -> Sequence[Artist]:
        """Make axes for the three files and for the ledger of one."""
        grid = figure.add_gridspec(2, 1, height_ratios=[3, 8])
        self.sizes, self.rows = (figure.add_subplot(grid[i]) for i in (0, 1))
        return []

    def ground(self, settings: Settings) -> Hashable:
        """Everything changes with every setting."""
        return tuple(settings.values())

    def lay(self, settings: Settings) -> None:
        """Draw the three sizes on one scale, and the ledger on its own."""
        files = self.files(settings["scheme"], settings["bits"])
        self.sizes.clear()
        self.rows.clear()
        largest = max(counted.file_bytes for counted in files.values())
        for place, (coding, counted) in enumerate(files.items()):
            chosen = coding == settings["coding"]
            size = counted.file_bytes
            self.sizes.barh(
                [coding], [size], color=BARS if chosen else "white", edgecolor=BARS, lw=1.5
            )
            self.sizes.text(
                size + largest / 60, place, f"{size:,}{' (below)' if chosen else ''}", va="center"
            )
        self.sizes.set_xlim(0, 1.35 * largest)
        self.sizes.invert_yaxis()
        self.sizes.locator_params(axis="x", nbins=4)
        self.sizes.xaxis.set_major_formatter("{x:,.0f}")
        self.sizes.set_title("bytes of the file in each coding")
        counted = files[settings["coding"]]
        title = f"{settings['coding']}: {counted.ratio:.1f} times smaller than float32"
        ledger_bars(counted, title=title, ax=self.rows)
        self.rows.locator_params(axis="x", nbins=4)
        handles, labels = self.rows.get_legend_handles_labels()
        self.rows.legend(
            handles,
            labels,
            frameon=False,
            loc="upper center",
            bbox_to_anchor=(0.45, -0.2),
            ncols=4,
            columnspacing=1,
            handlelength=1.5,
        )

    def update(self, settings: Settings) -> None:
        """Nothing moves on its own."""

    def describe(self, settings: Settings) -> tuple[str, str]:
        """Say how large the file is and where most of it goes."""
        counted = self.files(settings["scheme"], settings["bits"])[settings["coding"]]
        largest = max(counted.rows, key=lambda row: row.total_bytes)
        share = largest.total_bytes / counted.file_bytes
        alt = (
            "Bars of the bytes of the file in three codings, and below them the "
            f"{settings['coding']} file tensor by tensor: payload filled, codebook hatched, tables "
            f"and header white, a stroke at the entropy bound. {largest.name} takes {share:.0%}."
        )
        sentence = (
            f"{settings['scheme']}, {settings['bits']} bits, {settings['coding']}: "
            f"{counted.file_bytes:,} bytes, {counted.ratio:.1f} times smaller than float32; "
            f"{largest.name} takes {share:.0%} of them."
        )
        return alt, sentence.replace("kmeans", "k-means").replace("1 bits", "1 bit")

    def facts(self, settings: Settings) -> dict[str, str]:
        """Return the sums of the ledger."""
        counted = self.files(settings["scheme"], settings["bits"])[settings["coding"]]
        rows = counted.rows
        sums = {
            "payload": sum(row.payload_bytes for row in rows),
            "codebooks": sum(row.codebook_bytes for row in rows),
            "tables": sum(row.table_bytes for row in rows),
            "header and padding": counted.header_bytes + counted.padding_bytes,
            "file": counted.file_bytes,
            "float32": counted.float32_bytes,
        }
        return {name: f"{size:,} bytes" for name, size in sums.items()}

    def _files(self, scheme: str, bits: int) -> dict[str, Ledger]:
        make = on_centres if scheme == "kmeans" else on_equal_steps
        return files_of(make(self.net, 2**bits if scheme == "kmeans" else bits))


def _measured(scores: Scores, key: tuple[Hashable, ...], make: Make) -> Score:
    score = scores.measure(key, make)
    assert score is not None  # nobody can say meanwhile that it is unwanted
    return score


def _curve(points: Sequence[tuple[int, Score]]) -> tuple[list[float], list[float]]:
    """Return bytes and accuracies in per cent, in the order of the bytes."""
    ordered = sorted(points, key=lambda point: point[0])
    return [size for size, _ in ordered], [100 * score.accuracy for _, score in ordered]
