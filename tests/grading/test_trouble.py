"""A submission's trouble stays its own: the others are graded, unless the whole disk fails."""

import errno
import os
import sqlite3

import pytest

from quantlab_helpers._support.files import is_disk_failure, write_atomically
from quantlab_helpers.grading import pipeline
from quantlab_helpers.grading.course_folder import CourseFolder
from quantlab_helpers.grading.gradebook import waiting
from quantlab_helpers.grading.gradebook.reader import read_scores
from quantlab_helpers.grading.gradebook.verdict_files import read_result, read_results
from quantlab_helpers.grading.gradebook.writer import GradebookWriter
from tests.grading.classroom import (
    NAME,
    a_course,
    answers,
    automatic_scores,
    graded,
    hand_in,
    stock_book,
    verdicts,
)
from tests.grading.small_lesson import instructor

LONG = "x" * 255
DISK = ["ENOSPC", "EDQUOT", "EROFS", "EIO"]
OWN = ["EACCES", "EPERM", "ENOENT", "ENAMETOOLONG", "EISDIR", "ENOTDIR", "ELOOP", "ESTALE", "EBUSY"]
ERRORS = {
    **{name: OSError(getattr(errno, name), "trouble") for name in OWN},
    "value": ValueError("embedded null byte"),
    "text": UnicodeEncodeError("utf-8", "x", 0, 1, "surrogates not allowed"),
    "memory": MemoryError(),
    "depth": RecursionError("maximum recursion depth exceeded"),
}


@pytest.fixture
def apart(monkeypatch):
    """Take all tests as judged apart, without running the lesson's solution."""
    monkeypatch.setattr(pipeline, "find_shared_tests", lambda *arguments, **options: {})


def fail(monkeypatch, step, error):
    """Let one step of grading raise an error for the student s01."""
    owner = GradebookWriter if step == "record" else pipeline
    real = getattr(owner, step)

    def failing(*arguments, **options):
        concerned = [*arguments, options.get("student")]
        if any("s01" in str(getattr(value, "student", value)) for value in concerned):
            raise error
        return real(*arguments, **options)

    monkeypatch.setattr(owner, step, failing)


STEPS = ["read_submission", "forget_result", "record", "write_result"]


@pytest.mark.process
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", ["EACCES", "ENAMETOOLONG", "value", "memory", "depth"])
def test_grade_error_is_one_verdict(course, apart, monkeypatch, step, name):
    for student in ("s01", "s02"):
        hand_in(course, student, b"")
    fail(monkeypatch, step, ERRORS[name])
    results = graded(course)
    assert verdicts(results) == {"s01": "infrastructure_error", "s02": "invalid_notebook"}
    assert type(ERRORS[name]).__name__ in results["s01"].detail
    assert read_result(CourseFolder(course), NAME, student="s02").result == results["s02"]
    monkeypatch.undo()
    monkeypatch.setattr(pipeline, "find_shared_tests", lambda *arguments, **options: {})
    assert set(verdicts(graded(course)).values()) == {"invalid_notebook"}  # tried again


@pytest.mark.process
@pytest.mark.parametrize("step", [*STEPS, "write_atomically"])
@pytest.mark.parametrize("name", DISK)
def test_grade_stops_when_a_disk_fails(course, apart, monkeypatch, step, name):
    for student in ("s01", "s02"):
        hand_in(course, student, b"")
    if step == "write_atomically":  # of the log
        fail(monkeypatch, "record", ValueError("first"))
    fail(monkeypatch, step, OSError(getattr(errno, name), "trouble"))
    with pytest.raises(OSError, match="trouble"):
        graded(course)


@pytest.mark.parametrize("name", [*DISK, *ERRORS])
def test_is_disk_failure_names_whole_disks(name):
    error = ERRORS.get(name) or OSError(getattr(errno, name), "trouble")
    assert is_disk_failure(error) is (name in DISK)


@pytest.mark.parametrize(
    ("statement", "code"),
    [("PRAGMA max_page_count = 2", errno.ENOSPC), ("PRAGMA query_only = 1", errno.EROFS)],
)
def test_gradebook_on_failing_disk_is_disk_failure(tmp_path, statement, code):
    path = str(tmp_path / "gradebook.db")
    connection = sqlite3.connect(path, factory=waiting._PatientConnection)
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE grade (value)")
    cursor.execute(statement)
    with pytest.raises(OSError, match=r"full|readonly") as error:
        cursor.execute("INSERT INTO grade VALUES (zeroblob(100000))")
    assert (
        error.value.errno == code and error.value.filename == path and is_disk_failure(error.value)
    )
    connection.close()


