"""`kmeans_1d` against brute force, theory and scikit-learn; `assign` against exact arithmetic."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from quantlab_helpers.quantizers.optimal_kmeans import assign, kmeans_1d

small_integers = st.lists(st.integers(-9, 9), min_size=1, max_size=16)


@pytest.fixture
def rng():
    return np.random.default_rng(20240607)


def sse(values, centres, weights=None):
    """Weighted sum of squared distances to the nearest centre, in float64."""
    x, c = np.ravel(values).astype(np.float64), np.asarray(centres, np.float64)
    nearest = c[np.searchsorted((c[:-1] + c[1:]) / 2, x)]
    return float(((x - nearest) ** 2 * (1 if weights is None else np.ravel(weights))).sum())


def run_cost(values, weights):
    mean = Fraction(sum(w * x for x, w in zip(values, weights, strict=True)), sum(weights))
    return sum(w * (x - mean) ** 2 for x, w in zip(values, weights, strict=True))


def brute_force(values, k, weights=None):
    """Least cost over all partitions of the sorted distinct values into k runs, exactly."""
    counts = {}
    for x, w in zip(values, weights or [1] * len(values), strict=True):
        counts[x] = counts.get(x, 0) + w
    counts = {x: w for x, w in counts.items() if w}
    x = sorted(counts)
    w = [counts[v] for v in x]
    k = min(k, len(x))
    costs = (
        sum(run_cost(x[a:b], w[a:b]) for a, b in zip((0, *cut), (*cut, len(x)), strict=True))
        for cut in combinations(range(1, len(x)), k - 1)
    )
    return float(min(costs)), k


def textbook_program(values, k):
    """The O(k n^2) dynamic program, from costs about each run's own mean."""
    x = np.sort(np.ravel(values).astype(np.float64))
    n = x.size
    cost = np.full((n + 1, n + 1), np.inf)
    for start in range(n):
        for end in range(start + 1, n + 1):
            cost[start, end] = ((x[start:end] - x[start:end].mean()) ** 2).sum()
    best = cost[0]
    for _ in range(k - 1):
        best = (best[:, None] + cost).min(0)
    return float(best[n])


class TestKmeans1dOptimum:
    @given(values=small_integers, k=st.integers(1, 6))
    def test_kmeans_1d_few_values_with_repeats(self, values, k):
        best, k_used = brute_force(values, k)
        result = kmeans_1d(np.array(values, np.float32), k)
        assert result.k_used == result.centres.size == k_used
        assert result.inertia == pytest.approx(best, rel=1e-12, abs=1e-12)
        assert sse(values, result.centres) == pytest.approx(result.inertia, rel=1e-9, abs=1e-12)

    @given(pairs=st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 4)), max_size=12))
    def test_kmeans_1d_few_weighted_values(self, pairs):
        pairs.append((3, 1))
        values, weights = map(list, zip(*pairs, strict=True))
        best, k_used = brute_force(values, 3, weights)
        result = kmeans_1d(values, 3, sample_weight=weights)
        assert result.k_used == k_used
        assert result.inertia == pytest.approx(best, rel=1e-12, abs=1e-12)

    @pytest.mark.parametrize("k", [1, 2, 7, 30])
    @pytest.mark.parametrize("n", [17, 100, 256])
    def test_kmeans_1d_up_to_256_values(self, n, k, rng):
        values = rng.standard_t(2, n).astype(np.float32)
        assert kmeans_1d(values, k).inertia == pytest.approx(
            textbook_program(values, min(k, n)), rel=1e-9, abs=1e-12
        )

    @pytest.mark.parametrize("k", [2, 8, 20, 40, 64])
    def test_kmeans_1d_of_400_values(self, k, rng):
        values = rng.laplace(size=400)
        assert kmeans_1d(values, k).inertia <= textbook_program(values, k) * (1 + 1e-6)

    @pytest.mark.parametrize(
        ("density", "k", "error"),
        [
            *(("normal", *pair) for pair in [(2, 0.363380), (4, 0.117482), (8, 0.034548)]),
            *(("normal", *pair) for pair in [(16, 0.009501), (32, 0.002505)]),
            *(("laplace", *pair) for pair in [(2, 0.500000), (4, 0.176195), (8, 0.054476)]),
            *(("laplace", *pair) for pair in [(16, 0.015373), (32, 0.004102)]),
        ],
    )
    def test_kmeans_1d_reaches_lloyd_max_errors(self, density, k, error, rng):
        u = (np.arange(470_400) + rng.random(470_400)) / 470_400
        if density == "normal":
            values = np.sort(rng.normal(size=470_400))
        else:
            values = np.where(u < 0.5, np.log(2 * u), -np.log(2 - 2 * u))
        result = kmeans_1d(values.astype(np.float32), k)
        assert result.inertia / values.size / values.var() == pytest.approx(error, rel=0.015)

    @pytest.mark.parametrize("k", [2, 8, 64])
    @pytest.mark.parametrize("shape", range(12))
    def test_kmeans_1d_beats_scikit_learn(self, shape, k, rng):
        cluster = pytest.importorskip("sklearn.cluster")
        n = 5000
        values = [
            rng.normal(size=n),
            rng.laplace(size=n),
            rng.uniform(size=n),
            rng.standard_t(2, n),
            rng.standard_cauchy(n),
            rng.lognormal(0, 2, n),
            rng.exponential(size=n),
            np.where(rng.random(n) < 0.9, 0, rng.normal(size=n)),
            np.where(rng.random(n) < 0.5, rng.normal(-9, 1, n), rng.normal(9, 0.1, n)),
            np.where(rng.random(n) < 0.98, rng.laplace(0, 2e-4, n), rng.normal(0, 0.05, n)),
            np.r_[rng.normal(size=n - 1), 1e4],
            rng.normal(size=n).round(1),
        ][shape].astype(np.float32)
        distinct = np.unique(values).size
        result = kmeans_1d(values, k)
        reference = cluster.KMeans(min(k, distinct), n_init=10, random_state=0)
        reference.fit(values.astype(np.float64)[:, None])
        assert result.inertia <= sse(values, np.unique(reference.cluster_centers_)) * (1 + 1e-9)


