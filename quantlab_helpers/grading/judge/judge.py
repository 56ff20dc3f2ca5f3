"""The program that judges: runs the instructor's tests, and asks the kernel for the answers.

`Sandbox` starts this file. It never imports, unpickles or runs anything of a submission. It forks
for each submission, after the modules of the lesson are imported, so that a test finds the same
state whoever was judged before.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import importlib
import importlib.util
import json
import os
import signal
import sys
import tempfile
from typing import Any


def _load_program() -> Any:
    """Load `program.py` of the sandbox by its path; importing the package would import torch."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    path = os.path.join(folder, "execute", "sandbox", "program.py")
    spec = importlib.util.spec_from_file_location("program", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


program = _load_program()
protocol, values = program.protocol, program.load_from_judge("values")
answers = program.load_from_judge("answers_elsewhere")


def main() -> None:
    """Judge submissions until the pipe of requests is closed: ``judge.py JSON``."""
    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    options = json.loads(sys.argv[1])
    sys.argv[:] = [""]
    program.prepare_process(options["uid"], options["package"])
    channel = protocol.Channel(
        options["requests"], options["replies"], options["output_bytes"], inherited=True
    )
    stdout, stderr = protocol.Stream("stdout", channel, 1), protocol.Stream("stderr", channel, 2)
    stdout.other, stderr.other = stderr, stdout
    sys.stdout, sys.stderr = stdout, stderr
    while True:
        request = channel.receive()
        for name in request["preload"]:
            with contextlib.suppress(Exception):  # the cell that imports it will show the error
                importlib.import_module(name)
        gc.freeze()
        with tempfile.TemporaryDirectory() as folder:
            child = os.fork()
            if child == 0:
                gc.enable()
                _judge_submission(channel, folder, request["files"])
            _, status = os.waitpid(child, 0)
        channel.send(op="closed", code=os.waitstatus_to_exitcode(status))


def _judge_submission(channel: Any, folder: str, files: dict[str, str]) -> None:
    """Run the tests of one submission until the grader closes it; end this process."""
    try:
        os.chdir(folder)
        for name, content in files.items():
            program.write_file(name, bytes.fromhex(content))
        tests = _Tests(answers.Kernel(channel, values))
        channel.send(op="ready")
        while (request := channel.receive())["op"] != "close":
            if request["op"] == "test":
                channel.bytes_left = channel.output_bytes
                reply = tests.run(request)
                for stream in (sys.stdout, sys.stderr):
                    stream.flush()
                channel.send(op="end", **reply)
        os._exit(0)
    finally:
        os._exit(1)


class _Tests:
    """The namespace in which the tests of a submission run, and the lesson's cells before them."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._names: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
        self._fetched: dict[str, Any] = {}  # of the names, what comes from the submission
        self._has_run: dict[str, str] = {}  # by cell of the lesson: how it failed, if it did

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run a test, after the cells of the lesson that it needs; return its reply."""
        lines: list[str] = []
        try:
            self._kernel.start_test()
            self._fetch(request["answered"], request["unknown"])
            for cell, code in request["before"]:
                if cell not in self._has_run:
                    self._has_run[cell] = self._run_cell_of_lesson(code)
            lines += filter(None, (self._has_run[cell] for cell, _ in request["before"]))
            self._kernel.start_test()
            value = program.run_python(request["code"], self._names)
            if isinstance(value, values.Foreign):
                raise TypeError(f"the answer is {value}, and not a number")
            reply: dict[str, Any] = program.result_reply(value)
            return reply
        except BaseException as error:
            cause: BaseException | None = error
            while cause is not None:
                lines = [*getattr(cause, "answer_lines", ()), *lines]
                cause = cause.__cause__
            reply = program.error_reply(error, lines)
            return reply

    def _fetch(self, answered: list[str], unknown: list[str]) -> None:
        """Take names from the submission, but none that a cell of the lesson has set meanwhile."""
        for name, value in self._fetched.items():
            if self._names.get(name) is value:
                del self._names[name]
        wanted = [*answered, *(name for name in unknown if name not in self._names)]
        for name in answered:
            self._names.pop(name, None)
        self._fetched = self._kernel.fetch(wanted)
        self._names |= self._fetched

    def _run_cell_of_lesson(self, code: str) -> str:
        """Run a cell; return how it failed, which matters only if the test fails, too."""
        try:
            program.run_python(code, self._names)
        except answers.Stopped:
            raise
        except BaseException as error:
            text = protocol.safe_text(error)
            return f"A cell of the lesson before it failed: {type(error).__name__}: {text:.200}"
        return ""


if __name__ == "__main__":
    main()
