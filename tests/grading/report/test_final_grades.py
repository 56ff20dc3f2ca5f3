"""Final grades: automatic scores, what a person added, and late penalties."""

import pytest

from quantlab_helpers.grading.records import STATUSES
from quantlab_helpers.grading.report.final_grades import read_final_grades
from tests.grading.small_course import NAME, gradebook, put, result


@pytest.mark.process
def test_read_final_grades_penalty_leaves_at_least_0(course):
    put(course, result())
    with gradebook(course, "s01") as book:
        book.find_submission_notebook(NAME, NAME, "s01").late_submission_penalty = 99.0
        book.db.commit()
    [grade] = read_final_grades(course)
    assert (grade.score, grade.late_penalty) == (0.0, 99.0)


@pytest.mark.process
def test_read_final_grades_manual_score_of_invalid_file(course):
    put(course, result(verdict="invalid_notebook"))
    with gradebook(course, "s01") as book:
        book.find_grade("test-mean", NAME, NAME, "s01").manual_score = 3.0
        book.db.commit()
    [grade] = read_final_grades(course)
    assert (grade.status, grade.score) == ("invalid_notebook", 3.0)


def test_read_final_grades_distinguishes_ungraded_from_missing(course):
    put(course, result("s01"))
    put(course, result("s02", "no_submission"))
    put(course, result("s03"))
    (course / "quantlab" / "results" / NAME / "s03.json").unlink()
    statuses = {grade.student: (grade.status, grade.score) for grade in read_final_grades(course)}
    assert statuses == {
        "s01": ("graded", 8.0),
        "s02": ("no_submission", None),
        "s03": ("not_graded", None),
    }
    assert {status for status, _ in statuses.values()} <= set(STATUSES)