class TestKmeans1dResult:
    def test_kmeans_1d_centres_are_means(self, rng):
        values = rng.normal(size=10_000).astype(np.float32)
        result = kmeans_1d(values, 20)
        codes = assign(values, result.centres)
        means = [values[codes == j].astype(np.float64).mean() for j in range(20)]
        np.testing.assert_allclose(result.centres, means, rtol=1e-12)
        assert result.inertia == pytest.approx(sse(values, result.centres), rel=1e-9)

    @pytest.mark.parametrize("k", [1, 5, 40, 100, 300])
    def test_kmeans_1d_centres_ascend(self, k, rng):
        result = kmeans_1d(rng.standard_cauchy(3000), k)
        assert result.k_used == result.centres.size == k
        assert (np.diff(result.centres) > 0).all()

    def test_kmeans_1d_fewer_distinct_values(self):
        result = kmeans_1d(np.repeat([3.0, 1.0, 2.0], 1000), 8)
        assert result.centres.tolist() == [1.0, 2.0, 3.0]
        assert (result.inertia, result.k_used) == (0.0, 3)

    @pytest.mark.parametrize("value", [0.0, 0.1, -7e30, 1e-310, 1e308])
    def test_kmeans_1d_of_constant(self, value):
        result = kmeans_1d(np.full(1000, value), 4)
        assert (result.centres.tolist(), result.inertia, result.k_used) == ([value], 0.0, 1)

    def test_kmeans_1d_of_one_value(self):
        result = kmeans_1d(2.5, 3)
        assert (result.centres.tolist(), result.inertia, result.k_used) == ([2.5], 0.0, 1)

    @pytest.mark.parametrize("outlier", [1e30, -1e30])
    def test_kmeans_1d_outlier_costs_one_centre(self, outlier, rng):
        values = rng.normal(size=20_000).astype(np.float32)
        far = kmeans_1d(np.append(values, np.float32(outlier)), 8)
        near = kmeans_1d(values, 7)
        centres = far.centres[:-1] if outlier > 0 else far.centres[1:]
        assert far.inertia == pytest.approx(near.inertia, rel=1e-4)
        np.testing.assert_allclose(centres, near.centres, atol=0.05)

    def test_kmeans_1d_separates_subnormal_values(self):
        values = np.array([1, 2, 11, 12] * 300, np.float32) * np.float32(1e-45)
        codes = assign(values, kmeans_1d(values, 2).centres)
        assert codes[:4].tolist() == [0, 0, 1, 1]

    def test_kmeans_1d_many_zeros_share_centre(self, rng):
        values = np.where(rng.random(20_000) < 0.9, 0, rng.normal(size=20_000))
        result = kmeans_1d(values, 16)
        assert np.abs(result.centres).min() < 0.02
        assert result.inertia < sse(values, kmeans_1d(values, 15).centres)

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_kmeans_1d_same_for_float_types(self, dtype, rng):
        values = rng.normal(size=3000).astype(np.float16)
        np.testing.assert_allclose(
            kmeans_1d(values.astype(dtype), 9).centres, kmeans_1d(values, 9).centres, rtol=1e-12
        )

    def test_kmeans_1d_ignores_shape_and_order(self, rng):
        values = rng.normal(size=(60, 80)).astype(np.float32)
        expected = kmeans_1d(values.ravel(), 10)
        for view in (values.T, values[::-1], np.asfortranarray(values)):
            result = kmeans_1d(view, 10)
            assert result.centres.tolist() == expected.centres.tolist()

    @pytest.mark.parametrize("k", [4, 40])
    def test_kmeans_1d_shift_and_scale(self, k, rng):
        values = rng.normal(size=2000)
        result, moved = kmeans_1d(values, k), kmeans_1d(8 * values + 32, k)
        assert moved.inertia == pytest.approx(64 * result.inertia, rel=1e-6)

    def test_kmeans_1d_and_assign_keep_inputs(self, rng):
        values, weights = rng.normal(size=1000), rng.random(1000)
        values.flags.writeable = weights.flags.writeable = False
        before = values.copy(), weights.copy()
        result = kmeans_1d(values, 5, sample_weight=weights)
        assign(values, result.centres)
        assert (values == before[0]).all() and (weights == before[1]).all()


