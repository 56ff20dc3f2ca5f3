"""The program in the sandbox: runs one cell after another and reports how each ended.

`Sandbox` starts this file; `protocol` describes the messages. Each request has a key, and only a
reply with that key ends it. A second thread exchanges the messages and holds the key: submitted
code runs in the main thread and can inspect the calls that led to it, and the key is in none of
them. Test cells do not pass through IPython, so hooks that a submission adds to IPython do not
affect them.
"""

from __future__ import annotations

import _thread
import builtins
import functools
import gc
import importlib.util
import json
import linecache
import os
import queue
import shutil
import signal
import sys
import threading
import time
import types
from _ast import Expression as _Expression
from collections.abc import Callable
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

# The original built-in functions, in case a submission replaces them.
globals()["__builtins__"] = vars(builtins).copy()

_CELL_FILENAME = "<ipython-input-"  # start of the file name that IPython gives to a cell
_ALLOW_AWAIT, _ONLY_AST = 0x2000, 0x0400  # PyCF_ALLOW_TOP_LEVEL_AWAIT, PyCF_ONLY_AST of `ast`
_exit, _pid, _sleep, _frames = os._exit, os.getpid, time.sleep, sys._current_frames


def _load_file(name: str) -> Any:
    """Load a module of this folder by its path; importing the package would import torch."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


protocol = _load_file("protocol")


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
    gc.disable()  # imported objects stay; collecting takes a sixth of the start time
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    options = json.loads(sys.argv[1])
    sys.argv[:] = [""]
    _prepare_process(options["uid"], options["package"])
    channel = protocol.KernelChannel(
        options["requests"], options["replies"], options["output_bytes"]
    )
    shell = _make_shell(channel)
    setup = channel.receive()
    for name, content in setup.pop("files").items():
        _write_file(name, bytes.fromhex(content))
    for name in setup["preload"]:
        try:
            importlib.import_module(name)
        except BaseException:  # the cell that imports it will show the error
            continue

    def report_evidence(text: str) -> None:
        channel.send(op="evidence", text=text)

    guard = _load_file("integrity").Guard(
        shell=shell, report_evidence=report_evidence, imports=setup["imports"]
    )
    _load_file("audit_hook").install(report_evidence, offline=options["offline"])
    gc.freeze()
    gc.enable()
    tasks, results = queue.SimpleQueue[Any](), queue.SimpleQueue[Any]()
    _thread.start_new_thread(_exchange_messages, (channel, tasks, results, threading.get_ident()))
    _run_tasks(tasks, results, functools.partial(_run, shell, guard, channel, _pid()))


def _run_tasks(tasks: Any, results: Any, run: Callable[[Any], Any]) -> None:
    """Main thread: run queued tasks. `_exchange_messages` knows the line of `tasks.get()`."""
    while True:
        task = tasks.get()
        results.put(run(task))


def _exchange_messages(channel: Any, tasks: Any, results: Any, main_thread: int) -> None:
    """Second thread: pass requests to the main thread, and its results to the grader.

    A result counts only when the main thread waits for the next task: submitted code could put
    one into the queue while it runs.
    """
    waiting_line = _run_tasks.__code__.co_firstlineno + 3
    task_frame: Any = None

    def is_waiting() -> bool:
        frame = _frames()[main_thread]
        return frame.f_lineno == waiting_line and (frame is task_frame or task_frame is None)

    try:
        while _frames()[main_thread].f_code is not _run_tasks.__code__ or not is_waiting():
            _sleep(0.001)
        task_frame = _frames()[main_thread]
        channel.send(op="ready")
        while True:
            request, key = channel.receive(), channel.receive()["key"]
            tasks.put(request)
            reply = results.get()
            while not is_waiting():
                _sleep(0.0005)
            while not results.empty():
                reply = results.get()
                channel.send(op="evidence", text="the notebook answered in the kernel's place")
            channel.send(op="end", key=key, held_bytes=_held_bytes(), **reply)
    finally:
        _exit(1)


def _run(shell: Any, guard: Any, channel: Any, pid: int, request: Any) -> Any:
    """Run a cell of the notebook or a test cell; return its reply."""
    sys.stdout, sys.stderr = _Output.streams
    channel.bytes_left = channel.output_bytes
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if request["op"] == "test":
            reply = _run_test(shell, guard, request)
        else:
            reply = _run_cell(shell, request["code"])
        if _pid() != pid:  # the cell has forked; this is the copy
            _exit(0)
        sys.stdout, sys.stderr = _Output.streams
        _flush()
    except KeyboardInterrupt as error:
        reply = _error_reply(error)
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


def _run_test(shell: Any, guard: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Run a test cell in a copy of the notebook's namespace, with the lesson's imports restored.

    A test that defines or deletes a name of the lesson's other cells must change what answers see,
    so it runs in the notebook's namespace itself ("in_place").
    """
    try:
        tree: Any = compile(request["code"], "<test>", "exec", flags=_ONLY_AST | _ALLOW_AWAIT)
        has_value = tree.body and type(tree.body[-1]).__name__ == "Expr"
        expression = _Expression(body=tree.body.pop().value) if has_value else None
        parts: tuple[Any, ...] = (compile(tree, "<test>", "exec", flags=_ALLOW_AWAIT),)
        if expression is not None:
            parts += (compile(expression, "<test>", "eval", flags=_ALLOW_AWAIT),)
        before = guard.before_test(
            shell.user_ns, uses=request["uses"], python_builtins=request["builtins"]
        )
    except BaseException as error:
        return _error_reply(error)
    names, saved = dict(before), dict(shell.user_ns)
    if request["in_place"]:
        names = shell.user_ns
        names.clear()
        names.update(before)
    try:
        value = None
        for part in parts:  # the value is that of the last line
            value = _evaluate(part, names)
        result = None if value is None else protocol.safe_text(value, repr)
        reply = {"error": None, "result": result}
    except BaseException as error:
        reply = _error_reply(error)
    finally:
        if request["in_place"]:
            names = dict(names)
            shell.user_ns.clear()
            shell.user_ns.update(saved)
        guard.after_test(before, names)
    for name, value in names.items():
        if name != "__builtins__" and before.get(name, names) is not value:
            shell.user_ns[name] = value
    return reply


