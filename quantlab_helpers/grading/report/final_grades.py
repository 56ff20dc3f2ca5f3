"""What a learner has in the end: the verdict of grading, and what persons added to it.

Grading keeps its results; nbgrader's gradebook keeps marks, comments and penalties. `feedback`
and `export` read both here, and only here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ..course_folder import choose, course_directory
from ..gradebook.reader import CellMarks, Marks, read_marks
from ..gradebook.verdict_files import Graded, read_results
from ..lesson import Lesson, load_lesson
from ..records import NO_SCORE, VERDICTS, InvalidNotebook, Mark, Result
from ..roster import Student
from ..submissions import lesson_files, read_submission, submitted

STATUSES = (*VERDICTS, "not_graded")  # the last: handed in, and `quantlab grade` did not run yet


class CellStanding(NamedTuple):
    """One graded cell; ``score`` is the person's mark where there is one, else the test's."""

    cell: str
    score: float
    max_score: float
    manual: float | None = None
    extra_credit: float = 0.0
    comment: str = ""
    to_grade: bool = False


class Standing(NamedTuple):
    """One student in one lesson; ``score`` is None where nothing is known, which is not 0.

    ``score`` has the late penalty taken off and is never below 0. ``exercises`` has the points of
    each exercise, None where nothing is known. ``outdated`` is True where something else was
    handed in, or the lesson was built anew, after it was graded.
    """

    student: str
    lesson: str
    status: str
    score: float | None
    max_score: float
    person: Student
    cells: tuple[CellStanding, ...] = ()
    exercises: dict[str, float | None] = {}  # noqa: RUF012 - a field of a record, never changed
    late_penalty: float = 0.0
    submitted: datetime | None = None
    graded: datetime | None = None
    result: Result | None = None
    outdated: bool = False

    @classmethod
    def of(cls, result: Result, *, person: Student | None = None) -> Standing:
        """Return the standing of a result to which nobody has added anything.

        Parameters
        ----------
        result : Result
            From `score`.
        person : Student, optional
            Whose it is, with the name.

        Returns
        -------
        Standing
        """
        cells = tuple(
            CellStanding(
                mark.cell, mark.score, mark.max_score, to_grade=mark.state == "needs_grading"
            )
            for mark in result.marks
        )
        return cls(
            result.student,
            result.lesson,
            result.verdict,
            result.score,
            result.max_score,
            person or Student(result.student),
            cells,
            {cell.cell.removeprefix("test-"): cell.score for cell in cells},
            result=result,
        )


def read_standings(course: str | Path, lessons: Sequence[str] = ()) -> list[Standing]:
    """Read what every student has in some lessons.

    Parameters
    ----------
    course : str or Path
        nbgrader's course folder.
    lessons : sequence of str, default=()
        Names or their beginnings; all that were graded or handed in where empty.

    Returns
    -------
    list of Standing
        By lesson, then by student. Who is in the gradebook and handed nothing in is among them.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such course or lesson.

    Examples
    --------
    >>> [one.status for one in read_standings("build/course", ["02"])]  # doctest: +SKIP
    ['graded', 'no_submission']
    """
    course = Path(course)
    return [one for name in choose(course, lessons) for one in _read(course, name)]


def _read(course: Path, name: str) -> list[Standing]:
    """Return the standings of one lesson, by student."""
    lesson = load_lesson(course, name)
    graded = {one.result.student: one for one in read_results(course, name)}
    marks = {one.student: one for one in read_marks(course, name)}
    handed_in = set(submitted(course, name))
    source = lesson_files(course, name, ignore=course_directory(course).ignore)
    found = []
    for student in sorted({*graded, *marks, *handed_in}):
        before, there = graded.get(student), student in handed_in
        one = _standing(lesson, student, before, marks.get(student), there)
        if before is not None and there:
            now = _sha256(course, name, student, source)
            one = one._replace(outdated=now != before.sha256)
        found.append(one)
    return found


def _sha256(course: Path, name: str, student: str, source: Mapping[str, bytes]) -> str:
    """Return what grading would write down of that which is handed in now."""
    try:
        return read_submission(course, name, student=student, source=source).sha256
    except (InvalidNotebook, OSError):
        return ""


def _standing(
    lesson: Lesson, student: str, graded: Graded | None, marks: Marks | None, handed_in: bool
) -> Standing:
    """Put together what grading found and what the gradebook has."""
    result = graded.result if graded else None
    cells = _cells(lesson, result, marks)
    by_person = any(cell.manual is not None or cell.extra_credit for cell in cells)
    status = "not_graded" if handed_in else "no_submission"
    if result is not None:
        status = result.verdict
    elif marks is not None and marks.score is not None:
        status = "graded"  # by nbgrader itself
    penalty = marks.late_penalty if marks else 0.0
    known = status not in NO_SCORE or by_person
    if not known:
        cells = tuple(cell._replace(to_grade=False) for cell in cells)
    total = math.fsum(cell.score + cell.extra_credit for cell in cells)
    points = {cell.cell: cell.score + cell.extra_credit for cell in cells}
    return Standing(
        student,
        lesson.name,
        status,
        max(total - penalty, 0.0) if known else None,
        lesson.max_score,
        Student(*marks[:5]) if marks else Student(student),
        cells,
        {
            exercise.name: math.fsum(points.get(test, 0.0) for test in exercise.tests)
            if known
            else None
            for exercise in lesson.exercises
        },
        penalty,
        marks.submitted if marks else None,
        graded.time if graded else None,
        result,
    )


def _cells(lesson: Lesson, result: Result | None, marks: Marks | None) -> tuple[CellStanding, ...]:
    """Return the graded cells in the lesson's order, then others that have a comment."""
    ours = {mark.cell: mark for mark in result.marks} if result else {}
    theirs = {cell.cell: cell for cell in marks.cells} if marks else {}
    names = [name for name in lesson.points if name in ours or name in theirs]
    names += [name for name, cell in theirs.items() if name not in lesson.points and cell.comment]
    return tuple(_cell(name, lesson, ours.get(name), theirs.get(name)) for name in names)


def _cell(name: str, lesson: Lesson, mark: Mark | None, cell: CellMarks | None) -> CellStanding:
    found = [cell.manual, cell.auto] if cell else []
    found.append(mark.score if mark else 0.0)
    return CellStanding(
        name,
        next(value for value in found if value is not None),
        lesson.points.get(name, 0.0),
        cell.manual if cell else None,
        (cell.extra_credit or 0.0) if cell else 0.0,
        cell.comment if cell else "",
        _waits(mark, cell),
    )


def _waits(mark: Mark | None, cell: CellMarks | None) -> bool:
    """Return whether a person still has to mark a cell."""
    if cell is not None:
        return cell.needs_grading and cell.manual is None
    return mark is not None and mark.state == "needs_grading"
