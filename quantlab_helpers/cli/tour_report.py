"""The tour on a screen and on a page: two tables, and figures with words beside them."""

from __future__ import annotations

import html
import importlib.util
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from .. import plots
from .._support.files import write_atomically
from ..experiments.seeds import spread
from ..network import QuantizedModel
from ..quantizers.tensor import QuantizedTensor
from .tour import EDITIONS, PUBLISHED, K, Step, Tour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STEP_TITLES = {
    "baseline": "baseline, float32",
    "uniform": "uniform: 8-bit weights, 1-bit biases",
    "kmeans": f"k-means: k = {K}, weights and biases",
    "retrained": "retrained from there, float32",
    "requantized": f"k-means again, k = {K}",
    "stored": "the file, entropy-coded, read back",
}
_TENSOR_HEAD = ("tensor", "values", "unique", "uniform", "bytes", "k-means", "bytes")
_STEP_HEAD = ("step", "test accuracy", "bytes", "smaller", *EDITIONS)
_PLAYED_KS = (2, 4, 8, 16)
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
       color: #111; background: #fff; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #bbb; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; height: auto; }
figure { margin: 2rem 0; } figcaption { color: #333; }
"""


def step_rows(tour: Tour) -> list[tuple[str, ...]]:
    """Return one row of text per step: accuracy, bytes, ratio, the course lab's own figures."""
    baseline = tour.steps[0].bytes
    return [
        (
            _STEP_TITLES[step.name],
            _accuracy(step),
            f"{step.bytes:,}",
            f"{baseline / step.bytes:.1f}x",
            *("" if value is None else f"{value:.2%}" for value in PUBLISHED[step.name]),
        )
        for step in tour.steps
    ]


def tensor_rows(tour: Tour) -> list[tuple[str, ...]]:
    """Return one row of text per tensor: unique values before and after, payload + overhead."""
    rows = []
    for uniform, kmeans in zip(tour.uniform.report, tour.kmeans.report, strict=True):
        row = [uniform.name, f"{math.prod(uniform.shape):,}", f"{uniform.unique_before:,}"]
        for after in (uniform, kmeans):
            payload, overhead = f"{after.payload_bytes:,}", f"{after.overhead_bytes:,}"
            row += [f"{after.unique_after:,}", f"{payload} + {overhead}"]
        rows.append(tuple(row))
    return rows


def tensor_table(tour: Tour) -> Table:
    """Return the table of tensors for a terminal."""
    title = "Unique values before and after, and payload + overhead in bytes"
    return _table(title, _TENSOR_HEAD, tensor_rows(tour))


def step_table(tour: Tour) -> Table:
    """Return the table of steps for a terminal."""
    title = "Each step of the course lab, and what its two editions print (one run each)"
    return _table(title, _STEP_HEAD, step_rows(tour))


def write_report(tour: Tour, folder: str | Path) -> Path:
    """Write ``index.html`` and its pictures; returns the path of the page.

    Parameters
    ----------
    tour : Tour
        From `tour.run_tour`.
    folder : str or Path
        Made where missing. The page needs nothing outside it.

    Returns
    -------
    Path
        The page.

    Examples
    --------
    >>> write_report(run_tour(), "build/tour")  # doctest: +SKIP
    """
    folder = Path(folder)
    figures = [
        ("overview", _overview(tour), _overview_words(tour)),
        ("uniform", _histograms(tour, tour.uniform), _histogram_words(tour, "8-bit levels")),
        ("kmeans", _histograms(tour, tour.kmeans), _histogram_words(tour, f"{K} centres")),
        ("accuracy", _accuracies(tour), _accuracy_words(tour)),
    ]
    parts = []
    for name, figure, words in figures:
        write_atomically(folder / f"{name}.png", _png(figure))
        caption = html.escape(words)
        parts.append(
            f'<figure><img src="{name}.png" alt="{caption}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    page = "\n".join(
        [
            '<!doctype html><html lang="en"><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<title>The weight quantization lab</title>",
            f"<style>{_STYLE}</style>",
            "<h1>The weight quantization lab, from end to end</h1>",
            "<h2>Accuracy and bytes</h2>",
            _html_table(_STEP_HEAD, step_rows(tour)),
            "<p>Bytes count every number a network needs to run: codes, codebooks, what stayed "
            "float32, and BatchNorm's running statistics. The two columns on the right are what "
            "the course lab's editions print, from one run each.</p>",
            "<h2>Tensor by tensor</h2>",
            _html_table(_TENSOR_HEAD, tensor_rows(tour)),
            "<h2>Pictures</h2>",
            *parts,
            *_players(tour),
        ]
    )
    write_atomically(folder / "index.html", page.encode())
    return folder / "index.html"


def _accuracy(step: Step) -> str:
    if len(step.accuracies) == 1:
        return f"{step.accuracy:.2%}"
    return f"{step.accuracy:.2%} ± {100 * spread(step.accuracies).std:.2f}"


def _table(title: str, head: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left")
    for index, name in enumerate(head):
        table.add_column(name, justify="left" if index == 0 else "right", no_wrap=index != 0)
    for row in rows:
        table.add_row(*row)
    return table


def _players(tour: Tour) -> list[str]:
    """Return two explorers as finished pictures, where ipywidgets is there to make them."""
    if importlib.util.find_spec("ipywidgets") is None:
        return []
    from .. import explorers  # seldom needed, and ipywidgets takes its time

    players = (
        explorers.explore_uniform(tour.net).static(),
        explorers.explore_kmeans(tour.net).static(values=_PLAYED_KS),
    )
    return ["<h2>Move a slider</h2>", *(f"<figure>{player.html}</figure>" for player in players)]


def _html_table(head: Sequence[str], rows: Sequence[tuple[str, ...]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return "<table>" + line(head, "th") + "".join(line(row, "td") for row in rows) + "</table>"


def _histograms(tour: Tour, model: QuantizedModel) -> Figure:
    """Draw the weight histogram of every convolution and dense layer."""
    figure = _figure(11, 9)
    layers = [name for name in model.tensors if len(model.original[name].shape) > 1]
    for axes, name in zip(figure.subplots(3, 2).flat, [*layers, None], strict=True):
        if name is None:
            axes.set_axis_off()
        else:
            quantized = model.tensors[name]
            assert isinstance(quantized, QuantizedTensor)
            title = f"{name}, {quantized.codes.size:,} weights"
            plots.weight_histogram(model.original[name], quantized, title=title, ax=axes)
    return figure


def _accuracies(tour: Tour) -> Figure:
    figure = _figure(11, 4.2)
    _draw_accuracies(tour, *figure.subplots(1, 2))
    return figure


def _overview(tour: Tour) -> Figure:
    """Draw the four pictures that tell the lab's story at a glance."""
    figure = _figure(11, 8)
    (left, right), below = figure.subplots(2, 2)
    for axes, model, words in (
        (left, tour.uniform, "8-bit uniform levels"),
        (right, tour.kmeans, f"k = {K} centres"),
    ):
        quantized = model.tensors["fc1.weight"]
        assert isinstance(quantized, QuantizedTensor)
        title = f"fc1.weight and its {words}"
        plots.weight_histogram(model.original["fc1.weight"], quantized, title=title, ax=axes)
    _draw_accuracies(tour, *below)
    return figure


def _draw_accuracies(tour: Tour, left: Axes, right: Axes) -> None:
    float32 = tour.steps[0].accuracies[0]
    plots.accuracy_curve(tour.bits, xlabel="bits per weight and bias", baseline=float32, ax=left)
    plots.accuracy_curve(tour.ks, xlabel="centres per tensor (k)", baseline=float32, ax=right)
    left.set_title("uniform quantization")
    right.set_title("k-means quantization")


def _histogram_words(tour: Tour, what: str) -> str:
    near = (tour.net.fc1.weight.detach().abs() < 1e-3).float().mean().item()
    return (
        f"Histograms of the weights of the five layers on a logarithmic axis, with their {what} "
        f"marked above the bars. The L1 penalty left {near:.1%} of fc1's weights within 0.001 "
        "of zero."
    )


def _accuracy_words(tour: Tour) -> str:
    few, many = tour.bits[0], tour.bits[-1]
    return (
        f"Test accuracy of uniform quantization is {few.accuracy:.1%} at {few.value} bit and "
        f"{many.accuracy:.1%} at {many.value} bits; of k-means {tour.ks[0].accuracy:.1%} at "
        f"k = {tour.ks[0].value} and {tour.ks[-1].accuracy:.1%} at k = {tour.ks[-1].value}. "
        "The dashed line is the float32 network."
    )


def _overview_words(tour: Tour) -> str:
    return (
        f"At a glance: the histogram of fc1's weights with 8-bit levels and with {K} centres, "
        "and test accuracy against bits and against k."
    )


def _figure(width: float, height: float) -> Figure:
    """Return a figure of its own: the pyplot state of a user's session is not touched."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", dpi=100)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
