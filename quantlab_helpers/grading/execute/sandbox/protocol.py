"""What the kernel says and how: one line of JSON for each thing that a cell puts out.

`kernel` loads this file by its path. It runs beside code that may have replaced whatever Python
lets it replace, so what matters here is done without the library's modules.
"""

from __future__ import annotations

import base64
import builtins
import io
import json
import os
import signal
import threading
import time
from _json import encode_basestring_ascii as _quote
from typing import Any

# Whatever a submission puts in place of a built-in function, the code here has the real one.
globals()["__builtins__"] = vars(builtins).copy()

_FLUSH = 0.1  # seconds that printed text waits for more
_write, _read, _exit = os.write, os.read, os._exit
_mask, _clock = signal.pthread_sigmask, time.monotonic
_decoder: Any = json.JSONDecoder()
_scan = _decoder.scan_once  # written in C: it calls nothing that could be replaced


class Channel:
    """The pipes to the one who grades."""

    def __init__(self, requests: int, replies: int, output_bytes: int) -> None:
        self.requests, self.replies, self.most = requests, replies, output_bytes
        self.room = output_bytes
        self._lock = threading.RLock()
        for descriptor in (requests, replies):
            os.set_inheritable(descriptor, False)
        os.register_at_fork(after_in_child=self._close)

    def send(self, **reply: Any) -> None:
        """Write one line; an interrupt must not cut it."""
        line = f"{_plain(reply)}\n".encode()
        with self._lock:
            _mask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                _write(self.replies, line)
            finally:
                _mask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def show(self, size: int, **reply: Any) -> None:
        """Send an output, while the cell has room for it; the last one may be cut short there."""
        if self.room > 0:
            self.room -= size
            self.send(**reply)

    def receive(self) -> dict[str, Any]:
        """Wait for a request; end the process where there is nobody left to send one."""
        size = int(self._exactly(8), 16)
        request: dict[str, Any] = _scan(self._exactly(size).decode(), 0)[0]
        return request

    def _exactly(self, size: int) -> bytes:
        content = bytearray()
        while len(content) < size:
            part = _read(self.requests, size - len(content))
            if not part:
                _exit(0)
            content += part
        return bytes(content)

    def _close(self) -> None:
        os.close(self.requests)
        os.close(self.replies)


class Stream(io.TextIOBase):
    """`sys.stdout` and `sys.stderr` of a notebook."""

    encoding, errors = "utf-8", "strict"

    def __init__(self, name: str, channel: Channel, number: int) -> None:
        self.name, self._channel, self._number = name, channel, number
        self._waiting: list[str] = []
        self._size, self._since = 0, 0.0
        self.other: Stream | None = None

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def isatty(self) -> bool:
        """Return that nobody sits in front of it."""
        return False

    def fileno(self) -> int:
        """Return what programs that the cell starts write to."""
        return self._number

    def write(self, text: str) -> int:
        """Take text; it is sent when there is enough of it, or after a moment."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self.other is not None and self.other._waiting:
            self.other.flush()
        if not self._waiting:
            self._since = _clock()
        self._waiting.append(text)
        self._size += len(text)
        if self._size > 8192 or _clock() - self._since > _FLUSH:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Send what waits."""
        text, self._waiting, self._size = "".join(self._waiting), [], 0
        most = 16384  # characters in one line of the channel
        for start in range(0, min(len(text), self._channel.most + most), most):
            part = text[start : start + most]
            self._channel.show(len(part), op="stream", name=self.name, text=part)


def show(channel: Channel, op: str, data: Any, metadata: Any, **more: Any) -> None:
    """Send a value in the forms that fit; a large one is told by a line."""
    forms = {str(kind): _form(value) for kind, value in dict(data).items()}
    size = sum(len(form) if isinstance(form, str) else 1000 for form in forms.values())
    if size > channel.most:
        forms = {"text/plain": f"[an output of {size:,} bytes, left out]"}
        size = 100
    channel.show(size, op=op, data=forms, metadata=_jsonable(metadata or {}), **more)


def _form(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value if isinstance(value, str) else _jsonable(value)


def _jsonable(value: Any) -> Any:
    try:
        text = json.dumps(value, default=str)
        return json.loads(text) if len(text) < 100_000 else {}
    except (TypeError, ValueError, RecursionError):
        return {}


def _plain(value: Any) -> str:
    """Write JSON with nothing that lies in a module where a submission could replace it."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    kind = type(value)
    if kind is str:
        return _quote(value)
    if kind is int or kind is float:
        return repr(value) if value == value and abs(value) != float("inf") else "null"
    if kind is list or kind is tuple:
        return f"[{','.join([_plain(item) for item in value])}]"
    if kind is dict:
        items = [f"{_quote(str(name))}:{_plain(item)}" for name, item in value.items()]
        return f"{{{','.join(items)}}}"
    return _quote(str(value))


def text_of(value: Any, how: Any = str) -> str:
    """Return what an object says of itself, or that it will not; never a class of its own."""
    try:
        return str.__str__(how(value))[:20_000]
    except BaseException as error:
        return f"[no text: {type(error).__name__}]"
