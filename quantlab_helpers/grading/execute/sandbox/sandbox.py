"""Start a process that can harm nothing: the ladder of isolation, its limits, its pipes.

    bubblewrap  own namespaces, the system read-only, no network, files in memory only
    prlimit     limits of the kernel and a folder of its own, nothing more

`warden` runs beside the jail and ends it; `kernel` runs in it. Both are programs of their own.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import resource
import secrets
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from ...records import Limits
from .bubblewrap import bubblewrap, environment, is_root, readable

LEVELS = ("bubblewrap", "prlimit")  # the better one first
_HERE = Path(__file__).parent
_MARK = "QUANTLAB_JAIL"  # in the environment of all that runs in a jail
_LONGEST_LINE = 4 * 2**20  # of what the kernel says; more is not from it
_FIRST_UID = 1_800_000_000  # where no system hands out user numbers
_uids = itertools.count()


class NoIsolation(RuntimeError):
    """The isolation that was asked for cannot be had on this machine."""


class Event(NamedTuple):
    """What comes out of a jail: "reply", "text", "interrupted", "ended", or "forged"."""

    kind: str
    value: Any


def isolation(wanted: str = "auto") -> str:
    """Return the level of isolation that submissions get on this machine.

    Parameters
    ----------
    wanted : {"auto", "bubblewrap", "prlimit"}
        "auto" takes the best there is; a level by name is given or refused.

    Returns
    -------
    {"bubblewrap", "prlimit"}

    Raises
    ------
    ValueError
        If `wanted` is none of these.
    NoIsolation
        If it cannot be had.

    Examples
    --------
    >>> isolation("prlimit")
    'prlimit'
    """
    if wanted not in ("auto", *LEVELS):
        raise ValueError(f"`wanted` must be auto, bubblewrap or prlimit, got {wanted!r}.")
    if wanted == "prlimit":
        return wanted
    reason = why_no_bubblewrap()
    if reason is None:
        return "bubblewrap"
    if wanted == "bubblewrap":
        raise NoIsolation(
            f"Submissions cannot be isolated with bubblewrap: {reason}. Install it, for example "
            "with: apt install bubblewrap; or grade without it: --isolation prlimit"
        )
    return "prlimit"


@functools.cache
def why_no_bubblewrap() -> str | None:
    """Return why bubblewrap cannot be used here, None where it can; tried once."""
    if shutil.which("bwrap") is None:
        return "the program bwrap is not installed"
    become = f"os.setresuid({_FIRST_UID}, {_FIRST_UID}, {_FIRST_UID}); " if is_root() else ""
    code = f"import os; {become}import IPython; open('/tmp/file', 'x'); os.stat({str(_HERE)!r})"
    command = [*bubblewrap(Limits()), sys.executable, "-c", code]
    try:
        tried = subprocess.run(
            command, env=environment(), capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"it does not start ({error})"
    if tried.returncode:
        lines = tried.stderr.strip().splitlines() or [f"exit status {tried.returncode}"]
        return f"it does not work here ({lines[-1]})"
    return None


class Jail:
    """A running jail with a kernel in it, and the pipes to talk to it.

    Parameters
    ----------
    level : {"bubblewrap", "prlimit"}
        As `isolation` gave it.
    limits : Limits
        What it may take.
    """

    def __init__(self, level: str, limits: Limits) -> None:
        ours, theirs = {}, {}
        for name, outwards in [("control", False), ("requests", False), ("status", True)]:
            ours[name], theirs[name] = _pipe(outwards)
        for name in ("replies", "output"):
            ours[name], theirs[name] = _pipe(True)
        uid = _throwaway_uid(level)
        self._scratch = tempfile.mkdtemp(prefix="quantlab-") if level == "prlimit" else ""
        mark = secrets.token_hex(8)
        plan = {
            **theirs,
            "uid": uid,
            "command": _command(level, limits, uid, theirs),
            "environment": environment() | {_MARK: mark},
            "limits": _rlimits(limits, uid),
            "memory": limits.memory_bytes,
            "processes": limits.processes + 2,  # bubblewrap's own
            "files": 4 * limits.file_bytes,
            "scratch": self._scratch,
        }
        try:
            self._warden = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_HERE / "supervisor.py"), json.dumps(plan)],
                pass_fds=list(theirs.values()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the coordinator
            )
        except BaseException:
            for descriptor in ours.values():
                os.close(descriptor)
            raise
        finally:
            for descriptor in theirs.values():
                os.close(descriptor)
        self._ours, self._mark = ours, mark
        self._line = b""
        self._selector = selectors.DefaultSelector()
        for name in ("replies", "output", "status"):
            os.set_blocking(ours[name], False)
            self._selector.register(ours[name], selectors.EVENT_READ, name)
        os.set_blocking(ours["requests"], False)

    def send(self, *requests: dict[str, Any], deadline: float) -> bool:
        """Hand requests to the kernel; False if it does not take them before the deadline."""
        content = b""
        for request in requests:
            text = json.dumps(request).encode()
            content += b"%08x" % len(text) + text
        view = memoryview(content)
        pipe = self._ours["requests"]
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_WRITE)
            while view:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    return False
                try:
                    view = view[os.write(pipe, view) :]
                except BrokenPipeError:
                    return False
        return True

    def events(self, deadline: float) -> Iterator[Event]:
        """Yield what comes out of the jail until the deadline, or its end."""
        while True:
            left = deadline - time.monotonic()
            ready = self._selector.select(left) if left > 0 else []
            if not ready:
                return
            ended = None
            for key, _ in ready:
                content = os.read(key.fd, 65536)
                if key.data == "output" and content:
                    yield Event("text", content)
                elif key.data == "replies" and content:
                    yield from self._replies(content)
                elif key.data == "status":
                    told = [json.loads(line) for line in content.splitlines()]
                    told = told or [{"ended": "lost"}]  # the warden itself is gone
                    ended = told[-1] if told[-1]["ended"] else None
                    if told[0]["ended"] is None:
                        yield Event("interrupted", None)
                else:
                    self._selector.unregister(key.fd)
            if ended is not None:
                yield from self._rest()
                yield Event("ended", ended)
                return

    def _rest(self) -> Iterator[Event]:
        """Yield what the dead left in the pipes."""
        for name in ("output", "replies"):
            try:
                while content := os.read(self._ours[name], 65536):
                    if name == "output":
                        yield Event("text", content)
                    else:
                        yield from self._replies(content)
            except BlockingIOError:
                continue

    def _replies(self, content: bytes) -> Iterator[Event]:
        *lines, self._line = (self._line + content).split(b"\n")
        for line in lines:
            try:
                reply = json.loads(line)
            except (ValueError, RecursionError):
                reply = None
            if isinstance(reply, dict):
                yield Event("reply", reply)
            else:
                yield Event("forged", None)
        if len(self._line) > _LONGEST_LINE:
            self._line = b""
            yield Event("forged", None)

    def interrupt(self) -> None:
        """Ask the running cell to stop, as Ctrl-C does."""
        with contextlib.suppress(OSError):
            os.write(self._ours["control"], b"i")

    def stop(self) -> None:
        """End every process of the jail and wait until none is left."""
        if not self._ours:
            return
        self._selector.close()
        os.close(self._ours.pop("control"))
        try:
            self._warden.wait(30)
        except subprocess.TimeoutExpired:
            self._warden.kill()
        if self._warden.wait() < 0:  # killed: outside of bubblewrap a submission can do that
            self._sweep()
        for descriptor in self._ours.values():
            os.close(descriptor)
        self._ours = {}

    def _sweep(self) -> None:
        """Do what the warden does at the end, as far as that can be done without it."""
        word = f"{_MARK}={self._mark}".encode()
        for entry in os.scandir("/proc"):
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and word in Path(entry.path, "environ").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
        if self._scratch:
            subprocess.run(["rm", "-rf", self._scratch], capture_output=True)


def _command(level: str, limits: Limits, uid: int, pipes: dict[str, int]) -> list[str]:
    """Return the command that runs the kernel; in a jail of root it changes user by itself."""
    options = {
        "requests": pipes["requests"],
        "replies": pipes["replies"],
        "uid": uid if level == "bubblewrap" else 0,
        "output_bytes": limits.cell_output_bytes,
        "offline": level != "bubblewrap",
        "package": str(Path(str(files("quantlab_helpers"))).parent),
    }
    kernel = [sys.executable, "-P", str(_HERE / "kernel.py"), json.dumps(options)]
    return [*bubblewrap(limits), *kernel] if level == "bubblewrap" else kernel


def _rlimits(limits: Limits, uid: int) -> dict[str, int]:
    """Return the kernel's limits; a user's processes outside of the jail count as well."""
    others = 0 if uid else _threads_of(os.getuid())
    wanted = {
        "RLIMIT_DATA": limits.memory_bytes,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_NPROC": limits.processes + others + 8,
        "RLIMIT_CPU": int(limits.submission_seconds) + 60,
        "RLIMIT_NOFILE": 1024,
        "RLIMIT_CORE": 0,
    }
    for name, value in wanted.items():
        _, most = resource.getrlimit(getattr(resource, name))
        if most != resource.RLIM_INFINITY:
            wanted[name] = min(value, most)
    return wanted


def _throwaway_uid(level: str) -> int:
    """Return a user number that nobody has, 0 where the user stays the one who grades."""
    if not is_root():
        return 0
    paths = () if level == "bubblewrap" else readable()
    folders = {folder for path in paths for folder in [Path(path), *Path(path).parents]}
    if all(folder.stat().st_mode & 0o001 for folder in folders if folder.is_dir()):
        # Grading forks its workers, which count from the same number.
        return _FIRST_UID + (os.getpid() % 10_000 * 10_000 + next(_uids)) % 100_000_000
    return 0


def _threads_of(uid: int) -> int:
    total = 0
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and entry.stat().st_uid == uid:
                total += len(os.listdir(f"/proc/{entry.name}/task"))
        except OSError:
            continue
    return total


def _pipe(outwards: bool) -> tuple[int, int]:
    """Return (our end, the jail's end) of a new pipe."""
    reads, writes = os.pipe()
    return (reads, writes) if outwards else (writes, reads)
