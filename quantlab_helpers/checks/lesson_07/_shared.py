"""How to compare answers that are layers, or that several centres or choices fit equally well."""

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
    """Compare a weight and a bias, number by number, each with how far it may be off."""
    if not isinstance(got, tuple | list) or len(got) != 2:
        kind = "one tensor" if isinstance(got, Tensor) else f"{got!r:.40}"
        return f"you return {kind}, not a weight and a bias"
    for name, value in zip(("weight", "bias"), got, strict=True):
        wanted, array = np.asarray(getattr(expected, name)), as_array(value)
        if isinstance(array, str):
            return f"your {name} is not an array of numbers"
        if array.shape != wanted.shape:
            return f"your {name} has shape {array.shape}, expected {wanted.shape}"
        if np.isnan(array).any():
            return f"{int(np.isnan(array).sum())} numbers of your {name} are NaN"
        tolerance = np.asarray(getattr(slack, name))
        if tolerance.shape != wanted.shape:  # a mistake that returns something of another shape
            tolerance = tolerance.max()
        over = np.abs(array - wanted) > tolerance
        if over.any():
            index = tuple(int(index[0]) for index in np.nonzero(over))
            place = "".join(f"[{index}]" for index in index)
            return (
                f"{int(over.sum())} of the {array.size} numbers of your {name} differ: "
                f"{name}{place} is {array[index]:.5g}, expected {wanted[index]:.5g}"
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
    """Ask the judge that stands in for the solution; of a mistake, ask for its very numbers."""
    if callable(expected):
        verdict: Difference = expected(got, case)
        return verdict
    if isinstance(expected, dict):
        return None if expected == got else "another choice"
    tolerance = 2 * ROUNDING32 * float(np.abs(expected).max())  # a centre may be rounded twice
    return array_difference(expected, got, tolerance)
