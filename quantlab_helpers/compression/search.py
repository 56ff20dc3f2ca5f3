"""The smallest file that is still accurate enough: fold, prune, quantize, train, and count bytes.

`compress` puts the package's pieces in a row and decides by the size of the real file and by
validation images that were held out of the training images. The test set is never looked at.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .._support.validation import check_positive
from ..data import Dataset, batches, holdout, load_mnist
from ..model import Net
from ..network import QuantizedModel, Quantizer, quantize_model, with_tensors
from ..quantizers.kmeans import sparse_kmeans
from ..quantizers.tensor import QuantizedTensor
from ..storage.file import save_quantized
from ..training import evaluate
from .finetune import train_codebook, train_quantized
from .folding import fold_batchnorm, merge_dense
from .pruning import prune_gradually

KS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 64, 256)
_FINER = 0.3  # times the tolerance, where the centres it gives are not accurate enough
RESERVE = 0.0015  # accuracy that quantizing may cost, for which pruning leaves room
_FIRST_RUNG = 8_000  # weights
_SAMPLE = 2_000  # training images that decide on k


class Trial(NamedTuple):
    """One candidate: weights left, centres by tensor, bytes of its file, validation accuracy."""

    weights: int
    ks: dict[str, int]
    file_bytes: int
    accuracy: float


class CompressionResult(NamedTuple):
    """What `compress` returns.

    ``model`` is ready for `save_quantized`, where it takes ``file_bytes``; ``accuracy`` is that
    of the validation images, in 0..1; ``reached`` says whether it is high enough; ``trials`` has
    every candidate that was measured; ``interrupted`` is True where Ctrl-C ended the search.
    """

    model: QuantizedModel
    file_bytes: int
    accuracy: float
    reached: bool
    trials: list[Trial]
    interrupted: bool


def compress(
    net: Net,
    *,
    min_accuracy: float = 0.982,
    margin: float = 0.001,
    max_drop: float | None = None,
    tolerance: float = 0.01,
    merge: bool = False,
    pruning: bool = True,
    validation: int = 10_000,
    seed: int = 0,
    data: Dataset | None = None,
    progress: bool = True,
) -> CompressionResult:
    """Search for the smallest file of a network that keeps a given accuracy.

    Fold BatchNorm, prune step by step while the accuracy allows,
    give each tensor as few centres as it bears, train weights and then centres under these, and
    write the file. Where the result is not accurate enough, finer centres and then more weights
    are tried.

    Parameters
    ----------
    net : Net
        A trained network; left as it is.
    min_accuracy : float, default=0.982
        What the file must reach, above 0 and below 1.
    margin : float, default=0.001
        How much more than that is asked of the validation images: their accuracy is itself
        uncertain by 0.13 points (one standard error at 98.2 % of 10,000 images).
    max_drop : float, optional
        Replaces `min_accuracy` and `margin`: the validation accuracy may be this much below that
        of `net` itself, for instance 0.003 for 0.3 points.
    tolerance : float, default=0.01
        For `choose_ks`. A smaller one gives more centres, a larger file and more room for the
        images that nobody has seen: validation cannot tell networks apart that differ by less
        than its standard error.
    merge : bool, default=False
        Use `merge_dense` before pruning. Pruning alone gets as far: of the shipped baseline's
        300 hidden units it leaves about 20.
    pruning : bool, default=True
        False keeps all weights: what quantization and coding do alone.
    validation : int, default=10000
        Training images to hold out, by `holdout`. A network that was trained on all of them has
        seen these; train it on the rest where that matters.
    seed : int, default=0
        Draws the split and the order of the images. The same seed on the same machine with the
        same number of threads gives the same file.
    data : Dataset, optional
        By default all 60,000 training images.
    progress : bool, default=True
        Show progress bars in a terminal or a notebook.

    Returns
    -------
    CompressionResult
        The smallest candidate that reached the accuracy, else the most accurate one.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline
    >>> few = load_mnist("train", limit=300, device="cpu")
    >>> result = compress(
    ...     load_baseline("cpu"), min_accuracy=0.5, validation=100, data=few, pruning=False,
    ...     progress=False,
    ... )
    >>> result.reached, result.file_bytes < 100_000
    (True, True)
    """
    if data is None:
        data = load_mnist("train", device=next(net.parameters()).device)
    training, held = holdout(data, images=validation, seed=seed)
    if max_drop is None:
        goal = check_positive("min_accuracy", min_accuracy)
        goal += check_positive("margin", margin, zero=True)
        if goal >= 1:
            raise ValueError(
                "`min_accuracy` plus `margin` must be below 1, got "
                f"{min_accuracy!r} plus {margin!r}; 0.982 stands for 98.2 %."
            )
    else:
        goal = evaluate(net, held).accuracy - check_positive("max_drop", max_drop, zero=True)
    check_positive("tolerance", tolerance)
    start = fold_batchnorm(net)
    if merge:
        start = merge_dense(start)
    rungs, interrupted = [start], False
    if pruning:
        rungs, interrupted = _ladder(start, training, held, goal + RESERVE, seed, progress)
    found: list[tuple[QuantizedModel, Trial]] = []
    for pruned, rise in product(reversed(rungs), (tolerance, _FINER * tolerance)):
        ks = choose_ks(pruned, tolerance=rise, data=training)
        if interrupted:
            model = _as_it_is(pruned, ks)
        else:
            model, interrupted = _trained(pruned, ks, training, seed, progress)
        accuracy = evaluate(model.net, held).accuracy
        found.append((model, Trial(_weights(pruned), ks, _file_bytes(model), accuracy)))
        if interrupted or accuracy >= goal:
            break
    model, best = max(found, key=lambda candidate: _worth(candidate[1], goal))
    trials = [trial for _, trial in found]
    reached = best.accuracy >= goal
    return CompressionResult(model, best.file_bytes, best.accuracy, reached, trials, interrupted)


def choose_ks(net: Net, *, tolerance: float, data: Dataset) -> dict[str, int]:
    """Return the fewest centres that each weight and bias tensor bears on its own.

    Parameters
    ----------
    net : Net
        A trained network, usually pruned; left as it is.
    tolerance : float
        How much the mean cross-entropy may rise when one tensor is quantized, and only that one.
    data : Dataset
        Training images; the first 2,000 are used.

    Returns
    -------
    dict of str to int
        `k` for `sparse_kmeans`, one of `KS`, by the tensor's name. A frozen tensor, as
        `merge_dense` leaves them, gets 2.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline
    >>> few = load_mnist("train", limit=200, device="cpu")
    >>> choose_ks(load_baseline("cpu"), tolerance=0.5, data=few)["fc2.bias"]
    2
    """
    check_positive("tolerance", tolerance, zero=True)
    sample = Dataset(data.images[:_SAMPLE], data.labels[:_SAMPLE])
    trial = copy.deepcopy(net).eval()
    limit = _loss(trial, sample) + tolerance
    ks: dict[str, int] = {}
    for name, parameter in _stored(trial):
        if not parameter.requires_grad:
            ks[name] = 2
            continue
        exact = parameter.detach().clone()
        for k in KS:
            ks[name] = k
            rounded = torch.from_numpy(sparse_kmeans(exact, k).dequantize())
            with torch.no_grad():
                parameter.copy_(rounded)
            if _loss(trial, sample) <= limit:
                break
        with torch.no_grad():
            parameter.copy_(exact)
    return ks


def _ladder(
    net: Net, data: Dataset, held: Dataset, goal: float, seed: int, progress: bool
) -> tuple[list[Net], bool]:
    """Return ever smaller networks that reach `goal`, each pruned from the one before."""
    rungs, failed = [net], 0  # the largest number of weights that was too small
    while True:
        keep = _next_rung(_weights(rungs[-1]), failed)
        if not keep:
            return rungs, False
        step = prune_gradually(
            rungs[-1],
            keep=keep,
            epochs=2 if len(rungs) == 1 else 1,
            recovery=0,
            learning_rate=2e-3,
            seed=seed + keep,
            data=data,
            progress=progress,
        )
        if evaluate(step.net, held).accuracy >= goal:
            rungs.append(step.net)
        else:
            failed = keep
        if step.interrupted:
            return rungs, True


def _next_rung(reached: int, failed: int) -> int:
    """Return how many weights to try next, by bisection of the logarithm; 0 when done."""
    if not failed:
        return min(_FIRST_RUNG, reached // 2)
    return round((reached * failed) ** 0.5) if reached > 1.25 * failed else 0


def _trained(
    net: Net, ks: dict[str, int], data: Dataset, seed: int, progress: bool
) -> tuple[QuantizedModel, bool]:
    """Quantize to these numbers of centres, training weights first and centres then."""
    found = train_quantized(
        net,
        weights=_rules(ks, "weight"),
        biases=_rules(ks, "bias"),
        epochs=2,
        learning_rate=2e-3,
        seed=seed,
        data=data,
        progress=progress,
    )
    if not found.interrupted:
        found = train_codebook(
            found.model, optimizer="adam", seed=seed + 1, data=data, progress=progress
        )
    return _in_half_precision(found.model), found.interrupted


def _as_it_is(net: Net, ks: dict[str, int]) -> QuantizedModel:
    """Quantize to these numbers of centres without training."""
    model = quantize_model(net, weights=_rules(ks, "weight"), biases=_rules(ks, "bias"))
    return _in_half_precision(model)


def _rules(ks: dict[str, int], kind: str) -> dict[str, Quantizer]:
    """Return the quantizer of each layer's weight, or bias."""

    def rule(k: int) -> Quantizer:
        return lambda values: sparse_kmeans(values, k)

    return {name.removesuffix(f".{kind}"): rule(k) for name, k in ks.items() if name.endswith(kind)}


