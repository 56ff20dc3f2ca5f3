"""The process beside a jail: starts it, watches what it takes, and leaves nothing of it behind.

`jail` runs this file as a program. It imports no other module of the package, so that it starts
within milliseconds. Whatever a submission starts, however often it forks and detaches itself,
stays a descendant of this process. It ends with its jail, or when the one who started it lets go
of the control pipe, or dies.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

_PAGE = os.sysconf("SC_PAGESIZE")
_INTERVAL = 0.1  # seconds between two looks
_SET_PDEATHSIG, _SET_SUBREAPER, _SET_NO_NEW_PRIVS = 1, 36, 38  # of prctl(2)


def main() -> None:
    """Run one jail: ``supervisor.py JSON``."""
    plan = json.loads(sys.argv[1])
    for descriptor in (plan["control"], plan["status"]):
        os.set_inheritable(descriptor, False)
    _prctl(_SET_SUBREAPER, 1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the control pipe says when to end
    if plan["scratch"] and plan["uid"]:
        os.chown(plan["scratch"], plan["uid"], plan["uid"])
    try:
        child = _start(plan)
        ended = _watch(child, plan)
    finally:
        _kill_all()
        if plan["scratch"]:
            _delete(plan["scratch"])
    _tell(plan, ended)


def _start(plan: dict[str, Any]) -> int:
    """Fork the jail's first process; limits hold before any of its code runs."""
    warden = os.getpid()
    child = os.fork()
    if child:
        for descriptor in {plan["requests"], plan["replies"], plan["output"]}:
            os.close(descriptor)
        return child
    try:
        _prctl(_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != warden:
            os._exit(1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(plan["output"], 1)
        os.dup2(plan["output"], 2)
        os.close(plan["output"])
        for name, value in plan["limits"].items():
            resource.setrlimit(getattr(resource, name), (value, value))
        if plan["scratch"]:
            os.chdir(plan["scratch"])
            if plan["uid"]:
                os.setgroups([])
                os.setresgid(plan["uid"], plan["uid"], plan["uid"])
                os.setresuid(plan["uid"], plan["uid"], plan["uid"])
                _prctl(_SET_PDEATHSIG, signal.SIGKILL)  # a change of user had cleared it
            _prctl(_SET_NO_NEW_PRIVS, 1)
        os.umask(0o077)
        os.execve(plan["command"][0], plan["command"], plan["environment"])
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    os._exit(127)


def _watch(child: int, plan: dict[str, Any]) -> dict[str, Any]:
    """Wait for the end of the jail; end it where it takes too much."""
    parent = os.getppid()
    poll = select.poll()
    poll.register(plan["control"], select.POLLIN | select.POLLHUP)
    while True:
        status = _reap(child)
        if status is not None:
            return {"ended": "exited", "code": os.waitstatus_to_exitcode(status)}
        if poll.poll(1000 * _INTERVAL):
            order = os.read(plan["control"], 1)
            if not order:
                return {"ended": "stopped"}
            _interrupt(child)
            _tell(plan, {"ended": None})
        if os.getppid() != parent:
            return {"ended": "stopped"}
        processes = list(_descendants(os.getpid()))
        if len(processes) > plan["processes"]:
            return {"ended": "processes"}
        if sum(map(_private_bytes, processes)) > plan["memory"]:
            return {"ended": "memory"}
        if plan["scratch"] and _used(plan["scratch"], plan["files"]) > plan["files"]:
            return {"ended": "files"}


def _tell(plan: dict[str, Any], what: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody listens any more
        os.write(plan["status"], json.dumps(what).encode() + b"\n")


def _reap(child: int) -> int | None:
    """Bury the dead; return how the jail's first process ended if it did."""
    while True:
        try:
            number, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 0
        if number == 0:
            return None
        if number == child:
            return status


def _interrupt(child: int) -> None:
    """Send SIGINT to the kernel: bubblewrap itself, outside and inside, would die of it."""
    while _read(f"/proc/{child}/comm").strip() == "bwrap":
        inner = _children(child)
        if not inner:
            return
        child = inner[0]
    _signal(child, signal.SIGINT)


def _kill_all() -> None:
    """Kill every descendant; the loop outruns processes that go on forking."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        processes = list(_descendants(os.getpid()))
        for number in processes:
            _signal(number, signal.SIGSTOP)
        for number in processes:
            _signal(number, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def _descendants(number: int) -> Iterator[int]:
    waiting = _children(number)
    while waiting:
        yield waiting[-1]
        waiting += _children(waiting.pop())


def _children(number: int) -> list[int]:
    """Return the children of all threads of a process."""
    try:
        threads = os.listdir(f"/proc/{number}/task")
    except OSError:
        return []
    texts = (_read(f"/proc/{number}/task/{thread}/children") for thread in threads)
    return [int(word) for text in texts for word in text.split()]


def _private_bytes(number: int) -> int:
    words = _read(f"/proc/{number}/statm").split()
    return (int(words[1]) - int(words[2])) * _PAGE if words else 0


def _used(folder: str, enough: int) -> int:
    """Return the bytes on disk below a folder; stops counting beyond `enough`."""
    total, folders = 0, [folder]
    while folders and total <= enough:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError:
            continue
    return total


def _delete(folder: str) -> None:
    """Delete a folder; rm(1) copes with one that is nested thousands deep."""
    for command in (["rm", "-rf"], ["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
        if os.path.lexists(folder):
            subprocess.run([*command, folder], capture_output=True)


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def _signal(number: int, what: signal.Signals) -> None:
    with contextlib.suppress(OSError):
        os.kill(number, what)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
