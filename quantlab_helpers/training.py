"""Train a network and test it.

The course lab's settings are the defaults: 5 epochs of Adam at a learning rate of 0.001, batches
of 100, and an L1 penalty of 0.001 on every parameter. That penalty decides what the quantizers
will meet: nearly all weights end close to zero. Read `checkpoints.py` next.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ._support.progress import progress_bar, say
from ._support.validation import check_choice, check_int, check_positive, resolve_device
from .data import Dataset, batches, load_mnist
from .model import Net, reset_model

_EVALUATION_BATCH = 200  # small enough for one batch of activations to stay in a CPU's cache
_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Recipe(NamedTuple):
    """Epochs, Adam's learning rate, and whether it rises and falls once over the whole training."""

    epochs: int
    learning_rate: float
    one_cycle: bool


RECIPES = {
    "course": Recipe(epochs=5, learning_rate=0.001, one_cycle=False),
    "fast": Recipe(epochs=1, learning_rate=0.005, one_cycle=True),
}


class EpochResult(NamedTuple):
    """One epoch of training: mean loss (penalty included), accuracy in 0..1, wall seconds."""

    epoch: int
    loss: float
    accuracy: float
    seconds: float


class TrainingResult(NamedTuple):
    """What `train` returns.

    ``net`` is in evaluation mode; ``history`` has one entry per epoch; ``settings`` is what a
    file should say about these weights; ``interrupted`` is True where Ctrl-C ended the training.
    """

    net: Net
    history: list[EpochResult]
    settings: dict[str, object]
    interrupted: bool


class Evaluation(NamedTuple):
    """Accuracy in 0..1, the counts behind it, and the confusion matrix [label, prediction]."""

    accuracy: float
    correct: int
    total: int
    confusion: NDArray[np.int64]


def l1_penalty(net: nn.Module) -> Tensor:
    """Return the sum of the absolute values of all parameters.

    Parameters
    ----------
    net : torch.nn.Module
        Any network; weights and biases of every layer count, BatchNorm's included.

    Returns
    -------
    Tensor
        A scalar that gradients flow through: the derivative is the sign of each parameter,
        which pulls every weight towards zero with the same force, however small it is.

    Examples
    --------
    >>> layer = nn.Linear(2, 1)
    >>> with torch.no_grad():
    ...     _ = layer.weight.copy_(torch.tensor([[-3.0, 4.0]])), layer.bias.fill_(-0.5)
    >>> l1_penalty(layer).item()
    7.5
    """
    return torch.stack([parameter.abs().sum() for parameter in net.parameters()]).sum()


