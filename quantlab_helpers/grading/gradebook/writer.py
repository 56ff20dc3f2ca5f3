"""Write verdicts into nbgrader's gradebook and its folder ``autograded/``.

One process at a time, one connection, one commit for each submission. What is written is what
nbgrader's own commands would have written, so they, and formgrader, go on working. Marks and
comments by people are never touched.
"""

from __future__ import annotations

import copy
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader import api, preprocessors
from nbgrader import utils as nbgrader_utils
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from ..._support.files import write_atomically
from ..course_folder import TIMESTAMP, course_directory
from ..lesson import Lesson
from ..records import NEEDS_GRADING, Result
from ..roster import Student
from .lock import locked
from .reader import Marks, marks_in

_PATIENCE = 60_000  # milliseconds to wait while formgrader writes


@contextmanager
def open_book(course: str | Path) -> Iterator[Book]:
    """Open a course's gradebook for writing; it is made if there is none.

    Parameters
    ----------
    course : str or Path
        nbgrader's course folder.

    Yields
    ------
    Book

    Raises
    ------
    Busy
        If another process has opened it; the message says which.
    ValueError
        If the gradebook is damaged.

    Examples
    --------
    >>> with open_book("build/course") as book:  # doctest: +SKIP
    ...     book.record(lesson, result, executed=executed.notebook)
    """
    course = Path(course)
    with locked(course / "quantlab" / "lock"):
        settings = course_directory(course)
        try:
            gradebook = _open(settings.db_url, settings.course_id)
        except SQLAlchemyError as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise ValueError(
                f"The gradebook cannot be opened: {first}; restore {settings.db_url!r} from a "
                "copy, or run in the course's folder: nbgrader db upgrade"
            ) from error
        try:
            yield Book(course, settings, gradebook)
        finally:
            gradebook.close()


