"""The view of `explore_kmeans`: k centres beside k equal steps, and Lloyd's half-steps."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from torch import Tensor, nn

from .._support.validation import as_weights
from ..metrics import sqnr_db
from ..network import quantize_model
from ..quantizers.kmeans import kmeans_quantize
from ..quantizers.lloyd import LloydStep, lloyd
from ..quantizers.optimal_kmeans import assign, kmeans_1d
from ..quantizers.tensor import QuantizedTensor
from .accuracy import AccuracyCache
from .artists import LevelledHistogram, Trace
from .readouts import (
    Array,
    counts_on_levels,
    kmeans_network,
    largest_error,
    padded_range,
    tensor_names,
)
from .view import EvaluationRequest, ExplorerView, Menu, Settings, Slider, Stepper

STARTS = {
    "none: the package's own search": "best",
    "linear: equal steps": "linear",
    "density: equal shares of the weights": "density",
    "random weights, seed 0": "random",
    "k-means++, seed 0": "k-means++",
}
_MAX_ITERATIONS = 250


class _HalfStep(NamedTuple):
    """The parts of a `LloydStep` that are drawn; the codes would take too much memory."""

    name: str
    centres: Array
    inertia: float
    empty: int


class _LloydRun:
    """Half-steps of Lloyd's algorithm, computed as far as they were asked for."""

    def __init__(self, steps: Iterator[LloydStep]) -> None:
        self._steps = steps
        self.half_steps: list[_HalfStep] = []

    def advance_to(self, count: int) -> int:
        """Compute up to `count` half-steps; return how many there are, at most `count`."""
        while len(self.half_steps) < count:
            step = next(self._steps, None)
            if step is None:
                break
            name = f"{step.phase} {step.iteration}"
            self.half_steps.append(_HalfStep(name, step.centres, step.inertia, step.empty.size))
        return min(count, len(self.half_steps))


