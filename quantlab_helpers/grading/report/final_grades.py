"""Final grades: automatic scores, manual scores, comments and late penalties.

The verdicts come from the files that grading writes, the rest from nbgrader's gradebook; feedback
pages and tables are made from the final grades alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ..course_folder import CourseFolder
from ..gradebook.reader import GradebookCell, StudentScores, read_scores
from ..gradebook.verdict_files import StoredVerdict, read_results
from ..lesson import Lesson, load_lesson
from ..records import (
    NOT_GRADED,
    UNSCORED_VERDICTS,
    CellScore,
    CellState,
    InvalidNotebook,
    Result,
    Verdict,
)
from ..roster import Student
from ..submissions import lesson_files, read_submission, students_with_submission


class FinalCellGrade(NamedTuple):
    """One graded cell; ``score`` is a person's score if there is one, else the test's."""

    cell: str
    score: float
    max_score: float
    manual: float | None = None
    extra_credit: float = 0.0
    comment: str = ""
    to_grade: bool = False


class FinalGrade(NamedTuple):
    """A student's grade for a lesson; ``score`` is None if the answers were not scored, never 0.

    ``score`` is after the late penalty and never below 0. ``status`` is one of `records.STATUSES`.
    ``exercises`` has the score of each exercise, None as for ``score``. ``outdated`` is True if
    another version was handed in, or the lesson was built again, after the grading.
    """

    student: str
    lesson: str
    status: str
    score: float | None
    max_score: float
    person: Student
    cells: tuple[FinalCellGrade, ...] = ()
    exercises: dict[str, float | None] = {}  # noqa: RUF012 - a field of a record, never changed
    late_penalty: float = 0.0
    submitted: datetime | None = None
    graded: datetime | None = None
    result: Result | None = None
    outdated: bool = False

    @classmethod
    def of(cls, result: Result, *, person: Student | None = None) -> FinalGrade:
        """Return the final grade of a result without manual scores, comments and penalty.

        Parameters
        ----------
        result : Result
            From `score`.
        person : Student, optional
            The student with names and addresses.

        Returns
        -------
        FinalGrade
        """
        cells = tuple(
            FinalCellGrade(
                score.cell,
                score.score,
                score.max_score,
                to_grade=score.state == CellState.NEEDS_GRADING,
            )
            for score in result.cell_scores
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


def read_final_grades(course: str | Path, lessons: Sequence[str] = ()) -> list[FinalGrade]:
    """Read the final grades of all students in some lessons.

    Parameters
    ----------
    course : str or Path
        nbgrader's course folder.
    lessons : sequence of str, default=()
        Names or their beginnings; if empty, all that were graded or handed in.

    Returns
    -------
    list of FinalGrade
        By lesson, then by student; students of the gradebook without a submission are included.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such course or lesson.

    Examples
    --------
    >>> [grade.status for grade in read_final_grades("build/course", ["02"])]  # doctest: +SKIP
    ['graded', 'no_submission']
    """
    folder = CourseFolder(course)
    names = folder.choose_lessons(lessons) or folder.used_lessons()
    return [grade for name in names for grade in _read_lesson(folder, name)]


def _read_lesson(course: CourseFolder, name: str) -> list[FinalGrade]:
    """Return the final grades of one lesson, by student."""
    lesson = load_lesson(course.path, name)
    verdicts = {verdict.result.student: verdict for verdict in read_results(course.path, name)}
    scores = {row.student: row for row in read_scores(course.path, name)}
    submitters = set(students_with_submission(course, name))
    source = lesson_files(course, name)
    grades = []
    for student in sorted({*verdicts, *scores, *submitters}):
        verdict, submitted = verdicts.get(student), student in submitters
        grade = _final_grade(lesson, student, verdict, scores.get(student), submitted)
        if verdict is not None and submitted:
            sha256 = _submission_sha256(course, name, student, source)
            grade = grade._replace(outdated=sha256 != verdict.sha256)
        grades.append(grade)
    return grades


def _submission_sha256(
    course: CourseFolder, name: str, student: str, source: Mapping[str, bytes]
) -> str:
    """Return the SHA-256 that grading would store for the present submission."""
    try:
        return read_submission(course, name, student=student, source=source).sha256
    except (InvalidNotebook, OSError):
        return ""


def _final_grade(
    lesson: Lesson,
    student: str,
    verdict: StoredVerdict | None,
    scores: StudentScores | None,
    submitted: bool,
) -> FinalGrade:
    """Combine the verdict of grading with the scores in the gradebook."""
    result = verdict.result if verdict else None
    cells = _final_cells(lesson, result, scores)
    by_person = any(cell.manual is not None or cell.extra_credit for cell in cells)
    status: str = NOT_GRADED if submitted else Verdict.NO_SUBMISSION
    if result is not None:
        status = result.verdict
    elif scores is not None and scores.score is not None:
        status = Verdict.GRADED  # by nbgrader itself
    penalty = scores.late_penalty if scores else 0.0
    is_scored = status not in (*UNSCORED_VERDICTS, NOT_GRADED) or by_person
    if not is_scored:
        cells = tuple(cell._replace(to_grade=False) for cell in cells)
    total = math.fsum(cell.score + cell.extra_credit for cell in cells)
    points = {cell.cell: cell.score + cell.extra_credit for cell in cells}
    return FinalGrade(
        student,
        lesson.name,
        status,
        max(total - penalty, 0.0) if is_scored else None,
        lesson.max_score,
        Student(*scores[:5]) if scores else Student(student),
        cells,
        {
            exercise.name: math.fsum(points.get(test, 0.0) for test in exercise.tests)
            if is_scored
            else None
            for exercise in lesson.exercises
        },
        penalty,
        scores.submitted if scores else None,
        verdict.time if verdict else None,
        result,
    )


def _final_cells(
    lesson: Lesson, result: Result | None, scores: StudentScores | None
) -> tuple[FinalCellGrade, ...]:
    """Return the graded cells in the lesson's order, then others that have a comment."""
    automatic = {score.cell: score for score in result.cell_scores} if result else {}
    stored = {cell.cell: cell for cell in scores.cells} if scores else {}
    names = [name for name in lesson.points if name in automatic or name in stored]
    names += [name for name, cell in stored.items() if name not in lesson.points and cell.comment]
    return tuple(_final_cell(name, lesson, automatic.get(name), stored.get(name)) for name in names)


def _final_cell(
    name: str, lesson: Lesson, score: CellScore | None, cell: GradebookCell | None
) -> FinalCellGrade:
    scores = [cell.manual, cell.auto] if cell else []
    scores.append(score.score if score else 0.0)
    return FinalCellGrade(
        name,
        next(value for value in scores if value is not None),
        lesson.points.get(name, 0.0),
        cell.manual if cell else None,
        (cell.extra_credit or 0.0) if cell else 0.0,
        cell.comment if cell else "",
        _needs_grading(score, cell),
    )


def _needs_grading(score: CellScore | None, cell: GradebookCell | None) -> bool:
    """Return whether a person still has to score a cell."""
    if cell is not None:
        return cell.needs_grading and cell.manual is None
    return score is not None and score.state == CellState.NEEDS_GRADING
