import json

import pytest

import quantlab_helpers as ql
from quantlab_helpers.experiments import cache as measurements
from quantlab_helpers.experiments import sweeps


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(measurements, "cache_folder", lambda: tmp_path)
    return tmp_path / "experiments"


@pytest.fixture
def evaluations(monkeypatch):
    """One entry per network that was tested, not read from the cache."""
    runs = []
    real = sweeps.evaluate
    monkeypatch.setattr(sweeps, "evaluate", lambda *a: runs.append(1) or real(*a))
    return runs


def test_bits_sweep_equals_quantizing_by_hand(baseline, few, cache):
    point = ql.bits_sweep(baseline, bits=[3], data=few, progress=False)[0]
    three = ql.quantize_model(
        baseline,
        weights=lambda w: ql.uniform_quantize(w, 3),
        biases=lambda w: ql.uniform_quantize(w, 3),
    )
    assert point == (3, ql.evaluate(three.net, few).accuracy, three.total_bytes)


def test_k_sweep_second_call_reads_cache(baseline, few, cache, evaluations):
    first = ql.k_sweep(baseline, ks=[2, 4], data=few, progress=False)
    assert len(evaluations) == 2
    assert ql.k_sweep(baseline, ks=[4, 2], data=few, progress=False) == first[::-1]
    assert len(evaluations) == 2


def test_bits_sweep_measures_other_network_or_images(baseline, few, cache, evaluations):
    ql.bits_sweep(baseline, bits=[2], data=few, progress=False)
    ql.bits_sweep(ql.reset_model(device="cpu"), bits=[2], data=few, progress=False)
    fewer = ql.Dataset(few.images[:100], few.labels[:100])
    ql.bits_sweep(baseline, bits=[2], data=fewer, progress=False)
    assert len(evaluations) == 3


def test_bits_sweep_measures_other_forward(baseline, few, cache, evaluations):
    class Upside(ql.Net):
        def forward(self, images):
            return -super().forward(images)

    upside = Upside().eval()
    upside.load_state_dict(baseline.state_dict())
    right = ql.bits_sweep(baseline, bits=[8], data=few, progress=False)[0]
    wrong = ql.bits_sweep(upside, bits=[8], data=few, progress=False)[0]
    assert len(evaluations) == 2
    assert wrong.accuracy < 0.1 < right.accuracy


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"[null, 2]"])
def test_bits_sweep_replaces_damaged_entry(baseline, few, cache, evaluations, damage):
    first = ql.bits_sweep(baseline, bits=[2], data=few, progress=False)
    (entry,) = cache.iterdir()
    entry.write_bytes(damage)
    assert ql.bits_sweep(baseline, bits=[2], data=few, progress=False) == first
    assert len(evaluations) == 2 and json.loads(entry.read_bytes())[1] == first[0].bytes


def test_bits_sweep_without_writable_cache(baseline, few, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(measurements, "cache_folder", lambda: tmp_path / "file")
    assert len(ql.bits_sweep(baseline, bits=[2], data=few, progress=False)) == 1


def test_sensitivity_quantizes_single_layers(baseline, few, cache):
    points = ql.sensitivity(baseline, scheme="kmeans", values=[2, 16], data=few, progress=False)
    assert [(p.layer, p.value) for p in points[:2]] == [("conv1", 2), ("conv1", 16)]
    assert len(points) == 8 * 2
    fc1 = next(p for p in points if p.layer == "fc1" and p.value == 2)
    saved = ql.float32_bytes(baseline) - fc1.bytes
    assert saved == 470_400 * 4 - 470_400 // 8 - 8


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: ql.bits_sweep(net, bits=[0]), r"`bits` .* from 1 to 16, got 0"),
        (lambda net: ql.k_sweep(net, ks=[0]), r"`ks` .* from 1 to 65536, got 0"),
        (lambda net: ql.sensitivity(net, scheme="both"), r"`scheme` must be one of 'uniform'"),
    ],
)
def test_sweeps_name_bad_input(baseline, call, message):
    with pytest.raises(ValueError, match=message):
        call(baseline)
