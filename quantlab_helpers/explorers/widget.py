"""One container that shows a figure and the controls that change it, in any notebook front end.

`Live` puts a scene's pictures into an HTML widget: with alt text, without pyplot, without
Output. Callbacks may run on a second thread: a lock guards the figure. Read `explorers.py` next.
"""

from __future__ import annotations

import atexit
import html
import os
import threading
import traceback
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import ipywidgets as widgets

from .._support.validation import check_choice
from .static import TABLE_STYLE, Frame, Player, facts_table, picture, static_player
from .view import Menu, Painter, Scene, Settings, Slider, Stepper, compact

STATIC = "QUANTLAB_STATIC"  # set in the environment: explorers show their players instead
_KEPT = 300  # pictures, of some 30 KB each
_REST = 0.6  # seconds without a move before all test images are used
_PENDING = "…"


class _Shot(NamedTuple):
    """What is kept of one setting."""

    markup: str
    png: bytes
    alt: str
    sentence: str
    facts: Mapping[str, str]


class Live(widgets.VBox):  # type: ignore[misc]
    """Controls, picture, sentence and numbers of a scene in one widget.

    Parameters
    ----------
    scene : Scene
        What to show.

    Attributes
    ----------
    controls : dict of str to widget
        By the names of the scene's controls; set ``controls["bits"].value`` to move one.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.controls: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._painter = Painter(scene)
        self._shots: dict[tuple[Any, ...], _Shot] = {}
        self._rest: _Rest | None = None
        self._quiet = False
        self._view, self._table = widgets.HTML(), widgets.HTML()
        self._alert = widgets.HTML()
        self._every = widgets.Button(
            description="Test on all 10,000 images",
            layout=widgets.Layout(width="auto", align_self="flex-start"),
        )
        self._every.on_click(lambda _: self._guard(self._test_every))
        rows = self._rows()
        self._show(self.settings)
        self._test(self.settings)
        rest = [self._view, self._table, *([self._every] if scene.scores else []), self._alert]
        super().__init__([*rows, *rest])
        _ALIVE.add(self)

    @property
    def settings(self) -> dict[str, Any]:
        """The value of every control, by name."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def picture(self) -> bytes:
        """The picture now shown, as PNG."""
        return self._shot(self.settings).png

    @property
    def alt(self) -> str:
        """The alt text of the picture now shown."""
        return self._shot(self.settings).alt

    @property
    def sentence(self) -> str:
        """The sentence below the picture."""
        return self._shot(self.settings).sentence

    @property
    def facts(self) -> dict[str, str]:
        """The numbers now shown, by name."""
        return self._facts(self.settings)

    @property
    def error(self) -> str:
        """What went wrong at the last move, as shown; empty where nothing did."""
        return str(self._alert.value)

    def static(self, over: str | None = None, *, values: Sequence[int] | None = None) -> Player:
        """Return the explorer as finished pictures behind one slider, for pages without a kernel.

        Parameters
        ----------
        over : str, optional
            Name of the control that the slider stands for; by default the first slider. The
            others stay as they are now.
        values : sequence of int, optional
            Its positions; by default all of a slider or menu, and the first 12 of a stepper.

        Returns
        -------
        Player
            Shown by notebooks and pages; ``html`` is its text. Accuracy is that of 1,000 images
            unless all were tested before.
        """
        sliders = [control for control in self.scene.controls if isinstance(control, Slider)]
        names = [control.name for control in self.scene.controls]
        over = check_choice("over", sliders[0].name if over is None else over, names)
        control = self.scene.controls[names.index(over)]
        texts = self._positions(control, values)
        with self._lock:
            now = self.settings
            wanted = [{**now, over: value} for value in texts]
            frames = [
                self._frame(self.scene.clip(settings), text)
                for settings, text in zip(wanted, texts.values(), strict=True)
            ]
        start = list(texts).index(now[over]) if now[over] in texts else 0
        return static_player(frames, label=control.label, start=start)

    def wait(self, timeout: float = 60) -> None:
        """Return when what was started by the last move has ended."""
        rest = self._rest
        if rest is not None:
            rest.join(timeout)

    def close(self) -> None:
        """Stop testing and remove the widget from the page."""
        self._stop()
        super().close()

    _ipython_display_ = None  # ipywidgets 7's: what follows serves both versions

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        if os.environ.get(STATIC):
            return {"text/html": self.static().html, "text/plain": self.sentence}
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"application/vnd.jupyter.widget-view+json": view, "text/plain": self.sentence}

    def _rows(self) -> list[Any]:
        """Return a row for each slider; menus and buttons share one where there is room."""
        sliders: list[Any] = []
        others: list[Any] = []
        for control in self.scene.controls:
            row = self._row(control)
            (sliders if isinstance(control, Slider) else others).append(row)
        if others:
            sliders.append(widgets.HBox(others, layout=widgets.Layout(flex_flow="row wrap")))
        return sliders

    def _row(self, control: Slider | Menu | Stepper) -> Any:
        """Make the widgets of one control."""
        style = {"description_width": "initial"}
        if isinstance(control, Stepper):
            return self._stepper(control)
        if isinstance(control, Menu):
            options = list(control.options.items())
            made = widgets.Dropdown(
                options=options, value=control.start, description=control.label, style=style
            )
            made.layout.width = "max-content"
            row = made
        else:
            made = widgets.SelectionSlider(
                options=list(control.values),
                value=control.start,
                description=control.label,
                style=style,
            )
            made.layout.width = "26rem"
            buttons = []
            for sign, by in (("−", -1), ("+", 1)):
                button = widgets.Button(description=f"{sign} {control.noun}")
                button.layout.width = "auto"
                button.on_click(lambda _, by=by: self._nudge(made, by))
                buttons.append(button)
            row = widgets.HBox([made, *buttons], layout=widgets.Layout(flex_flow="row wrap"))
        self.controls[control.name] = made
        made.observe(self._changed, names="value")
        return row

    def _stepper(self, control: Stepper) -> Any:
        """Make the buttons of a stepper around a number that is not shown as a slider."""
        count = widgets.IntText(control.start)
        again = widgets.Button(description="Start again")
        step = widgets.Button(description=f"{control.label}: one step")
        end = widgets.Button(description="To the end")
        again.on_click(lambda _: self._set(count, 0))
        step.on_click(lambda _: self._set(count, count.value + 1))
        end.on_click(lambda _: self._set(count, 10**9))
        for button in (again, step, end):
            button.layout.width = "auto"
        self.controls[control.name] = count
        count.observe(self._changed, names="value")
        return widgets.HBox([again, step, end])

    def _nudge(self, slider: Any, by: int) -> None:
        slider.index = min(max(slider.index + by, 0), len(slider.options) - 1)

    def _set(self, count: Any, value: int) -> None:
        count.value = value

    def _changed(self, change: Any) -> None:
        """Show what the controls now say; at once the picture, then the accuracy."""
        if self._quiet:
            return
        self._guard(lambda: self._follow(change["owner"]))

    def _follow(self, moved: Any) -> None:
        self._stop()
        with self._lock:
            self._quiet = True
            try:
                for control in self.scene.controls:
                    if isinstance(control, Stepper) and self.controls[control.name] is not moved:
                        self.controls[control.name].value = control.start
                for name, value in self.scene.clip(self.settings).items():
                    self.controls[name].value = value
            finally:
                self._quiet = False
            settings = self.settings
            self._show(settings)
        self._test(settings)
        if self.scene.scores and not self._tested(settings):
            self._rest = _Rest(self._finish)
            self._rest.start()

    def _guard(self, action: Callable[[], None]) -> None:
        """Run what a click or move asks for; show in the widget whatever goes wrong."""
        try:
            self._alert.value = ""
            action()
        except Exception as error:  # a callback's error is shown nowhere else
            text = "".join(traceback.format_exception(error))
            self._alert.value = (
                f'<div role="alert"><p><strong>{html.escape(type(error).__name__)}: '
                f"{html.escape(str(error))}</strong></p>"
                f"<details><summary>Where it happened</summary><pre>{html.escape(text)}</pre>"
                "</details></div>"
            )

    def _shot(self, settings: Settings) -> _Shot:
        """Return picture and words of these settings, drawn once."""
        key = tuple(settings.values())
        with self._lock:
            if key not in self._shots:
                png = self._painter.draw(settings)
                alt, sentence = self.scene.describe(settings)
                facts = self.scene.facts(settings)
                status = (
                    f'<p role="status" style="margin:0;line-height:1.4">{html.escape(sentence)}</p>'
                )
                while len(self._shots) >= _KEPT:
                    del self._shots[next(iter(self._shots))]
                self._shots[key] = _Shot(picture(png, alt) + status, png, alt, sentence, facts)
            return self._shots[key]

    def _facts(self, settings: Settings) -> dict[str, str]:
        """Return the numbers of a setting, with the best known score of each network."""
        facts = dict(self._shot(settings).facts)
        for trial in self.scene.trials(settings):
            score = self.scene.scores.best_known(trial.key) if self.scene.scores else None
            facts[f"test accuracy{trial.words}"] = score.words if score else _PENDING
            facts[f"bytes of the network{trial.words}"] = score.size_words if score else _PENDING
        return facts

    def _show(self, settings: Settings) -> None:
        with self._lock:
            self._view.value = self._shot(settings).markup
            self._tabulate(settings)

    def _tabulate(self, settings: Settings) -> None:
        style = f"<style>{TABLE_STYLE.format('.ql-facts')}</style>"
        table = f'{style}<div class="ql-facts">{facts_table(self._facts(settings))}</div>'
        self._table.value = table

    def _test(self, settings: Settings, *, every: bool = False, unwanted: Any = None) -> None:
        """Measure what is not yet known, and show it if the controls still say the same."""
        if self.scene.scores is None:
            return
        unwanted = unwanted or (lambda: False)
        for trial in self.scene.trials(settings):
            self.scene.scores.measure(trial.key, trial.make, every=every, unwanted=unwanted)
        with self._lock:
            if self.settings == settings and not unwanted():
                self._tabulate(settings)

    def _tested(self, settings: Settings) -> bool:
        """Return whether all images have been used for these settings."""
        scores = self.scene.scores
        return scores is not None and all(
            scores.recall(trial.key, every=True) for trial in self.scene.trials(settings)
        )

    def _test_every(self) -> None:
        self._stop()
        self._test(self.settings, every=True)

    def _finish(self, unwanted: Callable[[], bool]) -> None:
        """What the thread does: it must not clear the error of a later move."""
        if not self._alert.value:
            self._guard(lambda: self._test(self.settings, every=True, unwanted=unwanted))

    def _stop(self) -> None:
        if self._rest is not None:
            self._rest.cancel.set()

    def _positions(
        self, control: Slider | Menu | Stepper, values: Sequence[int] | None
    ) -> dict[Any, str]:
        """Return the positions of a control and how each is called."""
        if isinstance(control, Menu):
            return {value: text for text, value in control.options.items()}
        if isinstance(control, Slider):
            return {value: str(value) for value in values or control.values}
        steps = (self.scene.clip({**self.settings, control.name: n}) for n in values or range(12))
        return {step[control.name]: str(step[control.name]) for step in steps}

    def _frame(self, settings: Settings, text: str) -> Frame:
        self._test(settings)
        shot = self._shot(settings)
        return Frame(text, compact(shot.png), shot.alt, shot.sentence, self._facts(settings))


class _Rest(threading.Thread):
    """Does something a little later on a thread of its own, unless it is cancelled before."""

    def __init__(self, action: Callable[[Callable[[], bool]], None]) -> None:
        super().__init__(daemon=True, name="quantlab-explorer")
        self.cancel = threading.Event()
        self._action = action

    def run(self) -> None:
        """Wait, then act."""
        if not self.cancel.wait(_REST):
            self._action(self.cancel.is_set)


_ALIVE: weakref.WeakSet[Live] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    """Leave no thread inside torch when the interpreter takes itself apart."""
    for live in list(_ALIVE):
        live._stop()
    for live in list(_ALIVE):
        live.wait(5)
