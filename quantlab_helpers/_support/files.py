"""The cache folder of the package, atomic writing of files, and what a failing disk raises."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import platformdirs

_DISK_FAILURES = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


def cache_folder() -> Path:
    """Return the user's cache folder for this package; users may delete it at any time."""
    return Path(platformdirs.user_cache_dir("quantlab", appauthor=False))


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path` in one step: readers never see a partial file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=".partial-")  # fits any name
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(partial, 0o644)  # mkstemp's 0600 would hide it from others in a shared folder
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def is_disk_failure(error: BaseException) -> bool:
    """Return whether an error says that a disk is full, read-only or broken."""
    return isinstance(error, OSError) and error.errno in _DISK_FAILURES
