"""Store every version of every submission; copy the latest to ``submitted/``.

    quantlab/collected/LESSON/STUDENT/KEY/   each version, unchanged, and record.json
    submitted/STUDENT/LESSON/                the latest, with its timestamp.txt

A stored version never changes. Its record is written last, so a folder without one is left over
from an interrupted run, and is written again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ..._support.files import write_atomically
from ..course_folder import TIMESTAMP, CourseFolder, format_timestamp

CollectOutcome = Literal["collected", "replaced", "kept aside", "unchanged"]
RECORD = "record.json"
_RELIABLE = {TIMESTAMP, "receipt", "name"}  # these times survive copying; a file's date may not


class NotStored(ValueError):
    """A version that must not be stored; the message is a clause that says why."""


class Version(NamedTuple):
    """The record of one version; ``time`` is ISO 8601 in UTC."""

    key: str
    sha256: str  # of the notebook
    time: str
    time_from: str  # "timestamp.txt", "receipt", "archive", "file", ...
    origin: str
    order: int  # of collecting; the later version counts if two have the same time
    files: list[str]  # the names of the other files
    receipts: tuple[dict[str, Any], ...] = ()  # several if the same content was handed in again
    notes: tuple[str, ...] = ()


def store_version(
    course: CourseFolder,
    student: str,
    lesson: str,
    notebook: bytes,
    *,
    time: datetime,
    time_from: str,
    origin: str,
    files: Mapping[str, bytes] | None = None,
    receipt: dict[str, Any] | None = None,
    notes: Iterable[str] = (),
) -> CollectOutcome:
    """Store a version, and copy it to ``submitted/`` if it is the latest.

    Parameters
    ----------
    course : CourseFolder
        The course.
    student, lesson : str
        Safe as names of folders; not checked here.
    notebook : bytes
        The file's content, a valid notebook or not.
    time : datetime
        With a time zone: when it was handed in.
    time_from, origin : str
        The source of the time, and the place of the notebook.
    files : mapping of str to bytes, optional
        The other files of the submission, by safe names.
    receipt : dict, optional
        The bundle's list of contents.
    notes : iterable of str
        For the report.

    Returns
    -------
    {"collected", "replaced", "kept aside", "unchanged"}
        The first version; later than all others; earlier than the latest; stored before.

    Raises
    ------
    NotStored
        If a symbolic link leads from the submission's folder to another.
    """
    if link := course.link_to_submission(student, lesson):
        raise NotStored(
            f"{link!r} in the course folder is a symbolic link, which may lead to the work of "
            "another; remove the link and collect again"
        )
    adopt_external_version(course, student, lesson)
    stored = versions(course, student, lesson)
    files = dict(files or {})
    key = _key(notebook, files)
    receipts: tuple[dict[str, Any], ...] = () if receipt is None else (receipt,)
    same = next((version for version in stored if version.key == key), None)
    if same is not None:
        receipts = same.receipts + tuple(new for new in receipts if new not in same.receipts)
        newest = latest(stored)
        is_newer = time_from in _RELIABLE and time > datetime.fromisoformat(newest.time)
        if not is_newer or same == newest:
            if receipts != same.receipts:
                _write_record(course.collected(student, lesson), same._replace(receipts=receipts))
            _copy_latest(course, student, lesson, stored)
            return "unchanged"
        stored.remove(same)  # handed in again after another version: it counts again
    order = max((version.order for version in stored), default=0) + 1
    version = Version(
        key,
        hashlib.sha256(notebook).hexdigest(),
        time.astimezone(UTC).isoformat(),
        time_from,
        origin,
        order,
        sorted(files),
        receipts,
        tuple(notes),
    )
    _write(course.collected(student, lesson), lesson, version, notebook, files)
    current = [*stored, version]
    _copy_latest(course, student, lesson, current)
    if not stored:
        return "collected"
    return "replaced" if latest(current) == version else "kept aside"


def versions(course: CourseFolder, student: str, lesson: str) -> list[Version]:
    """Return all versions of a submission, in the order in which they were collected."""
    records = course.collected(student, lesson).glob(f"*/{RECORD}")
    return sorted(map(_read_record, records), key=lambda version: version.order)


def latest(stored: Iterable[Version]) -> Version:
    """Return the version that counts."""
    return max(stored, key=lambda version: (datetime.fromisoformat(version.time), version.order))


def all_versions(course: CourseFolder) -> Iterable[tuple[str, str, Version, Path]]:
    """Yield (student, lesson, version, path of its notebook) for all versions of the course."""
    for record in sorted(course.path.glob(f"quantlab/collected/*/*/*/{RECORD}")):
        student, lesson = record.parent.parent.name, record.parent.parent.parent.name
        yield student, lesson, _read_record(record), record.parent / f"{lesson}.ipynb"


def adopt_external_version(course: CourseFolder, student: str, lesson: str) -> None:
    """Store a submission that was not written by `collect`, or was edited since, as a version."""
    folder = course.submitted(student, lesson)
    try:
        path = folder / f"{lesson}.ipynb"
        if path.is_symlink():
            return
        notebook = path.read_bytes()
    except OSError:
        return
    stored = versions(course, student, lesson)
    digest = hashlib.sha256(notebook).hexdigest()
    if any(version.sha256 == digest for version in stored):
        return
    time = course.submission_time(student, lesson)
    time_from = TIMESTAMP
    if time is None:
        time_from = "file"
        time = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    if stored:  # edited: it replaces the version that it was made from
        time = max(time, datetime.fromisoformat(latest(stored).time))
    order = max((version.order for version in stored), default=0) + 1
    key = _key(notebook, {})
    version = Version(key, digest, time.isoformat(), time_from, "submitted/", order, [])
    _write(course.collected(student, lesson), lesson, version, notebook, {})


def _key(notebook: bytes, files: Mapping[str, bytes]) -> str:
    """Return a short hash of the contents, as the name of the version's folder."""
    digest = hashlib.sha256(hashlib.sha256(notebook).digest())
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return digest.hexdigest()[:16]


def _write(
    folder: Path, lesson: str, version: Version, notebook: bytes, files: Mapping[str, bytes]
) -> None:
    for name, content in files.items():
        write_atomically(folder / version.key / name, content)
    write_atomically(folder / version.key / f"{lesson}.ipynb", notebook)
    _write_record(folder, version)


def _write_record(folder: Path, version: Version) -> None:
    record = json.dumps(version._asdict(), indent=1)
    write_atomically(folder / version.key / RECORD, record.encode())


def _read_record(path: Path) -> Version:
    plain = json.loads(path.read_bytes())
    return Version(
        **{**plain, "receipts": tuple(plain["receipts"]), "notes": tuple(plain["notes"])}
    )


def _copy_latest(course: CourseFolder, student: str, lesson: str, stored: list[Version]) -> None:
    """Copy the latest version to ``submitted/STUDENT/LESSON``; files of no version stay."""
    version = latest(stored)
    origin = course.collected(student, lesson) / version.key
    target = course.submitted(student, lesson)
    for other in stored:
        for name in set(other.files) - set(version.files):
            (target / name).unlink(missing_ok=True)
    for name in [*version.files, f"{lesson}.ipynb"]:
        content = (origin / name).read_bytes()
        path = target / name
        if path.is_symlink() or not path.is_file() or path.read_bytes() != content:
            write_atomically(path, content)
    time = datetime.fromisoformat(version.time).astimezone(UTC)
    if course.submission_time(student, lesson) != time:
        write_atomically(target / TIMESTAMP, format_timestamp(time).encode())
    shutil.rmtree(target / ".ipynb_checkpoints", ignore_errors=True)
