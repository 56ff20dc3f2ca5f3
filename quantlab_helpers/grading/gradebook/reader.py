"""What nbgrader's gradebook says of a lesson: marks of tests and of people, comments, penalties.

Only read here; `gradebook` is the one that writes.
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

from ..course_folder import course_directory


class CellMarks(NamedTuple):
    """What one cell was given; an answer without points of its own has the comment only."""

    cell: str
    auto: float | None
    manual: float | None
    extra_credit: float | None
    max_score: float
    comment: str
    needs_grading: bool


class Marks(NamedTuple):
    """What a student was given for a lesson; words are empty where nothing is known.

    ``score`` has manual marks and extra credit in it and is before the penalty; it is None where
    no cell has a mark. ``submitted`` is in UTC. ``cells`` is empty without a submission.
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
    cells: tuple[CellMarks, ...]


def read_marks(course: str | Path, lesson: str) -> list[Marks]:
    """Read what every student of the gradebook was given for a lesson.

    Parameters
    ----------
    course : str or Path
        nbgrader's course folder.
    lesson : str
        The lesson's full name.

    Returns
    -------
    list of Marks
        By student; empty without a gradebook, which is not made.

    Raises
    ------
    ValueError
        If the gradebook cannot be read.

    Examples
    --------
    >>> [marks.score for marks in read_marks("build/course", NAME)]  # doctest: +SKIP
    [14.0, None]
    """
    url = course_directory(Path(course)).db_url
    address = make_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        return []
    try:
        with _session(url) as session:
            return marks_in(session, lesson)
    except SQLAlchemyError as error:
        raise ValueError(
            f"The gradebook {address.render_as_string()!r} cannot be read: {_first(error)}; "
            "restore it from a copy, or run: nbgrader db upgrade"
        ) from error


def marks_in(session: Any, lesson: str, *, student: str | None = None) -> list[Marks]:
    """Return the marks that a session of the gradebook sees; see `read_marks`."""
    people = session.query(api.Student).order_by(api.Student.id)
    if student is not None:
        people = people.filter(api.Student.id == student)
    worth = session.query(api.Assignment.max_score).filter(api.Assignment.name == lesson).scalar()
    handed_in: dict[str, tuple[Any, Any, Any]] = {
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
        _marks_of(person, handed_in.get(person.id), cells, float(worth or 0.0)) for person in people
    ]


def _marks_of(
    person: Any,
    handed_in: tuple[Any, Any, Any] | None,
    cells: Mapping[str, tuple[CellMarks, ...]],
    worth: float,
) -> Marks:
    number, time, penalty = handed_in or (None, None, None)
    own = cells.get(number, ()) if number is not None else ()
    given = [_score(cell) for cell in own if _score(cell) is not None]
    return Marks(
        person.id,
        person.first_name or "",
        person.last_name or "",
        person.email or "",
        person.lms_user_id or "",
        time.replace(tzinfo=UTC) if time is not None else None,
        sum(score for score in given if score is not None) if given else None,
        worth,
        float(penalty or 0.0),
        any(cell.needs_grading for cell in own),
        own,
    )


def _score(cell: CellMarks) -> float | None:
    """Return what counts: the mark of a person before that of a test."""
    mark = cell.manual if cell.manual is not None else cell.auto
    return None if mark is None else mark + (cell.extra_credit or 0.0)  # as nbgrader does


def _cells(session: Any, lesson: str, student: str | None) -> dict[str, tuple[CellMarks, ...]]:
    """Return the cells of all submissions, by the number of the submitted notebook."""
    found: dict[str, dict[str, CellMarks]] = {}

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
    for number, name, *values, worth, waits in rows(
        grade,
        grade.auto_score,
        grade.manual_score,
        grade.extra_credit,
        grade.max_score,
        grade.needs_manual_grade,
    ):
        auto, manual, extra = values
        cell = CellMarks(name, auto, manual, extra, float(worth or 0.0), "", bool(waits))
        found.setdefault(number, {})[name] = cell
    for number, name, text in rows(api.Comment, api.Comment.comment):
        own = found.setdefault(number, {})
        cell = own.get(name) or CellMarks(name, None, None, None, 0.0, "", False)
        own[name] = cell._replace(comment=text or "")
    return {number: tuple(own[name] for name in sorted(own)) for number, own in found.items()}


@contextmanager
def _session(url: str) -> Iterator[Session]:
    engine = create_engine(url)
    try:
        with Session(engine) as session:
            yield session
    finally:
        engine.dispose()


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
