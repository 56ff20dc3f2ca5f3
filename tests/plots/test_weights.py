import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

import quantlab_helpers as ql
from quantlab_helpers import plots
from quantlab_helpers.experiments.sweeps import SweepPoint


def test_weight_histogram_counts_every_weight_once(rng):
    weights = rng.laplace(size=3_000)
    ax = plots.weight_histogram(weights, bins=30)
    heights = [bar.get_height() for bar in ax.patches]
    assert np.array_equal(heights, np.histogram(weights, bins=30)[0])
    assert ax.get_xlabel() == "weight value" and ax.get_ylabel() == "number of weights"


def test_weight_histogram_marks_every_centre(rng):
    weights = rng.normal(size=1_000)
    quantized = ql.kmeans_quantize(weights, 8)
    ax = plots.weight_histogram(weights, quantized)
    markers, unused = ax.lines
    assert np.array_equal(markers.get_xdata(), quantized.codebook)
    assert len(unused.get_xdata()) == 0
    _halo, dashed = ax.collections
    across = [segment[0, 0] for segment in dashed.get_segments()]
    assert across == quantized.codebook.tolist()


def test_weight_histogram_unused_level_is_hollow():
    weights = np.array([0.0, 0.01, 1.0])
    used, unused = plots.weight_histogram(weights, ql.uniform_quantize(weights, 2)).lines
    assert used.get_xdata().tolist() == [0.0, 1.0]
    assert unused.get_xdata() == pytest.approx([1 / 3, 2 / 3])
    assert unused.get_markerfacecolor() == "none"


def test_weight_histogram_many_levels_have_no_lines(rng):
    weights = rng.laplace(size=500)
    quantized = ql.uniform_quantize(weights, 8)
    ax = plots.weight_histogram(weights, quantized)
    used, unused = ax.lines
    assert len(used.get_xdata()) == ql.unique_count(quantized)
    assert len(used.get_xdata()) + len(unused.get_xdata()) == 256
    assert used.get_ydata()[0] > unused.get_ydata()[0]
    assert len(ax.collections) == 0


@pytest.mark.parametrize("weights", [np.zeros(5), np.array([2.5]), np.array([-1e-45, 0], "f4")])
def test_weight_histogram_draws_constant_and_tiny_weights(weights):
    ax = plots.weight_histogram(weights, ql.uniform_quantize(weights, 2))
    ax.figure.canvas.draw()
    assert sum(bar.get_height() for bar in ax.patches) == weights.size


def test_accuracy_curve_percent_and_baseline():
    points = [SweepPoint(2, 0.25, 10), SweepPoint(64, 0.975, 20)]
    ax = plots.accuracy_curve(points, xlabel="centres", baseline=0.98)
    assert ax.lines[0].get_xdata().tolist() == [2, 64]
    assert ax.lines[0].get_ydata().tolist() == [25.0, 97.5]
    assert ax.lines[1].get_ydata() == [98.0, 98.0]
    assert "98.00%" in ax.texts[0].get_text()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["2", "64"]


def test_digits_shows_first_image_of_each(test_set):
    row = plots.digits(test_set.images[:200], test_set.labels[:200])
    assert [ax.get_title() for ax in row] == [str(digit) for digit in range(10)]
    shown = np.asarray(row[7].images[0].get_array())
    assert np.array_equal(shown, test_set.images[0, 0].numpy())


def test_plots_draw_on_given_axes():
    _, ax = plt.subplots()
    assert plots.weight_histogram(torch.ones(3), ax=ax) is ax
    assert plots.accuracy_curve([SweepPoint(1, 1.0, 1)], xlabel="bits", ax=ax) is ax
    assert len(plt.get_fignums()) == 1
