"""nbgrader's course folder: paths, lessons by name, settings, timestamps."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from nbgrader.coursedir import CourseDirectory

from ..course.authoring.nbgrader_steps import read_settings
from ..course.notebook_cells import Outline, read_outlines

TIMESTAMP = "timestamp.txt"  # nbgrader's file for the time of a submission
_LONGEST_NAME = 255  # bytes in the name of a file


class CourseFolder:
    """The layout of one course folder, as nbgrader and `quantlab` share it.

        source/LESSON/LESSON.ipynb               the instructor's notebooks
        submitted/STUDENT/LESSON/                the submission that counts
        autograded/STUDENT/LESSON/               the executed notebook
        feedback/STUDENT/LESSON/LESSON.html      the page for the student
        quantlab/collected/LESSON/STUDENT/       every version that was collected
        quantlab/results/LESSON/STUDENT.json     the verdict
        quantlab/logs/LESSON-STUDENT.log         details of an infrastructure error

    Parameters
    ----------
    path : str or Path
        The folder that holds ``source/`` and ``nbgrader_config.py``; nothing is read or made yet.

    Examples
    --------
    >>> CourseFolder("build/course").submitted("s01", "02_example").as_posix()
    'build/course/submitted/s01/02_example'
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __str__(self) -> str:
        """Return the path."""
        return str(self.path)

    # Paths

    def source(self, lesson: str) -> Path:
        """Return the folder of a lesson's notebook and the files beside it."""
        return self.path / "source" / lesson

    def submitted(self, student: str, lesson: str) -> Path:
        """Return the folder of a submission."""
        return self.path / "submitted" / student / lesson

    def link_to_submission(self, student: str, lesson: str) -> str | None:
        """Return the student's folder or the submission's if it is a symbolic link, else None.

        What is behind a link may be the work of another student.
        """
        folder = self.submitted(student, lesson)
        links = (path for path in (folder.parent, folder) if path.is_symlink())
        return next((path.relative_to(self.path).as_posix() for path in links), None)

    def autograded(self, student: str, lesson: str) -> Path:
        """Return the folder of an executed submission."""
        return self.path / "autograded" / student / lesson

    def feedback(self, student: str, lesson: str) -> Path:
        """Return the file of a feedback page."""
        return self.path / "feedback" / student / lesson / f"{lesson}.html"

    def collected(self, student: str, lesson: str) -> Path:
        """Return the folder of all collected versions of a submission."""
        return self.path / "quantlab" / "collected" / lesson / student

    def results(self, lesson: str) -> Path:
        """Return the folder of the verdicts on a lesson."""
        return self.path / "quantlab" / "results" / lesson

    def result(self, student: str, lesson: str) -> Path:
        """Return the file of a verdict."""
        return self.results(lesson) / _file_name(student, ".json")

    def log(self, student: str, lesson: str) -> Path:
        """Return the file with the details of an infrastructure error."""
        return self.path / "quantlab" / "logs" / _file_name(f"{lesson}-{student}", ".log")

    @property
    def lock(self) -> Path:
        """Return the file that the process which writes the gradebook holds."""
        return self.path / "quantlab" / "lock"

    # Lessons

    def lessons(self) -> list[str]:
        """Return the full names of all lessons, in order.

        Raises
        ------
        FileNotFoundError
            If there are none.
        """
        paths = self.path.glob("source/*/*.ipynb")
        return self._require_lessons(sorted({path.parent.name for path in paths}))

    def outlines(self) -> dict[str, Outline]:
        """Return the exercises of every lesson, by its full name; raise as `lessons` does."""
        paths = sorted(self.path.glob("source/*/*.ipynb"))
        outlines = read_outlines(path for path in paths if path.stem == path.parent.name)
        self._require_lessons(list(outlines))
        return outlines

    def used_lessons(self) -> list[str]:
        """Return the full names of the lessons that were handed in or graded."""
        used = {path.name for path in self.path.glob("submitted/*/*")}
        used |= {path.name for path in self.path.glob("quantlab/results/*")}
        return [name for name in self.lessons() if name in used]

    def choose_lessons(self, names: Sequence[str]) -> list[str]:
        """Return the full names of the lessons that names or beginnings of names stand for.

        Parameters
        ----------
        names : sequence of str
            Full names or their beginnings, such as "02".

        Returns
        -------
        list of str
            In order, each once; empty if `names` is.

        Raises
        ------
        FileNotFoundError
            If the course has no lessons.
        ValueError
            If a name matches no lesson, or several.

        Examples
        --------
        >>> CourseFolder("build/course").choose_lessons(["02"])  # doctest: +SKIP
        ['02_uniform_quantization']
        """
        lessons = self.lessons()
        return sorted({_choose_lesson(name, lessons) for name in names})

    def _require_lessons(self, lessons: list[str]) -> list[str]:
        if not lessons:
            raise FileNotFoundError(
                f"There are no lessons in {str(self.path / 'source')!r}; run: quantlab build, or "
                "name the course's folder with --course."
            )
        return lessons

    # Settings

    @cached_property
    def directory(self) -> Any:
        """Return nbgrader's `CourseDirectory` with the course's settings and an absolute root."""
        config = read_settings(self.path / "nbgrader_config.py")
        config.CourseDirectory.root = str(self.path.resolve())
        return CourseDirectory(config=config)

    # Timestamps

    def submission_time(self, student: str, lesson: str) -> datetime | None:
        """Return the time in a submission's ``timestamp.txt``; None if it has no readable one."""
        path = self.submitted(student, lesson) / TIMESTAMP
        if path.is_symlink() or not path.is_file():
            return None
        try:
            return parse_timestamp(path.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            return None


def _file_name(name: str, suffix: str) -> str:
    """Return a name with a suffix; a folder's longest names leave no room for one."""
    if len(os.fsencode(name + suffix)) <= _LONGEST_NAME:
        return name + suffix
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()
    return f"{name[:40]}-{digest}{suffix}"


def _choose_lesson(name: str, lessons: Collection[str]) -> str:
    """Return the one lesson that has this name or begins with it."""
    matches = [full for full in lessons if name and full.startswith(name)]
    if name in lessons:
        return name
    if len(matches) > 1:
        raise ValueError(f"{name!r} matches several lessons: {', '.join(matches)}.")
    if not matches:
        raise ValueError(f"{name!r} is no lesson; there are: {', '.join(lessons)}.")
    return matches[0]


def parse_timestamp(text: str, *, zone: tzinfo | None = UTC) -> datetime | None:
    """Parse a time as nbgrader writes it into UTC; None if the text is no such time.

    `zone` holds for a text without one; None is the zone of this machine.

    Examples
    --------
    >>> parse_timestamp("2026-01-30 15:00:00.000000 UTC").isoformat()
    '2026-01-30T15:00:00+00:00'
    """
    words = text.split()
    try:
        if len(words) == 3:
            name = words.pop()
            if re.fullmatch(r"[+-]\d{4}", name):
                return datetime.fromisoformat(" ".join(words) + name).astimezone(UTC)
            moment = datetime.fromisoformat(" ".join(words)).replace(tzinfo=ZoneInfo(name))
        else:
            moment = datetime.fromisoformat(" ".join(words))
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OSError, OverflowError):  # ZoneInfoNotFoundError is a KeyError
        return None
    except KeyError:
        return None


def format_timestamp(time: datetime) -> str:
    """Return a time with a time zone as nbgrader writes it, in UTC.

    Examples
    --------
    >>> format_timestamp(datetime(2026, 1, 30, 15, tzinfo=UTC))
    '2026-01-30 15:00:00.000000 UTC'
    """
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"
