"""Read the list of students (students.csv) and the table of other names for them (names.csv)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..course.submission import STUDENT_ID


class Student(NamedTuple):
    """A student; the fields are the columns of the list of students and of nbgrader."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""


def read_roster(path: Path) -> list[Student]:
    """Read a CSV file with the column ``id`` and any other field of `Student` into a list."""
    students: list[Student] = []
    for row, number in _rows(path, {"id"}):
        student = Student(**{key: row.get(key, "") for key in Student._fields})
        if not STUDENT_ID.fullmatch(student.id):
            raise ValueError(
                f"{path}, line {number}: the id must be up to 64 letters, digits and . _ @ -, got "
                f"{student.id!r}; correct it."
            )
        if student.id.casefold() in {other.id.casefold() for other in students}:
            raise ValueError(f"{path}, line {number}: {student.id!r} is there twice; delete one.")
        students.append(student)
    if not students:
        raise ValueError(f"{path} lists no students; write one a line below the header.")
    return students


def read_mapping(path: Path) -> list[tuple[str, str]]:
    """Read a CSV file with the columns ``name`` and ``student`` into (name, student) pairs."""
    return [(row["name"], row["student"]) for row, _ in _rows(path, {"name", "student"})]


def _rows(path: Path, required: set[str]) -> Iterator[tuple[dict[str, str], int]]:
    """Yield (values by column, line number) for the lines of a CSV file that are not empty."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text; save it as CSV in UTF-8.") from None
    first = text.partition("\n")[0]
    reader = csv.DictReader(text.splitlines(), delimiter=";" if ";" in first else ",")
    columns = [name.strip().lower() for name in reader.fieldnames or []]
    if missing := sorted(required - set(columns)):
        raise ValueError(
            f"{path} has no column {', '.join(missing)} in its first line; write a header."
        )
    reader.fieldnames = columns
    for row in reader:
        plain = {key: (value or "").strip() for key, value in row.items() if isinstance(key, str)}
        if any(plain.values()):
            yield plain, reader.line_num
