import json
import os
import shutil

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from filelock import FileLock

import quantlab_helpers as ql
from tests import ROOT


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
def most_right(baseline, test_set):
    """300 images with as many that the baseline gets right as the test set has, and a few more."""
    with torch.inference_mode():
        right = baseline(test_set.images[:2000]).argmax(1) == test_set.labels[:2000]
    index = torch.cat([torch.nonzero(right)[:297, 0], torch.nonzero(~right)[:3, 0]])
    return ql.Dataset(test_set.images[index], test_set.labels[index])


@pytest.fixture(scope="session")
def fc1(baseline):
    return baseline.fc1.weight.detach().numpy().copy()


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Return a function that does costly work once for all of xdist's processes.

    `once(name, work)` calls `work(folder)` in the first process that asks, and returns its result,
    which must be plain data, and the folder.
    """
    temporary = tmp_path_factory.getbasetemp()
    shared = temporary.parent if "PYTEST_XDIST_WORKER" in os.environ else temporary

    def share(name, work):
        folder, result = shared / f"once-{name}", shared / f"once-{name}.json"
        with FileLock(shared / f"once-{name}.lock"):
            if not result.exists():
                folder.mkdir()
                result.write_text(json.dumps(work(folder)))
        return json.loads(result.read_text()), folder

    return share


@pytest.fixture
def course(tmp_path):
    """Return a function that writes a course of the given lessons and returns its folder."""

    def write(**lessons):
        sources = tmp_path / "instructor" / "sources"
        sources.mkdir(parents=True, exist_ok=True)
        for file in ("course.toml", "nbgrader_config.py"):
            shutil.copy(ROOT / "instructor" / file, sources.parent)
        for name, text in lessons.items():
            (sources / f"{name.removeprefix('lesson_')}.py").write_text(text, encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture(scope="session")
def lesson():
    """Return a function that builds a lesson of the real course, each one once."""
    from quantlab_helpers.course.authoring.build import build_course

    built = {}

    def build(name):
        if name not in built:
            [built[name]] = build_course(ROOT, [name]).lessons
        return built[name]

    return build
