"""Look into what came from outside: folders, zip and tar files, archives in archives.

Nothing is ever unpacked to disk, and no name from an archive becomes a path: a file is read into
memory when somebody asks for it, up to a limit that holds while it is decompressed. What cannot
be read is a `Fault`, one for each cause in an archive, and the rest of the archive is read.
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

_FOREIGN = (".7z", ".rar", ".zipx")
_JUNK = {"__MACOSX", "__pycache__", "node_modules", "site-packages", "Thumbs.db", "desktop.ini"}


class Limits(NamedTuple):
    """How much of an archive is read; bytes are those after decompression."""

    file_bytes: int = 64 * MB
    members: int = 100_000
    nested_members: int = 5_000  # in an archive inside another, which one learner made
    nested_bytes: int = 512 * MB
    ratio: int = 250  # decompressed to compressed; notebooks reach about 20
    depth: int = 3  # a class download > a learner's zip > a bundle


class Entry(NamedTuple):
    """A file that can be read; `read` raises `ArchiveError`."""

    name: str
    modified: datetime | None  # None where the archive has no date
    read: Callable[[], bytes]


class Folder(NamedTuple):
    """The files that stand together; ``trail`` has the folders and archives that lead there."""

    trail: tuple[str, ...]
    entries: list[Entry]


class Fault(NamedTuple):
    """Something that cannot be read: where, and why in words for a report."""

    trail: tuple[str, ...]
    text: str


class _Budget:
    """Bytes that an archive may still give; what is inside it takes from the same."""

    def __init__(self, left: int, above: _Budget | None = None) -> None:
        self.left, self.above = left, above

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise ArchiveError("grows out of all proportion when unpacked, as a zip bomb does")
        if self.above is not None:
            self.above.spend(count)


def walk(source: str | Path, *, limits: Limits | None = None) -> Iterator[Folder | Fault]:
    """Yield what is in a file or folder, down into archives.

    Parameters
    ----------
    source : str or Path
        A folder, an archive, or any other file.
    limits : Limits, optional
        What an archive may take.

    Yields
    ------
    Folder or Fault
        In a fixed order. A folder's entries can be read until the next one is asked for.

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
    ...     for found in walk(archive):
    ...         print(found.text if isinstance(found, Fault) else found.entries[0].read())
    its path leads out of the archive; it was left out
    b'42'
    """
    source, limits = Path(source), limits or Limits()
    if not source.exists():
        raise FileNotFoundError(f"There is no {str(source)!r} to collect from; check the name.")
    if source.is_dir():
        yield from _walk_folder(source, limits)
        return
    entry = _entry_of_file(source)
    if is_archive(source.name):
        yield from _walk_archive((source.name,), source, limits)
    elif source.name.lower().endswith(_FOREIGN):
        yield _foreign((source.name,))
    else:
        yield Folder((), [entry])


def is_archive(name: str) -> bool:
    """Return whether a file of this name is looked into."""
    return name.lower().endswith(ZIP + TAR)


def shown(trail: tuple[str, ...]) -> str:
    """Return a trail as one line that cannot upset a terminal."""
    text = "/".join(trail)
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _foreign(trail: tuple[str, ...]) -> Fault:
    return Fault(trail, "7z and rar archives are not read; unpack it, or ask for a zip")


def _is_junk(part: str) -> bool:
    return part in _JUNK or part.startswith((".", "~$"))


def _walk_folder(root: Path, limits: Limits) -> Iterator[Folder | Fault]:
    def unreadable(error: OSError) -> None:
        errors.append(error)

    errors: list[OSError] = []
    for place, folders, files in os.walk(root, onerror=unreadable):
        trail = Path(place).relative_to(root).parts
        links = [name for name in folders if Path(place, name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in links and not _is_junk(name))
        entries, archives = [], []
        for name in sorted(files):
            path = Path(place, name)
            if _is_junk(name):
                continue
            if path.is_symlink():
                links.append(name)
            elif is_archive(name):
                archives.append(path)
            elif name.lower().endswith(_FOREIGN):
                yield _foreign((*trail, name))
            else:
                entries.append(_entry_of_file(path))
        for name in links:
            yield Fault((*trail, name), "it is a symbolic link; links are not followed")
        if entries:
            yield Folder(trail, entries)
        for path in archives:
            yield from _walk_archive((*trail, path.name), path, limits)
    for error in errors:
        yield Fault((Path(error.filename or root).name,), f"cannot be opened: {error.strerror}")


def _entry_of_file(path: Path) -> Entry:
    def read() -> bytes:
        try:
            # Not blocking: a named pipe would wait for a writer for ever.
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise ArchiveError("is no ordinary file")
                return _limited(file, Limits().file_bytes)
        except OSError as error:
            raise ArchiveError(f"cannot be read: {error.strerror}") from None

    try:
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, ValueError, OverflowError):
        modified = None
    return Entry(path.name, modified, read)


def _walk_archive(
    trail: tuple[str, ...],
    file: Path | io.BytesIO,
    limits: Limits,
    *,
    depth: int = 1,
    above: _Budget | None = None,
) -> Iterator[Folder | Fault]:
    """Yield what an archive holds; whatever is wrong with it stays with it."""
    if depth > limits.depth:
        yield Fault(trail, f"archives are packed more than {limits.depth} deep")
        return
    size = file.stat().st_size if isinstance(file, Path) else file.getbuffer().nbytes
    total = max(limits.file_bytes, limits.ratio * size)
    nested = above is not None
    budget = _Budget(min(total, limits.nested_bytes) if nested else total, above)
    members = limits.nested_members if nested else limits.members
    try:
        opened = open_archive(trail[-1], file, spend=budget.spend)
        with opened.closing:
            yield from _walk_opened(trail, opened, limits, depth, budget, members)
    except ArchiveError as error:
        yield Fault(trail, f"it {error}")


def _walk_opened(
    trail: tuple[str, ...],
    opened: Opened,
    limits: Limits,
    depth: int,
    budget: _Budget,
    most: int,
) -> Iterator[Folder | Fault]:
    if len(opened.members) > most:
        raise ArchiveError(f"holds more than {most:,} files; ask for the notebooks alone")
    folders: dict[tuple[str, ...], list[Entry]] = {}
    archives: list[tuple[tuple[str, ...], Entry]] = []
    faults: Counter[str] = Counter()
    first: dict[str, str] = {}
    for name, fault, modified, read in opened.members:
        parts = _parts(name)
        if parts is None:
            fault = "its path leads out of the archive; it was left out"
        elif not parts or any(map(_is_junk, parts)):
            continue
        if fault is not None or parts is None:
            faults[str(fault)] += 1
            first.setdefault(str(fault), name)
            continue
        entry = Entry(parts[-1], modified, _reader(read, limits.file_bytes, budget))
        if is_archive(entry.name):
            archives.append((parts, entry))
        elif entry.name.lower().endswith(_FOREIGN):
            yield _foreign((*trail, *parts))
        else:
            folders.setdefault(parts[:-1], []).append(entry)
    for text, count in faults.items():
        more = f" (and {count - 1:,} more like it)" if count > 1 else ""
        yield Fault((*trail, first[text]), text + more)
    if not (folders or archives or faults):
        yield Fault(trail, "it holds no files")
    for parents, entries in folders.items():
        yield Folder((*trail, *parents), entries)
    for parts, entry in archives:
        try:
            content = io.BytesIO(entry.read())
        except ArchiveError as error:
            yield Fault((*trail, *parts), f"it {error}")
            continue
        yield from _walk_archive((*trail, *parts), content, limits, depth=depth + 1, above=budget)


def _reader(reader: Callable[[int], bytes], most: int, budget: _Budget) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            content = reader(most + 1)
        except ArchiveError:
            raise
        except Exception as error:  # parsers of hostile input fail in every way
            raise ArchiveError(f"is damaged ({type(error).__name__})") from None
        budget.spend(len(content))
        if len(content) > most:
            raise ArchiveError(f"has more than {most // MB} MB")
        return content

    return read


def _limited(file: IO[bytes], most: int) -> bytes:
    content = file.read(most + 1)
    if len(content) > most:
        raise ArchiveError(f"has more than {most // MB} MB")
    return content


def _parts(name: str) -> tuple[str, ...] | None:
    """Split a member's name; None where it points out of the archive. Old Windows tools use \\."""
    plain = name.replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    if plain.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", plain) or "\0" in name:
        return None
    return tuple(parts)


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return a zip; the same files give the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return target.getvalue()
