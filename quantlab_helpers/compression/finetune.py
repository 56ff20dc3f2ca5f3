"""Train a quantized network: the centres of its codebooks, or float weights under quantization.

The networks that come in are not changed; weights at exactly zero stay at zero. By default
BatchNorm's statistics do not change either: measuring them again recovers much of the accuracy that
rounding costs, without training any weight. Read `search.py` next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call

from .._support.validation import check_choice, check_positive
from ..data import Dataset
from ..model import Net
from ..network import QUANTIZED_LAYERS, QuantizedModel, Quantizer, quantize_model, with_tensors
from ..quantizers.tensor import QuantizedTensor
from ..training import adam, apply_masks, copy_for_training, fit

_CODEBOOK_RATES = {"sum": 1e-5, "mean": 1e-2, "adam": 1e-3}
Rule = Quantizer | Mapping[str, Quantizer] | None


class FinetuningResult(NamedTuple):
    """A quantized network, the mean loss of each epoch, and whether Ctrl-C ended the training."""

    model: QuantizedModel
    losses: list[float]
    interrupted: bool


def train_codebook(
    model: QuantizedModel,
    *,
    update: str = "sum",
    optimizer: str = "adam",
    epochs: int = 1,
    learning_rate: float | None = None,
    batch_size: int = 100,
    batchnorm: str = "frozen",
    seed: int = 0,
    data: Dataset | None = None,
    progress: bool = True,
) -> FinetuningResult:
    r"""Train the centres of a quantized network while every weight keeps its code.

    Weights that share a centre :math:`c` can only move together, so the gradient of the loss is

    .. math:: \frac{\partial L}{\partial c} = \sum_{w \in c} \frac{\partial L}{\partial w}

    Parameters
    ----------
    model : QuantizedModel
        It is not changed. Tensors that were not quantized, or whose parameter is frozen in
        ``model.net``, are not trained.
    update : {"sum", "mean"}, default="sum"
        "sum" is the gradient above. "mean" divides it by the number of weights that share the
        centre, so that each centre moves as its weights would on average. If one centre has
        nearly all weights, its sum dwarfs the others, and a learning rate small enough for it
        hardly moves the other centres: then "mean" is much better.
    optimizer : {"adam", "sgd"}, default="adam"
        Adam scales the steps of every centre, so that "sum" and "mean" give the same result.
        "sgd" is gradient descent with momentum 0.9, as in the paper; if one centre has nearly
        all weights, "sum" then easily destroys the network.
    epochs : int, default=1
        Passes over the data.
    learning_rate : float, optional
        At the peak of one cycle. By default 0.001 for Adam, else 0.00001 for "sum" and 0.01 for
        "mean".
    batch_size : int, default=100
        Images per step.
    batchnorm : {"frozen", "measured"}, default="frozen"
        "measured" lets BatchNorm measure its running statistics again, as in `train`. With few
        centres that alone recovers most of the accuracy that "retraining" seems to: compare.
    seed : int, default=0
        Draws the order of the images.
    data : Dataset, optional
        By default all 60,000 training images.
    progress : bool, default=True
        Show a progress bar in a terminal or a notebook.

    Returns
    -------
    FinetuningResult
        ``model`` has learned codebooks, ascending, also in place of a grid of equal steps; each
        weight keeps its centre. A centre at exactly zero stays there.

    Notes
    -----
    S. Han, H. Mao and W. Dally, *Deep Compression*, 2016, arXiv 1510.00149, equation 3.

    Examples
    --------
    >>> from quantlab_helpers import kmeans_quantize, load_baseline, load_mnist
    >>> model = quantize_model(
    ...     load_baseline("cpu"), weights=lambda w: kmeans_quantize(w, 4), biases=None
    ... )
    >>> few = load_mnist("train", limit=500, device="cpu")
    >>> trained = train_codebook(model, data=few, progress=False).model
    >>> trained.tensors["fc1.weight"].k_used
    4
    """
    check_choice("update", update, ("sum", "mean"))
    check_choice("optimizer", optimizer, ("sgd", "adam"))
    check_choice("batchnorm", batchnorm, ("frozen", "measured"))
    if learning_rate is None:
        learning_rate = _CODEBOOK_RATES["adam" if optimizer == "adam" else update]
    check_positive("learning_rate", learning_rate)
    net, data = copy_for_training(model.net, data)
    net.train(batchnorm == "measured")
    trained: dict[str, QuantizedTensor] = {}
    for name, parameter in net.named_parameters():
        tensor = model.tensors.get(name)
        if isinstance(tensor, QuantizedTensor) and parameter.requires_grad:
            trained[name] = tensor
    if not trained:
        raise ValueError(
            "`model` must have a quantized tensor that is not frozen, got none; "
            "quantize its network with quantize_model first."
        )
    device = data.labels.device
    codes = {name: _flat_codebook_codes(tensor).to(device) for name, tensor in trained.items()}
    centres = {
        name: torch.tensor(tensor.codebook, device=device).flatten().requires_grad_()
        for name, tensor in trained.items()
    }

    def forward(images: Tensor) -> Tensor:
        shared = {
            name: _SharedWeights.apply(  # type: ignore[no-untyped-call]
                centres[name], codes[name], update == "mean"
            )
            for name in trained
        }
        logits: Tensor = functional_call(net, shared, (images,))
        return logits

    if optimizer == "adam":
        steps: torch.optim.Optimizer = adam(centres.values(), learning_rate)
    else:
        steps = torch.optim.SGD(centres.values(), lr=learning_rate, momentum=0.9)
    result = fit(
        forward,
        data,
        steps,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        description="training the codebooks",
        show=progress,
    )
    codebooks = {name: centre.detach().cpu().numpy() for name, centre in centres.items()}
    learned = {
        name: _sort_codebook(tensor, codebooks[name].reshape(tensor.codebook.shape))
        for name, tensor in trained.items()
    }
    return FinetuningResult(with_tensors(model, learned, net), result.losses, result.interrupted)


def train_quantized(
    net: Net,
    *,
    weights: Rule,
    biases: Rule,
    epochs: int = 2,
    learning_rate: float = 1e-3,
    batch_size: int = 100,
    batchnorm: str = "frozen",
    seed: int = 0,
    data: Dataset | None = None,
    progress: bool = True,
) -> FinetuningResult:
    r"""Train float weights while the network computes with their quantized values.

    Rounding is constant nearly everywhere: its gradient is 0. The straight-through estimator uses
    the gradient at the quantized weights to update the float weights, which can then round to
    another code. Levels are placed again in every step.

    Parameters
    ----------
    net : Net
        It is not changed. Weights that are exactly zero stay zero if the quantizer has a level
        at zero (`sparse_kmeans`, or ``uniform_quantize(..., zero_point="int")``).
    weights, biases : callable, dict of str to callable, or None
        The quantizers, as `quantize_model` takes them. Parameters without one are trained too.
    epochs : int, default=2
        Passes over the data.
    learning_rate : float, default=0.001
        Adam's, at the peak of one cycle.
    batch_size, batchnorm, seed, data, progress
        As in `train_codebook`.

    Returns
    -------
    FinetuningResult
        ``model`` is the trained network, quantized; ``model.original`` has the float weights.

    Notes
    -----
    Y. Bengio, N. Léonard and A. Courville, 2013, arXiv 1308.3432.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline, load_mnist, sparse_kmeans
    >>> few = load_mnist("train", limit=500, device="cpu")
    >>> result = train_quantized(
    ...     load_baseline("cpu"), weights=lambda w: sparse_kmeans(w, 8), biases=None,
    ...     epochs=1, data=few, progress=False,
    ... )
    >>> result.model.tensors["fc1.weight"].k_used, result.interrupted
    (8, False)
    """
    check_choice("batchnorm", batchnorm, ("frozen", "measured"))
    check_positive("learning_rate", learning_rate)
    quantize_model(net, weights=weights, biases=biases)  # raises for a wrong rule
    clone, data = copy_for_training(net, data)
    clone.train(batchnorm == "measured")
    trained: list[Tensor] = [p for p in clone.parameters() if p.requires_grad]
    masks = [parameter.detach() != 0 for parameter in trained]
    rules = {"weight": weights, "bias": biases}
    quantizers: list[tuple[str, Tensor, Quantizer]] = []
    for layer_name, layer in clone.named_modules():
        if isinstance(layer, QUANTIZED_LAYERS):
            for kind, parameter in layer.named_parameters():
                rule = rules[kind]
                quantizer = rule.get(layer_name) if isinstance(rule, Mapping) else rule
                if quantizer is not None and parameter.requires_grad:
                    quantizers.append((f"{layer_name}.{kind}", parameter, quantizer))

    def forward(images: Tensor) -> Tensor:
        rounded = {}
        for name, parameter, quantizer in quantizers:
            value = torch.from_numpy(quantizer(parameter.detach()).dequantize())
            moved = value.to(parameter.device) - parameter.detach()
            rounded[name] = parameter + moved  # the gradient ignores the rounding
        logits: Tensor = functional_call(clone, rounded, (images,))
        return logits

    result = fit(
        forward,
        data,
        adam(trained, learning_rate),
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        description="quantization-aware training",
        show=progress,
        after_step=lambda step: apply_masks(trained, masks),
    )
    apply_masks(trained, masks)
    return FinetuningResult(
        quantize_model(clone, weights=weights, biases=biases), result.losses, result.interrupted
    )


class _SharedWeights(torch.autograd.Function):
    """Weights from centres and codes; the gradient of a centre is its weights' sum or mean."""

    @staticmethod
    def forward(ctx: Any, centres: Tensor, codes: Tensor, mean: bool) -> Tensor:
        ctx.save_for_backward(centres, codes)
        ctx.mean = mean
        return centres[codes]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        centres, codes = ctx.saved_tensors
        flat, size = codes.flatten(), centres.numel()
        summed = torch.bincount(flat, gradients[0].flatten(), minlength=size)
        if ctx.mean:
            summed /= torch.bincount(flat, minlength=size).clamp(min=1)
        return summed.to(centres.dtype) * (centres != 0), None, None


