import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

import quantlab_helpers as ql


@pytest.fixture
def rng():
    return np.random.default_rng(20261121)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def baseline():
    return ql.load_baseline(device="cpu")


@pytest.fixture(scope="session")
def test_set():
    return ql.load_mnist("test", device="cpu")


@pytest.fixture(scope="session")
def few(test_set):
    return ql.Dataset(test_set.images[:300], test_set.labels[:300])


@pytest.fixture(scope="session")
def fc1(baseline):
    return baseline.fc1.weight.detach().numpy().copy()
