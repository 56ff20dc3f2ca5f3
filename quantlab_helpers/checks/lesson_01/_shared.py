"""Networks to try an answer on, and how to describe them in a message."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ...model import reset_model


def fill_randomly(net: nn.Module, rng: np.random.Generator) -> nn.Module:
    """Fill parameters and running statistics from the generator of the exercise."""
    with torch.no_grad():
        for value in [*net.parameters(), *net.buffers()]:
            if value.is_floating_point():
                value.copy_(torch.from_numpy(rng.normal(size=tuple(value.shape))))
    return net


def nested_net(rng: np.random.Generator) -> nn.Module:
    """Return a small network with layers inside a layer, and random widths."""
    width, outputs = (int(size) for size in rng.integers(3, 8, 2))
    return nn.Sequential(
        nn.Conv2d(1, width, 3),
        nn.BatchNorm2d(width),
        nn.Sequential(nn.Flatten(), nn.Linear(4 * width, outputs, bias=False)),
    )


def course_net(rng: np.random.Generator) -> nn.Module:
    """Return the course's network, in a layout that lets answers flatten with .view(-1)."""
    net = reset_model(seed=int(rng.integers(1000)), device="cpu")
    return net.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload, no-any-return]


def describe_layers(net: nn.Module) -> str:
    """Describe a network at the end of a message, in brackets."""
    leaves = [module for module in net.modules() if not list(module.children())]
    if len(leaves) == 1:
        return f" (the net is {leaves[0]})"
    return f" (the net has the layers {', '.join(type(leaf).__name__ for leaf in leaves)})"