def _flat_codebook_codes(tensor: QuantizedTensor) -> Tensor:
    """Return codes as indices into the flattened codebook, which has one row per channel."""
    codes = torch.from_numpy(tensor.codes.astype(np.int64))
    if tensor.axis is not None:
        shape = [1] * codes.ndim
        shape[tensor.axis] = -1
        codes = codes + (torch.arange(len(tensor.codebook)) * tensor.k_used).view(shape)
    return codes


def _sort_codebook(tensor: QuantizedTensor, codebook: NDArray[np.float32]) -> QuantizedTensor:
    """Return a tensor with these centres in ascending order; each weight keeps its centre."""
    order = np.argsort(codebook, axis=-1, kind="stable")
    rank = np.argsort(order, axis=-1, kind="stable").astype(tensor.codes.dtype)
    if tensor.axis is None:
        codes = rank[tensor.codes]
    else:
        rows = np.moveaxis(tensor.codes, tensor.axis, 0)
        flat = np.take_along_axis(rank, rows.reshape(len(rows), -1).astype(np.intp), axis=1)
        codes = np.ascontiguousarray(np.moveaxis(flat.reshape(rows.shape), 0, tensor.axis))
    ordered = np.take_along_axis(codebook, order, axis=-1)
    return replace(tensor, codes=codes, codebook=ordered, scale=None, zero_point=None)
