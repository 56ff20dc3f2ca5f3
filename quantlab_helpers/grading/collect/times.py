"""Find when a notebook was handed in: what a platform says counts before what a learner says."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ..._support.archive_members import ArchiveError
from ..._support.archives import FileEntry, is_archive
from ...course.notebook_cells import plain_name
from ...course.submission import Receipt
from ..course_folder import TIMESTAMP, parse_timestamp
from .identify import StudentMatch

_MAX_AHEAD = timedelta(hours=1)  # a clock further ahead is wrong
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
TIME_SOURCES = {
    TIMESTAMP: "timestamp.txt",
    "name": "the platform's name for it",
    "receipt": "the learner's clock",
    "archive": "the archive's date",
    "file": "the file's date",
    "now": "the time of collecting",
}


class HandInTime(NamedTuple):
    """A time in UTC, its source, and what a ``timestamp.txt`` says instead."""

    time: datetime
    time_from: str  # a key of TIME_SOURCES
    contradiction: str = ""


def hand_in_time(
    path_parts: tuple[str, ...],
    entry: FileEntry,
    match: StudentMatch,
    *,
    packed: datetime | None,
    timestamp: datetime | None,
    receipt: Receipt | None,
    lessons: Collection[str],
) -> HandInTime:
    """Return when a notebook was handed in, by the most reliable source.

    Parameters
    ----------
    path_parts : tuple of str
        The folders and archives that lead to it, from the outermost.
    entry : FileEntry
        The notebook.
    match : StudentMatch
        Its student, and which name says so: what lies further inside, a learner wrote.
    packed : datetime, optional
        The date in the outermost archive of the archive that holds the notebook.
    timestamp : datetime, optional
        From the ``timestamp.txt`` beside it.
    receipt : Receipt, optional
        The notebook's own.
    lessons : collection of str
        The names of all lessons.

    Returns
    -------
    HandInTime
    """
    archives = [index for index, part in enumerate(path_parts) if is_archive(part)]
    is_nested = len(archives) > 1
    of_platform = bool(archives) and (match.place > archives[0] or (match.claimed and is_nested))
    by_platform = packed if is_nested else entry.modified
    candidates = [
        (match.platform_name.sent if match.platform_name else None, "name"),
        (timestamp if _is_of_platform(path_parts, match, lessons) else None, TIMESTAMP),
        (by_platform if of_platform else None, "archive"),
        (datetime.fromisoformat(receipt.created) if receipt else None, "receipt"),
        (entry.modified, "archive" if archives else "file"),
    ]
    now = datetime.now(UTC)
    possible = (
        (time, time_from)
        for time, time_from in candidates
        if time is not None and _EARLIEST <= time <= now + _MAX_AHEAD
    )
    time, time_from = next(possible, (now, "now"))
    contradiction = ""
    if timestamp is not None and abs(timestamp - time) >= timedelta(seconds=1):
        contradiction = (
            f"{TIMESTAMP} in it says {timestamp:%Y-%m-%d %H:%M} UTC; "
            f"{TIME_SOURCES[time_from]} counts instead"
        )
    return HandInTime(time.astimezone(UTC), time_from, contradiction)


def read_timestamp(entry: FileEntry | None) -> datetime | None:
    """Return the time in a ``timestamp.txt``, None if there is none that can be read."""
    try:
        return entry and parse_timestamp(entry.read()[:200].decode("utf-8", errors="replace"))
    except ArchiveError:
        return None


def _is_of_platform(
    path_parts: tuple[str, ...], match: StudentMatch, lessons: Collection[str]
) -> bool:
    """Return whether nbgrader or the instructor wrote the ``timestamp.txt`` of a folder.

    nbgrader writes it into an exchange's folder and into ``submitted/STUDENT/LESSON/``. On the
    instructor's disk, the folder that names the student is the instructor's own, too.
    """
    if match.by_file or match.claimed:
        return False
    if match.platform_name is not None and match.platform_name.platform != "nbgrader":
        return False
    named, inside = path_parts[match.place :][:1], path_parts[match.place + 1 :]
    if any(map(is_archive, named)) or len(inside) > 1:
        return False
    if inside and plain_name(inside[0]) not in {plain_name(lesson) for lesson in lessons}:
        return False
    if match.platform_name is not None:
        return not inside
    in_archive = any(map(is_archive, path_parts))
    in_submitted = match.place > 0 and path_parts[match.place - 1] == "submitted" and bool(inside)
    return in_submitted or not in_archive
