"""The cache folder of the package, and atomic writing of files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Return the user's cache folder for this package; users may delete it at any time."""
    return Path(platformdirs.user_cache_dir("quantlab", appauthor=False))


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path` in one step: readers never see a partial file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(partial, 0o644)  # mkstemp's 0600 would hide it from others in a shared folder
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
