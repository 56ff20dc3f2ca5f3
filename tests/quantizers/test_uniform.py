import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import quantlab_helpers as ql
from tests.quantizers.examples import AWKWARD, WEIGHTS

BITS = st.integers(1, 16)


def grid_values(quantized):
    """The levels that the codes stand for, in float64, before rounding to float32."""
    if np.all(quantized.scale == 0):
        return quantized.dequantize().astype(np.float64)
    return (quantized.codes.astype(np.float64) - quantized.zero_point) * quantized.scale


def nearest_level(values, low, high, levels):
    """Brute force: the level of a linspace with the smallest distance, by argmin."""
    table = np.linspace(low, high, levels)
    return np.abs(values.reshape(-1, 1).astype(np.float64) - table).argmin(axis=1)


@given(WEIGHTS, BITS)
def test_uniform_quantize_error_at_most_half_step(weights, bits):
    quantized = ql.uniform_quantize(weights, bits)
    error = np.abs(weights - grid_values(quantized))
    rounding = np.abs(weights).max().astype(np.float64) * 1e-15  # of zero_point * scale itself
    steps = 2.0**bits
    assert error.max() <= quantized.scale / 2 * (1 + 1e-9) + rounding * steps


@given(WEIGHTS, BITS)
def test_uniform_quantize_hits_both_ends(weights, bits):
    decoded = ql.uniform_quantize(weights, bits).dequantize()
    assert (decoded.min(), decoded.max()) == (weights.min(), weights.max())


@given(WEIGHTS, BITS, st.sampled_from(["float", "int"]))
def test_uniform_quantize_keeps_order_shape_dtypes(weights, bits, zero_point):
    before = weights.copy()
    quantized = ql.uniform_quantize(weights, bits, zero_point=zero_point)
    order = np.argsort(weights, axis=None, kind="stable")
    assert np.all(np.diff(quantized.codes.reshape(-1)[order].astype(int)) >= 0)
    assert quantized.codes.shape == quantized.dequantize().shape == weights.shape
    assert quantized.codes.dtype == (np.uint8 if bits <= 8 else np.uint16)
    assert quantized.codebook.dtype == quantized.dequantize().dtype == np.float32
    assert np.all(np.diff(quantized.codebook) >= 0) and len(quantized.codebook) == 2**bits
    assert np.array_equal(weights, before)


@given(WEIGHTS, BITS)
def test_uniform_quantize_twice_changes_nothing(weights, bits):
    once = ql.uniform_quantize(weights, bits).dequantize()
    assert np.array_equal(ql.uniform_quantize(once, bits).dequantize(), once)


@pytest.mark.parametrize("bits", [1, 3, 8, 16])
def test_uniform_quantize_matches_brute_force(rng, bits):
    weights = rng.laplace(size=400).astype(np.float32)
    expected = nearest_level(weights, float(weights.min()), float(weights.max()), 2**bits)
    assert np.array_equal(ql.uniform_quantize(weights, bits).codes, expected)


@pytest.mark.parametrize("case", AWKWARD)
@pytest.mark.parametrize("bits", [1, 8, 16])
@pytest.mark.parametrize("zero_point", ["float", "int"])
def test_uniform_quantize_of_awkward_weights(case, bits, zero_point):
    weights = AWKWARD[case]
    quantized = ql.uniform_quantize(weights, bits, zero_point=zero_point)
    decoded = quantized.dequantize()
    assert decoded.shape == weights.shape and np.isfinite(decoded).all()
    if zero_point == "float":
        assert decoded.min() == np.float32(weights.min())
        assert decoded.max() == np.float32(weights.max())


@pytest.mark.parametrize("case", ["zeros", "constant", "one element", "no axis"])
def test_uniform_quantize_of_constant_tensor(case):
    quantized = ql.uniform_quantize(AWKWARD[case], 4)
    assert quantized.scale == 0 and not quantized.codes.any()
    assert np.array_equal(quantized.dequantize(), AWKWARD[case].astype(np.float32))


def test_uniform_quantize_ties_to_even():
    weights = np.array([0.0, 0.5, 1.5, 2.5, 3.0])
    assert ql.uniform_quantize(weights, 2).codes.tolist() == [0, 0, 2, 2, 3]


