"""Collect submissions from wherever they are into nbgrader's course folder.

    folders, bundles, downloads of learning platforms, nbgrader's exchange, bare notebooks
        --walk_files--> files --whose, which lesson, when--> submitted/STUDENT/LESSON/LESSON.ipynb

What cannot be placed gets a line in the report and stops nothing else. Sources are only read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from ..._support.archive_members import MB, ArchiveError
from ..._support.archives import (
    ArchiveProblem,
    FileEntry,
    Folder,
    is_archive,
    printable_path,
    walk_files,
)
from ...course.notebook_cells import (
    copy_number,
    lesson_by_content,
    lesson_by_name,
    read_cells,
)
from ...course.submission import MANIFEST, Receipt, read_manifest
from ..course_folder import TIMESTAMP, lessons_of, read_time
from .identify import Students, Whose
from .versions import keep

_NOTEBOOK = re.compile(r".+\.ipynb(\.(txt|json))?", re.I)
_BESIDE = re.compile(r"\w[\w. ()+-]{0,99}")  # names of other files that are safe to write
_AHEAD = timedelta(hours=1)  # a clock further ahead than this is wrong
_MOST_BESIDE, _MOST_BYTES = 50, 20 * MB


class Line(NamedTuple):
    """One line of the report; ``outcome`` is one of `versions.Outcome` or "problem"."""

    outcome: str
    student: str | None
    lesson: str | None
    origin: str
    detail: str = ""


class Report(NamedTuple):
    """What collecting did; ``missing`` has who of the list of students handed nothing in."""

    lines: list[Line]
    missing: dict[str, list[str]]  # lesson -> students

    @property
    def problems(self) -> list[Line]:
        """Return the lines of what was not collected."""
        return [line for line in self.lines if line.outcome == "problem"]


class _Notebook(NamedTuple):
    """A notebook that was found, and what stands beside it."""

    source: str
    trail: tuple[str, ...]
    entry: FileEntry
    receipt: Receipt | None
    receipt_fault: str
    stamp: datetime | None
    beside: list[FileEntry]

    @property
    def origin(self) -> str:
        """Return where it was found, in one line."""
        return _line_of(self.source, (*self.trail, self.entry.name))


def collect(
    sources: Sequence[str | Path],
    course: str | Path = "build/course",
    *,
    students: Students | None = None,
    student: str | None = None,
    lesson: str | None = None,
) -> Report:
    """Put every submission that can be found into the course folder.

    Parameters
    ----------
    sources : sequence of str or Path
        Folders, archives and notebooks.
    course : str or Path, default="build/course"
        nbgrader's course folder, with ``source/`` as `quantlab build` writes it.
    students : Students, optional
        The list of students and the mapping of names; default: everybody is accepted.
    student : str, optional
        Whose all of it is.
    lesson : str, optional
        The lesson of notebooks that do not tell theirs by content or name.

    Returns
    -------
    Report
        A line for each notebook and for each thing that could not be read.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no course, a source is missing, or `student` or `lesson` is not known.

    Examples
    --------
    >>> collect(["downloads/moodle.zip"]).problems  # doctest: +SKIP
    []
    """
    course = Path(course)
    collector = _Collector(course, students or Students(), student, lesson)
    for source in map(Path, sources):
        if not source.exists():
            raise FileNotFoundError(f"There is no {str(source)!r} to collect from; check the name.")
    for source in map(Path, sources):
        collector.collect(source)
    return collector.report()


class _Collector:
    """One run: goes through the sources and writes the report."""

    def __init__(
        self, course: Path, students: Students, student: str | None, lesson: str | None
    ) -> None:
        self.course, self.students, self.student = course, students, student
        self.outlines = lessons_of(course)
        self.lesson = lesson and lesson_by_name(lesson, self.outlines)
        if lesson and self.lesson is None:
            known = ", ".join(self.outlines)
            raise ValueError(f"There is no lesson {lesson!r}; there are: {known}.")
        if student is not None and (problem := students.known(student).problem):
            raise ValueError(f"--student: {problem}.")
        self.lines: list[Line] = []
        self.others: dict[str, tuple[str, str]] = {}  # student -> a file that is no notebook

    def collect(self, source: Path) -> None:
        """Collect one source; notebooks that stand together in the order of their times."""
        before = len(self.lines), len(self.others)
        for found in walk_files(source):
            if isinstance(found, ArchiveProblem):
                whose = self._whose(found.trail[:-1], found.trail[-1], None)
                origin = _line_of(source.name, found.trail)
                self._problem(origin, found.text, student=whose.student)
                continue
            together = list(self._notebooks(source.name, found))
            for notebook in sorted(together, key=_age):
                self._place(notebook)
        if before == (len(self.lines), len(self.others)):
            self._problem(printable_path((source.name,)), "there is no notebook in it")

    def report(self) -> Report:
        """Return the report, with those who handed in something else than a notebook."""
        done = {line.student for line in self.lines if line.outcome != "problem"}
        for student, (origin, name) in sorted(self.others.items()):
            if student not in done:
                text = f"{name!r} is no notebook; ask for the .ipynb file"
                self.lines.append(Line("problem", student, None, origin, text))
        lessons = sorted({line.lesson for line in self.lines if line.lesson})
        missing = {}
        for lesson in lessons:
            there = {path.parent.name for path in self.course.glob(f"submitted/*/{lesson}")}
            absent = sorted(set(self.students.roster) - there)
            if absent:
                missing[lesson] = absent
        return Report(self.lines, missing)

    def _problem(self, origin: str, text: str, **known: str | None) -> None:
        line = Line("problem", known.get("student"), known.get("lesson"), origin, text)
        self.lines.append(line)

    def _notebooks(self, source: str, folder: Folder) -> Iterator[_Notebook]:
        """Yield the notebooks of a folder with what the folder says of them."""
        by_name = {entry.name: entry for entry in folder.entries}
        receipt, fault = _receipt(by_name.get(MANIFEST))
        stamp, beside = None, []
        if TIMESTAMP in by_name:
            stamp = _stamp(by_name[TIMESTAMP])
        notebooks = []
        for entry in folder.entries:
            if _NOTEBOOK.fullmatch(entry.name):
                notebooks.append(entry)
            elif entry.name not in (MANIFEST, TIMESTAMP):
                beside.append(entry)
        for entry in notebooks:
            yield _Notebook(source, folder.trail, entry, receipt, fault, stamp, beside)
        if not notebooks:
            for entry in beside:
                self._note_other(source, folder.trail, entry.name)
        elif len(folder.trail) <= 1:  # a platform's flat download
            for entry in beside:
                whose = self._whose(folder.trail, entry.name, None)
                if whose.clue is not None and whose.by_file:
                    self._note_other(source, folder.trail, entry.name)

    def _note_other(self, source: str, trail: tuple[str, ...], name: str) -> None:
        whose = self._whose(trail, name, None)
        if whose.student is not None:
            shown_name = whose.clue.file if whose.clue and whose.clue.file else name
            self.others.setdefault(
                whose.student, (_line_of(source, trail), printable_path((shown_name,)))
            )

    def _whose(self, trail: tuple[str, ...], name: str, claimed: str | None) -> Whose:
        if self.student is not None:
            return self.students.known(self.student)
        return self.students.whose(trail, name, lessons=self.outlines, claimed=claimed)

    def _place(self, notebook: _Notebook) -> None:
        """Find out whose, which lesson and when; keep it."""
        claimed = notebook.receipt.student if notebook.receipt else None
        whose = self._whose(notebook.trail, notebook.entry.name, claimed)
        if whose.student is None:
            if whose.problem:
                self._problem(notebook.origin, whose.problem)
            return
        student = whose.student
        try:
            content = notebook.entry.read()
        except ArchiveError as error:
            self._problem(notebook.origin, f"it {error}", student=student)
            return
        lesson, notes = self._lesson(notebook, whose, content)
        if lesson is None:
            self._problem(notebook.origin, "; ".join(notes), student=student)
            return
        if claimed and claimed.casefold() != student.casefold():
            notes.append(f"its author says {claimed!r}")
        if whose.clue and whose.clue.late:
            notes.append(f"{whose.clue.platform} says late")
        receipt = self._proven(notebook, lesson, content, notes)
        time, time_from = _time(notebook, whose, receipt)
        files = {} if whose.by_file else self._beside(notebook, notes)
        outcome = keep(
            self.course,
            student,
            lesson,
            content,
            time=time,
            time_from=time_from,
            origin=notebook.origin,
            files=files,
            receipt=receipt,
            notes=notes,
        )
        detail = "; ".join([f"{time:%Y-%m-%d %H:%M} UTC by {_CLOCKS[time_from]}", *notes])
        self.lines.append(Line(outcome, student, lesson, notebook.origin, detail))

    def _lesson(
        self, notebook: _Notebook, whose: Whose, content: bytes
    ) -> tuple[str | None, list[str]]:
        """Return the lesson, by content before names, and what is odd about it."""
        name = whose.clue.file if whose.clue and whose.clue.file else notebook.entry.name
        named = lesson_by_name(name, self.outlines)
        if named is None:
            places = (lesson_by_name(part, self.outlines) for part in reversed(notebook.trail))
            named = next(filter(None, places), self.lesson)
        try:
            found = lesson_by_content(read_cells(content), self.outlines)
        except ValueError as error:
            if named is None:
                return None, [f"{error}, and its name is no lesson's"]
            return named, [f"not a notebook: {error}"]
        if found is None and named is None:
            return None, ["it belongs to no lesson, by neither content nor name; pass --lesson"]
        if found is None:
            return named, ["no exercise is left in it"]
        return found, [f"named like {named}"] if named not in (None, found) else []

    def _proven(
        self, notebook: _Notebook, lesson: str, content: bytes, notes: list[str]
    ) -> dict[str, Any] | None:
        """Return the receipt if it holds for this notebook; else say in the notes why not."""
        if notebook.receipt_fault:
            notes.append(f"receipt: {notebook.receipt_fault}")
        if notebook.receipt is None:
            return None
        if hashlib.sha256(content).hexdigest() != notebook.receipt.notebooks.get(lesson):
            notes.append("receipt: not the notebook that it was made for")
            return None
        return {"id": notebook.receipt.id, **notebook.receipt._asdict()}

    def _beside(self, notebook: _Notebook, notes: list[str]) -> dict[str, bytes]:
        """Return the other files of the learner's folder, as far as they are few and small."""
        files: dict[str, bytes] = {}
        left_out = 0
        for entry in notebook.beside:
            try:
                content = entry.read() if _BESIDE.fullmatch(entry.name) else None
            except ArchiveError:
                content = None
            size = sum(map(len, files.values())) + len(content or b"")
            if content is None or size > _MOST_BYTES or len(files) >= _MOST_BESIDE:
                left_out += 1
            else:
                files[entry.name] = content
        if left_out:
            notes.append(f"{left_out} other files left out")
        return files