class TestKmeans1dSampleWeight:
    def test_kmeans_1d_integer_weights_repeat_values(self, rng):
        values = rng.normal(size=1000)
        weights = rng.integers(0, 5, 1000)
        result = kmeans_1d(values, 12, sample_weight=weights)
        repeated = kmeans_1d(np.repeat(values, weights), 12)
        assert result.inertia == pytest.approx(repeated.inertia, rel=1e-9)
        np.testing.assert_allclose(result.centres, repeated.centres, rtol=1e-9, atol=1e-12)

    def test_kmeans_1d_weight_zero_removes_value(self, rng):
        values = rng.normal(size=(50, 40)).astype(np.float32)
        keep = rng.random(values.shape) < 0.7
        result = kmeans_1d(values, 6, sample_weight=keep)
        assert result.inertia == pytest.approx(kmeans_1d(values[keep], 6).inertia, rel=1e-9)

    def test_kmeans_1d_equal_weights_change_nothing(self, rng):
        values = rng.laplace(size=5000)
        result = kmeans_1d(values, 20, sample_weight=np.full(5000, 0.25))
        plain = kmeans_1d(values, 20)
        np.testing.assert_allclose(result.centres, plain.centres, rtol=1e-9, atol=1e-12)
        assert result.inertia == pytest.approx(plain.inertia / 4, rel=1e-9)


class TestAssign:
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    @pytest.mark.parametrize("k", [1, 2, 8, 40, 41, 256, 257])
    def test_assign_equals_float64_search(self, dtype, k, rng):
        values = rng.normal(size=(30, 40)).astype(dtype)
        centres = np.sort(rng.normal(size=k))
        codes = assign(values[:, ::2], centres)
        distance = np.abs(values[:, ::2, None].astype(np.float64) - centres)
        np.testing.assert_array_equal(codes, distance.argmin(-1))
        assert codes.dtype == (np.uint8 if k <= 256 else np.uint16)

    @given(
        values=st.lists(st.floats(-4, 4, width=16), min_size=1, max_size=20),
        centres=st.lists(st.floats(-4, 4), min_size=1, max_size=50, unique=True),
        dtype=st.sampled_from([np.float16, np.float32, np.float64]),
    )
    def test_assign_exact_near_midpoints(self, values, centres, dtype):
        centres = np.unique(centres)
        middles = ((centres[:-1] + centres[1:]) / 2).astype(dtype)
        values = np.r_[
            np.array(values, dtype),
            middles,
            np.nextafter(middles, dtype(-9)),
            np.nextafter(middles, dtype(9)),
        ]
        exact = [Fraction(c) for c in centres.tolist()]
        expected = [
            min(range(len(exact)), key=lambda j: abs(Fraction(x) - exact[j]))
            for x in values.tolist()
        ]
        assert assign(values, centres).tolist() == expected

    @pytest.mark.parametrize("k", [3, 100])
    def test_assign_ties_to_lower_centre(self, k):
        centres = np.arange(k, dtype=np.float64)
        assert assign(centres[:-1] + 0.5, centres).tolist() == list(range(k - 1))

    def test_assign_centres_beyond_type_range(self):
        assert assign(np.array([-6e4, 6e4], np.float16), [-1e9, 0.0, 1e6]).tolist() == [1, 1]
        assert assign([-1e308, 1e308], [-1.7e308, 1.7e308]).tolist() == [0, 1]

    def test_assign_across_blocks(self, rng):
        values = rng.normal(size=200_001).astype(np.float32)
        np.testing.assert_array_equal(assign(values, [-1.0, 1.0]), values > 0)


