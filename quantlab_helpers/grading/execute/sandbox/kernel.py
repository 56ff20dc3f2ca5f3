"""The process in a jail: runs one cell after the other and says what came of it.

`jail` runs this file as a program. A request is eight hexadecimal digits, the length, and JSON; a
reply is a line of JSON. Each request has a key, and only a reply with that key ends it. A second
thread talks to the one who grades and holds the key: the calls that lead to a submission's code,
which that code can look at, know nothing of it. Test cells never pass through IPython, so nothing
that was hooked into it touches them.
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

# Whatever a submission puts in place of a built-in function, the code here has the real one.
globals()["__builtins__"] = vars(builtins).copy()

_CELL = "<ipython-input-"  # how IPython names the code of a cell
_AWAIT, _TREE = 0x2000, 0x0400  # of ast: PyCF_ALLOW_TOP_LEVEL_AWAIT, PyCF_ONLY_AST
_exit, _pid, _sleep, _frames = os._exit, os.getpid, time.sleep, sys._current_frames


def _load(name: str) -> Any:
    """Load a file beside this one without the package, which would bring torch."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


protocol = _load("protocol")


class _Publisher(DisplayPublisher):
    """What `display` and figures go to."""

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
        known = (transient or {}).get("display_id")
        protocol.show(
            self.channel, "display", data, metadata, display_id=known, update=bool(update)
        )

    def clear_output(self, wait: bool = False) -> None:
        _flush()
        self.channel.room = self.channel.most
        self.channel.send(op="clear", wait=bool(wait))


class _Hook(DisplayHook):
    """What the last line of a cell goes to."""

    channel: Any

    def start_displayhook(self) -> None:
        _flush()

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        protocol.show(self.channel, "result", format_dict, md_dict)

    def finish_displayhook(self) -> None:
        pass


class _Shell(InteractiveShell):
    """IPython without a terminal, as a notebook has it."""

    display_pub_class = Type(_Publisher)
    displayhook_class = Type(_Hook)
    problem: tuple[str, str, list[str]] | None = None

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        self.problem = (str(getattr(etype, "__name__", etype)), protocol.text_of(evalue), stb)

    def ask_exit(self) -> None:
        raise SystemExit

    def init_display_formatter(self) -> None:
        super().init_display_formatter()  # type: ignore[no-untyped-call]
        formatter: Any = self.display_formatter
        formatter.active_types = formatter.format_types

    def enable_gui(self, gui: Any = None) -> None:
        pass


class _Streams:
    both: Any = ()


def main() -> None:
    """Run cells until the pipe of requests is closed: ``kernel.py JSON``."""
    gc.disable()  # what is imported stays: looking through it takes a sixth of the start
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    options = json.loads(sys.argv[1])
    sys.argv[:] = [""]
    _settle(options["uid"], options["package"])
    channel = protocol.Channel(options["requests"], options["replies"], options["output_bytes"])
    shell = _make_shell(channel)
    setup = channel.receive()
    for name, content in setup.pop("files").items():
        _put_file(name, bytes.fromhex(content))
    for name in setup["preload"]:
        try:
            importlib.import_module(name)
        except BaseException:  # the cell that imports it will tell
            continue

    def report(text: str) -> None:
        channel.send(op="evidence", text=text)

    guard = _load("integrity").Guard(shell=shell, report=report, bindings=setup["bindings"])
    _load("audit_hook").install(report, offline=options["offline"])
    gc.freeze()
    gc.enable()
    tasks, results = queue.SimpleQueue[Any](), queue.SimpleQueue[Any]()
    _thread.start_new_thread(_talk, (channel, tasks, results, threading.get_ident()))
    _serve(tasks, results, functools.partial(_run, shell, guard, channel, _pid()))


def _serve(tasks: Any, results: Any, run: Callable[[Any], Any]) -> None:
    """Run what the other thread asks for; it knows by the first line that nothing runs."""
    while True:
        task = tasks.get()
        results.put(run(task))


def _talk(channel: Any, tasks: Any, results: Any, main_thread: int) -> None:
    """Pass requests to the main thread, and on what it answers once it waits again."""
    waiting = _serve.__code__.co_firstlineno + 3
    served: Any = None

    def is_waiting() -> bool:
        frame = _frames()[main_thread]
        return frame.f_lineno == waiting and (frame is served or served is None)

    try:
        while _frames()[main_thread].f_code is not _serve.__code__ or not is_waiting():
            _sleep(0.001)
        served = _frames()[main_thread]
        channel.send(op="ready")
        while True:
            request, key = channel.receive(), channel.receive()["key"]
            tasks.put(request)
            told = results.get()
            while not is_waiting():  # a result that came too early is none
                _sleep(0.0005)
            while not results.empty():
                told = results.get()
                channel.send(op="evidence", text="the notebook answered in the kernel's place")
            channel.send(op="end", key=key, held=_held(), **told)
    finally:
        _exit(1)


