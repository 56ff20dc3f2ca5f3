import importlib.metadata

import pytest

import quantlab_helpers as ql
from quantlab_helpers.cli import doctor

pytestmark = pytest.mark.training  # examine() measures the baseline on 10,000 images


def by_subject():
    return {finding.subject: finding for finding in doctor.examine()}


def test_examine_complete_installation():
    findings = doctor.examine()
    assert [f for f in findings if f.status == "fail"] == []
    assert {"torch", "data", "baseline", "notebooks", "device"} <= set(by_subject())


def test_examine_baseline_recipe_and_accuracy():
    detail = by_subject()["baseline"].detail
    recorded = f"{ql.baseline_metadata()['test_accuracy']:.2%}"
    assert f"recorded {recorded}" in detail
    checksum = ql.baseline_metadata()["weights_sha256"]
    assert f"checksum {checksum[:12]} verified" in detail and "recipe 'course'" in detail
    assert "5 epochs" in detail and "L1 0.001" in detail and "seed 0" in detail


def test_examine_missing_extra_and_library(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name in ("nbgrader", "safetensors", "matplotlib"):
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    findings = by_subject()
    assert findings["nbgrader"].status == "note"
    assert findings["nbgrader"].fix.endswith("[grading]'")
    assert findings["matplotlib"].status == "fail"
    assert "-m pip install" in findings["matplotlib"].fix


@pytest.mark.parametrize(
    ("part", "subject"),
    [("load_mnist", "data"), ("baseline_metadata", "baseline"), ("notebooks_folder", "notebooks")],
)
def test_examine_broken_part_has_a_fix(monkeypatch, part, subject):
    def broken(*_, **__):
        raise OSError("the disk is gone")

    monkeypatch.setattr(doctor, part, broken)
    finding = by_subject()[subject]
    assert finding.status == "fail" and finding.detail == "OSError: the disk is gone"
    assert finding.fix.startswith("reinstall quantlab-helpers")


def test_examine_baseline_without_metadata(monkeypatch):
    recipe = ql.baseline_metadata()
    del recipe["l1_beta"]
    monkeypatch.setattr(doctor, "baseline_metadata", lambda: recipe)
    assert "its metadata have no 'l1_beta'" in by_subject()["baseline"].detail


def test_examine_baseline_with_other_accuracy(monkeypatch):
    monkeypatch.setattr(doctor, "load_baseline", lambda device: ql.reset_model(device=device))
    assert "but recorded" in by_subject()["baseline"].detail
