import numpy as np
import pytest
from torch import nn

import quantlab_helpers as ql


def test_sqnr_db_is_ten_log_of_ratio(rng):
    weights = rng.normal(size=1_000)
    quantized = ql.uniform_quantize(weights, 4)
    noise = weights - quantized.dequantize()
    expected = 10 * np.log10(np.sum(weights**2) / np.sum(noise**2))
    assert ql.sqnr_db(weights, quantized) == pytest.approx(expected)


def test_sqnr_db_rises_six_per_bit(rng):
    weights = rng.uniform(-1, 1, 100_000)
    gains = np.diff([ql.sqnr_db(weights, ql.uniform_quantize(weights, b)) for b in range(4, 9)])
    assert np.allclose(gains, 6.02, atol=0.6)


def test_sqnr_db_without_error_or_signal():
    assert ql.sqnr_db([0.0, 1.0], ql.uniform_quantize([0.0, 1.0], 1)) == np.inf
    assert ql.sqnr_db([0.0, 0.0], ql.uniform_quantize([1.0, 1.0], 1)) == -np.inf


@pytest.mark.parametrize(
    ("codes", "bits"),
    [([3, 3, 3], 0.0), ([0, 1], 1.0), ([0, 1, 2, 3], 2.0), ([0, 0, 0, 1], 0.8113)],
)
def test_entropy_bits_of_known_distributions(codes, bits):
    assert ql.entropy_bits(codes) == pytest.approx(bits, abs=1e-4)


def test_entropy_bits_at_most_code_bits(rng):
    quantized = ql.kmeans_quantize(rng.laplace(size=5_000), 8)
    assert ql.entropy_bits(quantized.codes) <= quantized.bits


def test_unique_count_before_and_after_quantization():
    weights = np.array([0.0, 0.1, 0.1, 1.0])
    assert ql.unique_count(weights) == 3
    assert ql.unique_count(ql.uniform_quantize(weights, 1)) == 2


def test_half_step_bound_limits_every_error(rng):
    weights = rng.normal(size=500)
    quantized = ql.uniform_quantize(weights, 5)
    error = np.abs(weights - quantized.dequantize()).max()
    assert error <= ql.half_step_bound(quantized) * (1 + 1e-5)


def test_float32_bytes_include_running_statistics():
    assert ql.float32_bytes(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))) == 4 * (8 + 8)
    assert ql.float32_bytes(ql.Net()) == 4 * (481_214 + 2 * (16 + 16 + 32))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda q: ql.sse([1.0], q), r"shape of `quantized`, got \(1,\) and \(2,\)"),
        (lambda q: ql.half_step_bound(q), r"must come from uniform_quantize, got a learned"),
        (lambda q: ql.entropy_bits([]), r"at least one integer of 0 or more, got 0"),
        (lambda q: ql.entropy_bits([0.5]), r"got 1 of dtype float64; pass the .codes"),
        (lambda q: ql.entropy_bits([-1]), r"at least one integer of 0 or more"),
    ],
)
def test_metrics_name_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call(ql.kmeans_quantize([0.0, 1.0], 2))
