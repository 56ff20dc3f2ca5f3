"""Verdicts in ``quantlab/results/``, one file each."""

import json

import pytest

from quantlab_helpers.grading.course_folder import CourseFolder
from quantlab_helpers.grading.gradebook.verdict_files import (
    forget_result,
    read_result,
    read_results,
    write_result,
)
from tests.grading.small_course import NAME, POINTS, result


@pytest.fixture
def folder(tmp_path):
    return CourseFolder(tmp_path)


def test_write_result_and_read_results(folder):
    for student in ("s02", "s01"):
        write_result(folder, result(student, mean="partial"), sha256="a" * 64)
    first, second = read_results(folder.path, NAME)
    assert (first.result, second.result) == tuple(
        result(student, mean="partial") for student in ("s01", "s02")
    )
    assert first.sha256 == "a" * 64 and first.time.tzinfo is not None
    assert read_result(folder, NAME, student="s01") == first


def test_write_result_keeps_the_key_marks(folder):
    """The key of the scores of cells in files that older versions wrote and read."""
    write_result(folder, result(), sha256="")
    plain = json.loads((folder.results(NAME) / "s01.json").read_bytes())["result"]
    assert [cell["cell"] for cell in plain["marks"]] == list(POINTS)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"graded": "x", "result": {}}'])
def test_read_result_unreadable_file_is_none(folder, content):
    write_result(folder, result(), sha256="")
    (folder.results(NAME) / "s01.json").write_bytes(content)
    assert read_result(folder, NAME, student="s01") is None
    assert read_results(folder.path, NAME) == []


def test_forget_result_deletes_one_file(folder):
    for student in ("s01", "s02"):
        write_result(folder, result(student), sha256="")
    forget_result(folder, NAME, student="s01")
    forget_result(folder, NAME, student="s03")
    assert [verdict.result.student for verdict in read_results(folder.path, NAME)] == ["s02"]
