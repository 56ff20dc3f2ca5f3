import shutil

import pytest
import torch

from quantlab_helpers.experiments import cache


def test_fingerprint_of_class_without_source(few):
    def typed(expression):
        names = {"nn": torch.nn}
        exec(f"class Typed(nn.Linear):\n def forward(self, x): return {expression}", names)
        torch.manual_seed(0)
        return cache.fingerprint(names["Typed"](2, 2), few)

    assert typed("x + x") == typed("x + x") != typed("x - x")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package's source from which fingerprints are computed."""
    copy = tmp_path / "quantlab_helpers"
    ignored = shutil.ignore_patterns("assets", "grading", "course", "__pycache__")
    shutil.copytree(cache._PACKAGE, copy, ignore=ignored)
    monkeypatch.setattr(cache, "_PACKAGE", copy)
    return copy


@pytest.mark.parametrize("part", cache.CODE_PARTS)
def test_code_digest_part_exists(part):
    assert (cache._PACKAGE / part).exists()
    assert cache.code_digest(part) != cache.code_digest()


def test_code_digest_names_missing_part(package):
    with pytest.raises(FileNotFoundError, match="no_such_folder"):
        cache.code_digest("no_such_folder")


@pytest.mark.parametrize(
    "file",
    ["quantizers/uniform.py", "quantizers/_binning.py", "training.py", "experiments/sweeps.py"],
)
def test_fingerprint_follows_changed_code(package, few, file):
    net = torch.nn.Linear(2, 2)
    before = cache.fingerprint(net, few)
    assert cache.fingerprint(net, few) == before
    with (package / file).open("a") as source:
        source.write("# changed\n")
    assert cache.fingerprint(net, few) != before


def test_fingerprint_follows_added_file(package, few):
    net = torch.nn.Linear(2, 2)
    before = cache.fingerprint(net, few)
    (package / "quantizers" / "vector.py").write_text("")
    assert cache.fingerprint(net, few) != before
