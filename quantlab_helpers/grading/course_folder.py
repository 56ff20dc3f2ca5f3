"""Paths, settings and lessons of nbgrader's course folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from ..course.authoring.nbgrader_steps import read_settings
from ..course.notebook_cells import (
    Outline,
    read_outlines,
)


def lessons_of(course: Path) -> dict[str, Outline]:
    """Return what the lessons of a course folder ask for."""
    paths = sorted(course.glob("source/*/*.ipynb"))
    outlines = read_outlines(path for path in paths if path.stem == path.parent.name)
    if not outlines:
        raise FileNotFoundError(
            f"There are no lessons in {str(course / 'source')!r}; run: quantlab build, or name "
            "the course's folder with --course."
        )
    return outlines


def course_config(path: Path) -> Config:
    """Return the course's settings for nbgrader; none where the file is missing."""
    return read_settings(path)


def course_directory(course: Path) -> Any:
    """Return nbgrader's idea of a course folder, with its settings; ``root`` is made absolute."""
    config = course_config(course / "nbgrader_config.py")
    config.CourseDirectory.root = str(course.resolve())
    return CourseDirectory(config=config)


def choose(course: str | Path, lessons: Sequence[str] = ()) -> list[str]:
    """Return the names of lessons of a course folder.

    Parameters
    ----------
    course : str or Path
        nbgrader's course folder.
    lessons : sequence of str, default=()
        Names or their beginnings, such as "02"; all that were graded or handed in where empty.

    Returns
    -------
    list of str
        In order, each once.

    Raises
    ------
    FileNotFoundError
        If there is no course.
    ValueError
        If there is no such lesson.

    Examples
    --------
    >>> choose("build/course", ["02"])  # doctest: +SKIP
    ['02_uniform_quantization']
    """
    course = Path(course)
    there = sorted(path.parent.name for path in course.glob("source/*/*.ipynb"))
    if not there:
        raise FileNotFoundError(
            f"There are no lessons in {str(course / 'source')!r}; run: quantlab build, or name "
            "the course's folder with --course."
        )
    if not lessons:
        used = {path.name for path in course.glob("submitted/*/*")}
        used |= {path.name for path in course.glob("quantlab/results/*")}
        return [name for name in there if name in used]
    chosen = set()
    for lesson in lessons:
        found = (
            [lesson] if lesson in there else [n for n in there if lesson and n.startswith(lesson)]
        )
        if len(found) != 1:
            fault = "may be several lessons" if found else "is no lesson"
            raise ValueError(f"{lesson!r} {fault}; there are: {', '.join(there)}.")
        chosen |= set(found)
    return sorted(chosen)


def read_time(text: str) -> datetime | None:
    """Read nbgrader's way to write a time, ``2026-01-30 15:00:00.000000 UTC``; None if it is not.

    Examples
    --------
    >>> read_time("2026-01-30 15:00:00.000000 UTC").isoformat()
    '2026-01-30T15:00:00+00:00'
    """
    words = text.split()
    try:
        if len(words) == 3:
            zone = words.pop()
            if re.fullmatch(r"[+-]\d{4}", zone):
                return datetime.fromisoformat(" ".join(words) + zone).astimezone(UTC)
            moment = datetime.fromisoformat(" ".join(words)).replace(tzinfo=ZoneInfo(zone))
        else:
            moment = datetime.fromisoformat(" ".join(words))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OSError, OverflowError):  # ZoneInfoNotFoundError is a KeyError
        return None
    except KeyError:
        return None


TIMESTAMP = "timestamp.txt"


def stamp_in(folder: Path) -> datetime | None:
    """Return the time in a folder's ``timestamp.txt``, None where there is none to be read."""
    try:
        return read_time((folder / TIMESTAMP).read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
