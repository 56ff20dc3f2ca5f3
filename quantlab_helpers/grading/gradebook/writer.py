"""Write verdicts into nbgrader's gradebook and its folder ``autograded/``.

One process at a time, one connection, one commit for each submission. The rows and files are those
that nbgrader's own commands write, so these commands, and formgrader, continue to work. Scores and
comments by people are never changed.
"""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from nbformat import NotebookNode
from nbgrader import api, dbutil, preprocessors
from nbgrader import utils as nbgrader_utils
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from ..._support.files import write_atomically
from ..course_folder import TIMESTAMP, CourseFolder, format_timestamp
from ..lesson import Lesson
from ..records import CellState, Result, Verdict
from ..roster import Student
from .lock import locked
from .reader import StudentScores, first_line, scores_in
from .waiting import make_patient, wait_while_locked


@contextmanager
def open_gradebook(course: str | Path) -> Iterator[GradebookWriter]:
    """Open a course's gradebook for writing; create it if there is none.

    Parameters
    ----------
    course : str or Path
        nbgrader's course folder.

    Yields
    ------
    GradebookWriter

    Raises
    ------
    Busy
        If another process has opened it, or another program has it locked; the message says so.
    ValueError
        If the gradebook is damaged.

    Examples
    --------
    >>> with open_gradebook("build/course") as gradebook:  # doctest: +SKIP
    ...     gradebook.record(lesson, result, executed=executed.notebook)
    """
    folder = CourseFolder(course)
    with locked(folder.lock):
        settings = folder.directory
        try:
            gradebook = _open(settings.db_url, settings.course_id)
        except SQLAlchemyError as error:
            raise ValueError(
                f"The gradebook cannot be opened: {first_line(error)}; check that you may read and "
                f"write {settings.db_url!r}, restore it from a copy, or run in the course's "
                "folder: nbgrader db upgrade"
            ) from error
        try:
            yield GradebookWriter(folder, settings, gradebook)
        finally:
            gradebook.close()


class GradebookWriter:
    """An open gradebook; made by `open_gradebook`."""

    def __init__(self, course: CourseFolder, settings: Any, gradebook: Any) -> None:
        self._course, self._settings, self._gradebook = course, settings, gradebook
        self._db = gradebook.db
        self._prepared: set[str] = set()
        self._penalties = preprocessors.AssignLatePenalties(config=settings.config)
        self._penalties.init_plugin()

    def students(self) -> list[str]:
        """Return the ids of all students in the gradebook, in order."""
        return [name for (name,) in self._db.query(api.Student.id).order_by(api.Student.id)]

    def enrol(self, students: Iterable[Student]) -> None:
        """Add students to the gradebook, or update their names and addresses.

        Parameters
        ----------
        students : iterable of Student
            From `read_roster`; an empty field leaves the gradebook's value.
        """
        for student in students:
            row = self._db.get(api.Student, student.id) or api.Student(id=student.id)
            for name, value in student._asdict().items():
                if value:
                    setattr(row, name, value)
            self._db.add(row)
        self._db.commit()

    def scores_of(self, lesson: str, *, student: str) -> StudentScores | None:
        """Return a student's scores for a lesson; None if the gradebook has no such student."""
        rows = scores_in(self._db, lesson, student=student)
        return rows[0] if rows else None

    def all_scores(self, lesson: str) -> list[StudentScores]:
        """Return all students' scores for a lesson, as `read_scores` does."""
        return scores_in(self._db, lesson)

    def prepare(self, lesson: Lesson) -> None:
        """Write a lesson's cells into the gradebook, as ``nbgrader generate_assignment`` does.

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
        if row is None or _stored_cells(row) != _lesson_cells(lesson):
            self._gradebook.update_or_create_assignment(name)
            address = self._gradebook.engine.url
            url = address.render_as_string(hide_password=False)
            names = {"notebook": name, "assignment": name, "db_url": url}
            self._db.commit()  # the step below has a connection of its own
            step = preprocessors.SaveCells(config=self._settings.config)
            try:
                wait_while_locked(
                    str(address.database),
                    lambda: step.preprocess(copy.deepcopy(lesson.notebook), {"nbgrader": names}),
                )
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
        """Write one verdict; it replaces the automatic scores of an earlier one.

        Parameters
        ----------
        lesson : Lesson
            From `load_lesson`.
        result : Result
            From `score` or `unscored`. If its score is None no automatic score remains, and the
            cells wait for a person.
        executed : NotebookNode, optional
            The notebook after `execute`, for ``autograded/``.
        timestamp : datetime, optional
            With a time zone: when it was handed in. By default the earlier value stays.
        files : mapping of str to bytes, optional
            The other files of the submission.
        """
        self.prepare(lesson)
        folder = self._course.autograded(result.student, lesson.name)
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

    def update_late_penalties(self, lesson: str, *, times: Mapping[str, datetime]) -> None:
        """Compute the late penalties of a lesson again: dates and scores may have changed.

        Parameters
        ----------
        lesson : str
            The lesson's full name.
        times : mapping of str to datetime
            By student, with a time zone: when each handed it in, where that is known.
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
            if result.verdict == Verdict.NO_SUBMISSION:
                return
            notebook = self._add_submission(lesson.name, result.student)
        if timestamp is not None:
            notebook.assignment.timestamp = timestamp.astimezone(UTC).replace(tzinfo=None)
        self._write_grades(notebook, lesson, result)
        self._db.flush()
        self._db.expire(notebook)  # it has new rows
        unanswered = _unanswered(executed) if result.score is not None else frozenset()
        for comment in notebook.comments:
            comment.auto_comment = "No response." if comment.cell.name in unanswered else None
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
        scores = {score.cell: score for score in result.cell_scores}
        tasks = {cell.name for cell in source.task_cells}
        grades = {grade.cell_id: grade for grade in notebook.grades}
        comments = {comment.cell_id for comment in notebook.comments}
        for cell in [*source.solution_cells, *source.task_cells]:
            if cell.id not in comments:
                self._db.add(api.Comment(cell_id=cell.id, notebook_id=notebook.id))
        for cell in [*source.grade_cells, *source.task_cells]:
            grade = grades.get(cell.id) or api.Grade(cell_id=cell.id, notebook_id=notebook.id)
            self._db.add(grade)
            score = scores.get(cell.name) if result.score is not None else None
            by_hand = score is None or score.state == CellState.NEEDS_GRADING or cell.name in tasks
            grade.auto_score = None if score is None or by_hand else score.score
            waits = grade.auto_score is None or grade.manual_score is not None
            grade.needs_manual_grade = waits and result.verdict != Verdict.NO_SUBMISSION

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
        """Write the files of stock nbgrader, read-only: the notebook and those beside it."""
        files[f"{lesson}.ipynb"] = nbformat.writes(executed).encode("utf-8", "replace")
        if timestamp is not None:
            files[TIMESTAMP] = format_timestamp(timestamp).encode()
        for path in sorted(folder.rglob("*"), reverse=True):  # files before their folder
            if path.is_symlink() or not path.is_dir():
                if str(path.relative_to(folder)) not in files:
                    path.unlink()
            elif not any(path.iterdir()):
                path.rmdir()
        for name, content in files.items():
            write_atomically(folder / name, content)
            (folder / name).chmod(0o664 if self._settings.groupshared else 0o444)


