"""Read untrusted folders, zip and tar files, and archives inside archives; write a zip.

Nothing is unpacked to disk, and no name in an archive becomes a path. A file is read into memory on
request, up to a limit that holds during decompression. Each cause why something in an archive
cannot be read gives one `ArchiveProblem`; the rest of the archive is still read.
"""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple

from .archive_members import MB, TAR, ZIP, ArchiveError, Opened, open_archive
from .files import is_disk_failure

_UNSUPPORTED = (".7z", ".rar", ".zipx")
_BOMBS = 16  # a bomb takes this part of a small download's budget: the others need theirs
_JUNK = {"__MACOSX", "__pycache__", "node_modules", "site-packages", "Thumbs.db", "desktop.ini"}


class ArchiveLimits(NamedTuple):
    """Limits on what is read from an archive; bytes are counted after decompression."""

    file_bytes: int = 64 * MB
    members: int = 100_000
    nested_members: int = 5_000  # in an archive inside another, as made by one learner
    nested_bytes: int = 512 * MB
    ratio: int = 250  # decompressed to compressed; notebooks reach about 20
    depth: int = 3  # a class download > a learner's zip > a bundle


class FileEntry(NamedTuple):
    """A file with a function that reads it; `read` raises `ArchiveError`."""

    name: str
    modified: datetime | None  # None if the archive has no date
    read: Callable[[], bytes]


class Folder(NamedTuple):
    """The files of one folder; ``trail`` has the names of the folders and archives above them.

    ``packed`` is the date that the outermost archive has for an archive in it that holds them.
    """

    trail: tuple[str, ...]
    entries: list[FileEntry]
    packed: datetime | None = None


class ArchiveProblem(NamedTuple):
    """Something that cannot be read: its place, and the reason as one clause."""

    trail: tuple[str, ...]
    text: str


class _ByteBudget:
    """The bytes that may still be read from an archive, including the archives inside it."""

    def __init__(self, left: int, above: _ByteBudget | None = None) -> None:
        self.left, self.above = left, above

    def count_bytes(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise ArchiveError("grows out of all proportion when unpacked, as a zip bomb does")
        if self.above is not None:
            self.above.count_bytes(count)


def walk_files(
    source: str | Path, *, limits: ArchiveLimits | None = None
) -> Iterator[Folder | ArchiveProblem]:
    """Yield the files in a file or folder, including those inside archives.

    Parameters
    ----------
    source : str or Path
        A folder, an archive, or any other file.
    limits : ArchiveLimits, optional
        Limits on each archive.

    Yields
    ------
    Folder or ArchiveProblem
        In a fixed order. Read a folder's entries before taking the next folder.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.

    Examples
    --------
    >>> import tempfile, zipfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     archive = Path(folder, "s01.zip")
    ...     with zipfile.ZipFile(archive, "w") as file:
    ...         file.writestr("work/answers.txt", "42")
    ...         file.writestr("../../answers.txt", "43")
    ...     for item in walk_files(archive):
    ...         print(item.text if isinstance(item, ArchiveProblem) else item.entries[0].read())
    its path leads out of the archive; it was left out
    b'42'
    """
    source, limits = Path(source), limits or ArchiveLimits()
    if not source.exists():
        raise FileNotFoundError(f"There is no {str(source)!r} to collect from; check the name.")
    if source.is_dir():
        yield from _walk_folder(source, limits)
        return
    entry = _entry_of_file(source)
    if is_archive(source.name):
        yield from _walk_archive((source.name,), source, limits)
    elif source.name.lower().endswith(_UNSUPPORTED):
        yield _unsupported((source.name,))
    else:
        yield Folder((), [entry])


def is_archive(name: str) -> bool:
    """Return whether a file of this name is read as an archive."""
    return name.lower().endswith(ZIP + TAR)


def printable_path(trail: tuple[str, ...]) -> str:
    """Return a path as one line without control characters."""
    text = "/".join(trail)
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _unsupported(trail: tuple[str, ...]) -> ArchiveProblem:
    return ArchiveProblem(trail, "7z and rar archives are not read; unpack it, or ask for a zip")


def _is_junk(part: str) -> bool:
    return part in _JUNK or part.startswith((".", "~$"))


def _walk_folder(root: Path, limits: ArchiveLimits) -> Iterator[Folder | ArchiveProblem]:
    def unreadable(error: OSError) -> None:
        errors.append(error)

    errors: list[OSError] = []
    for place, folders, files in os.walk(root, onerror=unreadable):
        trail = Path(place).relative_to(root).parts
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        folders[:] = sorted(name for name in folders if name not in links and not _is_junk(name))
        entries, archives = [], []
        for name in sorted(files):
            path = Path(place, name)
            if _is_junk(name):
                continue
            if os.path.islink(path):  # pathlib's would raise where a folder cannot be entered
                links.append(name)
            elif is_archive(name):
                archives.append(path)
            elif name.lower().endswith(_UNSUPPORTED):
                yield _unsupported((*trail, name))
            else:
                entries.append(_entry_of_file(path))
        for name in links:
            yield ArchiveProblem((*trail, name), "it is a symbolic link; links are not followed")
        if entries:
            yield Folder(trail, entries)
        for path in archives:
            yield from _walk_archive((*trail, path.name), path, limits)
    for error in errors:
        yield ArchiveProblem(
            (Path(error.filename or root).name,), f"cannot be opened: {error.strerror}"
        )


def _entry_of_file(path: Path) -> FileEntry:
    def read() -> bytes:
        try:
            # Not blocking: a named pipe would wait forever for a writer.
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise ArchiveError("is no ordinary file")
                return _limited(file, ArchiveLimits().file_bytes)
        except OSError as error:
            raise ArchiveError(f"cannot be read: {error.strerror}") from None

    try:
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, ValueError, OverflowError):
        modified = None
    return FileEntry(path.name, modified, read)


