"""The view of `explore_outlier`: one large weight, the grid of all others, and two remedies."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from ..quantizers.tensor import QuantizedTensor
from ..quantizers.uniform import uniform_quantize
from .artists import LevelledHistogram
from .readouts import Array, counts_on_levels, padded_range, plural
from .view import ExplorerView, Menu, Settings, Slider


class OutlierView(ExplorerView):
    """2,304 weights, one of which grows and so widens the steps of the others."""

    size = (7.4, 3.8)

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.weights = rng.normal(0, 0.05, (16, 144))
        self.weights /= self.weights.std() / 0.05
        self.controls = (
            Slider("size", "outlier, in standard deviations", range(0, 41, 2), 4, "outlier"),
            Slider("bits", "bits per weight", range(2, 9), 4, "bit"),
            Menu(
                "range",
                "range",
                {
                    "min to max": "minmax",
                    "central 99.9%, the rest saturates": "clip",
                    "min to max of each of 16 channels": "per_channel",
                },
                "minmax",
            ),
        )
        self._quantized = lru_cache(maxsize=64)(self._quantize)

    def create_artists(self, figure: Figure) -> Sequence[Artist]:
        """Make the axes."""
        self.before = LevelledHistogram(figure.subplots())
        self.before.ax.set(xlabel="weight value", ylabel="number of weights")
        (self._marker,) = self.before.ax.plot([], [], marker="o", ms=11, color="#D55E00", ls="none")
        self._label = self.before.ax.annotate(
            "outlier", (0, 1), xytext=(0, 10), textcoords="offset points", ha="center"
        )
        self._label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
        return [*self.before.animated_artists, self._marker, self._label]

    def background_key(self, settings: Settings) -> Hashable:
        """Return None: only levels and outlier move."""
        return None

    def draw_background(self, settings: Settings) -> None:
        """Draw the weights without the outlier."""
        between = padded_range(float(self.others.min()), 0.05 * 41)
        self.before.draw_background(self.others, between=between, top=150)

    def update_artists(self, settings: Settings) -> None:
        """Move outlier and levels."""
        quantized = self.quantized(settings)
        levels, _ = counts_on_levels(quantized)
        used = np.isin(levels, quantized.dequantize().reshape(-1)[1:])
        outlier = 0.05 * settings["size"]
        self._marker.set_data([outlier], [1])
        self._label.xy = (outlier, 1)
        grids = "16 grids" if quantized.axis is not None else plural(levels.size, "level")
        title = f"{grids} at {settings['bits']} bits, {int(used.sum())} used by the other weights"
        self.before.update(levels, used=used, title=title)

    def describe(self, settings: Settings) -> tuple[str, str]:
        """Return the alt text, and a sentence with the levels that the other weights use."""
        used, book, sqnr = self.levels_and_sqnr(settings)
        alt = (
            "Histogram of 2,303 bell-shaped weights within 4 standard deviations of zero, a dot "
            f"for one outlier at {settings['size']} of them, and the levels of a grid of "
            f"{settings['bits']} bits: {used} of {book} are used by the other weights."
        )
        sentence = (
            f"Outlier at {settings['size']} standard deviations: the other 2,303 weights use "
            f"{used} of {book} levels, SQNR {sqnr:.1f} dB."
        )
        return alt, sentence

    def facts(self, settings: Settings) -> dict[str, str]:
        """Return step and errors."""
        quantized = self.quantized(settings)
        used, book, sqnr = self.levels_and_sqnr(settings)
        error = abs(0.05 * settings["size"] - float(quantized.dequantize().flat[0]))
        scale = np.ravel(np.asarray(quantized.scale))
        finest = "" if scale.size == 1 else f", {scale.min():.3g} in the finest channel"
        return {
            "step": f"{scale.max():.3g}{finest}",
            "levels used by the others": f"{used} of {book}",
            "SQNR of the others": f"{sqnr:.1f} dB",
            "error of the outlier": f"{error:.3g}",
            "overhead": f"{quantized.overhead_bytes} bytes",
        }

    @property
    def others(self) -> Array:
        """The weights without the outlier."""
        return self.weights.reshape(-1)[1:]

    def quantized(self, settings: Settings) -> QuantizedTensor:
        """Return the weights, one of them the outlier, quantized."""
        return self._quantized(settings["size"], settings["bits"], settings["range"])

    def levels_and_sqnr(self, settings: Settings) -> tuple[int, int, float]:
        """Return the levels used by the others, all levels, and the SQNR of the others in dB."""
        quantized = self.quantized(settings)
        after = quantized.dequantize().reshape(-1)[1:]
        error = np.sum((self.others - after) ** 2)
        sqnr = 10 * float(np.log10(np.sum(self.others**2) / error))
        return np.unique(after).size, np.unique(quantized.codebook).size, sqnr

    def _quantize(self, size: int, bits: int, range_: str) -> QuantizedTensor:
        weights = self.weights.copy()
        weights.flat[0] = 0.05 * size
        if range_ == "per_channel":
            return uniform_quantize(weights, bits, granularity="per_channel")
        return uniform_quantize(weights, bits, clip=99.9 if range_ == "clip" else "minmax")
