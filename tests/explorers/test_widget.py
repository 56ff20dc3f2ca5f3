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

from quantlab_helpers.explorers import widget as _live
from quantlab_helpers.explorers.accuracy import Score
from quantlab_helpers.explorers.view import Menu, Scene, Slider, Stepper, Trial, compact
from quantlab_helpers.explorers.widget import Live


class Line(Scene):
    """A horizontal line that a slider lifts."""

    size = (3.0, 2.0)

    def __init__(self):
        self.controls = (
            Slider("height", "height of the line", range(0, 11), 5, "step"),
            Menu("style", "style", {"full": "-", "dashed": "--"}, "-"),
            Stepper("count", "Count"),
        )
        self.laid, self.updated, self.broken = [], [], None

    def clip(self, settings):
        return {**settings, "count": min(settings["count"], 3)}

    def build(self, figure):
        self.ax = figure.subplots()
        (self.line,) = self.ax.plot([0, 1], [0, 0], color="#0072B2", lw=4)
        return [self.line]

    def ground(self, settings):
        return settings["style"]

    def lay(self, settings):
        self.laid.append(settings["style"])
        self.ax.set_ylim(-1, 11)

    def update(self, settings):
        if settings["height"] == self.broken:
            raise ZeroDivisionError("no <such> height")
        self.updated.append(settings["height"])
        self.line.set_ydata([settings["height"]] * 2)
        self.line.set_linestyle(settings["style"])

    def describe(self, settings):
        return f"A line at {settings['height']}", f"The line is at {settings['height']}."

    def facts(self, settings):
        return {"height": str(settings["height"]), "count": str(settings["count"])}


class Counting:
    """Stands where `Scores` stands: what was measured, and when."""

    def __init__(self):
        self.known, self.started = {}, []
        self.go = threading.Event()
        self.go.set()

    def recall(self, key, *, every=False):
        return self.known.get((key, every))

    def best_known(self, key):
        return self.recall(key, every=True) or self.recall(key)

    def measure(self, key, make, *, every=False, unwanted=lambda: False):
        self.started.append((key, every))
        while every and not self.go.wait(0.01):
            if unwanted():
                return None
        make()
        count = 10_000 if every else 1_000
        self.known[key, every] = Score(0.5, count, 100, 50, 400)
        return self.known[key, every]


class Measured(Line):
    """A line whose height is tested."""

    def __init__(self):
        super().__init__()
        self.scores = Counting()

    def trials(self, settings):
        return [Trial("", (settings["height"],), lambda: None)]


@pytest.fixture
def line():
    live = Live(Line())
    yield live
    live.close()


@pytest.fixture
def tested(monkeypatch):
    monkeypatch.setattr(_live, "_REST", 0.01)
    live = Live(Measured())
    yield live
    live.scene.scores.go.set()
    live.close()
    live.wait()