def train(
    net: Net | None = None,
    *,
    recipe: str = "course",
    epochs: int | None = None,
    batch_size: int = 100,
    learning_rate: float | None = None,
    l1_beta: float = 1e-3,
    seed: int = 0,
    precision: str | None = None,
    data: Dataset | None = None,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> TrainingResult:
    """Train a network with cross-entropy, Adam and an L1 penalty.

    Ctrl-C, or Interrupt in a notebook, ends the training and returns the network as it is; who
    trains in a loop asks the result whether it was ``interrupted``.

    Parameters
    ----------
    net : Net, optional
        Weights to go on from, with a new Adam; the network itself is left as it is. By default
        a fresh network drawn with `seed`.
    recipe : {"course", "fast"}, default="course"
        "course": 5 epochs at a constant learning rate of 0.001, as in the course lab.
        "fast": 1 epoch in which the learning rate rises to 0.005 and falls again (one cycle);
        its test accuracy is no worse.
    epochs : int, optional
        Passes over the data, at least 1; by default the recipe's.
    batch_size : int, default=100
        Images per step, at least 1.
    learning_rate : float, optional
        Adam's step size, or its peak in a cycle, above 0; by default the recipe's.
    l1_beta : float, default=0.001
        The loss is cross-entropy + `l1_beta` * `l1_penalty`; 0 switches the penalty off.
    seed : int, default=0
        Draws the initial weights and the order of the images. The same seed on the same
        machine with the same number of threads gives the same weights, bit for bit.
    precision : {"float32", "bfloat16"}, optional
        Of activations and of the products in forward and backward pass; weights, gradients
        and Adam are float32 always. By default bfloat16 where the device computes with it.
    data : Dataset, optional
        By default all 60,000 training images.
    device : str or torch.device, optional
        By default the device of `net`, else CUDA or MPS where there is one, else the CPU.
    progress : bool, default=True
        Show a progress bar in a terminal or a notebook.

    Returns
    -------
    TrainingResult
        ``net``, a new network in evaluation mode, ``history``, ``settings``, ``interrupted``.

    Raises
    ------
    ValueError, TypeError
        If a setting is outside the range given above.

    Notes
    -----
    One cycle: L. N. Smith and N. Topin, *Super-Convergence*, 2018, arXiv 1708.07120.

    Examples
    --------
    >>> few = load_mnist("train", limit=500, device="cpu")
    >>> result = train(epochs=2, data=few, device="cpu", progress=False)
    >>> [epoch.epoch for epoch in result.history]
    [1, 2]
    """
    chosen = RECIPES[check_choice("recipe", recipe, RECIPES)]
    if epochs is not None:
        chosen = chosen._replace(epochs=check_int("epochs", epochs, low=1))
    if learning_rate is not None:
        chosen = chosen._replace(learning_rate=check_positive("learning_rate", learning_rate))
    check_int("batch_size", batch_size, low=1)
    check_positive("l1_beta", l1_beta, zero=True)
    if device is None and net is not None:
        device = next(net.parameters()).device
    target = resolve_device(device)
    if precision is None:
        precision = _native_precision(target)
    check_choice("precision", precision, _PRECISIONS)
    net = reset_model(seed=seed, device=target) if net is None else copy.deepcopy(net).to(target)
    if data is None:
        data = load_mnist("train", device=target)
    data = Dataset(data.images.to(target), data.labels.to(target))
    settings: dict[str, object] = {
        "recipe": recipe,
        **chosen._asdict(),
        "batch_size": batch_size,
        "l1_beta": l1_beta,
        "seed": seed,
        "precision": precision,
        "images": len(data.labels),
    }
    history, interrupted = _train(net, data, chosen, batch_size, l1_beta, seed, precision, progress)
    return TrainingResult(net.eval(), history, settings, interrupted)


def _train(
    net: Net,
    data: Dataset,
    recipe: Recipe,
    batch_size: int,
    l1_beta: float,
    seed: int,
    precision: str,
    progress: bool,
) -> tuple[list[EpochResult], bool]:
    """Run the epochs on `net`; on a GPU nothing is read back before an epoch ends."""
    device, total = data.labels.device, len(data.labels)
    steps = -(-total // batch_size)
    parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=recipe.learning_rate, fused=device.type != "mps")
    schedule = recipe.one_cycle and torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=recipe.epochs * steps
    )
    low = torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()
    shuffle = torch.Generator().manual_seed(seed)
    history: list[EpochResult] = []
    seen = 0
    net.train()
    with (
        progress_bar(recipe.epochs * steps, "training", show=progress) as bar,
        torch.backends.cudnn.flags(enabled=True, deterministic=True),
    ):
        try:
            for epoch in range(1, recipe.epochs + 1):
                started = time.perf_counter()
                order = torch.randperm(total, generator=shuffle).to(device)
                seen, sums = 0, torch.zeros(2, device=device)  # of the loss and of what is correct
                for images, labels in batches(data, batch_size, order=order):
                    with low:
                        logits = net(images)
                    loss = F.cross_entropy(logits.float(), labels)
                    optimizer.zero_grad()
                    loss.backward()
                    with torch.no_grad():
                        if l1_beta:
                            loss = loss + l1_beta * _pull_to_zero(parameters, l1_beta)
                        correct = (logits.argmax(1) == labels).float().sum()
                        sums += torch.stack([loss * len(labels), correct])
                    optimizer.step()
                    if schedule:
                        schedule.step()
                    seen += len(labels)
                    bar.update()
                    if not bar.disable and (seen == total or device.type == "cpu"):
                        loss_now, accuracy = (sums / seen).tolist()
                        bar.set_postfix(
                            epoch=epoch,
                            loss=f"{loss_now:.4f}",
                            accuracy=f"{accuracy:.4f}",
                            refresh=False,
                        )
                loss_mean, accuracy = (sums / total).tolist()
                wall = time.perf_counter() - started
                history.append(EpochResult(epoch, loss_mean, accuracy, wall))
                seen = 0
        except KeyboardInterrupt:
            done = len(history) * steps + -(-seen // batch_size)
            say(
                f"Training was interrupted after step {done:,} of {recipe.epochs * steps:,}: "
                "this is the network as far as it was trained."
            )
            return history, True
    return history, False


def _pull_to_zero(parameters: list[nn.Parameter], beta: float) -> Tensor:
    """Add the penalty's gradient, `beta` times each sign; return the sum of absolute values.

    The same numbers as through autograd, without a graph of 32 nodes in each step.
    """
    weights: list[Tensor] = [*parameters]
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    try:
        signs, sums = torch._foreach_sign(weights), torch._foreach_norm(weights, 1)
        torch._foreach_add_(gradients, signs, alpha=beta)
        return torch.stack(sums).sum()
    except AttributeError:  # private: a torch without them gets the same in a loop
        for weight, gradient in zip(weights, gradients, strict=True):
            gradient.add_(weight.sign(), alpha=beta)
        return torch.stack([weight.abs().sum() for weight in weights]).sum()


def _native_precision(device: torch.device) -> str:
    """Return bfloat16 where the hardware multiplies it, else float32."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        features: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        native = bool(features.get("avx512_bf16") or features.get("amx_bf16"))
    else:
        native = False
    return "bfloat16" if native else "float32"


def evaluate(net: nn.Module, data: Dataset | None = None) -> Evaluation:
    """Count how many images a network classifies correctly.

    Parameters
    ----------
    net : torch.nn.Module
        Maps images to ten logits. It runs in evaluation mode and gets its own mode back.
    data : Dataset, optional
        By default MNIST's 10,000 test images.

    Returns
    -------
    Evaluation
        ``accuracy`` in 0..1, ``correct`` of ``total``, and ``confusion``, an int64 array of
        shape (10, 10) whose rows are the labels and whose columns are the predictions.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline
    >>> test = load_mnist("test", limit=200, device="cpu")
    >>> result = evaluate(load_baseline(device="cpu"), test)
    >>> result.total, result.correct == int(result.confusion.trace())
    (200, True)
    """
    device = next(net.parameters()).device
    if data is None:
        data = load_mnist("test", device=device)
    confusion = torch.zeros(100, dtype=torch.int64, device=device)
    was_training = net.training
    net.eval()
    try:
        with torch.inference_mode():
            for images, labels in batches(data, _EVALUATION_BATCH):
                predictions = net(images.to(device)).argmax(1)
                confusion += torch.bincount(labels.to(device) * 10 + predictions, minlength=100)
    finally:
        net.train(was_training)
    counts = confusion.reshape(10, 10).cpu().numpy()
    correct, total = int(counts.trace()), int(counts.sum())
    return Evaluation(correct / total, correct, total, counts)


N = TypeVar("N", bound=nn.Module)


_WARM_UP = 0.1  # of all steps


class Fit(NamedTuple):
    """Mean loss of each whole epoch, and whether Ctrl-C ended the fit."""

    losses: list[float]
    interrupted: bool


def fit(
    forward: Callable[[Tensor], Tensor],
    data: Dataset,
    optimizer: torch.optim.Optimizer,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    description: str,
    show: bool,
    after_step: Callable[[int], None] | None = None,
) -> Fit:
    """Minimise the cross-entropy of `forward`'s logits; the learning rate rises and falls once.

    ``after_step`` gets the number of steps done, from 1 on.
    """
    check_int("epochs", epochs, low=1)
    check_int("batch_size", batch_size, low=1)
    total = len(data.labels)
    steps = epochs * -(-total // batch_size)
    shuffle = torch.Generator().manual_seed(seed)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _one_cycle(step, steps))
    losses: list[float] = []
    step = 0
    with progress_bar(steps, description, show=show) as bar:
        try:
            for _ in range(epochs):
                order = torch.randperm(total, generator=shuffle).to(data.labels.device)
                summed = torch.zeros((), device=data.labels.device)
                for images, labels in batches(data, batch_size, order=order):
                    loss = F.cross_entropy(forward(images), labels)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    schedule.step()
                    step += 1
                    if after_step is not None:
                        after_step(step)
                    summed += loss.detach() * len(labels)
                    bar.update()
                losses.append(summed.item() / total)
                bar.set_postfix(loss=f"{losses[-1]:.4f}", refresh=False)
        except KeyboardInterrupt:
            say(
                f"{description.capitalize()} was interrupted after step {step:,} of {steps:,}: "
                "this is the network as far as it came."
            )
            return Fit(losses, True)
    return Fit(losses, False)


def _one_cycle(step: int, steps: int) -> float:
    """Return the share of the learning rate: up in a tenth of the steps, down along a cosine."""
    done = (step + 0.5) / steps
    if done < _WARM_UP:
        return done / _WARM_UP
    return (1 + math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP))) / 2


def prepared(net: N, data: Dataset | None) -> tuple[N, Dataset]:
    """Return a copy of `net` with frozen BatchNorm statistics, and images on its device."""
    clone = copy.deepcopy(net).eval()
    device = next(clone.parameters()).device
    if data is None:
        data = load_mnist("train", device=device)
    return clone, Dataset(data.images.to(device), data.labels.to(device))


def adam(parameters: Iterable[Tensor], learning_rate: float) -> torch.optim.Adam:
    """Return Adam, in one kernel per step where there is one."""
    tensors = list(parameters)
    return torch.optim.Adam(tensors, lr=learning_rate, fused=tensors[0].device.type != "mps")


@torch.no_grad()
def keep_zeros(weights: Sequence[Tensor], masks: Sequence[Tensor]) -> None:
    """Put back to zero what was zero: momentum moves weights that have no gradient."""
    for weight, mask in zip(weights, masks, strict=True):
        weight.mul_(mask)
