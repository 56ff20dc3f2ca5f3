"""A course folder with the small lesson, and what `quantlab grade` leaves in it."""

import functools
import os
import sys
import tempfile
import warnings
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from sqlalchemy.exc import SAWarning

from quantlab_helpers.grading.align.rebuild import align
from quantlab_helpers.grading.course_folder import CourseFolder
from quantlab_helpers.grading.gradebook.verdict_files import write_result
from quantlab_helpers.grading.records import CellScore, Result
from quantlab_helpers.grading.score import score
from quantlab_helpers.grading.submissions import lesson_files, read_submission
from tests.grading.small_lesson import instructor, run, small_lesson

NAME = "01_small"
POINTS = {"test-square": 2.0, "test-mean": 3.0, "test-guess": 1.0, "test-quarter": 2.0}


def small_course(folder, *names):
    """A course with the small lesson under one name or more."""
    for name in names or (NAME,):
        path = folder / "source" / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(nbformat.writes(instructor()))
    return folder


def result(student="s01", verdict="graded", lesson=NAME, **states):
    """A result with these states of the exercises; the others are right."""
    if verdict in ("invalid_notebook", "no_submission", "infrastructure_error"):
        return Result(student, lesson, verdict, None, 8.0, detail=f"why {verdict}")
    scores = []
    for cell, points in POINTS.items():
        state = states.get(cell.removeprefix("test-"), "right")
        got = {"right": points, "partial": points / 2}.get(state, 0.0)
        scores.append(
            CellScore(cell, got, points, state, "" if state == "right" else f"It is {state}.")
        )
    return Result(
        student, lesson, verdict, sum(score.score for score in scores), 8.0, tuple(scores)
    )


def put(course, graded, notebook=None):
    """Write a result where grading would."""
    folder = CourseFolder(course)
    sha256 = ""
    if graded.verdict != "no_submission":
        path = folder.submitted(graded.student, graded.lesson) / f"{graded.lesson}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("as it came")
        source = lesson_files(folder, graded.lesson)
        sha256 = read_submission(
            folder, graded.lesson, student=graded.student, source=source
        ).sha256
    write_result(folder, graded, sha256=sha256)
    if notebook is not None:
        path = folder.autograded(graded.student, graded.lesson) / f"{graded.lesson}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)


def grade_and_put(course, notebook, student="s01"):
    """Align, run and score a submission to the small lesson, and write what came of it."""
    lesson = small_lesson()
    aligned = align(lesson, notebook)
    executed = run(lesson, aligned)
    graded = score(lesson, executed, aligned=aligned, student=student)
    put(course, graded, executed.notebook)
    return graded


def gradebook(course, *students):
    """nbgrader's gradebook with the lesson, and these students' submissions; for manual scores."""
    path = course / "gradebook.db"
    path.write_bytes(_empty_gradebook())
    book = Gradebook(f"sqlite:///{path}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # nbgrader's own use of SQLAlchemy 2
        book.add_assignment(NAME)
        book.add_notebook(NAME, NAME)
        for cell, points in POINTS.items():
            book.add_grade_cell(cell, NAME, NAME, max_score=points, cell_type="code")
            book.add_solution_cell(cell.removeprefix("test-"), NAME, NAME)
        for student in students:
            book.add_student(student)
            book.add_submission(NAME, student)
    return book


@functools.cache
def _empty_gradebook():
    """Made once, for nbgrader starts a program for it, which it looks for on PATH."""
    tools = str(Path(sys.executable).parent)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.pathsep.join([tools, os.environ["PATH"]]))
        path = Path(folder, "gradebook.db")
        Gradebook(f"sqlite:///{path}").close()
        return path.read_bytes()
