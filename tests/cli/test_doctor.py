import importlib.metadata

import pytest

import quantlab_helpers as ql
from quantlab_helpers.cli import doctor


def by_subject():
    return {finding.subject: finding for finding in doctor.examine()}


def test_a_complete_installation_has_nothing_to_mend():
    findings = doctor.examine()
    assert [f for f in findings if f.status == "fail"] == []
    assert {"torch", "data", "baseline", "notebooks", "device"} <= set(by_subject())


def test_the_baselines_line_tells_its_recipe_and_its_measured_accuracy():
    detail = by_subject()["baseline"].detail
    recorded = f"{ql.baseline_metadata()['test_accuracy']:.2%}"
    assert f"recorded {recorded}" in detail
    checksum = ql.baseline_metadata()["weights_sha256"]
    assert f"checksum {checksum[:12]} verified" in detail and "recipe 'course'" in detail
    assert "5 epochs" in detail and "L1 0.001" in detail and "seed 0" in detail


def test_a_missing_extra_is_a_note_and_a_missing_library_a_failure(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name in ("nbgrader", "safetensors", "matplotlib"):
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    findings = by_subject()
    assert findings["nbgrader"].status == "note"
    assert findings["nbgrader"].mend.endswith("[grading]'")
    assert findings["matplotlib"].status == "fail"
    assert "-m pip install" in findings["matplotlib"].mend


@pytest.mark.parametrize(
    ("part", "subject"),
    [("load_mnist", "data"), ("baseline_metadata", "baseline"), ("notebooks_folder", "notebooks")],
)
def test_what_is_broken_is_reported_with_the_way_to_mend_it(monkeypatch, part, subject):
    def broken(*_, **__):
        raise OSError("the disk is gone")

    monkeypatch.setattr(doctor, part, broken)
    finding = by_subject()[subject]
    assert finding.status == "fail" and finding.detail == "OSError: the disk is gone"
    assert finding.mend.startswith("reinstall quantlab-helpers")


def test_a_baseline_that_does_not_say_where_it_comes_from_is_a_failure(monkeypatch):
    recipe = ql.baseline_metadata()
    del recipe["l1_beta"]
    monkeypatch.setattr(doctor, "baseline_metadata", lambda: recipe)
    assert "its file does not say 'l1_beta'" in by_subject()["baseline"].detail


def test_a_baseline_that_tests_otherwise_than_recorded_is_a_failure(monkeypatch):
    monkeypatch.setattr(doctor, "load_baseline", lambda device: ql.reset_model(device=device))
    assert "its file says" in by_subject()["baseline"].detail
