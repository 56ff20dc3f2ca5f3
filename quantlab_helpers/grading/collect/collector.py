"""Collect submissions from folders and archives into nbgrader's course folder.

    folders, bundles, downloads of learning platforms, nbgrader's exchange, bare notebooks
        --walk_files--> files --student, lesson, time--> submitted/STUDENT/LESSON/LESSON.ipynb

A notebook that cannot be assigned or stored gets a line in the report; the others are collected
all the same. So does a name or a time that a learner wrote and that contradicts the platform's.
Sources are never changed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from ..._support.archive_members import MB, ArchiveError
from ..._support.archives import (
    ArchiveProblem,
    FileEntry,
    Folder,
    printable_path,
    walk_files,
)
from ..._support.files import is_disk_failure
from ...course.notebook_cells import (
    copy_number,
    lesson_by_content,
    lesson_by_name,
    read_cells,
)
from ...course.submission import MANIFEST, Receipt, read_manifest
from ..course_folder import TIMESTAMP, CourseFolder
from .identify import StudentMatch, StudentMatcher
from .times import TIME_SOURCES, hand_in_time, read_timestamp
from .versions import RECORD, NotStored, store_version

_NOTEBOOK = re.compile(r".+\.ipynb(\.(txt|json))?", re.I)
_OTHER_FILE = re.compile(r"\w[\w. ()+-]{0,99}")  # names of other files that are safe to write
_MAX_NAME_BYTES = 200  # file systems take 255, and a partial file has a longer name
_MAX_OTHER_FILES, _MAX_OTHER_BYTES = 50, 20 * MB


class CollectedItem(NamedTuple):
    """One line of the report; ``outcome`` is one of `versions.Outcome` or "problem"."""

    outcome: str
    student: str | None
    lesson: str | None
    origin: str
    detail: str = ""


class Report(NamedTuple):
    """The result of collecting; ``missing`` has the students of the roster without a submission."""

    lines: list[CollectedItem]
    missing: dict[str, list[str]]  # lesson -> students

    @property
    def problems(self) -> list[CollectedItem]:
        """Return the lines that need a look: not collected, or contradicting the platform."""
        return [line for line in self.lines if line.outcome == "problem"]


class _Notebook(NamedTuple):
    """A notebook in a source, with the other files of its folder."""

    source: str
    folder: Folder
    entry: FileEntry
    manifest: FileEntry | None
    timestamp: FileEntry | None
    others: list[FileEntry]

    @property
    def path_parts(self) -> tuple[str, ...]:
        """Return the folders and archives that lead to the notebook."""
        return self.folder.trail

    @property
    def origin(self) -> str:
        """Return the notebook's place as one line of text."""
        return _line_of(self.source, (*self.path_parts, self.entry.name))


def collect(
    sources: Sequence[str | Path],
    course: str | Path = "build/course",
    *,
    students: StudentMatcher | None = None,
    student: str | None = None,
    lesson: str | None = None,
) -> Report:
    """Copy every submission in the sources into the course folder.

    Parameters
    ----------
    sources : sequence of str or Path
        Folders, archives and notebooks.
    course : str or Path, default="build/course"
        nbgrader's course folder, with ``source/`` as `quantlab build` writes it.
    students : StudentMatcher, optional
        The list of students and the mapping of names; default: every student is accepted.
    student : str, optional
        StudentMatch all of it is.
    lesson : str, optional
        The lesson of notebooks whose content and name do not show it.

    Returns
    -------
    Report
        A line for each notebook and for each thing that could not be read.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no course, a source is missing, or `student` or `lesson` is unknown.

    Examples
    --------
    >>> collect(["downloads/moodle.zip"]).problems  # doctest: +SKIP
    []
    """
    collector = _Collector(CourseFolder(course), students or StudentMatcher(), student, lesson)
    for source in map(Path, sources):
        if not source.exists():
            raise FileNotFoundError(f"There is no {str(source)!r} to collect from; check the name.")
    for source in map(Path, sources):
        collector.collect(source)
    return collector.report()


