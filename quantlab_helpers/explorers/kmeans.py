"""The scene of `explore_kmeans`: k centres beside k equal steps, and Lloyd's algorithm at work."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn

from ..metrics import sqnr_db
from ..network import quantize_model
from ..quantizers.kmeans import kmeans_quantize
from ..quantizers.lloyd import LloydStep, lloyd
from ..quantizers.optimal_kmeans import assign, kmeans_1d
from ..quantizers.tensor import QuantizedTensor
from .accuracy import Scores
from .artists import LevelledHistogram, Trace
from .readouts import counts_on_levels, equal_steps, largest_error, tensor_names, widened
from .view import Menu, Scene, Settings, Slider, Stepper, Trial

Array = NDArray[Any]
STARTS = {
    "none: the package's own search": "best",
    "linear: equal steps": "linear",
    "density: equal shares of the weights": "density",
    "random weights, seed 0": "random",
    "k-means++, seed 0": "k-means++",
}
_MOST_ROUNDS = 250


class _Round(NamedTuple):
    """What the picture needs of a `LloydStep`; its codes would fill the memory."""

    name: str
    centres: Array
    inertia: float
    empty: int


class _Run:
    """Lloyd's algorithm, played as far as somebody has looked."""

    def __init__(self, steps: Iterator[LloydStep]) -> None:
        self._steps = steps
        self.rounds: list[_Round] = []

    def up_to(self, count: int) -> int:
        """Play until there are `count` half-steps or no more; return how many there are."""
        while len(self.rounds) < count:
            step = next(self._steps, None)
            if step is None:
                break
            name = f"{step.phase} {step.iteration}"
            self.rounds.append(_Round(name, step.centres, step.inertia, step.empty.size))
        return min(count, len(self.rounds))


