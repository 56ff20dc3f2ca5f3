"""The report of the tour: two tables for the terminal, and an HTML page with figures."""

from __future__ import annotations

import importlib.util
import io
import math
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from rich.table import Table

from .. import plots
from .._support.files import write_atomically
from ..experiments.seeds import spread
from ..network import QuantizedModel
from ..quantizers.tensor import QuantizedTensor
from .tour import EDITIONS, PUBLISHED, K, Tour, TourStep

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..explorers.static import StaticExplorer

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
_STATIC_KS = (2, 4, 8, 16)
_OVERVIEW_CAPTION = (
    f"At a glance: the histogram of fc1's weights with 8-bit levels and with {K} centres, "
    "and test accuracy against bits and against k."
)


def step_rows(tour: Tour) -> list[tuple[str, ...]]:
    """Return a row of text per step: accuracy, bytes, ratio, and the published accuracies."""
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
    """Return a row of text per tensor: unique values before and after, payload + overhead."""
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
    """Write ``index.html`` and its pictures into a folder; return the path of the page.

    Parameters
    ----------
    tour : Tour
        From `tour.run_tour`.
    folder : str or Path
        Created if missing. The page needs no other files.

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
        ("overview", _OVERVIEW_CAPTION, _draw_overview(tour)),
        ("uniform", _histogram_caption(tour, "8-bit levels"), _draw_histograms(tour.uniform)),
        ("kmeans", _histogram_caption(tour, f"{K} centres"), _draw_histograms(tour.kmeans)),
        ("accuracy", _accuracy_caption(tour), _draw_accuracies(tour)),
    ]
    for name, _, figure in figures:
        write_atomically(folder / f"{name}.png", _png(figure))
    page = _template().render(
        step_head=_STEP_HEAD,
        step_rows=step_rows(tour),
        tensor_head=_TENSOR_HEAD,
        tensor_rows=tensor_rows(tour),
        figures=[(name, caption) for name, caption, _ in figures],
        explorers=_static_explorers(tour),
    )
    write_atomically(folder / "index.html", page.encode())
    return folder / "index.html"


def _template() -> jinja2.Template:
    folder = Path(str(files("quantlab_helpers"))) / "assets" / "tour"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("tour.html.j2")


def _accuracy(step: TourStep) -> str:
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


def _static_explorers(tour: Tour) -> list[StaticExplorer]:
    """Return two explorers as finished pictures; none if ipywidgets is not installed."""
    if importlib.util.find_spec("ipywidgets") is None:
        return []
    from .. import explorers  # importing ipywidgets takes time

    uniform, kmeans = explorers.explore_uniform(tour.net), explorers.explore_kmeans(tour.net)
    pages = [uniform.static(), kmeans.static(values=_STATIC_KS)]
    uniform.close()
    kmeans.close()
    return pages


def _draw_histograms(model: QuantizedModel) -> Figure:
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


def _draw_accuracies(tour: Tour) -> Figure:
    """Draw accuracy against bits and against k."""
    figure = _figure(11, 4.2)
    _draw_accuracy_curves(tour, *figure.subplots(1, 2))
    return figure


def _draw_overview(tour: Tour) -> Figure:
    """Draw fc1's weights with levels and with centres, and both accuracy curves."""
    figure = _figure(11, 8)
    (left, right), below = figure.subplots(2, 2)
    for axes, model, text in (
        (left, tour.uniform, "8-bit uniform levels"),
        (right, tour.kmeans, f"k = {K} centres"),
    ):
        quantized = model.tensors["fc1.weight"]
        assert isinstance(quantized, QuantizedTensor)
        title = f"fc1.weight and its {text}"
        plots.weight_histogram(model.original["fc1.weight"], quantized, title=title, ax=axes)
    _draw_accuracy_curves(tour, *below)
    return figure


def _draw_accuracy_curves(tour: Tour, left: Axes, right: Axes) -> None:
    float32 = tour.steps[0].accuracies[0]
    plots.accuracy_curve(tour.bits, xlabel="bits per weight and bias", baseline=float32, ax=left)
    plots.accuracy_curve(tour.ks, xlabel="centres per tensor (k)", baseline=float32, ax=right)
    left.set_title("uniform quantization")
    right.set_title("k-means quantization")


def _histogram_caption(tour: Tour, levels: str) -> str:
    near = (tour.net.fc1.weight.detach().abs() < 1e-3).float().mean().item()
    return (
        f"Histograms of the weights of the five layers on a logarithmic axis, with their {levels} "
        f"marked above the bars. The L1 penalty left {near:.1%} of fc1's weights within 0.001 "
        "of zero."
    )


def _accuracy_caption(tour: Tour) -> str:
    few, many = tour.bits[0], tour.bits[-1]
    return (
        f"Test accuracy of uniform quantization is {few.accuracy:.1%} at {few.value} bit and "
        f"{many.accuracy:.1%} at {many.value} bits; of k-means {tour.ks[0].accuracy:.1%} at "
        f"k = {tour.ks[0].value} and {tour.ks[-1].accuracy:.1%} at k = {tour.ks[-1].value}. "
        "The dashed line is the float32 network."
    )


def _figure(width: float, height: float) -> Figure:
    """Return a new figure that pyplot does not know."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", dpi=100)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