class TestMessages:
    @pytest.mark.parametrize("call", [kmeans_1d, assign])
    def test_kmeans_1d_assign_name_bad_values(self, call):
        second = [0.0, 1.0] if call is assign else 2
        with pytest.raises(ValueError, match=r"`values` must hold at least one number.*\(0, 3\)"):
            call(np.empty((0, 3)), second)
        values = np.r_[np.arange(16.0), [np.nan] * 3, np.inf]
        with pytest.raises(
            ValueError, match=r"finite, got 3 NaN and 1 infinite among 20.*nan_to_num"
        ):
            call(values, second)

    @pytest.mark.parametrize("k", [0, -1, 65537, 2.0, True, "8", None])
    def test_kmeans_1d_names_bad_k(self, k):
        with pytest.raises((ValueError, TypeError), match="`k` must be an integer from 1 to 65536"):
            kmeans_1d([1.0, 2.0], k)

    def test_kmeans_1d_accepts_numpy_integers(self):
        assert kmeans_1d([1.0, 2.0], np.int64(2)).k_used == 2

    @pytest.mark.parametrize("weights", [[1, -1], [1, np.nan], [1, np.inf], [0, 0]])
    def test_kmeans_1d_names_bad_weights(self, weights):
        with pytest.raises(ValueError, match=r"`sample_weight` must be finite, at least 0.*clip"):
            kmeans_1d([1.0, 2.0], 1, sample_weight=weights)

    def test_kmeans_1d_names_wrong_weight_shape(self):
        with pytest.raises(ValueError, match=r"shape of `values`, \(2,\), got \(3,\)"):
            kmeans_1d([1.0, 2.0], 1, sample_weight=[1, 1, 1])

    @pytest.mark.parametrize("centres", [[1.0, 0.0], [1.0, 1.0], [[0.0, 1.0]]])
    def test_assign_names_unsorted_centres(self, centres):
        with pytest.raises(ValueError, match=r"1-D, strictly ascending.*np.unique\(centres\)"):
            assign([1.0], centres)

    @pytest.mark.parametrize("centres", [[], [0.0, np.nan]])
    def test_assign_names_bad_centres(self, centres):
        with pytest.raises(ValueError, match="`centres` must"):
            assign([1.0], centres)


def test_kmeans_1d_large_k_fills_clusters(rng):
    values = rng.laplace(size=20_000).astype(np.float32)
    result = kmeans_1d(values, 5000)
    assert result.k_used == 5000
    assert result.inertia < kmeans_1d(values, 1000).inertia / 10


@pytest.mark.parametrize("sign", [1, -1])
def test_kmeans_1d_outlier_keeps_small_differences(sign):
    values = sign * np.array([-1.8e16, -2.0, -1.0, 0.0, 1e-15, 17.0, 51.0, 1.9e8, 2.0e8])
    result = kmeans_1d(values, 8)
    assert result.inertia == pytest.approx(0.5e-30, rel=1e-6)


@pytest.mark.parametrize("n", [40, 300, 5_000])
@pytest.mark.parametrize("sign", [1, -1])
def test_kmeans_1d_outlier_keeps_other_clusters(n, sign, rng):
    values = np.sort(rng.normal(size=n))
    with_outlier = np.append(values, sign * 1e14)
    assert kmeans_1d(with_outlier, 6).inertia == pytest.approx(
        kmeans_1d(values, 5).inertia, rel=1e-6
    )


def test_kmeans_1d_and_assign_read_tensors(rng):
    values = rng.normal(size=(20, 5)).astype(np.float32)
    tensor = torch.from_numpy(values).requires_grad_()
    result = kmeans_1d(tensor, 4, sample_weight=torch.ones(20, 5))
    assert np.array_equal(result.centres, kmeans_1d(values, 4).centres)
    assert np.array_equal(assign(tensor, result.centres), assign(values, result.centres))
