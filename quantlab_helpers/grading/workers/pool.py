"""Run tasks in several worker processes; one that dies or hangs affects only its submission.

A worker ends when the process that started it ends, even by a signal, and the sandbox that it runs
ends with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import selectors
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from ..execute.sandbox.protocol import encode_message
from .task import (
    GradingOutcome,
    GradingTask,
    decode_outcome,
    grade_submission,
    receive,
    send,
)

_TRIES = 2
_PAUSE = 0.01  # seconds between two attempts to write to a full pipe
_SET_PDEATHSIG, _SET_NAME = 1, 15  # of prctl(2)


class WorkerLost(NamedTuple):
    """A worker that gave no outcome: how it ended, and the end of its output."""

    why: str
    log: str


class Workers:
    """Up to `count` worker processes; a context manager that ends all of them.

    Parameters
    ----------
    count : int, 1 or more
        How many submissions run at the same time.
    seconds : float
        Wall time of one submission; a worker that needs more is lost.
    """

    def __init__(self, count: int, *, seconds: float) -> None:
        self._count, self._seconds = count, seconds
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Workers:
        """Return the pool; processes start with the first tasks."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all workers and their sandboxes."""
        for worker in self._workers:
            worker.stop()
        self._selector.close()

    def run(
        self, tasks: Iterator[GradingTask]
    ) -> Iterator[tuple[GradingTask, GradingOutcome | WorkerLost]]:
        """Yield every task with its outcome, in the order in which they finish."""
        waiting: deque[tuple[GradingTask, int]] = deque()  # with the number of attempts
        while True:
            while self._has_room():
                task = None if waiting else next(tasks, None)
                if task is not None:
                    waiting.append((task, 0))
                if not waiting:
                    break
                self._idle_worker().begin(*waiting.popleft(), self._seconds)
            busy = [worker for worker in self._workers if worker.task is not None]
            if not busy:
                return
            for worker in self._wait(busy):
                task, tries, late = worker.task, worker.tries + 1, worker.is_late()
                assert task is not None
                answer: GradingOutcome | WorkerLost | None = worker.end()
                if answer is None:
                    self._drop(worker)
                    if tries < _TRIES and not late:
                        waiting.append((task, tries))
                        continue
                    answer = WorkerLost(worker.why, worker.log)
                yield task, answer

    def _has_room(self) -> bool:
        idle = any(worker.task is None for worker in self._workers)
        return idle or len(self._workers) < self._count

    def _idle_worker(self) -> _Worker:
        """Return an idle worker; start one if all are busy."""
        for worker in self._workers:
            if worker.task is None:
                return worker
        worker = _Worker()
        self._workers.append(worker)
        self._selector.register(worker.replies, selectors.EVENT_READ, worker)
        return worker

    def _drop(self, worker: _Worker) -> None:
        self._selector.unregister(worker.replies)
        self._workers.remove(worker)
        worker.stop()

    def _wait(self, busy: list[_Worker]) -> list[_Worker]:
        """Wait; return the workers that are done, dead or late as soon as there are any."""
        while True:
            left = min(worker.deadline for worker in busy) - time.monotonic()
            if any(worker.is_sending() for worker in busy):
                left = min(left, _PAUSE)
            for key, _ in self._selector.select(max(0.0, left)):
                key.data.read()
            for worker in busy:
                worker.push()
            done = [worker for worker in busy if worker.is_done() or worker.is_late()]
            if done:
                return done


class _Worker:
    """One process and its pipes.

    It is forked, for the modules it needs take seconds to import and are in memory already.
    """

    def __init__(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - `stop` closes it
        read_task, self._requests = os.pipe()
        self.replies, write_reply = os.pipe()
        parent = os.getpid()
        sys.stdout.flush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # about threads of libraries
            self._process = os.fork()
        if self._process == 0:
            try:
                _run_worker(parent, read_task, write_reply, self._errors.fileno())
            except BaseException:
                os.write(2, traceback.format_exc().encode(errors="replace"))
            finally:
                os._exit(1)
        os.close(read_task)
        os.close(write_reply)
        os.set_blocking(self._requests, False)
        self._out, self._in = memoryview(b""), bytearray()
        self._dead = self._stopped = False
        self.task: GradingTask | None = None
        self.tries, self.deadline = 0, 0.0
        self.why = self.log = ""  # of a lost worker

    def begin(self, task: GradingTask, tries: int, seconds: float) -> None:
        """Start a task."""
        self.task, self.tries, self.deadline = task, tries, time.monotonic() + seconds
        self._out = memoryview(encode_message(task.as_json()))
        self.push()

    def push(self) -> None:
        """Send as much of the task as the pipe takes."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            while self._out:
                self._out = self._out[os.write(self._requests, self._out) :]

    def is_sending(self) -> bool:
        """Return whether a part of the task is still to be written."""
        return bool(self._out) and not self._dead

    def read(self) -> None:
        """Read available bytes; the end of the stream means that the worker ended."""
        content = os.read(self.replies, 2**20)
        self._dead = self._dead or not content
        self._in += content

    def is_done(self) -> bool:
        """Return whether there is an outcome, or the worker ended without one."""
        return self._dead or self._message() is not None

    def is_late(self) -> bool:
        """Return whether the task took longer than allowed."""
        return not self.is_done() and time.monotonic() >= self.deadline

    def end(self) -> GradingOutcome | None:
        """Return the outcome; None if the worker died or hangs, with the reason in `why`."""
        message = self._message()
        if message is None:
            late = not self._dead
            code = self.stop()
            how = f"was ended by signal {-code}" if code < 0 else f"ended with exit status {code}"
            self.why = "did not come to an end" if late else how
            return None
        self.task = None
        self._in.clear()
        return decode_outcome(json.loads(message))

    def stop(self) -> int:
        """End the process and its sandbox; return its exit status."""
        if self._stopped:
            return 0
        self._stopped = True
        if not self._dead:
            os.kill(self._process, signal.SIGKILL)
        _, status = os.waitpid(self._process, 0)
        self._errors.seek(0)
        self.log = self._errors.read().decode(errors="replace")[-20_000:]
        self._errors.close()
        os.close(self._requests)
        os.close(self.replies)
        return os.waitstatus_to_exitcode(status)

    def _message(self) -> bytes | None:
        if len(self._in) < 8:
            return None
        size = int(self._in[:8], 16)
        return bytes(self._in[8 : 8 + size]) if len(self._in) >= 8 + size else None


def _run_worker(parent: int, tasks: int, replies: int, errors: int) -> None:
    """Turn the forked child into a worker: reset signals, close inherited descriptors."""
    libc = ctypes.CDLL(None)
    libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        return
    libc.prctl(_SET_NAME, b"quantlab-worker", 0, 0, 0)
    gc.freeze()  # objects of the coordinator are not finalised in the child
    os.setsid()  # Ctrl-C is for the coordinator
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(errors, 1)
    os.dup2(errors, 2)
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor > 2 and descriptor not in (tasks, replies):
            with contextlib.suppress(OSError):
                os.close(descriptor)  # the lock and the gradebook above all
    with open(tasks, "rb") as requests, open(replies, "wb") as answers:
        while (plain := receive(requests)) is not None:
            send(answers, grade_submission(GradingTask.from_json(plain)))