# What students and machines put there


def long_id(course):
    hand_in(course, LONG, b"")


def folder_as_notebook(course):
    (course / "submitted" / "s01" / NAME / f"{NAME}.ipynb" / "notes.txt").mkdir(parents=True)
    (course / "submitted" / "s01" / NAME / f"{NAME}.ipynb" / "more.txt").write_text("x")


def folder_as_verdict(course):
    hand_in(course, "s01", b"")
    (CourseFolder(course).results(NAME) / "s01.json" / "x").mkdir(parents=True)


def file_as_folder_of_logs(course):
    folder_as_verdict(course)
    (course / "quantlab" / "logs").write_text("")


def name_without_encoding(course):
    hand_in(course, os.fsdecode(b"s\xff"), b"")


def id_that_is_no_name(course):
    with stock_book(course) as book:
        book.add_student("a\0b")
        book.add_student("y" * 300)


def vanishing_file(course):
    os.mkfifo(hand_in(course, "s01", b"") / "pipe")
    (course / "submitted" / "s01" / NAME / "link.csv").symlink_to("nowhere")


@pytest.mark.process
@pytest.mark.parametrize(
    "trouble",
    [
        long_id,
        folder_as_notebook,
        folder_as_verdict,
        file_as_folder_of_logs,
        name_without_encoding,
        id_that_is_no_name,
        vanishing_file,
    ],
)
def test_grade_others_beside_one_in_trouble(course, apart, trouble):
    hand_in(course, "z02", b"")
    trouble(course)
    for _ in range(2):
        results = graded(course)
        assert results["z02"].verdict == "invalid_notebook"
        assert len(results) > 1
        assert {row.student for row in read_scores(course, NAME)} >= {"z02"}


@pytest.mark.process
def test_grade_remembers_students_with_long_ids(course, apart):
    for student in (LONG, LONG[1:] + "y"):
        hand_in(course, student, b"")
    graded(course)
    stored = [verdict.result.student for verdict in read_results(course, NAME)]
    assert sorted(stored) == sorted([LONG, LONG[1:] + "y"])
    assert not [step for step in reports(course) if step.newly_graded and step.result.score]


def reports(course):
    steps = []
    graded(course, report=steps.append)
    return steps


# Right answers with unusual files beside them get their points


def beside_a_folder(course):
    hand_in(course, "s01", answers(course), files={f"{NAME}.ipynb/x.csv": "1"}, called="my.ipynb")


def beside_a_long_name(course):
    hand_in(course, "s01", answers(course), files={"f" * 255: "1"})


def folder_where_lesson_has_file(course):
    (course / "source" / NAME / "data").write_text("1")
    hand_in(course, "s01", answers(course), files={"data/x.csv": "1"})


def file_where_lesson_has_folder(course):
    (course / "source" / NAME / "data").mkdir()
    (course / "source" / NAME / "data" / "x.csv").write_text("lesson")
    hand_in(course, "s01", answers(course), files={"data": "1"})


def folder_of_earlier_grading(course):
    hand_in(course, "s01", answers(course), files={"data": "1"})
    (course / "autograded" / "s01" / NAME / f"{NAME}.ipynb").mkdir(parents=True)
    (course / "autograded" / "s01" / NAME / "data" / "more").mkdir(parents=True)


@pytest.mark.process
@pytest.mark.parametrize(
    "hand_in_right",
    [
        beside_a_folder,
        beside_a_long_name,
        folder_where_lesson_has_file,
        file_where_lesson_has_folder,
        folder_of_earlier_grading,
    ],
)
def test_grade_right_answers_beside_odd_files(tmp_path, apart, hand_in_right):
    course = a_course(tmp_path, notebook=instructor())
    hand_in_right(course)
    result = graded(course)["s01"]
    assert (result.verdict, result.score) == ("graded", 8.0)
    left_out = [repair.text for repair in result.repairs if repair.kind == "files"]
    assert len(left_out) == (
        "folder" in hand_in_right.__name__ and "earlier" not in str(hand_in_right)
    )
    assert sum(automatic_scores(course, "s01").values()) == 8.0
    if hand_in_right is file_where_lesson_has_folder:
        stored = course / "autograded" / "s01" / NAME / "data" / "x.csv"
        assert stored.read_text() == "lesson"


def test_write_atomically_takes_longest_name(tmp_path):
    write_atomically(tmp_path / LONG, b"content")
    assert [path.name for path in tmp_path.iterdir()] == [LONG]
