"""Let one process at a time write: a lock file that the system releases when a process dies."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout


class Busy(OSError):
    """Another process is grading in the same course folder, or has the gradebook locked."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file; a file beside it says which process does.

    Parameters
    ----------
    path : Path
        The lock file.

    Raises
    ------
    Busy
        If another process holds it; the message says which.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    owner = path.with_name(f"{path.name}.json")
    try:
        lock = FileLock(path).acquire(blocking=False)
    except Timeout:
        raise Busy(
            f"{_describe(owner)} is grading in this folder; wait until it has ended."
        ) from None
    with lock:
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        process = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        owner.write_text(json.dumps(process), encoding="utf-8")
        yield


def _describe(owner: Path) -> str:
    """Return the sentence's subject: the process that holds the lock."""
    try:
        process = json.loads(owner.read_text(encoding="utf-8"))
        return f"Process {process['pid']} on {process['host']} (since {process['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "Another process"