def _walk_archive(
    trail: tuple[str, ...],
    file: Path | io.BytesIO,
    limits: ArchiveLimits,
    *,
    depth: int = 1,
    above: _ByteBudget | None = None,
    packed: datetime | None = None,
) -> Iterator[Folder | ArchiveProblem]:
    """Yield the files in an archive; its errors become problems and do not end the walk."""
    if depth > limits.depth:
        yield ArchiveProblem(trail, f"archives are packed more than {limits.depth} deep")
        return
    try:
        size = file.stat().st_size if isinstance(file, Path) else file.getbuffer().nbytes
    except OSError as error:
        yield ArchiveProblem(trail, f"it cannot be read: {error.strerror}")
        return
    total = max(limits.file_bytes, limits.ratio * size)
    nested = above is not None
    budget = _ByteBudget(min(total, limits.nested_bytes) if nested else total, above)
    members = limits.nested_members if nested else limits.members
    try:
        opened = open_archive(trail[-1], file, count_bytes=budget.count_bytes)
        with opened.closing:
            yield from _walk_opened(trail, opened, limits, depth, budget, members, packed)
    except ArchiveError as error:
        yield ArchiveProblem(trail, f"it {error}")
    except Exception as error:
        if is_disk_failure(error):
            raise
        yield ArchiveProblem(trail, f"it cannot be read ({type(error).__name__})")


def _walk_opened(
    trail: tuple[str, ...],
    opened: Opened,
    limits: ArchiveLimits,
    depth: int,
    budget: _ByteBudget,
    limit: int,
    packed: datetime | None,
) -> Iterator[Folder | ArchiveProblem]:
    if len(opened.members) > limit:
        raise ArchiveError(f"holds more than {limit:,} files; ask for the notebooks alone")
    folders: dict[tuple[str, ...], list[FileEntry]] = {}
    archives: list[tuple[tuple[str, ...], FileEntry]] = []
    problems: Counter[str] = Counter()
    first: dict[str, str] = {}
    for name, problem, modified, read in opened.members:
        parts = _parts(name)
        if parts is None:
            problem = "its path leads out of the archive; it was left out"
        elif not parts or any(map(_is_junk, parts)):
            continue
        if problem is not None or parts is None:
            problems[str(problem)] += 1
            first.setdefault(str(problem), name)
            continue
        entry = FileEntry(parts[-1], modified, _reader(read, limits.file_bytes, budget))
        if is_archive(entry.name):
            archives.append((parts, entry))
        elif entry.name.lower().endswith(_UNSUPPORTED):
            yield _unsupported((*trail, *parts))
        else:
            folders.setdefault(parts[:-1], []).append(entry)
    for text, count in problems.items():
        more = f" (and {count - 1:,} more like it)" if count > 1 else ""
        yield ArchiveProblem((*trail, first[text]), text + more)
    if not (folders or archives or problems):
        yield ArchiveProblem(trail, "it holds no files")
    for parents, entries in folders.items():
        yield Folder((*trail, *parents), entries, packed)
    for parts, entry in archives:
        try:
            content = io.BytesIO(entry.read())
        except ArchiveError as error:
            yield ArchiveProblem((*trail, *parts), f"it {error}")
            continue
        left = budget.left
        yield from _walk_archive(
            (*trail, *parts),
            content,
            limits,
            depth=depth + 1,
            above=budget,
            packed=entry.modified if depth == 1 else packed,
        )
        if depth == 1:
            budget.left = max(budget.left, left - limits.file_bytes // _BOMBS)


def _reader(reader: Callable[[int], bytes], limit: int, budget: _ByteBudget) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            content = reader(limit + 1)
        except ArchiveError:
            raise
        except Exception as error:  # parsers raise many kinds of errors on hostile input
            raise ArchiveError(f"is damaged ({type(error).__name__})") from None
        refused = len(content) > limit
        budget.count_bytes(limit // _BOMBS if refused and budget.above is None else len(content))
        if refused:
            raise ArchiveError(f"has more than {limit // MB} MB")
        return content

    return read


def _limited(file: IO[bytes], limit: int) -> bytes:
    content = file.read(limit + 1)
    if len(content) > limit:
        raise ArchiveError(f"has more than {limit // MB} MB")
    return content


def _parts(name: str) -> tuple[str, ...] | None:
    """Split a member's name; None where it points out of the archive. Old Windows tools use \\."""
    plain = name.replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    if plain.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", plain) or "\0" in name:
        return None
    return tuple(parts)


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of files, given by name; the same files give the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return target.getvalue()
