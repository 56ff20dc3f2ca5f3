"""What the k-means exercises share: distances and the tolerance of a mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compare import ROUNDING32, Array


def float32(values: Any) -> NDArray[np.float32]:
    """Return an array of float32, the type of trained weights."""
    return np.asarray(values, np.float32)


def mean_tolerance(weights: Array) -> float:
    """Bound the rounding error of a mean of float32 weights."""
    return (weights.size + 2) * ROUNDING32 * float(np.abs(weights).max())


def distances(weights: Array, centres: Array) -> Array:
    """Return the distance of every weight to every centre, centres last."""
    return np.abs(weights[..., None].astype(np.float64) - centres)
