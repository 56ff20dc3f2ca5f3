"""What an explorer is made of: its controls, its figure, its words; nothing here is a widget.

A `Scene` knows what to draw. `Painter` owns the figure, never pyplot's: what stays in place is
drawn once, what moves is drawn upon it. Read `_live.py` next.
"""

from __future__ import annotations

import io
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from .accuracy import Make, Scores

_FONT = 14.0

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Slider:
    """A number out of `values`, ascending; `noun` names the buttons beside it."""

    name: str
    label: str
    values: Sequence[int]
    start: int
    noun: str


@dataclass(frozen=True)
class Menu:
    """One of several values, each shown by its text."""

    name: str
    label: str
    options: Mapping[str, Any]
    start: Any


@dataclass(frozen=True)
class Stepper:
    """A count of steps from 0, advanced by a button; set back when another control changes."""

    name: str
    label: str
    start: int = 0


class Trial(NamedTuple):
    """A quantized network to test: words that follow "test accuracy", what it depends on, it."""

    words: str
    key: tuple[Hashable, ...]
    make: Make


class Scene:
    """What an explorer shows; subclasses fill in the methods."""

    title: str
    controls: Sequence[Slider | Menu | Stepper]
    size: tuple[float, float] = (7.2, 4.8)
    scores: Scores | None = None

    def clip(self, settings: Settings) -> Settings:
        """Return the settings with steps that do not exist replaced by the last one."""
        return settings

    def build(self, figure: Figure) -> Sequence[Artist]:
        """Make the axes and return the artists that will move."""
        raise NotImplementedError

    def ground(self, settings: Settings) -> Hashable:
        """Return what the unmoving part of the picture depends on."""
        raise NotImplementedError

    def lay(self, settings: Settings) -> None:
        """Draw the part that does not move."""
        raise NotImplementedError

    def update(self, settings: Settings) -> None:
        """Move the artists."""
        raise NotImplementedError

    def describe(self, settings: Settings) -> tuple[str, str]:
        """Return the alt text and the sentence below the picture."""
        raise NotImplementedError

    def facts(self, settings: Settings) -> dict[str, str]:
        """Return names and values of the numbers beside the picture."""
        return {}

    def trials(self, settings: Settings) -> Sequence[Trial]:
        """Return the networks whose accuracy belongs to these settings."""
        return ()


class Painter:
    """The figure of a scene: what stays is drawn once, then restored under what moves."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.figure = Figure(figsize=scene.size, dpi=100, layout="constrained")
        self._canvas: Any = FigureCanvasAgg(self.figure)
        self._moving: Sequence[Artist] = scene.build(self.figure)
        self._ground: Hashable = None
        self._restore: Any = None

    def draw(self, settings: Settings) -> bytes:
        """Return the picture of these settings as PNG."""
        ground = (self.scene.ground(settings),)
        if ground != self._ground:
            self._ground = None  # should drawing fail, the next try begins anew
            self._lay(settings)
            self._ground = ground
        self.scene.update(settings)
        self._canvas.restore_region(self._restore)
        for artist in sorted(self._moving, key=lambda artist: artist.get_zorder()):
            if artist.axes is not None:
                artist.axes.draw_artist(artist)
        size = self._canvas.get_width_height()
        pixels = Image.frombuffer("RGBA", size, self._canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
        return png_of(pixels.convert("RGB"), compress_level=1)

    def _lay(self, settings: Settings) -> None:
        self.scene.lay(settings)
        for axes in self.figure.axes:
            axes.tick_params(labelsize=_FONT)
        for text in self.figure.findobj(Text):
            text.set_fontsize(_FONT)
        for artist in self._moving:
            artist.set_animated(True)
        self.scene.update(settings)
        self.figure.set_layout_engine("constrained")
        if self._restore is None:
            self.figure.draw_without_rendering()  # the first layout does not know the tick labels
        self._canvas.draw()
        self.figure.set_layout_engine("none")  # nothing shifts while a slider moves
        self._restore = self._canvas.copy_from_bbox(self.figure.bbox)


def png_of(image: Image.Image, **options: Any) -> bytes:
    """Return an image as the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "png", **options)
    return buffer.getvalue()


def compact(png: bytes) -> bytes:
    """Return a picture in 64 colours: a third of the bytes, for pages that hold many."""
    return png_of(Image.open(io.BytesIO(png)).quantize(64), optimize=True)
