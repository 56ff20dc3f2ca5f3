"""Number types, distances and tolerances of the k-means exercises."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compare import ROUNDING32, Array


def float32(values: Any) -> NDArray[np.float32]:
    """Return float32, as trained weights are."""
    return np.asarray(values, np.float32)


def mean_tolerance(weights: Array) -> float:
    """Bound the error of a float32 sum over the weights, divided by their number, and stored."""
    return (weights.size + 2) * ROUNDING32 * float(np.abs(weights).max())


def distances(weights: Array, centres: Array) -> Array:
    """Return the distance of every weight to every centre, centres last."""
    return np.abs(weights[..., None].astype(np.float64) - centres)
