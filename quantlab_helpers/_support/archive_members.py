"""List the members of a zip or tar file, each with a function that reads it into memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple, cast

from .files import is_disk_failure

ZIP = (".zip",)
TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
MB = 2**20
_SPECIAL = "it is a symbolic link or another special file; it was left out"


class ArchiveError(ValueError):
    """A file that cannot be read; the message is a clause whose subject is "it"."""


class Member(NamedTuple):
    """One file of an archive; ``read`` takes the largest number of bytes to return."""

    name: str  # as in the archive; untrusted
    problem: str | None  # why it must not be read
    modified: datetime | None  # None if the archive has no date
    read: Callable[[int], bytes]


class Opened(NamedTuple):
    """An open archive; exit ``closing`` after reading its members."""

    closing: AbstractContextManager[object]
    members: list[Member]


def open_archive(
    name: str, file: Path | io.BytesIO, *, count_bytes: Callable[[int], None]
) -> Opened:
    """List the members of an archive.

    Parameters
    ----------
    name : str
        Its suffix distinguishes zip from tar.
    file : Path or BytesIO
        The archive.
    count_bytes : callable
        Called with the number of bytes decompressed from a tar; raises `ArchiveError` to stop.

    Returns
    -------
    Opened
        Files and special files in the archive's order, without folders.

    Raises
    ------
    ArchiveError
        If it is damaged or no such archive, or if `count_bytes` raises it.
    """
    try:
        return _open_zip(file) if name.lower().endswith(ZIP) else _open_tar(file, count_bytes)
    except ArchiveError:
        raise
    except Exception as error:  # parsers raise many kinds of errors on hostile input
        if is_disk_failure(error):  # of the temporary folder, for example
            raise
        if isinstance(error, PermissionError):
            raise ArchiveError(f"cannot be read: {error.strerror}") from None
        raise ArchiveError("is damaged, or no archive; ask for it again") from None


def _open_zip(file: Path | io.BytesIO) -> Opened:
    archive = zipfile.ZipFile(file)

    def reader(info: zipfile.ZipInfo) -> Callable[[int], bytes]:
        def read(most: int) -> bytes:
            with archive.open(info) as member:
                return member.read(most)

        return read

    members = []
    for info in archive.infolist():
        problem = None
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            problem = _SPECIAL
        elif info.flag_bits & 0x1:
            problem = "it is encrypted; ask for it without a password"
        if not info.is_dir():
            members.append(Member(info.filename, problem, _zip_date(info), reader(info)))
    return Opened(archive, members)


def _zip_date(info: zipfile.ZipInfo) -> datetime | None:
    """Return the time of a member's last change: in UTC if the zip gives it, else in local time."""
    extra = info.extra
    try:
        while len(extra) >= 4:
            kind, length = struct.unpack_from("<HH", extra)
            if kind == 0x5455 and length >= 5 and len(extra) >= 9 and extra[4] & 1:
                return datetime.fromtimestamp(struct.unpack_from("<i", extra, 5)[0], UTC)
            extra = extra[4 + length :]
        made = datetime(*info.date_time)
        return None if made.year == 1980 else made.astimezone(UTC)  # 1980: a zip without a date
    except (ValueError, OverflowError, OSError):
        return None


def _open_tar(file: Path | io.BytesIO, count_bytes: Callable[[int], None]) -> Opened:
    # Decompressed once, and only as far as allowed: a tar has no list of contents at one place.
    with ExitStack() as stack:
        plain = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=64 * MB))
        with ExitStack() as sources:
            stream = _decompressed(file, sources)
            while block := stream.read(MB):
                count_bytes(len(block))
                plain.write(block)
        plain.seek(0)
        archive = stack.enter_context(tarfile.open(fileobj=plain, mode="r:"))
        members = [_tar_member(archive, info) for info in archive.getmembers() if not info.isdir()]
        return Opened(stack.pop_all(), members)


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    def read(most: int) -> bytes:
        member = archive.extractfile(info)
        assert member is not None, "links and folders are left out"
        return member.read(most)

    ordinary = info.isreg() and not info.issparse()
    date = datetime.fromtimestamp(info.mtime, UTC) if 0 < info.mtime < 2**32 else None
    return Member(info.name, None if ordinary else _SPECIAL, date, read)


def _decompressed(file: Path | io.BytesIO, stack: ExitStack) -> IO[bytes]:
    """Return the stream inside gzip, bzip2 or xz, by its first bytes."""
    raw: IO[bytes] = stack.enter_context(file.open("rb")) if isinstance(file, Path) else file
    start = raw.read(6)
    raw.seek(0)
    if start.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", stack.enter_context(gzip.open(raw)))
    if start.startswith(b"BZh"):
        return stack.enter_context(bz2.open(raw))
    return stack.enter_context(lzma.open(raw)) if start == b"\xfd7zXZ\0" else raw