class _Collector:
    """One run of `collect`: goes through the sources and writes the report."""

    def __init__(
        self,
        course: CourseFolder,
        students: StudentMatcher,
        student: str | None,
        lesson: str | None,
    ) -> None:
        self.course, self.students, self.student = course, students, student
        self.outlines = course.outlines()
        self.lesson = lesson and lesson_by_name(lesson, self.outlines)
        if lesson and self.lesson is None:
            raise ValueError(
                f"There is no lesson {lesson!r}; there are: {', '.join(self.outlines)}."
            )
        if student is not None and (problem := students.match_id(student).problem):
            raise ValueError(f"--student: {problem}.")
        self.lines: list[CollectedItem] = []
        self.others: dict[str, tuple[str, str]] = {}  # student -> a file that is no notebook

    def collect(self, source: Path) -> None:
        """Collect one source; notebooks of the same folder in the order of their times."""
        before = len(self.lines), len(self.others)
        for folder in walk_files(source):
            origin = _line_of(source.name, folder.trail)
            with self._only_this_fails(origin):
                if isinstance(folder, ArchiveProblem):
                    match = self._match(folder.trail[:-1], folder.trail[-1], None)
                    self._problem(origin, folder.text, student=match.student)
                else:
                    self._collect_folder(source.name, folder)
        if before == (len(self.lines), len(self.others)):
            self._problem(printable_path((source.name,)), "there is no notebook in it")

    def report(self) -> Report:
        """Return the report, with a line for each student who handed in only other files."""
        collected = {line.student for line in self.lines if line.outcome != "problem"}
        for student, (origin, name) in sorted(self.others.items()):
            if student not in collected:
                text = f"{name!r} is no notebook; ask for the .ipynb file"
                self.lines.append(CollectedItem("problem", student, None, origin, text))
        lessons = sorted({line.lesson for line in self.lines if line.lesson})
        missing = {}
        for lesson in lessons:
            submitted = {
                path.parent.name for path in self.course.path.glob(f"submitted/*/{lesson}")
            }
            absent = sorted(set(self.students.roster) - submitted)
            if absent:
                missing[lesson] = absent
        return Report(self.lines, missing)

    def _problem(self, origin: str, text: str, **fields: str | None) -> None:
        line = CollectedItem("problem", fields.get("student"), fields.get("lesson"), origin, text)
        self.lines.append(line)

    @contextmanager
    def _only_this_fails(self, origin: str, student: str | None = None) -> Iterator[None]:
        """Turn an error about one file into a problem; only a failing disk stops all."""
        try:
            yield
        except NotStored as error:
            self._problem(origin, str(error), student=student)
        except Exception as error:  # whatever is wrong with it, the class goes on
            if is_disk_failure(error):
                raise
            reason = error.strerror if isinstance(error, OSError) else str(error)
            shown = printable_path((f"{type(error).__name__}: {reason}"[:200],))
            text = f"it cannot be collected ({shown}); give it a plain name, or ask for it again"
            self._problem(origin, text, student=student)

    def _collect_folder(self, source: str, folder: Folder) -> None:
        """Store the notebooks of a folder, and note who handed in other files."""
        by_name = {entry.name: entry for entry in folder.entries}
        manifest, timestamp = by_name.get(MANIFEST), by_name.get(TIMESTAMP)
        entries = [entry for entry in folder.entries if _NOTEBOOK.fullmatch(entry.name)]
        not_others = {MANIFEST, TIMESTAMP, *(entry.name for entry in entries)}
        others = [entry for entry in folder.entries if entry.name not in not_others]
        notebooks = [
            _Notebook(source, folder, entry, manifest, timestamp, others) for entry in entries
        ]
        for notebook in sorted(notebooks, key=_age):
            with self._only_this_fails(notebook.origin):
                self._store(notebook)
        if notebooks and len(folder.trail) > 1:
            return  # the other files were stored with them
        for entry in others:
            with self._only_this_fails(_line_of(source, (*folder.trail, entry.name))):
                match = self._match(folder.trail, entry.name, None)
                if not notebooks or (match.platform_name is not None and match.by_file):
                    self._note_other(source, folder.trail, entry.name, match)

    def _note_other(
        self, source: str, path_parts: tuple[str, ...], name: str, match: StudentMatch
    ) -> None:
        if match.student is not None:
            origin = _line_of(source, path_parts)
            shown = printable_path((match.own_name or name,))
            self.others.setdefault(match.student, (origin, shown))

    def _match(self, path_parts: tuple[str, ...], name: str, claimed: str | None) -> StudentMatch:
        if self.student is not None:
            return self.students.match_id(self.student)
        return self.students.match(path_parts, name, lessons=self.outlines, claimed=claimed)

    def _store(self, notebook: _Notebook) -> None:
        """Store a notebook under its student, lesson and time, or report the problem."""
        receipt, fault = _receipt(notebook.manifest)
        claimed = receipt.student if receipt else None
        match = self._match(notebook.path_parts, notebook.entry.name, claimed)
        if match.student is not None:
            with self._only_this_fails(notebook.origin, match.student):
                self._store_for(match.student, match, notebook, receipt, fault)
        elif match.problem:
            self._problem(notebook.origin, match.problem)

    def _store_for(
        self,
        student: str,
        match: StudentMatch,
        notebook: _Notebook,
        receipt: Receipt | None,
        fault: str,
    ) -> None:
        try:
            content = notebook.entry.read()
        except ArchiveError as error:
            self._problem(notebook.origin, f"it {error}", student=student)
            return
        lesson, notes = self._lesson(notebook, match, content)
        if lesson is None:
            self._problem(notebook.origin, "; ".join(notes), student=student)
            return
        contradictions = [match.contradiction] if match.contradiction else []
        if receipt and receipt.student and receipt.student.casefold() != student.casefold():
            notes.append(f"its author says {receipt.student!r}")
        if match.platform_name and match.platform_name.late:
            notes.append(f"{match.platform_name.platform} says late")
        receipt = _valid_receipt(receipt, fault, lesson, content, notes)
        time, time_from, contradiction = hand_in_time(
            notebook.path_parts,
            notebook.entry,
            match,
            packed=notebook.folder.packed,
            timestamp=read_timestamp(notebook.timestamp),
            receipt=receipt,
            lessons=self.outlines,
        )
        contradictions += [contradiction] if contradiction else []
        files = {} if match.by_file else self._other_files(notebook, notes)
        notes += contradictions
        outcome = store_version(
            self.course,
            student,
            lesson,
            content,
            time=time,
            time_from=time_from,
            origin=notebook.origin,
            files=files,
            receipt={"id": receipt.id, **receipt._asdict()} if receipt else None,
            notes=notes,
        )
        detail = "; ".join([f"{time:%Y-%m-%d %H:%M} UTC by {TIME_SOURCES[time_from]}", *notes])
        self.lines.append(CollectedItem(outcome, student, lesson, notebook.origin, detail))
        if contradictions:
            text = (
                f"{'; '.join(contradictions)}: it was collected for {student}, by the outermost "
                "name that names a student; if that is wrong, pass --students or --map"
            )
            self._problem(notebook.origin, text, student=student, lesson=lesson)

    def _lesson(
        self, notebook: _Notebook, match: StudentMatch, content: bytes
    ) -> tuple[str | None, list[str]]:
        """Return the lesson, by content rather than by names, and notes for the report."""
        name = match.own_name or notebook.entry.name
        named = lesson_by_name(name, self.outlines)
        if named is None:
            places = (lesson_by_name(part, self.outlines) for part in reversed(notebook.path_parts))
            named = next(filter(None, places), self.lesson)
        try:
            by_content = lesson_by_content(read_cells(content), self.outlines)
        except ValueError as error:
            if named is None:
                return None, [f"{error}, and its name is no lesson's"]
            return named, [f"not a notebook: {error}"]
        if by_content is None and named is None:
            return None, ["it belongs to no lesson, by neither content nor name; pass --lesson"]
        if by_content is None:
            return named, ["no exercise is left in it"]
        return by_content, [f"named like {named}"] if named not in (None, by_content) else []

    def _other_files(self, notebook: _Notebook, notes: list[str]) -> dict[str, bytes]:
        """Return the other files of the submission, up to a number and a size."""
        files: dict[str, bytes] = {}
        left_out = 0
        for entry in notebook.others:
            try:
                content = entry.read() if _is_safe(entry.name) else None
            except ArchiveError:
                content = None
            size = sum(map(len, files.values())) + len(content or b"")
            if content is None or size > _MAX_OTHER_BYTES or len(files) >= _MAX_OTHER_FILES:
                left_out += 1
            else:
                files[entry.name] = content
        if left_out:
            notes.append(f"{left_out} other files left out")
        return files


