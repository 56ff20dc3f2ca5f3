"""Checks of arguments; their errors name the parameter, the rule, the value and the way out.

Public functions of the package call these first. Nothing else is computed here.
"""

from __future__ import annotations

import operator
from collections.abc import Collection
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def check_int(name: str, value: Any, *, low: int, high: int | None = None) -> int:
    """Return `value` as an int in ``low..high``; True and 3.0 are not integers."""
    rule = f"`{name}` must be an integer " + (
        f"of at least {low}" if high is None else f"from {low} to {high}"
    )
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{rule}, got {value!r}; pass a number.")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{rule}, got {value!r} of type {type(value).__name__}; round it with int() first."
        ) from None
    if number < low or (high is not None and number > high):
        raise ValueError(f"{rule}, got {number}.")
    return number


def check_positive(name: str, value: float, *, zero: bool = False) -> float:
    """Return `value` as a finite float above 0 (with `zero`: at least 0)."""
    rule = f"`{name}` must be a finite number {'of at least' if zero else 'above'} 0"
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{rule}, got {value!r} of type {type(value).__name__}.") from None
    if not np.isfinite(number) or number < 0 or (number == 0 and not zero):
        raise ValueError(f"{rule}, got {value!r}.")
    return number


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """Return `value` if it is one of `choices`."""
    if value not in choices:
        options = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"`{name}` must be one of {options}, got {value!r}.")
    return str(value)


def as_weights(name: str, values: Any) -> NDArray[np.floating[Any]]:
    """Return `values` as a real floating-point numpy array, copied only if necessary.

    Tensors are detached and moved to the CPU; bfloat16, which numpy lacks, becomes float32;
    integers and booleans become float64. An empty array is refused.
    """
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        if values.dtype == torch.bfloat16:
            values = values.float()
        values = values.numpy()
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise TypeError(f"`{name}` must be an array of numbers: {error}.") from None
    if array.dtype.kind in "iub":
        array = array.astype(np.float64)
    if array.dtype.kind != "f":
        raise TypeError(
            f"`{name}` must hold real numbers, got dtype {array.dtype}; "
            "convert it with .astype(numpy.float32) first."
        )
    if array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    if array.size == 0:
        raise ValueError(f"`{name}` must hold at least one number, got shape {array.shape}.")
    return array


def finite_range(name: str, array: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Return (min, max) of `array` as floats; refuse an array with NaN or infinities."""
    low, high = float(array.min()), float(array.max())
    # min and max propagate NaN and infinities, so these two numbers suffice for the whole array.
    if not (np.isfinite(low) and np.isfinite(high)):
        raise_not_finite(name, array)
    return low, high


def raise_not_finite(name: str, array: NDArray[np.floating[Any]]) -> None:
    """Raise the error for an array that holds NaN or an infinity, with the counts of both."""
    nan, inf = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    raise ValueError(
        f"`{name}` must be finite, got {nan} NaN and {inf} infinite among {array.size} numbers; "
        "they come from a training run that diverged: lower the learning rate, or replace them "
        "with numpy.nan_to_num."
    )


def resolve_device(device: str | torch.device | None) -> torch.device:
    """Return the named device; for None, CUDA or MPS if available, else the CPU."""
    if device is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError):
        raise ValueError(
            f"`device` must name a device that torch can use here, got {str(device)!r}; "
            "pass 'cpu', or None to take the best one there is."
        ) from None
    return resolved
