import warnings
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.cluster import KMeans

import quantlab_helpers as ql

FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
WEIGHTS = hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=8), elements=FLOAT32)
BITS = st.integers(1, 16)

AWKWARD = {
    "zeros": np.zeros(5),
    "constant": np.full((2, 3), 0.7),
    "one element": np.array([-0.3]),
    "no axis": np.array(2.5),
    "all positive": np.array([3.0, 3.5, 9.0]),
    "all negative": np.array([-9.0, -3.5, -3.0]),
    "subnormal": np.array([0.0, 1e-45, 3e-45], np.float32),
    "huge": np.array([-3e38, 0.0, 3e38], np.float32),
    "one outlier": np.append(np.linspace(-1, 1, 50), 1e30),
    "neighbours": np.array([1.0, np.nextafter(np.float32(1), np.float32(2))], np.float32),
}


def grid_values(quantized):
    """The levels that the codes stand for, in float64, before rounding to float32."""
    if np.all(quantized.scale == 0):
        return quantized.dequantize().astype(np.float64)
    return (quantized.codes.astype(np.float64) - quantized.zero_point) * quantized.scale


def nearest_level(values, low, high, levels):
    """Brute force: the level of a linspace with the smallest distance, by argmin."""
    table = np.linspace(low, high, levels)
    return np.abs(values.reshape(-1, 1).astype(np.float64) - table).argmin(axis=1)


# Uniform quantization


@given(WEIGHTS, BITS)
def test_no_weight_moves_by_more_than_half_a_step(weights, bits):
    quantized = ql.uniform_quantize(weights, bits)
    error = np.abs(weights - grid_values(quantized))
    rounding = np.abs(weights).max().astype(np.float64) * 1e-15  # of zero_point * scale itself
    steps = 2.0**bits
    assert error.max() <= quantized.scale / 2 * (1 + 1e-9) + rounding * steps


@given(WEIGHTS, BITS)
def test_both_ends_are_hit_exactly(weights, bits):
    decoded = ql.uniform_quantize(weights, bits).dequantize()
    assert (decoded.min(), decoded.max()) == (weights.min(), weights.max())


@given(WEIGHTS, BITS, st.sampled_from(["float", "int"]))
def test_order_shape_and_dtypes_are_preserved(weights, bits, zero_point):
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
def test_quantizing_twice_changes_nothing_more(weights, bits):
    once = ql.uniform_quantize(weights, bits).dequantize()
    assert np.array_equal(ql.uniform_quantize(once, bits).dequantize(), once)


@pytest.mark.parametrize("bits", [1, 3, 8, 16])
def test_every_code_is_that_of_the_nearest_level_by_brute_force(rng, bits):
    weights = rng.laplace(size=2_000).astype(np.float32)
    expected = nearest_level(weights, float(weights.min()), float(weights.max()), 2**bits)
    assert np.array_equal(ql.uniform_quantize(weights, bits).codes, expected)


@pytest.mark.parametrize("case", AWKWARD)
@pytest.mark.parametrize("bits", [1, 8, 16])
@pytest.mark.parametrize("zero_point", ["float", "int"])
def test_awkward_inputs_have_a_defined_answer(case, bits, zero_point):
    weights = AWKWARD[case]
    quantized = ql.uniform_quantize(weights, bits, zero_point=zero_point)
    decoded = quantized.dequantize()
    assert decoded.shape == weights.shape and np.isfinite(decoded).all()
    if zero_point == "float":
        assert decoded.min() == np.float32(weights.min())
        assert decoded.max() == np.float32(weights.max())


@pytest.mark.parametrize("case", ["zeros", "constant", "one element", "no axis"])
def test_a_constant_tensor_comes_back_exactly_with_code_zero(case):
    quantized = ql.uniform_quantize(AWKWARD[case], 4)
    assert quantized.scale == 0 and not quantized.codes.any()
    assert np.array_equal(quantized.dequantize(), AWKWARD[case].astype(np.float32))


def test_ties_go_to_the_even_code():
    weights = np.array([0.0, 0.5, 1.5, 2.5, 3.0])
    assert ql.uniform_quantize(weights, 2).codes.tolist() == [0, 0, 2, 2, 3]


