"""The parts of an explorer that are no widgets: controls, a figure, sentences and numbers.

An `ExplorerView` says what to draw. `FigureRenderer` owns the figure (never pyplot's), draws the
background once, and draws the artists that move upon a copy of it. ``widget.py`` comes next.
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

from .accuracy import AccuracyCache, ModelFactory

_FONT_SIZE = 14.0

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
    """A count of steps from 0, advanced by a button; reset when another control changes."""

    name: str
    label: str
    start: int = 0


class EvaluationRequest(NamedTuple):
    """A quantized network to test: a label, the settings it depends on, and how to make it.

    The label is printed after "test accuracy".
    """

    label: str
    key: tuple[Hashable, ...]
    make_model: ModelFactory


class ExplorerView:
    """The content of an explorer; subclasses fill in the methods."""

    controls: Sequence[Slider | Menu | Stepper]
    size: tuple[float, float] = (7.2, 4.8)
    accuracy_cache: AccuracyCache | None = None

    def clip(self, settings: Settings) -> Settings:
        """Return the settings with steps that do not exist replaced by the last one."""
        return settings

    def create_artists(self, figure: Figure) -> Sequence[Artist]:
        """Make the axes and return the artists that will move."""
        raise NotImplementedError

    def background_key(self, settings: Settings) -> Hashable:
        """Return the settings on which the background depends."""
        raise NotImplementedError

    def draw_background(self, settings: Settings) -> None:
        """Draw the part of the picture that does not move."""
        raise NotImplementedError

    def update_artists(self, settings: Settings) -> None:
        """Move the artists."""
        raise NotImplementedError

    def describe(self, settings: Settings) -> tuple[str, str]:
        """Return the alt text and the sentence below the picture."""
        raise NotImplementedError

    def facts(self, settings: Settings) -> dict[str, str]:
        """Return names and values of the numbers below the picture."""
        return {}

    def evaluation_requests(self, settings: Settings) -> Sequence[EvaluationRequest]:
        """Return the networks whose accuracy belongs to these settings."""
        return ()


class FigureRenderer:
    """Settings in, PNG out; the background of a view is drawn once and then restored."""

    def __init__(self, view: ExplorerView) -> None:
        self.view = view
        self.figure = Figure(figsize=view.size, dpi=100, layout="constrained")
        self._canvas: Any = FigureCanvasAgg(self.figure)
        self._animated_artists: Sequence[Artist] = view.create_artists(self.figure)
        self._background_key: Hashable = None
        self._background: Any = None

    def draw(self, settings: Settings) -> bytes:
        """Return the picture of these settings as PNG."""
        key = (self.view.background_key(settings),)
        if key != self._background_key:
            self._background_key = None  # if drawing fails, the next call draws it again
            self._draw_background(settings)
            self._background_key = key
        self.view.update_artists(settings)
        self._canvas.restore_region(self._background)
        for artist in sorted(self._animated_artists, key=lambda artist: artist.get_zorder()):
            if artist.axes is not None:
                artist.axes.draw_artist(artist)
        size = self._canvas.get_width_height()
        pixels = Image.frombuffer("RGBA", size, self._canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
        return png_bytes(pixels.convert("RGB"), compress_level=1)

    def _draw_background(self, settings: Settings) -> None:
        self.view.draw_background(settings)
        for axes in self.figure.axes:
            axes.tick_params(labelsize=_FONT_SIZE)
        for text in self.figure.findobj(Text):
            text.set_fontsize(_FONT_SIZE)
        for artist in self._animated_artists:
            artist.set_animated(True)
        self.view.update_artists(settings)
        self.figure.set_layout_engine("constrained")
        if self._background is None:
            self.figure.draw_without_rendering()  # the first layout does not know the tick labels
        self._canvas.draw()
        self.figure.set_layout_engine("none")  # nothing shifts while a slider moves
        self._background = self._canvas.copy_from_bbox(self.figure.bbox)


def png_bytes(image: Image.Image, **options: Any) -> bytes:
    """Return an image as the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "png", **options)
    return buffer.getvalue()


def reduce_colours(png: bytes) -> bytes:
    """Return a picture in 64 colours, a third of the bytes, for pages with many pictures."""
    return png_bytes(Image.open(io.BytesIO(png)).quantize(64), optimize=True)
