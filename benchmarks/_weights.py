"""The arrays that quantizers are measured on: 470,400 float32 values each."""

from __future__ import annotations

import numpy as np

import quantlab_helpers as ql

SIZE = 470_400


def data_sets() -> dict[str, np.ndarray]:
    """Return the trained fc1 weights and draws from three distributions of the same size."""
    rng = np.random.default_rng(0)
    draws = {
        "Laplace": rng.laplace(0, 0.01, SIZE),
        "normal": rng.normal(0, 0.05, SIZE),
        "heavy-tailed": rng.standard_t(2, SIZE) * 0.01,
    }
    fc1 = ql.load_baseline("cpu").fc1.weight.detach().numpy()
    trained = {"trained fc1": fc1.reshape(-1)}
    return trained | {name: draw.astype(np.float32) for name, draw in draws.items()}
