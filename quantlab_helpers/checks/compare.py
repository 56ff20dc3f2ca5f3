"""Compare an answer with the expected result, and say the difference in one clause."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Array = NDArray[Any]
Difference = str | None  # what is wrong with an answer, in one clause; None if nothing is

EPS32 = float(np.finfo(np.float32).eps)
ROUNDING32 = EPS32 / 2  # the largest relative error of one float32 operation


def as_array(values: Any) -> Array | str:
    """Return a list, tuple, array or tensor of numbers as an array; else what it is instead."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        values = (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    try:
        array = np.asarray(values)
    except (ValueError, TypeError):
        return f"your function returned {short_repr(values)}, not an array of numbers"
    if array.dtype.kind not in "biuf":
        return f"your function returned {short_repr(values)}, not numbers"
    return array


def count_nan(array: Array, name: str) -> str:
    """Say how many numbers of an array are NaN; `name` is what it holds, in the plural.

    Examples
    --------
    >>> count_nan(np.array([np.nan, 1.0]), "centres")
    '1 of your 2 centres is NaN'
    """
    count = int(np.isnan(array).sum())
    return f"{count:,} of your {array.size:,} {name} {'is' if count == 1 else 'are'} NaN"


def plural(count: int, noun: str) -> str:
    """Return a count and its noun.

    Examples
    --------
    >>> plural(1, "bit"), plural(2_000, "bit")
    ('1 bit', '2,000 bits')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def array_difference(
    expected: Array, got: Any, tolerance: float, *, name: str = "values"
) -> Difference:
    """Say where an array of numbers is further than `tolerance` from the expected one."""
    array = as_array(got)
    if isinstance(array, str):
        return array
    if array.shape != expected.shape:
        return f"your {name} have shape {array.shape}, expected {expected.shape}"
    if np.isnan(array).any():
        return count_nan(array, name)
    distance = np.abs(array.astype(np.float64) - expected)
    if distance.size == 0 or distance.max() <= tolerance:
        return None
    worst = np.unravel_index(int(distance.argmax()), distance.shape)
    count = int((distance > tolerance).sum())
    place = "".join(f"[{index}]" for index in worst)
    shown, expected_shown = _digits_that_differ(array[worst].item(), float(expected[worst]), 6)
    return (
        f"{count:,} of your {array.size:,} {name} {'is' if count == 1 else 'are'} wrong; the "
        f"largest error is at {name}{place} = {shown}, expected {expected_shown}"
    )


def number_difference(expected: float, got: Any, tolerance: float, name: str) -> Difference:
    """Say how a number differs from the expected one by more than `tolerance`.

    An array or tensor that holds one number counts as a number.
    """
    array = as_array(got)
    if isinstance(array, str):
        return array.replace("an array of numbers", "a number")
    if array.size != 1:
        return f"your {name} has shape {array.shape}, expected one number"
    number = array.item()
    if number == expected or abs(number - expected) <= tolerance:
        return None
    if max(abs(number), abs(expected)) >= 1e6 and float(number).is_integer():
        return f"your {name} is {int(number):,}, expected {expected:,.10g}"
    shown, expected_shown = _digits_that_differ(number, expected, 7)
    return f"your {name} is {shown}, expected {expected_shown}"


def _digits_that_differ(number: float, expected: float, digits: int) -> tuple[str, str]:
    """Write two numbers with so many digits, or with more if they would look equal."""
    for precision in (digits, 9, 17):
        shown = f"{number:,.{precision}g}", f"{expected:,.{precision}g}"
        if shown[0] != shown[1]:
            break
    return shown


def type_name(value: Any) -> str:
    """Return the name of a value's type; objects of another process have no more than that.

    Examples
    --------
    >>> type_name(1.5)
    'float'
    """
    return type(value).__name__


def is_identical(left: Any, right: Any) -> bool:
    """Compare arrays, tensors, networks, and sequences of them, to the last bit."""
    if isinstance(left, nn.Module):
        return isinstance(right, nn.Module) and is_identical(left.state_dict(), right.state_dict())
    if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor):
        return left.shape == right.shape and bool(torch.equal(left, right))
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return np.array_equal(left, right, equal_nan=left.dtype.kind == "f")
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            is_identical(left[key], right[key]) for key in left
        )
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(is_identical, left, right))
    try:
        return bool(left == right)
    except (ValueError, RuntimeError, TypeError):
        return False


def short_repr(value: Any) -> str:
    """Show a value in a message: short ones in full, arrays by their shape and range."""
    if isinstance(value, nn.Module):
        text = repr(value)
        return "net" if "\n" in text else text  # a single layer has one line
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