def _line_of(source: str, path_parts: tuple[str, ...]) -> str:
    """Return a source and the path inside it as text; an archive's path begins with its name."""
    return printable_path(path_parts if path_parts[:1] == (source,) else (source, *path_parts))


def _age(notebook: _Notebook) -> tuple[datetime, int, str]:
    oldest = datetime.min.replace(tzinfo=UTC)
    name = notebook.entry.name
    return notebook.entry.modified or oldest, copy_number(name), name


def _receipt(entry: FileEntry | None) -> tuple[Receipt | None, str]:
    if entry is None:
        return None, ""
    try:
        return read_manifest(entry.read()), ""
    except ValueError as error:  # ArchiveError is one
        return None, str(error)


def _valid_receipt(
    receipt: Receipt | None, fault: str, lesson: str, content: bytes, notes: list[str]
) -> Receipt | None:
    """Return the receipt if it is this notebook's; otherwise add the reason to the notes."""
    if fault:
        notes.append(f"receipt: {fault}")
    if receipt is None:
        return None
    if hashlib.sha256(content).hexdigest() != receipt.notebooks.get(lesson):
        notes.append("receipt: not the notebook that it was made for")
        return None
    return receipt


def _is_safe(name: str) -> bool:
    """Return whether another file may have this name beside a notebook and its record."""
    if name.casefold() in (RECORD, TIMESTAMP):
        return False
    return bool(_OTHER_FILE.fullmatch(name)) and len(name.encode()) <= _MAX_NAME_BYTES
