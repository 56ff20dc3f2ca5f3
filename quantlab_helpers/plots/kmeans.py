"""Figures of lesson 03: the steps of Lloyd's algorithm, and curves to compare.

As in `plots`, finished numbers come in and Axes go out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from .._support.validation import as_weights
from ..quantizers.lloyd import LloydStep
from .style import BARS, LEVELS, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Lines differ in marker and dashes as well as in colour and lightness.
_STYLES: tuple[dict[str, Any], ...] = (
    {"color": BARS, "marker": "o", "linestyle": "-"},
    {"color": LEVELS, "marker": "s", "linestyle": "--", "markerfacecolor": "white"},
    {"color": "#D55E00", "marker": "^", "linestyle": "-."},
    {"color": "#767676", "marker": "D", "linestyle": ":", "markerfacecolor": "white"},
)


def lloyd_steps(
    weights: ArrayLike | Tensor, steps: Sequence[LloydStep], *, ax: Axes | None = None
) -> Axes:
    """Draw a few weights and their centres, linked by assignment, one row per half-step.

    Parameters
    ----------
    weights : array_like or Tensor of float
        At most a few dozen, or the lines hide each other.
    steps : sequence of LloydStep
        From `quantlab_helpers.lloyd` of the same weights, the first on top.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure as high as the steps need.

    Returns
    -------
    matplotlib Axes
        Weights are dots, centres triangles above them (hollow without weights), and a line joins
        every weight to its centre.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from quantlab_helpers import lloyd
    >>> few = [0.0, 1.0, 5.0]
    >>> ax = lloyd_steps(few, list(lloyd(few, 2)), ax=Figure().add_subplot())
    >>> [label.get_text().splitlines()[0] for label in ax.get_yticklabels()]
    ['1 assign', '1 update', '2 assign']
    """
    x = as_weights("weights", weights).astype(np.float64).reshape(-1)
    ax = axes_or_new(ax, (7, 0.6 + 0.95 * len(steps)))
    for row, step in enumerate(steps):
        top, codes = row - 0.55, step.codes.reshape(-1)
        used = np.isin(np.arange(step.centres.size), codes)
        ax.plot(
            [x, step.centres[codes]], [np.full(x.size, row), np.full(x.size, top)], c=BARS, lw=1
        )
        ax.plot(x, np.full(x.size, row), "o", color=BARS, markersize=6)
        ax.plot(step.centres[used], np.full(used.sum(), top), "v", color=LEVELS, markersize=9)
        hollow: dict[str, Any] = {"color": LEVELS, "markerfacecolor": "white", "markersize": 9}
        ax.plot(step.centres[~used], np.full((~used).sum(), top), "v", **hollow)
    labels = [f"{step.iteration} {step.phase}\nSSE {step.inertia:.3f}" for step in steps]
    ax.set_yticks(np.arange(len(steps)) - 0.25, labels)
    ax.tick_params(axis="y", length=0)
    ax.spines[["left", "top", "right"]].set_visible(False)
    ax.set_ylim(len(steps) - 0.75, -0.85)
    ax.set_xlabel("weight value")
    return ax


def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    legend: Literal["best", "upper left"] = "best",
    ax: Axes | None = None,
) -> Axes:
    """Draw up to four lines that differ in marker and dashes, with a legend.

    Parameters
    ----------
    lines : dict of str to (x, y)
        Name in the legend, and two sequences of numbers of the same length.
    xlabel, ylabel : str
        Quantities with their units.
    title : str, optional
        Printed above the axes.
    legend : {"best", "upper left"}, default="best"
        Where matplotlib puts the legend.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib Axes
        Lines of more than 20 points have no markers.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = curves({"up": ([1, 2], [3, 4])}, xlabel="k", ylabel="dB", ax=Figure().add_subplot())
    >>> ax.lines[0].get_ydata().tolist()
    [3, 4]
    """
    ax = axes_or_new(ax)
    for (name, (x, y)), style in zip(lines.items(), cycle(_STYLES), strict=False):
        marker = style["marker"] if len(x) <= 20 else ""
        ax.plot(np.asarray(x), np.asarray(y), label=name, lw=1.8, **{**style, "marker": marker})
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.legend(frameon=False, loc=legend)
    return ax


def panels(
    rows: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
    *,
    xlabel: str,
    ylabel: str,
    axes: Sequence[Axes] | None = None,
) -> Sequence[Axes]:
    """Draw `curves` side by side with one scale of heights.

    Parameters
    ----------
    rows : dict of str to dict
        Title of each panel, and its lines as `curves` takes them.
    xlabel, ylabel : str
        Quantities with their units.
    axes : sequence of matplotlib Axes, optional
        One per panel; by default a new figure.

    Returns
    -------
    sequence of matplotlib Axes
        One per panel, from left to right.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots(1, 2)
    >>> drawn = panels(
    ...     {"a": {"up": ([1], [2])}, "b": {"up": ([1], [3])}}, xlabel="k", ylabel="dB", axes=axes
    ... )
    >>> [ax.get_title() for ax in drawn]
    ['a', 'b']
    """
    if axes is None:
        import matplotlib.pyplot as plt

        size = (4.8 * len(rows), 3.6)
        figure = plt.figure(figsize=size, layout="constrained")
        axes = figure.subplots(1, len(rows), sharey=True, squeeze=False)[0]
    for ax, (title, lines) in zip(axes, rows.items(), strict=True):
        label = ylabel if ax is axes[0] else ""
        curves(lines, xlabel=xlabel, ylabel=label, title=title, legend="upper left", ax=ax)
    return axes
