import numpy as np
import pytest

import quantlab_helpers as ql
from quantlab_helpers.explorers.kmeans import equal_steps


@pytest.mark.parametrize("k", [2, 4, 16])
def test_equal_steps_for_powers_of_two(k, fc1):
    steps, grid = equal_steps(fc1, k), ql.uniform_quantize(fc1, k.bit_length() - 1)
    assert steps.codebook == pytest.approx(grid.codebook, abs=1e-7)
    assert np.mean(steps.codes != grid.codes) < 1e-4  # a weight on a middle may go either way
    assert steps.bits == grid.bits and steps.overhead_bytes == 8


def test_equal_steps_of_constant_tensor():
    quantized = equal_steps(np.ones(5), 4)
    assert quantized.codebook.tolist() == [1.0] and quantized.dequantize().tolist() == [1.0] * 5


@pytest.mark.training
@pytest.mark.parametrize("k", [2, 7, 32])
def test_kmeans_draws_all_centres(k, explore, baseline):
    explorer = explore("explore_kmeans", baseline)
    explorer.controls["tensor"].value = "bn1.weight"  # 16 weights
    explorer.controls["k"].value = k
    expected = ql.kmeans_quantize(baseline.bn1.weight, k)
    assert explorer.view.centres.levels.size == expected.k_used == min(k, 16)
    assert explorer.view.levels.levels.size == k
    assert f"{expected.k_used} centres" in explorer.view.centres.ax.get_title()
    sqnr = ql.sqnr_db(baseline.bn1.weight, expected)
    assert explorer.facts["SQNR"].startswith(f"{sqnr:.1f} dB with centres")
    payload = f"{expected.payload_bytes} + {expected.overhead_bytes} with centres"
    assert explorer.facts["payload + overhead"].startswith(payload)


@pytest.mark.training
@pytest.mark.parametrize("start", ["linear", "density", "random", "k-means++"])
def test_kmeans_steps_are_those_of_lloyd(start, explore, baseline):
    explorer = explore("explore_kmeans", baseline)
    explorer.controls["start"].value = start
    weights = baseline.conv2.weight.detach().numpy()
    rng = np.random.default_rng(0)
    steps = list(ql.lloyd(weights, 8, init=start, rng=rng, max_iter=250))
    view = explorer.view
    assert view.centres.levels == pytest.approx(np.unique(steps[0].centres), rel=1e-5)
    for count, step in enumerate(steps[:4], start=1):
        explorer.controls["step"].value += 1
        assert explorer.settings["step"] == count and f"Lloyd, {step.phase}" in explorer.sentence
        assert view.centres.levels == pytest.approx(step.centres, rel=1e-5)
        assert view.trace.drawn == [step.inertia for step in steps[:count]]
    explorer.controls["step"].value = 10**9
    assert explorer.settings["step"] == len(steps) and view.trace.drawn[-1] == steps[-1].inertia
    ratio = steps[-1].inertia / ql.kmeans_1d(weights, 8).inertia
    assert f"{ratio:.3f} times the smallest" in explorer.sentence and explorer.error == ""
    explorer.controls["k"].value = 9
    assert explorer.settings["step"] == 0 and view.trace.drawn == []


@pytest.mark.training
def test_kmeans_first_step_starts_at_equal_steps(explore, baseline):
    explorer = explore("explore_kmeans", baseline)
    alone = explorer.view.centres.ax.get_position().height
    assert not explorer.view.trace.ax.get_visible() and "Below" not in explorer.alt
    explorer.controls["step"].value = 1
    assert explorer.settings["start"] == "linear" and "Lloyd, assign 1" in explorer.sentence
    assert explorer.view.trace.ax.get_visible() and "Below" in explorer.alt
    assert explorer.view.centres.ax.get_position().height < 0.8 * alone
    explorer.controls["start"].value = "best"
    explorer.controls["k"].value = 9
    assert explorer.settings["step"] == 0 and explorer.view.trace.drawn == []
    assert explorer.view.centres.ax.get_position().height == pytest.approx(alone)


@pytest.mark.training
def test_kmeans_static_over_steps(explore, baseline):
    explorer = explore("explore_kmeans", baseline)
    player = explorer.static("step", values=range(3))
    assert "Lloyd, update 1" in player.html and explorer.settings["start"] == "best"


@pytest.mark.training
def test_kmeans_empty_clusters_are_hollow(explore, baseline):
    explorer = explore("explore_kmeans", baseline)
    explorer.controls["k"].value = 32
    explorer.controls["start"].value = "linear"
    explorer.controls["step"].value = 1
    empty = len(next(ql.lloyd(baseline.conv2.weight, 32)).empty)
    assert empty > 0 and explorer.sentence.endswith(f"; {empty} empty.")
    assert explorer.view.centres.levels.size - explorer.view.centres.used.size == empty