def _evaluate(code: types.CodeType, names: dict[str, Any]) -> Any:
    value = eval(code, names)
    if code.co_flags & 0x80:  # CO_COROUTINE: it has a top-level await
        import asyncio

        return asyncio.run(value)
    return value


def _error_reply(error: BaseException) -> dict[str, Any]:
    """Return the reply for an exception: its text and lines of submitted cells, not of a test."""
    try:
        lines = [protocol.safe_text(line) for line in error._render_traceback_()]  # type: ignore[attr-defined]
    except BaseException:
        lines = [f"{type(error).__name__}: {protocol.safe_text(error)}"]
    cause: BaseException | None = error
    while cause is not None and len(lines) < 50:
        trace = cause.__traceback__
        while trace is not None and len(lines) < 50:
            name, number = trace.tb_frame.f_code.co_filename, trace.tb_lineno
            if name.startswith(_CELL_FILENAME):
                where = f"in {trace.tb_frame.f_code.co_name}, line {number} of its cell: "
                lines.append(where + linecache.getline(name, number).strip())
            trace = trace.tb_next
        cause = cause.__cause__
    return {"error": [type(error).__name__, protocol.safe_text(error), lines], "result": None}


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def _prepare_process(uid: int, package: str) -> None:
    """Change to the sandbox's user, and create home, work and tmp below the current folder."""
    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    base, names = os.getcwd(), ("home", "work", "tmp")
    # Python itself may be installed below a folder of the same name.
    while any(os.path.lexists(f"{base}/{name}") for name in names):
        base = f"{base}/sandbox"
    for name in names:
        os.makedirs(f"{base}/{name}")
    os.environ |= {"HOME": f"{base}/home", "TMPDIR": f"{base}/tmp"}
    os.environ["MPLCONFIGDIR"] = settings = f"{base}/home/.matplotlib"
    os.environ["IPYTHONDIR"] = f"{base}/home/.ipython"
    fonts = os.environ.pop("QUANTLAB_FONTS", "")
    os.mkdir(settings)
    if os.path.isfile(fonts):
        shutil.copy(fonts, settings)
    os.chdir(f"{base}/work")
    if package not in sys.path:  # the grader's package, before one that is installed
        installed = [n for n, path in enumerate(sys.path) if path.endswith("-packages")]
        sys.path.insert(min(installed, default=len(sys.path)), package)
    sys.path.append(f"{base}/work")  # last, so that no submitted file replaces a library


def _write_file(name: str, content: bytes) -> None:
    try:
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "wb") as file:
            file.write(content)
    except OSError:  # over the limit of file size; the cell that opens it will fail
        pass


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
