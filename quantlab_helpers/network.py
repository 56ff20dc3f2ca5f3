"""Quantize a whole network: a quantizer for weights, one for biases, and a report per tensor.

The network that comes in is never changed. The result has a new network that computes with the
dequantized values, the quantized tensors, and their sizes. Read `storage/` next.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .metrics import sqnr_db, unique_count
from .quantizers.tensor import QuantizedTensor

Quantizer = Callable[[Tensor], QuantizedTensor]
QUANTIZED_LAYERS = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)


class TensorReport(NamedTuple):
    """One tensor of a quantized network: distinct values before and after, bits, bytes, and SQNR.

    ``bits`` is 32, ``overhead_bytes`` 0 and ``sqnr_db`` infinite where it was left as float32.
    """

    name: str
    shape: tuple[int, ...]
    unique_before: int
    unique_after: int
    bits: int
    payload_bytes: int
    overhead_bytes: int
    sqnr_db: float


@dataclass(frozen=True, eq=False)
class QuantizedModel:
    """A quantized network and the tensors it is made of.

    Attributes
    ----------
    net : torch.nn.Module
        A new network, in evaluation mode, that computes with the dequantized values.
    tensors : dict of str to QuantizedTensor or Tensor
        Every weight, bias and running statistic by its name in ``net.state_dict()``; a Tensor
        where it was left as float32.
    original : dict of str to Tensor
        The same tensors before quantization.
    """

    net: nn.Module
    tensors: dict[str, QuantizedTensor | Tensor]
    original: dict[str, Tensor]

    @cached_property
    def report(self) -> list[TensorReport]:
        """One `TensorReport` per tensor, in the network's order; computed when first read."""
        return [
            _tensor_report(name, self.original[name], after) for name, after in self.tensors.items()
        ]

    @property
    def total_bytes(self) -> int:
        """Payload and overhead of all tensors, running statistics included."""
        return sum(sum(_byte_counts(tensor)) for tensor in self.tensors.values())


def quantize_model(
    net: nn.Module,
    *,
    weights: Quantizer | Mapping[str, Quantizer] | None,
    biases: Quantizer | Mapping[str, Quantizer] | None,
) -> QuantizedModel:
    """Quantize every Conv2d, BatchNorm2d and Linear of a network.

    Parameters
    ----------
    net : torch.nn.Module
        It is not changed.
    weights, biases : callable, dict of str to callable, or None
        A callable takes a tensor and returns a `QuantizedTensor` of its shape. A dict gives a
        rule to the layers it names and leaves the others float32; None leaves them all. As in
        the course lab, BatchNorm's scale counts as a weight and its shift as a bias. Its
        running statistics stay float32.

    Returns
    -------
    QuantizedModel
        ``net`` ready to evaluate, ``tensors``, ``report`` and ``total_bytes``.

    Raises
    ------
    ValueError
        If the network has no layer of these kinds, a dict names a layer it does not have, or a
        callable does not return a `QuantizedTensor` of the tensor's shape.

    Examples
    --------
    >>> from quantlab_helpers import kmeans_quantize, load_baseline
    >>> net = load_baseline(device="cpu")
    >>> quantized = quantize_model(net, weights=lambda w: kmeans_quantize(w, 8), biases=None)
    >>> row = quantized.report[-2]
    >>> row.name, row.unique_after, row.payload_bytes, row.overhead_bytes
    ('fc2.weight', 8, 1125, 32)
    """
    clone = copy.deepcopy(net).eval()
    layers = {
        name: layer for name, layer in clone.named_modules() if isinstance(layer, QUANTIZED_LAYERS)
    }
    if not layers:
        raise ValueError(
            "`net` must contain a Conv2d, BatchNorm2d or Linear layer, got a "
            f"{type(net).__name__} with none; quantize its tensors one by one instead."
        )
    rules = {"weight": _rules("weights", weights, layers), "bias": _rules("biases", biases, layers)}
    tensors: dict[str, QuantizedTensor | Tensor] = {}
    original: dict[str, Tensor] = {}
    for layer_name, layer in layers.items():
        for kind, value in [*layer.named_parameters(), *layer.named_buffers()]:
            if not value.is_floating_point():
                continue  # BatchNorm's counter of batches
            name = f"{layer_name}.{kind}" if layer_name else kind
            quantizer = rules.get(kind, {}).get(layer_name)
            before = value.detach().cpu()
            if quantizer is None:
                original[name] = tensors[name] = before.clone()  # the new network may be trained
                continue
            original[name] = before
            tensors[name] = quantized = _quantize_checked(name, before, quantizer)
            after = torch.empty_like(value)
            after.copy_(torch.from_numpy(quantized.dequantize()))
            setattr(layer, kind, nn.Parameter(after, requires_grad=value.requires_grad))
    return QuantizedModel(clone, tensors, original)


