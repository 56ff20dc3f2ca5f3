import numpy as np
import pytest

from quantlab_helpers.quantizers._prefix_sums import SortedCells, pair_costs, run_cost


@pytest.fixture
def cells(rng):
    return np.sort(rng.normal(size=1_000))


@pytest.mark.parametrize("weighted", [False, True])
def test_run_cost_equals_squared_error_about_mean(cells, weighted, rng):
    weights = rng.random(cells.size) if weighted else None
    sums = SortedCells(cells, weights, k=8)
    cuts = np.sort(rng.choice(cells.size, 20, replace=False))
    moments = sums.moments_before(cuts)
    costs = run_cost(moments[:, :-1], moments[:, 1:])
    scaled = cells * 2.0 ** -int(np.frexp(np.abs(cells).max())[1])
    for cost, start, end in zip(costs, cuts[:-1], cuts[1:], strict=True):
        run = scaled[start:end]
        share = np.ones(run.size) if weights is None else weights[start:end]
        error = np.sum(share * (run - np.average(run, weights=share)) ** 2)
        assert cost == pytest.approx(error, rel=1e-6, abs=1e-12)


def test_pair_costs_equal_run_cost(rng):
    cells = np.sort(rng.normal(size=40))
    moments = SortedCells(cells, None, k=4).moments_before(np.arange(41))
    expected = run_cost(moments[:, :, None], moments[:, None, :])
    costs = pair_costs(cells, None)
    later = np.triu_indices(41, 1)
    np.testing.assert_allclose(costs[later], expected[later], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("k", [1, 7, 999, 1_000])
def test_companding_cuts_are_distinct(cells, k):
    cuts = SortedCells(cells, None, k).companding_cuts(k)
    assert (cuts[0], cuts[-1], cuts.size) == (0, cells.size, k + 1)
    assert (np.diff(cuts) > 0).all()
