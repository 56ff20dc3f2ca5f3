"""The program in a submission's sandbox: runs its cells, and calls its functions for the judge.

`Sandbox` starts this file; `protocol` describes the messages. The judge, in a process of its own,
runs the tests: it asks for values and calls functions by name (`answers.py`). A test that needs
more than plain data runs here, and can be forged by the submission.
"""

from __future__ import annotations

import builtins
import gc
import importlib.util
import json
import os
import signal
import sys
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config


def _load_program() -> Any:
    """Load `program.py` of this folder by its path; importing the package would import torch."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "program.py")
    spec = importlib.util.spec_from_file_location("program", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


program = _load_program()
protocol, answers = program.protocol, program.load_file("answers")
values = program.load_from_judge("values")


class _DisplayPublisher(DisplayPublisher):
    """Receives the values of `display` and figures, and sends them to the grader."""

    channel: Any

    def publish(
        self,
        data: Any,
        metadata: Any = None,
        source: Any = None,
        *,
        transient: Any = None,
        update: Any = False,
        **kwargs: Any,
    ) -> None:
        _flush()
        display_id = (transient or {}).get("display_id")
        protocol.send_display(
            self.channel, "display", data, metadata, display_id=display_id, update=bool(update)
        )

    def clear_output(self, wait: bool = False) -> None:
        _flush()
        self.channel.bytes_left = self.channel.output_bytes
        self.channel.send(op="clear", wait=bool(wait))


class _DisplayHook(DisplayHook):
    """Receives the value of the last line of a cell, and sends it to the grader."""

    channel: Any

    def start_displayhook(self) -> None:
        _flush()

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        protocol.send_display(self.channel, "result", format_dict, md_dict)

    def finish_displayhook(self) -> None:
        pass


class _Shell(InteractiveShell):
    """IPython without a terminal, as in a notebook."""

    display_pub_class = Type(_DisplayPublisher)
    displayhook_class = Type(_DisplayHook)
    error: tuple[str, str, list[str]] | None = None

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        self.error = (str(getattr(etype, "__name__", etype)), protocol.safe_text(evalue), stb)

    def ask_exit(self) -> None:
        raise SystemExit

    def init_display_formatter(self) -> None:
        super().init_display_formatter()  # type: ignore[no-untyped-call]
        formatter: Any = self.display_formatter
        formatter.active_types = formatter.format_types

    def enable_gui(self, gui: Any = None) -> None:
        pass


class _Output:
    streams: Any = ()  # the original (stdout, stderr)


def main() -> None:
    """Run cells until the pipe of requests is closed: ``kernel.py JSON``."""
    sys.setrecursionlimit(2_300)  # IPython visits a sum of 1,000 terms with 2,000 calls
    gc.disable()  # imported objects stay; collecting takes a sixth of the start time
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    options = json.loads(sys.argv[1])
    sys.argv[:] = [""]
    program.prepare_process(options["uid"], options["package"])
    channel = protocol.Channel(options["requests"], options["replies"], options["output_bytes"])
    shell = _make_shell(channel)
    setup = channel.receive()
    for name, content in setup.pop("files").items():
        program.write_file(name, bytes.fromhex(content))
    for name in setup["preload"]:
        try:
            importlib.import_module(name)
        except BaseException:  # the cell that imports it will show the error
            continue

    if options["offline"]:
        sys.addaudithook(_refuse_network)
    gc.freeze()
    gc.enable()
    calls = answers.Answers(channel, values, shell.user_ns)
    channel.send(op="ready")
    pid = os.getpid()
    while True:
        request = calls.unread or channel.receive()
        calls.unread = None
        reply = _run(shell, calls, channel, request)
        if os.getpid() != pid:  # the cell has forked; this is the copy
            os._exit(0)
        if reply is not None:
            channel.send(**reply, held_bytes=_held_bytes())


def _run(shell: Any, calls: Any, channel: Any, request: Any) -> dict[str, Any] | None:
    """Do what the grader asks for; return the reply, None for a request that came too late."""
    sys.stdout, sys.stderr = _Output.streams
    if request["op"] in ("run", "test"):
        channel.bytes_left = channel.output_bytes
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if request["op"] == "call":
            reply = {"op": "returned", **calls.call(request)}
        elif request["op"] == "names":
            reply = {"op": "named", "number": 0, "names": calls.describe(request["names"])}
        elif request["op"] == "test":
            reply = {"op": "end", **_run_test(shell, request)}
        elif request["op"] == "run":
            reply = {"op": "end", **_run_cell(shell, request["code"])}
        else:
            reply = None
        sys.stdout, sys.stderr = _Output.streams
        _flush()
    except answers.Interrupted:
        reply = None
    except KeyboardInterrupt as error:
        reply = {"op": "end", **_error_reply(error)}
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return reply


def _run_cell(shell: Any, code: str) -> dict[str, Any]:
    """Run a cell of the notebook through IPython."""
    shell.error = None
    try:
        shell.run_cell(code, store_history=True)
    except BaseException as error:  # raised by a hook that the submission added to IPython
        return _error_reply(error)
    if shell.error is None:
        return {"error": None, "result": None}
    name, text, lines = shell.error
    return {"error": [name, text, [protocol.safe_text(line) for line in lines]], "result": None}


def _run_test(shell: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Run a test cell that needs the process of the answers, in a copy of their namespace.

    A test that defines or deletes a name of the lesson's other cells must change what answers see,
    so it runs in the notebook's namespace itself ("in_place"). In the place of each function named
    in "without", the test gets one that returns 0.
    """
    for name in request.get("without", ()):
        if callable(shell.user_ns.get(name)):
            shell.user_ns[name] = lambda *arguments, **keywords: 0
    saved = dict(shell.user_ns)
    reply: dict[str, Any]
    names = shell.user_ns if request["in_place"] else dict(saved)
    names["__builtins__"], names["__name__"] = builtins, "__main__"
    try:
        reply = program.result_reply(program.run_python(request["code"], names))
    except BaseException as error:
        reply = _error_reply(error)
    names = dict(names)
    if request["in_place"]:
        shell.user_ns.clear()
        shell.user_ns.update(saved)
    for name, value in names.items():
        if name != "__builtins__" and saved.get(name, names) is not value:
            shell.user_ns[name] = value
    return reply


