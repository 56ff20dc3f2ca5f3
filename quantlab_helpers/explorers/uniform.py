"""The view of `explore_uniform`: a tensor before and after rounding to a uniform grid."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from torch import Tensor, nn

from ..metrics import half_step_bound, sqnr_db
from ..network import QuantizedModel, quantize_model
from ..quantizers.tensor import QuantizedTensor
from ..quantizers.uniform import uniform_quantize
from .accuracy import AccuracyCache
from .artists import LevelledHistogram, RoundedHistogram
from .readouts import (
    Array,
    counts_on_levels,
    largest_error,
    padded_range,
    plural,
    tensor_names,
)
from .view import EvaluationRequest, ExplorerView, Menu, Settings, Slider

GRIDS = {
    "from min to max (zero_point float)": "float",
    "with a level at 0 (zero_point int)": "int",
}


class _QuantizedSummary(NamedTuple):
    """One quantized tensor and its numbers, computed once for picture, sentence and table."""

    quantized: QuantizedTensor
    levels: Array
    counts: Array
    unique: int
    largest_error: float


class UniformView(ExplorerView):
    """A tensor of a network before and after a uniform grid, and the whole network's accuracy."""

    size = (7.4, 5.0)

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.accuracy_cache = AccuracyCache(net)
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
        self._summary = lru_cache(maxsize=4)(self._summarize)
        self._limits = lru_cache(maxsize=64)(self._level_range)

    def create_artists(self, figure: Figure) -> Sequence[Artist]:
        """Make one pair of axes for before and after."""
        before, after = figure.subplots(2, 1, sharex=True, sharey=True)
        self.before, self.after = LevelledHistogram(before), RoundedHistogram(after)
        after.set_xlabel("weight value")
        figure.supylabel("number of weights")
        return [*self.before.animated_artists, *self.after.animated_artists]

    def background_key(self, settings: Settings) -> Hashable:
        """Return tensor, kind of grid and granularity: they determine the bars and the axes."""
        return settings["tensor"], settings["zero_point"], settings["granularity"]

    def draw_background(self, settings: Settings) -> None:
        """Draw the histogram of the weights."""
        weights = self.weights(settings["tensor"])
        between = self._limits(settings["tensor"], settings["zero_point"], settings["granularity"])
        self.before.draw_background(weights, between=between)

    def update_artists(self, settings: Settings) -> None:
        """Move the levels, and draw a bar at every value that remains."""
        quantized, levels, counts, unique, _ = self.summary(settings)
        bits = plural(quantized.bits, "bit")
        title = f"{settings['tensor']} before, and its levels at {bits}"
        self.before.update(levels, used=counts > 0, title=title)
        self.after.update(levels, counts=counts, title=f"after: {plural(unique, 'distinct value')}")

    def describe(self, settings: Settings) -> tuple[str, str]:
        """Return the alt text, and a sentence with the levels in use and the largest error."""
        quantized, levels, _, unique, error = self.summary(settings)
        name, half = settings["tensor"], half_step_bound(quantized)
        bits = plural(quantized.bits, "bit")
        alt = (
            f"Two histograms with the same axes of the {self.weights(name).size:,} weights of "
            f"{name}: above as trained, with the {levels.size:,} levels of {bits} on it; below "
            f"after rounding, with bars at the {unique:,} values that remain."
        )
        sentence = (
            f"{name} at {bits}: {unique:,} of {levels.size:,} levels are in use, and no weight "
            f"moved by more than {error:.3g} (half a step is {half:.3g})."
        )
        return alt, sentence

    def facts(self, settings: Settings) -> dict[str, str]:
        """Return step, errors, unique values and bytes of the tensor."""
        quantized, _, _, unique, error = self.summary(settings)
        weights = self.weights(settings["tensor"])
        half = half_step_bound(quantized)
        nearest = float(np.abs(quantized.codebook).min())
        widest = "" if quantized.axis is None else " (the widest)"
        return {
            "step": f"{2 * half:.3g}{widest}",
            "largest error": f"{error:.3g}; half a step {half:.3g}",
            "SQNR": f"{sqnr_db(weights, quantized):.1f} dB",
            "unique values": f"{unique:,} of {quantized.codebook.size:,}",
            "level nearest to 0": "0" if nearest == 0 else f"{nearest:.3g} away",
            "bytes of this tensor": f"{quantized.payload_bytes:,} payload + "
            f"{quantized.overhead_bytes:,} overhead",
        }

    def evaluation_requests(self, settings: Settings) -> Sequence[EvaluationRequest]:
        """Return the network with all its tensors on such grids."""
        grid = _grid(settings)
        return [EvaluationRequest("", ("uniform", *grid), lambda: self._model(*grid))]

    def weights(self, name: str) -> Array:
        """Return a tensor before quantization."""
        return self._tensors[name].detach().cpu().numpy()

    def summary(self, settings: Settings) -> _QuantizedSummary:
        """Return the quantized tensor that is shown, and its numbers."""
        return self._summary(settings["tensor"], _grid(settings))

    def _summarize(self, name: str, grid: tuple[Any, ...]) -> _QuantizedSummary:
        quantized = self._model(*grid).tensors[name]
        assert isinstance(quantized, QuantizedTensor)
        levels, counts = counts_on_levels(quantized)
        error = largest_error(self.weights(name), quantized)
        return _QuantizedSummary(quantized, levels, counts, int((counts > 0).sum()), error)

    def _quantize(
        self, weight_bits: int, bias_bits: int, zero_point: Any, granularity: Any
    ) -> QuantizedModel:
        def weights(tensor: Tensor) -> QuantizedTensor:
            return uniform_quantize(
                tensor,
                weight_bits,
                zero_point=zero_point,
                granularity=_granularity(tensor.ndim, granularity),
            )

        return quantize_model(
            self.net,
            weights=weights,
            biases=lambda tensor: uniform_quantize(tensor, bias_bits, zero_point=zero_point),
        )

    def _level_range(self, name: str, zero_point: Any, granularity: Any) -> tuple[float, float]:
        """Return the range that holds all levels at every setting of the sliders."""
        weights = self.weights(name)
        low, high = float(weights.min()), float(weights.max())
        if zero_point == "int":  # an end moves by up to half a step
            per = _granularity(weights.ndim, granularity)
            for bits in range(1, 9):
                grid = uniform_quantize(weights, bits, zero_point="int", granularity=per)
                low = min(low, float(grid.codebook.min()))
                high = max(high, float(grid.codebook.max()))
        return padded_range(low, high)


def _grid(settings: Settings) -> tuple[Any, ...]:
    """Return the settings that the network depends on: all but the tensor that is shown."""
    return tuple(
        settings[name] for name in ("weight_bits", "bias_bits", "zero_point", "granularity")
    )


def _granularity(dimensions: int, chosen: Any) -> Any:
    """Return the chosen granularity; a tensor of one dimension has no channels."""
    return chosen if dimensions > 1 else "per_tensor"
