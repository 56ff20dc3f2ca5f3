import os

import numpy as np
import pytest
import torch
from torch import nn

import quantlab_helpers as ql
from quantlab_helpers import explorers
from quantlab_helpers.explorers import accuracy as _scores
from quantlab_helpers.explorers import widget as _live
from quantlab_helpers.explorers.readouts import equal_steps, files_of, on_centres
from quantlab_helpers.explorers.uniform import UniformScene


@pytest.fixture(autouse=True)
def few_images(monkeypatch, test_set):
    """Every test image takes seconds: these tests know 500, of which every tenth comes first."""
    images = ql.Dataset(test_set.images[::20], test_set.labels[::20])
    _scores._few.cache_clear()
    monkeypatch.setattr(_scores, "_images", lambda device: images)
    monkeypatch.setattr(_live, "_REST", 60)
    yield
    _scores._few.cache_clear()


@pytest.fixture
def explore():
    """Return a function that makes an explorer and leaves no thread of it behind."""
    made = []

    def make(name, *arguments):
        made.append(getattr(explorers, name)(*arguments))
        return made[-1]

    yield make
    for live in made:
        live.close()
        live.wait()


def with_net(name, baseline):
    return () if name in ("explore_outlier", "explore_retraining") else (baseline,)


EVERY_STEP = {
    "explore_uniform": ("weight_bits", range(1, 9)),
    "explore_kmeans": ("k", (2, 3, 8, 17, 32)),
    "explore_tradeoff": ("bits", range(1, 9)),
    "explore_outlier": ("size", range(0, 41, 10)),
    "explore_storage": ("bits", (1, 3, 6)),
    "explore_retraining": ("epoch", range(7)),
}


@pytest.mark.parametrize("name", EVERY_STEP)
def test_every_step_changes_picture_words_and_numbers(name, explore, baseline):
    live = explore(name, *with_net(name, baseline))
    control, values = EVERY_STEP[name]
    seen = set()
    for value in values:
        live.controls[control].value = value
        assert live.error == ""
        assert str(value) in live.alt + live.sentence
        seen.add((live.picture, live.sentence))
    assert len({picture for picture, _ in seen}) == len(values)
    assert len({sentence for _, sentence in seen}) == len(values)
    assert 80 < len(live.alt) < 500 and 30 < len(live.sentence) < 300 and live.facts


@pytest.mark.parametrize("name", EVERY_STEP)
def test_every_menu_can_be_chosen_and_every_player_made(name, explore, baseline):
    live = explore(name, *with_net(name, baseline))
    control, values = EVERY_STEP[name]
    for menu in live.controls:
        for value in (
            dict(getattr(live.controls[menu], "options", {}) or {}).values()
            if (menu in ("start", "coding", "scheme", "way", "range", "zero_point", "granularity"))
            else ()
        ):
            live.controls[menu].value = value
            assert live.error == ""
    player = live.static(control, values=list(values)[:3])
    assert player.html.count("data:image/png") == 2 and "…</td>" not in player.html
    assert len(player.html) < 250_000


# Uniform


@pytest.mark.parametrize("tensor", ["conv2.weight", "fc2.bias"])
@pytest.mark.parametrize("grid", ["float", "int"])
@pytest.mark.parametrize("bits", [1, 3, 8])
def test_the_readout_is_what_metrics_says(tensor, grid, bits, explore, baseline):
    live = explore("explore_uniform", baseline)
    live.controls["tensor"].value = tensor
    live.controls["zero_point"].value = grid
    live.controls["weight_bits"].value = live.controls["bias_bits"].value = bits
    weights = dict(baseline.named_parameters())[tensor].detach().numpy()
    quantized = ql.uniform_quantize(weights, bits, zero_point=grid)
    error = np.abs(weights.astype(np.float64) - quantized.dequantize()).max()
    half = ql.half_step_bound(quantized)
    facts = live.facts
    assert facts["step"] == f"{2 * half:.4g}"
    assert facts["largest error"] == f"{error:.4g}; half a step {half:.4g}"
    assert facts["SQNR"] == f"{ql.sqnr_db(weights, quantized):.1f} dB"
    assert facts["unique values"] == f"{ql.unique_count(quantized)} of {2**bits}"
    size = f"{quantized.payload_bytes:,} payload + {quantized.overhead_bytes} overhead"
    assert facts["bytes of this tensor"] == size
    assert (facts["level nearest to 0"] == "0") == (grid == "int")
    scene = live.scene
    assert np.array_equal(scene.before.levels, np.unique(quantized.codebook))
    assert np.array_equal(scene.after.values, np.unique(quantized.dequantize()))
    low, high = scene.before.ax.get_xlim()
    assert low < scene.before.levels.min() and scene.before.levels.max() < high


