"""Messages between the grader and the kernel: to_text they are encoded, sent and received.

A request is eight hexadecimal digits, its length in bytes, followed by JSON. A reply is one line
of JSON, so that bytes which a submission writes into the pipe spoil one reply and not all that
follow. The grader imports this module; `kernel.py` loads it by its path and runs it beside code
that may have replaced anything that Python allows to replace. The functions used for sending
therefore call only C functions that are kept here.
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
from collections.abc import Callable
from typing import Any

# The original built-in functions, in case a submission replaces them.
globals()["__builtins__"] = vars(builtins).copy()

_FLUSH_SECONDS = 0.1  # printed text is kept this long before it is sent
_PART_CHARACTERS = 16384  # of printed text in one reply
_write, _read, _exit = os.write, os.read, os._exit
_mask, _clock = signal.pthread_sigmask, time.monotonic
_decoder: Any = json.JSONDecoder()
_scan = _decoder.scan_once  # a C function


def encode_message(message: Any) -> bytes:
    """Return a message as length and JSON.

    NaN and infinities become null; values of types that JSON does not have become text.

    Examples
    --------
    >>> encode_message({"op": "run"})
    b'0000000c{"op":"run"}'
    """
    content = _to_json(message).encode()
    return b"%08x" % len(content) + content


def decode_message(read: Callable[[int], bytes]) -> Any:
    """Return the next message of a stream.

    Parameters
    ----------
    read : callable
        Takes a number of bytes and returns exactly so many.

    Examples
    --------
    >>> decode_message(io.BytesIO(b'0000000c{"op":"run"}').read)
    {'op': 'run'}
    """
    size = int(read(8), 16)
    return _scan(read(size).decode(), 0)[0]


def encode_line(message: Any) -> bytes:
    """Return a message as one line of JSON; values are converted as in `encode_message`."""
    return f"{_to_json(message)}\n".encode()


def decode_lines(content: bytes) -> tuple[list[Any], bytes]:
    """Return the messages of all complete lines, None for a broken one, and the rest.

    Examples
    --------
    >>> decode_lines(b'{"op":"ready"}\\nnoise\\n{"op"')
    ([{'op': 'ready'}, None], b'{"op"')
    """
    *lines, rest = content.split(b"\n")
    return [_parse_line(line) for line in lines], rest


def _parse_line(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


class KernelChannel:
    """The kernel's ends of its two pipes: requests come in, replies go out.

    Parameters
    ----------
    requests, replies : int
        File descriptors.
    output_bytes : int
        Outputs of one cell beyond this size are not sent.
    """

    def __init__(self, requests: int, replies: int, output_bytes: int) -> None:
        self.requests, self.replies, self.output_bytes = requests, replies, output_bytes
        self.bytes_left = output_bytes
        self._lock = threading.RLock()
        for descriptor in (requests, replies):
            os.set_inheritable(descriptor, False)
        os.register_at_fork(after_in_child=self._close)

    def send(self, **reply: Any) -> None:
        """Send a reply; SIGINT is blocked meanwhile, so that the line is complete."""
        line = encode_line(reply)
        with self._lock:
            _mask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                _write(self.replies, line)
            finally:
                _mask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def send_output(self, size: int, **reply: Any) -> None:
        """Send an output if the cell has bytes left; the grader may cut the last one."""
        if self.bytes_left > 0:
            self.bytes_left -= size
            self.send(**reply)

    def receive(self) -> dict[str, Any]:
        """Wait for a request and return it; end the process if the grader has closed the pipe."""
        request: dict[str, Any] = decode_message(self._read_exactly)
        return request

    def _read_exactly(self, size: int) -> bytes:
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
    """`sys.stdout` or `sys.stderr` of the notebook; sends what is printed to the grader."""

    encoding, errors = "utf-8", "strict"

    def __init__(self, name: str, channel: KernelChannel, number: int) -> None:
        self.name, self._channel, self._number = name, channel, number
        self._unsent: list[str] = []
        self._size, self._since = 0, 0.0
        self.other: Stream | None = None

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return False: it is not a terminal."""
        return False

    def fileno(self) -> int:
        """Return the file descriptor that programs started by a cell write to."""
        return self._number

    def write(self, text: str) -> int:
        """Keep text; send it if it is long or older than a fraction of a second."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self.other is not None and self.other._unsent:
            self.other.flush()
        if not self._unsent:
            self._since = _clock()
        self._unsent.append(text)
        self._size += len(text)
        if self._size > 8192 or _clock() - self._since > _FLUSH_SECONDS:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Send the text that was kept."""
        text, self._unsent, self._size = "".join(self._unsent), [], 0
        step = _PART_CHARACTERS
        for start in range(0, min(len(text), self._channel.output_bytes + step), step):
            part = text[start : start + step]
            self._channel.send_output(len(part), op="stream", name=self.name, text=part)


def send_display(channel: KernelChannel, op: str, data: Any, metadata: Any, **more: Any) -> None:
    """Send a displayed value; one that is too large is replaced by a line of text."""
    forms = {str(kind): _safe_form(value) for kind, value in dict(data).items()}
    size = sum(len(form) if isinstance(form, str) else 1000 for form in forms.values())
    if size > channel.output_bytes:
        forms = {"text/plain": f"[an output of {size:,} bytes, left out]"}
        size = 100
    channel.send_output(size, op=op, data=forms, metadata=_json_or_empty(metadata or {}), **more)


def _safe_form(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value if isinstance(value, str) else _json_or_empty(value)


def _json_or_empty(value: Any) -> Any:
    try:
        text = json.dumps(value, default=str)
        return json.loads(text) if len(text) < 100_000 else {}
    except (TypeError, ValueError, RecursionError):
        return {}


def _to_json(value: Any) -> str:
    """Return JSON, using no function of a module that a submission could replace."""
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
        return f"[{','.join([_to_json(item) for item in value])}]"
    if kind is dict:
        items = [f"{_quote(str(name))}:{_to_json(item)}" for name, item in value.items()]
        return f"{{{','.join(items)}}}"
    return _quote(str(value))


def safe_text(value: Any, to_text: Any = str) -> str:
    """Return the text of an object as a plain `str`, or a note if it raises an exception."""
    try:
        return str.__str__(to_text(value))[:20_000]
    except BaseException as error:
        return f"[no text: {type(error).__name__}]"
