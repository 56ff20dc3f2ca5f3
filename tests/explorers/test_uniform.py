import numpy as np
import pytest

import quantlab_helpers as ql
from quantlab_helpers.explorers import accuracy
from quantlab_helpers.explorers.uniform import UniformView


@pytest.mark.parametrize("tensor", ["conv2.weight", "fc2.bias"])
@pytest.mark.parametrize("grid", ["float", "int"])
@pytest.mark.parametrize("bits", [1, 3, 8])
def test_uniform_facts_are_those_of_metrics(tensor, grid, bits, explore, baseline):
    explorer = explore("explore_uniform", baseline)
    explorer.controls["tensor"].value = tensor
    explorer.controls["zero_point"].value = grid
    explorer.controls["weight_bits"].value = explorer.controls["bias_bits"].value = bits
    weights = dict(baseline.named_parameters())[tensor].detach().numpy()
    quantized = ql.uniform_quantize(weights, bits, zero_point=grid)
    error = np.abs(weights.astype(np.float64) - quantized.dequantize()).max()
    half = ql.half_step_bound(quantized)
    facts = explorer.facts
    assert facts["step"] == f"{2 * half:.3g}"
    assert facts["largest error"] == f"{error:.3g}; half a step {half:.3g}"
    assert facts["SQNR"] == f"{ql.sqnr_db(weights, quantized):.1f} dB"
    assert facts["unique values"] == f"{ql.unique_count(quantized)} of {2**bits}"
    size = f"{quantized.payload_bytes:,} payload + {quantized.overhead_bytes} overhead"
    assert facts["bytes of this tensor"] == size
    assert (facts["level nearest to 0"] == "0") == (grid == "int")
    view = explorer.view
    assert np.array_equal(view.before.levels, np.unique(quantized.codebook))
    assert np.array_equal(view.after.values, np.unique(quantized.dequantize()))
    low, high = view.before.ax.get_xlim()
    assert low < view.before.levels.min() and view.before.levels.max() < high


def test_uniform_axes_stay_and_are_shared(explore, baseline):
    explorer = explore("explore_uniform", baseline)
    limits = set()
    for bits in (1, 4, 8):
        explorer.controls["weight_bits"].value = bits
        for ax in (explorer.view.before.ax, explorer.view.after.ax):
            limits.add((*ax.get_xlim(), *ax.get_ylim(), round(ax.get_position().height, 3)))
    assert len({numbers[:4] for numbers in limits}) == 1 and len(limits) == 1


def test_uniform_facts_per_channel(explore, baseline):
    explorer = explore("explore_uniform", baseline)
    explorer.controls["granularity"].value = "per_channel"
    weights = baseline.conv2.weight.detach().numpy()
    quantized = ql.uniform_quantize(weights, 4, granularity="per_channel")
    assert explorer.facts["unique values"] == f"{ql.unique_count(quantized)} of 256"
    assert explorer.facts["SQNR"] == f"{ql.sqnr_db(weights, quantized):.1f} dB"
    assert explorer.facts["step"].endswith("(the widest)") and explorer.error == ""


@pytest.mark.training
def test_uniform_level_at_zero_saves_3_bits(baseline, test_set, monkeypatch):
    monkeypatch.setattr(accuracy, "_test_images", lambda device: test_set)
    accuracy._sample.cache_clear()
    view = UniformView(baseline)
    measured = {}
    for grid in ("float", "int"):
        settings = {"weight_bits": 3, "bias_bits": 8, "zero_point": grid}
        [request] = view.evaluation_requests({**settings, "granularity": "per_tensor"})
        measurement = view.accuracy_cache.measure(request.key, request.make_model)
        measured[grid] = measurement.accuracy
        assert measurement.images == 1_000
    assert measured["float"] < 0.3 and measured["int"] > 0.85