def test_the_axes_stay_while_the_slider_moves_and_are_the_same_before_and_after(explore, baseline):
    live = explore("explore_uniform", baseline)
    limits = set()
    for bits in (1, 4, 8):
        live.controls["weight_bits"].value = bits
        for ax in (live.scene.before.ax, live.scene.after.ax):
            limits.add((*ax.get_xlim(), *ax.get_ylim(), round(ax.get_position().height, 3)))
    assert len({numbers[:4] for numbers in limits}) == 1 and len(limits) == 1


def test_channels_may_have_grids_of_their_own(explore, baseline):
    live = explore("explore_uniform", baseline)
    live.controls["granularity"].value = "per_channel"
    weights = baseline.conv2.weight.detach().numpy()
    quantized = ql.uniform_quantize(weights, 4, granularity="per_channel")
    assert live.facts["unique values"] == f"{ql.unique_count(quantized)} of 256"
    assert live.facts["SQNR"] == f"{ql.sqnr_db(weights, quantized):.1f} dB"
    assert live.facts["step"].endswith("(the widest)") and live.error == ""


def test_accuracy_is_evaluates_on_every_tenth_image_and_then_on_all(explore, baseline, monkeypatch):
    monkeypatch.setattr(_live, "_REST", 0)
    live = explore("explore_uniform", baseline)
    live.controls["weight_bits"].value = 7
    live.wait()
    grid = {"weights": 7, "biases": 8}
    model = ql.quantize_model(
        baseline,
        weights=lambda w: ql.uniform_quantize(w, grid["weights"]),
        biases=lambda b: ql.uniform_quantize(b, grid["biases"]),
    )
    images = _scores._images("cpu")
    every = ql.evaluate(model.net, images)
    tenth = ql.evaluate(model.net, ql.Dataset(images.images[::10], images.labels[::10]))
    assert live.facts["test accuracy"] == f"{every.accuracy:.2%} of all 500 test images"
    words = live.scene.scores.recall(live.scene.trials(live.settings)[0].key).words
    assert words == f"{tenth.accuracy:.1%} of 50 test images (every tenth)"
    assert f"{model.total_bytes:,}, " in live.facts["bytes of the network"]


def test_what_was_measured_is_found_again_by_the_next_explorer(explore, baseline, monkeypatch):
    explore("explore_uniform", baseline)
    monkeypatch.setattr(_scores, "evaluate", lambda *_: pytest.fail("measured again"))
    explore("explore_uniform", baseline)


def test_a_level_at_zero_saves_three_bits(baseline, test_set, monkeypatch):
    monkeypatch.setattr(_scores, "_images", lambda device: test_set)
    _scores._few.cache_clear()
    scene = UniformScene(baseline)
    accuracy = {}
    for grid in ("float", "int"):
        settings = {"weight_bits": 3, "bias_bits": 8, "zero_point": grid}
        [trial] = scene.trials({**settings, "granularity": "per_tensor"})
        score = scene.scores.measure(trial.key, trial.make)
        accuracy[grid] = score.accuracy
        assert score.images == 1_000
    assert accuracy["float"] < 0.3 and accuracy["int"] > 0.85


# k-means


@pytest.mark.parametrize("k", [2, 4, 16])
def test_equal_steps_are_the_uniform_grid_where_k_is_a_power_of_two(k, fc1):
    steps, grid = equal_steps(fc1, k), ql.uniform_quantize(fc1, k.bit_length() - 1)
    assert steps.codebook == pytest.approx(grid.codebook, abs=1e-7)
    assert np.mean(steps.codes != grid.codes) < 1e-4  # a weight on a middle may go either way
    assert steps.bits == grid.bits and steps.overhead_bytes == 8


def test_a_constant_tensor_has_one_equal_step():
    quantized = equal_steps(np.ones(5), 4)
    assert quantized.codebook.tolist() == [1.0] and quantized.dequantize().tolist() == [1.0] * 5


