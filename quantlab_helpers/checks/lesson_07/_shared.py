"""Compare answers that are a weight and a bias, or that may be right in several ways."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..compare import ROUNDING32, Array, Difference, array_difference, as_array
from ..exercise import Case


class Layer(NamedTuple):
    """Weight and bias of one layer."""

    weight: Any
    bias: Any


def layer_difference(expected: Layer, got: Any, slack: Layer) -> Difference:
    """Return where a weight or a bias differs by more than `slack`, or None."""
    if not isinstance(got, tuple | list) or len(got) != 2:
        kind = "one tensor" if isinstance(got, Tensor) else f"{got!r:.40}"
        return f"you return {kind}, not a weight and a bias"
    for name, value in zip(("weight", "bias"), got, strict=True):
        right, array = np.asarray(getattr(expected, name)), as_array(value)
        if isinstance(array, str):
            return f"your {name} is not an array of numbers"
        if array.shape != right.shape:
            return f"your {name} has shape {array.shape}, expected {right.shape}"
        if np.isnan(array).any():
            return f"{int(np.isnan(array).sum())} numbers of your {name} are NaN"
        tolerance = np.asarray(getattr(slack, name))
        if tolerance.shape != right.shape:  # a mistake that returns something of another shape
            tolerance = tolerance.max()
        over = np.abs(array - right) > tolerance
        if over.any():
            index = tuple(int(axis[0]) for axis in np.nonzero(over))
            place = "".join(f"[{number}]" for number in index)
            return (
                f"{int(over.sum())} of the {array.size} numbers of your {name} differ: "
                f"{name}{place} is {array[index]:.5g}, expected {right[index]:.5g}"
            )
    return None


def to_float64(tensor: Tensor | None) -> Array:
    assert tensor is not None
    return tensor.detach().double().cpu().numpy()


def set_values(tensor: Tensor | None, values: Any) -> None:
    assert tensor is not None
    with torch.no_grad():
        tensor.copy_(torch.as_tensor(np.asarray(values)))


def compare_or_judge(expected: Any, got: Any, case: Case) -> Difference:
    """Compare with a mistake's result, or let the solution, a function, return the error."""
    if callable(expected):
        difference: Difference = expected(got, case)
        return difference
    if isinstance(expected, dict):
        return None if expected == got else "another choice"
    tolerance = 2 * ROUNDING32 * float(np.abs(expected).max())  # a centre may be rounded twice
    return array_difference(expected, got, tolerance)
