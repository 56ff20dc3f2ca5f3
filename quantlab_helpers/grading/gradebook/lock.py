"""One writer at a time: a lock that no dead process can hold."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path


class Busy(OSError):
    """Another process is grading in the same course folder."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file; it is the system that lets go of it when a process dies.

    Parameters
    ----------
    path : Path
        The file; it is made, and stays.

    Raises
    ------
    Busy
        If another process holds it; the message says which.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            who = _who(file.read())
            raise Busy(f"{who} is grading in this folder; wait until it has ended.") from None
        file.seek(0)
        file.truncate()
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        json.dump({"pid": os.getpid(), "host": socket.gethostname(), "since": since}, file)
        file.flush()
        yield


def _who(text: str) -> str:
    try:
        told = json.loads(text)
        return f"Process {told['pid']} on {told['host']} (since {told['since']})"
    except (ValueError, KeyError, TypeError):
        return "Another process"
