"""A gradebook and notebooks from before the modules moved into folders.

``files/course_before_move.zip`` is a course folder that the commit before the move wrote: lesson
02 with a full solution (s01), the stub (s02) and a solution that is partly right (s03), graded; one
score and one comment by a person; the exported table as ``marks.csv``.
"""

import csv
import zipfile

import pytest

from quantlab_helpers.course.submission import read_submissions, write_bundle
from quantlab_helpers.grading.align.rebuild import align
from quantlab_helpers.grading.collect.receipts import verify
from quantlab_helpers.grading.collect.versions import all_versions
from quantlab_helpers.grading.course_folder import CourseFolder
from quantlab_helpers.grading.gradebook.reader import read_scores
from quantlab_helpers.grading.gradebook.verdict_files import read_results
from quantlab_helpers.grading.lesson import load_lesson
from quantlab_helpers.grading.pipeline import grade
from quantlab_helpers.grading.records import Verdict
from quantlab_helpers.grading.report.feedback import write_feedback
from quantlab_helpers.grading.report.final_grades import read_final_grades
from quantlab_helpers.grading.report.marks_table import export
from tests import ROOT

NAME = "02_uniform_quantization"
ARCHIVE = ROOT / "tests" / "grading" / "files" / "course_before_move.zip"


@pytest.fixture
def course(tmp_path):
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path / "course")
    return tmp_path / "course"


def stored_scores(course):
    """The score of every cell, by student and cell, as the verdict files have it."""
    results = [verdict.result for verdict in read_results(course, NAME)]
    return {
        (result.student, score.cell): score.score
        for result in results
        for score in result.cell_scores
    }


def test_export_old_course_gives_the_same_table(course, tmp_path):
    """Except for the one column that is new."""
    texts = (course / "marks.csv", export(course, tmp_path / "now.csv"))
    before, now = (
        list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines())) for path in texts
    )
    new = now[0].index("shared_points")
    assert [row[:new] + row[new + 1 :] for row in now] == before
    assert {row[new] for row in now[1:]} == {"0"}


def test_read_final_grades_of_old_course(course):
    grades = {grade.student: grade for grade in read_final_grades(course)}
    assert {name: of.score for name, of in grades.items()} == {"s01": 14, "s02": 0, "s03": 7}
    assert all(of.status is Verdict.GRADED and not of.outdated for of in grades.values())
    comments = [cell.comment for cell in grades["s03"].cells if cell.comment]
    assert "Half of it is here." in comments


def test_write_feedback_of_old_course(course):
    pages = {path.parent.parent.name: path.read_text() for path in write_feedback(course)}
    assert pages.keys() == {"s01", "s02", "s03"}
    assert "Half of it is here." in pages["s03"] and "7 of 14 points" in pages["s03"]


def test_all_versions_of_old_course_are_read(course):
    versions = list(all_versions(CourseFolder(course)))
    assert [student for student, *_ in versions] == ["s01", "s02", "s03"]
    assert not verify("0000-0000-0000", course=course)[0].intact


def test_submit_old_notebooks_counts_answers(course, tmp_path):
    answered = {}
    for student in ("s01", "s02"):
        path = CourseFolder(course).submitted(student, NAME) / f"{NAME}.ipynb"
        [item] = read_submissions([path])
        answered[student] = list(item.states.values())
        receipt = write_bundle([item], tmp_path / student)
        assert (tmp_path / student / receipt.file).is_file()
    assert answered == {"s01": ["answered"] * 6, "s02": ["unanswered"] * 6}


def test_align_old_notebooks_needs_no_repair(course):
    lesson = load_lesson(course, NAME)
    for student in ("s01", "s02", "s03"):
        path = CourseFolder(course).submitted(student, NAME) / f"{NAME}.ipynb"
        assert align(lesson, path.read_bytes()).repairs == ()


def test_grade_skips_old_verdicts(course):
    before = stored_scores(course)
    summary = grade(course)
    assert summary.newly_graded == 0 and summary.counts == {"graded": 3}
    assert stored_scores(course) == before


@pytest.mark.process
def test_grade_old_notebooks_gives_the_same_scores(course):
    before, gradebook = stored_scores(course), read_scores(course, NAME)
    summary = grade(course, regrade=True, jobs=1)
    assert summary.newly_graded == 3 and summary.counts == {"graded": 3}
    assert len(before) == 18 and stored_scores(course) == before
    for old, new in zip(gradebook, read_scores(course, NAME), strict=True):
        assert (new.student, new.score, new.submitted) == (old.student, old.score, old.submitted)
        assert [cell[:6] for cell in new.cells] == [cell[:6] for cell in old.cells]
