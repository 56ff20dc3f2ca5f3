"""Every version of every submission, and the latest of them where nbgrader looks for it.

    quantlab/collected/LESSON/STUDENT/KEY/   each version, as it came, and record.json
    submitted/STUDENT/LESSON/                the latest, with its timestamp.txt

A version that is there is never changed. The record is written last, so a folder without one is
the rest of an interrupted run, and is written again.
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
from ..course_folder import TIMESTAMP, stamp_in

Outcome = Literal["collected", "replaced", "kept aside", "unchanged"]
_TOLD = {TIMESTAMP, "receipt", "name"}  # these times survive copying; a file's date does not


class Version(NamedTuple):
    """What is known of one version; ``time`` is ISO 8601 in UTC."""

    key: str
    sha256: str  # of the notebook
    time: str
    time_from: str  # "timestamp.txt", "receipt", "archive", "file", ...
    origin: str
    order: int  # the later one wins where two have the same time
    files: list[str]  # the names of the other files
    receipts: tuple[dict[str, Any], ...] = ()  # several where the same was handed in again
    notes: tuple[str, ...] = ()


def keep(
    course: Path,
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
) -> Outcome:
    """Keep a version, and put it where nbgrader looks if it is the latest.

    Parameters
    ----------
    course : Path
        nbgrader's course folder.
    student, lesson : str
        Safe as names of folders; not checked here.
    notebook : bytes
        As it came, readable or not.
    time : datetime
        With a time zone: when it was handed in.
    time_from, origin : str
        Where that was read, and where the notebook was.
    files : mapping of str to bytes, optional
        What came with it, by safe names.
    receipt : dict, optional
        The bundle's list of contents.
    notes : iterable of str
        For the report.

    Returns
    -------
    {"collected", "replaced", "kept aside", "unchanged"}
        The first version; later than all others; earlier than the latest; known already.
    """
    adopt(course, student, lesson)
    known = versions(course, student, lesson)
    files = dict(files or {})
    key = _key(notebook, files)
    receipts: tuple[dict[str, Any], ...] = () if receipt is None else (receipt,)
    same = next((version for version in known if version.key == key), None)
    if same is not None:
        receipts = same.receipts + tuple(one for one in receipts if one not in same.receipts)
        back = time_from in _TOLD and time > datetime.fromisoformat(latest(known).time)
        if not back or same == latest(known):
            if receipts != same.receipts:
                _write_record(_folder(course, student, lesson), same._replace(receipts=receipts))
            _publish(course, student, lesson, known)
            return "unchanged"
        known.remove(same)  # handed in again after another one: it counts again
    order = max((version.order for version in known), default=0) + 1
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
    _write(_folder(course, student, lesson), lesson, version, notebook, files)
    now = [*known, version]
    _publish(course, student, lesson, now)
    if not known:
        return "collected"
    return "replaced" if latest(now) == version else "kept aside"


def versions(course: Path, student: str, lesson: str) -> list[Version]:
    """Return all versions of a submission, in the order in which they were collected."""
    found = map(_read_record, _folder(course, student, lesson).glob("*/record.json"))
    return sorted(found, key=lambda version: version.order)


def latest(found: Iterable[Version]) -> Version:
    """Return the version that counts."""
    return max(found, key=lambda version: (datetime.fromisoformat(version.time), version.order))


def all_versions(course: Path) -> Iterable[tuple[str, str, Version, Path]]:
    """Yield (student, lesson, version, its notebook) for all that was ever collected."""
    for record in sorted((course / "quantlab" / "collected").glob("*/*/*/record.json")):
        student, lesson = record.parent.parent.name, record.parent.parent.parent.name
        yield student, lesson, _read_record(record), record.parent / f"{lesson}.ipynb"


def adopt(course: Path, student: str, lesson: str) -> None:
    """Keep what stands in ``submitted/`` if it came there by another way, or was edited there."""
    folder = course / "submitted" / student / lesson
    try:
        notebook = (folder / f"{lesson}.ipynb").read_bytes()
    except OSError:
        return
    known = versions(course, student, lesson)
    digest = hashlib.sha256(notebook).hexdigest()
    if any(version.sha256 == digest for version in known):
        return
    time = stamp_in(folder)
    time_from = TIMESTAMP
    if time is None:
        time_from = "file"
        time = datetime.fromtimestamp((folder / f"{lesson}.ipynb").stat().st_mtime, UTC)
    if known:  # edited: it takes the place of what it was made from
        time = max(time, datetime.fromisoformat(latest(known).time))
    order = max((version.order for version in known), default=0) + 1
    key = _key(notebook, {})
    version = Version(key, digest, time.isoformat(), time_from, "submitted/", order, [])
    _write(_folder(course, student, lesson), lesson, version, notebook, {})


def _folder(course: Path, student: str, lesson: str) -> Path:
    return course / "quantlab" / "collected" / lesson / student


def _key(notebook: bytes, files: Mapping[str, bytes]) -> str:
    """Return a short name for these contents."""
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
    write_atomically(folder / version.key / "record.json", record.encode())


def _read_record(path: Path) -> Version:
    plain = json.loads(path.read_bytes())
    return Version(
        **{**plain, "receipts": tuple(plain["receipts"]), "notes": tuple(plain["notes"])}
    )


def _publish(course: Path, student: str, lesson: str, known: list[Version]) -> None:
    """Make ``submitted/STUDENT/LESSON`` the latest version; other people's files there stay."""
    version = latest(known)
    origin = _folder(course, student, lesson) / version.key
    target = course / "submitted" / student / lesson
    for other in known:
        for name in set(other.files) - set(version.files):
            (target / name).unlink(missing_ok=True)
    for name in [*version.files, f"{lesson}.ipynb"]:
        content = (origin / name).read_bytes()
        if not (target / name).is_file() or (target / name).read_bytes() != content:
            write_atomically(target / name, content)
    moment = datetime.fromisoformat(version.time).astimezone(UTC)
    stamp = f"{moment:%Y-%m-%d %H:%M:%S.%f} UTC"
    if stamp_in(target) != moment:
        write_atomically(target / TIMESTAMP, stamp.encode())
    shutil.rmtree(target / ".ipynb_checkpoints", ignore_errors=True)
