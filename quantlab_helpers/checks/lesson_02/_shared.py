"""The tolerance of the exercises on uniform grids."""

from __future__ import annotations

from ..compare import EPS32


def level_tolerance(low: float, high: float) -> float:
    """Return the largest error of a level ``low + step * code`` computed in float32.

    Two subtractions, a quotient, a product and a sum, each rounded once by half an eps of a
    number that is at most twice the larger end.
    """
    return 5 * EPS32 * max(abs(low), abs(high))
