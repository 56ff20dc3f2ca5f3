import numpy as np
import pytest
import torch
from torch import nn

import quantlab_helpers as ql
from quantlab_helpers.network import with_tensors


def to_8_bits(weights):
    return ql.uniform_quantize(weights, 8)


def to_one_centre(weights):
    return ql.uniform_quantize(weights, 1)


def test_quantize_model_returns_new_network(baseline):
    before = {name: value.clone() for name, value in baseline.state_dict().items()}
    quantized = ql.quantize_model(baseline, weights=to_8_bits, biases=to_one_centre)
    assert all(torch.equal(before[n], value) for n, value in baseline.state_dict().items())
    state = quantized.net.state_dict()
    for name, tensor in quantized.tensors.items():
        expected = tensor.dequantize() if name.endswith(("weight", "bias")) else tensor.numpy()
        assert np.array_equal(state[name].numpy(), expected)
    assert not quantized.net.training


def test_quantize_model_quantizes_each_tensor_alone(baseline):
    quantized = ql.quantize_model(baseline, weights=to_8_bits, biases=to_one_centre)
    for name, value in baseline.named_parameters():
        alone = (to_8_bits if name.endswith("weight") else to_one_centre)(value)
        assert np.array_equal(quantized.tensors[name].codes, alone.codes)


def test_quantized_model_report_has_every_tensor(baseline):
    quantized = ql.quantize_model(baseline, weights=to_8_bits, biases=to_one_centre)
    rows = {row.name: row for row in quantized.report}
    assert set(rows) == {n for n in baseline.state_dict() if not n.endswith("tracked")}
    conv1 = rows["conv1.weight"]
    assert conv1.shape == (16, 1, 5, 5) and conv1.unique_before == 400
    assert conv1.unique_after == len(np.unique(quantized.tensors["conv1.weight"].codes)) <= 256
    assert (conv1.bits, conv1.payload_bytes, conv1.overhead_bytes) == (8, 400, 8)
    bias = rows["fc1.bias"]
    assert (bias.unique_after, bias.payload_bytes) == (2, 38)
    kept = rows["bn1.running_mean"]
    assert (kept.bits, kept.payload_bytes, kept.sqnr_db) == (32, 64, float("inf"))
    total = sum(row.payload_bytes + row.overhead_bytes for row in quantized.report)
    assert quantized.total_bytes == total


def test_quantize_model_without_quantizers(baseline, few):
    same = ql.quantize_model(baseline, weights=None, biases=None)
    assert same.total_bytes == ql.float32_bytes(baseline)
    assert ql.evaluate(same.net, few).correct == ql.evaluate(baseline, few).correct


def test_quantize_model_dict_names_layers(baseline):
    quantized = ql.quantize_model(
        baseline, weights={"fc2": to_one_centre}, biases={"conv1": to_one_centre}
    )
    changed = [row.name for row in quantized.report if row.bits < 32]
    assert changed == ["conv1.bias", "fc2.weight"]


def test_quantize_model_of_single_layer():
    quantized = ql.quantize_model(nn.Linear(3, 2), weights=to_8_bits, biases=None)
    assert [row.name for row in quantized.report] == ["weight", "bias"]


@pytest.mark.parametrize(
    ("net", "weights", "message"),
    [
        (nn.ReLU(), to_8_bits, r"`net` must contain a Conv2d.*got a ReLU with none"),
        (nn.Linear(2, 2), lambda w: w, r"must return a QuantizedTensor .* for weight, got Tensor"),
        (
            nn.Linear(2, 2),
            lambda w: to_8_bits(w.ravel()),
            r"of shape \(2, 2\) for weight, got \(4,\)",
        ),
        (
            ql.Net(),
            {"fc3": to_8_bits},
            r"`weights` must name layers .* got 'fc3'; its layers are conv1",
        ),
    ],
)
def test_quantize_model_names_bad_input(net, weights, message):
    with pytest.raises(ValueError, match=message):
        ql.quantize_model(net, weights=weights, biases=None)


def test_with_tensors_changes_a_copy(baseline):
    model = ql.quantize_model(baseline, weights=None, biases=to_one_centre)
    constant = ql.QuantizedTensor(np.zeros(10, np.uint8), np.full(1, 2.0, np.float32), 1)
    changed = with_tensors(model, {"fc2.bias": constant})
    assert (changed.net.fc2.bias == 2).all() and (model.net.fc2.bias != 2).all()
    assert changed.tensors["fc2.bias"] is constant
    assert torch.equal(changed.net.fc1.weight, model.net.fc1.weight)
