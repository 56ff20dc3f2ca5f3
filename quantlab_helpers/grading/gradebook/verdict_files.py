"""Read and write verdicts, one file each: ``quantlab/results/LESSON/STUDENT.json``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from ..._support.files import write_atomically
from ..course_folder import CourseFolder
from ..records import Result


class StoredVerdict(NamedTuple):
    """A verdict, the time it was given, and the SHA-256 of the submission it is about."""

    result: Result
    time: datetime
    sha256: str


def read_results(course: str | Path, lesson: str) -> list[StoredVerdict]:
    """Read the verdicts on a lesson.

    Parameters
    ----------
    course : str or Path
        nbgrader's course folder.
    lesson : str
        The lesson's full name.

    Returns
    -------
    list of StoredVerdict
        By student, including those without a submission; empty if it was never graded.

    Examples
    --------
    >>> read_results("nowhere", "02_uniform_quantization")
    []
    """
    paths = sorted(CourseFolder(course).results(lesson).glob("*.json"))
    verdicts = (_read(path) for path in paths if not path.name.startswith("."))
    return [verdict for verdict in verdicts if verdict is not None]


def read_result(course: CourseFolder, lesson: str, *, student: str) -> StoredVerdict | None:
    """Return one verdict; None if there is none that can be read."""
    return _read(course.result(student, lesson))


def write_result(course: CourseFolder, result: Result, *, sha256: str) -> None:
    """Write a verdict with the present time."""
    time = datetime.now(UTC).isoformat(timespec="seconds")
    plain = {"graded": time, "sha256": sha256, "result": result.as_json()}
    content = json.dumps(plain, indent=1, allow_nan=False).encode()
    write_atomically(course.result(result.student, result.lesson), content)


def forget_result(course: CourseFolder, lesson: str, *, student: str) -> None:
    """Delete a verdict; called before the gradebook changes, so that the two never disagree."""
    course.result(student, lesson).unlink(missing_ok=True)


def _read(path: Path) -> StoredVerdict | None:
    try:
        plain = json.loads(path.read_bytes())
        time = datetime.fromisoformat(plain["graded"])
        return StoredVerdict(Result.from_json(plain["result"]), time, plain["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
