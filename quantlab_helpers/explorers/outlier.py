"""The view of `explore_outlier`: one large weight, and three ways to deal with it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from ..quantizers.tensor import QuantizedTensor
from ..quantizers.uniform import uniform_quantize
from .artists import LevelledHistogram
from .readouts import Array, _plural, counts_on_levels, widened
from .view import Menu, Scene, Settings, Slider


class OutlierScene(Scene):
    """2,304 weights, one of which grows, and what that does to the grid of the others."""

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
                    "central 99.9 %, the rest saturates": "clip",
                    "min to max of each of 16 channels": "per_channel",
                },
                "minmax",
            ),
        )
        self._quantized = lru_cache(maxsize=64)(self._quantize)

    def build(self, figure: Figure) -> Sequence[Artist]:
        """Make the axes."""
        self.before = LevelledHistogram(figure.subplots())
        self.before.ax.set(xlabel="weight value", ylabel="number of weights")
        (self._mark,) = self.before.ax.plot([], [], marker="o", ms=11, color="#D55E00", ls="none")
        self._word = self.before.ax.annotate(
            "outlier", (0, 1), xytext=(0, 10), textcoords="offset points", ha="center"
        )
        self._word.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
        return [*self.before.moving, self._mark, self._word]

    def ground(self, settings: Settings) -> Hashable:
        """Nothing but levels and the outlier moves."""
        return None

    def lay(self, settings: Settings) -> None:
        """Draw the weights without the outlier."""
        between = widened(float(self.others.min()), 0.05 * 41)
        self.before.lay(self.others, between=between, top=150)

    def update(self, settings: Settings) -> None:
        """Move outlier and levels."""
        quantized = self.quantized(settings)
        levels, _ = counts_on_levels(quantized)
        used = np.isin(levels, quantized.dequantize().reshape(-1)[1:])
        outlier = 0.05 * settings["size"]
        self._mark.set_data([outlier], [1])
        self._word.xy = (outlier, 1)
        grids = "16 grids" if quantized.axis is not None else _plural(levels.size, "level")
        title = f"{grids} at {settings['bits']} bits, {int(used.sum())} used by the other weights"
        self.before.move(levels, used=used, title=title)

    def describe(self, settings: Settings) -> tuple[str, str]:
        """Say how many levels are left to the others."""
        used, book, sqnr = self.numbers(settings)
        alt = (
            "Histogram of 2,303 bell-shaped weights within 4 standard deviations of zero, a dot "
            f"for one outlier at {settings['size']} of them, and the levels of a grid of "
            f"{settings['bits']} bits: {used} of {book} lie where the other weights are."
        )
        sentence = (
            f"Outlier at {settings['size']} standard deviations: the other 2,303 weights use "
            f"{used} of {book} levels, SQNR {sqnr:.1f} dB."
        )
        return alt, sentence

    def facts(self, settings: Settings) -> dict[str, str]:
        """Return step and errors."""
        quantized = self.quantized(settings)
        used, book, sqnr = self.numbers(settings)
        moved = abs(0.05 * settings["size"] - float(quantized.dequantize().flat[0]))
        scale = np.ravel(np.asarray(quantized.scale))
        several = "" if scale.size == 1 else f", {scale.min():.4g} in the finest channel"
        return {
            "step": f"{scale.max():.4g}{several}",
            "levels used by the others": f"{used} of {book}",
            "SQNR of the others": f"{sqnr:.1f} dB",
            "error of the outlier": f"{moved:.4g}",
            "overhead": f"{quantized.overhead_bytes} bytes",
        }

    @property
    def others(self) -> Array:
        """The weights but for the outlier."""
        return self.weights.reshape(-1)[1:]

    def quantized(self, settings: Settings) -> QuantizedTensor:
        """Return the weights with the outlier planted, quantized."""
        return self._quantized(settings["size"], settings["bits"], settings["range"])

    def numbers(self, settings: Settings) -> tuple[int, int, float]:
        """Return levels used by the others, levels there are, and the SQNR of the others in dB."""
        quantized = self.quantized(settings)
        after = quantized.dequantize().reshape(-1)[1:]
        error = np.sum((self.others - after) ** 2)
        sqnr = 10 * float(np.log10(np.sum(self.others**2) / error))
        return np.unique(after).size, np.unique(quantized.codebook).size, sqnr

    def _quantize(self, size: int, bits: int, how: str) -> QuantizedTensor:
        planted = self.weights.copy()
        planted.flat[0] = 0.05 * size
        if how == "per_channel":
            return uniform_quantize(planted, bits, granularity="per_channel")
        return uniform_quantize(planted, bits, clip=99.9 if how == "clip" else "minmax")
