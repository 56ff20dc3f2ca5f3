import numpy as np
import pytest

from quantlab_helpers.quantizers.lloyd import lloyd
from quantlab_helpers.quantizers.optimal_kmeans import kmeans_1d

INITS = ["linear", "density", "random", "k-means++"]


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("k", [1, 2, 9, 60])
def test_lloyd_inertia_never_rises(init, k, rng):
    values = rng.laplace(size=(20, 30))
    steps = list(lloyd(values, k, init=init, rng=rng))
    inertia = np.array([step.inertia for step in steps])
    assert (np.diff(inertia) <= 1e-12 * inertia[0]).all()
    assert inertia[-1] >= kmeans_1d(values, k).inertia * (1 - 1e-9)


@pytest.mark.parametrize("init", INITS)
def test_lloyd_steps_are_consistent(init, rng):
    values = rng.normal(size=(20, 30)).astype(np.float32)
    for number, step in enumerate(lloyd(values, 7, init=init, rng=rng)):
        assert (step.iteration, step.phase) == (
            number // 2 + 1,
            ["assign", "update"][number % 2],
        )
        assert step.codes.shape == values.shape and step.codes.dtype == np.uint8
        error = (values.astype(np.float64) - step.centres[step.codes]) ** 2
        assert step.inertia == pytest.approx(error.sum(), rel=1e-12)
        assert set(step.empty) == set(range(7)) - set(step.codes.ravel().tolist())


def test_lloyd_stops_when_codes_stay():
    *_, before, _, last = lloyd([0.0, 1.0, 5.0, 6.0, 7.0], 2)
    assert last.phase == "assign"
    assert (before.codes == last.codes).all()


def test_lloyd_stops_after_max_iter(rng):
    assert [*lloyd(rng.normal(size=999), 9, max_iter=2)][-1].iteration == 2


def test_lloyd_reports_empty_cluster():
    steps = list(lloyd([0.0, 0.1, 9.9, 10.0], 3))
    assert all(step.empty.tolist() == [1] for step in steps)
    assert all(step.centres[1] == 5.0 for step in steps)


def test_lloyd_random_start_follows_rng(rng):
    values = rng.normal(size=500)
    first, again, other = (
        next(lloyd(values, 5, init="random", rng=np.random.default_rng(s))).centres.tolist()
        for s in (1, 1, 2)
    )
    assert first == again != other


def test_lloyd_plus_plus_few_distinct_values(rng):
    assert [*lloyd([1.0, 1.0, 1.0], 3, init="k-means++", rng=rng)][-1].inertia == 0


@pytest.mark.parametrize("init", ["random", "k-means++"])
def test_lloyd_random_start_needs_rng_and_values(init, rng):
    with pytest.raises(ValueError, match=r"`rng` is needed by init=.*default_rng\(seed\)"):
        lloyd([1.0, 2.0], 2, init=init)
    with pytest.raises(ValueError, match=r"at most the number of values.*got 3 for 2"):
        lloyd([1.0, 2.0], 3, init=init, rng=rng)


def test_lloyd_names_bad_options():
    with pytest.raises(ValueError, match=r"`init` must be one of 'linear', .*got 'best'"):
        lloyd([1.0], 1, init="best")
    with pytest.raises(ValueError, match="`max_iter` must be an integer of at least 1"):
        lloyd([1.0], 1, max_iter=0)


@pytest.mark.parametrize(
    ("values", "k", "message"),
    [
        ([], 1, "`values` must hold at least one number"),
        ([1.0, np.nan], 1, "`values` must be finite, got 1 NaN"),
        ([1.0], 0, "`k` must be an integer from 1 to 65536, got 0"),
    ],
)
def test_lloyd_names_bad_input_at_call(values, k, message):
    with pytest.raises(ValueError, match=message):
        lloyd(values, k)
