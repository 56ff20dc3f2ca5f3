"""Search for the smallest file that is accurate enough: fold, prune, quantize, train.

`compress` combines the functions of this package and decides by the size of the real file and the
accuracy on validation images, held out of the training images. It never uses the test set.
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
_FINER_TOLERANCE = 0.3  # factor for a second try, if the first is not accurate enough
RESERVE = 0.0015  # accuracy above the goal that pruning leaves for quantization
_FIRST_WEIGHT_COUNT = 8_000  # weights
_SAMPLE = 2_000  # training images for choosing k


class CompressionTrial(NamedTuple):
    """One candidate: weights left, centres by tensor, bytes of its file, validation accuracy."""

    weights: int
    ks: dict[str, int]
    file_bytes: int
    accuracy: float


class CompressionResult(NamedTuple):
    """The best network of a search, the bytes of its file, its accuracy, and all candidates.

    ``accuracy`` is that on the validation images, in 0..1; ``reached`` is True if it is high
    enough; ``trials`` has every candidate that was measured; ``interrupted`` is True if Ctrl-C
    ended the search.
    """

    model: QuantizedModel
    file_bytes: int
    accuracy: float
    reached: bool
    trials: list[CompressionTrial]
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

    Fold BatchNorm, prune step by step while the accuracy allows, give each tensor the fewest
    centres within the tolerance, train weights and then centres, and write the file. If the result
    is not accurate enough, try more centres, then more weights.

    Parameters
    ----------
    net : Net
        A trained network; it is not changed.
    min_accuracy : float, default=0.982
        Accuracy that the file must reach, above 0 and below 1.
    margin : float, default=0.001
        Extra accuracy that is required on the validation images, since their accuracy is itself
        uncertain by 0.13 points (one standard error at 98.2% of 10,000 images).
    max_drop : float, optional
        Replaces `min_accuracy` and `margin`: the validation accuracy may be this much below that
        of `net` itself, for instance 0.003 for 0.3 points.
    tolerance : float, default=0.01
        For `choose_ks`. A smaller one gives more centres, a larger file and a reserve for unseen
        images: validation cannot distinguish networks that differ by less than its standard
        error.
    merge : bool, default=False
        Use `merge_dense` before pruning. Pruning alone is about as good: of the shipped
        baseline's 300 hidden units it leaves about 20.
    pruning : bool, default=True
        False keeps all weights, to see the effect of quantization and coding alone.
    validation : int, default=10000
        Training images to hold out, by `holdout`. A network that was trained on all images has
        seen these; if that matters, train it on the rest.
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
    training, validation_data = holdout(data, images=validation, seed=seed)
    if max_drop is None:
        goal = check_positive("min_accuracy", min_accuracy)
        goal += check_positive("margin", margin, zero=True)
        if goal >= 1:
            raise ValueError(
                "`min_accuracy` plus `margin` must be below 1, got "
                f"{min_accuracy!r} plus {margin!r}; 0.982 means 98.2%."
            )
    else:
        check_positive("max_drop", max_drop, zero=True)
        goal = evaluate(net, validation_data).accuracy - max_drop
    check_positive("tolerance", tolerance)
    start = fold_batchnorm(net)
    if merge:
        start = merge_dense(start)
    candidates, interrupted = [start], False
    if pruning:
        candidates, interrupted = _pruned_candidates(
            start, training, validation_data, goal + RESERVE, seed, progress
        )
    measured: list[tuple[QuantizedModel, CompressionTrial]] = []
    for pruned, rise in product(reversed(candidates), (tolerance, _FINER_TOLERANCE * tolerance)):
        ks = choose_ks(pruned, tolerance=rise, data=training)
        if interrupted:
            model = _quantize_without_training(pruned, ks)
        else:
            model, interrupted = _quantize_with_training(pruned, ks, training, seed, progress)
        accuracy = evaluate(model.net, validation_data).accuracy
        measured.append(
            (model, CompressionTrial(_nonzero_weights(pruned), ks, _file_bytes(model), accuracy))
        )
        if interrupted or accuracy >= goal:
            break
    model, best = max(measured, key=lambda candidate: _rank(candidate[1], goal))
    trials = [trial for _, trial in measured]
    reached = best.accuracy >= goal
    return CompressionResult(model, best.file_bytes, best.accuracy, reached, trials, interrupted)


def choose_ks(net: Net, *, tolerance: float, data: Dataset) -> dict[str, int]:
    """Return the fewest centres for each weight and bias tensor, quantized on its own.

    Parameters
    ----------
    net : Net
        A trained network, usually pruned; it is not changed.
    tolerance : float
        Allowed rise of the mean cross-entropy when only this tensor is quantized.
    data : Dataset
        Training images; the first 2,000 are used.

    Returns
    -------
    dict of str to int
        `k` for `sparse_kmeans`, one of `KS`, by the tensor's name. A frozen tensor,
        for instance after `merge_dense`, gets 2.

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
    limit = _mean_loss(trial, sample) + tolerance
    ks: dict[str, int] = {}
    for name, parameter in _stored_parameters(trial):
        if not parameter.requires_grad:
            ks[name] = 2
            continue
        exact = parameter.detach().clone()
        for k in KS:
            ks[name] = k
            rounded = torch.from_numpy(sparse_kmeans(exact, k).dequantize())
            with torch.no_grad():
                parameter.copy_(rounded)
            if _mean_loss(trial, sample) <= limit:
                break
        with torch.no_grad():
            parameter.copy_(exact)
    return ks


