"""Listen to what Python tells of its own doings, which no code in the process can switch off."""

from __future__ import annotations

import builtins
import opcode
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

# Whatever a submission puts in place of a built-in function, the code here has the real one.
globals()["__builtins__"] = vars(builtins).copy()

_CELL = "<ipython-input-"  # how IPython names the code of a cell
_CALLS = {number for name, number in opcode.opmap.items() if "CALL" in name}
_AUDITED = {
    "sys._getframe": "looked at the calls that led to it",
    "sys._current_frames": "looked at the calls of other threads",
    "sys.settrace": "set a trace function",
    "sys.setprofile": "set a profile function",
    "sys.addaudithook": "set an audit hook",
    "gc.get_objects": "listed the objects of the process",
    "gc.get_referrers": "asked who refers to an object",
    "ctypes.dlopen": "loaded a library past Python",
    "ctypes.dlsym": "called a library past Python",
}
_DEEP = {"gc.get_objects", "gc.get_referrers", "sys._current_frames"}  # by whatever way


def install(report: Callable[[str], None], *, offline: bool) -> None:
    """Tell what a submission's own code asks Python for; this cannot be undone.

    Parameters
    ----------
    report : callable
        Takes one line of evidence at a time, and passes it out of the process.
    offline : bool
        Refuse connections; for a jail that shares the machine's network.
    """
    frame, trace, busy, told = sys._getframe, sys.gettrace, threading.local(), set[str]()

    def say(text: str) -> None:
        if text not in told and len(told) < 50:
            told.add(text)
            report(text)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        far = event in ("socket.getaddrinfo", "socket.gethostbyname")
        if offline and (far or (event == "socket.connect" and type(arguments[1]) is tuple)):
            raise PermissionError("no network while a notebook is graded")
        if event == "open" and type(arguments[0]) is str and arguments[0].endswith("/mem"):
            say(f"the notebook opened {arguments[0][:50]}")
        if event not in _AUDITED or getattr(busy, "on", False):
            return
        busy.on = True
        try:
            caller = frame(1)
            from_cell = caller.f_code.co_filename.startswith(_CELL)
            while event in _DEEP and not from_cell and caller.f_back is not None:
                caller = caller.f_back
                from_cell = caller.f_code.co_filename.startswith(_CELL)
            if from_cell and not (event == "sys.settrace" and _is_reset(caller, trace())):
                say(f"the notebook {_AUDITED[event]} ({event})")
        finally:
            busy.on = False
        if event == "sys.addaudithook" and from_cell:
            raise RuntimeError("no further hooks while a notebook is graded")

    sys.addaudithook(audit)


def _is_reset(caller: types.FrameType, trace: Any) -> bool:
    """Return whether it is Python that ends a trace, since the check's own function raised."""
    code = getattr(trace, "__code__", None)
    ours = type(code) is types.CodeType and not code.co_filename.startswith(_CELL)
    return ours and caller.f_code.co_code[caller.f_lasti] not in _CALLS
