import numpy as np
import pytest

from quantlab_helpers.quantizers import _binning
from quantlab_helpers.quantizers import optimal_kmeans as kmeans
from quantlab_helpers.quantizers.optimal_kmeans import kmeans_1d


@pytest.fixture
def values(rng):
    draws = [rng.laplace(size=40_000), rng.normal(5, 3, 20_000), [0.0, -0.0, 1e-45, 3e38, -3e38]]
    return rng.permutation(np.concatenate(draws)).astype(np.float32)


def test_group_by_leading_bits_matches_exact_sums(values):
    bins = _binning.group_by_leading_bits(values)
    assert np.all(np.diff(bins.means) > 0) and bins.counts.sum() == values.size
    for i in range(0, bins.labels.size, 50):
        inside = values[bins.keys == bins.labels[i]].astype(np.float64)
        assert bins.counts[i] == inside.size
        assert bins.means[i] == pytest.approx(inside.mean(), rel=1e-14)
        spread = ((inside - inside.mean()) ** 2).sum()
        assert bins.errors[i] == pytest.approx(spread, rel=1e-9, abs=1e-12 * inside.mean() ** 2)


def test_group_by_leading_bits_orders_values(values):
    values = values[values != 0]  # equal zeros of two signs are two bins
    bins = _binning.group_by_leading_bits(values)
    order = np.argsort(values)
    place = np.empty(1 << 16, int)
    place[bins.labels] = np.arange(bins.labels.size)
    assert np.all(np.diff(place[bins.keys[order]]) >= 0)


def test_open_bins_keeps_values_and_order(values):
    bins = _binning.group_by_leading_bits(values)
    chosen = np.zeros(bins.labels.size, bool)
    chosen[::3] = True
    cells, weights = _binning.open_bins(values, bins, chosen)
    assert np.all(np.diff(cells) > 0)
    assert weights.sum() == values.size
    total = values.astype(np.float64).sum()
    assert cells @ weights == pytest.approx(total, abs=1e-9 * np.abs(values.astype(float)).sum())
    inside = np.isin(bins.keys, bins.labels[chosen])
    assert set(np.unique(values[inside]).tolist()) <= set(cells.tolist())


SHAPES = {
    "Laplace": lambda rng, n: rng.laplace(size=n),
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy-tailed": lambda rng, n: rng.standard_t(2, n),
    "trained": lambda rng, n: np.where(
        rng.random(n) < 0.98, rng.laplace(0, 2e-4, n), rng.normal(0, 0.05, n)
    ),
    "two far clusters": lambda rng, n: rng.normal(rng.choice([-50, 80], n), 1e-2 * rng.random(n)),
    "mostly zero": lambda rng, n: np.where(rng.random(n) < 0.9, 0, rng.normal(size=n)),
    "one sign": lambda rng, n: rng.lognormal(0, 2, n),
    "one outlier": lambda rng, n: np.r_[rng.normal(size=n - 1), 1e30],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("k", [1, 2, 5, 8])
def test_kmeans_1d_by_bins_equals_sorting(shape, k, rng, monkeypatch):
    values = SHAPES[shape](rng, 60_000).astype(np.float32)
    binned = kmeans_1d(values, k)
    monkeypatch.setattr(kmeans, "BINNING_MIN_VALUES", values.size)
    by_sort = kmeans_1d(values, k)
    assert binned.k_used == by_sort.k_used == k
    assert binned.inertia <= by_sort.inertia * (1 + 1e-6)
    labels = kmeans.assign(values, binned.centres)
    error = values.astype(np.float64) - binned.centres[labels]
    assert binned.inertia == pytest.approx(error @ error, rel=1e-9)
    assert np.allclose(
        binned.centres,
        [values[labels == j].astype(np.float64).mean() for j in range(k)],
        rtol=1e-6,
        atol=1e-6 * np.abs(binned.centres).max(),
    )


@pytest.mark.parametrize("k", [14, 64, 256, 1000])
def test_assign_by_bins_equals_midpoint_search(k, rng):
    centres = np.sort(rng.laplace(size=k))
    values = rng.laplace(size=100_000).astype(np.float32)
    middles = (centres[1:] + centres[:-1]) / 2
    # Where bins begin and end, on the midpoints themselves, and next to them.
    ends = np.concatenate(_binning.bin_ends())
    near = middles.astype(np.float32)
    hard = [ends[np.isfinite(ends)], near, np.nextafter(near, np.float32(9)), [0.0, -0.0, 3e38]]
    values[: sum(map(len, hard))] = np.concatenate(hard)[: values.size]
    assert np.array_equal(kmeans.assign(values, centres), np.searchsorted(middles, values))


@pytest.mark.parametrize("k", [1, 2, 8])
def test_kmeans_1d_few_distinct_values_exact(k, rng):
    distinct = np.sort(rng.standard_t(2, 250)).astype(np.float32)
    repeats = rng.integers(1, 400, 250)
    values = rng.permutation(np.repeat(distinct, repeats))
    assert values.size > kmeans.BINNING_MIN_VALUES
    expected = kmeans_1d(distinct, k, sample_weight=repeats).inertia
    assert kmeans_1d(values, k).inertia == pytest.approx(expected, rel=1e-12)
