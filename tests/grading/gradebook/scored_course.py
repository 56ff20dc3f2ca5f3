"""Submissions of the small lesson, scored without a sandbox and written into a gradebook."""

from quantlab_helpers.grading.align.rebuild import align
from quantlab_helpers.grading.gradebook.writer import open_gradebook
from quantlab_helpers.grading.lesson import load_lesson
from quantlab_helpers.grading.score import score
from tests.grading import small_lesson as small
from tests.grading.classroom import NAME, stock_book


def run(course, notebook, student="s01"):
    """Align, run and score, without a sandbox."""
    lesson = load_lesson(course, NAME)
    aligned = align(lesson, notebook)
    executed = small.run(lesson, aligned)
    result = score(lesson, executed, aligned=aligned, student=student)
    return lesson, result, executed.notebook


def record(course, notebook, student="s01", **options):
    lesson, result, executed = run(course, notebook, student)
    with open_gradebook(course) as book:
        book.record(lesson, result, executed=executed, **options)
        return book.scores_of(NAME, student=student)


def by_hand(course, student="s01"):
    """Give a manual score of 0.5, a credit of 1 and a comment, as in formgrader."""
    with stock_book(course) as book:
        grade = book.find_grade("test-mean", NAME, NAME, student)
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 0.5, 1.0, False
        book.find_comment("mean", NAME, NAME, student).manual_comment = "nearly"
