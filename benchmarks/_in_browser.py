"""Time explorers in JupyterLab in Chromium: from a key press to the decoded new picture."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from _bench import Row

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.browser.browsing import CHROMIUM, chromium, page_of, run_all, served, write_notebook

PACE = 200  # milliseconds between two keys, as a person presses them
CELLS = (
    "import time\n"
    "import quantlab_helpers as ql\n"
    "from quantlab_helpers import explorers\n"
    "from quantlab_helpers.explorers.widget import ExplorerWidget\n"
    "from quantlab_helpers.explorers.view import ExplorerView, Slider\n"
    "net = ql.load_baseline(device='cpu')",
    "explorers.explore_uniform(net)",
    "explorers.explore_kmeans(net)",
    "explorers.explore_outlier().static()",
    """\
class Slow(ExplorerView):
    size, calls = (4, 2), 0
    controls = (Slider("height", "height", range(101), 0, "step"),)
    def create_artists(self, figure):
        self.ax = figure.subplots()
        return self.ax.plot([0, 1], [0, 0])
    def background_key(self, settings):
        return None
    def draw_background(self, settings):
        self.ax.set_ylim(-5, 105)
    def update_artists(self, settings):
        time.sleep(0.3)
        self.calls += 1
        self.ax.lines[0].set_ydata([settings["height"]] * 2)
    def describe(self, settings):
        return "A line", f"height {settings['height']} after {self.calls} calls"
ExplorerWidget(Slow())""",
)
# From the time stamp of the key until the browser can paint the picture and the numbers.
_WATCH = """(box) => box.addEventListener("keydown", (event) => {
  const old = {src: box.querySelector("img").src, facts: box.querySelector("table")?.textContent};
  const took = {};
  window.took = new Promise((done) => {
    const observer = new MutationObserver(async () => {
      const picture = box.querySelector("img"), facts = box.querySelector("table")?.textContent;
      if (picture && picture.src !== old.src && !took.started) {
        took.started = true;
        await picture.decode();
        took.picture = performance.now() - event.timeStamp;
      }
      if (facts !== undefined && facts !== old.facts && !facts.includes("\\u2026")) {
        took.numbers ??= performance.now() - event.timeStamp;
      }
      if (took.picture && took.numbers) { observer.disconnect(); done(took); }
    });
    observer.observe(box, {subtree: true, childList: true, attributes: true, characterData: true});
  });
}, true)"""


def rows() -> list[Row]:
    """Return the measured rows; none, with a message, if there is no Chromium."""
    if CHROMIUM is None:
        print("no Chromium here: the rows of the browser are left out", file=sys.stderr)
        return []
    os.environ.pop("OMP_NUM_THREADS", None)  # the kernel uses all cores, as for a learner
    with tempfile.TemporaryDirectory() as folder:
        path = write_notebook(Path(folder) / "explorers.ipynb", *CELLS)
        with (
            served("lab", path) as address,
            chromium() as browser,
            page_of(browser, viewport={"width": 1280, "height": 1200}) as (page, _),
        ):
            run_all(page, address, path.name)
            page.locator(".jp-OutputArea-output img").nth(3).wait_for()
            return [*_keys(page), _drag(page)]


def _keys(page: Any) -> list[Row]:
    boxes = page.locator(".jp-OutputArea-output")
    uniform, kmeans, static = (_watched(boxes.nth(place)) for place in (0, 1, 2))
    keys = ["ArrowRight"] * 4 + ["ArrowLeft"] * 7
    first = _moves(page, uniform, keys)
    first = first[:4] + first[8:]  # the others showed pictures seen before
    again = _moves(page, uniform, ["ArrowRight"] * 7 + ["ArrowLeft"] * 7)
    no_pause = _moves(page, uniform, ["ArrowRight"] * 7 + ["ArrowLeft"] * 7, pace=0)
    no_pause_time = statistics.median(move["picture"] for move in no_pause)
    uniform.get_by_role("combobox").nth(1).select_option(index=1)  # the other grid
    page.wait_for_timeout(2000)
    first += _moves(page, uniform, ["ArrowRight"] * 7)
    centres = _moves(page, kmeans, ["ArrowRight"] * 16)
    frames = _moves(page, static, ["ArrowRight"] * 15 + ["ArrowLeft"] * 15, pace=0)
    return [
        _row("in JupyterLab: explore_uniform, first picture", first, "picture", 110),
        _row("in JupyterLab: its accuracy on 1,000 images", first, "numbers", 300),
        _row("in JupyterLab: explore_uniform, picture seen before", again, "picture", 40),
        Row("in JupyterLab: the same, keys without a pause", f"{no_pause_time:.0f} ms", "-", True),
        _row("in JupyterLab: explore_kmeans, first picture", centres, "picture", 110),
        _row("in JupyterLab: its accuracies of two networks", centres, "numbers", 600),
        _row("in JupyterLab: static explorer", frames, "picture", 10),
    ]


def _watched(box: Any) -> Any:
    box.evaluate(_WATCH)
    return box


def _moves(page: Any, box: Any, keys: list[str], pace: int = PACE) -> list[dict[str, float]]:
    """Press keys, each `pace` ms after the results of the one before; return the times."""
    box.get_by_role("slider").first.focus()
    times = []
    for key in keys:
        page.wait_for_timeout(pace)
        page.keyboard.press(key)
        times.append(page.evaluate("window.took"))
    return times


def _row(what: str, moves: list[dict[str, float]], part: str, most: float) -> Row:
    time = statistics.median(move[part] for move in moves)
    measured = f"{time:.0f} ms" if time >= 10 else f"{time:.1f} ms"
    return Row(what, measured, f"at most {most:.0f} ms", time <= most, time / most - 1)


def _drag(page: Any) -> Row:
    """Drag a slider with the mouse over 100 steps whose callback takes 300 ms each."""
    box = page.locator(".jp-OutputArea-output").nth(3)
    handle = box.get_by_role("slider").first
    handle.scroll_into_view_if_needed()
    grip, rail = handle.bounding_box(), box.locator(".noUi-target").first.bounding_box()
    y, start = grip["y"] + grip["height"] / 2, grip["x"] + grip["width"] / 2
    page.mouse.move(start, y)
    page.mouse.down()
    for step in range(1, 101):
        page.mouse.move(start + rail["width"] * step / 100, y)
        page.wait_for_timeout(30)
    page.mouse.move(start + rail["width"] + 20, y)
    page.mouse.up()
    status = box.locator("[role=status]")
    status.filter(has_text="height 100").wait_for(timeout=10_000)
    page.wait_for_timeout(1000)
    text = status.inner_text()
    return Row(
        "in JupyterLab: a slider with a callback of 300 ms, dragged over 100 steps",
        text,
        "the last is exact",
        text.startswith("height 100 "),
    )


if __name__ == "__main__":
    from _bench import table

    print(table(rows()))