@pytest.mark.parametrize("k", [2, 7, 32])
def test_as_many_centres_are_drawn_as_there_are(k, explore, baseline):
    live = explore("explore_kmeans", baseline)
    live.controls["tensor"].value = "bn1.weight"  # 16 weights
    live.controls["k"].value = k
    expected = ql.kmeans_quantize(baseline.bn1.weight, k)
    assert live.scene.centres.levels.size == expected.k_used == min(k, 16)
    assert live.scene.levels.levels.size == k
    assert f"{expected.k_used} centres" in live.scene.centres.ax.get_title()
    sqnr = ql.sqnr_db(baseline.bn1.weight, expected)
    assert live.facts["SQNR"].startswith(f"{sqnr:.1f} dB with centres")
    payload = f"{expected.payload_bytes} + {expected.overhead_bytes} with centres"
    assert live.facts["payload + overhead"].startswith(payload)


@pytest.mark.parametrize("start", ["linear", "density", "random", "k-means++"])
def test_the_buttons_play_lloyds_algorithm_to_its_end(start, explore, baseline):
    live = explore("explore_kmeans", baseline)
    live.controls["start"].value = start
    weights = baseline.conv2.weight.detach().numpy()
    rng = np.random.default_rng(0)
    steps = list(ql.lloyd(weights, 8, init=start, rng=rng, max_iter=250))
    scene = live.scene
    assert scene.centres.levels == pytest.approx(np.unique(steps[0].centres), rel=1e-5)
    for count, step in enumerate(steps[:4], start=1):
        live.controls["step"].value += 1
        assert live.settings["step"] == count and f"Lloyd, {step.phase}" in live.sentence
        assert scene.centres.levels == pytest.approx(step.centres, rel=1e-5)
        assert scene.trace.drawn == [step.inertia for step in steps[:count]]
    live.controls["step"].value = 10**9
    assert live.settings["step"] == len(steps) and scene.trace.drawn[-1] == steps[-1].inertia
    over = steps[-1].inertia / ql.kmeans_1d(weights, 8).inertia
    assert f"{over:.3f} times the smallest" in live.sentence and live.error == ""
    live.controls["k"].value = 9
    assert live.settings["step"] == 0 and scene.trace.drawn == []


def test_the_first_step_without_a_start_begins_at_equal_steps(explore, baseline):
    live = explore("explore_kmeans", baseline)
    alone = live.scene.centres.ax.get_position().height
    assert not live.scene.trace.ax.get_visible() and "Below" not in live.alt
    live.controls["step"].value = 1
    assert live.settings["start"] == "linear" and "Lloyd, assign 1" in live.sentence
    assert live.scene.trace.ax.get_visible() and "Below" in live.alt
    assert live.scene.centres.ax.get_position().height < 0.8 * alone
    live.controls["start"].value = "best"
    live.controls["k"].value = 9
    assert live.settings["step"] == 0 and live.scene.trace.drawn == []
    assert live.scene.centres.ax.get_position().height == pytest.approx(alone)


def test_a_player_of_steps_plays_them(explore, baseline):
    live = explore("explore_kmeans", baseline)
    player = live.static("step", values=range(3))
    assert "Lloyd, update 1" in player.html and live.settings["start"] == "best"


def test_the_readout_is_short_enough_for_a_slide(explore, baseline):
    for name in ("explore_uniform", "explore_kmeans"):
        assert len(explore(name, baseline).facts) <= 8


def test_empty_clusters_are_hollow_and_counted(explore, baseline):
    live = explore("explore_kmeans", baseline)
    live.controls["k"].value = 32
    live.controls["start"].value = "linear"
    live.controls["step"].value = 1
    empty = len(next(ql.lloyd(baseline.conv2.weight, 32)).empty)
    assert empty > 0 and live.sentence.endswith(f"; {empty} empty.")
    assert live.scene.centres.levels.size - live.scene.centres.used.size == empty


# Files