@given(WEIGHTS.filter(lambda w: np.ptp(w.astype(np.float64)) > 0), BITS)
def test_the_integer_zero_point_makes_zero_a_level_and_moves_the_ends_by_half_a_step(weights, bits):
    quantized = ql.uniform_quantize(weights, bits, zero_point="int")
    assert 0.0 in quantized.codebook
    assert quantized.zero_point == int(quantized.zero_point)
    assert 0 <= quantized.zero_point < 2**bits
    decoded = (quantized.codes.astype(np.float64) - quantized.zero_point) * quantized.scale
    assert np.abs(decoded - weights).max() <= quantized.scale * (1 + 1e-9)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_the_integer_zero_point_is_torchs(rng, bits):
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
    theirs = torch.fake_quantize_per_tensor_affine(
        torch.from_numpy(weights), scale.item(), zero_point.item(), 0, 2**bits - 1
    ).numpy()
    same = np.isclose(quantized.dequantize(), theirs, atol=quantized.scale * 1e-3)
    assert same.mean() > 0.999  # float32 arithmetic may fall on the other side of a tie


def test_the_step_is_that_of_torchs_quantize_per_tensor(rng):
    """quantize_per_tensor on our own scale and zero point gives our own codes."""
    weights = rng.normal(size=5_000).astype(np.float32)
    quantized = ql.uniform_quantize(weights, 8, zero_point="int")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch calls its quantized tensors deprecated
        theirs = torch.quantize_per_tensor(
            torch.from_numpy(weights), quantized.scale, int(quantized.zero_point), torch.quint8
        )
    assert (theirs.int_repr().numpy() == quantized.codes).mean() > 0.999
    assert theirs.q_scale() == pytest.approx(quantized.scale)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("zero_point", ["float", "int"])
def test_per_channel_quantizes_each_channel_as_if_it_were_alone(rng, axis, zero_point):
    weights = rng.normal(size=(4, 3, 5)).astype(np.float32)
    options = {"zero_point": zero_point}
    whole = ql.uniform_quantize(weights, 3, granularity="per_channel", axis=axis, **options)
    for index in range(weights.shape[axis]):
        alone = ql.uniform_quantize(np.take(weights, index, axis), 3, **options)
        assert np.array_equal(np.take(whole.dequantize(), index, axis), alone.dequantize())
        assert np.array_equal(whole.codebook[index], alone.codebook)
    assert whole.overhead_bytes == 8 * weights.shape[axis]
    assert whole.axis == axis % 3


def test_per_channel_is_never_worse_than_half_the_step_of_its_own_channel(rng):
    weights = rng.normal(size=(8, 100)) * 10.0 ** np.arange(-4, 4)[:, None]
    quantized = ql.uniform_quantize(weights, 4, granularity="per_channel")
    error = np.abs(weights - quantized.dequantize()).max(axis=1)
    assert np.all(error <= quantized.scale / 2 * (1 + 1e-5))


def test_clipping_keeps_the_central_percentage_as_the_range(rng):
    weights = np.append(rng.normal(size=9_999), 1e6)
    quantized = ql.uniform_quantize(weights, 8, clip=99.0)
    low, high = np.percentile(weights, [0.5, 99.5])
    assert quantized.codebook[[0, -1]] == pytest.approx([low, high], rel=1e-6)
    assert quantized.codes[-1] == 255
    whole = ql.uniform_quantize(weights, 8, clip=100)
    assert np.array_equal(whole.codebook, ql.uniform_quantize(weights, 8).codebook)


# k-means quantization


def test_kmeans_is_never_worse_than_scikit_learns(rng):
    weights = rng.laplace(size=(30, 100)).astype(np.float32)
    for k in (2, 8, 16):
        theirs = KMeans(k, n_init=10, random_state=0).fit(weights.reshape(-1, 1)).inertia_
        assert ql.sse(weights, ql.kmeans_quantize(weights, k)) <= theirs * (1 + 1e-6)


@given(WEIGHTS, st.integers(1, 12))
def test_every_weight_gets_its_nearest_centre_and_shape_and_order_stay(weights, k):
    quantized = ql.kmeans_quantize(weights, k)
    assert quantized.codes.shape == weights.shape and quantized.codes.dtype == np.uint8
    assert quantized.k_used == len(quantized.codebook) <= k
    assert quantized.bits == max(1, int(np.ceil(np.log2(quantized.k_used))))
    assert np.all(np.diff(quantized.codebook) >= 0)
    order = np.argsort(weights, axis=None, kind="stable")
    assert np.all(np.diff(quantized.codes.reshape(-1)[order].astype(int)) >= 0)
    centres = ql.kmeans_1d(weights, k).centres
    exact = [Fraction(centre) for centre in centres.tolist()]
    for weight, code in zip(weights.ravel().tolist(), quantized.codes.ravel(), strict=True):
        distances = [abs(Fraction(weight) - centre) for centre in exact]
        assert code == distances.index(min(distances))


