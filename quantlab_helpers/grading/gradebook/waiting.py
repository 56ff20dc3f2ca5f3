"""Wait while another program has the gradebook's file locked, and tell the user once.

What SQLite says of a disk becomes the system's own error, so that it is told from other failures.
"""

from __future__ import annotations

import errno
import sqlite3
import time
from collections.abc import Callable
from typing import Any, Self, TypeVar

from sqlalchemy import event
from sqlalchemy.engine import Engine

from ..._support.progress import say
from .lock import Busy

LOCKED_SECONDS = 60.0  # to wait, each time that the file is found locked
_QUIET_SECONDS = 1.0  # of them without a message: formgrader's writes are shorter
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
_DISK_ERRORS = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_IOERR: errno.EIO,
}
_USERS = "such as formgrader, an nbgrader command or a database viewer"
_Answer = TypeVar("_Answer")


def wait_while_locked(path: str, action: Callable[[], _Answer]) -> _Answer:
    """Return what an action returns; repeat it while a gradebook's file is locked.

    Parameters
    ----------
    path : str
        The file, for the messages.
    action : callable
        What reads or writes it; it may run many times.

    Raises
    ------
    Busy
        If the file is locked for longer than `LOCKED_SECONDS`.
    OSError
        If its disk is full, read-only or broken.
    """
    start, told = time.monotonic(), False
    while True:
        try:
            return action()
        except Exception as error:
            code = _sqlite_code(error)
            if code in _DISK_ERRORS:
                raise OSError(_DISK_ERRORS[code], str(error), path) from error
            if code not in _LOCKED:
                raise
            cause = error
        waited = time.monotonic() - start
        if waited >= LOCKED_SECONDS:
            raise Busy(
                f"The gradebook {path!r} has been locked for {waited:.0f} seconds by another "
                f"program, {_USERS}; close it, or wait until it has finished, and run the same "
                "command again."
            ) from cause
        if not told and waited >= min(_QUIET_SECONDS, LOCKED_SECONDS / 2):
            say(
                f"The gradebook {path!r} is locked by another program, {_USERS}; waiting for it "
                f"for up to {LOCKED_SECONDS:.0f} seconds."
            )
            told = True
        time.sleep(min(0.1, LOCKED_SECONDS / 10))


def make_patient(engine: Engine) -> None:
    """Let the connections that an engine will make to a file of SQLite wait while it is locked."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", _use_patient_connection)


def _use_patient_connection(_: Any, __: Any, ___: Any, options: dict[str, Any]) -> None:
    options |= {"factory": _PatientConnection, "timeout": 0}


class _PatientConnection(sqlite3.Connection):
    """A connection whose statements and commits wait while the file is locked."""

    def __init__(self, path: str, *arguments: Any, **options: Any) -> None:
        super().__init__(path, *arguments, **options)
        self.path = path

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or _PatientCursor)

    def commit(self) -> None:
        wait_while_locked(self.path, super().commit)


class _PatientCursor(sqlite3.Cursor):
    connection: _PatientConnection

    def execute(self, *arguments: Any) -> Self:
        execute = super().execute
        return wait_while_locked(self.connection.path, lambda: execute(*arguments))

    def executemany(self, *arguments: Any) -> Self:
        execute = super().executemany
        return wait_while_locked(self.connection.path, lambda: execute(*arguments))


def _sqlite_code(error: BaseException | None) -> int:
    """Return SQLite's number of an error, or of the one that it stands for; 0 without one."""
    while error is not None and not isinstance(error, sqlite3.Error):
        error = error.__cause__ or error.__context__  # of SQLAlchemy or nbgrader
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