class Book:
    """An open gradebook; made by `open_book`."""

    def __init__(self, course: Path, settings: Any, gradebook: Any) -> None:
        self._course, self._settings, self._gradebook = course, settings, gradebook
        self._db = gradebook.db
        self._prepared: set[str] = set()
        self._penalties = preprocessors.AssignLatePenalties(config=settings.config)
        self._penalties.init_plugin()

    def students(self) -> list[str]:
        """Return the students that the gradebook knows, by id."""
        return [name for (name,) in self._db.query(api.Student.id).order_by(api.Student.id)]

    def enrol(self, students: Iterable[Student]) -> None:
        """Have students in the gradebook, with what is known of them.

        Parameters
        ----------
        students : iterable of Student
            From `read_roster`; what is empty there stays as the gradebook has it.
        """
        for student in students:
            row = self._db.get(api.Student, student.id) or api.Student(id=student.id)
            for name, value in student._asdict().items():
                if value:
                    setattr(row, name, value)
            self._db.add(row)
        self._db.commit()

    def remembered(self, lesson: str, *, student: str) -> Marks | None:
        """Return what a student was given for a lesson; None for one that is not known."""
        found = marks_in(self._db, lesson, student=student)
        return found[0] if found else None

    def all_marks(self, lesson: str) -> list[Marks]:
        """Return what everybody was given for a lesson, as `read_marks` does."""
        return marks_in(self._db, lesson)

    def prepare(self, lesson: Lesson) -> None:
        """Have a lesson's cells in the gradebook, as ``nbgrader generate_assignment`` does.

        Parameters
        ----------
        lesson : Lesson
            From `load_lesson`.

        Raises
        ------
        ValueError
            If the gradebook has submissions of a lesson of this name with other graded cells.
        """
        if lesson.name in self._prepared:
            return
        name = lesson.name
        row = self._db.query(api.Notebook).join(api.Assignment)
        row = row.filter(api.Assignment.name == name, api.Notebook.name == name).one_or_none()
        if row is None or _cells_of(row) != _cells_in(lesson):
            self._gradebook.update_or_create_assignment(name)
            names = {"notebook": name, "assignment": name, "db_url": self._settings.db_url}
            self._db.commit()  # the step below has a connection of its own
            step = preprocessors.SaveCells(config=self._settings.config)
            try:
                step.preprocess(copy.deepcopy(lesson.notebook), {"nbgrader": names})
            except RuntimeError as error:
                raise ValueError(
                    f"lesson {name}: it has other graded cells than the gradebook, which holds "
                    "submissions of it. Build the lesson as it was, or give it another name."
                ) from error
            self._db.expire_all()
        self._prepared.add(name)

    def record(
        self,
        lesson: Lesson,
        result: Result,
        *,
        executed: NotebookNode | None = None,
        timestamp: datetime | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        """Write one verdict down; the automatic marks of an earlier one are replaced.

        Parameters
        ----------
        lesson : Lesson
            From `load_lesson`.
        result : Result
            From `score` or `unscored`. Where its score is None no automatic mark remains, and the
            cells wait for a person.
        executed : NotebookNode, optional
            The notebook after `execute`, for ``autograded/``.
        timestamp : datetime, optional
            With a time zone: when it was handed in. By default what is known stays.
        files : mapping of str to bytes, optional
            What lay beside it.
        """
        self.prepare(lesson)
        folder = self._course / "autograded" / result.student / lesson.name
        if result.score is None or executed is None:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            self._write_folder(folder, lesson.name, executed, timestamp, dict(files or {}))
        try:
            self._write_rows(lesson, result, executed, timestamp)
            self._db.commit()
        except BaseException:
            self._db.rollback()
            raise

    def renew_penalties(self, lesson: str, *, times: Mapping[str, datetime]) -> None:
        """Work out the late penalties of a lesson again: dates and marks may have changed.

        Parameters
        ----------
        lesson : str
            Its full name.
        times : mapping of str to datetime
            By students, with a time zone: when they handed it in, where that is known.
        """
        try:
            for notebook in self._submitted(lesson).all():
                submission = notebook.assignment
                if (time := times.get(submission.student_id)) is not None:
                    submission.timestamp = time.astimezone(UTC).replace(tzinfo=None)
                self._penalise(notebook)
            self._db.commit()
        except BaseException:
            self._db.rollback()
            raise

    def _submitted(self, lesson: str) -> Any:
        query = self._db.query(api.SubmittedNotebook).join(api.SubmittedAssignment)
        return query.join(api.Assignment).filter(api.Assignment.name == lesson)

    def _write_rows(
        self,
        lesson: Lesson,
        result: Result,
        executed: NotebookNode | None,
        timestamp: datetime | None,
    ) -> None:
        if self._db.get(api.Student, result.student) is None:
            self._db.add(api.Student(id=result.student))
        of_student = api.SubmittedAssignment.student_id == result.student
        notebook = self._submitted(lesson.name).filter(of_student).one_or_none()
        if notebook is None:
            if result.verdict == "no_submission":
                return
            notebook = self._add_submission(lesson.name, result.student)
        if timestamp is not None:
            notebook.assignment.timestamp = timestamp.astimezone(UTC).replace(tzinfo=None)
        self._write_grades(notebook, lesson, result)
        self._db.flush()
        self._db.expire(notebook)  # it has new rows
        silent = _unanswered(executed) if result.score is not None else frozenset()
        for comment in notebook.comments:
            comment.auto_comment = "No response." if comment.cell.name in silent else None
        notebook.late_submission_penalty = None
        if result.score is not None:
            self._penalise(notebook)

    def _add_submission(self, lesson: str, student: str) -> Any:
        """Add the rows of a submission, as `nbgrader.api.Gradebook.add_submission` does."""
        source = self._gradebook.find_notebook(lesson, lesson)
        with self._db.no_autoflush:
            submission = api.SubmittedAssignment(assignment=source.assignment, student_id=student)
            notebook = api.SubmittedNotebook(notebook=source, assignment=submission)
            self._db.add_all([submission, notebook])
        self._db.flush()
        return notebook

    def _write_grades(self, notebook: Any, lesson: Lesson, result: Result) -> None:
        source = notebook.notebook
        marks = {mark.cell: mark for mark in result.marks}
        tasks = {cell.name for cell in source.task_cells}
        grades = {grade.cell_id: grade for grade in notebook.grades}
        comments = {comment.cell_id for comment in notebook.comments}
        for cell in [*source.solution_cells, *source.task_cells]:
            if cell.id not in comments:
                self._db.add(api.Comment(cell_id=cell.id, notebook_id=notebook.id))
        for cell in [*source.grade_cells, *source.task_cells]:
            grade = grades.get(cell.id) or api.Grade(cell_id=cell.id, notebook_id=notebook.id)
            self._db.add(grade)
            mark = marks.get(cell.name) if result.score is not None else None
            by_hand = mark is None or mark.state == NEEDS_GRADING or cell.name in tasks
            grade.auto_score = None if mark is None or by_hand else mark.score
            waits = grade.auto_score is None or grade.manual_score is not None
            grade.needs_manual_grade = waits and result.verdict != "no_submission"

    def _penalise(self, notebook: Any) -> None:
        """Set the penalty, as nbgrader's step of that name does."""
        submission = notebook.assignment
        notebook.late_submission_penalty = None
        if submission.assignment.duedate is None or submission.total_seconds_late <= 0:
            return
        self._db.flush()
        self._db.refresh(notebook, ["score"])
        plugin = self._penalties.plugin_inst
        late = submission.total_seconds_late
        penalty = plugin.late_submission_penalty(submission.student_id, notebook.score, late)
        if penalty is not None:
            penalty = self._penalties._check_late_penalty(notebook, penalty)
        notebook.late_submission_penalty = penalty

    def _write_folder(
        self,
        folder: Path,
        lesson: str,
        executed: NotebookNode,
        timestamp: datetime | None,
        files: dict[str, bytes],
    ) -> None:
        """Write what stock nbgrader leaves: read-only, the notebook and all beside it."""
        files[f"{lesson}.ipynb"] = nbformat.writes(executed).encode("utf-8", "replace")
        if timestamp is not None:
            files[TIMESTAMP] = f"{timestamp.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC".encode()
        for path in sorted(folder.rglob("*"), reverse=True):
            if not path.is_dir() and str(path.relative_to(folder)) not in files:
                path.unlink()
        for name, content in files.items():
            write_atomically(folder / name, content)
            (folder / name).chmod(0o664 if self._settings.groupshared else 0o444)


def _unanswered(executed: NotebookNode | None) -> frozenset[str]:
    """Return the answers that are still as they were handed out, as nbgrader finds them."""
    cells = executed.cells if executed is not None else []
    return frozenset(
        cell.metadata.nbgrader["grade_id"]
        for cell in cells
        if nbgrader_utils.is_solution(cell)
        and not nbgrader_utils.is_task(cell)
        and cell.metadata.nbgrader.get("checksum") == nbgrader_utils.compute_checksum(cell)
    )


_Cells = set[tuple[Any, ...]]


def _cells_of(row: Any) -> _Cells:
    """Return all that the gradebook knows of a lesson's cells."""
    found: _Cells = {("grade", c.name, c.max_score, c.cell_type) for c in row.grade_cells}
    found |= {("task", c.name, c.max_score, c.cell_type) for c in row.task_cells}
    found |= {("solution", c.name) for c in row.solution_cells}
    kept = row.source_cells
    return found | {("source", c.name, c.cell_type, c.locked, c.source, c.checksum) for c in kept}


def _cells_in(lesson: Lesson) -> _Cells:
    """Return the same of a lesson, as nbgrader's `SaveCells` would write it."""
    found: _Cells = set()
    for cell in lesson.notebook.cells:
        graded, task = nbgrader_utils.is_grade(cell), nbgrader_utils.is_task(cell)
        for kind, holds in (("grade", graded), ("task", task)):
            if holds:
                found.add((kind, cell.id, lesson.points[cell.id], cell.cell_type))
        answer, locked = nbgrader_utils.is_solution(cell), nbgrader_utils.is_locked(cell)
        if answer:
            found.add(("solution", cell.id))
        if graded or task or answer or locked:
            checksum = cell.metadata.nbgrader.get("checksum")
            found.add(("source", cell.id, cell.cell_type, locked, cell.source, checksum))
    return found


# Opening


def _open(url: str, course_id: str) -> Any:
    """Open the gradebook; a new one gets its name when it is complete."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        return api.Gradebook(url, course_id)
    path = Path(address.database or "")
    if not path.exists():
        partial = path.with_name(f".{path.name}.new")
        partial.unlink(missing_ok=True)
        with _alembic_found():
            api.Gradebook(f"sqlite:///{partial}", course_id).close()
        os.replace(partial, path)
    gradebook = api.Gradebook(url, course_id)
    gradebook.close()  # connections from here on have patience
    event.listen(gradebook.engine, "connect", _be_patient)
    return gradebook


def _be_patient(connection: Any, _: Any) -> None:
    connection.execute(f"PRAGMA busy_timeout = {_PATIENCE}")


@contextmanager
def _alembic_found() -> Iterator[None]:
    """Let nbgrader find the program alembic, which stands beside this Python, on the PATH."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before
