"""The figure of lesson 07: bytes and accuracy of each try.

As in `plots`, finished numbers come in and Axes go out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .style import BARS, LEVELS, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def tries(rows: Sequence[tuple[str, int, float]], *, needed: float, ax: Axes | None = None) -> Axes:
    """Draw tries as numbered points, bytes against accuracy, in the order they were made.

    Parameters
    ----------
    rows : sequence of (name, bytes, accuracy)
        Accuracy in 0..1; at least one row.
    needed : float
        The required accuracy, drawn as a dashed line.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib Axes
        Bytes on a logarithmic axis. Tries below `needed` are hollow; names are beside the axes.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> rows = [("8 bits", 480_000, 0.982), ("2 bits", 120_000, 0.5)]
    >>> ax = tries(rows, needed=0.98, ax=Figure().add_subplot())
    >>> [text.get_text() for text in ax.texts]
    ['1', '2', '1  8 bits\\n2  2 bits']
    """
    if not rows:
        raise ValueError("`rows` must hold at least one try, got none; measure one first.")
    ax = axes_or_new(ax, (9, 4))
    sizes = [size for _, size, _ in rows]
    percent = [100 * accuracy for _, _, accuracy in rows]
    ax.plot(sizes, percent, color=BARS, lw=1, alpha=0.5)
    for number, (x, y) in enumerate(zip(sizes, percent, strict=True), start=1):
        passes = y >= 100 * needed
        ax.plot(x, y, "o", color=BARS, markersize=9, markerfacecolor=BARS if passes else "white")
        ax.annotate(str(number), (x, y), xytext=(8, -4), textcoords="offset points")
    ax.axhline(100 * needed, color=LEVELS, lw=1, linestyle="--")
    ax.set(xscale="log", xlabel="bytes of the file", ylabel="validation accuracy (%)")
    ax.margins(y=0.15)
    names = [f"{number}  {name}" for number, (name, _, _) in enumerate(rows, start=1)]
    ax.text(1.03, 1, "\n".join(names), transform=ax.transAxes, va="top", linespacing=1.6)
    return ax
