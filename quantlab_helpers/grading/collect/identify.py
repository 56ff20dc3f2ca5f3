"""Find the student of a file: from a mapping, names that platforms write, folders, file names.

Names as the platforms write them into their downloads:

    Moodle      [Group-]Full Name_1234567_assignsubmission_file_/NAME, or all of it one file name
    Canvas      lastfirst[_LATE]_USER_FILE_NAME, or anon_CODE for USER if names are hidden
    Blackboard  ASSIGNMENT_USER_attempt_2026-01-30-15-00-00_NAME
    nbgrader    STUDENT+LESSON+2026-01-30 15:00:00.000000 UTC+RANDOM/, or STUDENT/LESSON/
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache
from typing import NamedTuple

from ..._support.archives import is_archive
from ...course.notebook_cells import plain_name
from ...course.submission import STUDENT_ID
from ..course_folder import parse_timestamp
from ..roster import Student

_MOODLE = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?")
_CANVAS = re.compile(
    r"(?P<name>\w*?)(?:(?:^|_)(?P<late>LATE|late))?_?"
    r"(?P<number>anon_[A-Za-z0-9]+|(?<![0-9A-Za-z])\d+)_\d+_(?P<file>.+)"
)
_BLACKBOARD = re.compile(
    r".+_(?P<name>[^_]+)_attempt_(?P<sent>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)?"
)
_EXCHANGE = re.compile(r"(?P<name>[^+]+)\+[^+]+\+(?P<sent>\d{4}-\d\d-\d\d [^+]+)(?:\+.*)?")
_COURSE_FOLDERS = {"source", "release", "autograded", "feedback", "quantlab"}
_GENERAL = re.compile(
    r"(?<![a-z])(submi[a-z]*|downloads?|(my-)?notebooks?|moodle|canvas|exports?|archive|class|course)"
    r"(?![a-z])",
    re.I,
)


class PlatformName(NamedTuple):
    """The parts of a name that a learning platform wrote."""

    platform: str
    name: str
    number: str
    file: str  # the file's name as its author gave it, "" if the name has none
    sent: datetime | None
    late: bool


class StudentMatch(NamedTuple):
    """The student of a file; without one, ``problem`` is the reason, or "" to skip the file."""

    student: str | None
    problem: str = ""
    platform_name: PlatformName | None = None
    by_file: bool = False  # by the file's own name: its folder may hold files of others
    claimed: bool = False  # only by the bundle, which the student wrote

    @property
    def own_name(self) -> str:
        """Return the file's name as its author gave it; "" if no platform's name has it."""
        return self.platform_name.file if self.platform_name else ""


class StudentMatcher:
    """Finds the student that a file belongs to.

    Parameters
    ----------
    roster : list of Student, default=()
        If given, no other students are accepted.
    mapping : list of (str, str), default=()
        (name or pattern, student); the first that fits wins over every other platform_name.
    """

    def __init__(
        self, roster: Collection[Student] = (), mapping: Collection[tuple[str, str]] = ()
    ) -> None:
        self.roster = {student.id: student for student in roster}
        self.mapping = [(_nfc(name), student) for name, student in mapping]
        self._numbers: dict[tuple[str, str], str] = {}

    def match(
        self,
        path_parts: tuple[str, ...],
        file: str,
        *,
        lessons: Collection[str],
        claimed: str | None = None,
    ) -> StudentMatch:
        """Return the student of a file, or the reason why none was match.

        Parameters
        ----------
        path_parts : tuple of str
            The folders and archives that lead to it, from the outermost.
        file : str
            Its name.
        lessons : collection of str
            The names of all lessons, which name no student.
        claimed : str, optional
            The id in the bundle that the student made; used if nothing else names a student.

        Returns
        -------
        StudentMatch

        Examples
        --------
        >>> StudentMatcher().match(("s01", "work"), "02.ipynb", lessons=["02_example"]).student
        's01'
        >>> StudentMatcher([Student("s01", lms_user_id="77")]).match(
        ...     ("canvas.zip",), "nobody_LATE_77_123_02.ipynb", lessons=["02_example"]
        ... ).student
        's01'
        """
        names = [*path_parts, file]
        for name, student in self.mapping:
            if any(_fits(name, part) for part in [*names, "/".join(names)]):
                return self.match_id(student, None, by_file=_fits(name, file))
        for index, part in enumerate(names):
            parts = read_platform_name(part)
            if parts is not None:
                return self._by_platform_name(parts, by_file=index == len(path_parts))
        for index, part in enumerate(path_parts):
            if plain_name(part) in lessons and (match := self._by_layout(path_parts, index)):
                return match
        if claimed is not None:
            return self.match_id(claimed, None)._replace(claimed=True)
        return self._by_roster(names) if self.roster else self._by_place(path_parts, file, lessons)

    def match_id(
        self, student: str, parts: PlatformName | None = None, *, by_file: bool = False
    ) -> StudentMatch:
        """Return a match for an id, a problem if the roster lacks it or it cannot name a folder."""
        listed = {id.casefold(): id for id in self.roster}.get(student.casefold())
        if listed is None and self.roster:
            return StudentMatch(
                None, f"there is no student {student!r} in the list of students", parts
            )
        student = listed or student
        if not STUDENT_ID.fullmatch(student):
            return StudentMatch(None, f"{student!r} cannot be a student's id; map it to one", parts)
        return StudentMatch(student, "", parts, by_file)

    def _by_platform_name(self, parts: PlatformName, *, by_file: bool) -> StudentMatch:
        for name, student in self.mapping:
            if any(_fits(name, part) for part in (parts.name, parts.number) if part):
                return self.match_id(student, parts, by_file=by_file)
        if parts.platform in ("nbgrader", "Blackboard"):
            return self.match_id(parts.name, parts, by_file=by_file)
        if self.roster:
            ids = [s.id for s in self.roster.values() if _is_author(s, parts)]
            if len(ids) == 1:
                return StudentMatch(ids[0], "", parts, by_file)
            author = f"{parts.platform} calls its author {parts.name or parts.number!r}"
            if not ids:
                return StudentMatch(
                    None,
                    f"{author}, who is not in the list of students; map the name",
                    parts,
                )
            return StudentMatch(
                None, f"{author}, as {' and '.join(ids)} are called; map the name", parts
            )
        student = _slug(parts.name) or _slug(f"{parts.platform}-{parts.number}")
        if self._numbers.setdefault((parts.platform, student), parts.number) != parts.number:
            return StudentMatch(
                None,
                f"{parts.platform} has several students called {parts.name!r}; give a list of "
                "students, or map the numbers",
                parts,
            )
        return StudentMatch(student, "", parts, by_file)

    def _by_layout(self, path_parts: tuple[str, ...], index: int) -> StudentMatch | None:
        """Find the student in STUDENT/LESSON/ or LESSON/STUDENT/; `index` is that of the lesson."""
        around = [
            stem(part)
            for part in (*path_parts[max(index - 1, 0) : index], *path_parts[index + 1 :][:1])
        ]
        if index and path_parts[index - 1] in _COURSE_FOLDERS:
            return StudentMatch(None)
        if not self.roster:
            around = [name for name in around if not _GENERAL.search(name)]
        matches = [match for match in map(self.match_id, around) if match.student is not None]
        if matches or (index and not is_archive(path_parts[index - 1])):
            return (matches or [self.match_id(stem(path_parts[index - 1]))])[0]
        return None

    def _by_roster(self, names: list[str]) -> StudentMatch:
        """Find a student of the roster in the names of folders, archives and the file."""
        for test in (_is_named, _mentions):
            for index, part in enumerate(names):
                ids = [s.id for s in self.roster.values() if test(s, stem(part))]
                if len(ids) == 1:
                    return StudentMatch(ids[0], "", by_file=index == len(names) - 1)
        return StudentMatch(
            None, "no name in its path is a student's; map one of them, or pass --student"
        )

    def _by_place(
        self, path_parts: tuple[str, ...], file: str, lessons: Collection[str]
    ) -> StudentMatch:
        """Without a roster: take the outermost folder or archive, or the rest of the file name."""
        for part in path_parts[:1]:
            name = stem(part)
            if STUDENT_ID.fullmatch(name) and not _GENERAL.search(name):
                if not any(lesson in plain_name(name) for lesson in lessons):
                    return StudentMatch(name)
            elif len(path_parts) > 1 and STUDENT_ID.fullmatch(stem(path_parts[1])):
                return StudentMatch(stem(path_parts[1]))
        plain = plain_name(file)
        for lesson in lessons:
            before, separator, behind = plain.partition(lesson)
            rest = before.strip("_") or behind.strip("_")
            if separator and not (before and behind) and STUDENT_ID.fullmatch(rest):
                return StudentMatch(rest, by_file=True)
        return StudentMatch(
            None, "no name in its path is a student's; map one of them, or pass --student"
        )


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
    name = _nfc(name)
    if match := _MOODLE.fullmatch(name):
        return PlatformName(
            "Moodle", match["name"], match["number"], match["file"] or "", None, False
        )
    if match := _EXCHANGE.fullmatch(name):
        return PlatformName(
            "nbgrader", match["name"], "", "", parse_timestamp(match["sent"]), False
        )
    if match := _BLACKBOARD.fullmatch(name):
        day, clock = match["sent"][:10], match["sent"][11:].replace("-", ":")
        sent = datetime.fromisoformat(f"{day} {clock}").astimezone(UTC)  # the server's clock
        return PlatformName("Blackboard", match["name"], "", match["file"] or "", sent, False)
    match = _CANVAS.fullmatch(name)
    if match and (match["name"] or match["number"].startswith("anon")):
        late = match["late"] is not None
        return PlatformName("Canvas", match["name"], match["number"], match["file"], None, late)
    return None


def stem(name: str) -> str:
    """Return a name without an archive's or a notebook's suffix."""
    if is_archive(name):
        return re.sub(r"(\.tar)?\.[^.]+$", "", name, flags=re.I)
    return re.sub(r"\.ipynb(\.(txt|json))?$", "", name, flags=re.I)


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _fold(text: str) -> str:
    """Return a name's letters and digits only, without accents and case."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower()[:64]


