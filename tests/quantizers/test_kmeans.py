from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

import quantlab_helpers as ql
from tests.quantizers.examples import AWKWARD, WEIGHTS


def test_kmeans_quantize_beats_scikit_learn(rng):
    weights = rng.laplace(size=(30, 100)).astype(np.float32)
    for k in (2, 8, 16):
        expected = KMeans(k, n_init=10, random_state=0).fit(weights.reshape(-1, 1)).inertia_
        assert ql.sse(weights, ql.kmeans_quantize(weights, k)) <= expected * (1 + 1e-6)


@given(WEIGHTS, st.integers(1, 12))
def test_kmeans_quantize_assigns_nearest_centre(weights, k):
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


def test_kmeans_quantize_of_few_distinct_weights():
    weights = np.array([0.5, -1.0, 0.5, 0.5])
    quantized = ql.kmeans_quantize(weights, 8)
    assert quantized.k_used == 2 and quantized.bits == 1
    assert np.array_equal(quantized.dequantize(), weights.astype(np.float32))


@pytest.mark.parametrize("case", AWKWARD)
def test_kmeans_quantize_of_awkward_weights(case):
    weights = AWKWARD[case]
    decoded = ql.kmeans_quantize(weights, 3).dequantize()
    assert decoded.shape == weights.shape and np.isfinite(decoded).all()
    if weights.size <= 3:
        assert np.array_equal(decoded, weights.astype(np.float32))


def test_kmeans_quantize_sample_weight_moves_centre():
    quantized = ql.kmeans_quantize([0.0, 1.0], 1, sample_weight=[3.0, 1.0])
    assert quantized.codebook.tolist() == [0.25]


@pytest.mark.parametrize(
    ("k", "error", "message"),
    [
        (0, ValueError, r"`k` .* from 1 to 65536, got 0"),
        (2.5, TypeError, r"`k` .* got 2.5 of type float"),
    ],
)
def test_kmeans_quantize_names_bad_k(k, error, message):
    with pytest.raises(error, match=message):
        ql.kmeans_quantize([1.0, 2.0], k)


def test_sparse_kmeans_keeps_zeros(rng):
    weights = np.where(rng.random((30, 40)) < 0.1, rng.normal(size=(30, 40)), 0)
    quantized = ql.sparse_kmeans(weights, 6)
    decoded = quantized.dequantize()
    assert quantized.k_used == 6 and quantized.bits == 3
    assert np.array_equal(decoded == 0, weights == 0)
    assert (np.diff(quantized.codebook) > 0).all()
    rest = ql.kmeans_quantize(weights[weights != 0], 5)
    assert decoded[weights != 0].tolist() == rest.dequantize().tolist()


def test_sparse_kmeans_of_extreme_inputs():
    assert ql.sparse_kmeans(np.zeros((2, 3)), 8).codebook.tolist() == [0]
    assert ql.sparse_kmeans([1.0, 2.0], 2).codebook.tolist() == [1, 2]
    assert ql.sparse_kmeans([-1.0, 0.0], 2).dequantize().tolist() == [-1, 0]
    assert ql.sparse_kmeans([1.0, 0.0], 9).k_used == 2
    with pytest.raises(ValueError, match="`k` must be an integer from 2"):
        ql.sparse_kmeans([1.0], 1)
    with pytest.raises(ValueError, match="`weights` must be finite"):
        ql.sparse_kmeans([np.nan, 0.0], 2)
