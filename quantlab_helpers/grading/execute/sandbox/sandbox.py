"""Start a sandboxed process at the best isolation level available, with limits and pipes.

    bubblewrap  own namespaces, system files read-only, no network, files in memory only
    prlimit     resource limits and a temporary folder, nothing more

`supervisor.py` starts and ends the sandbox. In it runs `kernel.py`, the cells of a submission, or
`judge.py`, the tests. All three are programs of their own.
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
from collections import deque
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from ...records import Limits
from .bubblewrap import bubblewrap_command, is_root, readable_paths, sandbox_environment
from .protocol import decode_line, encode_message
from .refused_calls import filter_program

LEVELS = ("bubblewrap", "prlimit")  # best first
_FOLDER = Path(__file__).parent
_PROGRAMS = {
    "kernel": _FOLDER / "kernel.py",
    "judge": _FOLDER.parent.parent / "judge" / "judge.py",
}
_MARK_VARIABLE = "QUANTLAB_SANDBOX"  # in the environment of all processes of a sandbox
_MAX_REPLY_BYTES = 4 * 2**20  # of a kernel's message that is read here
_MAX_VALUE_BYTES = 100 * 2**20  # of the judge's, and of one with a value, passed on unread
_VALUES = (b'{"op": "returned"', b'{"op": "named"', b'{"op": "callback"')
_FIRST_UID = 1_800_000_000  # above the user ids that systems assign
_uids = itertools.count()


class NoIsolation(RuntimeError):
    """The requested isolation is not available on this machine."""


class Event(NamedTuple):
    """An event of a sandbox: "reply", "value", "text", "interrupted", "ended" or "forged".

    A "value" is the bytes of a message for the judge, not decoded.
    """

    kind: str
    value: Any


def choose_isolation(isolation: str = "auto") -> str:
    """Return the level of isolation that submissions get on this machine.

    Parameters
    ----------
    isolation : {"auto", "bubblewrap", "prlimit"}
        "auto" selects the best available level; a level by name is used or refused.

    Returns
    -------
    {"bubblewrap", "prlimit"}

    Raises
    ------
    ValueError
        If `isolation` is another value.
    NoIsolation
        If the requested level is not available.

    Examples
    --------
    >>> choose_isolation("prlimit")
    'prlimit'
    """
    if isolation not in ("auto", *LEVELS):
        raise ValueError(f"`isolation` must be auto, bubblewrap or prlimit, got {isolation!r}.")
    if isolation == "prlimit":
        return isolation
    reason = why_no_bubblewrap()
    if reason is None:
        return "bubblewrap"
    if isolation == "bubblewrap":
        raise NoIsolation(
            f"Submissions cannot be isolated with bubblewrap: {reason}. Install it, for example "
            "with: apt install bubblewrap; or grade without it: --isolation prlimit"
        )
    return "prlimit"


@functools.cache
def why_no_bubblewrap() -> str | None:
    """Return the reason why bubblewrap cannot be used, None if it can; tried once."""
    if shutil.which("bwrap") is None:
        return "the program bwrap is not installed"
    set_user = f"os.setresuid({_FIRST_UID}, {_FIRST_UID}, {_FIRST_UID}); " if is_root() else ""
    code = f"import os; {set_user}import IPython; open('/tmp/file', 'x'); os.stat({str(_FOLDER)!r})"
    program, *options = bubblewrap_command(Limits())
    if refused_calls := filter_program():
        options = ["--seccomp", "0", *options]
    command = [program, *options, sys.executable, "-c", code]
    try:
        trial = subprocess.run(
            command, input=refused_calls, env=sandbox_environment(), capture_output=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"it does not start ({error})"
    if trial.returncode:
        text = trial.stderr.decode(errors="replace")
        lines = text.strip().splitlines() or [f"exit status {trial.returncode}"]
        return f"it does not work here ({lines[-1]})"
    return None


class Sandbox:
    """A running sandbox with the kernel or the judge, and the pipes to communicate with it.

    Parameters
    ----------
    level : {"bubblewrap", "prlimit"}
        From `choose_isolation`.
    limits : Limits
        Limits on memory, processes, files and outputs.
    program : {"kernel", "judge"}
        What runs in it. Only the judge finds the solutions of the checks.
    """

    def __init__(self, level: str, limits: Limits, program: str = "kernel") -> None:
        grader_ends, sandbox_ends = {}, {}
        for name, to_grader in [("control", False), ("requests", False), ("status", True)]:
            grader_ends[name], sandbox_ends[name] = _pipe(to_grader)
        for name in ("replies", "output"):
            grader_ends[name], sandbox_ends[name] = _pipe(True)
        uid = _unused_uid(level)
        self._scratch = tempfile.mkdtemp(prefix="quantlab-") if level == "prlimit" else ""
        mark = secrets.token_hex(8)
        plan = {
            **sandbox_ends,
            "uid": uid,
            "command": _command(program, level, limits, uid, sandbox_ends),
            "environment": sandbox_environment(program) | {_MARK_VARIABLE: mark},
            "limits": _resource_limits(limits, uid),
            "refused_calls": filter_program().hex(),
            "memory": limits.memory_bytes,
            "processes": limits.processes + 2,  # two of bubblewrap
            "files": 4 * limits.file_bytes,
            "scratch": self._scratch,
        }
        try:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_FOLDER / "supervisor.py"), json.dumps(plan)],
                pass_fds=list(sandbox_ends.values()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C must not reach it
            )
        except BaseException:
            for descriptor in grader_ends.values():
                os.close(descriptor)
            raise
        finally:
            for descriptor in sandbox_ends.values():
                os.close(descriptor)
        self._pipes, self._mark = grader_ends, mark
        self._incomplete_line: list[bytes] = []
        self._pending, self._is_judge = deque[Event](), program == "judge"
        self._has_ended = False
        self._selector = selectors.DefaultSelector()
        for name in ("replies", "output", "status"):
            os.set_blocking(grader_ends[name], False)
            self._selector.register(grader_ends[name], selectors.EVENT_READ, name)
        os.set_blocking(grader_ends["requests"], False)

    def send(self, *requests: dict[str, Any], deadline: float) -> bool:
        """Send requests to the kernel; return False if it does not read them in time."""
        return self.send_bytes(b"".join(map(encode_message, requests)), deadline=deadline)

    def send_bytes(self, content: bytes, *, deadline: float) -> bool:
        """Send encoded messages; return False if they are not read in time."""
        view, pipe = memoryview(content), self._pipes.get("requests")
        if pipe is None:
            return False
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
        """Yield the events of the sandbox until the deadline or its end."""
        while True:
            while self._pending:
                yield self._pending.popleft()
            left = deadline - time.monotonic()
            ready = self._selector.select(left) if left > 0 and not self._has_ended else []
            if not ready:
                return
            for key, _ in ready:
                content = os.read(key.fd, 2**20)
                if key.data == "output" and content:
                    self._pending.append(Event("text", content))
                elif key.data == "replies" and content:
                    self._pending.extend(self._reply_events(content))
                elif key.data == "status":
                    self._pending.extend(self._status_events(content))
                else:
                    self._selector.unregister(key.fd)

    def _status_events(self, content: bytes) -> Iterator[Event]:
        """Yield an interrupt or the end, after the output still buffered in the pipes."""
        lines = content.split(b"\n")[:-1]
        for status in [*map(decode_line, lines)] or [{"ended": "lost"}]:  # no supervisor
            if status["ended"] is None:
                yield Event("interrupted", None)
            elif not self._has_ended:
                self._has_ended = True
                yield from self._remaining_events()
                yield Event("ended", status)

    def _remaining_events(self) -> Iterator[Event]:
        for name in ("output", "replies"):
            try:
                while content := os.read(self._pipes[name], 2**20):
                    if name == "output":
                        yield Event("text", content)
                    else:
                        yield from self._reply_events(content)
            except BlockingIOError:
                continue

    def _reply_events(self, content: bytes) -> Iterator[Event]:
        *ends, rest = content.split(b"\n")
        for end in ends:
            line = b"".join([*self._incomplete_line, end])
            self._incomplete_line = []
            if line.startswith(_VALUES):
                yield Event("value", line)
            else:
                reply = decode_line(line)
                yield Event("reply", reply) if isinstance(reply, dict) else Event("forged", None)
        if not rest:
            return
        self._incomplete_line.append(rest)
        head = b"".join(self._incomplete_line[:20])[:30]  # a chunk may be a single byte
        may_be_long = self._is_judge or head.startswith(_VALUES)
        most = _MAX_VALUE_BYTES if may_be_long else _MAX_REPLY_BYTES
        if sum(map(len, self._incomplete_line)) > most:
            self._incomplete_line = []
            yield Event("forged", None)

    def interrupt(self) -> None:
        """Interrupt the running cell, as Ctrl-C does."""
        with contextlib.suppress(OSError):
            os.write(self._pipes["control"], b"i")

    def stop(self) -> None:
        """Kill every process of the sandbox and wait until none is left."""
        if not self._pipes:
            return
        self._selector.close()
        os.close(self._pipes.pop("control"))
        try:
            self._supervisor.wait(30)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
        if self._supervisor.wait() < 0:  # killed by a submission that runs without bubblewrap
            self._kill_marked_processes()
        for descriptor in self._pipes.values():
            os.close(descriptor)
        self._pipes = {}

    def _kill_marked_processes(self) -> None:
        """Kill the processes that have the sandbox's mark in their environment, and clean up."""
        variable = f"{_MARK_VARIABLE}={self._mark}".encode()
        for entry in os.scandir("/proc"):
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and variable in Path(entry.path, "environ").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
        if self._scratch:
            subprocess.run(["rm", "-rf", self._scratch], capture_output=True)


