"""The members of one zip or tar file, each with a reader; nothing is unpacked to disk by name."""

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

ZIP = (".zip",)
TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
MB = 2**20
_SPECIAL = "it is a symbolic link or another special file; it was left out"


class ArchiveError(ValueError):
    """A file that cannot be read; the message goes on after "it"."""


class Member(NamedTuple):
    """One file of an archive; ``read`` takes the most bytes that are wanted."""

    name: str  # as it stands in the archive, not to be trusted
    fault: str | None  # why it is not to be read
    modified: datetime | None  # None where the archive has no date
    read: Callable[[int], bytes]


class Opened(NamedTuple):
    """An open archive; leave ``closing`` when its members have been read."""

    closing: AbstractContextManager[object]
    members: list[Member]


def open_archive(name: str, file: Path | io.BytesIO, *, spend: Callable[[int], None]) -> Opened:
    """List the members of an archive.

    Parameters
    ----------
    name : str
        Tells zip from tar by its ending.
    file : Path or BytesIO
        The archive.
    spend : callable
        Told how many bytes a compressed tar has given; raises `ArchiveError` to stop it.

    Returns
    -------
    Opened
        Files and special files in the archive's order, without folders.

    Raises
    ------
    ArchiveError
        If it is damaged, is no such archive, or `spend` has had enough.
    """
    try:
        return _open_zip(file) if name.lower().endswith(ZIP) else _open_tar(file, spend)
    except ArchiveError:
        raise
    except Exception:  # parsers of hostile input fail in every way
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
        fault = None
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            fault = _SPECIAL
        elif info.flag_bits & 0x1:
            fault = "it is encrypted; ask for it without a password"
        if not info.is_dir():
            members.append(Member(info.filename, fault, _zip_date(info), reader(info)))
    return Opened(archive, members)


def _zip_date(info: zipfile.ZipInfo) -> datetime | None:
    """Return when a member was last changed: in UTC where the zip says so, else in local time."""
    extra = info.extra
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == 0x5455 and length >= 5 and len(extra) >= 9 and extra[4] & 1:
            return datetime.fromtimestamp(struct.unpack_from("<i", extra, 5)[0], UTC)
        extra = extra[4 + length :]
    try:
        made = datetime(*info.date_time)
        return None if made.year == 1980 else made.astimezone(UTC)  # 1980: no date was known
    except (ValueError, OverflowError, OSError):
        return None


def _open_tar(file: Path | io.BytesIO, spend: Callable[[int], None]) -> Opened:
    # Decompressed once, and only as far as allowed: a tar's list of contents is spread over it.
    with ExitStack() as stack:
        plain = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=64 * MB))
        with ExitStack() as sources:
            stream = _decompressed(file, sources)
            while block := stream.read(MB):
                spend(len(block))
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
