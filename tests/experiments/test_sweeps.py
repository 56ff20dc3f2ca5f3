import json

import numpy as np
import pytest
import torch

import quantlab_helpers as ql
from quantlab_helpers.experiments import cache as _cache
from quantlab_helpers.experiments import sweeps as experiments


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(_cache, "cache_folder", lambda: tmp_path)
    return tmp_path / "experiments"


@pytest.fixture
def tests_run(monkeypatch):
    """How many networks were really tested."""
    runs = []
    real = experiments.evaluate
    monkeypatch.setattr(experiments, "evaluate", lambda *a: runs.append(1) or real(*a))
    return runs


def test_a_sweep_measures_what_quantizing_by_hand_measures(baseline, few, cache):
    point = ql.bits_sweep(baseline, bits=[3], data=few, progress=False)[0]
    three = ql.quantize_model(
        baseline,
        weights=lambda w: ql.uniform_quantize(w, 3),
        biases=lambda w: ql.uniform_quantize(w, 3),
    )
    assert point == (3, ql.evaluate(three.net, few).accuracy, three.total_bytes)


def test_the_second_call_is_read_from_the_cache(baseline, few, cache, tests_run):
    first = ql.k_sweep(baseline, ks=[2, 4], data=few, progress=False)
    assert len(tests_run) == 2
    assert ql.k_sweep(baseline, ks=[4, 2], data=few, progress=False) == first[::-1]
    assert len(tests_run) == 2


def test_another_network_or_other_images_are_measured_afresh(baseline, few, cache, tests_run):
    ql.bits_sweep(baseline, bits=[2], data=few, progress=False)
    ql.bits_sweep(ql.reset_model(device="cpu"), bits=[2], data=few, progress=False)
    fewer = ql.Dataset(few.images[:100], few.labels[:100])
    ql.bits_sweep(baseline, bits=[2], data=fewer, progress=False)
    assert len(tests_run) == 3


def test_another_forward_with_the_same_weights_is_measured_afresh(baseline, few, cache, tests_run):
    class Upside(ql.Net):
        def forward(self, images):
            return -super().forward(images)

    upside = Upside().eval()
    upside.load_state_dict(baseline.state_dict())
    right = ql.bits_sweep(baseline, bits=[8], data=few, progress=False)[0]
    wrong = ql.bits_sweep(upside, bits=[8], data=few, progress=False)[0]
    assert len(tests_run) == 2
    assert wrong.accuracy < 0.1 < right.accuracy


def test_a_network_typed_at_a_prompt_has_a_fingerprint_of_its_own(few):
    def typed(expression):
        names = {"nn": torch.nn}
        exec(f"class Typed(nn.Linear):\n def forward(self, x): return {expression}", names)
        torch.manual_seed(0)
        return _cache.fingerprint(names["Typed"](2, 2), few)

    assert typed("x + x") == typed("x + x") != typed("x - x")


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"[null, 2]"])
def test_a_damaged_cache_entry_is_measured_again(baseline, few, cache, tests_run, damage):
    first = ql.bits_sweep(baseline, bits=[2], data=few, progress=False)
    (entry,) = cache.iterdir()
    entry.write_bytes(damage)
    assert ql.bits_sweep(baseline, bits=[2], data=few, progress=False) == first
    assert len(tests_run) == 2 and json.loads(entry.read_bytes())[1] == first[0].bytes


def test_a_cache_that_cannot_be_written_does_not_stop_an_experiment(
    baseline, few, tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(_cache, "cache_folder", lambda: tmp_path / "file")
    assert len(ql.bits_sweep(baseline, bits=[2], data=few, progress=False)) == 1


def test_sensitivity_quantizes_one_layer_at_a_time(baseline, few, cache):
    points = ql.sensitivity(baseline, scheme="kmeans", values=[2, 16], data=few, progress=False)
    assert [(p.layer, p.value) for p in points[:2]] == [("conv1", 2), ("conv1", 16)]
    assert len(points) == 8 * 2
    fc1 = next(p for p in points if p.layer == "fc1" and p.value == 2)
    saved = ql.float32_bytes(baseline) - fc1.bytes
    assert saved == 470_400 * 4 - 470_400 // 8 - 8


@pytest.mark.parametrize("k", [4, 16])
def test_at_equal_entropy_equal_steps_beat_kmeans_on_laplace_weights(rng, k):
    point = ql.equal_entropy(rng.laplace(size=50_000), ks=[k])[0]
    assert point.k == k
    assert point.kmeans_entropy - 0.02 < point.uniform_entropy <= point.kmeans_entropy
    assert point.uniform_sqnr > point.kmeans_sqnr


def test_equal_entropy_reports_what_its_step_gives(rng):
    weights = rng.normal(size=20_000)
    point = ql.equal_entropy(torch.from_numpy(weights), ks=[8])[0]
    codes = np.rint(weights / point.step).astype(int)
    assert ql.entropy_bits(codes - codes.min()) == pytest.approx(point.uniform_entropy)
    noise = np.sum((weights - codes * point.step) ** 2)
    assert 10 * np.log10(np.sum(weights**2) / noise) == pytest.approx(point.uniform_sqnr)


def test_several_seeds_give_mean_and_sample_deviation():
    result = ql.over_seeds(lambda seed: [0.1, 0.2, 0.6][seed], seeds=3)
    assert result.mean == pytest.approx(0.3)
    assert result.std == pytest.approx(np.std([0.1, 0.2, 0.6], ddof=1))
    assert result.values == [0.1, 0.2, 0.6]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net: ql.bits_sweep(net, bits=[0]), r"`bits` .* from 1 to 16, got 0"),
        (lambda net: ql.k_sweep(net, ks=[0]), r"`ks` .* from 1 to 65536, got 0"),
        (lambda net: ql.sensitivity(net, scheme="both"), r"`scheme` must be one of 'uniform'"),
        (lambda net: ql.equal_entropy([1.0, 1.0]), r"at least two distinct numbers, got only 1"),
        (lambda net: ql.equal_entropy([1.0, 2.0], ks=[1]), r"`ks` .* from 2 to 65536, got 1"),
        (lambda net: ql.over_seeds(float, seeds=1), r"`seeds` .* at least 2, got 1"),
    ],
)
def test_bad_input_is_named(baseline, call, words):
    with pytest.raises(ValueError, match=words):
        call(baseline)