_CLOCKS = {
    TIMESTAMP: "timestamp.txt",
    "name": "the platform's name for it",
    "receipt": "the learner's clock",
    "archive": "the archive's date",
    "file": "the file's date",
    "now": "the time of collecting",
}


def _line_of(source: str, trail: tuple[str, ...]) -> str:
    """Return a source and the way down from it; an archive's trail begins with the archive."""
    return printable_path(trail if trail[:1] == (source,) else (source, *trail))


def _age(notebook: _Notebook) -> tuple[datetime, int, str]:
    oldest = datetime.min.replace(tzinfo=UTC)
    name = notebook.entry.name
    return notebook.entry.modified or oldest, copy_number(name), name


def _time(
    notebook: _Notebook, whose: Whose, receipt: dict[str, Any] | None
) -> tuple[datetime, str]:
    """Return when a notebook was handed in, by the best witness there is."""
    now = datetime.now(UTC)
    witnesses = [(notebook.stamp, TIMESTAMP)]
    witnesses.append((whose.clue.sent if whose.clue else None, "name"))
    made = datetime.fromisoformat(receipt["created"]).astimezone(UTC) if receipt else None
    witnesses.append((made, "receipt"))
    packed = any(map(is_archive, notebook.trail))
    witnesses.append((notebook.entry.modified, "archive" if packed else "file"))
    for time, witness in witnesses:
        if time is not None and time <= now + _AHEAD:
            return time, witness
    return now, "now"


def _receipt(entry: FileEntry | None) -> tuple[Receipt | None, str]:
    if entry is None:
        return None, ""
    try:
        return read_manifest(entry.read()), ""
    except ValueError as error:  # ArchiveError is one
        return None, str(error)


def _stamp(entry: FileEntry) -> datetime | None:
    try:
        return read_time(entry.read()[:200].decode("utf-8", errors="replace"))
    except ArchiveError:
        return None
