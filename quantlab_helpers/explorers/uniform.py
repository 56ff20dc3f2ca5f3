"""The scenes of `explore_uniform` and `explore_outlier`: equal steps, their range, their error."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from torch import Tensor, nn

from ..metrics import half_step_bound, sqnr_db
from ..network import QuantizedModel, quantize_model
from ..quantizers.tensor import QuantizedTensor
from ..quantizers.uniform import uniform_quantize
from .accuracy import Scores
from .artists import LevelledHistogram, RoundedHistogram
from .readouts import (
    Array,
    _plural,
    _Readout,
    counts_on_levels,
    largest_error,
    tensor_names,
    widened,
)
from .view import Menu, Scene, Settings, Slider, Trial

GRIDS = {
    "from min to max (zero_point float)": "float",
    "with a level at 0 (zero_point int)": "int",
}


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


def _grid(settings: Settings) -> tuple[Any, ...]:
    """Return the settings that the network depends on, without the tensor that is looked at."""
    return tuple(
        settings[name] for name in ("weight_bits", "bias_bits", "zero_point", "granularity")
    )
