"""Whose is it? The clues that learning platforms, folders and file names give.

Names as the platforms write them into their downloads:

    Moodle      [Group-]Full Name_1234567_assignsubmission_file_/NAME, or all of it one file name
    Canvas      lastfirst[_LATE]_USER_FILE_NAME, or anon_CODE for USER where names are hidden
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
from ..course_folder import read_time
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
_OWN = {"source", "release", "autograded", "feedback", "quantlab"}  # the course's own folders
_GENERAL = re.compile(
    r"(?<![a-z])(submi[a-z]*|downloads?|(my-)?notebooks?|moodle|canvas|exports?|archive|class|course)"
    r"(?![a-z])",
    re.I,
)


class Clue(NamedTuple):
    """What a platform's name for something says."""

    platform: str
    name: str
    number: str
    file: str  # the file's name as its author gave it, "" where that is not told
    sent: datetime | None
    late: bool


class Whose(NamedTuple):
    """The answer: a student, or in ``problem`` why there is none."""

    student: str | None
    problem: str = ""
    clue: Clue | None = None
    by_file: bool = False  # only the file's own name tells: its neighbours may be others'
    claimed: bool = False  # only its author says so


class Students:
    """Finds out whose something is.

    Parameters
    ----------
    roster : list of Student, default=()
        Where given, nobody else is known.
    mapping : list of (str, str), default=()
        (name or pattern, student); the first that fits wins over every other clue.
    """

    def __init__(
        self, roster: Collection[Student] = (), mapping: Collection[tuple[str, str]] = ()
    ) -> None:
        self.roster = {student.id: student for student in roster}
        self.mapping = [(_nfc(name), student) for name, student in mapping]
        self._numbers: dict[tuple[str, str], str] = {}

    def whose(
        self,
        trail: tuple[str, ...],
        file: str,
        *,
        lessons: Collection[str],
        claimed: str | None = None,
    ) -> Whose:
        """Say whose a file is.

        Parameters
        ----------
        trail : tuple of str
            The folders and archives that lead to it, from the outermost.
        file : str
            Its name.
        lessons : collection of str
            The names of all lessons, which are nobody's.
        claimed : str, optional
            Who its author says that they are; believed where nothing else tells.

        Returns
        -------
        Whose

        Examples
        --------
        >>> Students().whose(("s01", "work"), "02.ipynb", lessons=["02_example"]).student
        's01'
        >>> Students([Student("s01", lms_user_id="77")]).whose(
        ...     ("canvas.zip",), "nobody_LATE_77_123_02.ipynb", lessons=["02_example"]
        ... ).student
        's01'
        """
        names = [*trail, file]
        for name, student in self.mapping:
            if any(_fits(name, part) for part in [*names, "/".join(names)]):
                return self.known(student, None, by_file=_fits(name, file))
        for index, part in enumerate(names):
            clue = read_clue(part)
            if clue is not None:
                return self._by_clue(clue, by_file=index == len(trail))
        for index, part in enumerate(trail):
            if plain_name(part) in lessons and (found := self._by_layout(trail, index)):
                return found
        if claimed is not None:
            return self.known(claimed, None)._replace(claimed=True)
        return self._by_roster(names) if self.roster else self._by_place(trail, file, lessons)

    def known(self, student: str, clue: Clue | None = None, *, by_file: bool = False) -> Whose:
        """Accept an id, unless the list of students lacks it or it could name no folder."""
        match = {known.casefold(): known for known in self.roster}.get(student.casefold())
        if match is None and self.roster:
            return Whose(None, f"there is no student {student!r} in the list of students", clue)
        student = match or student
        if not STUDENT_ID.fullmatch(student):
            return Whose(None, f"{student!r} cannot be a student's id; map it to one", clue)
        return Whose(student, "", clue, by_file)

    def _by_clue(self, clue: Clue, *, by_file: bool) -> Whose:
        for name, student in self.mapping:
            if any(_fits(name, part) for part in (clue.name, clue.number) if part):
                return self.known(student, clue, by_file=by_file)
        if clue.platform in ("nbgrader", "Blackboard"):
            return self.known(clue.name, clue, by_file=by_file)
        if self.roster:
            found = [one.id for one in self.roster.values() if _is(one, clue)]
            if len(found) == 1:
                return Whose(found[0], "", clue, by_file)
            who = f"{clue.platform} calls its author {clue.name or clue.number!r}"
            if not found:
                return Whose(None, f"{who}, who is not in the list of students; map the name", clue)
            return Whose(None, f"{who}, as {' and '.join(found)} are called; map the name", clue)
        student = _slug(clue.name) or _slug(f"{clue.platform}-{clue.number}")
        if self._numbers.setdefault((clue.platform, student), clue.number) != clue.number:
            return Whose(
                None,
                f"{clue.platform} has several students called {clue.name!r}; give a list of "
                "students, or map the numbers",
                clue,
            )
        return Whose(student, "", clue, by_file)

    def _by_layout(self, trail: tuple[str, ...], index: int) -> Whose | None:
        """Read STUDENT/LESSON/ and LESSON/STUDENT/, where the folder at `index` is the lesson."""
        around = [
            stem(part) for part in (*trail[max(index - 1, 0) : index], *trail[index + 1 :][:1])
        ]
        if index and trail[index - 1] in _OWN:
            return Whose(None)
        if not self.roster:
            around = [name for name in around if not _GENERAL.search(name)]
        found = [whose for whose in map(self.known, around) if whose.student is not None]
        if found or (index and not is_archive(trail[index - 1])):
            return (found or [self.known(stem(trail[index - 1]))])[0]
        return None

    def _by_roster(self, names: list[str]) -> Whose:
        """Find a student of the list in the names of folders, archives and the file."""
        for test in (_is_named, _mentions):
            for index, part in enumerate(names):
                found = [one.id for one in self.roster.values() if test(one, stem(part))]
                if len(found) == 1:
                    return Whose(found[0], "", by_file=index == len(names) - 1)
        return Whose(None, "nothing says whose it is; map its name, or pass --student")

    def _by_place(self, trail: tuple[str, ...], file: str, lessons: Collection[str]) -> Whose:
        """Without a list: the outermost folder or archive, or what the file is named besides."""
        for part in trail[:1]:
            name = stem(part)
            if STUDENT_ID.fullmatch(name) and not _GENERAL.search(name):
                if not any(lesson in plain_name(name) for lesson in lessons):
                    return Whose(name)
            elif len(trail) > 1 and STUDENT_ID.fullmatch(stem(trail[1])):
                return Whose(stem(trail[1]))
        plain = plain_name(file)
        for lesson in lessons:
            before, found, behind = plain.partition(lesson)
            rest = before.strip("_") or behind.strip("_")
            if found and not (before and behind) and STUDENT_ID.fullmatch(rest):
                return Whose(rest, by_file=True)
        return Whose(None, "nothing says whose it is; map its name, or pass --student")