def _in_half_precision(model: QuantizedModel) -> QuantizedModel:
    """Round all centres to float16, of which the file needs half the bytes."""
    halves = {
        name: replace(tensor, codebook=tensor.codebook.astype(np.float16).astype(np.float32))
        for name, tensor in model.tensors.items()
        if isinstance(tensor, QuantizedTensor)
    }
    return with_tensors(model, halves)


def _stored(net: Net) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the weights and biases that remain once BatchNorm is folded."""
    for name, layer in net.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            for kind, parameter in layer.named_parameters():
                yield f"{name}.{kind}", parameter


def _weights(net: Net) -> int:
    return sum(int(torch.count_nonzero(parameter)) for _, parameter in _stored(net))


def _file_bytes(model: QuantizedModel) -> int:
    with tempfile.TemporaryDirectory() as folder:
        return save_quantized(model, Path(folder) / "trial.safetensors")


def _loss(net: Net, data: Dataset) -> float:
    with torch.inference_mode():
        losses = [
            F.cross_entropy(net(images), labels, reduction="sum").item()
            for images, labels in batches(data, 200)
        ]
    return sum(losses) / len(data.labels)


def _worth(trial: Trial, goal: float) -> tuple[bool, float]:
    """Enough accuracy first, and then few bytes; below that, accuracy alone."""
    reached = trial.accuracy >= goal
    return reached, -trial.file_bytes if reached else trial.accuracy
