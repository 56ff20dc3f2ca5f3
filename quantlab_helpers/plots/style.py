"""Colours, and axes on new figures, for all plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Contrast above 3:1 on white, and different lightness: also readable without colour.
BARS = "#0072B2"
LEVELS = "#000000"


def axes_or_new(ax: Axes | None, size: tuple[float, float] | None = None) -> Axes:
    """Return `ax`, or the axes of a new pyplot figure, which a notebook will show."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]