class KmeansView(ExplorerView):
    """Centres on the histogram of a tensor, equal steps beside it, and the SSE under both."""

    size = (9.2, 6.0)

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.accuracy_cache = AccuracyCache(net)
        self._tensors = dict(net.named_parameters())
        names = [name for name in tensor_names(net) if name.endswith("weight")]
        start = "conv2.weight" if "conv2.weight" in names else names[0]
        self.controls = (
            Menu("tensor", "tensor", {name: name for name in names}, start),
            Slider("k", "centres (k)", range(2, 33), 8, "centre"),
            Menu("start", "Lloyd's start", STARTS, "best"),
            Stepper("step", "Lloyd"),
        )
        self._best = lru_cache(maxsize=128)(lambda name, k: kmeans_quantize(self.weights(name), k))
        self._equal = lru_cache(maxsize=32)(lambda name, k: equal_steps(self.weights(name), k))
        self._smallest_sse = lru_cache(maxsize=128)(
            lambda name, k: kmeans_1d(self.weights(name), k).inertia
        )
        self._run = lru_cache(maxsize=8)(self._new_run)

    def clip(self, settings: Settings) -> Settings:
        """Stop at the last half-step of Lloyd's algorithm; the first one needs a start."""
        step = max(0, settings["step"])
        if settings["start"] == "best" and step == 0:
            return {**settings, "step": 0}
        start = "linear" if settings["start"] == "best" else settings["start"]
        settings = {**settings, "start": start}
        return {**settings, "step": self.run(settings).advance_to(step)}

    def create_artists(self, figure: Figure) -> Sequence[Artist]:
        """Make two histograms, and below them the trace, visible while Lloyd's algorithm plays."""
        self._layout = grid = figure.add_gridspec(2, 2)
        left = figure.add_subplot(grid[0, 0])
        right = figure.add_subplot(grid[0, 1], sharex=left, sharey=left)
        left.set(xlabel="weight value", ylabel="number of weights")
        right.set(xlabel="weight value")
        right.tick_params(labelleft=False)
        self.centres, self.levels = LevelledHistogram(left), LevelledHistogram(right)
        self.trace = Trace(figure.add_subplot(grid[1, :]))
        return [
            *self.centres.animated_artists,
            *self.levels.animated_artists,
            *self.trace.animated_artists,
        ]

    def background_key(self, settings: Settings) -> Hashable:
        """Return the settings behind bars and axes; the trace gets longer in a few jumps."""
        if settings["start"] == "best":
            return (settings["tensor"],)
        return (
            *(settings[name] for name in ("tensor", "k", "start")),
            self._trace_length(settings),
        )

    def draw_background(self, settings: Settings) -> None:
        """Draw the bars and the axes of the trace."""
        weights = self.weights(settings["tensor"])
        between = padded_range(float(weights.min()), float(weights.max()))
        for histogram in (self.centres, self.levels):
            histogram.draw_background(weights, between=between)
        played = settings["start"] != "best"
        self.trace.ax.set_visible(played)
        self._layout.set_height_ratios([3, 2 if played else 0.01])
        if not played:
            return
        run, smallest = self.run(settings), self._smallest_sse(settings["tensor"], settings["k"])
        run.advance_to(1)
        highest = run.half_steps[0].inertia
        self.trace.draw_background(
            best=smallest, highest=highest, steps=self._trace_length(settings)
        )

    def update_artists(self, settings: Settings) -> None:
        """Move centres, levels and trace."""
        quantized, equal = self.quantized(settings), self.equal(settings)
        weights = self.weights(settings["tensor"])
        for drawn, tensor, name in (
            (self.centres, quantized, f"{quantized.k_used} centres"),
            (self.levels, equal, f"{equal.k_used} equal steps"),
        ):
            levels, counts = counts_on_levels(tensor)
            title = f"{name}: SQNR {sqnr_db(weights, tensor):.1f} dB"
            drawn.update(levels, used=counts > 0, title=title)
        self.trace.update([half_step.inertia for half_step in self._half_steps(settings)])

    def describe(self, settings: Settings) -> tuple[str, str]:
        """Return the alt text, and a sentence with both SQNRs and the half-step."""
        quantized, equal = self.quantized(settings), self.equal(settings)
        weights, name = self.weights(settings["tensor"]), settings["tensor"]
        kmeans_db, equal_db = sqnr_db(weights, quantized), sqnr_db(weights, equal)
        alt = (
            f"Two histograms of the {weights.size:,} weights of {name} with the same axes: left "
            f"with {quantized.k_used} centres on it, right with {equal.k_used} equal steps."
        )
        if settings["start"] != "best":
            alt += (
                " Below, the sum of squared errors (SSE) after each half-step of Lloyd's "
                "algorithm, above a dashed line at the smallest SSE."
            )
        sentence = (
            f"{name}, k = {settings['k']}: SQNR {kmeans_db:.1f} dB with centres, "
            f"{equal_db:.1f} dB with equal steps."
        )
        half_steps = self._half_steps(settings)
        if half_steps:
            last = half_steps[-1]
            ratio = last.inertia / (self._smallest_sse(name, settings["k"]) or 1)
            sentence += (
                f" Lloyd, {last.name}: SSE {last.inertia:.4g}, {ratio:.3f} times the smallest; "
                f"{last.empty} empty."
            )
        elif settings["start"] != "best":
            sentence += " The start of Lloyd's algorithm: nothing is assigned yet."
        return alt, sentence

    def facts(self, settings: Settings) -> dict[str, str]:
        """Return errors, unique values and bytes of centres and of equal steps."""
        both = (self.quantized(settings), self.equal(settings))
        weights = self.weights(settings["tensor"])

        def pair(left: object, right: object) -> str:
            return f"{left} with centres; equal steps {right}"

        used = [int((counts_on_levels(tensor)[1] > 0).sum()) for tensor in both]
        size = [f"{tensor.payload_bytes:,} + {tensor.overhead_bytes:,}" for tensor in both]
        errors = [f"{largest_error(weights, tensor):.3g}" for tensor in both]
        decibels = [f"{sqnr_db(weights, tensor):.1f} dB" for tensor in both]
        half = float(np.max(both[1].scale or 0)) / 2
        return {
            "largest error": f"{pair(*errors)} (half a step: {half:.3g})",
            "SQNR": pair(*decibels),
            "unique values": pair(*used),
            "payload + overhead": pair(*size),
        }

    def evaluation_requests(self, settings: Settings) -> Sequence[EvaluationRequest]:
        """Return the network with k centres in each tensor, and with k equal steps in each."""
        k = settings["k"]

        def equal(tensor: Tensor) -> QuantizedTensor:
            return equal_steps(tensor, k)

        return [
            EvaluationRequest(
                ", k centres",
                ("kmeans", k),
                lambda: kmeans_network(self.net, k),
            ),
            EvaluationRequest(
                ", equal steps",
                ("equal steps", k),
                lambda: quantize_model(self.net, weights=equal, biases=equal),
            ),
        ]

    def weights(self, name: str) -> Array:
        """Return a tensor before quantization."""
        return self._tensors[name].detach().cpu().numpy()

    def equal(self, settings: Settings) -> QuantizedTensor:
        """Return the tensor on equal steps."""
        return self._equal(settings["tensor"], settings["k"])

    def run(self, settings: Settings) -> _LloydRun:
        """Return Lloyd's algorithm for these settings."""
        return self._run(settings["tensor"], settings["k"], settings["start"])

    def quantized(self, settings: Settings) -> QuantizedTensor:
        """Return the tensor on the centres of the current half-step."""
        if settings["start"] == "best":
            return self._best(settings["tensor"], settings["k"])
        half_steps = self._half_steps(settings)
        if half_steps:
            centres = half_steps[-1].centres
        else:
            self.run(settings).advance_to(1)
            centres = self.run(settings).half_steps[0].centres
        centres = np.unique(centres)
        bits = max(1, (centres.size - 1).bit_length())
        codes = assign(self.weights(settings["tensor"]), centres)
        return QuantizedTensor(codes, centres.astype(np.float32), bits)

    def _half_steps(self, settings: Settings) -> list[_HalfStep]:
        if settings["start"] == "best":
            return []
        run = self.run(settings)
        return run.half_steps[: run.advance_to(settings["step"])]

    def _trace_length(self, settings: Settings) -> int:
        return next(
            room for room in (20, 50, 100, 200, 2 * _MAX_ITERATIONS) if settings["step"] <= room
        )

    def _new_run(self, name: str, k: int, start: Any) -> _LloydRun:
        rng = np.random.default_rng(0)
        return _LloydRun(
            lloyd(self.weights(name), k, init=start, rng=rng, max_iter=_MAX_ITERATIONS)
        )


def equal_steps(weights: Tensor | Array, k: int) -> QuantizedTensor:
    """Round weights to the nearest of `k` levels in equal steps from minimum to maximum."""
    values = as_weights("weights", weights)
    low, high = float(values.min()), float(values.max())
    levels = np.unique(np.linspace(low, high, k))
    codes = assign(values, levels)
    bits = max(1, (levels.size - 1).bit_length())
    step = (high - low) / (k - 1)
    zero = -low / step if step else 0.0
    return QuantizedTensor(codes, levels.astype(np.float32), bits, step, zero)
