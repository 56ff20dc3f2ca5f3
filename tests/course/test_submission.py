"""Submitting: the files of a bundle and the receipt of its contents."""

import json
import subprocess
import sys
import zipfile
from datetime import UTC, datetime

import pytest

from quantlab_helpers.course.submission import (
    MANIFEST,
    read_manifest,
    read_submissions,
    write_bundle,
)
from tests.course.learner_notebooks import answer, exercises_of, notebook, write

NAME = "02_uniform_quantization"
NOON = datetime(2026, 1, 30, 12, 0, 0, tzinfo=UTC)


def test_read_submissions_recognizes_renamed_lesson(tmp_path):
    path = write(tmp_path / "01_train_the_baseline.ipynb", answer(notebook()))
    [item] = read_submissions([path])
    assert item.lesson == NAME and item.answered == len(exercises_of(NAME))


def test_read_submissions_folder_takes_answered_only(tmp_path):
    write(tmp_path / "02.ipynb", answer(notebook()))
    write(tmp_path / "00_start_here.ipynb", notebook("00_start_here"))
    write(tmp_path / "Untitled.ipynb", {"cells": [], "nbformat": 4})
    (tmp_path / "Untitled1.ipynb").write_text("")
    assert [item.lesson for item in read_submissions([tmp_path])] == [NAME]


def test_read_submissions_later_edition_unchecked(tmp_path):
    cell = {"cell_type": "code", "source": "# exercise: new-one\nx = 1"}
    path = write(tmp_path / "09_later.ipynb", {"cells": [cell], "nbformat": 4})
    [item] = read_submissions([path])
    assert (item.lesson, item.states) == ("09_later", {})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty. Open it in Jupyter"),
        (b'{"cells": [', "not JSON: damaged, or only half of it arrived"),
        (b"<!DOCTYPE html><html>", "a web page, not the notebook's file"),
        (b"%PDF-1.7", "a PDF"),
        (b"[1, 2]", "JSON, but not a notebook"),
        (b'{"worksheets": [], "nbformat": 3}', "older than nbformat 4"),
        (b"[" * 100_000, "not JSON"),
        (b'{"cells": [], "nbformat": 4}', "belongs to no lesson: it has no line `# exercise: NA"),
        (b"\xff\xfe\x00", "not JSON"),
    ],
)
def test_read_submissions_refuses_other_file(tmp_path, content, words):
    path = tmp_path / "mine.ipynb"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words):
        read_submissions([path])


def test_read_submissions_missing_file_or_lesson_twice(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file '.*gone\.ipynb'; run this"):
        read_submissions([tmp_path / "gone.ipynb"])
    first = write(tmp_path / "02.ipynb", answer(notebook()))
    second = write(tmp_path / "02 (1).ipynb", answer(notebook()))
    with pytest.raises(ValueError, match=r"Both '.*02\.ipynb' and '.*\(1\)\.ipynb' are lesson 02"):
        read_submissions([first, second])
    assert len(read_submissions([first, first])) == 1


def test_read_submissions_empty_folder(tmp_path):
    with pytest.raises(ValueError, match=r"no answered notebook in .*; save your notebook"):
        read_submissions([tmp_path])


@pytest.fixture
def bundle(tmp_path):
    path = write(tmp_path / "mine.ipynb", answer(notebook()))
    receipt = write_bundle(read_submissions([path]), tmp_path / "out", student="s01", now=NOON)
    return tmp_path / "out" / receipt.file, receipt, path


def test_write_bundle_keeps_notebook_and_is_reproducible(bundle, tmp_path):
    file, receipt, path = bundle
    with zipfile.ZipFile(file) as archive:
        assert sorted(archive.namelist()) == [f"{NAME}.ipynb", MANIFEST]
        assert archive.read(f"{NAME}.ipynb") == path.read_bytes()
        assert read_manifest(archive.read(MANIFEST)) == receipt
    again = write_bundle(read_submissions([path]), tmp_path / "2", student="s01", now=NOON)
    assert (tmp_path / "2" / again.file).read_bytes() == file.read_bytes()


def test_receipt_as_text_gives_id_sum_date_time(bundle):
    file, receipt, _ = bundle
    text = (file.parent / receipt.receipt_file).read_text()
    assert text == receipt.as_text()
    assert f"receipt  {receipt.id}\nSHA-256  {receipt.sha256}\n" in text
    assert "date     2026-01-30\ntime     12:00:00 UTC+0000\nstudent  s01\n" in text
    assert receipt.id.replace("-", "").lower() == receipt.sha256[:12] and receipt.id in file.name


def test_write_bundle_receipt_depends_on_all_fields(bundle, tmp_path):
    _, receipt, path = bundle
    items = read_submissions([path])
    other = read_submissions([write(tmp_path / "b.ipynb", answer(notebook(), "dequantize"))])
    later = NOON.replace(second=1)
    sums = {
        receipt.sha256,
        write_bundle(other, tmp_path, student="s01", now=NOON).sha256,
        write_bundle(items, tmp_path, student="s01", now=later).sha256,
        write_bundle(items, tmp_path, student="s02", now=NOON).sha256,
        write_bundle(items, tmp_path, now=NOON).sha256,
    }
    assert len(sums) == 5


@pytest.mark.parametrize("key", ["created", "student", "notebooks"])
def test_read_manifest_refuses_changed_field(bundle, key):
    plain = json.loads(zipfile.ZipFile(bundle[0]).read(MANIFEST))
    other = {"created": "2026-01-29T12:00:00+00:00", "student": "s02", "notebooks": {}}
    with pytest.raises(ValueError, match="was changed after it was made"):
        read_manifest(json.dumps({**plain, key: other[key]}).encode())


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"sha256": 1}', b'{"sha256": "", "created": 1, "student": null}'],
)
def test_read_manifest_refuses_damaged_content(content):
    with pytest.raises(ValueError, match="its list of contents is damaged"):
        read_manifest(content)


@pytest.mark.parametrize("key", ["../s01", "", ".", "s 01", "s01\n", "é", "a" * 65])
def test_write_bundle_refuses_student_id(bundle, tmp_path, key):
    with pytest.raises(ValueError, match="`student` must be up to 64 letters"):
        write_bundle(read_submissions([bundle[2]]), tmp_path, student=key)


def test_write_bundle_refuses_naive_time_or_nothing(bundle, tmp_path):
    with pytest.raises(ValueError, match="must have a time zone"):
        write_bundle(read_submissions([bundle[2]]), tmp_path, now=datetime(2026, 1, 30))
    with pytest.raises(ValueError, match="at least one notebook, got none"):
        write_bundle([], tmp_path)


@pytest.mark.process
def test_import_submission_without_notebook_libraries():
    code = (
        "import sys, quantlab_helpers.course.submission;"
        "print({'nbgrader', 'nbformat', 'jupytext', 'nbconvert'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
