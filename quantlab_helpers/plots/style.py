"""Colours and axes that all figures share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# Both pass 3:1 against white, and differ in lightness too, for eyes and printers without colour.
BARS = "#0072B2"


LEVELS = "#000000"


def _axes(ax: Axes | None) -> Axes:
    """Return `ax`, or the axes of a new pyplot figure that a notebook will show."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]