class KmeansScene(Scene):
    """Centres on the histogram of a tensor, equal steps beside it, and the SSE under both."""

    size = (9.2, 6.0)

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.scores = Scores(net)
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
        self._smallest = lru_cache(maxsize=128)(
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
        return {**settings, "step": self.run(settings).up_to(step)}

    def build(self, figure: Figure) -> Sequence[Artist]:
        """Make two histograms side by side, and below the trace, seen while Lloyd is playing."""
        self._grid = grid = figure.add_gridspec(2, 2)
        left = figure.add_subplot(grid[0, 0])
        right = figure.add_subplot(grid[0, 1], sharex=left, sharey=left)
        left.set(xlabel="weight value", ylabel="number of weights")
        right.set(xlabel="weight value")
        right.tick_params(labelleft=False)
        self.centres, self.levels = LevelledHistogram(left), LevelledHistogram(right)
        self.trace = Trace(figure.add_subplot(grid[1, :]))
        return [*self.centres.moving, *self.levels.moving, *self.trace.moving]

    def ground(self, settings: Settings) -> Hashable:
        """The scale of the trace grows with the half-steps played, in a few jumps."""
        if settings["start"] == "best":
            return (settings["tensor"],)
        return (*(settings[name] for name in ("tensor", "k", "start")), self._room(settings))

    def lay(self, settings: Settings) -> None:
        """Draw bars, and the scale of the trace."""
        weights = self.weights(settings["tensor"])
        between = widened(float(weights.min()), float(weights.max()))
        for histogram in (self.centres, self.levels):
            histogram.lay(weights, between=between)
        played = settings["start"] != "best"
        self.trace.ax.set_visible(played)
        self._grid.set_height_ratios([3, 2 if played else 0.01])
        if not played:
            return
        run, smallest = self.run(settings), self._smallest(settings["tensor"], settings["k"])
        run.up_to(1)
        highest = run.rounds[0].inertia
        self.trace.lay(best=smallest, highest=highest, steps=self._room(settings))

    def update(self, settings: Settings) -> None:
        """Move centres, levels and trace."""
        quantized, equal = self.quantized(settings), self.equal(settings)
        weights = self.weights(settings["tensor"])
        for drawn, tensor, name in (
            (self.centres, quantized, f"{quantized.k_used} centres"),
            (self.levels, equal, f"{equal.k_used} equal steps"),
        ):
            levels, counts = counts_on_levels(tensor)
            title = f"{name}: SQNR {sqnr_db(weights, tensor):.1f} dB"
            drawn.move(levels, used=counts > 0, title=title)
        self.trace.move([played.inertia for played in self._played(settings)])

    def describe(self, settings: Settings) -> tuple[str, str]:
        """Say who wins, and where Lloyd's algorithm is."""
        quantized, equal = self.quantized(settings), self.equal(settings)
        weights, name = self.weights(settings["tensor"]), settings["tensor"]
        ours, theirs = sqnr_db(weights, quantized), sqnr_db(weights, equal)
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
            f"{name}, k = {settings['k']}: SQNR {ours:.1f} dB with centres, {theirs:.1f} dB with "
            "equal steps."
        )
        rounds = self._played(settings)
        if rounds:
            last = rounds[-1]
            over = last.inertia / (self._smallest(name, settings["k"]) or 1)
            sentence += (
                f" Lloyd, {last.name}: SSE {last.inertia:.4g}, {over:.3f} times the smallest; "
                f"{last.empty} empty."
            )
        elif settings["start"] != "best":
            sentence += " The start of Lloyd's algorithm: nothing is assigned yet."
        return alt, sentence

    def facts(self, settings: Settings) -> dict[str, str]:
        """Return the readout of both, side by side."""
        both = (self.quantized(settings), self.equal(settings))
        weights = self.weights(settings["tensor"])

        def pair(left: object, right: object) -> str:
            return f"{left} with centres; equal steps {right}"

        used = [int((counts_on_levels(tensor)[1] > 0).sum()) for tensor in both]
        size = [f"{tensor.payload_bytes:,} + {tensor.overhead_bytes:,}" for tensor in both]
        errors = [f"{largest_error(weights, tensor):.4g}" for tensor in both]
        decibels = [f"{sqnr_db(weights, tensor):.1f} dB" for tensor in both]
        half = float(np.max(both[1].scale or 0)) / 2
        return {
            "largest error": f"{pair(*errors)} (half a step: {half:.4g})",
            "SQNR": pair(*decibels),
            "unique values": pair(*used),
            "payload + overhead": pair(*size),
        }

    def trials(self, settings: Settings) -> Sequence[Trial]:
        """Return the network with k centres in each tensor, and with k equal steps in each."""
        k = settings["k"]

        def centres(tensor: Tensor) -> QuantizedTensor:
            return kmeans_quantize(tensor, k)

        def equal(tensor: Tensor) -> QuantizedTensor:
            return equal_steps(tensor, k)

        return [
            Trial(
                ", k centres",
                ("kmeans", k),
                lambda: quantize_model(self.net, weights=centres, biases=centres),
            ),
            Trial(
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

    def run(self, settings: Settings) -> _Run:
        """Return Lloyd's algorithm for these settings."""
        return self._run(settings["tensor"], settings["k"], settings["start"])

    def quantized(self, settings: Settings) -> QuantizedTensor:
        """Return the tensor on the centres of the present half-step."""
        if settings["start"] == "best":
            return self._best(settings["tensor"], settings["k"])
        rounds = self._played(settings)
        if rounds:
            centres = rounds[-1].centres
        else:
            self.run(settings).up_to(1)
            centres = self.run(settings).rounds[0].centres
        centres = np.unique(centres)
        bits = max(1, (centres.size - 1).bit_length())
        codes = assign(self.weights(settings["tensor"]), centres)
        return QuantizedTensor(codes, centres.astype(np.float32), bits)

    def _played(self, settings: Settings) -> list[_Round]:
        if settings["start"] == "best":
            return []
        run = self.run(settings)
        return run.rounds[: run.up_to(settings["step"])]

    def _room(self, settings: Settings) -> int:
        return next(
            room for room in (20, 50, 100, 200, 2 * _MOST_ROUNDS) if settings["step"] <= room
        )

    def _new_run(self, name: str, k: int, start: Any) -> _Run:
        rng = np.random.default_rng(0)
        return _Run(lloyd(self.weights(name), k, init=start, rng=rng, max_iter=_MOST_ROUNDS))
