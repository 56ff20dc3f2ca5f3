"""A course folder with the small lesson, and students who hand something in."""

import contextlib
import functools
import json
import os
import sqlite3
import sys
import tempfile
import warnings
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from quantlab_helpers.grading.course_folder import CourseFolder
from quantlab_helpers.grading.gradebook.writer import open_gradebook
from quantlab_helpers.grading.lesson import load_lesson
from quantlab_helpers.grading.pipeline import grade
from quantlab_helpers.grading.records import Limits
from tests.grading import small_lesson as small

NAME = "01_small"
STAMP = "2026-01-30 15:00:00.000000 UTC"
LIMITS = Limits(cell_seconds=20, submission_seconds=120, memory_bytes=2**30, file_bytes=2**23)


@functools.cache
def _new_gradebook():
    """An empty gradebook, made once for all tests."""
    with tempfile.TemporaryDirectory() as folder:
        with open_gradebook(folder) as book:
            assert book.students() == []
        return Path(folder, "gradebook.db").read_bytes()


def a_course(folder, *, notebook=None, config="", name=NAME, gradebook=True):
    """Write a course with one lesson, the small one unless told otherwise."""
    if gradebook and not (folder / "gradebook.db").exists():
        folder.mkdir(exist_ok=True)
        (folder / "gradebook.db").write_bytes(_new_gradebook())
    path = folder / "source" / name / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(notebook or small.instructor()))
    if config:
        (folder / "nbgrader_config.py").write_text(f"c = get_config()\n{config}\n")
    return folder


def answers(course, **changed):
    """What a student with these answers hands in; the others are right."""
    changed = {name: f"# exercise: {name}\n{code}" for name, code in changed.items()}
    return small.handed_in(load_lesson(course, NAME), {**small.ANSWERS, **changed})


def stub(course):
    return small.handed_in(load_lesson(course, NAME), {}, helper="")


def hand_in(course, student, content, *, stamp=STAMP, files=None, name=NAME, called=None):
    """Put a submission where nbgrader looks for it; `content` is a notebook or bytes."""
    folder = course / "submitted" / student / name
    folder.mkdir(parents=True, exist_ok=True)
    plain = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / (called or f"{name}.ipynb")).write_bytes(plain)
    for other, text in (files or {}).items():
        (folder / other).parent.mkdir(parents=True, exist_ok=True)
        (folder / other).write_text(text)
    if stamp:
        (folder / "timestamp.txt").write_text(stamp)
    return folder


def graded(course, *lessons, **options):
    """Grade with limits that suit a test; return the results by student."""
    options = {"limits": LIMITS, "jobs": 1, **options}
    return {result.student: result for result in grade(course, lessons, **options).results}


def verdicts(results):
    return {student: result.verdict for student, result in results.items()}


def rows(course, question):
    """Ask the gradebook's file itself."""
    with sqlite3.connect(course / "gradebook.db") as connection:
        answer = connection.execute(question).fetchall()
    connection.close()
    return answer


def automatic_scores(course, student):
    """Return the automatic scores of a student from the gradebook's file."""
    question = f"""
        SELECT base_cell.name, grade.auto_score FROM grade
        JOIN base_cell ON base_cell.id = grade.cell_id
        JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
        JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
        WHERE submitted_assignment.student_id = '{student}' ORDER BY 1"""
    return {name.removeprefix("test-"): score for name, score in rows(course, question)}


@contextlib.contextmanager
def stock_book(course):
    """nbgrader's own way to a gradebook that is there, as formgrader takes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
            yield book
            book.db.commit()


@contextlib.contextmanager
def stock(course, **sections):
    """nbgrader's own commands on a course, as its applications build them.

    It looks for the program alembic on PATH, where it is in an activated environment; warnings
    are its own.
    """
    config = CourseFolder(course).directory.config  # of nbgrader_config.py
    config.merge(Config({name: dict(section) for name, section in sections.items()}))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("PATH", path)
        yield NbGraderAPI(CourseDirectory(config=config), config=config)
