import numpy as np
import pytest
import torch

import quantlab_helpers as ql


@pytest.mark.parametrize("k", [4, 16])
def test_equal_entropy_equal_steps_beat_kmeans(rng, k):
    point = ql.equal_entropy(rng.laplace(size=50_000), ks=[k])[0]
    assert point.k == k
    assert point.kmeans_entropy - 0.02 < point.uniform_entropy <= point.kmeans_entropy
    assert point.uniform_sqnr > point.kmeans_sqnr


def test_equal_entropy_matches_its_step(rng):
    weights = rng.normal(size=20_000)
    point = ql.equal_entropy(torch.from_numpy(weights), ks=[8])[0]
    codes = np.rint(weights / point.step).astype(int)
    assert ql.entropy_bits(codes - codes.min()) == pytest.approx(point.uniform_entropy)
    noise = np.sum((weights - codes * point.step) ** 2)
    assert 10 * np.log10(np.sum(weights**2) / noise) == pytest.approx(point.uniform_sqnr)


@pytest.mark.parametrize(
    ("weights", "k", "message"),
    [
        ([1.0, 1.0], 2, r"at least two distinct numbers, got only 1"),
        ([1.0, 2.0], 1, r"`ks` .* from 2 to 65536, got 1"),
    ],
)
def test_equal_entropy_names_bad_input(weights, k, message):
    with pytest.raises(ValueError, match=message):
        ql.equal_entropy(weights, ks=[k])