def _pruned_candidates(
    net: Net, data: Dataset, validation: Dataset, goal: float, seed: int, progress: bool
) -> tuple[list[Net], bool]:
    """Return smaller and smaller networks that reach `goal`, and whether Ctrl-C ended it."""
    candidates, failed = [net], 0  # the largest number of weights that was too small
    while True:
        keep = _next_weight_count(_nonzero_weights(candidates[-1]), failed)
        if not keep:
            return candidates, False
        step = prune_gradually(
            candidates[-1],
            keep=keep,
            epochs=2 if len(candidates) == 1 else 1,
            recovery=0,
            learning_rate=2e-3,
            seed=seed + keep,
            data=data,
            progress=progress,
        )
        if evaluate(step.net, validation).accuracy >= goal:
            candidates.append(step.net)
        else:
            failed = keep
        if step.interrupted:
            return candidates, True


def _next_weight_count(reached: int, failed: int) -> int:
    """Return the number of weights to try next, by bisection of its logarithm; 0 when done."""
    if not failed:
        return min(_FIRST_WEIGHT_COUNT, reached // 2)
    return round((reached * failed) ** 0.5) if reached > 1.25 * failed else 0


def _quantize_with_training(
    net: Net, ks: dict[str, int], data: Dataset, seed: int, progress: bool
) -> tuple[QuantizedModel, bool]:
    """Return the network quantized to `ks` centres, with weights and then centres trained."""
    trained = train_quantized(
        net,
        weights=_rules(ks, "weight"),
        biases=_rules(ks, "bias"),
        epochs=2,
        learning_rate=2e-3,
        seed=seed,
        data=data,
        progress=progress,
    )
    if not trained.interrupted:
        trained = train_codebook(
            trained.model, optimizer="adam", seed=seed + 1, data=data, progress=progress
        )
    return _round_centres_to_half(trained.model), trained.interrupted


def _quantize_without_training(net: Net, ks: dict[str, int]) -> QuantizedModel:
    """Return the network quantized to `ks` centres, without training."""
    model = quantize_model(net, weights=_rules(ks, "weight"), biases=_rules(ks, "bias"))
    return _round_centres_to_half(model)


def _rules(ks: dict[str, int], kind: str) -> dict[str, Quantizer]:
    """Return the quantizer of each layer's weight, or bias."""

    def rule(k: int) -> Quantizer:
        return lambda values: sparse_kmeans(values, k)

    return {name.removesuffix(f".{kind}"): rule(k) for name, k in ks.items() if name.endswith(kind)}


def _round_centres_to_half(model: QuantizedModel) -> QuantizedModel:
    """Return the model with centres rounded to float16, which take half the bytes in a file."""
    halves = {
        name: replace(tensor, codebook=tensor.codebook.astype(np.float16).astype(np.float32))
        for name, tensor in model.tensors.items()
        if isinstance(tensor, QuantizedTensor)
    }
    return with_tensors(model, halves)


def _stored_parameters(net: Net) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the weights and biases of a network with BatchNorm folded, with their names."""
    for name, layer in net.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            for kind, parameter in layer.named_parameters():
                yield f"{name}.{kind}", parameter


def _nonzero_weights(net: Net) -> int:
    return sum(int(torch.count_nonzero(parameter)) for _, parameter in _stored_parameters(net))


def _file_bytes(model: QuantizedModel) -> int:
    with tempfile.TemporaryDirectory() as folder:
        return save_quantized(model, Path(folder) / "trial.safetensors")


def _mean_loss(net: Net, data: Dataset) -> float:
    with torch.inference_mode():
        losses = [
            F.cross_entropy(net(images), labels, reduction="sum").item()
            for images, labels in batches(data, 200)
        ]
    return sum(losses) / len(data.labels)


def _rank(trial: CompressionTrial, goal: float) -> tuple[bool, float]:
    """Return a key: reaching `goal` first, then few bytes; without reaching it, accuracy."""
    reached = trial.accuracy >= goal
    return reached, -trial.file_bytes if reached else trial.accuracy
