import numpy as np
import pytest

import quantlab_helpers as ql


def test_over_seeds_mean_and_deviation():
    result = ql.over_seeds(lambda seed: [0.1, 0.2, 0.6][seed], seeds=3)
    assert result.mean == pytest.approx(0.3)
    assert result.std == pytest.approx(np.std([0.1, 0.2, 0.6], ddof=1))
    assert result.values == [0.1, 0.2, 0.6]


def test_over_seeds_names_single_seed():
    with pytest.raises(ValueError, match=r"`seeds` .* at least 2, got 1"):
        ql.over_seeds(float, seeds=1)