@given(WEIGHTS.filter(lambda w: np.ptp(w.astype(np.float64)) > 0), BITS)
def test_uniform_quantize_integer_zero_point(weights, bits):
    quantized = ql.uniform_quantize(weights, bits, zero_point="int")
    assert 0.0 in quantized.codebook
    assert quantized.zero_point == int(quantized.zero_point)
    assert 0 <= quantized.zero_point < 2**bits
    decoded = (quantized.codes.astype(np.float64) - quantized.zero_point) * quantized.scale
    assert np.abs(decoded - weights).max() <= quantized.scale * (1 + 1e-9)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_uniform_quantize_matches_torch_minmax_observer(rng, bits):
    """MinMaxObserver's formula by torch's own fake quantization, float32 against float64."""
    weights = rng.normal(0.3, 1, 5_000).astype(np.float32)
    quantized = ql.uniform_quantize(weights, bits, zero_point="int")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        observer = torch.ao.quantization.MinMaxObserver(
            dtype=torch.quint8, quant_min=0, quant_max=2**bits - 1
        )
        observer(torch.from_numpy(weights))
        scale, zero_point = observer.calculate_qparams()
    assert quantized.scale == pytest.approx(scale.item(), rel=1e-6)
    assert quantized.zero_point == zero_point.item()
    expected = torch.fake_quantize_per_tensor_affine(
        torch.from_numpy(weights), scale.item(), zero_point.item(), 0, 2**bits - 1
    ).numpy()
    same = np.isclose(quantized.dequantize(), expected, atol=quantized.scale * 1e-3)
    assert same.mean() > 0.999  # float32 arithmetic may fall on the other side of a tie


def test_uniform_quantize_matches_torch_quantize_per_tensor(rng):
    """quantize_per_tensor on our own scale and zero point gives our own codes."""
    weights = rng.normal(size=5_000).astype(np.float32)
    quantized = ql.uniform_quantize(weights, 8, zero_point="int")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch calls its quantized tensors deprecated
        expected = torch.quantize_per_tensor(
            torch.from_numpy(weights), quantized.scale, int(quantized.zero_point), torch.quint8
        )
    assert (expected.int_repr().numpy() == quantized.codes).mean() > 0.999
    assert expected.q_scale() == pytest.approx(quantized.scale)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("zero_point", ["float", "int"])
def test_uniform_quantize_per_channel_equals_channels_alone(rng, axis, zero_point):
    weights = rng.normal(size=(4, 3, 5)).astype(np.float32)
    options = {"zero_point": zero_point}
    whole = ql.uniform_quantize(weights, 3, granularity="per_channel", axis=axis, **options)
    for index in range(weights.shape[axis]):
        alone = ql.uniform_quantize(np.take(weights, index, axis), 3, **options)
        assert np.array_equal(np.take(whole.dequantize(), index, axis), alone.dequantize())
        assert np.array_equal(whole.codebook[index], alone.codebook)
    assert whole.overhead_bytes == 8 * weights.shape[axis]
    assert whole.axis == axis % 3


def test_uniform_quantize_per_channel_error_bound(rng):
    weights = rng.normal(size=(8, 100)) * 10.0 ** np.arange(-4, 4)[:, None]
    quantized = ql.uniform_quantize(weights, 4, granularity="per_channel")
    error = np.abs(weights - quantized.dequantize()).max(axis=1)
    assert np.all(error <= quantized.scale / 2 * (1 + 1e-5))


def test_uniform_quantize_clip_keeps_central_range(rng):
    weights = np.append(rng.normal(size=9_999), 1e6)
    quantized = ql.uniform_quantize(weights, 8, clip=99.0)
    low, high = np.percentile(weights, [0.5, 99.5])
    assert quantized.codebook[[0, -1]] == pytest.approx([low, high], rel=1e-6)
    assert quantized.codes[-1] == 255
    whole = ql.uniform_quantize(weights, 8, clip=100)
    assert np.array_equal(whole.codebook, ql.uniform_quantize(weights, 8).codebook)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda w: ql.uniform_quantize(w, 0), ValueError, r"`bits` .* from 1 to 16, got 0"),
        (lambda w: ql.uniform_quantize(w, 17), ValueError, r"`bits` .* from 1 to 16, got 17"),
        (lambda w: ql.uniform_quantize(w, 3.0), TypeError, r"`bits` .* got 3.0 of type float"),
        (lambda w: ql.uniform_quantize(w, True), TypeError, r"`bits` .* got True"),
        (lambda w: ql.uniform_quantize(w * 1e300, 2), ValueError, r"must fit in float32"),
        (
            lambda w: ql.uniform_quantize(w, 2, zero_point="none"),
            ValueError,
            r"`zero_point` must be one of 'float', 'int', got 'none'",
        ),
        (
            lambda w: ql.uniform_quantize(w, 2, granularity="per_row"),
            ValueError,
            r"`granularity` must be one of",
        ),
        (
            lambda w: ql.uniform_quantize(w, 2, granularity="per_channel", axis=1),
            ValueError,
            r"`axis` must name an axis of `weights`, from -1 to 0, got 1 for shape \(2,\)",
        ),
        (
            lambda w: ql.uniform_quantize(w, 2, clip=20),
            ValueError,
            r"`clip` must be \"minmax\" or a percentage from 50 to 100, got 20",
        ),
    ],
)
def test_uniform_quantize_names_bad_options(call, error, message):
    with pytest.raises(error, match=message):
        call(np.array([1.0, 2.0]))
