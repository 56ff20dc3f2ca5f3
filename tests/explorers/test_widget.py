import io
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import ipywidgets
import numpy as np
import pytest
from PIL import Image

from quantlab_helpers.explorers import widget
from quantlab_helpers.explorers.accuracy import Measurement
from quantlab_helpers.explorers.view import (
    EvaluationRequest,
    ExplorerView,
    Menu,
    Slider,
    Stepper,
    reduce_colours,
)
from quantlab_helpers.explorers.widget import ExplorerWidget


class LineView(ExplorerView):
    """A horizontal line; a slider sets its height."""

    size = (3.0, 2.0)

    def __init__(self):
        self.controls = (
            Slider("height", "height of the line", range(0, 11), 5, "step"),
            Menu("style", "style", {"full": "-", "dashed": "--"}, "-"),
            Stepper("count", "Count"),
        )
        self.backgrounds, self.updated, self.broken = [], [], None

    def clip(self, settings):
        return {**settings, "count": min(settings["count"], 3)}

    def create_artists(self, figure):
        self.ax = figure.subplots()
        (self.line,) = self.ax.plot([0, 1], [0, 0], color="#0072B2", lw=4)
        return [self.line]

    def background_key(self, settings):
        return settings["style"]

    def draw_background(self, settings):
        self.backgrounds.append(settings["style"])
        self.ax.set_ylim(-1, 11)

    def update_artists(self, settings):
        if settings["height"] == self.broken:
            raise ZeroDivisionError("no <such> height")
        self.updated.append(settings["height"])
        self.line.set_ydata([settings["height"]] * 2)
        self.line.set_linestyle(settings["style"])

    def describe(self, settings):
        return f"A line at {settings['height']}", f"The line is at {settings['height']}."

    def facts(self, settings):
        return {"height": str(settings["height"]), "count": str(settings["count"])}


class FakeCache:
    """An `AccuracyCache` that records the measurements started; `go` lets long ones end."""

    def __init__(self):
        self.measurements, self.started = {}, []
        self.go = threading.Event()
        self.go.set()

    def get(self, key, *, all_images=False):
        return self.measurements.get((key, all_images))

    def best_measurement(self, key):
        return self.get(key, all_images=True) or self.get(key)

    def measure(self, key, make_model, *, all_images=False, is_cancelled=lambda: False):
        self.started.append((key, all_images))
        while all_images and not self.go.wait(0.01):
            if is_cancelled():
                return None
        make_model()
        count = 10_000 if all_images else 1_000
        self.measurements[key, all_images] = Measurement(0.5, count, 100, 50, 400)
        return self.measurements[key, all_images]


class MeasuredView(LineView):
    """A line with an accuracy for every height."""

    def __init__(self):
        super().__init__()
        self.accuracy_cache = FakeCache()

    def evaluation_requests(self, settings):
        return [EvaluationRequest("", (settings["height"],), lambda: None)]


@pytest.fixture
def line():
    explorer = ExplorerWidget(LineView())
    yield explorer
    explorer.close()


@pytest.fixture
def measured(monkeypatch):
    monkeypatch.setattr(widget, "_IDLE_SECONDS", 0.01)
    explorer = ExplorerWidget(MeasuredView())
    yield explorer
    explorer.view.accuracy_cache.go.set()
    explorer.close()
    explorer.wait()