def _command(
    program: str, level: str, limits: Limits, uid: int, pipes: dict[str, int]
) -> list[str]:
    """Return the command that runs a program; as root in bubblewrap, it changes user by itself."""
    options = {
        "requests": pipes["requests"],
        "replies": pipes["replies"],
        "uid": uid if level == "bubblewrap" else 0,
        "output_bytes": limits.cell_output_bytes,
        "offline": level != "bubblewrap",
        "package": str(Path(str(files("quantlab_helpers"))).parent),
    }
    command = [sys.executable, "-P", str(_PROGRAMS[program]), json.dumps(options)]
    return [*bubblewrap_command(limits, program), *command] if level == "bubblewrap" else command


def _resource_limits(limits: Limits, uid: int) -> dict[str, int]:
    """Return the kernel's resource limits; RLIMIT_NPROC includes the user's other processes."""
    others = 0 if uid else _count_threads(os.getuid())
    values = {
        "RLIMIT_DATA": limits.memory_bytes,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_NPROC": limits.processes + others + 8,
        "RLIMIT_CPU": int(limits.submission_seconds) + 60,
        "RLIMIT_NOFILE": 1024,
        "RLIMIT_CORE": 0,
    }
    for name, value in values.items():
        _, hard_limit = resource.getrlimit(getattr(resource, name))
        if hard_limit != resource.RLIM_INFINITY:
            values[name] = min(value, hard_limit)
    return values


def _unused_uid(level: str) -> int:
    """Return a user id that no user has, 0 if the sandbox runs as the user of the grader."""
    if not is_root():
        return 0
    paths = () if level == "bubblewrap" else readable_paths()
    folders = {folder for path in paths for folder in [Path(path), *Path(path).parents]}
    if all(folder.stat().st_mode & 0o001 for folder in folders if folder.is_dir()):
        # Workers are forked, so they all count from the same number.
        return _FIRST_UID + (os.getpid() % 10_000 * 10_000 + next(_uids)) % 100_000_000
    return 0


def _count_threads(uid: int) -> int:
    """Return the number of threads of all processes of a user."""
    total = 0
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and entry.stat().st_uid == uid:
                total += len(os.listdir(f"/proc/{entry.name}/task"))
        except OSError:
            continue
    return total


def _pipe(to_grader: bool) -> tuple[int, int]:
    """Return (the grader's end, the sandbox's end) of a new pipe."""
    reads, writes = os.pipe()
    return (reads, writes) if to_grader else (writes, reads)