def _error_reply(error: BaseException) -> dict[str, Any]:
    """Return the reply for an exception: its text and lines of submitted cells, not of a test."""
    reply: dict[str, Any] = program.error_reply(error, answers.lines_of_cells(error))
    return reply


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Audit hook for a sandbox that shares the machine's network."""
    is_lookup = event in ("socket.getaddrinfo", "socket.gethostbyname")
    if is_lookup or (event == "socket.connect" and type(arguments[1]) is tuple):
        raise PermissionError("no network while a notebook is graded")


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def _make_shell(channel: Any) -> _Shell:
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.xmode = "Context"
    config.IPKernelApp.name = "quantlab"  # tqdm and others look for it to detect a notebook
    _DisplayPublisher.channel = _DisplayHook.channel = channel
    shell = _Shell.instance(config=config)
    stdout, stderr = protocol.Stream("stdout", channel, 1), protocol.Stream("stderr", channel, 2)
    stdout.other, stderr.other = stderr, stdout
    sys.stdout, sys.stderr = _Output.streams = stdout, stderr
    builtins.input = _no_input
    shell.user_ns.pop("open", None)  # IPython's `open`, which a test would use instead of Python's
    return shell


def _no_input(prompt: object = "") -> str:
    raise EOFError("input() cannot be used while a notebook is graded: nobody can answer")


def _held_bytes() -> int:
    """Return the bytes of data memory of this process."""
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith("VmData:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


if __name__ == "__main__":
    main()
