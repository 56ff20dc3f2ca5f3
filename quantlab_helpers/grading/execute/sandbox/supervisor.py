"""The program that starts a sandbox, checks its limits, and kills all its processes at the end.

`Sandbox` starts this file without site-packages, so that it starts within milliseconds; it imports
the standard library only. It is a "child subreaper": every process that a submission starts stays
a descendant of it, even after forking and detaching. It ends when the sandbox ends, when the
grader closes the control pipe, or when the grader dies.

The plan is one argument of JSON. The status pipe carries one line of JSON for each event:
``{"ended": null}`` after an interrupt, and at the end ``{"ended": REASON}`` with the reason
"exited" (with the exit "code"), "stopped", "processes", "memory" or "files".
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

_INTERVAL_SECONDS = 0.1  # between two checks of the limits
_UNCERTAIN_SECONDS = 5.0  # without a count that no new process has disturbed
_SET_PDEATHSIG, _SET_SUBREAPER, _SET_NO_NEW_PRIVS, _SET_SECCOMP = 1, 36, 38, 22  # of prctl(2)
_CLONE_NEWNS, _CLONE_NEWUSER = 0x20000, 0x10000000  # of unshare(2)
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000  # of mount(2)


def main() -> None:
    """Run one sandbox: ``supervisor.py PLAN``."""
    plan = json.loads(sys.argv[1])
    for descriptor in (plan["control"], plan["status"]):
        os.set_inheritable(descriptor, False)
    _prctl(_SET_SUBREAPER, 1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the control pipe ends this process
    if plan["scratch"] and plan["uid"]:
        os.chown(plan["scratch"], plan["uid"], plan["uid"])
    try:
        child = _start_kernel(plan)
        ended = _wait_for_end(child, plan)
    finally:
        _kill_all()
        if plan["scratch"]:
            _delete_folder(plan["scratch"])
    _report_status(plan, ended)


def _start_kernel(plan: dict[str, Any]) -> int:
    """Fork the sandbox's first process, with its limits set; return its process id."""
    supervisor = os.getpid()
    child = os.fork()
    if child:
        for descriptor in {plan["requests"], plan["replies"], plan["output"]}:
            os.close(descriptor)
        return child
    try:
        _prctl(_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:
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
            _mount_own_shm(plan["files"])
            if plan["uid"]:
                os.setgroups([])
                os.setresgid(plan["uid"], plan["uid"], plan["uid"])
                os.setresuid(plan["uid"], plan["uid"], plan["uid"])
            _prctl(_SET_PDEATHSIG, signal.SIGKILL)  # a change of user has cleared it
            _prctl(_SET_NO_NEW_PRIVS, 1)
        program, *arguments = plan["command"]
        if refused_calls := bytes.fromhex(plan["refused_calls"]):
            if plan["scratch"]:
                _refuse_calls(refused_calls)
            else:  # bubblewrap makes namespaces, then applies it
                arguments = ["--seccomp", str(_readable(refused_calls)), *arguments]
        os.umask(0o077)
        os.execve(program, [program, *arguments], plan["environment"])
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    os._exit(127)


def _wait_for_end(child: int, plan: dict[str, Any]) -> dict[str, Any]:
    """Wait until the sandbox ends, exceeds a limit or must stop; return the final status."""
    parent = os.getppid()
    poll = select.poll()
    poll.register(plan["control"], select.POLLIN | select.POLLHUP)
    memory = _MemoryLimit(plan["memory"])
    while True:
        status = _reap_children(child)
        if status is not None:
            return {"ended": "exited", "code": os.waitstatus_to_exitcode(status)}
        if poll.poll(1000 * _INTERVAL_SECONDS):
            command = os.read(plan["control"], 1)
            if not command:
                return {"ended": "stopped"}
            _interrupt(child)
            _report_status(plan, {"ended": None})
        if os.getppid() != parent:
            return {"ended": "stopped"}
        processes = list(_descendants(os.getpid()))
        if len(processes) > plan["processes"]:
            return {"ended": "processes"}
        first = child if plan["scratch"] else next(iter(_children(child)), None)
        if memory.is_exceeded(processes, _tmpfs_bytes(first)):
            return {"ended": "memory"}
        if plan["scratch"] and _bytes_on_disk(plan["scratch"], plan["files"]) > plan["files"]:
            return {"ended": "files"}


def _report_status(plan: dict[str, Any], status: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # the grader has ended
        os.write(plan["status"], json.dumps(status).encode() + b"\n")


def _reap_children(child: int) -> int | None:
    """Reap exited children; return the first process's wait status, None while it runs."""
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
    """Send SIGINT to the kernel, not to the two processes of bubblewrap, which would end."""
    while _read_text(f"/proc/{child}/comm").strip() == "bwrap":
        inner = _children(child)
        if not inner:
            return
        child = inner[0]
    _signal(child, signal.SIGINT)


def _kill_all() -> None:
    """Kill every descendant; repeated, since processes may fork meanwhile."""
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
    """Return the ids of the child processes of all threads of a process."""
    try:
        threads = os.listdir(f"/proc/{number}/task")
    except OSError:
        return []
    texts = (_read_text(f"/proc/{number}/task/{thread}/children") for thread in threads)
    return [int(word) for text in texts for word in text.split()]


class _MemoryLimit:
    """The limit on the memory of all processes together, shared pages counted once.

    An exact count takes milliseconds for each process. So it is made only if the memory would
    exceed the limit with shared pages counted for each process, and for a hundredth of the time or
    every two seconds, whichever is more often.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.next_count = 0.0
        self.last_certain = time.monotonic()

    def is_exceeded(self, processes: list[int], file_bytes: int) -> bool:
        """Return whether the processes and files in memory take more than the limit."""
        start = time.monotonic()
        mapped_bytes = _mapped_bytes(processes)

        def is_over(sizes: list[tuple[int, int]]) -> bool:
            shared = sum(size[1] for size in sizes)
            total = sum(size[0] for size in sizes) + max(shared, mapped_bytes) + file_bytes
            return total > self.most

        if not is_over([*map(_resident_bytes, processes)]):
            self.last_certain = start
            return False
        if start < self.next_count:
            return False
        counted = list(_descendants(os.getpid()))
        sizes = [*map(_proportional_bytes, counted)]
        end = time.monotonic()
        # A process that came and went during the count had a part of others' pages: count again.
        if set(counted).issuperset(_descendants(os.getpid())):
            self.last_certain = end
            self.next_count = end + min(2.0, 100 * (end - start))
        elif end - self.last_certain > _UNCERTAIN_SECONDS:
            return True
        if not is_over(sizes):
            return False
        # Until it runs its program, a process of `subprocess` has the memory of its parent.
        time.sleep(0.05)
        later = map(_resident_bytes, counted)
        pairs = zip(sizes, later, strict=True)
        return is_over([(min(a, c), min(b, d)) for (a, b), (c, d) in pairs])


def _resident_bytes(number: int) -> tuple[int, int]:
    """Return the bytes that a process has, and those of shared mappings, without files on disk."""
    sizes = _sizes(f"/proc/{number}/status")
    own = sum(sizes.get(name, 0) for name in ("RssAnon", "VmSwap", "VmPTE"))
    return own, sizes.get("RssShmem", 0)


def _proportional_bytes(number: int) -> tuple[int, int]:
    """Return the same with a part of each page that the process shares.

    A page of n processes counts as an nth for each. Where the supervisor may not read this, or the
    kernel is older than 5.4, everything counts in full.
    """
    sizes = _sizes(f"/proc/{number}/smaps_rollup")
    if "Pss_Anon" not in sizes:
        return _resident_bytes(number)
    page_tables = _sizes(f"/proc/{number}/status").get("VmPTE", 0)
    return sizes["Pss_Anon"] + sizes.get("SwapPss", 0) + page_tables, sizes["Pss_Shmem"]


def _mapped_bytes(processes: list[int]) -> int:
    """Return the bytes of anonymous shared mappings, also of pages that no process has touched.

    Only root may ask for this; for others it is 0.
    """
    sizes = {}
    for number in processes if os.geteuid() == 0 else ():
        for line in _read_text(f"/proc/{number}/maps").splitlines():
            if line.endswith("/dev/zero (deleted)"):
                start, end = (int(word, 16) for word in line.split()[0].split("-"))
                with contextlib.suppress(OSError):
                    status = os.stat(f"/proc/{number}/map_files/{start:x}-{end:x}")
                    sizes[status.st_ino] = 512 * status.st_blocks
    return sum(sizes.values())


def _sizes(path: str) -> dict[str, int]:
    """Return the sizes in bytes from a file of lines like ``RssAnon:  12 kB``."""
    rows = (line.split() for line in _read_text(path).splitlines())
    return {
        row[0].rstrip(":"): 1024 * int(row[1])
        for row in rows
        if len(row) == 3 and row[2] == "kB" and row[1].isdecimal()
    }


def _tmpfs_bytes(number: int | None) -> int:
    """Return the bytes of files in memory, in the mounts that a process has for itself."""
    total = 0
    for folder in ("/tmp", "/dev/shm"):
        path = f"/proc/{number}/root{folder}"
        with contextlib.suppress(OSError):
            if os.stat(path).st_dev != os.stat(folder).st_dev:
                used = os.statvfs(path)
                total += (used.f_blocks - used.f_bfree) * used.f_frsize
                total += (used.f_files - used.f_ffree) * 1024  # the kernel's own estimate
    return total


def _bytes_on_disk(folder: str, limit: int) -> int:
    """Return the bytes on disk below a folder, counted until they exceed `limit`."""
    total, folders = 0, [folder]
    while folders and total <= limit:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError:
            continue
    return total


def _delete_folder(folder: str) -> None:
    """Delete a folder; rm(1) can delete one that is nested thousands of levels deep."""
    for command in (["rm", "-rf"], ["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
        if os.path.lexists(folder):
            subprocess.run([*command, folder], capture_output=True)


def _read_text(path: str) -> str:
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _signal(number: int, signal_number: signal.Signals) -> None:
    with contextlib.suppress(OSError):
        os.kill(number, signal_number)


def _mount_own_shm(size: int) -> None:
    """Mount a /dev/shm for this process and those that it starts, where the machine allows it."""
    libc, uid, gid = ctypes.CDLL(None), os.getuid(), os.getgid()
    if libc.unshare(_CLONE_NEWNS | (_CLONE_NEWUSER if uid else 0)):
        return
    if uid:
        maps = {"setgroups": "deny", "uid_map": f"{uid} {uid} 1", "gid_map": f"{gid} {gid} 1"}
        for name, content in maps.items():
            with open(f"/proc/self/{name}", "w") as file:
                file.write(content)
    libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None)
    libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0, f"mode=1777,size={size}".encode())


def _readable(content: bytes) -> int:
    """Return a descriptor from which a program that is started next reads this content."""
    reads, writes = os.pipe()
    os.write(writes, content)
    os.close(writes)
    os.set_inheritable(reads, True)
    return reads


def _refuse_calls(program: bytes) -> None:
    """Apply a filter of system calls to this process and those that it starts."""
    content = ctypes.create_string_buffer(program, len(program))
    instructions = struct.pack("@HP", len(program) // 8, ctypes.addressof(content))
    _prctl(_SET_SECCOMP, 2, instructions)  # 2: SECCOMP_MODE_FILTER


def _prctl(option: int, value: int, argument: bytes | None = None) -> None:
    ctypes.CDLL(None).prctl(option, value, argument, 0, 0)


if __name__ == "__main__":
    main()
