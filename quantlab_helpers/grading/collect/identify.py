"""Find the student of a file: the outermost name that names one decides.

What the instructor downloaded has names that a platform or the instructor wrote. Once one of them
names a student, all names further inside are that student's own and decide nothing; nor does any
name in an archive inside an archive, which a learner packed. Names are read as

    a mapping   written by the instructor
    a platform  see `platform_names`
    the list    an id, an email or a full name
    nbgrader    STUDENT/LESSON/ or LESSON/STUDENT/
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import NamedTuple

from ..._support.archives import is_archive
from ...course.notebook_cells import plain_name
from ...course.submission import STUDENT_ID
from ..roster import Student
from .platform_names import PlatformName, platform_readings, read_platform_name

_COURSE_FOLDERS = {"source", "release", "autograded", "feedback", "quantlab"}
_GENERAL = re.compile(
    r"(?<![a-z])(submi[a-z]*|downloads?|uploads?|in(bound|box)|week|(my-)?notebooks?|moodle|canvas|exports?|archive|class|course)"
    r"(?![a-z])",
    re.I,
)


class StudentMatch(NamedTuple):
    """The student of a file; without one, ``problem`` is the reason, or "" to skip the file."""

    student: str | None
    problem: str = ""
    platform_name: PlatformName | None = None
    by_file: bool = False  # by the file's own name: its folder may hold files of others
    claimed: bool = False  # only by the bundle, which the student wrote
    place: int = -1  # of the name that decided, 0 for the outermost; -1 if no name did
    may_be_word: bool = False  # without a list: a name of letters only, which may be any word
    contradiction: str = ""  # what the student's own names say of another student

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
        (name or pattern, student); a pattern with a slash is compared with the whole path.
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
        """Return the student of a file, or the reason why there is none.

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
        found = self._outermost(names, lessons)
        if claimed is not None and (found is None or found.may_be_word):
            return self.match_id(claimed)._replace(claimed=True)
        if found is None:
            return StudentMatch(None, self._nobody(names))
        if (student := found.student) is None:
            return found
        found = found._replace(by_file=found.place == len(path_parts))
        inside = names[found.place + 1 :]
        for name, other in self._students_inside(inside, lessons):
            if other.casefold() != student.casefold():
                return found._replace(contradiction=f"{name!r} in it names {other!r}")
        return found

    def match_id(self, student: str, parts: PlatformName | None = None) -> StudentMatch:
        """Return a match for an id, a problem if the roster lacks it or it cannot name a folder."""
        listed = {id.casefold(): id for id in self.roster}.get(student.casefold())
        if listed is None and self.roster:
            return StudentMatch(
                None, f"there is no student {student!r} in the list of students", parts
            )
        student = listed or student
        if not STUDENT_ID.fullmatch(student):
            return StudentMatch(None, f"{student!r} cannot be a student's id; map it to one", parts)
        return StudentMatch(student, "", parts)

    def _outermost(self, names: list[str], lessons: Collection[str]) -> StudentMatch | None:
        """Return what the outermost name says that names a student, None if none does."""
        path = "/".join(names)
        for pattern, student in self.mapping:
            if "/" in pattern and _fits(pattern, path):
                return self.match_id(student)._replace(place=len(names) - 2)
        guess: StudentMatch | None = None
        for index, name in enumerate(names):
            archives_above = sum(map(is_archive, names[:index]))
            if archives_above > 1:  # packed by a learner
                break
            match = self._by_mapping(name)
            if match is None and guess is None:
                match = self._by_name(names, index, lessons)
                if match is None and not self.roster:
                    guess = self._by_place(names, index, lessons)
            if match is not None:
                return match._replace(place=index)
            if guess is not None and (archives_above or is_archive(name)):
                return guess  # the rest was packed by this student
        return guess

    def _by_mapping(self, name: str) -> StudentMatch | None:
        parts = self._read_platform_name(name)
        for text in filter(None, (name, parts and parts.name, parts and parts.number)):
            for pattern, student in self.mapping:
                if _fits(pattern, text):
                    return _checked(self.match_id(student, parts))
        return None

    def _by_name(
        self, names: list[str], index: int, lessons: Collection[str]
    ) -> StudentMatch | None:
        """Return what one name says, with the names around it where it is a lesson's folder."""
        parts = self._read_platform_name(names[index])
        if parts is not None:
            return _checked(self._by_platform_name(parts))
        if student := self._listed(names[index]):
            return StudentMatch(student)
        is_folder = index < len(names) - 1
        if is_folder and plain_name(names[index]) in lessons:
            return self._by_layout(names, index)
        return None

    def _read_platform_name(self, name: str) -> PlatformName | None:
        """Return the reading of a platform's name that fits the list of students."""
        first, readings = read_platform_name(name), platform_readings(name)
        if first is None or len(readings) == 1:
            return first
        if self.roster:
            called = ((parts, self._students_called(parts)) for parts in readings)
            known = (parts for parts, students in called if any(map(self._knows, students)))
            return next(known, first)
        platforms = " and ".join(parts.platform for parts in readings)
        problem = f"{platforms} could have written its name; give a list of students, or rename it"
        return first._replace(problem=problem)

    def _knows(self, student: str) -> bool:
        return self.match_id(student).student is not None

    def _by_platform_name(self, parts: PlatformName) -> StudentMatch:
        if parts.platform in ("nbgrader", "Blackboard"):
            return self.match_id(parts.name, parts)
        students = self._students_called(parts)
        author = f"{parts.platform} calls its author {parts.name or parts.number!r}"
        if not students:
            text = f"{author}, who is not in the list of students; map the name"
            return StudentMatch(None, text, parts)
        if len(students) > 1:
            text = f"{author}, as {' and '.join(students)} are called; map the name"
            return StudentMatch(None, text, parts)
        [student] = students
        if self.roster:
            return StudentMatch(student, "", parts)
        if self._numbers.setdefault((parts.platform, student), parts.number) != parts.number:
            return StudentMatch(
                None,
                f"{parts.platform} has several students called {parts.name!r}; give a list of "
                "students, or map the numbers",
                parts,
            )
        return StudentMatch(student, "", parts)

    def _students_called(self, parts: PlatformName) -> list[str]:
        """Return the ids of the students whom a platform calls so."""
        if parts.platform in ("nbgrader", "Blackboard"):
            return [parts.name]
        if self.roster:
            return [student.id for student in self.roster.values() if _is_author(student, parts)]
        return [_slug(parts.name) or _slug(f"{parts.platform}-{parts.number}")]

    def _listed(self, name: str) -> str | None:
        """Return the one student of the roster whom a name is or mentions."""
        for test in (_is_named, _mentions):
            ids = [student.id for student in self.roster.values() if test(student, stem(name))]
            if len(ids) == 1:
                return ids[0]
        return None

    def _by_layout(self, names: list[str], index: int) -> StudentMatch | None:
        """Return a problem for an unknown STUDENT in STUDENT/LESSON/; `index` is the lesson's."""
        above = names[index - 1] if index else ""
        if above in _COURSE_FOLDERS:
            return StudentMatch(None)
        below = names[index + 1 : -1][:1]  # LESSON/STUDENT/: the next name decides
        if not above or is_archive(above) or _GENERAL.search(above):
            return None
        if any(self._knows(stem(name)) for name in below):
            return None
        return self.match_id(stem(above))

    def _by_place(
        self, names: list[str], index: int, lessons: Collection[str]
    ) -> StudentMatch | None:
        """Without a roster: take a folder or archive that looks like an id, or the file's name."""
        is_file = index == len(names) - 1
        if not is_file and (names[index] in _COURSE_FOLDERS or _GENERAL.search(names[index])):
            return None
        name = stem(names[index])
        plain = plain_name(name)
        lesson = next((lesson for lesson in lessons if lesson in plain), None)
        if lesson is not None:
            before, _, behind = plain.partition(lesson)
            name = "" if before and behind else before.strip("_") or behind.strip("_")
            looks_like_id = is_file or any(map(str.isalpha, name))
        else:
            looks_like_id = not is_file and (len(name) > 2 or not name.isalpha())
        if looks_like_id and STUDENT_ID.fullmatch(name):
            return StudentMatch(name, place=index, may_be_word=name.isalpha())
        return None

    def _nobody(self, names: list[str]) -> str:
        archives = [name for name in names[:-1] if is_archive(name)]
        up_to = f" up to {archives[1]!r}" if len(archives) > 1 else ""
        return f"no name in its path{up_to} is a student's; map one of them, or pass --student"

    def _students_inside(
        self, names: list[str], lessons: Collection[str]
    ) -> Iterator[tuple[str, str]]:
        """Yield (name, student) for the names inside a submission that name a student."""
        for index, name in enumerate(names):
            parts = self._read_platform_name(name)
            mapped = self._by_mapping(name)
            if mapped is not None and mapped.student is not None:
                yield name, mapped.student
            elif parts is not None:
                students = self._students_called(parts)
                yield from ((name, student) for student in students[:1])
            elif student := self._listed(name):
                yield name, student
            elif not self.roster and plain_name("".join(names[index + 1 : -1][:1])) in lessons:
                looks_like_id = "submitted" in names[:index] or any(map(str.isdigit, name))
                if looks_like_id and STUDENT_ID.fullmatch(name) and not _GENERAL.search(name):
                    yield name, name


def _checked(match: StudentMatch) -> StudentMatch:
    """Return a match, or the problem of its platform's name."""
    parts = match.platform_name
    if match.student is None or parts is None or not parts.problem:
        return match
    return StudentMatch(None, parts.problem, parts)


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
