"""Scores are read from nbgrader's gradebook without a change to it."""

import pytest

from quantlab_helpers.grading.gradebook.reader import read_scores
from quantlab_helpers.grading.gradebook.writer import open_gradebook
from tests.grading.classroom import NAME, a_course, answers, stock_book
from tests.grading.gradebook.scored_course import record


def test_read_scores_changes_no_file(tmp_path):
    course = a_course(tmp_path, gradebook=False)
    assert read_scores(course, NAME) == []
    assert not (course / "gradebook.db").exists()
    a_course(course)
    record(course, answers(course))
    before = (course / "gradebook.db").read_bytes()
    assert len(read_scores(course, NAME)) == 1
    assert [scores.cells for scores in read_scores(course, "another")] == [()]
    assert (course / "gradebook.db").read_bytes() == before


def test_read_scores_of_all_students(course):
    record(course, answers(course), student="s02")
    with stock_book(course) as book:
        book.add_student("s01", first_name="A", email="a@example.org", lms_user_id="17")
    first, second = read_scores(course, NAME)
    assert (first.student, first.first_name, first.last_name) == ("s01", "A", "")
    assert (first.email, first.lms_user_id) == ("a@example.org", "17")
    assert (first.score, first.submitted, first.cells) == (None, None, ())
    assert (second.student, second.score) == ("s02", 8.0)


def test_read_scores_of_damaged_gradebook(course):
    (course / "gradebook.db").write_bytes(b"this is no database, but long enough" * 100)
    with pytest.raises(ValueError, match=r"not a database.*copy"):
        read_scores(course, NAME)
    with pytest.raises(ValueError, match=r"not a database.*copy"), open_gradebook(course):
        pass
