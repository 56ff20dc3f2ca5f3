"""Artists that explorers move: levels on a histogram, bars after rounding, a growing trace, rings.

As in `plots`, finished numbers come in. Each class draws on the Axes it is given. `draw_background`
draws the part that stays while a slider moves, `update` the rest; ``animated_artists`` lists the
artists that `update` moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..plots.style import BARS, LEVELS

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

Values = NDArray[Any]
_BINS = 101
_MOST_BARS = 600
_MOST_LINES = 40  # as in plots: more would hide the histogram


class LevelledHistogram:
    """A histogram of weights with levels or centres on it; those without weights are hollow.

    Parameters
    ----------
    ax : matplotlib Axes
        Drawn on; counts get a logarithmic axis.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> histogram = LevelledHistogram(Figure().add_subplot())
    >>> histogram.draw_background(np.array([0.0, 0.1, 1.0]), between=(-0.1, 1.1))
    >>> histogram.update(np.array([0.0, 0.5, 1.0]), used=[True, False, True], title="3 levels")
    >>> histogram.levels.tolist(), histogram.used.tolist()
    ([0.0, 0.5, 1.0], [0.0, 1.0])
    """

    def __init__(self, ax: Axes) -> None:
        self.ax = ax
        self.bars = ax.stairs([0], [0, 1], fill=True, color=BARS)
        across = ax.get_xaxis_transform()
        self._halo = ax.vlines([], 0, 0.88, transform=across, color="white", lw=3.5)
        self._lines = ax.vlines([], 0, 0.88, transform=across, color=LEVELS, lw=1.5, ls="--")
        style: dict[str, Any] = {"transform": across, "ls": "none", "color": LEVELS}
        hollow: dict[str, Any] = {**style, "markerfacecolor": "none"}
        (self._used,) = ax.plot([], [], marker="v", ms=8, **style)
        (self._unused,) = ax.plot([], [], marker="v", ms=8, **hollow)
        (self._strokes,) = ax.plot([], [], marker="|", ms=9, mew=0.8, **style)
        (self._unused_strokes,) = ax.plot([], [], marker="|", ms=5, mew=0.4, **style)
        ax.set_yscale("symlog", linthresh=1)
        ax.set_title(" ")
        self.levels: Values = np.empty(0)
        self.used: Values = np.empty(0)

    @property
    def animated_artists(self) -> list[Artist]:
        """The artists that `update` moves."""
        marks = [self._used, self._unused, self._strokes, self._unused_strokes]
        return [self._halo, self._lines, *marks, self.ax.title]

    def draw_background(
        self,
        weights: Values,
        *,
        between: tuple[float, float],
        top: float | None = None,
        edges: Values | None = None,
    ) -> None:
        """Draw the bars between two weight values; the highest holds at most `top` weights."""
        counts, edges = np.histogram(weights, _BINS if edges is None else edges)
        self.bars.set_data(counts, edges)
        self.ax.set_xlim(*between)
        most = (top or weights.size) * 12
        self.ax.set_ylim(0, most)
        self.ax.set_yticks([10**n for n in range(0, 9, 2) if 10**n < most])

    def update(self, levels: Values, *, used: Any, title: str) -> None:
        """Move the levels; `used` says which of them have weights."""
        has_weights = np.asarray(used, bool)
        as_lines = levels.size <= _MOST_LINES
        lines = levels if as_lines else levels[:0]
        segments = [[(x, 0.0), (x, 0.88)] for x in lines.tolist()]
        self._halo.set_segments(segments)
        self._halo.set_linewidth(3.5 if levels.size <= 8 else 2.2)
        self._lines.set_segments(segments)
        rows = (self._used, self._unused) if as_lines else (self._strokes, self._unused_strokes)
        for row in (self._used, self._unused, self._strokes, self._unused_strokes):
            row.set_data([], [])
        heights = (0.94, 0.94 if as_lines else 0.89)
        for row, shown, height in zip(rows, (has_weights, ~has_weights), heights, strict=True):
            row.set_data(levels[shown], np.full(int(shown.sum()), height))
        self.levels, self.used = levels, levels[has_weights]
        self.ax.title.set_text(title)


class RoundedHistogram:
    """A bar at each value that weights have after rounding.

    Parameters
    ----------
    ax : matplotlib Axes
        Shares its axes with a `LevelledHistogram`, so that both have the same scales.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> after = RoundedHistogram(Figure().add_subplot())
    >>> after.update(np.array([0.0, 0.5, 1.0]), counts=np.array([3, 0, 1]), title="after")
    >>> after.values.tolist()
    [0.0, 1.0]
    """

    def __init__(self, ax: Axes) -> None:
        self.ax = ax
        self._bars = ax.vlines([], 0, 1, color=BARS, lw=4)
        ax.set_title(" ")
        self.values: Values = np.empty(0)

    @property
    def animated_artists(self) -> list[Artist]:
        """The artists that `update` moves."""
        return [self._bars, self.ax.title]

    def update(self, levels: Values, *, counts: Values, title: str) -> None:
        """Draw how many weights have each value; levels without weights get no bar."""
        self.values = shown = levels[counts > 0]
        counts = counts[counts > 0]
        if shown.size > _MOST_BARS:  # thinner than a pixel: neighbours share a bar
            counts, edges = np.histogram(shown, _MOST_BARS, weights=counts)
            shown = ((edges[1:] + edges[:-1]) / 2)[counts > 0]
            counts = counts[counts > 0]
        pairs = zip(shown.tolist(), counts.tolist(), strict=True)
        self._bars.set_segments([[(x, 0), (x, top)] for x, top in pairs])
        self._bars.set_linewidth(4 if self.values.size <= _MOST_LINES else 1.5)
        self.ax.title.set_text(title)


class Trace:
    """The SSE after every half-step of Lloyd's algorithm, above a line at the smallest SSE.

    Parameters
    ----------
    ax : matplotlib Axes
        Drawn on, with a logarithmic axis of heights.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> trace = Trace(Figure().add_subplot())
    >>> trace.draw_background(best=2.0, highest=9.0, steps=10)
    >>> trace.update([9.0, 4.0, 3.0])
    >>> trace.drawn
    [9.0, 4.0, 3.0]
    """

    def __init__(self, ax: Axes) -> None:
        self.ax = ax
        (self._line,) = ax.plot([], [], color=BARS, lw=2, marker="o", ms=5)
        (self._now,) = ax.plot([], [], color=LEVELS, ls="none", marker="D", ms=9)
        self._best = ax.axhline(1, color=LEVELS, ls="--", lw=1.5)
        self._label = ax.annotate(
            "smallest SSE",
            (0.99, 1),
            xycoords=ax.get_yaxis_transform(),
            xytext=(0, 4),
            textcoords="offset points",
            ha="right",
        )
        ax.set_yscale("log")
        ax.set(xlabel="half-steps (assign, update)", ylabel="SSE")
        ax.set_ylim(0.1, 10)
        self.drawn: list[float] = []

    @property
    def animated_artists(self) -> list[Artist]:
        """The artists that `update` moves."""
        return [self._line, self._now]

    def draw_background(self, *, best: float, highest: float, steps: int) -> None:
        """Set the axes: SSEs from `best` to `highest`, and room for `steps` half-steps."""
        floor = max(best, highest * 1e-4, 1e-30)
        self._best.set_visible(True)
        self._label.set_visible(True)
        self.ax.set_ylim(floor / 1.25, max(highest, floor) * 1.3)
        self.ax.set_xlim(-steps / 40, steps * 1.02)
        self._best.set_ydata([floor, floor])
        self._label.xy = (0.99, floor)
        self.ax.locator_params(axis="x", integer=True)
        low, high = self.ax.get_ylim()
        ticks = np.geomspace(low * 1.15, high / 1.15, 3).tolist()
        self.ax.set_yticks(ticks, [f"{t:.2g}" if t < 100 else f"{t:,.0f}" for t in ticks])
        self.ax.minorticks_off()

    def update(self, inertias: Sequence[float]) -> None:
        """Draw the SSE after each half-step so far."""
        self.drawn = list(inertias)
        places = range(1, len(self.drawn) + 1)
        self._line.set_data(list(places), self.drawn)
        self._line.set_marker("o" if len(self.drawn) <= 40 else "")
        self._now.set_data(list(places)[-1:], self.drawn[-1:])


class Rings:
    """One ring on each of several lines, with a label beside it.

    Parameters
    ----------
    ax : matplotlib Axes
        Holds the lines.
    names : sequence of str
        Names of the rings.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> rings = Rings(Figure().add_subplot(), ["k-means"])
    >>> rings.update({"k-means": (2.0, 3.0, "k = 8")})
    >>> rings.places
    {'k-means': (2.0, 3.0)}
    """

    def __init__(self, ax: Axes, names: Sequence[str]) -> None:
        self._ax = ax
        self._markers: dict[str, Any] = {}
        self._labels: dict[str, Any] = {}
        for name in names:
            (self._markers[name],) = ax.plot(
                [], [], marker="o", ms=17, mew=2.5, color=LEVELS, markerfacecolor="none", ls="none"
            )
            self._labels[name] = ax.annotate(
                "",
                (0, 0),
                xytext=(0, -14),
                textcoords="offset points",
                ha="center",
                va="top",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.85},
            )
        self.places: dict[str, tuple[float, float]] = {}

    @property
    def animated_artists(self) -> list[Artist]:
        """The artists that `update` moves."""
        return [*self._markers.values(), *self._labels.values()]

    def update(self, places: Mapping[str, tuple[float, float, str]]) -> None:
        """Move every ring to its x and y, with its label."""
        middle = sum(self._ax.get_ylim()) / 2
        for name, (x, y, text) in places.items():
            self._markers[name].set_data([x], [y])
            label = self._labels[name]
            label.xy = (x, y)
            label.set_text(text)
            below = y > middle  # where the axes have room
            label.xyann = (0, -14 if below else 14)
            label.set_verticalalignment("top" if below else "bottom")
        self.places = {name: (x, y) for name, (x, y, _) in places.items()}
