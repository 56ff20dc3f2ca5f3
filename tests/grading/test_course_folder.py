"""Lessons by name, settings and timestamps of a course folder."""

from datetime import UTC, datetime

import pytest

from quantlab_helpers.grading.course_folder import (
    CourseFolder,
    format_timestamp,
    parse_timestamp,
)
from tests.grading.small_course import small_course


@pytest.fixture
def course(tmp_path):
    return CourseFolder(small_course(tmp_path, "01_small", "02_other", "02_another"))


def test_choose_lessons_by_name_or_beginning(course):
    assert course.lessons() == ["01_small", "02_another", "02_other"]
    assert course.choose_lessons(["02_o", "01", "01_small"]) == ["01_small", "02_other"]
    assert course.choose_lessons([]) == []
    assert list(course.outlines()) == course.lessons()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("0", "'0' matches several lessons: 01_small, 02_another, 02_other."),
        ("02", "'02' matches several lessons: 02_another, 02_other."),
        ("7", "'7' is no lesson; there are: 01_small, 02_another, 02_other."),
        ("", "'' is no lesson; there are: 01_small, 02_another, 02_other."),
    ],
)
def test_choose_lessons_refuses_unclear_names(course, name, message):
    with pytest.raises(ValueError) as caught:
        course.choose_lessons([name])
    assert str(caught.value) == message


@pytest.mark.parametrize("method", ["lessons", "outlines", "used_lessons"])
def test_lessons_of_an_empty_folder_are_refused(tmp_path, method):
    with pytest.raises(FileNotFoundError, match=r"There are no lessons in .*quantlab build"):
        getattr(CourseFolder(tmp_path), method)()


def test_used_lessons_are_submitted_or_graded(course):
    assert course.used_lessons() == []
    course.submitted("s01", "02_other").mkdir(parents=True)
    course.results("01_small").mkdir(parents=True)
    assert course.used_lessons() == ["01_small", "02_other"]


def test_directory_has_the_settings_of_the_course(course):
    (course.path / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.ignore = ['*.tmp']\n"
    )
    assert course.directory.ignore == ["*.tmp"]
    assert course.directory.root == str(course.path.resolve())


def test_submission_time_is_that_of_the_file(course):
    assert course.submission_time("s01", "01_small") is None
    folder = course.submitted("s01", "01_small")
    folder.mkdir(parents=True)
    time = datetime(2026, 1, 30, 15, tzinfo=UTC)
    (folder / "timestamp.txt").write_text(format_timestamp(time))
    assert course.submission_time("s01", "01_small") == time


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-30 15:00:00.000000 UTC",
        "2026-01-30 15:00:00",
        "2026-01-30 16:00:00 Europe/Berlin\n",
        "2026-01-30 16:00:00 +0100",
        "2026-01-30T16:00:00+01:00",
    ],
)
def test_parse_timestamp_in_nbgraders_formats(text):
    assert parse_timestamp(text) == datetime(2026, 1, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-30 15:00:00 UTC", "a b c", "1 2 Mars/X"]
)
def test_parse_timestamp_of_other_text_is_none(text):
    assert parse_timestamp(text) is None