def with_tensors(
    model: QuantizedModel, tensors: Mapping[str, QuantizedTensor], net: nn.Module | None = None
) -> QuantizedModel:
    """Return a copy of a quantized network with some of its tensors replaced.

    Parameters
    ----------
    model : QuantizedModel
        It is not changed.
    tensors : dict of str to QuantizedTensor
        The replacements, by their names in ``model.tensors``.
    net : torch.nn.Module, optional
        Source of BatchNorm's running statistics; by default ``model.net``.

    Returns
    -------
    QuantizedModel
        Its ``net`` computes with the new tensors; ``original`` is that of `model`.

    Examples
    --------
    >>> import numpy as np
    >>> from quantlab_helpers import reset_model
    >>> model = quantize_model(reset_model(device="cpu"), weights=None, biases=None)
    >>> zero = QuantizedTensor(np.zeros(10, np.uint8), np.zeros(1, np.float32), 1)
    >>> with_tensors(model, {"fc2.bias": zero}).net.fc2.bias.abs().sum().item()
    0.0
    """
    clone = copy.deepcopy(model.net if net is None else net).eval()
    state = clone.state_dict()
    kept = {
        name: tensor if isinstance(tensor, QuantizedTensor) else state[name].cpu().clone()
        for name, tensor in model.tensors.items()
    }
    with torch.no_grad():
        for name, tensor in tensors.items():
            state[name].copy_(torch.from_numpy(tensor.dequantize()))
    return QuantizedModel(clone, {**kept, **tensors}, model.original)


def _rules(
    parameter: str,
    rule: Quantizer | Mapping[str, Quantizer] | None,
    layers: Mapping[str, nn.Module],
) -> Mapping[str, Quantizer]:
    """Return the quantizer of each layer that has one."""
    if rule is None:
        return {}
    if callable(rule):
        return dict.fromkeys(layers, rule)
    unknown = sorted(set(rule) - set(layers))
    if unknown:
        raise ValueError(
            f"`{parameter}` must name layers of the network, got {unknown[0]!r}; "
            f"its layers are {', '.join(layers)}."
        )
    return rule


def _quantize_checked(name: str, before: Tensor, quantizer: Quantizer) -> QuantizedTensor:
    """Return one quantized tensor; ValueError unless the quantizer returned one of its shape."""
    quantized = quantizer(before)
    if not isinstance(quantized, QuantizedTensor) or quantized.codes.shape != tuple(before.shape):
        got = getattr(getattr(quantized, "codes", None), "shape", type(quantized).__name__)
        raise ValueError(
            f"The quantizer must return a QuantizedTensor of shape {tuple(before.shape)} for "
            f"{name}, got {got}; pass for example lambda w: uniform_quantize(w, 8)."
        )
    return quantized


def _byte_counts(tensor: QuantizedTensor | Tensor) -> tuple[int, int]:
    """Return payload and overhead bytes of a tensor of either kind."""
    if isinstance(tensor, QuantizedTensor):
        return tensor.payload_bytes, tensor.overhead_bytes
    return 4 * tensor.numel(), 0


def _tensor_report(name: str, before: Tensor, after: QuantizedTensor | Tensor) -> TensorReport:
    """Return the report of one tensor before and after quantization."""
    bits, sqnr = 32, float("inf")
    if isinstance(after, QuantizedTensor):
        bits, sqnr = after.bits, sqnr_db(before, after)
    counts = unique_count(before), unique_count(after)
    return TensorReport(name, tuple(before.shape), *counts, bits, *_byte_counts(after), sqnr)
