"""The loop behind every fine-tuning: batches in, one step each, a bar, and Ctrl-C ends it."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ._support.progress import progress_bar, say
from ._support.validation import check_int
from .data import Dataset, batches, load_mnist

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
