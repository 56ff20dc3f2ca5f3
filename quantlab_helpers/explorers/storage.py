"""The view of `explore_storage`: the bytes of a quantized file in each of three codings."""

from __future__ import annotations

import tempfile
from collections.abc import Hashable, Sequence
from functools import lru_cache
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from torch import nn

from ..network import QuantizedModel
from ..plots.storage import ledger_bars
from ..plots.style import BARS
from ..storage.file import CODINGS, save_quantized
from ..storage.ledgers import Ledger, ledger
from .readouts import kmeans_network, plural, uniform_network
from .view import ExplorerView, Menu, Settings, Slider


class StorageView(ExplorerView):
    """The ledger of a file as bars, and above it the sizes in all codings."""

    size = (8.4, 6.2)

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.controls = (
            Slider("bits", "bits per code", range(1, 7), 3, "bit"),
            Menu(
                "scheme",
                "levels",
                {"k-means, 2^bits centres": "kmeans", "uniform": "uniform"},
                "kmeans",
            ),
            Menu("coding", "coding", {coding: coding for coding in CODINGS}, "packed"),
        )
        self.ledgers = lru_cache(maxsize=32)(self._ledgers)

    def create_artists(self, figure: Figure) -> Sequence[Artist]:
        """Make axes for the three files and for the ledger of one."""
        grid = figure.add_gridspec(2, 1, height_ratios=[3, 8])
        self.sizes, self.rows = (figure.add_subplot(grid[i]) for i in (0, 1))
        return []

    def background_key(self, settings: Settings) -> Hashable:
        """Return all settings: each of them changes the whole picture."""
        return tuple(settings.values())

    def draw_background(self, settings: Settings) -> None:
        """Draw the three sizes on one scale, and the ledger on its own."""
        ledgers = self.ledgers(settings["scheme"], settings["bits"])
        self.sizes.clear()
        self.rows.clear()
        largest = max(counted.file_bytes for counted in ledgers.values())
        for place, (coding, counted) in enumerate(ledgers.items()):
            chosen = coding == settings["coding"]
            size = counted.file_bytes
            self.sizes.barh(
                [coding], [size], color=BARS if chosen else "white", edgecolor=BARS, lw=1.5
            )
            self.sizes.text(
                size + largest / 60, place, f"{size:,}{' (below)' if chosen else ''}", va="center"
            )
        self.sizes.set_xlim(0, 1.35 * largest)
        self.sizes.invert_yaxis()
        self.sizes.locator_params(axis="x", nbins=4)
        self.sizes.xaxis.set_major_formatter("{x:,.0f}")
        self.sizes.set_title("bytes of the file in each coding")
        counted = ledgers[settings["coding"]]
        title = f"{settings['coding']}: {counted.ratio:.1f} times smaller than float32"
        ledger_bars(counted, title=title, ax=self.rows)
        self.rows.locator_params(axis="x", nbins=4)
        handles, labels = self.rows.get_legend_handles_labels()
        self.rows.legend(
            handles,
            labels,
            frameon=False,
            loc="upper center",
            bbox_to_anchor=(0.45, -0.2),
            ncols=4,
            columnspacing=1,
            handlelength=1.5,
        )

    def update_artists(self, settings: Settings) -> None:
        """Do nothing: all of the picture is background."""

    def describe(self, settings: Settings) -> tuple[str, str]:
        """Return the alt text, and a sentence with the file's size and its largest tensor."""
        counted = self.ledgers(settings["scheme"], settings["bits"])[settings["coding"]]
        largest = max(counted.rows, key=lambda row: row.total_bytes)
        share = largest.total_bytes / counted.file_bytes
        alt = (
            "Bars of the bytes of the file in three codings, and below them the "
            f"{settings['coding']} file tensor by tensor: payload filled, codebook hatched, tables "
            f"and header white, a stroke at the entropy bound. {largest.name} takes {share:.0%}."
        )
        scheme = {"kmeans": "k-means"}.get(settings["scheme"], settings["scheme"])
        sentence = (
            f"{scheme}, {plural(settings['bits'], 'bit')}, {settings['coding']}: "
            f"{counted.file_bytes:,} bytes, {counted.ratio:.1f} times smaller than float32; "
            f"{largest.name} takes {share:.0%} of them."
        )
        return alt, sentence

    def facts(self, settings: Settings) -> dict[str, str]:
        """Return the bytes of each part of the file, and of the float32 network."""
        counted = self.ledgers(settings["scheme"], settings["bits"])[settings["coding"]]
        rows = counted.rows
        sums = {
            "payload": sum(row.payload_bytes for row in rows),
            "codebooks": sum(row.codebook_bytes for row in rows),
            "tables": sum(row.table_bytes for row in rows),
            "header and padding": counted.header_bytes + counted.padding_bytes,
            "file": counted.file_bytes,
            "float32": counted.float32_bytes,
        }
        return {name: f"{size:,} bytes" for name, size in sums.items()}

    def _ledgers(self, scheme: str, bits: int) -> dict[str, Ledger]:
        if scheme == "kmeans":
            return file_ledgers(kmeans_network(self.net, 2**bits))
        return file_ledgers(uniform_network(self.net, bits))


def file_ledgers(model: QuantizedModel) -> dict[str, Ledger]:
    """Write the network in every coding; return the ledger of each file."""
    with tempfile.TemporaryDirectory() as folder:
        path, ledgers = Path(folder) / "net.safetensors", {}
        for coding in CODINGS:
            save_quantized(model, path, coding=coding)
            ledgers[coding] = ledger(path)
    return ledgers
