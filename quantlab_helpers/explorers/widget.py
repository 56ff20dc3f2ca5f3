"""An explorer as one widget: a figure with the controls that change it, in any notebook front end.

`ExplorerWidget` puts the pictures of a view into an HTML widget: with alt text, without pyplot and
without Output. Callbacks may run on a second thread, so a lock guards the figure. ``explore.py``
comes next.
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
from .static import TABLE_STYLE, Frame, StaticExplorer, facts_html, picture_html, static_explorer
from .view import (
    ExplorerView,
    FigureRenderer,
    Menu,
    Settings,
    Slider,
    Stepper,
    reduce_colours,
)

STATIC = "QUANTLAB_STATIC"  # environment variable: if set, notebooks show static explorers
_MAX_PICTURES = 300  # kept in memory, some 30 KB each
_IDLE_SECONDS = 0.6  # without a move before all test images are used
_PENDING = "…"


class RenderedView(NamedTuple):
    """Picture, sentence and numbers of one setting; `markup` is the HTML of the first two."""

    markup: str
    png: bytes
    alt: str
    sentence: str
    facts: Mapping[str, str]


class ExplorerWidget(widgets.VBox):  # type: ignore[misc]
    """Controls, picture, sentence and numbers of a view in one widget.

    Parameters
    ----------
    view : ExplorerView
        Says what to draw.

    Attributes
    ----------
    controls : dict of str to widget
        By the names of the view's controls; set ``controls["bits"].value`` to move one.
    """

    def __init__(self, view: ExplorerView) -> None:
        self.view = view
        self.controls: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._renderer = FigureRenderer(view)
        self._rendered: dict[tuple[Any, ...], RenderedView] = {}
        self._idle_thread: IdleThread | None = None
        self._ignore_changes = False
        self._picture_box, self._facts_box = widgets.HTML(), widgets.HTML()
        self._error_box = widgets.HTML()
        self._test_all_button = widgets.Button(
            description="Test on all 10,000 images",
            layout=widgets.Layout(width="auto", align_self="flex-start"),
        )
        self._test_all_button.on_click(
            lambda _: self._run_and_show_errors(self._measure_all_images)
        )
        rows = self._control_rows()
        self._show(self.settings)
        self._measure(self.settings)
        buttons = [self._test_all_button] if view.accuracy_cache else []
        boxes = [self._picture_box, self._facts_box, *buttons, self._error_box]
        super().__init__([*rows, *boxes])
        _WIDGETS.add(self)

    @property
    def settings(self) -> dict[str, Any]:
        """The value of every control, by name."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def picture(self) -> bytes:
        """The picture now shown, as PNG."""
        return self._render(self.settings).png

    @property
    def alt(self) -> str:
        """The alt text of the picture now shown."""
        return self._render(self.settings).alt

    @property
    def sentence(self) -> str:
        """The sentence below the picture."""
        return self._render(self.settings).sentence

    @property
    def facts(self) -> dict[str, str]:
        """The numbers now shown, by name."""
        return self._facts(self.settings)

    @property
    def error(self) -> str:
        """The HTML of the last move's error; empty if there was none."""
        return str(self._error_box.value)

    def static(
        self, over: str | None = None, *, values: Sequence[int] | None = None
    ) -> StaticExplorer:
        """Return the explorer as finished pictures behind one slider, for pages without a kernel.

        Parameters
        ----------
        over : str, optional
            Name of the control that becomes the slider; by default the first slider. The others
            keep their present values.
        values : sequence of int, optional
            Its positions; by default all of a slider or menu, and the first 12 of a stepper.

        Returns
        -------
        StaticExplorer
            A notebook displays it; ``html`` is its text, for pages. Accuracy is measured on 1,000
            images unless all were tested before.
        """
        sliders = [control for control in self.view.controls if isinstance(control, Slider)]
        names = [control.name for control in self.view.controls]
        over = check_choice("over", sliders[0].name if over is None else over, names)
        control = self.view.controls[names.index(over)]
        texts = self._positions(control, values)
        with self._lock:
            current = self.settings
            frames = [
                self._frame(self.view.clip({**current, over: value}), text)
                for value, text in texts.items()
            ]
        start = list(texts).index(current[over]) if current[over] in texts else 0
        return static_explorer(frames, label=control.label, start=start)

    def wait(self, timeout: float = 60) -> None:
        """Wait until the measurement started by the last move has ended."""
        if self._idle_thread is not None:
            self._idle_thread.join(timeout)

    def close(self) -> None:
        """Stop testing and remove the widget from the page."""
        self._cancel_measuring()
        super().close()

    _ipython_display_ = None  # of ipywidgets 7; `_repr_mimebundle_` serves both versions

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        if os.environ.get(STATIC):
            return {"text/html": self.static().html, "text/plain": self.sentence}
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"application/vnd.jupyter.widget-view+json": view, "text/plain": self.sentence}

    def _control_rows(self) -> list[Any]:
        """Return a row for each slider; menus and buttons share one where there is room."""
        sliders: list[Any] = []
        others: list[Any] = []
        for control in self.view.controls:
            row = self._control_row(control)
            (sliders if isinstance(control, Slider) else others).append(row)
        if others:
            sliders.append(widgets.HBox(others, layout=widgets.Layout(flex_flow="row wrap")))
        return sliders

    def _control_row(self, control: Slider | Menu | Stepper) -> Any:
        """Make the widgets of one control."""
        style = {"description_width": "initial"}
        if isinstance(control, Stepper):
            return self._stepper_row(control)
        if isinstance(control, Menu):
            options = list(control.options.items())
            widget = widgets.Dropdown(
                options=options, value=control.start, description=control.label, style=style
            )
            widget.layout.width = "max-content"
            row = widget
        else:
            widget = widgets.SelectionSlider(
                options=list(control.values),
                value=control.start,
                description=control.label,
                style=style,
            )
            widget.layout.width = "26rem"
            buttons = []
            for sign, by in (("−", -1), ("+", 1)):
                button = widgets.Button(description=f"{sign} {control.noun}")
                button.layout.width = "auto"
                button.on_click(lambda _, by=by: self._move_by(widget, by))
                buttons.append(button)
            row = widgets.HBox([widget, *buttons], layout=widgets.Layout(flex_flow="row wrap"))
        self.controls[control.name] = widget
        widget.observe(self._on_change, names="value")
        return row

    def _stepper_row(self, control: Stepper) -> Any:
        """Make the buttons of a stepper around a number that is not shown as a slider."""
        count = widgets.IntText(control.start)
        restart = widgets.Button(description="Start again")
        step = widgets.Button(description=f"{control.label}: one step")
        end = widgets.Button(description="To the end")
        restart.on_click(lambda _: self._set(count, 0))
        step.on_click(lambda _: self._set(count, count.value + 1))
        end.on_click(lambda _: self._set(count, 10**9))
        for button in (restart, step, end):
            button.layout.width = "auto"
        self.controls[control.name] = count
        count.observe(self._on_change, names="value")
        return widgets.HBox([restart, step, end])

    def _move_by(self, slider: Any, by: int) -> None:
        slider.index = min(max(slider.index + by, 0), len(slider.options) - 1)

    def _set(self, count: Any, value: int) -> None:
        count.value = value

    def _on_change(self, change: Any) -> None:
        """Show the new settings: the picture immediately, then the accuracy."""
        if self._ignore_changes:
            return
        self._run_and_show_errors(lambda: self._apply_change(change["owner"]))

    def _apply_change(self, moved: Any) -> None:
        """Reset steppers other than `moved`, clip the settings, and show the result."""
        self._cancel_measuring()
        with self._lock:
            self._ignore_changes = True
            try:
                for control in self.view.controls:
                    if isinstance(control, Stepper) and self.controls[control.name] is not moved:
                        self.controls[control.name].value = control.start
                for name, value in self.view.clip(self.settings).items():
                    self.controls[name].value = value
            finally:
                self._ignore_changes = False
            settings = self.settings
            self._show(settings)
        self._measure(settings)
        if self.view.accuracy_cache and not self._has_all_images(settings):
            self._idle_thread = IdleThread(self._measure_when_idle)
            self._idle_thread.start()

    def _run_and_show_errors(self, action: Callable[[], None]) -> None:
        """Run the action of a click or move; show its error in the widget."""
        try:
            self._error_box.value = ""
            action()
        except Exception as error:  # a callback's error is shown nowhere else
            text = "".join(traceback.format_exception(error))
            self._error_box.value = (
                f'<div role="alert"><p><strong>{html.escape(type(error).__name__)}: '
                f"{html.escape(str(error))}</strong></p>"
                f"<details><summary>Where it happened</summary><pre>{html.escape(text)}</pre>"
                "</details></div>"
            )

    def _render(self, settings: Settings) -> RenderedView:
        """Return picture, sentence and numbers of these settings, drawn once."""
        key = tuple(settings.values())
        with self._lock:
            if key not in self._rendered:
                png = self._renderer.draw(settings)
                alt, sentence = self.view.describe(settings)
                facts = self.view.facts(settings)
                status = (
                    f'<p role="status" style="margin:0;line-height:1.4">{html.escape(sentence)}</p>'
                )
                while len(self._rendered) >= _MAX_PICTURES:
                    del self._rendered[next(iter(self._rendered))]
                markup = picture_html(png, alt) + status
                self._rendered[key] = RenderedView(markup, png, alt, sentence, facts)
            return self._rendered[key]

    def _facts(self, settings: Settings) -> dict[str, str]:
        """Return the numbers of a setting, with the best measurement of each network so far."""
        facts, cache = dict(self._render(settings).facts), self.view.accuracy_cache
        for label, key, _ in self.view.evaluation_requests(settings):
            best = cache.best_measurement(key) if cache else None
            facts[f"test accuracy{label}"] = best.accuracy_text if best else _PENDING
            facts[f"bytes of the network{label}"] = best.size_text if best else _PENDING
        return facts

    def _show(self, settings: Settings) -> None:
        with self._lock:
            self._picture_box.value = self._render(settings).markup
            self._show_facts(settings)

    def _show_facts(self, settings: Settings) -> None:
        style = f"<style>{TABLE_STYLE.format('.ql-facts')}</style>"
        table = f'{style}<div class="ql-facts">{facts_html(self._facts(settings))}</div>'
        self._facts_box.value = table

    def _measure(
        self,
        settings: Settings,
        *,
        all_images: bool = False,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        """Measure missing accuracies; show them if the controls still have these settings."""
        cache = self.view.accuracy_cache
        if cache is None:
            return
        for _, key, make_model in self.view.evaluation_requests(settings):
            cache.measure(key, make_model, all_images=all_images, is_cancelled=is_cancelled)
        with self._lock:
            if self.settings == settings and not is_cancelled():
                self._show_facts(settings)

    def _has_all_images(self, settings: Settings) -> bool:
        """Return whether these settings were measured on all images."""
        cache = self.view.accuracy_cache
        return cache is not None and all(
            cache.get(request.key, all_images=True)
            for request in self.view.evaluation_requests(settings)
        )

    def _measure_all_images(self) -> None:
        self._cancel_measuring()
        self._measure(self.settings, all_images=True)

    def _measure_when_idle(self, is_cancelled: Callable[[], bool]) -> None:
        """Measure on all images, on the idle thread; keep an error that is shown."""
        if not self._error_box.value:
            self._run_and_show_errors(
                lambda: self._measure(self.settings, all_images=True, is_cancelled=is_cancelled)
            )

    def _cancel_measuring(self) -> None:
        if self._idle_thread is not None:
            self._idle_thread.cancel.set()

    def _positions(
        self, control: Slider | Menu | Stepper, values: Sequence[int] | None
    ) -> dict[Any, str]:
        """Return the positions of a control, each with its text."""
        if isinstance(control, Menu):
            return {value: text for text, value in control.options.items()}
        if isinstance(control, Slider):
            return {value: str(value) for value in values or control.values}
        steps = (self.view.clip({**self.settings, control.name: n}) for n in values or range(12))
        return {step[control.name]: str(step[control.name]) for step in steps}

    def _frame(self, settings: Settings, text: str) -> Frame:
        self._measure(settings)
        _, png, alt, sentence, _ = self._render(settings)
        return Frame(text, reduce_colours(png), alt, sentence, self._facts(settings))


class IdleThread(threading.Thread):
    """A thread that runs an action after `_IDLE_SECONDS`, unless it is cancelled before."""

    def __init__(self, action: Callable[[Callable[[], bool]], None]) -> None:
        super().__init__(daemon=True, name="quantlab-explorer")
        self.cancel = threading.Event()
        self._action = action

    def run(self) -> None:
        """Wait, then act."""
        if not self.cancel.wait(_IDLE_SECONDS):
            self._action(self.cancel.is_set)


_WIDGETS: weakref.WeakSet[ExplorerWidget] = weakref.WeakSet()


@atexit.register
def _stop_all_threads() -> None:
    """Stop measuring, so that no thread is inside torch while the interpreter shuts down."""
    explorers = list(_WIDGETS)
    for explorer in explorers:
        explorer._cancel_measuring()
    for explorer in explorers:
        explorer.wait(5)