def test_the_rings_follow_both_sliders_on_their_curves(explore, baseline):
    live = explore("explore_tradeoff", baseline)
    curves = {line.get_label(): line for line in live.scene.ax.lines}
    for bits, k in ((2, 3), (8, 32)):
        live.controls["bits"].value, live.controls["k"].value = bits, k
        places = live.scene.points.places
        assert len(places) == 3
        for name, (x, y) in places.items():
            points = list(zip(curves[name].get_xdata(), curves[name].get_ydata(), strict=True))
            assert (x, y) in points
        model = on_centres(baseline, k)
        assert places["k-means, packed"][0] == model.total_bytes
        images = _scores._images("cpu")
        tenth = ql.Dataset(images.images[::10], images.labels[::10])
        assert places["k-means, packed"][1] == 100 * ql.evaluate(model.net, tenth).accuracy
        assert places["k-means, packed"][1] == places["k-means, entropy-coded"][1]
        assert places["k-means, entropy-coded"][0] == files_of(model)["entropy"].file_bytes


@pytest.mark.parametrize("coding", ["packed", "huffman", "entropy"])
def test_the_ledger_is_that_of_a_real_file(coding, explore, baseline, tmp_path):
    live = explore("explore_storage", baseline)
    live.controls["coding"].value = coding
    ql.save_quantized(on_centres(baseline, 8), tmp_path / "net", coding=coding)
    size = os.path.getsize(tmp_path / "net")
    assert live.facts["file"] == f"{size:,} bytes"
    parts = [int(live.facts[name].split()[0].replace(",", "")) for name in live.facts]
    assert sum(parts[:4]) == parts[4] == size
    widths = sum(bar.get_width() for bar in live.scene.rows.patches)
    assert widths == size
    assert f"{size:,} (below)" in [text.get_text() for text in live.scene.sizes.texts]


# Outlier and retraining


def test_the_outlier_takes_levels_from_the_others_and_clipping_gives_them_back(explore):
    live = explore("explore_outlier")
    used, sqnr = [], []
    for size in (4, 20, 40):
        live.controls["size"].value = size
        levels, _, decibels = live.scene.numbers(live.settings)
        used.append(levels)
        sqnr.append(decibels)
    assert used == sorted(used, reverse=True) and sqnr == sorted(sqnr, reverse=True)
    assert used[0] > 12 and used[-1] < 5
    live.controls["range"].value = "clip"
    assert live.scene.numbers(live.settings)[2] > sqnr[0] - 1
    assert float(live.facts["error of the outlier"]) > 1
    live.controls["range"].value = "per_channel"
    assert sqnr[-1] < live.scene.numbers(live.settings)[2]
    assert live.facts["overhead"] == "128 bytes" and live.error == ""


def test_free_retraining_leaves_the_grid_and_tied_centres_do_not(explore):
    live = explore("explore_retraining")
    centres = live.scene.run["centres"]
    for way in ("free", "tied"):
        live.controls["way"].value = way
        live.controls["epoch"].value = 3
        count = int(live.facts["unique values in conv2"].replace(",", ""))
        assert (count > 1_000) if way == "free" else (count == 4)
        assert live.scene.histogram.used.size == (0 if way == "free" else 4)
    assert not np.allclose(live.scene.histogram.levels, centres), "the centres have moved"
    assert "of all 10,000 test images" in live.facts["test accuracy"]


# What is refused


@pytest.mark.parametrize("name", ["explore_uniform", "explore_kmeans", "explore_tradeoff"])
@pytest.mark.parametrize("net", [None, np.ones(3), nn.ReLU()])
def test_what_cannot_be_quantized_is_refused(name, net):
    with pytest.raises(TypeError, match=r"`net` must be a network with a Conv2d.*pass load_base"):
        getattr(explorers, name)(net)


def test_only_the_courses_network_has_a_file():
    with pytest.raises(TypeError, match="`net` must be a Net, got Sequential"):
        explorers.explore_storage(nn.Sequential(nn.Linear(2, 2)))


def test_another_network_has_no_file_but_an_accuracy(explore):
    torch.manual_seed(0)
    live = explore("explore_uniform", nn.Sequential(nn.Flatten(), nn.Linear(784, 10)))
    assert live.error == "" and "of 50 test images" in live.facts["test accuracy"]
    assert "entropy-coded" not in live.facts["bytes of the network"]


def test_the_network_is_left_alone(explore, baseline):
    before = {name: value.clone() for name, value in baseline.state_dict().items()}
    live = explore("explore_uniform", baseline)
    live.controls["weight_bits"].value = 1
    assert all(torch.equal(before[name], value) for name, value in baseline.state_dict().items())
