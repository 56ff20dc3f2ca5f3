"""Read the names that learning platforms write into their downloads.

Moodle      [Group-]Full Name_1234567_assignsubmission_file_/NAME, or all of it one file name
Canvas      lastfirst[_LATE]_USER_FILE_NAME, or anon_CODE for USER if names are hidden
Blackboard  ASSIGNMENT_USER_attempt_2026-01-30-15-00-00_NAME
nbgrader    STUDENT+LESSON+2026-01-30 15:00:00.000000 UTC+RANDOM/
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from ..course_folder import parse_timestamp

# Lazy at the start: behind the platform's part, a learner may have written another's.
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?")
_CANVAS = re.compile(
    r"(?P<name>\w*?)(?:(?:^|_)(?P<late>LATE|late))?_?"
    r"(?P<number>anon_[A-Za-z0-9]+|(?<![0-9A-Za-z])\d+)_\d+_(?P<file>.+)"
)
_BLACKBOARD = re.compile(
    r".+?_(?P<name>[^_]+)_attempt_(?P<sent>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)?"
)
_EXCHANGE = re.compile(r"(?P<name>[^+]+)\+[^+]+\+(?P<sent>\d{4}-\d\d-\d\d [^+]+)(?:\+.*)?")


class PlatformName(NamedTuple):
    """The parts of a name that a learning platform wrote."""

    platform: str
    name: str
    number: str
    file: str  # the file's name as its author gave it, "" if the name has none
    sent: datetime | None
    late: bool
    problem: str = ""  # why it cannot be right


def read_platform_name(name: str) -> PlatformName | None:
    """Parse a name that a learning platform wrote; None if it is no such name.

    Examples
    --------
    >>> read_platform_name("One Student_1234567_assignsubmission_file_")[:4]
    ('Moodle', 'One Student', '1234567', '')
    >>> read_platform_name("studentone_LATE_77_123_02_uniform_quantization-1.ipynb")[:4]
    ('Canvas', 'studentone', '77', '02_uniform_quantization-1.ipynb')
    >>> read_platform_name("02_uniform_quantization.ipynb") is None
    True
    """
    return next(iter(platform_readings(name)), None)


def platform_readings(name: str) -> list[PlatformName]:
    """Parse a name as each platform would have written it, the shortest platform's part first.

    Examples
    --------
    >>> name = "one_77_123_x_two_attempt_2026-01-30-15-00-00_02.ipynb"
    >>> [(parts.platform, parts.name) for parts in platform_readings(name)]
    [('Canvas', 'one'), ('Blackboard', 'two')]
    """
    name = unicodedata.normalize("NFC", name)
    readings: list[PlatformName] = []
    if match := _MOODLE.fullmatch(name):
        file = match["file"] or ""
        readings.append(PlatformName("Moodle", match["name"], match["number"], file, None, False))
    if match := _EXCHANGE.fullmatch(name):
        parts = PlatformName("nbgrader", match["name"], "", "", None, False)
        readings.append(_with_time(parts, match["sent"]))
    if match := _BLACKBOARD.fullmatch(name):
        parts = PlatformName("Blackboard", match["name"], "", match["file"] or "", None, False)
        day, clock = match["sent"][:10], match["sent"][11:].replace("-", ":")
        readings.append(_with_time(parts, f"{day} {clock}", zone=None))  # the server's clock
    match = _CANVAS.fullmatch(name)
    if match and (match["name"] or match["number"].startswith("anon")):
        late = match["late"] is not None
        parts = PlatformName("Canvas", match["name"], match["number"], match["file"], None, late)
        readings.append(parts)
    return sorted(readings, key=lambda parts: -len(parts.file))


def _with_time(parts: PlatformName, text: str, *, zone: tzinfo | None = UTC) -> PlatformName:
    sent = parse_timestamp(text, zone=zone)
    if sent is None:
        problem = f"its name has the time {text!r}, which does not exist; correct the name"
        return parts._replace(problem=problem)
    return parts._replace(sent=sent)