def blue_rows(png):
    """The rows of a picture in which the line is."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    return np.flatnonzero((np.abs(pixels - [0, 114, 178]).sum(2) < 40).sum(1) > 50)


def button(live, text):
    """The button of that text."""
    found, todo = [], [live]
    while todo:
        widget = todo.pop()
        todo += getattr(widget, "children", ())
        if isinstance(widget, ipywidgets.Button) and widget.description == text:
            found.append(widget)
    [only] = found
    return only


def test_a_move_changes_the_picture_the_words_and_the_numbers(line):
    rows = blue_rows(line.picture).mean()
    line.controls["height"].value = 9
    assert blue_rows(line.picture).mean() < rows
    view, table = line._view.value, line._table.value
    assert (
        'alt="A line at 9"' in view and ">The line is at 9.</p>" in view and 'role="status"' in view
    )
    assert ">9</td>" in table
    assert (line.alt, line.sentence) == ("A line at 9", "The line is at 9.")


def test_every_position_has_a_picture_of_its_own(line):
    pictures = set()
    for height in range(11):
        line.controls["height"].value = height
        pictures.add(line.picture)
    assert len(pictures) == 11


def test_what_stays_is_drawn_once_and_a_picture_seen_before_not_again(line):
    for height in (1, 2, 1, 2, 1):
        line.controls["height"].value = height
    # Once more than there are pictures: the layout needs the artists in their places.
    assert line.scene.laid == ["-"] and line.scene.updated == [5, 5, 1, 2]
    line.controls["style"].value = "--"
    assert line.scene.laid == ["-", "--"]


def test_a_picture_is_the_same_however_one_came_to_it(line):
    line.controls["height"].value = 8
    there = line.picture
    line._shots.clear()
    line.controls["style"].value = "--"
    line.controls["style"].value = "-"
    assert line.picture == there


def test_the_buttons_go_one_step_and_stop_at_the_ends(line):
    fewer, more = button(line, "− step"), button(line, "+ step")
    fewer.click()
    assert line.settings["height"] == 4
    for _ in range(9):
        more.click()
    assert line.settings["height"] == 10


def test_a_stepper_counts_to_the_last_step_and_starts_again_with_another_setting(line):
    step, end, again = (button(line, t) for t in ("Count: one step", "To the end", "Start again"))
    step.click()
    step.click()
    assert line.settings["count"] == 2 and ">2</td>" in line._table.value
    end.click()
    assert line.settings["count"] == 3
    step.click()
    assert line.settings["count"] == 3
    again.click()
    assert line.settings["count"] == 0
    end.click()
    line.controls["height"].value = 1
    assert line.settings["count"] == 0


def test_an_error_shows_in_the_widget_and_goes_with_the_next_move(line):
    line.scene.broken = 7
    before = line._view.value
    line.controls["height"].value = 7
    assert (
        'role="alert"' in line.error and "ZeroDivisionError: no &lt;such&gt; height" in line.error
    )
    assert "in update" in line.error and line._view.value == before
    line.controls["height"].value = 6
    assert line.error == "" and "at 6" in line._view.value


def test_an_error_at_the_start_is_raised_in_the_cell():
    scene = Line()
    scene.broken = 5
    with pytest.raises(ZeroDivisionError):
        Live(scene)


def test_two_threads_that_draw_do_not_spoil_each_other(line):
    expected = {height: Live(Line())._shot({**line.settings, "height": height}).png
                for height in range(11)}  # fmt: skip
    found = []

    def look(order):
        for height in order:
            found.append((height, line._shot({**line.settings, "height": height}).png))

    threads = [threading.Thread(target=look, args=(order,))
               for order in (range(11), range(10, -1, -1))]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 22 and all(png == expected[height] for height, png in found)


def test_only_so_many_pictures_are_kept(line, monkeypatch):
    monkeypatch.setattr(_live, "_KEPT", 3)
    for height in range(11):
        line.controls["height"].value = height
    assert len(line._shots) == 3


# Accuracy


def test_some_images_at_once_and_all_when_the_slider_rests(tested):
    scores = tested.scene.scores
    assert scores.started == [((5,), False)], "nothing runs before somebody moves"
    tested.controls["height"].value = 6
    assert scores.started[1] == ((6,), False) and scores.recall((6,))
    tested.wait()
    assert scores.started[2:] == [((6,), True)]
    assert "50.00% of all 10,000" in tested._table.value
    tested.controls["height"].value = 6
    tested.controls["height"].value = 5
    assert "50.0% of 1,000 test images (every tenth)" in tested._table.value


def test_a_move_ends_the_test_of_the_last_setting(tested):
    scores = tested.scene.scores
    scores.go.clear()
    tested.controls["height"].value = 6
    first = tested._rest
    while ((6,), True) not in scores.started:
        time.sleep(0.005)
    tested.controls["height"].value = 7
    first.join(10)
    assert not first.is_alive() and scores.recall((6,), every=True) is None
    scores.go.set()
    tested.wait()
    assert scores.recall((7,), every=True)


def test_the_button_tests_all_images_without_a_thread(tested, monkeypatch):
    monkeypatch.setattr(_live._Rest, "start", lambda self: pytest.fail("a thread was started"))
    button(tested, "Test on all 10,000 images").click()
    assert tested.facts["test accuracy"] == "50.00% of all 10,000 test images"
    assert tested.facts["bytes of the network"] == "100, 4.0 times smaller; entropy-coded file 50"
    assert tested.error == ""


def test_no_button_where_there_is_nothing_to_test(line):
    with pytest.raises(ValueError):
        button(line, "Test on all 10,000 images")


def test_an_error_on_the_thread_shows_in_the_widget(tested):
    def fail():
        raise MemoryError("no room")

    scores = tested.scene.scores
    tested.scene.trials = lambda settings: [Trial("", ("x",), fail)]
    scores.known[("x",), False] = Score(0.1, 1_000, 1, 1, 4)
    measure = scores.measure
    scores.measure = lambda key, make, every=False, unwanted=None: (
        measure(key, make, every=True) if every else scores.known[key, False]
    )
    tested.controls["height"].value = 1
    tested.wait()
    assert "MemoryError: no room" in tested.error


def test_closing_ends_the_test(tested):
    tested.scene.scores.go.clear()
    tested.controls["height"].value = 6
    tested.close()
    tested._rest.join(10)
    assert not tested._rest.is_alive()


# Without a kernel


def test_the_static_player_has_a_frame_for_every_position(line):
    line.controls["height"].value = 8
    player = line.static().html
    assert 'max="10"' in player and 'value="8"' in player and ">8</output>" in player
    assert player.count("A line at ") == 12  # eleven in the script, one outside
    assert "height of the line" in player and line.settings["height"] == 8


def test_the_player_may_stand_for_another_control_or_for_a_few_values(line):
    assert 'max="1"' in line.static("style").html and ">full</output>" in line.static("style").html
    assert 'max="3"' in line.static("count").html
    assert 'max="1"' in line.static("height", values=[2, 4]).html
    with pytest.raises(ValueError, match=r"`over` must be one of 'height', 'style', 'count'"):
        line.static("depth")


def test_the_player_shows_accuracies(tested):
    assert "50.0% of 1,000 test images" in tested.static(values=[1, 2]).html


def test_a_compact_picture_shows_the_same(line):
    small = compact(line.picture)
    assert len(small) < len(line.picture)
    assert np.array_equal(blue_rows(small), blue_rows(line.picture))


def test_the_environment_can_ask_for_the_player(line, monkeypatch):
    view = line._repr_mimebundle_()["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == line.model_id
    monkeypatch.setenv(_live.STATIC, "1")
    bundle = line._repr_mimebundle_()
    assert "ql-player" in bundle["text/html"] and len(bundle) == 2


# What the front ends ask for


def test_only_what_both_versions_of_ipywidgets_have_is_used(line):
    allowed = {"VBox", "HBox", "HTML", "Button", "Dropdown", "SelectionSlider", "IntText", "Live"}
    todo, kinds = [line], set()
    while todo:
        widget = todo.pop()
        todo += getattr(widget, "children", ())
        kinds.add(type(widget).__name__)
        assert not getattr(widget, "tooltip", None) and getattr(widget, "tabbable", None) is None
    assert kinds <= allowed


def test_an_explorer_never_imports_pyplot():
    code = (
        "import sys; from quantlab_helpers import explorers as e; e.explore_outlier();"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_python_ends_at_once_though_a_test_is_running():
    code = (
        "import torch; torch.set_num_threads(1); from quantlab_helpers import load_baseline;"
        "from quantlab_helpers.explorers import widget;"
        "from quantlab_helpers.explorers import explore_uniform; widget._REST = 0;"
        "u = explore_uniform(load_baseline('cpu')); u.controls['weight_bits'].value = 7;"
        "print(u.error, end='')"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=120, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


def test_a_change_of_something_else_is_no_move(line):
    line._quiet = True
    before = line._view.value
    line._changed({"owner": SimpleNamespace()})
    assert line._view.value == before
