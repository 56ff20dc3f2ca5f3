"""Report introspection by submitted code through `sys.addaudithook`, which cannot be removed."""

from __future__ import annotations

import builtins
import opcode
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

# The original built-in functions, in case a submission replaces them.
globals()["__builtins__"] = vars(builtins).copy()

_CELL_FILENAME = "<ipython-input-"  # start of the file name that IPython gives to a cell
_CALL_OPCODES = {number for name, number in opcode.opmap.items() if "CALL" in name}
_AUDITED = {
    "sys._getframe": "looked at the calls that led to it",
    "sys._current_frames": "looked at the calls of other threads",
    "sys.settrace": "set a trace function",
    "sys.setprofile": "set a profile function",
    "sys.addaudithook": "set an audit hook",
    "gc.get_objects": "listed the objects of the process",
    "gc.get_referrers": "listed the objects that refer to an object",
    "ctypes.dlopen": "loaded a library with ctypes",
    "ctypes.dlsym": "called a library with ctypes",
}
# Reported if any caller is a submitted cell, not only the direct one.
_FROM_ANY_CALLER = {"gc.get_objects", "gc.get_referrers", "sys._current_frames"}


def install(report: Callable[[str], None], *, offline: bool) -> None:
    """Add an audit hook that reports introspection by submitted cells; it cannot be removed.

    Parameters
    ----------
    report : callable
        Called with one sentence of evidence at a time.
    offline : bool
        Refuse network connections; for a sandbox that shares the machine's network.
    """
    frame, trace, state, reported = sys._getframe, sys.gettrace, threading.local(), set[str]()

    def report_once(text: str) -> None:
        if text not in reported and len(reported) < 50:
            reported.add(text)
            report(text)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        is_lookup = event in ("socket.getaddrinfo", "socket.gethostbyname")
        if offline and (is_lookup or (event == "socket.connect" and type(arguments[1]) is tuple)):
            raise PermissionError("no network while a notebook is graded")
        if event == "open" and type(arguments[0]) is str and arguments[0].endswith("/mem"):
            report_once(f"the notebook opened {arguments[0][:50]}")
        if event not in _AUDITED or getattr(state, "is_busy", False):
            return
        state.is_busy = True
        try:
            caller = frame(1)
            from_cell = caller.f_code.co_filename.startswith(_CELL_FILENAME)
            while event in _FROM_ANY_CALLER and not from_cell and caller.f_back is not None:
                caller = caller.f_back
                from_cell = caller.f_code.co_filename.startswith(_CELL_FILENAME)
            if from_cell and not (event == "sys.settrace" and _is_reset(caller, trace())):
                report_once(f"the notebook {_AUDITED[event]} ({event})")
        finally:
            state.is_busy = False
        if event == "sys.addaudithook" and from_cell:
            raise RuntimeError("no further hooks while a notebook is graded")

    sys.addaudithook(audit)


def _is_reset(caller: types.FrameType, trace: Any) -> bool:
    """Return whether Python itself removes a check's trace function, because it raised."""
    code = getattr(trace, "__code__", None)
    is_from_check = type(code) is types.CodeType and not code.co_filename.startswith(_CELL_FILENAME)
    return is_from_check and caller.f_code.co_code[caller.f_lasti] not in _CALL_OPCODES
