"""The course lab from end to end, without a notebook: its steps and their measurements."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..data import load_mnist
from ..experiments.seeds import spread
from ..experiments.sweeps import SweepPoint, bits_sweep, k_sweep
from ..metrics import float32_bytes
from ..model import Net, load_baseline
from ..network import QuantizedModel, quantize_model
from ..quantizers.kmeans import kmeans_quantize
from ..quantizers.uniform import uniform_quantize
from ..storage.file import load_quantized, save_quantized
from ..training import RECIPES, TrainingResult, evaluate, train

# Test accuracy as the two editions of the course lab print it, one run each.
PUBLISHED: dict[str, list[float | None]] = {
    "baseline": [0.9812, 0.9817],
    "uniform": [0.9830, 0.9459],
    "kmeans": [0.9761, 0.9824],
    "retrained": [None, 0.9845],
    "requantized": [None, None],
    "stored": [None, None],
}
EDITIONS = ("original", "certification edition")
K = 8
# Small enough that the weights have settled when the network is quantized again.
_RETRAINING: dict[str, Any] = {"recipe": "fast", "learning_rate": 0.001}


@dataclass
class TourStep:
    """One step of the course lab: test accuracy 0..1 for each seed, and the network's bytes."""

    name: str
    bytes: int = 0
    accuracies: list[float] = field(default_factory=list)

    @property
    def accuracy(self) -> float:
        """Mean over the seeds."""
        return sum(self.accuracies) / len(self.accuracies)

    def as_json(self) -> dict[str, Any]:
        """Return the step as ``quantlab tour --json`` prints it."""
        row: dict[str, Any] = {
            "step": self.name,
            "accuracy": self.accuracy,
            "bytes": self.bytes,
            "published": PUBLISHED[self.name],
        }
        if len(self.accuracies) > 1:
            row |= {"std": spread(self.accuracies).std, "accuracies": self.accuracies}
        return row


@dataclass
class Tour:
    """All measurements of the tour, and the networks of the first seed."""

    seconds: float
    steps: list[TourStep]
    net: Net
    uniform: QuantizedModel
    kmeans: QuantizedModel
    bits: list[SweepPoint]
    ks: list[SweepPoint]

    def as_json(self) -> dict[str, Any]:
        """Return the tour as ``quantlab tour --json`` prints it."""
        tensors = []
        for step, model in (("uniform", self.uniform), ("kmeans", self.kmeans)):
            for row in model.report:
                # JSON has no infinity: null is the SQNR of a tensor without error.
                sqnr = row.sqnr_db if abs(row.sqnr_db) < float("inf") else None
                tensors.append({"step": step, **row._asdict(), "sqnr_db": sqnr})
        return {
            "seconds": self.seconds,
            "steps": [step.as_json() for step in self.steps],
            "tensors": tensors,
            "bits_sweep": [point._asdict() for point in self.bits],
            "k_sweep": [point._asdict() for point in self.ks],
        }


def run_tour(
    *,
    train_first: bool = False,
    recipe: str = "fast",
    seeds: int = 1,
    epochs: int | None = None,
    retrain_epochs: int = 1,
    device: str | torch.device | None = None,
    progress: bool = True,
    say: Callable[[str], None] = lambda text: None,
) -> Tour:
    """Run the course lab: baseline, uniform, k-means, retrain, k-means again, store; test each.

    Parameters
    ----------
    train_first : bool, default=False
        Train the baseline, once per seed, instead of loading the one in the package.
    recipe : {"fast", "course"}, default="fast"
        How to train the baseline.
    seeds : int, default=1
        How often the random parts (training and retraining) are repeated.
    epochs, retrain_epochs : int
        Epochs of training the baseline (by default the recipe's), and of retraining: one cycle with
        the course lab's learning rate as its peak, for both recipes.
    device : str or torch.device, optional
        By default CUDA or MPS if available, else the CPU.
    progress : bool, default=True
        Show progress bars.
    say : callable, optional
        Called with a line of text before each step.

    Returns
    -------
    Tour
        All numbers; ``tour_report.write_report`` draws them.

    Examples
    --------
    >>> run_tour(seeds=3)  # doctest: +SKIP
    """
    started = time.perf_counter()
    steps = {name: TourStep(name) for name in PUBLISHED}
    test = load_mnist("test", device=device)
    first: tuple[Net, QuantizedModel, QuantizedModel] | None = None

    def measure(name: str, net: nn.Module, size: int) -> None:
        steps[name].accuracies.append(evaluate(net, test).accuracy)
        steps[name].bytes = size

    for seed in range(seeds):
        run = f" (seed {seed})" if seeds > 1 else ""
        if train_first:
            count = _plural(epochs or RECIPES[recipe].epochs, "epoch")
            say(f"training the baseline, recipe {recipe!r}, {count}{run}")
            net = _finished(
                train(recipe=recipe, epochs=epochs, seed=seed, device=device, progress=progress)
            )
        else:
            say(f"loading the trained baseline{run}")
            net = load_baseline(device)
        measure("baseline", net, float32_bytes(net))
        say(f"uniform: 8-bit weights, 1-bit biases{run}")
        uniform = quantize_model(
            net, weights=lambda w: uniform_quantize(w, 8), biases=lambda b: uniform_quantize(b, 1)
        )
        measure("uniform", uniform.net, uniform.total_bytes)
        say(f"k-means: k = {K} for weights and biases{run}")
        kmeans = _quantize_kmeans(net)
        measure("kmeans", kmeans.net, kmeans.total_bytes)
        say(f"retraining the k-means network, {_plural(retrain_epochs, 'epoch')}{run}")
        copy = Net().to(next(net.parameters()).device)
        copy.load_state_dict(kmeans.net.state_dict())
        retrained = _finished(
            train(copy, **_RETRAINING, epochs=retrain_epochs, seed=seed, progress=progress)
        )
        measure("retrained", retrained, float32_bytes(retrained))
        say(f"k-means again: k = {K}{run}")
        requantized = _quantize_kmeans(retrained)
        measure("requantized", requantized.net, requantized.total_bytes)
        say(f"storing it, entropy-coded, and reading it back{run}")
        with tempfile.TemporaryDirectory() as folder:
            size = save_quantized(requantized, Path(folder) / "net.safetensors")
            stored = load_quantized(Path(folder) / "net.safetensors", device=device)
        measure("stored", stored.net, size)
        first = first or (net, uniform, kmeans)
    assert first is not None
    say("accuracy against bits and against k")
    bits = bits_sweep(first[0], data=test, progress=progress)
    ks = k_sweep(first[0], data=test, progress=progress)
    return Tour(time.perf_counter() - started, list(steps.values()), *first, bits, ks)


def _quantize_kmeans(net: nn.Module) -> QuantizedModel:
    """Quantize weights and biases to `K` centres."""
    return quantize_model(
        net, weights=lambda w: kmeans_quantize(w, K), biases=lambda b: kmeans_quantize(b, K)
    )


def _finished(result: TrainingResult) -> Net:
    """Return the trained network; an interrupted training ends the tour."""
    if result.interrupted:
        raise KeyboardInterrupt
    return result.net


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
