"""Figures from finished numbers: digits, histograms with levels on them, accuracy curves.

Every function draws on the Axes it is given (or on a new one), labels it with units, and returns
it; nothing here quantizes, evaluates or calls ``show``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from .._support.validation import as_weights, check_int
from ..experiments.sweeps import SweepPoint
from ..quantizers.tensor import QuantizedTensor
from .style import BARS, LEVELS, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_LINES = 40  # more lines would hide the histogram


def digits(images: Tensor, labels: Tensor, *, axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
    """Draw the first image of each digit that occurs, in a row.

    Parameters
    ----------
    images : Tensor of float, shape (n, 1, 28, 28)
        Grey values, 0 (paper) to 1 (ink).
    labels : Tensor of int, shape (n,)
        The digits.
    axes : sequence of matplotlib Axes, optional
        One for each distinct label; by default a new figure.

    Returns
    -------
    sequence of matplotlib Axes
        One per digit, its label above it.

    Examples
    --------
    >>> import torch
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots(1, 2)
    >>> row = digits(torch.rand(3, 1, 28, 28), torch.tensor([4, 1, 4]), axes=axes)
    >>> [ax.get_title() for ax in row]
    ['1', '4']
    """
    occurring = sorted(set(labels.tolist()))
    if axes is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(len(occurring), 1.4), layout="constrained")
        axes = figure.subplots(1, len(occurring), squeeze=False)[0]
    for ax, digit in zip(axes, occurring, strict=True):
        first = images[labels == digit][0, 0]
        ax.imshow(first.cpu().numpy(), cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(str(digit))
        ax.set_axis_off()
    return axes


def weight_histogram(
    weights: ArrayLike | Tensor,
    quantized: QuantizedTensor | None = None,
    *,
    bins: int = 101,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw how often each weight value occurs, with the levels or centres in use on it.

    Parameters
    ----------
    weights : array_like or Tensor of float
        The weights, before quantization.
    quantized : QuantizedTensor, optional
        Up to 40 levels are drawn as dashed lines under triangles, hollow where no weight uses
        the level. More than that become two rows of strokes: levels in use above, unused below.
    bins : int, default=101
        Number of bars, at least 1.
    title : str, optional
        Printed above the axes.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib Axes
        Counts on a logarithmic axis: a layer trained with L1 has nearly all weights in one bar.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = weight_histogram([0.0, 0.1, 0.1, 0.5], bins=5, ax=Figure().add_subplot())
    >>> [int(bar.get_height()) for bar in ax.patches]
    [1, 2, 0, 0, 1]
    """
    values = as_weights("weights", weights).astype(np.float64).reshape(-1)
    check_int("bins", bins, low=1)
    ax = axes_or_new(ax)
    counts, edges = np.histogram(values, bins=bins)
    ax.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=BARS)
    ax.set_yscale("symlog", linthresh=1)
    ax.set_ylim(0, counts.max() * 8)
    ax.set(xlabel="weight value", ylabel="number of weights", title=title)
    if quantized is not None:
        _mark_levels(ax, quantized)
    return ax


def accuracy_curve(
    points: Sequence[SweepPoint],
    *,
    xlabel: str,
    baseline: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw test accuracy against bits or k.

    Parameters
    ----------
    points : sequence of SweepPoint
        From `experiments.bits_sweep` or `experiments.k_sweep`.
    xlabel : str
        What ``value`` is: "bits per weight" or "centres per tensor (k)".
    baseline : float, optional
        Accuracy 0..1 of the float32 network, drawn as a dashed line.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib Axes
        Accuracy in percent; k on a logarithmic axis.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> points = [SweepPoint(1, 0.5, 100), SweepPoint(2, 0.9, 200)]
    >>> ax = accuracy_curve(points, xlabel="bits per weight", ax=Figure().add_subplot())
    >>> ax.lines[0].get_ydata().tolist()
    [50.0, 90.0]
    """
    ax = axes_or_new(ax)
    values = [point.value for point in points]
    ax.plot(values, [100 * point.accuracy for point in points], marker="o", color=BARS, lw=2)
    if baseline is not None:
        ax.axhline(100 * baseline, color=LEVELS, linestyle="--", lw=1.5)
        ax.annotate(
            f"float32: {baseline:.2%}",
            (0.98, 100 * baseline),
            xycoords=ax.get_yaxis_transform(),
            xytext=(0, 4),
            textcoords="offset points",
            ha="right",
            va="bottom",
        )
    if max(values) > 16:
        ax.set_xscale("log", base=2)
    ax.set_xticks(values, [str(value) for value in values])
    ax.minorticks_off()
    ax.set(xlabel=xlabel, ylabel="test accuracy (%)", ylim=(0, 112))
    ax.set_yticks(range(0, 101, 20))
    return ax


def _mark_levels(ax: Axes, quantized: QuantizedTensor) -> None:
    """Mark used and unused levels on a strip above the bars; draw lines across for a few."""
    levels = np.unique(quantized.codebook)
    used = np.isin(levels, quantized.dequantize())
    strip = ax.get_xaxis_transform()
    if len(levels) <= _MOST_LINES:
        ax.vlines(levels, 0, 0.93, transform=strip, color="white", lw=3.5)
        ax.vlines(levels, 0, 0.93, transform=strip, color=LEVELS, lw=1.5, linestyle="--")
        _strip(ax, levels[used], 0.965, marker="v", markersize=7)
        _strip(ax, levels[~used], 0.965, marker="v", markersize=7, markerfacecolor="none")
    else:
        _strip(ax, levels[used], 0.97, marker="|", markersize=9, markeredgewidth=0.8)
        _strip(ax, levels[~used], 0.925, marker="|", markersize=5, markeredgewidth=0.4)


def _strip(ax: Axes, levels: NDArray[np.float32], height: float, **style: Any) -> None:
    """Draw one marker per level at a height given as a share of the axes."""
    heights = np.full(len(levels), height)
    across = ax.get_xaxis_transform()
    ax.plot(levels, heights, transform=across, linestyle="none", color=LEVELS, **style)
