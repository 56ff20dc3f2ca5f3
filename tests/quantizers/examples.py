"""Weights that several test files of this folder draw or try."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)

WEIGHTS = hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=8), elements=FLOAT32)

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
