"""Run test cells in the judge, and pass calls between it and the kernel of a submission.

The judge and the kernel take turns: while a test runs, one of them works and the other waits for a
message. What the kernel sends is passed on unread, and only the judge decides what a test gives.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..records import Limits
from .outputs import Outputs
from .sandbox.protocol import encode_message, frame
from .sandbox.sandbox import Sandbox

_CLOSE_SECONDS = 10.0  # for the judge to end a test or a submission when told so
_JUDGE_LIMITS = Limits(memory_bytes=6 * 2**30)


class JudgeLost(RuntimeError):
    """The judge could not be started, or ended: no fault of the submission."""


class Turn(NamedTuple):
    """How a test ended.

    ``kind`` is "end" with the reply, "late", "ended" with what the kernel's supervisor says, or
    "judge_lost".
    """

    kind: str
    value: Any = None


class Judge:
    """A running judge: judges one submission after the other.

    Parameters
    ----------
    isolation : {"bubblewrap", "prlimit"}
        From `choose_isolation`.
    limits : Limits
        Limits on the outputs and on the time to start.
    """

    def __init__(self, isolation: str, limits: Limits) -> None:
        limits = limits._replace(
            memory_bytes=max(limits.memory_bytes, _JUDGE_LIMITS.memory_bytes),
            processes=max(limits.processes, _JUDGE_LIMITS.processes),
            file_bytes=max(limits.file_bytes, _JUDGE_LIMITS.file_bytes),
            submission_seconds=max(limits.submission_seconds, _JUDGE_LIMITS.submission_seconds),
        )
        self._startup_seconds = limits.startup_seconds
        self.sandbox = Sandbox(isolation, limits, "judge")
        self.is_open = False

    def open(self, preload: Sequence[str], files: Mapping[str, str]) -> None:
        """Begin with a submission; the modules of its lesson are imported once for all."""
        deadline = time.monotonic() + self._startup_seconds
        request = {"op": "open", "preload": list(preload), "files": dict(files)}
        self.sandbox.send(request, deadline=deadline)
        self._wait_for("ready", deadline)
        self.is_open = True

    def close(self) -> None:
        """End the process that judged a submission; the judge waits for the next one."""
        self.is_open = False
        deadline = time.monotonic() + _CLOSE_SECONDS
        self.sandbox.send({"op": "close"}, deadline=deadline)
        self._wait_for("closed", deadline)

    def _wait_for(self, op: str, deadline: float) -> None:
        output = ""
        for event in self.sandbox.events(deadline):
            if event.kind == "reply" and event.value.get("op") == op:
                return
            if event.kind == "text":
                output += event.value.decode(errors="replace")
            elif event.kind == "ended":
                output += str(event.value)
        raise JudgeLost(f"the judge did not answer {op!r}: {output[-500:].strip()}")


_running: dict[tuple[int, str], Judge] = {}  # by process and isolation


def open_judge(
    isolation: str, limits: Limits, *, preload: Sequence[str], files: Mapping[str, str]
) -> Judge:
    """Return this process's judge, ready for a new submission; start it where there is none.

    Parameters
    ----------
    isolation : {"bubblewrap", "prlimit"}
        From `choose_isolation`.
    limits : Limits
        For a judge that is started.
    preload : sequence of str
        Modules that the lesson imports.
    files : mapping of str to str
        Files for the working folder of the tests, as hexadecimal digits.

    Raises
    ------
    JudgeLost
        If it does not start.
    """
    key = os.getpid(), isolation
    for attempt in range(2):  # a busy machine may be slow once
        judge = _running.pop(key, None)
        try:
            if judge is None:
                judge = Judge(isolation, limits)
            judge.open(preload, files)
        except JudgeLost:
            if judge is not None:
                judge.sandbox.stop()
            if attempt:
                raise
        else:
            return judge
    raise AssertionError("unreachable")


def release_judge(judge: Judge, isolation: str) -> None:
    """Keep a judge for the next submission, or end it if it does not answer."""
    key = os.getpid(), isolation
    try:
        if judge.is_open and key not in _running:
            judge.close()
            _running[key] = judge
            return
    except JudgeLost:
        pass
    judge.sandbox.stop()


@atexit.register
def stop_judges() -> None:
    """End all judges that this process has started."""
    for process, isolation in list(_running):
        judge = _running.pop((process, isolation))
        if process == os.getpid():
            judge.sandbox.stop()


def run_test(
    judge: Judge,
    kernel: Sandbox,
    request: Mapping[str, Any],
    *,
    outputs: Outputs | None,
    deadline: float,
) -> Turn:
    """Run one test cell in the judge; its calls go to the kernel.

    Parameters
    ----------
    judge : Judge
        From `open_judge`; after a test that did not end in time it is stopped.
    kernel : Sandbox
        With the submission; the caller ends or interrupts it where a test did not end.
    request : mapping
        From `TestedLesson.request`.
    outputs : Outputs, optional
        Receives what the test and the answers print.
    deadline : float
        In seconds of `time.monotonic`.

    Raises
    ------
    JudgeLost
        If the judge ended.
    """
    judge.sandbox.send({"op": "test", **request}, deadline=deadline)
    while True:
        call = _next_of_judge(judge, outputs, deadline)
        if call is None:
            _stop_test(judge)
            return Turn("late")
        if call["op"] == "end":
            return Turn("end", call)
        kernel.send(call, deadline=deadline)
        turn = _next_of_kernel(kernel, outputs, deadline)
        if isinstance(turn, Turn):
            _stop_test(judge)
            return turn
        judge.sandbox.send_bytes(encode_message({"op": "kernel"}) + frame(turn), deadline=deadline)


def _next_of_judge(judge: Judge, outputs: Outputs | None, deadline: float) -> Any:
    """Return the judge's next call or the end of its test; None if it is late."""
    for event in judge.sandbox.events(deadline):
        if event.kind == "ended":
            raise JudgeLost(f"the judge ended: {event.value}")
        if event.kind != "reply":
            continue
        op = event.value.get("op")
        if op == "closed":
            raise JudgeLost(f"the judge's process ended with status {event.value.get('code')}")
        if op in ("call", "names", "answer", "end"):
            return event.value
        if outputs is not None:
            outputs.add(event.value)
    return None


def _next_of_kernel(kernel: Sandbox, outputs: Outputs | None, deadline: float) -> Turn | bytes:
    """Return the kernel's next message for the judge, or how the test ended without one."""
    for event in kernel.events(deadline):
        if event.kind == "value":
            return bytes(event.value)
        if event.kind == "ended":
            return Turn("ended", dict(event.value))
        if event.kind == "text" and outputs is not None:
            outputs.stream("stdout", event.value.decode(errors="replace"))
        elif event.kind == "reply" and outputs is not None:
            is_result = event.value.get("op") == "result"  # a value counts only at the end
            outputs.add({**event.value, "op": "display"} if is_result else event.value)
    return Turn("late")


def _stop_test(judge: Judge) -> None:
    """End the test that runs: the judge is told, and stopped if it goes on."""
    deadline = time.monotonic() + _CLOSE_SECONDS
    if judge.sandbox.send({"op": "lost"}, deadline=deadline):
        for event in judge.sandbox.events(deadline):
            if event.kind == "reply" and event.value.get("op") == "end":
                return
            if event.kind == "ended":
                break
    judge.is_open = False
    with contextlib.suppress(OSError):
        judge.sandbox.stop()
