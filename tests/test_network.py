import numpy as np
import pytest
import torch
from torch import nn

import quantlab_helpers as ql


def eight(weights):
    return ql.uniform_quantize(weights, 8)


def one(weights):
    return ql.uniform_quantize(weights, 1)


def test_the_network_given_is_untouched_and_the_new_one_computes_with_the_codes(baseline):
    before = {name: value.clone() for name, value in baseline.state_dict().items()}
    quantized = ql.quantize_model(baseline, weights=eight, biases=one)
    assert all(torch.equal(before[n], value) for n, value in baseline.state_dict().items())
    state = quantized.net.state_dict()
    for name, tensor in quantized.tensors.items():
        expected = tensor.dequantize() if name.endswith(("weight", "bias")) else tensor.numpy()
        assert np.array_equal(state[name].numpy(), expected)
    assert not quantized.net.training


def test_each_tensor_is_quantized_as_it_would_be_alone(baseline):
    quantized = ql.quantize_model(baseline, weights=eight, biases=one)
    for name, value in baseline.named_parameters():
        alone = (eight if name.endswith("weight") else one)(value)
        assert np.array_equal(quantized.tensors[name].codes, alone.codes)


def test_the_report_has_a_row_for_every_number_a_network_needs(baseline):
    quantized = ql.quantize_model(baseline, weights=eight, biases=one)
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


def test_nothing_quantized_costs_what_float32_costs(baseline, few):
    same = ql.quantize_model(baseline, weights=None, biases=None)
    assert same.total_bytes == ql.float32_bytes(baseline)
    assert ql.evaluate(same.net, few).correct == ql.evaluate(baseline, few).correct


def test_a_dict_gives_a_rule_to_the_layers_it_names(baseline):
    quantized = ql.quantize_model(baseline, weights={"fc2": one}, biases={"conv1": one})
    changed = [row.name for row in quantized.report if row.bits < 32]
    assert changed == ["conv1.bias", "fc2.weight"]


def test_a_single_layer_is_a_network_too():
    quantized = ql.quantize_model(nn.Linear(3, 2), weights=eight, biases=None)
    assert [row.name for row in quantized.report] == ["weight", "bias"]


@pytest.mark.parametrize(
    ("net", "weights", "words"),
    [
        (nn.ReLU(), eight, r"`net` must contain a Conv2d.*got a ReLU with none"),
        (nn.Linear(2, 2), lambda w: w, r"must return a QuantizedTensor .* for weight, got Tensor"),
        (nn.Linear(2, 2), lambda w: eight(w.ravel()), r"of shape \(2, 2\) for weight, got \(4,\)"),
        (
            ql.Net(),
            {"fc3": eight},
            r"`weights` must name layers .* got 'fc3'; its layers are conv1",
        ),
    ],
)
def test_bad_input_is_named(net, weights, words):
    with pytest.raises(ValueError, match=words):
        ql.quantize_model(net, weights=weights, biases=None)
