"""The scenes of `explore_uniform` and `explore_outlier`: equal steps, their range, their error."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn

from ._scene import Menu, Scene, Settings, Slider, Trial
from ._scores import Scores
from .metrics import half_step_bound, sqnr_db
from .network import QUANTIZED_LAYERS, QuantizedModel, quantize_model
from .plots_explorers import LevelledHistogram, RoundedHistogram
from .quantizers import QuantizedTensor, uniform_quantize

Array = NDArray[Any]
GRIDS = {
    "from min to max (zero_point float)": "float",
    "with a level at 0 (zero_point int)": "int",
}


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


class UniformScene(Scene):
    """A tensor of a network before and after a uniform grid, and the whole network's accuracy."""

    size = (7.4, 5.0)

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.scores = Scores(net)
        names = tensor_names(net)
        start = "conv2.weight" if "conv2.weight" in names else names[0]
        self.controls = (
            Menu("tensor", "tensor", {name: name for name in names}, start),
            Slider("weight_bits", "bits per weight", range(1, 9), 4, "weight bit"),
            Slider("bias_bits", "bits per bias", range(1, 9), 8, "bias bit"),
            Menu("zero_point", "grid", GRIDS, "float"),
            Menu(
                "granularity",
                "one grid for",
                {"the whole tensor": "per_tensor", "each output channel": "per_channel"},
                "per_tensor",
            ),
        )
        self._tensors = dict(net.named_parameters())
        self._model = lru_cache(maxsize=4)(self._quantize)
        self._readout = lru_cache(maxsize=4)(self._read)
        self._limits = lru_cache(maxsize=64)(self._span)

    def build(self, figure: Figure) -> Sequence[Artist]:
        """Make one pair of axes for before and after."""
        before, after = figure.subplots(2, 1, sharex=True, sharey=True)
        self.before, self.after = LevelledHistogram(before), RoundedHistogram(after)
        after.set_xlabel("weight value")
        figure.supylabel("number of weights")
        return [*self.before.moving, *self.after.moving]

    def ground(self, settings: Settings) -> Hashable:
        """Bars and scales depend on the tensor, the scale also on the kind of grid."""
        return settings["tensor"], settings["zero_point"], settings["granularity"]

    def lay(self, settings: Settings) -> None:
        """Draw the bars."""
        weights = self.weights(settings["tensor"])
        between = self._limits(settings["tensor"], settings["zero_point"], settings["granularity"])
        self.before.lay(weights, between=between)

    def update(self, settings: Settings) -> None:
        """Move the levels, and the bars of what remains."""
        quantized, levels, counts, left, _ = self.readout(settings)
        bits = quantized.bits
        name = settings["tensor"]
        title = f"{name} before, and its levels at {_plural(bits, 'bit')}"
        self.before.move(levels, used=counts > 0, title=title)
        self.after.move(levels, counts=counts, title=f"after: {_plural(left, 'different value')}")

    def describe(self, settings: Settings) -> tuple[str, str]:
        """Say what is shown and what it means."""
        quantized, grid, _, left, error = self.readout(settings)
        weights, levels = self.weights(settings["tensor"]), grid.size
        half = half_step_bound(quantized)
        bits = _plural(quantized.bits, "bit")
        alt = (
            f"Two histograms with the same axes of the {weights.size:,} weights of "
            f"{settings['tensor']}: above as trained, with the {levels:,} levels of {bits} on it; "
            f"below after rounding, with bars at the {left:,} values that remain."
        )
        sentence = (
            f"{settings['tensor']} at {bits}: {left:,} of {levels:,} levels are in use, and no "
            f"weight moved by more than {error:.3g} (half a step is {half:.3g})."
        )
        return alt, sentence

    def facts(self, settings: Settings) -> dict[str, str]:
        """Return the readout of the tensor, and the bytes of the network."""
        quantized, _, _, left, error = self.readout(settings)
        weights = self.weights(settings["tensor"])
        half = half_step_bound(quantized)
        nearest = float(np.abs(quantized.codebook).min())
        widest = "" if quantized.axis is None else " (the widest)"
        return {
            "step": f"{2 * half:.4g}{widest}",
            "largest error": f"{error:.4g}; half a step {half:.4g}",
            "SQNR": f"{sqnr_db(weights, quantized):.1f} dB",
            "unique values": f"{left:,} of {quantized.codebook.size:,}",
            "level nearest to 0": "0" if nearest == 0 else f"{nearest:.3g} away",
            "bytes of this tensor": f"{quantized.payload_bytes:,} payload + "
            f"{quantized.overhead_bytes:,} overhead",
        }

    def trials(self, settings: Settings) -> Sequence[Trial]:
        """Return the network with all its tensors on such grids."""
        grid = _grid(settings)
        return [Trial("", ("uniform", *grid), lambda: self._model(*grid))]

    def weights(self, name: str) -> Array:
        """Return a tensor before quantization."""
        return self._tensors[name].detach().cpu().numpy()

    def readout(self, settings: Settings) -> _Readout:
        """Return the tensor shown, quantized, and what is said of it."""
        return self._readout(settings["tensor"], _grid(settings))

    def _read(self, name: str, grid: tuple[Any, ...]) -> _Readout:
        quantized = self._model(*grid).tensors[name]
        assert isinstance(quantized, QuantizedTensor)
        levels, counts = counts_on_levels(quantized)
        error = largest_error(self.weights(name), quantized)
        return _Readout(quantized, levels, counts, int((counts > 0).sum()), error)

    def _quantize(
        self, weight_bits: int, bias_bits: int, zero_point: Any, granularity: Any
    ) -> QuantizedModel:
        def weights(tensor: Tensor) -> QuantizedTensor:
            grain: Any = granularity if tensor.ndim > 1 else "per_tensor"
            return uniform_quantize(tensor, weight_bits, zero_point=zero_point, granularity=grain)

        return quantize_model(
            self.net,
            weights=weights,
            biases=lambda tensor: uniform_quantize(tensor, bias_bits, zero_point=zero_point),
        )

    def _span(self, name: str, zero_point: Any, granularity: Any) -> tuple[float, float]:
        """Return the range that holds all levels at every setting of the sliders."""
        weights = self.weights(name)
        low, high = float(weights.min()), float(weights.max())
        if zero_point == "int":  # an end moves by up to half a step
            grain: Any = granularity if weights.ndim > 1 else "per_tensor"
            for bits in range(1, 9):
                books = uniform_quantize(
                    weights, bits, zero_point="int", granularity=grain
                ).codebook
                low, high = min(low, float(books.min())), max(high, float(books.max()))
        return widened(low, high)


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


def _grid(settings: Settings) -> tuple[Any, ...]:
    """Return the settings that the network depends on, without the tensor that is looked at."""
    return tuple(
        settings[name] for name in ("weight_bits", "bias_bits", "zero_point", "granularity")
    )


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
