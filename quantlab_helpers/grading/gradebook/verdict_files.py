"""The verdicts that were given, one file each: ``quantlab/results/LESSON/STUDENT.json``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from ..._support.files import write_atomically
from ..records import Result


class Graded(NamedTuple):
    """A verdict, when it was given, and the SHA-256 of all that it is about."""

    result: Result
    time: datetime
    sha256: str


def read_results(course: str | Path, lesson: str) -> list[Graded]:
    """Read the verdicts on a lesson.

    Parameters
    ----------
    course : str or Path
        nbgrader's course folder.
    lesson : str
        The lesson's full name.

    Returns
    -------
    list of Graded
        By student, those who handed in nothing included; empty if it was never graded.

    Examples
    --------
    >>> read_results("nowhere", "02_uniform_quantization")
    []
    """
    paths = sorted(_folder(Path(course), lesson).glob("*.json"))
    found = (_read(path) for path in paths if not path.name.startswith("."))
    return [graded for graded in found if graded is not None]


def read_result(course: Path, lesson: str, *, student: str) -> Graded | None:
    """Return one verdict; None where there is none, or none that can be read."""
    return _read(_path(course, lesson, student))


def write_result(course: Path, result: Result, *, sha256: str) -> None:
    """Write a verdict down, with the present time."""
    time = datetime.now(UTC).isoformat(timespec="seconds")
    plain = {"graded": time, "sha256": sha256, "result": result.as_json()}
    content = json.dumps(plain, indent=1, allow_nan=False).encode()
    write_atomically(_path(course, result.lesson, result.student), content)


def forget_result(course: Path, lesson: str, *, student: str) -> None:
    """Delete a verdict, before what it says of the gradebook is no longer true."""
    _path(course, lesson, student).unlink(missing_ok=True)


def _folder(course: Path, lesson: str) -> Path:
    return course / "quantlab" / "results" / lesson


def _path(course: Path, lesson: str, student: str) -> Path:
    return _folder(course, lesson) / f"{student}.json"


def _read(path: Path) -> Graded | None:
    try:
        plain = json.loads(path.read_bytes())
        time = datetime.fromisoformat(plain["graded"])
        return Graded(Result.from_json(plain["result"]), time, plain["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
