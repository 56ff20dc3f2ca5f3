"""The explorers: in JupyterLab from a key press to the decoded picture, and in Python alone.

    python benchmarks/explorers.py

A browser adds the transport and the decoding of the picture, some 30 ms in all. In Python alone,
the target for a picture is half of the target in the browser; for accuracies, 300 ms less these 30.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import _in_browser
from _bench import Row, table

import quantlab_helpers as ql

NOTES = (
    "First picture: includes the quantization of all weights and biases. Accuracy: on 1,000 test "
    "images at a setting not tested before, counted from the move. In JupyterLab: from the time "
    "stamp of a key press in Chromium until the picture is decoded, or the numbers are written; "
    "the screen shows them with its next frame, at most 17 ms later. Keys come 200 ms apart unless "
    "noted: a key pressed at the moment when the last picture appears finds JupyterLab still busy "
    "with it. The static explorer asks no kernel, and its keys come without a pause.\n\n"
)


def time_moves(explorer: Any, settings: list[dict[str, int]]) -> tuple[list[float], list[float]]:
    """Return the seconds to the picture and to the numbers of each move."""
    pictures, numbers = [], []
    seen: list[float] = []
    explorer._picture_box.observe(lambda _: seen.append(time.perf_counter()), names="value")
    for setting in settings:
        [(name, value)] = setting.items()
        seen.clear()
        started = time.perf_counter()
        explorer.controls[name].value = value
        numbers.append(time.perf_counter() - started)
        pictures.append(seen[0] - started)
        explorer._cancel_measuring()
    return pictures, numbers


def row(what: str, times: list[float], most: float) -> Row:
    """Return the median in milliseconds, with its target."""
    time = 1000 * statistics.median(times)
    return Row(what, f"{time:.0f} ms", f"at most {most:.0f} ms", time <= most, time / most - 1)


def rows() -> list[Row]:
    """Measure."""
    from quantlab_helpers import explorers

    net = ql.load_baseline(device="cpu")
    with empty_cache():
        python_rows = _rows(explorers, net)
    with empty_cache():
        return _in_browser.rows() + python_rows


@contextmanager
def empty_cache() -> Iterator[None]:
    """Use an empty cache folder, so that every accuracy is measured."""
    user = os.environ.get("XDG_CACHE_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        ql.load_mnist("test", device="cpu")  # unpacked before the clock runs
        try:
            yield
        finally:
            os.environ.pop("XDG_CACHE_HOME")
            if user is not None:
                os.environ["XDG_CACHE_HOME"] = user


def _rows(explorers: Any, net: ql.Net) -> list[Row]:
    uniform = explorers.explore_uniform(net)
    ahead = [{"weight_bits": bits} for bits in (1, 2, 3, 5, 6, 7, 8)]
    pictures, numbers = time_moves(uniform, ahead)
    again, _ = time_moves(uniform, [*ahead[:-1], *ahead])
    uniform.controls["zero_point"].value = "int"
    more, tested = time_moves(uniform, ahead[:-1])
    pictures, numbers = pictures + more, numbers + tested
    kmeans = explorers.explore_kmeans(net)
    centres, tested = time_moves(kmeans, [{"k": k} for k in (2, 3, 4, 6, 12, 16, 24, 32)])
    time_moves(kmeans, [{"start": "linear"}])
    lloyd, _ = time_moves(kmeans, [{"step": step} for step in range(1, 12)])
    measured = [
        row("explore_uniform, first picture", pictures, 55),
        row("explore_uniform, accuracy on 1,000 images", numbers, 270),
        row("explore_uniform, picture seen before", again, 20),
        row("explore_kmeans, first picture", centres, 55),
        row("explore_kmeans, accuracy of two networks", tested, 600),
        row("explore_kmeans, one half-step of Lloyd's algorithm", lloyd, 55),
    ]
    for name, arguments in (("explore_outlier", ()), ("explore_retraining", ())):
        explorer = getattr(explorers, name)(*arguments)
        slider = explorer.view.controls[0]
        times, _ = time_moves(explorer, [{slider.name: value} for value in slider.values[1:]])
        measured.append(row(f"{name}, first picture", times, 55))
    storage = explorers.explore_storage(net)
    times, _ = time_moves(storage, [{"bits": bits} for bits in (1, 2, 4, 5, 6)])
    measured.append(row("explore_storage, three files written, read and drawn", times, 600))
    return measured


if __name__ == "__main__":
    print(table(rows()))