def _fits(pattern: str, name: str) -> bool:
    folded = pattern.casefold()
    return any(fnmatchcase(_nfc(text).casefold(), folded) for text in (name, stem(name)))


@cache
def _names_of(student: Student) -> set[str]:
    names = {student.first_name + student.last_name, student.last_name + student.first_name}
    return {_fold(name) for name in names} - {""}


def _is_author(student: Student, platform_name: PlatformName) -> bool:
    """Return whether a platform's name is this student's; Moodle's number is per assignment."""
    if platform_name.platform == "Canvas" and student.lms_user_id:
        return student.lms_user_id == platform_name.number
    parts = platform_name.name.split("-")
    names = {_fold("-".join(parts[start:])) for start in range(len(parts))}  # with or without group
    return bool(names & (_names_of(student) | {_fold(student.id)}))


def _is_named(student: Student, name: str) -> bool:
    ids = {student.id.casefold(), student.email.casefold(), student.lms_user_id} - {""}
    return name.casefold() in ids or _fold(name) in _names_of(student)


def _mentions(student: Student, name: str) -> bool:
    words = [word for word in (student.id, student.email) if len(word) > 2]
    return any(
        re.search(rf"(?<![a-z0-9]){re.escape(word.casefold())}(?![a-z0-9])", name.casefold())
        for word in words
    )
