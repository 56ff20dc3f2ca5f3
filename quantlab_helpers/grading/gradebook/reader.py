"""Read nbgrader's gradebook: automatic and manual scores, comments and late penalties.

`writer` is the only module that writes to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from nbgrader import api
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ..course_folder import CourseFolder
from .waiting import make_patient


class GradebookCell(NamedTuple):
    """The scores of one cell; an answer without points of its own has only the comment."""

    cell: str
    auto: float | None
    manual: float | None
    extra_credit: float | None
    max_score: float
    comment: str
    needs_grading: bool


class StudentScores(NamedTuple):
    """A student's scores for a lesson; unknown names and addresses are empty.

    ``score`` includes manual scores and extra credit, without the late penalty; it is None if no
    cell has a score. ``submitted`` is in UTC. ``cells`` is empty without a submission.
    """

    student: str
    first_name: str
    last_name: str
    email: str
    lms_user_id: str
    submitted: datetime | None
    score: float | None
    max_score: float
    late_penalty: float
    needs_grading: bool
    cells: tuple[GradebookCell, ...]


def read_scores(course: str | Path, lesson: str) -> list[StudentScores]:
    """Read the scores of every student in the gradebook for a lesson.

    Parameters
    ----------
    course : str or Path
        nbgrader's course folder.
    lesson : str
        The lesson's full name.

    Returns
    -------
    list of StudentScores
        By student; empty if there is no gradebook.

    Raises
    ------
    ValueError
        If the gradebook cannot be read.
    Busy
        If another program has it locked for a minute.

    Examples
    --------
    >>> [scores.score for scores in read_scores("build/course", NAME)]  # doctest: +SKIP
    [14.0, None]
    """
    url = CourseFolder(course).directory.db_url
    address = make_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        return []
    try:
        with _session(url) as session:
            return scores_in(session, lesson)
    except SQLAlchemyError as error:
        raise ValueError(
            f"The gradebook {address.render_as_string()!r} cannot be read: {first_line(error)}; "
            "check that you may read it, restore it from a copy, or run: nbgrader db upgrade"
        ) from error


def scores_in(session: Any, lesson: str, *, student: str | None = None) -> list[StudentScores]:
    """Return the scores that a database session sees, as `read_scores` does."""
    students = session.query(api.Student).order_by(api.Student.id)
    if student is not None:
        students = students.filter(api.Student.id == student)
    max_score = (
        session.query(api.Assignment.max_score).filter(api.Assignment.name == lesson).scalar()
    )
    submissions: dict[str, tuple[Any, Any, Any]] = {
        name: (number, time, penalty)
        for number, name, time, penalty in session.query(
            api.SubmittedNotebook.id,
            api.SubmittedAssignment.student_id,
            api.SubmittedAssignment.timestamp,
            api.SubmittedNotebook.late_submission_penalty,
        )
        .join(api.SubmittedAssignment)
        .join(api.Assignment)
        .join(api.Notebook, api.Notebook.id == api.SubmittedNotebook.notebook_id)
        .filter(api.Assignment.name == lesson, api.Notebook.name == lesson)
    }
    cells = _cells(session, lesson, student)
    return [
        _scores_of(row, submissions.get(row.id), cells, float(max_score or 0.0)) for row in students
    ]


def _scores_of(
    student: Any,
    submission: tuple[Any, Any, Any] | None,
    cells: Mapping[str, tuple[GradebookCell, ...]],
    max_score: float,
) -> StudentScores:
    number, time, penalty = submission or (None, None, None)
    own = cells.get(number, ()) if number is not None else ()
    scores = [score for score in map(_score, own) if score is not None]
    return StudentScores(
        student.id,
        student.first_name or "",
        student.last_name or "",
        student.email or "",
        student.lms_user_id or "",
        time.replace(tzinfo=UTC) if time is not None else None,
        sum(scores) if scores else None,
        max_score,
        float(penalty or 0.0),
        any(cell.needs_grading for cell in own),
        own,
    )


def _score(cell: GradebookCell) -> float | None:
    """Return the score that counts: a person's before the test's."""
    score = cell.manual if cell.manual is not None else cell.auto
    return None if score is None else score + (cell.extra_credit or 0.0)  # as nbgrader does


def _cells(session: Any, lesson: str, student: str | None) -> dict[str, tuple[GradebookCell, ...]]:
    """Return the cells of all submissions, by the id of the submitted notebook."""
    cells: dict[str, dict[str, GradebookCell]] = {}

    def rows(table: Any, *columns: Any) -> Any:
        query = (
            session.query(table.notebook_id, api.BaseCell.name, *columns)
            .join(api.BaseCell, api.BaseCell.id == table.cell_id)
            .join(api.SubmittedNotebook, api.SubmittedNotebook.id == table.notebook_id)
            .join(api.SubmittedAssignment)
            .join(api.Assignment)
            .filter(api.Assignment.name == lesson)
        )
        if student is not None:
            query = query.filter(api.SubmittedAssignment.student_id == student)
        return query

    grade = api.Grade
    for number, name, *values, max_score, waits in rows(
        grade,
        grade.auto_score,
        grade.manual_score,
        grade.extra_credit,
        grade.max_score,
        grade.needs_manual_grade,
    ):
        auto, manual, extra = values
        cell = GradebookCell(name, auto, manual, extra, float(max_score or 0.0), "", bool(waits))
        cells.setdefault(number, {})[name] = cell
    for number, name, text in rows(api.Comment, api.Comment.comment):
        own = cells.setdefault(number, {})
        cell = own.get(name) or GradebookCell(name, None, None, None, 0.0, "", False)
        own[name] = cell._replace(comment=text or "")
    return {number: tuple(own[name] for name in sorted(own)) for number, own in cells.items()}


@contextmanager
def _session(url: str) -> Iterator[Session]:
    engine = create_engine(url)
    make_patient(engine)
    try:
        with Session(engine) as session:
            yield session
    finally:
        engine.dispose()


def first_line(error: Exception) -> str:
    """Return the first line of an exception's message."""
    return (str(error).splitlines() or [type(error).__name__])[0]
