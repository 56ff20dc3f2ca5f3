"""Write the final grades of a class as a table: for a spreadsheet, for Canvas or for Moodle.

A submission whose answers were not scored has an empty score, never 0. Every value is quoted, and
no spreadsheet takes one for a formula.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..._support.files import write_atomically
from ..._support.validation import check_choice
from .final_grades import FinalGrade, read_final_grades

FORMATS = ("csv", "canvas", "moodle")
_FIXED = (
    "student",
    "last_name",
    "first_name",
    "email",
    "lesson",
    "status",
    "score",
    "max_score",
    "late_penalty",
    "manual",
    "extra_credit",
    "to_grade",
    "outdated",
    "repairs",
    "evidence",
    "shared_points",
    "submitted",
    "detail",
)
_CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_MOODLE = ("First name", "Last name", "Username", "ID number", "Email address")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NO_GRADE = "-"  # Moodle's sign for none; it imports an empty value of a new column as a grade


def export(
    course: str | Path,
    out: str | Path,
    *,
    lessons: Sequence[str] = (),
    format: str = "csv",
    report: Callable[[FinalGrade], None] = lambda grade: None,
) -> Path:
    """Write the final grades of a course folder into one file.

    Parameters
    ----------
    course : str or Path
        nbgrader's course folder, after `quantlab grade`.
    out : str or Path
        The file; an existing one is replaced atomically.
    lessons : sequence of str, default=()
        Names or their beginnings, such as "02"; if empty, all that were graded or handed in.
    format : {"csv", "canvas", "moodle"}, default="csv"
        As for `table`.
    report : callable, optional
        Called with every student's final grade in every lesson, after the file was written.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such course, lesson or format, or nothing to export.

    Examples
    --------
    >>> export("build/course", "marks.csv")  # doctest: +SKIP
    PosixPath('marks.csv')
    """
    check_choice("format", format, FORMATS)
    out = Path(out)
    if out.is_dir():
        raise ValueError(f"{str(out)!r} is a folder; name a file, such as marks.csv in it.")
    grades = read_final_grades(course, lessons)
    if not grades:
        raise ValueError(
            f"Nothing was handed in to {str(course)!r}; run: quantlab collect, quantlab grade."
        )
    # A spreadsheet needs the byte order mark for UTF-8; Canvas reads it as part of the first title.
    encoding = "utf-8-sig" if format == "csv" else "utf-8"
    write_atomically(out, table(grades, format=format).encode(encoding, "replace"))
    for grade in grades:
        report(grade)
    return out


def table(grades: Iterable[FinalGrade], *, format: str = "csv") -> str:
    """Return final grades as the text of a table.

    Parameters
    ----------
    grades : iterable of FinalGrade
        From `read_final_grades`.
    format : {"csv", "canvas", "moodle"}, default="csv"
        "csv" has a line for each student and lesson, with the status and a column
        "points NAME" for each exercise. The others have a line for each student and a column for
        each lesson, in the shape that the gradebook of the platform imports: Canvas knows students
        by its own number (`lms_user_id`) or by their login, Moodle by the column you choose.

    Returns
    -------
    str
        Lines end in CR LF.

    Raises
    ------
    ValueError
        If there is no such format.

    Examples
    --------
    >>> from quantlab_helpers.grading.records import Result, Verdict
    >>> late = Result("s01", "01_small", Verdict.GRADED, 3.0, 8.0)
    >>> lost = Result("s02", "01_small", Verdict.INVALID_NOTEBOOK, None, 8.0)
    >>> print(table([FinalGrade.of(late), FinalGrade.of(lost)], format="moodle"))
    "First name","Last name","Username","ID number","Email address","01_small"
    "","","s01","","","3"
    "","","s02","","","-"
    """
    check_choice("format", format, FORMATS)
    rows = {"csv": _rows, "canvas": _canvas, "moodle": _moodle}[format](list(grades))
    target = io.StringIO()
    writer = csv.writer(target, quoting=csv.QUOTE_ALL)
    for row in rows:
        writer.writerow([_number(v) if isinstance(v, int | float) else _safe(v) for v in row])
    return target.getvalue()


_Row = Sequence[str | float | None]


def _rows(grades: list[FinalGrade]) -> list[_Row]:
    """Return a row for each student and lesson; exercises with the same name share a column."""
    names = list(dict.fromkeys(name for grade in grades for name in grade.exercises))
    rows: list[_Row] = [[*_FIXED, *(f"points {name}" for name in names)]]
    for grade in grades:
        result = grade.result
        fixed = {
            "student": grade.student,
            "last_name": grade.person.last_name,
            "first_name": grade.person.first_name,
            "email": grade.person.email,
            "lesson": grade.lesson,
            "status": grade.status,
            "score": grade.score,
            "max_score": grade.max_score,
            "late_penalty": grade.late_penalty,
            "manual": sum(cell.manual is not None for cell in grade.cells),
            "extra_credit": sum(cell.extra_credit for cell in grade.cells),
            "to_grade": sum(cell.to_grade for cell in grade.cells),
            "outdated": "yes" if grade.outdated else "",
            "repairs": len(result.repairs) if result else 0,
            "evidence": len(result.evidence) if result else 0,
            "shared_points": result.shared_points if result else 0,
            "submitted": f"{grade.submitted:%Y-%m-%d %H:%M:%S} UTC" if grade.submitted else "",
            "detail": result.detail if result else "",
        }
        rows.append([*(fixed[name] for name in _FIXED), *map(grade.exercises.get, names)])
    return rows


def _canvas(grades: list[FinalGrade]) -> list[_Row]:
    lessons = _lessons(grades)
    rows: list[_Row] = [
        [*_CANVAS, *lessons],
        ["    Points Possible", *[""] * (len(_CANVAS) - 1), *lessons.values()],
    ]
    for student, scores in _by_student(grades).items():
        person = scores[0].person
        name = f"{person.last_name}, {person.first_name}".strip(", ") or student
        own = {grade.lesson: grade.score for grade in scores}
        rows.append([name, person.lms_user_id, "", student, "", *map(own.get, lessons)])
    return rows


def _moodle(grades: list[FinalGrade]) -> list[_Row]:
    lessons = _lessons(grades)
    rows: list[_Row] = [[*_MOODLE, *lessons]]
    for student, scores in _by_student(grades).items():
        person = scores[0].person
        own = {grade.lesson: grade.score for grade in scores if grade.score is not None}
        values = [own.get(lesson, _NO_GRADE) for lesson in lessons]
        names = [person.first_name, person.last_name]
        rows.append([*names, student, person.lms_user_id, person.email, *values])
    return rows


def _lessons(grades: Iterable[FinalGrade]) -> dict[str, float]:
    return {row.lesson: row.max_score for row in sorted(grades, key=lambda row: row.lesson)}


def _by_student(grades: Iterable[FinalGrade]) -> dict[str, list[FinalGrade]]:
    by_student: dict[str, list[FinalGrade]] = {}
    for grade in grades:
        by_student.setdefault(grade.student, []).append(grade)
    return dict(sorted(by_student.items()))


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _safe(value: str | None) -> str:
    """Return a value as text, with an apostrophe in front of what could be a formula."""
    text = " ".join((value or "").replace("\0", " ").split())
    if value and value.startswith(" ") and text == "Points Possible":
        return value  # the title as Canvas writes it
    return f"'{text}" if text.startswith(_FORMULA) and text != _NO_GRADE else text
