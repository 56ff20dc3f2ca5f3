"""Exercise l1-penalty of lesson 01: the L1 penalty and its gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..compare import ROUNDING32, Difference, number_difference
from ..exercise import Case, FunctionExercise, Mistake
from ._shared import course_net, describe_layers, fill_randomly, nested_net


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    with torch.random.fork_rng(devices=[]):
        first = nn.Linear(2, 1)
        with torch.no_grad():
            first.weight.copy_(torch.tensor([[-3.0, 4.0]]))
            first.bias.fill_(-0.5)
        yield (first,)
        yield (fill_randomly(nested_net(rng), rng),)
        zeros = fill_randomly(nn.Linear(3, 4), rng)
        nn.init.zeros_(zeros.bias)  # type: ignore[arg-type]
        yield (zeros,)
        for scale in (1e-30, 1e30):
            scaled = fill_randomly(nn.Linear(2, 2), rng)
            with torch.no_grad():
                for parameter in scaled.parameters():
                    parameter.mul_(scale)
            yield (scaled,)
        yield (course_net(rng),)


def _compare(expected: Any, got: Any, case: Case) -> Difference:
    parameters = list(case[0].named_parameters())
    values = torch.cat([p.detach().double().flatten() for _, p in parameters]).numpy()
    # A sum of n numbers rounds n times, each time by at most this share of the sum so far.
    tolerance = values.size * ROUNDING32 * float(np.abs(values).sum())
    shown = ", ".join(f"{value:g}" for value in values[:6])
    network = f" (the parameters are {shown})" if values.size <= 6 else describe_layers(case[0])
    expected_penalty = float(expected[0])
    difference = number_difference(
        expected_penalty, got[0], max(tolerance, abs(expected_penalty) * ROUNDING32), "penalty"
    )
    if difference is not None:
        return difference + network
    if isinstance(expected[1], str) or isinstance(got[1], str):
        return None if isinstance(expected[1], str) and expected[1] == got[1] else str(got[1])
    for (name, parameter), right, gradient in zip(parameters, expected[1], got[1], strict=True):
        if np.shape(gradient) != right.shape or np.asarray(gradient).dtype.kind != "f":
            return f"the gradient for {name} has another shape than {name}"
        # At 0 the derivative of |w| jumps from -1 to 1, and anything between is right.
        kink = (parameter.detach().numpy() == 0) & (np.abs(gradient) <= 1) & (np.abs(right) <= 1)
        wrong = ~(kink | np.isclose(gradient, right, rtol=8 * ROUNDING32, atol=0, equal_nan=True))
        if wrong.any():
            place = tuple(int(index[0]) for index in np.nonzero(wrong))
            value = float(parameter.detach().numpy()[place])
            return (
                f"the gradient of your penalty at {name}{list(place)} = {value:.4g} is "
                f"{gradient[place]:.4g}, expected {right[place]:.4g}"
            )
    return None


def _sum_over_parameters(net: nn.Module, function: Any) -> Any:
    """Add up a function over the parameters."""
    return torch.stack([function(parameter) for parameter in net.parameters()]).sum()


def _flat_parameters(net: nn.Module) -> Tensor:
    return torch.cat([parameter.flatten() for parameter in net.parameters()])


def _penalty_after_backward(net: nn.Module) -> Tensor:
    penalty: Tensor = _sum_over_parameters(net, lambda p: p.abs().sum())
    penalty.backward()
    return penalty


EXERCISE = FunctionExercise(
    name="l1-penalty",
    signature="l1_penalty(net)",
    solution=lambda net: _sum_over_parameters(net, lambda p: p.double().abs().sum()),
    cases=_cases,
    observation="gradients",
    compare=_compare,
    why="the L1 penalty is the sum of |w| over all parameters, and its gradient is the sign of "
    "each of them",
    fix="add up parameter.abs().sum() over net.parameters(), and return that tensor",
    mistakes=[
        Mistake(
            lambda net: _sum_over_parameters(net, lambda p: p.abs().sum()).item(),
            "you took the number out of its tensor; then torch does not know how it depends on "
            "the weights, and training would ignore the penalty",
            "leave out .item() and float(), and return the tensor",
        ),
        Mistake(
            lambda net: _sum_over_parameters(net, lambda p: p.abs().sum()).detach(),
            "you cut the penalty off from the weights (.detach(), .data, no_grad, state_dict() or "
            "a new torch.tensor do that): the value is right, but training would ignore it",
            "compute with the parameters themselves, and return the result",
        ),
        Mistake(
            lambda net: _flat_parameters(net).sum(),
            "you added the weights with their signs: positive and negative ones cancel, and "
            "the penalty gets ever smaller as weights get more negative",
            "take the absolute value of each weight before you add",
        ),
        Mistake(
            lambda net: _sum_over_parameters(net, lambda p: p.sum().abs()),
            "you took the absolute value of a sum: inside a tensor the signs cancel first",
            "take .abs() before .sum()",
        ),
        Mistake(
            lambda net: _flat_parameters(net).sum().abs(),
            "you took the absolute value of the whole sum: the signs cancel first",
            "take .abs() before .sum()",
        ),
        Mistake(
            lambda net: _sum_over_parameters(net, lambda p: p.square().sum()),
            "you squared: that is the L2 penalty (weight decay), which pulls a small weight only "
            "weakly; L1 pulls every weight with the same force",
            "use .abs() instead of the square",
        ),
        Mistake(
            lambda net: _flat_parameters(net).norm(),
            "this is the length of the weight vector, its L2 norm",
            "use .abs() and .sum(); with torch.linalg.vector_norm, pass ord=1",
        ),
        Mistake(
            lambda net: _flat_parameters(net).abs().mean(),
            "you took the mean: the larger the network, the weaker the pull on each weight",
            "add up with .sum() instead of .mean()",
        ),
        Mistake(
            lambda net: _sum_over_parameters(net, lambda p: p.abs().mean()),
            "you took the mean of each tensor: weights of large layers would hardly be pulled",
            "add up with .sum() instead of .mean()",
        ),
        Mistake(
            lambda net: _flat_parameters(net).abs().max(),
            "you took the largest weight only; no other weight would be pulled",
            "add all of them with .sum()",
        ),
        Mistake(
            lambda net: torch.stack(
                [p.abs().sum() for name, p in net.named_parameters() if "weight" in name]
            ).sum(),
            "you left out the biases: the course lab's penalty counts every parameter",
            "go through all of net.parameters()",
        ),
        Mistake(
            lambda net: torch.stack([p.abs().sum() for p in net.parameters() if p.dim() > 1]).sum(),
            "you left out biases and BatchNorm's parameters, which have one dimension: the course "
            "lab's penalty counts every parameter",
            "go through all of net.parameters()",
        ),
        Mistake(
            lambda net: (
                _sum_over_parameters(net, lambda p: p.abs().sum())
                + sum(b.float().abs().sum() for b in net.buffers())
            ),
            "you counted BatchNorm's running statistics too: they are measured, not trained",
            "go through net.parameters(), without the buffers",
        ),
        Mistake(
            lambda net: 0.001 * _sum_over_parameters(net, lambda p: p.abs().sum()),
            "you multiplied by beta already; the loss does that when it adds the penalty",
            "return the sum itself",
        ),
        Mistake(
            lambda net: next(net.parameters()).abs().sum(),
            "you counted the first tensor only: a `return` inside the loop ends it after one round",
            "put `return` after the loop, not inside it",
        ),
        Mistake(
            lambda net: list(net.parameters())[-1].abs().sum(),
            "you counted the last tensor only: the loop overwrites the sum instead of adding to it",
            "start at 0 before the loop, and use += in it",
        ),
        Mistake(
            lambda net: _sum_over_parameters(net, lambda p: p.square().sqrt().sum()),
            "the derivative of a square root at 0 is 0 * infinity: one weight of exactly 0 makes "
            "its gradient NaN, and the square of a very small weight is rounded to 0",
            "use .abs(), whose gradient at 0 is 0 in torch",
        ),
        Mistake(
            _penalty_after_backward,
            "you called .backward() yourself: that frees the graph, and the training step cannot "
            "go backward through it again",
            "return the penalty, and leave .backward() to the training step",
        ),
    ],
)
