"""Write the marks of a class as a table: for a spreadsheet, for Canvas or for Moodle.

A submission without a verdict on its answers has an empty score, which is never 0. Every value is
quoted, and none can be taken for a formula by the spreadsheet that opens it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..._support.files import write_atomically
from ..._support.validation import check_choice
from .final_grades import Standing, read_standings

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
    "submitted",
    "detail",
)
_CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_MOODLE = ("First name", "Last name", "Username", "ID number", "Email address")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NO_GRADE = "-"  # Moodle's word for none; an empty value for a new column would be a grade


def export(
    course: str | Path,
    out: str | Path,
    *,
    lessons: Sequence[str] = (),
    format: str = "csv",
    report: Callable[[Standing], None] = lambda standing: None,
) -> Path:
    """Write the marks of a course folder into one file.

    Parameters
    ----------
    course : str or Path
        nbgrader's course folder, after `quantlab grade`.
    out : str or Path
        The file; replaced at once, never half written.
    lessons : sequence of str, default=()
        Names or their beginnings, such as "02"; all that were graded or handed in where empty.
    format : {"csv", "canvas", "moodle"}, default="csv"
        As for `table`.
    report : callable, optional
        Called with every student's standing in every lesson, once the file is there.

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
    standings = read_standings(course, lessons)
    if not standings:
        raise ValueError(
            f"Nothing was handed in to {str(course)!r}; run: quantlab collect, quantlab grade."
        )
    # The mark says UTF-8 to a spreadsheet; Canvas would take it for a part of the first title.
    encoding = "utf-8-sig" if format == "csv" else "utf-8"
    write_atomically(out, table(standings, format=format).encode(encoding, "replace"))
    for one in standings:
        report(one)
    return out


def table(standings: Iterable[Standing], *, format: str = "csv") -> str:
    """Return marks as the text of a table.

    Parameters
    ----------
    standings : iterable of Standing
        From `read_standings`.
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
    >>> from quantlab_helpers.grading.records import Result
    >>> late = Result("s01", "01_small", "graded", 3.0, 8.0)
    >>> lost = Result("s02", "01_small", "invalid_notebook", None, 8.0)
    >>> print(table([Standing.of(late), Standing.of(lost)], format="moodle"))
    "First name","Last name","Username","ID number","Email address","01_small"
    "","","s01","","","3"
    "","","s02","","","-"
    """
    check_choice("format", format, FORMATS)
    rows = {"csv": _rows, "canvas": _canvas, "moodle": _moodle}[format](list(standings))
    target = io.StringIO()
    writer = csv.writer(target, quoting=csv.QUOTE_ALL)
    for row in rows:
        writer.writerow([_number(v) if isinstance(v, int | float) else _safe(v) for v in row])
    return target.getvalue()


_Row = Sequence[str | float | None]


def _rows(standings: list[Standing]) -> list[_Row]:
    """One line for each student and lesson; the same exercise of two lessons has one column."""
    names = list(dict.fromkeys(name for one in standings for name in one.exercises))
    rows: list[_Row] = [[*_FIXED, *(f"points {name}" for name in names)]]
    for one in standings:
        result = one.result
        fixed = {
            "student": one.student,
            "last_name": one.person.last_name,
            "first_name": one.person.first_name,
            "email": one.person.email,
            "lesson": one.lesson,
            "status": one.status,
            "score": one.score,
            "max_score": one.max_score,
            "late_penalty": one.late_penalty,
            "manual": sum(cell.manual is not None for cell in one.cells),
            "extra_credit": sum(cell.extra_credit for cell in one.cells),
            "to_grade": sum(cell.to_grade for cell in one.cells),
            "outdated": "yes" if one.outdated else "",
            "repairs": len(result.repairs) if result else 0,
            "evidence": len(result.evidence) if result else 0,
            "submitted": f"{one.submitted:%Y-%m-%d %H:%M:%S} UTC" if one.submitted else "",
            "detail": result.detail if result else "",
        }
        rows.append([*(fixed[name] for name in _FIXED), *map(one.exercises.get, names)])
    return rows


def _canvas(standings: list[Standing]) -> list[_Row]:
    lessons = _lessons(standings)
    rows: list[_Row] = [
        [*_CANVAS, *lessons],
        ["    Points Possible", *[""] * (len(_CANVAS) - 1), *lessons.values()],
    ]
    for student, scores in _by_student(standings).items():
        person = scores[0].person
        name = f"{person.last_name}, {person.first_name}".strip(", ") or student
        own = {one.lesson: one.score for one in scores}
        rows.append([name, person.lms_user_id, "", student, "", *map(own.get, lessons)])
    return rows


def _moodle(standings: list[Standing]) -> list[_Row]:
    lessons = _lessons(standings)
    rows: list[_Row] = [[*_MOODLE, *lessons]]
    for student, scores in _by_student(standings).items():
        person = scores[0].person
        own = {one.lesson: one.score for one in scores if one.score is not None}
        marks = [own.get(lesson, _NO_GRADE) for lesson in lessons]
        names = [person.first_name, person.last_name]
        rows.append([*names, student, person.lms_user_id, person.email, *marks])
    return rows


def _lessons(standings: Iterable[Standing]) -> dict[str, float]:
    return {one.lesson: one.max_score for one in sorted(standings, key=lambda one: one.lesson)}


def _by_student(standings: Iterable[Standing]) -> dict[str, list[Standing]]:
    found: dict[str, list[Standing]] = {}
    for one in standings:
        found.setdefault(one.student, []).append(one)
    return dict(sorted(found.items()))


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _safe(value: str | None) -> str:
    """Return a text that no spreadsheet computes: an apostrophe in front says that it is one."""
    text = " ".join((value or "").replace("\0", " ").split())
    if value and value.startswith(" ") and text == "Points Possible":
        return value  # Canvas writes this title so
    return f"'{text}" if text.startswith(_FORMULA) and text != _NO_GRADE else text
