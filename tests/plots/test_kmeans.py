import numpy as np
import pytest
from matplotlib.figure import Figure

from quantlab_helpers.plots.kmeans import curves, lloyd_steps, panels
from quantlab_helpers.quantizers.lloyd import lloyd


@pytest.fixture
def ax():
    return Figure().add_subplot()


def test_lloyd_steps_links_weights_to_centres(ax):
    weights = np.array([0.0, 0.1, 3.0])
    steps = list(lloyd(weights, 3))[:2]
    lloyd_steps(weights, steps, ax=ax)
    links = [line.get_xdata().tolist() for line in ax.lines if len(line.get_xdata()) == 2]
    assert links[:3] == [[0.0, 0.0], [0.1, 0.0], [3.0, 3.0]]
    dots = [line.get_xdata().tolist() for line in ax.lines if line.get_marker() == "o"]
    assert dots == [weights.tolist()] * 2


def test_lloyd_steps_empty_centre_is_hollow(ax):
    weights = np.array([0.0, 0.1, 3.0])
    lloyd_steps(weights, list(lloyd(weights, 3))[:1], ax=ax)
    hollow = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    assert [line.get_xdata().tolist() for line in hollow] == [[1.5]]


def test_lloyd_steps_first_row_on_top_with_sse(ax):
    steps = list(lloyd([0.0, 1.0, 5.0], 2))
    lloyd_steps([0.0, 1.0, 5.0], steps, ax=ax)
    bottom, top = ax.get_ylim()
    assert top < bottom
    assert ax.get_yticklabels()[0].get_text() == f"1 assign\nSSE {steps[0].inertia:.3f}"


def test_curves_differ_in_marker_and_dashes(ax):
    curves({name: ([1, 2], [1, 2]) for name in "abcd"}, xlabel="x", ylabel="y", ax=ax)
    assert len({(line.get_marker(), line.get_linestyle()) for line in ax.lines}) == 4
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list("abcd")


def test_curves_long_lines_have_no_markers(ax):
    curves({"long": (range(21), range(21))}, xlabel="x", ylabel="y", ax=ax)
    assert ax.lines[0].get_marker() in ("", "None")


def test_panels_share_labels_and_keep_order():
    axes = Figure().subplots(1, 2)
    panels({"l": {"a": ([1], [2])}, "r": {"a": ([1], [3])}}, xlabel="x", ylabel="y", axes=axes)
    assert [ax.get_title() for ax in axes] == ["l", "r"]
    assert [ax.get_ylabel() for ax in axes] == ["y", ""]
    assert axes[1].lines[0].get_ydata().tolist() == [3]


def test_panels_new_figure_shares_heights():
    left, right = panels({"l": {"a": ([1], [2])}, "r": {"a": ([1], [9])}}, xlabel="x", ylabel="y")
    assert left.get_ylim() == right.get_ylim()
