"""Compare submissions with a receipt: find them by its id and compute their SHA-256 again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ..._support.archives import ArchiveProblem, FileEntry, Folder, printable_path, walk_files
from ...course.submission import MANIFEST, Receipt, read_manifest, short_id
from ..course_folder import CourseFolder
from .versions import all_versions

_SUM = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{64}(?![0-9A-Fa-f])")
_UNREADABLE = Receipt("", "", None, {})
_ID = re.compile(r"[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}")


class ReceiptFinding(NamedTuple):
    """One notebook or text that a receipt was compared with."""

    intact: bool
    origin: str
    text: str


def verify(
    receipt: str, sources: Sequence[str | Path] = (), *, course: str | Path = "build/course"
) -> list[ReceiptFinding]:
    """Find the submission that a receipt belongs to, and compare the two.

    Parameters
    ----------
    receipt : str
        The path of a receipt, its id, or its SHA-256.
    sources : sequence of str or Path, default=()
        Where to look, as for `collect`; if empty, in the collected versions.
    course : str or Path, default="build/course"
        nbgrader's course folder.

    Returns
    -------
    list of ReceiptFinding
        One for each notebook; never empty.

    Raises
    ------
    FileNotFoundError, ValueError
        If a source is missing, or `receipt` is none of the three.

    Examples
    --------
    >>> verify("7F3A-91C2-04BE", course="no-such-course")[0].text
    'no submission with the receipt 7F3A-91C2-04BE was found'
    """
    sha256, text = _read(receipt)
    matches: list[tuple[Receipt, ReceiptFinding]] = []
    unreadable: list[ReceiptFinding] = []
    compared = (
        chain.from_iterable(map(_in_source, sources))
        if sources
        else _in_course(CourseFolder(course))
    )
    for candidate, finding in compared:
        if candidate == _UNREADABLE:
            unreadable.append(finding)
        elif candidate.sha256.startswith(sha256):
            matches.append((candidate, finding))
    if not matches:
        message = f"no submission with the receipt {short_id(sha256)} was found"
        return [ReceiptFinding(False, "", message), *unreadable]  # it may be one of these
    findings = [finding for _, finding in matches]
    if text is not None and text.split() != matches[0][0].as_text().split():
        findings.append(ReceiptFinding(False, receipt, "the receipt's own text was changed"))
    return findings


def _read(receipt: str) -> tuple[str, str | None]:
    """Return (the SHA-256 or its beginning, the text of the receipt if it is a file)."""
    path = Path(receipt)
    if path.is_file():
        text = path.read_bytes()[:100_000].decode(errors="replace")
        if match := _SUM.search(text):
            return match[0].lower(), text
        raise ValueError(f"There is no SHA-256 in {receipt!r}; name a receipt that submit wrote.")
    if _SUM.fullmatch(receipt):
        return receipt.lower(), None
    if _ID.fullmatch(receipt):
        return receipt.replace("-", "").lower(), None
    raise ValueError(
        f"{receipt!r} is no receipt; name its file, its id like 7F3A-91C2-04BE, or its SHA-256."
    )


def _compare(
    receipt: Receipt, lesson: str, content: bytes | None, origin: str
) -> tuple[Receipt, ReceiptFinding]:
    if content is None:
        return receipt, ReceiptFinding(False, origin, f"{lesson}: is missing or cannot be read")
    intact = hashlib.sha256(content).hexdigest() == receipt.notebooks[lesson]
    text = "is what the receipt is for" if intact else "is not the notebook the receipt is for"
    return receipt, ReceiptFinding(intact, origin, f"{lesson}: {text}")


def _in_source(source: str | Path) -> Iterator[tuple[Receipt, ReceiptFinding]]:
    for folder in walk_files(source):
        if isinstance(folder, ArchiveProblem):
            continue
        entries = {entry.name: entry for entry in folder.entries}
        if MANIFEST not in entries:
            continue
        inside = folder.trail[folder.trail[:1] == (Path(source).name,) :]
        origin = printable_path((str(source), *inside))
        try:
            receipt = read_manifest(entries[MANIFEST].read())
        except ValueError as error:
            yield _UNREADABLE, ReceiptFinding(False, origin, str(error))
            continue
        for lesson in receipt.notebooks:
            yield _compare(receipt, lesson, _content(folder, entries, lesson), origin)


def _content(folder: Folder, entries: dict[str, FileEntry], lesson: str) -> bytes | None:
    entry = entries.get(f"{lesson}.ipynb")
    try:
        return entry.read() if entry else None
    except ValueError:
        return None


def _in_course(course: CourseFolder) -> Iterator[tuple[Receipt, ReceiptFinding]]:
    for student, lesson, version, notebook in all_versions(course):
        for plain in version.receipts:
            receipt = read_manifest(json.dumps(plain).encode())
            content = notebook.read_bytes() if notebook.is_file() else None
            yield _compare(receipt, lesson, content, f"{student}, collected from {version.origin}")