def read_clue(name: str) -> Clue | None:
    """Read a name that a platform gave; None where it is none.

    Examples
    --------
    >>> read_clue("One Student_1234567_assignsubmission_file_")[:4]
    ('Moodle', 'One Student', '1234567', '')
    >>> read_clue("studentone_LATE_77_123_02_uniform_quantization-1.ipynb")[:4]
    ('Canvas', 'studentone', '77', '02_uniform_quantization-1.ipynb')
    >>> read_clue("02_uniform_quantization.ipynb") is None
    True
    """
    name = _nfc(name)
    if found := _MOODLE.fullmatch(name):
        return Clue("Moodle", found["name"], found["number"], found["file"] or "", None, False)
    if found := _EXCHANGE.fullmatch(name):
        return Clue("nbgrader", found["name"], "", "", read_time(found["sent"]), False)
    if found := _BLACKBOARD.fullmatch(name):
        day, clock = found["sent"][:10], found["sent"][11:].replace("-", ":")
        sent = datetime.fromisoformat(f"{day} {clock}").astimezone(UTC)  # the server's clock
        return Clue("Blackboard", found["name"], "", found["file"] or "", sent, False)
    found = _CANVAS.fullmatch(name)
    if found and (found["name"] or found["number"].startswith("anon")):
        late = found["late"] is not None
        return Clue("Canvas", found["name"], found["number"], found["file"], None, late)
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
    wanted = pattern.casefold()
    return any(fnmatchcase(_nfc(text).casefold(), wanted) for text in (name, stem(name)))


@cache
def _names_of(student: Student) -> set[str]:
    names = {student.first_name + student.last_name, student.last_name + student.first_name}
    return {_fold(name) for name in names} - {""}


def _is(student: Student, clue: Clue) -> bool:
    """Say whether a platform means this student; Moodle's number changes with the assignment."""
    if clue.platform == "Canvas" and student.lms_user_id:
        return student.lms_user_id == clue.number
    parts = clue.name.split("-")
    told = {_fold("-".join(parts[start:])) for start in range(len(parts))}  # with or without group
    return bool(told & (_names_of(student) | {_fold(student.id)}))


def _is_named(student: Student, name: str) -> bool:
    ids = {student.id.casefold(), student.email.casefold(), student.lms_user_id} - {""}
    return name.casefold() in ids or _fold(name) in _names_of(student)


def _mentions(student: Student, name: str) -> bool:
    words = [word for word in (student.id, student.email) if len(word) > 2]
    return any(
        re.search(rf"(?<![a-z0-9]){re.escape(word.casefold())}(?![a-z0-9])", name.casefold())
        for word in words
    )
