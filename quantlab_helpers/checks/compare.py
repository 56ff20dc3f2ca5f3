"""Compare an answer with the expected result, and say the difference in one clause."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

EPS32 = float(np.finfo(np.float32).eps)  # one float32 operation rounds by at most half of it


Difference = str | None  # what is wrong with an answer, None where nothing is


def as_array(values: Any) -> NDArray[Any] | str:
    """Return a list, tuple, array or tensor of numbers as an array; else what it is instead."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        values = (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    try:
        array = np.asarray(values)
    except (ValueError, TypeError):
        return f"your function returned {_shown(values)}, not an array of numbers"
    if array.dtype.kind not in "biuf":
        return f"your function returned {_shown(values)}, not numbers"
    return array


def differs_by(
    expected: NDArray[Any], got: Any, tolerance: float, *, what: str = "values"
) -> Difference:
    """Say where an array of numbers is further than `tolerance` from the expected one."""
    array = as_array(got)
    if isinstance(array, str):
        return array
    if array.shape != expected.shape:
        return f"your {what} have shape {array.shape}, expected {expected.shape}"
    if np.isnan(array).any():
        return f"{int(np.isnan(array).sum())} of your {array.size:,} {what} are NaN"
    distance = np.abs(array.astype(np.float64) - expected)
    if distance.size == 0 or distance.max() <= tolerance:
        return None
    worst = np.unravel_index(int(distance.argmax()), distance.shape)
    count = int((distance > tolerance).sum())
    place = "".join(f"[{index}]" for index in worst)
    return (
        f"{count:,} of your {array.size:,} {what} differ; the furthest is "
        f"{what}{place} = {array[worst]:.6g}, expected {expected[worst]:.6g}"
    )


def number_differs(expected: float, got: Any, tolerance: float, what: str) -> Difference:
    """Say how one number differs; an array or tensor that holds one number is a number."""
    array = as_array(got)
    if isinstance(array, str):
        return array.replace("an array of numbers", "a number")
    if array.size != 1:
        return f"your {what} has shape {array.shape}, expected one number"
    number = array.item()
    if number == expected or abs(number - expected) <= tolerance:
        return None
    shown, wanted = (f"{value:,.7g}" for value in (number, expected))
    if max(abs(number), abs(expected)) >= 1e6 and float(number).is_integer():
        shown, wanted = f"{int(number):,}", f"{expected:,.10g}"
    elif shown == wanted:
        shown, wanted = f"{number:,.17g}", f"{expected:,.17g}"
    return f"your {what} is {shown}, expected {wanted}"


def same(one: Any, other: Any) -> bool:
    """Compare arrays, tensors, networks, and sequences of them, to the last bit."""
    if isinstance(one, nn.Module):
        return isinstance(other, nn.Module) and same(one.state_dict(), other.state_dict())
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.shape == other.shape and bool(torch.equal(one, other))
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    try:
        return bool(one == other)
    except (ValueError, RuntimeError, TypeError):
        return False


def _shown(value: Any) -> str:
    """Show a value in a message: short ones in full, arrays by their shape and range."""
    if isinstance(value, nn.Module):  # a single layer has one line
        text = repr(value)
        return "net" if "\n" in text else text
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        if value.size <= 6:
            return f"array({np.array2string(value, precision=4, separator=', ')})"
        if value.dtype.kind in "biuf":
            return f"array of shape {value.shape} from {value.min():.4g} to {value.max():.4g}"
    if isinstance(value, float):
        return f"{value:.6g}"
    try:
        text = repr(value)
    except ValueError:  # Python does not write out an integer of thousands of digits
        return "an integer of thousands of digits"
    return text if len(text) <= 80 else f"{text[:77]}..."
