"""Train a network and test it.

The course lab's settings are the defaults: 5 epochs of Adam at a learning rate of 0.001, batches
of 100, and an L1 penalty of 0.001 on every parameter. That penalty decides what the quantizers
will meet: nearly all weights end close to zero. Read `checkpoints.py` next.
"""

from __future__ import annotations

import copy
import time
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ._progress import progress_bar
from ._validate import check_int, check_positive, resolve_device
from .data import Dataset, batches, load_mnist
from .model import Net, reset_model

_EVALUATION_BATCH = 200  # small enough for one batch of activations to stay in a CPU's cache


class EpochResult(NamedTuple):
    """One epoch of training: mean loss (penalty included), accuracy in 0..1, wall seconds."""

    epoch: int
    loss: float
    accuracy: float
    seconds: float


class TrainingResult(NamedTuple):
    """A trained network, in evaluation mode, and its history, one entry per epoch."""

    net: Net
    history: list[EpochResult]


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
    epochs: int = 5,
    batch_size: int = 100,
    learning_rate: float = 1e-3,
    l1_beta: float = 1e-3,
    seed: int = 0,
    data: Dataset | None = None,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> TrainingResult:
    """Train a network with cross-entropy, Adam and an L1 penalty.

    Parameters
    ----------
    net : Net, optional
        Weights to go on from, with a new Adam; the network itself is left as it is. By default
        a fresh network drawn with `seed`.
    epochs : int, default=5
        Passes over the data, at least 1.
    batch_size : int, default=100
        Images per step, at least 1. BatchNorm needs at least 2 to see a variance.
    learning_rate : float, default=0.001
        Adam's step size, above 0.
    l1_beta : float, default=0.001
        The loss is cross-entropy + `l1_beta` * `l1_penalty`; 0 switches the penalty off.
    seed : int, default=0
        Draws the initial weights and the order of the images. The same seed on the same
        machine gives the same weights, bit for bit.
    data : Dataset, optional
        By default all 60,000 training images.
    device : str or torch.device, optional
        By default the device of `net`, else CUDA or MPS where there is one, else the CPU.
    progress : bool, default=True
        Show a progress bar in a terminal or a notebook.

    Returns
    -------
    TrainingResult
        ``net``, a new network in evaluation mode, and ``history``.

    Raises
    ------
    ValueError, TypeError
        If a number is outside the range given above.

    Examples
    --------
    >>> few = load_mnist("train", limit=500, device="cpu")
    >>> result = train(epochs=2, data=few, device="cpu", progress=False)
    >>> [epoch.epoch for epoch in result.history]
    [1, 2]
    """
    check_int("epochs", epochs, low=1)
    check_int("batch_size", batch_size, low=1)
    check_positive("learning_rate", learning_rate)
    check_positive("l1_beta", l1_beta, zero=True)
    if device is None and net is not None:
        device = next(net.parameters()).device
    target = resolve_device(device)
    net = reset_model(seed=seed, device=target) if net is None else copy.deepcopy(net).to(target)
    if data is None:
        data = load_mnist("train", device=target)
    data = Dataset(data.images.to(target), data.labels.to(target))
    return _train(net, data, epochs, batch_size, learning_rate, l1_beta, seed, progress)


def _train(
    net: Net,
    data: Dataset,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    l1_beta: float,
    seed: int,
    progress: bool,
) -> TrainingResult:
    """Run the epochs; sums stay on the device until an epoch ends."""
    shuffle = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(net.parameters(), lr=learning_rate)
    total, history = len(data.labels), []
    steps = -(-total // batch_size)
    net.train()
    with progress_bar(epochs * steps, "training", show=progress) as bar:
        for epoch in range(1, epochs + 1):
            started = time.perf_counter()
            order = torch.randperm(total, generator=shuffle).to(data.labels.device)
            loss_sum = torch.zeros((), device=order.device)
            correct = torch.zeros((), device=order.device, dtype=torch.int64)
            for images, labels in batches(data, batch_size, order=order):
                logits = net(images)
                loss = F.cross_entropy(logits, labels)
                if l1_beta:
                    loss = loss + l1_beta * l1_penalty(net)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                loss_sum += loss.detach() * len(labels)
                correct += (logits.argmax(1) == labels).sum()
                bar.update()
            history.append(
                EpochResult(
                    epoch,
                    loss_sum.item() / total,
                    correct.item() / total,
                    time.perf_counter() - started,
                )
            )
            bar.set_postfix(loss=f"{history[-1].loss:.4f}", accuracy=f"{history[-1].accuracy:.4f}")
    return TrainingResult(net.eval(), history)


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
