"""The view of `explore_retraining`: a recorded retraining, epoch by epoch.

``instructor/make_retraining.py`` wrote ``assets/retraining.json``; nothing is trained here.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from importlib.resources import files
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from ..plots.kmeans import curves
from .artists import LevelledHistogram, Rings
from .readouts import padded_range, plural
from .view import ExplorerView, Menu, Settings, Slider

WAYS = {"free: every weight moves": "free", "tied: only the centres move": "tied"}


class RetrainingView(ExplorerView):
    """Weights, accuracy and unique values after each epoch, retrained freely or on the grid."""

    size = (9.2, 6.2)

    def __init__(self) -> None:
        content = (files("quantlab_helpers") / "assets" / "retraining.json").read_text()
        self.run: dict[str, Any] = json.loads(content)
        self.edges = np.array(self.run["edges"])
        last = len(self.run["epochs"]["free"]) - 1
        self.controls = (
            Slider("epoch", "epochs of retraining", range(last + 1), 0, "epoch"),
            Menu("way", "training", WAYS, "free"),
        )

    def create_artists(self, figure: Figure) -> Sequence[Artist]:
        """Make a histogram, and below it accuracy and unique values."""
        grid = figure.add_gridspec(2, 2, height_ratios=[1, 1.15])
        self.histogram = LevelledHistogram(figure.add_subplot(grid[0, :]))
        self.histogram.ax.set(xlabel="weight value", ylabel="number of weights")
        self.accuracy, self.unique = (figure.add_subplot(grid[1, i]) for i in (0, 1))
        self.rings = Rings(self.accuracy, ["now"]), Rings(self.unique, ["now"])
        animated = [artist for rings in self.rings for artist in rings.animated_artists]
        return [self.histogram.bars, *self.histogram.animated_artists, *animated]

    def background_key(self, settings: Settings) -> Hashable:
        """Return None: bars, centres and rings move, the curves do not."""
        return None

    def draw_background(self, settings: Settings) -> None:
        """Draw the scales and all curves."""
        edges = self.edges
        between = padded_range(float(edges[0]), float(edges[-1]))
        most = sum(self.row(settings)["counts"])
        self.histogram.draw_background(edges[:-1], between=between, top=most, edges=edges)
        for ax, lines, ylabel in (
            (self.accuracy, self._accuracies(), "test accuracy (%)"),
            (self.unique, self._uniques(), "unique values"),
        ):
            curves(lines, xlabel="epochs", ylabel=ylabel, ax=ax)
            ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1))
            ax.set_xlim(-0.4, len(self.run["epochs"]["free"]) - 0.6)
        lowest = min(row["accuracy"] for row in self.run["epochs"]["free"])
        self.accuracy.set_ylim(100 * lowest - 3, 101)
        self.unique.set_yscale("log")
        self.unique.set_ylim(1, 10_000)

    def update_artists(self, settings: Settings) -> None:
        """Move centres and rings."""
        row, epoch, way = self.row(settings), settings["epoch"], settings["way"]
        self.histogram.bars.set_data(row["counts"], self.edges)
        centres = np.array(row["values"] or self.run["centres"])
        used = np.full(centres.size, bool(row["values"]))
        name, count = self.run["layer"], row["unique"][self.run["layer"]]
        title = f"{name}.weight after {plural(epoch, 'epoch')}, {way}: {count:,} distinct values"
        self.histogram.update(centres, used=used, title=title)
        accuracy, unique = self.rings
        accuracy.update({"now": (epoch, 100 * row["accuracy"], "")})
        unique.update({"now": (epoch, count, "")})

    def describe(self, settings: Settings) -> tuple[str, str]:
        """Return the alt text, and a sentence with accuracy and unique values."""
        row, layer, k = self.row(settings), self.run["layer"], self.run["k"]
        epochs = plural(settings["epoch"], "epoch")
        count = row["unique"][layer]
        on = "all on the centres" if row["values"] else f"no longer on the {k} centres (hollow)"
        alt = (
            f"Histogram of the weights of {layer} after {epochs}, {on}; below "
            "it two charts by epoch, of test accuracy and of the number of unique values, each "
            "for free retraining and for tied centres, with a ring at this epoch."
        )
        sentence = (
            f"After {epochs}, {settings['way']}: {row['accuracy']:.2%} of all "
            f"10,000 test images, {count:,} unique values in {layer}"
        )
        if settings["way"] == "free":
            sentence += f"; quantized again to {k} centres, {row['accuracy_again']:.2%}"
        return alt, sentence + "."

    def facts(self, settings: Settings) -> dict[str, str]:
        """Return accuracy and unique values."""
        row = self.row(settings)
        return {
            "test accuracy": f"{row['accuracy']:.2%} of all 10,000 test images",
            f"quantized again, k = {self.run['k']}": f"{row['accuracy_again']:.2%}",
            "float32 baseline": f"{self.run['baseline']:.2%}",
            **{f"unique values in {name}": f"{n:,}" for name, n in row["unique"].items()},
        }

    def row(self, settings: Settings) -> dict[str, Any]:
        """Return the numbers of this epoch."""
        row: dict[str, Any] = self.run["epochs"][settings["way"]][settings["epoch"]]
        return row

    def _accuracies(self) -> dict[str, tuple[list[float], list[float]]]:
        free, tied = self.run["epochs"]["free"], self.run["epochs"]["tied"]
        epochs = list(map(float, range(len(free))))
        return {
            "free": (epochs, [100 * row["accuracy"] for row in free]),
            "free, quantized again": (epochs, [100 * row["accuracy_again"] for row in free]),
            "tied centres": (epochs, [100 * row["accuracy"] for row in tied]),
        }

    def _uniques(self) -> dict[str, tuple[list[float], list[float]]]:
        layer = self.run["layer"]
        return {
            name: (
                list(map(float, range(len(rows)))),
                [float(row["unique"][layer]) for row in rows],
            )
            for name, rows in (
                ("free", self.run["epochs"]["free"]),
                ("tied centres", self.run["epochs"]["tied"]),
            )
        }
