"""Prune a network: the smallest weights at once, or the least important ones during training.

Pruned weights are exactly zero, and `train_quantized`, `train_codebook` and `prune_gradually` keep
them at zero. Read `finetune.py` next.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .._support.validation import check_int, check_positive
from ..data import Dataset
from ..model import Net
from ..training import adam, apply_masks, copy_for_training, fit

_PRUNE_EVERY = 25  # steps, in which Adam adapts


class PruningResult(NamedTuple):
    """A pruned network, the mean loss of each epoch, and whether Ctrl-C ended the pruning."""

    net: Net
    losses: list[float]
    interrupted: bool


def prune(net: Net, *, threshold: float | None = None, sparsity: float | None = None) -> Net:
    """Set the weights nearest to zero to exactly zero, without training.

    Parameters
    ----------
    net : Net
        It is not changed.
    threshold : float, optional
        Weights with a smaller absolute value become zero.
    sparsity : float, optional
        Share of all weights that become zero, 0 to below 1: the smallest of the whole network,
        so that a layer of small weights loses more than one of large weights.

    Returns
    -------
    Net
        In evaluation mode. Only the weights of Conv2d and Linear layers are pruned: biases and
        BatchNorm have few parameters, and each of them matters.

    Raises
    ------
    ValueError
        Unless exactly one of `threshold` and `sparsity` is given, and in its range.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline
    >>> pruned = prune(load_baseline("cpu"), sparsity=0.99)
    >>> round((pruned.fc1.weight == 0).float().mean().item(), 3)
    0.995
    """
    if (threshold is None) == (sparsity is None):
        raise ValueError(
            "Exactly one of `threshold` and `sparsity` must be given, got "
            f"{threshold!r} and {sparsity!r}; pass for example sparsity=0.9."
        )
    clone = copy.deepcopy(net).eval()
    weights = [
        layer.weight for layer in clone.modules() if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    sizes = torch.cat([weight.detach().abs().flatten() for weight in weights])
    if threshold is not None:
        kept = sizes >= check_positive("threshold", threshold, zero=True)
    else:
        if not 0 <= check_positive("sparsity", sparsity, zero=True) < 1:  # type: ignore[arg-type]
            raise ValueError(
                f"`sparsity` must be from 0 to below 1, got {sparsity!r}; 0.9 prunes 90%."
            )
        kept = torch.ones_like(sizes, dtype=torch.bool)
        kept[sizes.argsort(stable=True)[: round(sparsity * sizes.numel())]] = False  # type: ignore[operator]
    with torch.no_grad():
        for weight, mask in zip(weights, kept.split([w.numel() for w in weights]), strict=True):
            weight.mul_(mask.view(weight.shape))
    return clone


def prune_gradually(
    net: Net,
    *,
    keep: int,
    epochs: int = 4,
    recovery: int = 1,
    learning_rate: float = 3e-3,
    batch_size: int = 100,
    seed: int = 0,
    data: Dataset | None = None,
    progress: bool = True,
) -> PruningResult:
    r"""Train a network and prune its least important weights on the way, until `keep` are left.

    The increase of the loss without a weight :math:`w` is estimated by its Fisher score

    .. math:: w^2 \; \overline{g^2}

    with Adam's running mean of the squared gradient. A large weight that no image needs scores
    low, a small weight that many images need scores high: pruning by magnitude alone loses several
    points of accuracy at the same number of weights.

    Parameters
    ----------
    net : Net
        It is not changed. Fold BatchNorm first (`fold_batchnorm`) for the smallest result.
    keep : int
        Weights and biases of Conv2d and Linear layers that are left at the end, at least 1.
        Frozen parameters are neither counted nor touched.
    epochs, recovery : int, default=4 and 1
        Epochs with pruning, of many weights at first and few at the end; then epochs without.
    learning_rate : float, default=0.003
        Adam's, at the peak of one cycle over all epochs.
    batch_size : int, default=100
        Images per step.
    seed : int, default=0
        Draws the order of the images.
    data : Dataset, optional
        By default all 60,000 training images.
    progress : bool, default=True
        Show a progress bar in a terminal or a notebook.

    Returns
    -------
    PruningResult
        ``net`` in evaluation mode, its BatchNorm statistics as they were.

    Notes
    -----
    The score goes back to Y. LeCun, J. Denker and S. Solla, *Optimal Brain Damage*, 1990, with
    the Fisher information in the place of the second derivative; the schedule to M. Zhu and
    S. Gupta, *To prune, or not to prune*, 2017, arXiv 1710.01878.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline, load_mnist
    >>> few = load_mnist("train", limit=300, device="cpu")
    >>> net = load_baseline("cpu")
    >>> pruned = prune_gradually(net, keep=5_000, epochs=2, data=few, progress=False).net
    >>> torch.count_nonzero(pruned.fc1.weight).item() < 5_000
    True
    """
    check_int("keep", keep, low=1)
    check_int("epochs", epochs, low=1)
    check_int("recovery", recovery, low=0)
    check_positive("learning_rate", learning_rate)
    clone, data = copy_for_training(net, data)
    weights = [
        parameter
        for layer in clone.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
        for parameter in layer.parameters()
        if parameter.requires_grad
    ]
    masks = [weight.detach() != 0 for weight in weights]
    start = sum(int(mask.sum()) for mask in masks)
    steps = epochs * -(-len(data.labels) // batch_size)
    optimizer = adam(weights, learning_rate)

    @torch.no_grad()
    def prune_and_mask(step: int) -> None:
        if step <= steps and (step % _PRUNE_EVERY == 0 or step == steps):
            left = (1 - step / steps) ** 3
            count = min(start, round(keep * (start / keep) ** left)) if start > keep else start
            scores = [
                (weight**2 * optimizer.state[weight]["exp_avg_sq"]).masked_fill_(~mask, -1)
                for weight, mask in zip(weights, masks, strict=True)
            ]
            best = torch.cat([score.flatten() for score in scores]).topk(count).indices
            kept = torch.zeros(sum(map(Tensor.numel, masks)), dtype=torch.bool, device=best.device)
            kept[best] = True
            parts = kept.split([mask.numel() for mask in masks])
            for mask, part in zip(masks, parts, strict=True):
                mask.copy_(part.view(mask.shape))
        apply_masks(weights, masks)

    result = fit(
        clone,
        data,
        optimizer,
        epochs=epochs + recovery,
        batch_size=batch_size,
        seed=seed,
        description="pruning",
        show=progress,
        after_step=prune_and_mask,
    )
    apply_masks(weights, masks)  # Ctrl-C can fall between a step and its masks
    return PruningResult(clone, result.losses, result.interrupted)
