"""Train a network on images, and measure its accuracy.

The course lab's settings are the defaults of `train`: 5 epochs of Adam at a learning rate of 0.001,
batches of 100, and an L1 penalty of 0.001 on every parameter. The penalty shapes the weights that
the quantizers get: nearly all of them end close to zero. `fit` is the only training loop of the
package; pruning and fine-tuning use it, too. Read `quantizers/` next.
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
_WARM_UP = 0.1  # share of the steps in which one cycle's learning rate rises
_PRECISIONS = ("float32", "bfloat16")
N = TypeVar("N", bound=nn.Module)


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
    """A trained network in evaluation mode, one entry of ``history`` per epoch, and its settings.

    ``settings`` is the metadata to store with the weights; ``interrupted`` is True if Ctrl-C ended
    the training.
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

    Ctrl-C, or Interrupt in a notebook, ends the training and returns the network as it is; a loop
    over several trainings should stop if the result is ``interrupted``.

    Parameters
    ----------
    net : Net, optional
        Weights to start from, with a new Adam; the network itself is not changed. By default a
        fresh network drawn with `seed`.
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
        Precision of the activations and of the products in forward and backward pass; weights,
        gradients and Adam are always float32. By default bfloat16 where the hardware supports it.
    data : Dataset, optional
        By default all 60,000 training images.
    device : str or torch.device, optional
        By default the device of `net`, else CUDA or MPS if available, else the CPU.
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
    parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
    low = torch.autocast(target.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()

    def forward(images: Tensor) -> Tensor:
        with low:
            logits: Tensor = net(images)
        return logits.float() if precision == "bfloat16" else logits

    net.train()
    history, interrupted = fit(
        forward,
        data,
        adam(parameters, chosen.learning_rate),
        epochs=chosen.epochs,
        batch_size=batch_size,
        seed=seed,
        description="training",
        show=progress,
        one_cycle=chosen.one_cycle,
        penalty=(lambda: l1_beta * _add_l1_gradient(parameters, l1_beta)) if l1_beta else None,
    )
    return TrainingResult(net.eval(), history, settings, interrupted)


class Fit(NamedTuple):
    """The whole epochs of a training, and whether Ctrl-C ended it."""

    epochs: list[EpochResult]
    interrupted: bool

    @property
    def losses(self) -> list[float]:
        """Mean loss of each whole epoch."""
        return [epoch.loss for epoch in self.epochs]


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
    one_cycle: bool = True,
    penalty: Callable[[], Tensor] | None = None,
    after_step: Callable[[int], None] | None = None,
) -> Fit:
    """Minimise the cross-entropy of `forward`'s logits; on a GPU, read back once per epoch.

    With `one_cycle` the optimizer's learning rate is the peak of one rise and fall. `penalty` adds
    its gradient to the parameters' and returns its value. `after_step` gets the number of steps
    done, from 1 on.
    """
    check_int("epochs", epochs, low=1)
    check_int("batch_size", batch_size, low=1)
    device, total = data.labels.device, len(data.labels)
    steps = epochs * -(-total // batch_size)
    shuffle = torch.Generator().manual_seed(seed)
    schedule = one_cycle and torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: _one_cycle_factor(step, steps)
    )
    history: list[EpochResult] = []
    step = 0
    with (
        progress_bar(steps, description, show=show) as bar,
        torch.backends.cudnn.flags(enabled=True, deterministic=True),
    ):
        try:
            for epoch in range(1, epochs + 1):
                started = time.perf_counter()
                order = torch.randperm(total, generator=shuffle).to(device)
                seen, sums = 0, torch.zeros(2, device=device)  # loss, correct images
                for images, labels in batches(data, batch_size, order=order):
                    logits = forward(images)
                    loss = F.cross_entropy(logits, labels)
                    optimizer.zero_grad()
                    loss.backward()
                    with torch.no_grad():
                        if penalty is not None:
                            loss = loss + penalty()
                        correct = (logits.argmax(1) == labels).float().sum()
                        sums += torch.stack([loss * len(labels), correct])
                    optimizer.step()
                    if schedule:
                        schedule.step()
                    step += 1
                    if after_step is not None:
                        after_step(step)
                    seen += len(labels)
                    bar.update()
                    if not bar.disable and (seen == total or device.type == "cpu"):
                        mean_loss, accuracy = (sums / seen).tolist()
                        bar.set_postfix(
                            epoch=epoch,
                            loss=f"{mean_loss:.4f}",
                            accuracy=f"{accuracy:.4f}",
                            refresh=False,
                        )
                mean_loss, accuracy = (value / total for value in sums.tolist())
                seconds = time.perf_counter() - started
                history.append(EpochResult(epoch, mean_loss, accuracy, seconds))
        except KeyboardInterrupt:
            say(
                f"{description.capitalize()} was interrupted after step {step:,} of {steps:,}: "
                "this is the network as far as it was trained."
            )
            return Fit(history, True)
    return Fit(history, False)


def _one_cycle_factor(step: int, steps: int) -> float:
    """Return the share of the peak learning rate: a linear rise, then a fall along a cosine."""
    done = (step + 0.5) / steps
    if done < _WARM_UP:
        return done / _WARM_UP
    return (1 + math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP))) / 2


def adam(parameters: Iterable[Tensor], learning_rate: float) -> torch.optim.Adam:
    """Return Adam, with one fused kernel per step where the device has it."""
    tensors = list(parameters)
    fused = all(tensor.device.type != "mps" for tensor in tensors)
    return torch.optim.Adam(tensors, lr=learning_rate, fused=fused)


def copy_for_training(net: N, data: Dataset | None) -> tuple[N, Dataset]:
    """Return a copy of `net` with frozen BatchNorm statistics, and images on its device."""
    clone = copy.deepcopy(net).eval()
    device = next(clone.parameters()).device
    if data is None:
        data = load_mnist("train", device=device)
    return clone, Dataset(data.images.to(device), data.labels.to(device))


@torch.no_grad()
def apply_masks(weights: Sequence[Tensor], masks: Sequence[Tensor]) -> None:
    """Set weights to zero where their mask is zero: momentum moves weights without a gradient."""
    for weight, mask in zip(weights, masks, strict=True):
        weight.mul_(mask)


def _add_l1_gradient(parameters: list[nn.Parameter], beta: float) -> Tensor:
    """Add `beta` times each parameter's sign to its gradient; return the sum of absolute values.

    The same numbers as through autograd, without a graph of 32 nodes in each step.
    """
    weights: list[Tensor] = [*parameters]
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    try:
        signs, sums = torch._foreach_sign(weights), torch._foreach_norm(weights, 1)
        torch._foreach_add_(gradients, signs, alpha=beta)
        return torch.stack(sums).sum()
    except AttributeError:  # private functions of torch, which may go; a loop gives the same
        for weight, gradient in zip(weights, gradients, strict=True):
            gradient.add_(weight.sign(), alpha=beta)
        return torch.stack([weight.abs().sum() for weight in weights]).sum()


def _native_precision(device: torch.device) -> str:
    """Return "bfloat16" where the hardware multiplies it, else "float32"."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        features: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        native = bool(features.get("avx512_bf16") or features.get("amx_bf16"))
    else:
        native = False
    return "bfloat16" if native else "float32"


def evaluate(net: nn.Module, data: Dataset | None = None) -> Evaluation:
    """Return the number of images that a network classifies correctly, and the confusions.

    Parameters
    ----------
    net : torch.nn.Module
        Maps images to ten logits. It runs in evaluation mode; its mode is restored.
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
