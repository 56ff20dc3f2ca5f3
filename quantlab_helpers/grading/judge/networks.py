"""Layers and networks as data: the class, its arguments and its tensors by name."""

from __future__ import annotations

import importlib
import sys
from typing import Any

# Attributes of each layer that are the arguments of its class.
_CONVOLUTION = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation",
                "groups", "padding_mode")  # fmt: skip
_NORM = ("num_features", "eps", "momentum", "affine", "track_running_stats")
_LAYERS = {
    "Linear": ("in_features", "out_features"), "Conv1d": _CONVOLUTION, "Conv2d": _CONVOLUTION,
    "BatchNorm1d": _NORM, "BatchNorm2d": _NORM,
    "MaxPool2d": ("kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"),
    "AvgPool2d": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"),
    "Dropout": ("p", "inplace"), "Flatten": ("start_dim", "end_dim"), "ReLU": ("inplace",),
    "Softmax": ("dim",), "Sigmoid": (), "Tanh": (), "Identity": (), "Sequential": (),
}  # fmt: skip
_WITH_BIAS = ("Linear", "Conv1d", "Conv2d")
# Networks of this package that are built without arguments: class and module.
NETWORKS = {"Net": "quantlab_helpers.model", "StandIn": "quantlab_helpers.checks.stand_in"}


class NotPlain(TypeError):
    """A value that cannot cross as data; the message says why."""


class Damaged(ValueError):
    """JSON that is not an encoded value."""


def describe(network: Any) -> tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]] | None:
    """Return class, arguments, own tensors and children of a layer or network of the list.

    Parameters
    ----------
    network : torch.nn.Module
        Any.

    Returns
    -------
    tuple or None
        None for a network of another class, or one with hooks or replaced parts.
    """
    name = type(network).__name__
    known = name in _LAYERS or name in NETWORKS
    if not known or type(network) is not network_class(name) or _is_changed(network, name):
        return None
    arguments = {key: getattr(network, key) for key in _LAYERS.get(name, ())}
    if name in _WITH_BIAS:
        arguments["bias"] = network.bias is not None
    if name == "Sequential":
        return name, arguments, {}, dict(network._modules)
    return name, arguments, _state(network), {}


def build(name: str, arguments: dict[str, Any]) -> Any:
    """Return an empty network of a class of the list; sizes that are claimed take no memory.

    Raises
    ------
    Damaged
        If there is no such class, or it has other arguments.
    """
    if name in _LAYERS and arguments.keys() - {"bias"} != set(_LAYERS[name]):
        raise Damaged("a layer has other arguments")
    if not all(map(_is_argument, arguments.values())):
        raise Damaged("a layer has arguments of other types")
    with importlib.import_module("torch").device("meta"):
        return network_class(name)(**arguments)


def network_class(name: str) -> Any:
    """Return a class of the list by its name."""
    if name in NETWORKS:
        return getattr(importlib.import_module(NETWORKS[name]), name)
    if name not in _LAYERS:
        raise Damaged("a network is damaged")
    return getattr(importlib.import_module("torch").nn, name)


def _state(network: Any) -> dict[str, Any]:
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


def _is_changed(network: Any, name: str) -> bool:
    """Return whether a network has other layers, shapes, hooks or methods than its class."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    methods = ("forward", "parameters", "named_parameters", "state_dict", "modules")
    for layer in network.modules():
        if any(getattr(layer, key) for key in hooks) or any(key in vars(layer) for key in methods):
            return True
    if name == "Sequential" or name == "StandIn":
        return False
    if name in _LAYERS:
        return bool(network._modules)
    with sys.modules["torch"].device("meta"):
        fresh = _state(network_class(name)())
    shapes = [{key: tensor.shape for key, tensor in s.items()} for s in (fresh, _state(network))]
    return shapes[0] != shapes[1]


def fill(network: Any, state: dict[str, Any]) -> None:
    """Give a network the tensors that arrived; their names and shapes must be its own."""
    torch = sys.modules["torch"]
    own = _state(network)
    if own.keys() != state.keys():
        raise Damaged("a network is damaged")
    for name, tensor in state.items():
        if type(tensor) not in (torch.Tensor, torch.nn.Parameter):
            raise Damaged("a network is damaged")
        is_float = own[name].dtype.is_floating_point
        if tensor.shape != own[name].shape or tensor.dtype.is_floating_point != is_float:
            raise Damaged("a network is damaged")
        path, _, key = name.rpartition(".")
        layer, values = network.get_submodule(path), tensor.detach()
        if key in layer._parameters:
            layer._parameters[key] = torch.nn.Parameter(values, requires_grad=tensor.requires_grad)
        else:
            layer._buffers[key] = values


def _is_argument(value: Any) -> bool:
    if type(value) is tuple:
        return len(value) <= 3 and all(type(item) is int for item in value)
    return value is None or type(value) in (bool, int, float, str)