def _unanswered(executed: NotebookNode | None) -> frozenset[str]:
    """Return the grade_ids of answers that did not change since the release, by nbgrader's rule."""
    cells = executed.cells if executed is not None else []
    return frozenset(
        cell.metadata.nbgrader["grade_id"]
        for cell in cells
        if nbgrader_utils.is_solution(cell)
        and not nbgrader_utils.is_task(cell)
        and cell.metadata.nbgrader.get("checksum") == nbgrader_utils.compute_checksum(cell)
    )


_CellKeys = set[tuple[Any, ...]]


def _stored_cells(row: Any) -> _CellKeys:
    """Return the values that the gradebook stores of a lesson's cells."""
    keys: _CellKeys = {("grade", c.name, c.max_score, c.cell_type) for c in row.grade_cells}
    keys |= {("task", c.name, c.max_score, c.cell_type) for c in row.task_cells}
    keys |= {("solution", c.name) for c in row.solution_cells}
    sources = row.source_cells
    return keys | {("source", c.name, c.cell_type, c.locked, c.source, c.checksum) for c in sources}


def _lesson_cells(lesson: Lesson) -> _CellKeys:
    """Return the values that nbgrader's `SaveCells` would store of a lesson's cells."""
    keys: _CellKeys = set()
    for cell in lesson.notebook.cells:
        graded, task = nbgrader_utils.is_grade(cell), nbgrader_utils.is_task(cell)
        for kind, holds in (("grade", graded), ("task", task)):
            if holds:
                keys.add((kind, cell.id, lesson.points[cell.id], cell.cell_type))
        answer, locked = nbgrader_utils.is_solution(cell), nbgrader_utils.is_locked(cell)
        if answer:
            keys.add(("solution", cell.id))
        if graded or task or answer or locked:
            checksum = cell.metadata.nbgrader.get("checksum")
            keys.add(("source", cell.id, cell.cell_type, locked, cell.source, checksum))
    return keys


# Opening


def _open(url: str, course_id: str) -> Any:
    """Open the gradebook; a new one is renamed to its place once it is complete."""
    address = make_url(url)
    path = Path(address.database or "")
    if address.get_backend_name() != "sqlite":
        _create_tables(url)
    else:
        if not path.exists() or not path.stat().st_size:
            partial = path.with_name(f".{path.name}.new")
            partial.unlink(missing_ok=True)
            _create_tables(f"sqlite:///{partial}")
            os.replace(partial, path)
        address = address.update_query_dict({"timeout": "0"})  # the waiting is ours
        url = address.render_as_string(hide_password=False)
    gradebook = wait_while_locked(str(path), lambda: api.Gradebook(url, course_id))
    gradebook.close()  # later connections are patient
    make_patient(gradebook.engine)
    return gradebook


def _create_tables(url: str) -> None:
    """Create nbgrader's tables in an empty database, with their version.

    nbgrader would start the program alembic for the version, which may not be on the PATH.
    """
    engine = create_engine(url)
    with engine.begin() as connection:
        if not inspect(connection).get_table_names():
            api.Base.metadata.create_all(connection)
            context = MigrationContext.configure(connection, opts={"version_table_pk": False})
            context.stamp(ScriptDirectory(dbutil.ALEMBIC_DIR), "head")
    engine.dispose()
