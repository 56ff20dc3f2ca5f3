"""Receipts are compared with what was handed in, and with what was collected."""

import json
import zipfile

import pytest

from quantlab_helpers.course.submission import MANIFEST
from quantlab_helpers.grading.collect.collector import collect
from quantlab_helpers.grading.collect.receipts import verify
from quantlab_helpers.grading.collect.versions import versions
from quantlab_helpers.grading.course_folder import CourseFolder
from tests.grading.collect.inbox_files import FILE, NAME, bundle, outcomes, work, zipped


@pytest.mark.parametrize("how", ["id", "sha256", "file"])
@pytest.mark.parametrize("where", ["source", "course"])
def test_verify_by_id_sum_or_file(course, inbox, how, where):
    _, receipt = bundle(inbox)
    bundle(inbox, "other", student="s02", minute=1)
    collect([inbox], course)
    shown = {"id": receipt.id, "sha256": receipt.sha256}
    shown["file"] = str(inbox.parent / receipt.receipt_file)
    [finding] = verify(shown[how], [inbox] if where == "source" else [], course=course)
    assert finding.intact and finding.text == f"{NAME}: is what the receipt is for"


def test_verify_repacked_bundle(course, inbox):
    path, receipt = bundle(inbox)
    with zipfile.ZipFile(path) as archive:
        files = {f"s01/Downloads/{name}": archive.read(name) for name in archive.namelist()}
    path.unlink()
    zipped(files, inbox / "again.zip")
    assert all(finding.intact for finding in verify(receipt.id, [inbox]))
    assert outcomes(collect([inbox], course)) == ["collected"]


def test_verify_two_receipts_of_one_notebook(course, inbox):
    receipts = [bundle(inbox, minute=minute)[1] for minute in (0, 1)]
    assert sorted(outcomes(collect([inbox], course))) == ["collected", "unchanged"]
    for receipt in receipts:
        assert [finding.intact for finding in verify(receipt.id, course=course)] == [True]


def test_verify_notebook_changed_after_receipt(course, inbox):
    path, receipt = bundle(inbox)
    with zipfile.ZipFile(path) as archive:
        manifest = archive.read(MANIFEST)
    zipped({MANIFEST: manifest, FILE: work("changed")}, path)
    [finding] = verify(receipt.id, [inbox])
    assert not finding.intact and "is not the notebook the receipt is for" in finding.text
    report = collect([inbox], course)
    assert "receipt: not the notebook that it was made for" in report.lines[0].detail
    assert versions(CourseFolder(course), "s01", NAME)[0].receipts == ()


def test_verify_finds_changed_and_foreign_receipts(course, inbox):
    path, receipt = bundle(inbox)
    text = inbox.parent / receipt.receipt_file
    text.write_text(text.read_text().replace("12:00:00", "11:00:00"))
    findings = verify(str(text), [inbox])
    assert [finding.intact for finding in findings] == [True, False]
    assert findings[1].text == "the receipt's own text was changed"
    with zipfile.ZipFile(path) as archive:
        plain = json.loads(archive.read(MANIFEST))
        content = archive.read(FILE)
    plain["created"] = "2026-01-01T00:00:00+00:00"
    zipped({MANIFEST: json.dumps(plain), FILE: content}, path)
    assert "changed after it was made" in verify(receipt.id, [inbox])[1].text
    assert (
        "receipt: its list of contents was changed"
        in collect([inbox], course, student="s01").lines[0].detail
    )
    with pytest.raises(ValueError, match="is no receipt; name its file, its id like 7F3A"):
        verify("12345", course=course)