def test_fewer_distinct_weights_than_centres_give_fewer_centres_and_no_error():
    weights = np.array([0.5, -1.0, 0.5, 0.5])
    quantized = ql.kmeans_quantize(weights, 8)
    assert quantized.k_used == 2 and quantized.bits == 1
    assert np.array_equal(quantized.dequantize(), weights.astype(np.float32))


@pytest.mark.parametrize("case", AWKWARD)
def test_kmeans_has_a_defined_answer_for_awkward_inputs(case):
    weights = AWKWARD[case]
    decoded = ql.kmeans_quantize(weights, 3).dequantize()
    assert decoded.shape == weights.shape and np.isfinite(decoded).all()
    if weights.size <= 3:
        assert np.array_equal(decoded, weights.astype(np.float32))


def test_sample_weight_moves_the_centre_to_where_it_counts():
    quantized = ql.kmeans_quantize([0.0, 1.0], 1, sample_weight=[3.0, 1.0])
    assert quantized.codebook.tolist() == [0.25]


# Both


@pytest.mark.parametrize("quantize", [ql.uniform_quantize, ql.kmeans_quantize])
@pytest.mark.parametrize(
    "convert",
    [
        lambda w: w.astype(np.float64),
        lambda w: torch.from_numpy(w),
        lambda w: torch.from_numpy(w).requires_grad_(),
        lambda w: np.asfortranarray(w),
        lambda w: np.repeat(w, 2, axis=1)[:, ::2],
        lambda w: w.tolist(),
    ],
    ids=["float64", "tensor", "parameter", "Fortran order", "strided", "list"],
)
def test_arrays_tensors_and_lists_give_the_same_codes(rng, quantize, convert):
    weights = rng.normal(size=(6, 7)).astype(np.float32)
    assert np.array_equal(quantize(convert(weights), 4).codes, quantize(weights, 4).codes)


@pytest.mark.parametrize("quantize", [ql.uniform_quantize, ql.kmeans_quantize])
def test_half_precision_is_read_as_it_is(rng, quantize):
    half = rng.normal(size=50).astype(np.float16)
    assert np.array_equal(quantize(half, 3).codes, quantize(half.astype(np.float32), 3).codes)
    brain = torch.from_numpy(half).bfloat16()
    assert np.array_equal(quantize(brain, 3).codes, quantize(brain.float(), 3).codes)


def test_payload_and_overhead_count_every_byte():
    weights = np.arange(11.0)
    uniform = ql.uniform_quantize(weights, 3)
    assert (uniform.payload_bytes, uniform.overhead_bytes) == (5, 8)  # 33 bits; min and max
    kmeans = ql.kmeans_quantize(weights, 5)
    assert (kmeans.bits, kmeans.payload_bytes, kmeans.overhead_bytes) == (3, 5, 20)


BAD = [
    (np.array([]), 2, ValueError, r"`weights` must hold at least one number, got shape \(0,\)"),
    ([1.0, np.nan, np.inf], 2, ValueError, r"`weights` must be finite, got 1 NaN and 1 infinite"),
    (["a"], 2, TypeError, r"`weights` must hold real numbers, got dtype <U1"),
    ([1 + 2j], 2, TypeError, r"`weights` must hold real numbers, got dtype complex128"),
    ([[1.0], [2.0, 3.0]], 2, TypeError, r"`weights` must be an array of numbers"),
]


@pytest.mark.parametrize(("weights", "setting", "error", "words"), BAD)
@pytest.mark.parametrize("quantize", [ql.uniform_quantize, ql.kmeans_quantize])
def test_bad_weights_are_named(quantize, weights, setting, error, words):
    with pytest.raises(error, match=words):
        quantize(weights, setting)


@pytest.mark.parametrize(
    ("call", "error", "words"),
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
        (lambda w: ql.kmeans_quantize(w, 0), ValueError, r"`k` .* from 1 to 65536, got 0"),
        (lambda w: ql.kmeans_quantize(w, 2.5), TypeError, r"`k` .* got 2.5 of type float"),
    ],
)
def test_bad_options_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call(np.array([1.0, 2.0]))
