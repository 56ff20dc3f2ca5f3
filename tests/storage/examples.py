"""Codes that several test files of this folder draw."""

import numpy as np
from hypothesis import strategies as st


@st.composite
def codes_of(draw, most=400):
    """Codes and the number of symbols they are drawn from; often nearly all of them alike."""
    k = draw(st.sampled_from([1, 2, 3, 7, 8, 16, 200, 256, 257, 4096, 65_536]))
    count = draw(st.integers(0, most))
    rare = draw(st.floats(0, 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    codes = rng.integers(0, k, count) * (rng.random(count) < rare)
    return codes.astype(np.uint8 if k <= 256 else np.uint16), k