def _run(shell: Any, guard: Any, channel: Any, pid: int, request: Any) -> Any:
    """Run one cell of either kind."""
    sys.stdout, sys.stderr = _Streams.both
    channel.room = channel.most
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if request["op"] == "test":
            told = _run_test(shell, guard, request)
        else:
            told = _run_cell(shell, request["code"])
        if _pid() != pid:  # a copy of this process that the cell has made
            _exit(0)
        sys.stdout, sys.stderr = _Streams.both
        _flush()
    except KeyboardInterrupt as error:
        told = _describe(error)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return told


def _run_cell(shell: Any, code: str) -> dict[str, Any]:
    """Run a cell as a notebook does."""
    shell.problem = None
    try:
        shell.run_cell(code, store_history=True)
    except BaseException as error:  # raised by what the learner hooked into IPython
        return _describe(error)
    if shell.problem is None:
        return {"error": None, "result": None}
    name, text, lines = shell.problem
    return {"error": [name, text, [protocol.text_of(line) for line in lines]], "result": None}


def _run_test(shell: Any, guard: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Run a test cell in a copy of the notebook's names, with what it needs from the lesson.

    A test that binds or deletes a name of the lesson's other cells means the one that answers see,
    and runs in their place.
    """
    try:
        tree: Any = compile(request["code"], "<test>", "exec", flags=_TREE | _AWAIT)
        ends = tree.body and type(tree.body[-1]).__name__ == "Expr"
        expression = _Expression(body=tree.body.pop().value) if ends else None
        parts: tuple[Any, ...] = (compile(tree, "<test>", "exec", flags=_AWAIT),)
        if expression is not None:
            parts += (compile(expression, "<test>", "eval", flags=_AWAIT),)
        before = guard.enter(shell.user_ns, read=request["read"], python=request["python"])
    except BaseException as error:
        return _describe(error)
    names, kept = dict(before), dict(shell.user_ns)
    if request["shared"]:
        names = shell.user_ns
        names.clear()
        names.update(before)
    try:
        value = None
        for part in parts:  # the statements give None, the last line its value
            value = _evaluate(part, names)
        told = {"error": None, "result": None if value is None else protocol.text_of(value, repr)}
    except BaseException as error:
        told = _describe(error)
    finally:
        if request["shared"]:
            names = dict(names)
            shell.user_ns.clear()
            shell.user_ns.update(kept)
        guard.leave(before, names)
    for name, value in names.items():
        if name != "__builtins__" and before.get(name, names) is not value:
            shell.user_ns[name] = value
    return told


def _evaluate(code: types.CodeType, names: dict[str, Any]) -> Any:
    value = eval(code, names)
    if code.co_flags & 0x80:  # it awaits at its top level
        import asyncio

        return asyncio.run(value)
    return value


def _describe(error: BaseException) -> dict[str, Any]:
    """Tell an exception without a line of the test: its text, and where in the learner's cells."""
    try:
        lines = [protocol.text_of(line) for line in error._render_traceback_()]  # type: ignore[attr-defined]
    except BaseException:
        lines = [f"{type(error).__name__}: {protocol.text_of(error)}"]
    cause: BaseException | None = error
    while cause is not None and len(lines) < 50:
        trace = cause.__traceback__
        while trace is not None and len(lines) < 50:
            name, number = trace.tb_frame.f_code.co_filename, trace.tb_lineno
            if name.startswith(_CELL):
                where = f"in {trace.tb_frame.f_code.co_name}, line {number} of its cell: "
                lines.append(where + linecache.getline(name, number).strip())
            trace = trace.tb_next
        cause = cause.__cause__
    return {"error": [type(error).__name__, protocol.text_of(error), lines], "result": None}


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def _settle(uid: int, package: str) -> None:
    """Become the user of the jail and furnish the folder that the program was started in."""
    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    base, names = os.getcwd(), ("home", "work", "tmp")
    while any(os.path.lexists(f"{base}/{name}") for name in names):  # Python itself lies there
        base = f"{base}/jail"
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
    if package not in sys.path:  # the one that grades, before another that is installed
        installed = [n for n, path in enumerate(sys.path) if path.endswith("-packages")]
        sys.path.insert(min(installed, default=len(sys.path)), package)
    sys.path.append(f"{base}/work")  # last: what was handed in takes no library's place


def _put_file(name: str, content: bytes) -> None:
    try:
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "wb") as file:
            file.write(content)
    except OSError:  # larger than a file may be: the cell that opens it will tell
        pass


def _make_shell(channel: Any) -> _Shell:
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.xmode = "Context"
    config.IPKernelApp.name = "quantlab"  # tqdm and others ask for it: this is a notebook
    _Publisher.channel = _Hook.channel = channel
    shell = _Shell.instance(config=config)
    out, problems = protocol.Stream("stdout", channel, 1), protocol.Stream("stderr", channel, 2)
    out.other, problems.other = problems, out
    sys.stdout, sys.stderr = _Streams.both = out, problems
    builtins.input = _no_input
    shell.user_ns.pop("open", None)  # IPython's own, where a test would find it for Python's
    return shell


def _no_input(prompt: object = "") -> str:
    raise EOFError("input() finds nobody who could answer while a notebook is graded")


def _held() -> int:
    """Return the bytes of memory that this process has taken."""
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