def blue_rows(png):
    """The rows of a picture in which the line is."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    return np.flatnonzero((np.abs(pixels - [0, 114, 178]).sum(2) < 40).sum(1) > 50)


def button(explorer, text):
    """The button of that text."""
    matches, todo = [], [explorer]
    while todo:
        widget = todo.pop()
        todo += getattr(widget, "children", ())
        if isinstance(widget, ipywidgets.Button) and widget.description == text:
            matches.append(widget)
    [match] = matches
    return match


def test_widget_move_changes_picture_sentence_facts(line):
    rows = blue_rows(line.picture).mean()
    line.controls["height"].value = 9
    assert blue_rows(line.picture).mean() < rows
    picture, table = line._picture_box.value, line._facts_box.value
    assert (
        'alt="A line at 9"' in picture
        and ">The line is at 9.</p>" in picture
        and 'role="status"' in picture
    )
    assert ">9</td>" in table
    assert (line.alt, line.sentence) == ("A line at 9", "The line is at 9.")


def test_widget_one_picture_per_position(line):
    pictures = set()
    for height in range(11):
        line.controls["height"].value = height
        pictures.add(line.picture)
    assert len(pictures) == 11


def test_widget_draws_background_and_picture_once(line):
    for height in (1, 2, 1, 2, 1):
        line.controls["height"].value = height
    # Once more than there are pictures: the layout needs the artists at their positions.
    assert line.view.backgrounds == ["-"] and line.view.updated == [5, 5, 1, 2]
    line.controls["style"].value = "--"
    assert line.view.backgrounds == ["-", "--"]


def test_widget_picture_independent_of_history(line):
    line.controls["height"].value = 8
    picture = line.picture
    line._rendered.clear()
    line.controls["style"].value = "--"
    line.controls["style"].value = "-"
    assert line.picture == picture


def test_slider_buttons_stop_at_the_ends(line):
    fewer, more = button(line, "− step"), button(line, "+ step")
    fewer.click()
    assert line.settings["height"] == 4
    for _ in range(9):
        more.click()
    assert line.settings["height"] == 10


def test_stepper_clips_and_resets(line):
    step, end, again = (button(line, t) for t in ("Count: one step", "To the end", "Start again"))
    step.click()
    step.click()
    assert line.settings["count"] == 2 and ">2</td>" in line._facts_box.value
    end.click()
    assert line.settings["count"] == 3
    step.click()
    assert line.settings["count"] == 3
    again.click()
    assert line.settings["count"] == 0
    end.click()
    line.controls["height"].value = 1
    assert line.settings["count"] == 0


def test_widget_shows_error_until_next_move(line):
    line.view.broken = 7
    before = line._picture_box.value
    line.controls["height"].value = 7
    assert (
        'role="alert"' in line.error and "ZeroDivisionError: no &lt;such&gt; height" in line.error
    )
    assert "in update" in line.error and line._picture_box.value == before
    line.controls["height"].value = 6
    assert line.error == "" and "at 6" in line._picture_box.value


def test_widget_raises_error_of_first_picture():
    view = LineView()
    view.broken = 5
    with pytest.raises(ZeroDivisionError):
        ExplorerWidget(view)


def test_widget_renders_on_two_threads(line):
    expected = {height: ExplorerWidget(LineView())._render({**line.settings, "height": height}).png
                for height in range(11)}  # fmt: skip
    pictures = []

    def render(order):
        for height in order:
            pictures.append((height, line._render({**line.settings, "height": height}).png))

    threads = [threading.Thread(target=render, args=(order,))
               for order in (range(11), range(10, -1, -1))]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pictures) == 22 and all(png == expected[height] for height, png in pictures)


def test_widget_keeps_max_pictures(line, monkeypatch):
    monkeypatch.setattr(widget, "_MAX_PICTURES", 3)
    for height in range(11):
        line.controls["height"].value = height
    assert len(line._rendered) == 3


# Accuracy


def test_widget_measures_sample_then_all_images(measured):
    cache = measured.view.accuracy_cache
    assert cache.started == [((5,), False)], "nothing runs before a move"
    measured.controls["height"].value = 6
    assert cache.started[1] == ((6,), False) and cache.get((6,))
    measured.wait()
    assert cache.started[2:] == [((6,), True)]
    assert "50.00% of all 10,000" in measured._facts_box.value
    measured.controls["height"].value = 6
    measured.controls["height"].value = 5
    assert "50.0% of 1,000 test images (every tenth)" in measured._facts_box.value


def test_widget_move_cancels_measurement(measured):
    cache = measured.view.accuracy_cache
    cache.go.clear()
    measured.controls["height"].value = 6
    first = measured._idle_thread
    while ((6,), True) not in cache.started:
        time.sleep(0.005)
    measured.controls["height"].value = 7
    first.join(10)
    assert not first.is_alive() and cache.get((6,), all_images=True) is None
    cache.go.set()
    measured.wait()
    assert cache.get((7,), all_images=True)


def test_test_all_button_starts_no_thread(measured, monkeypatch):
    monkeypatch.setattr(
        widget.IdleThread, "start", lambda self: pytest.fail("a thread was started")
    )
    button(measured, "Test on all 10,000 images").click()
    assert measured.facts["test accuracy"] == "50.00% of all 10,000 test images"
    assert measured.facts["bytes of the network"] == "100, 4.0 times smaller; entropy-coded file 50"
    assert measured.error == ""


def test_no_test_all_button_without_accuracy(line):
    with pytest.raises(ValueError):
        button(line, "Test on all 10,000 images")


def test_widget_shows_error_of_idle_thread(measured):
    def fail():
        raise MemoryError("no room")

    cache = measured.view.accuracy_cache
    measured.view.evaluation_requests = lambda settings: [EvaluationRequest("", ("x",), fail)]
    cache.measurements[("x",), False] = Measurement(0.1, 1_000, 1, 1, 4)
    measure = cache.measure
    cache.measure = lambda key, make_model, all_images=False, is_cancelled=None: (
        measure(key, make_model, all_images=True) if all_images else cache.measurements[key, False]
    )
    measured.controls["height"].value = 1
    measured.wait()
    assert "MemoryError: no room" in measured.error


def test_widget_close_cancels_measurement(measured):
    measured.view.accuracy_cache.go.clear()
    measured.controls["height"].value = 6
    measured.close()
    measured._idle_thread.join(10)
    assert not measured._idle_thread.is_alive()


# Without a kernel


def test_widget_static_frame_per_position(line):
    line.controls["height"].value = 8
    player = line.static().html
    assert 'max="10"' in player and 'value="8"' in player and ">8</output>" in player
    assert player.count("A line at ") == 12  # eleven in the script, one outside
    assert "height of the line" in player and line.settings["height"] == 8


def test_widget_static_over_and_values(line):
    assert 'max="1"' in line.static("style").html and ">full</output>" in line.static("style").html
    assert 'max="3"' in line.static("count").html
    assert 'max="1"' in line.static("height", values=[2, 4]).html
    with pytest.raises(ValueError, match=r"`over` must be one of 'height', 'style', 'count'"):
        line.static("depth")


def test_widget_static_shows_accuracies(measured):
    assert "50.0% of 1,000 test images" in measured.static(values=[1, 2]).html


def test_reduce_colours_keeps_the_picture(line):
    small = reduce_colours(line.picture)
    assert len(small) < len(line.picture)
    assert np.array_equal(blue_rows(small), blue_rows(line.picture))


def test_widget_static_by_environment_variable(line, monkeypatch):
    view = line._repr_mimebundle_()["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == line.model_id
    monkeypatch.setenv(widget.STATIC, "1")
    bundle = line._repr_mimebundle_()
    assert "ql-player" in bundle["text/html"] and len(bundle) == 2


# What the front ends ask for


def test_widget_uses_ipywidgets_7_and_8_only(line):
    allowed = {
        "VBox",
        "HBox",
        "HTML",
        "Button",
        "Dropdown",
        "SelectionSlider",
        "IntText",
        "ExplorerWidget",
    }
    todo, kinds = [line], set()
    while todo:
        widget = todo.pop()
        todo += getattr(widget, "children", ())
        kinds.add(type(widget).__name__)
        assert not getattr(widget, "tooltip", None) and getattr(widget, "tabbable", None) is None
    assert kinds <= allowed


@pytest.mark.process
def test_explorers_do_not_import_pyplot():
    code = (
        "import sys; from quantlab_helpers import explorers as e; e.explore_outlier();"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.process
def test_interpreter_exit_stops_measurement():
    code = (
        "import torch; torch.set_num_threads(1); from quantlab_helpers import load_baseline;"
        "from quantlab_helpers.explorers import widget;"
        "from quantlab_helpers.explorers import explore_uniform; widget._IDLE_SECONDS = 0;"
        "u = explore_uniform(load_baseline('cpu')); u.controls['weight_bits'].value = 7;"
        "print(u.error, end='')"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=120, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


def test_widget_ignores_its_own_changes(line):
    line._ignore_changes = True
    before = line._picture_box.value
    line._on_change({"owner": SimpleNamespace()})
    assert line._picture_box.value == before
