"""Messages between the grader and the programs in a sandbox: the kernel and the judge.

A request is eight hexadecimal digits, its length in bytes, followed by JSON. A reply is one line
of JSON, so that bytes which a submission writes into the pipe spoil one reply and not all that
follow. The grader imports this module; the programs load it by its path.
"""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

_FLUSH_SECONDS = 0.1  # printed text is kept this long before it is sent
_PART_CHARACTERS = 16384  # of printed text in one reply


def encode_message(message: Any) -> bytes:
    """Return a message as length and JSON.

    Values of types that JSON does not have become text.

    Examples
    --------
    >>> encode_message({"op": "run"})
    b'0000000d{"op": "run"}'
    """
    return frame(json.dumps(message, default=str).encode())


def frame(content: bytes) -> bytes:
    """Return JSON that is written already as a message.

    Examples
    --------
    >>> frame(b"[1]")
    b'00000003[1]'
    """
    return b"%08x" % len(content) + content


def decode_message(read: Callable[[int], bytes]) -> Any:
    """Return the next message of a stream.

    Parameters
    ----------
    read : callable
        Takes a number of bytes and returns exactly so many.

    Examples
    --------
    >>> decode_message(io.BytesIO(b'0000000d{"op": "run"}').read)
    {'op': 'run'}
    """
    size = int(read(8), 16)
    return json.loads(read(size))


def encode_line(message: Any) -> bytes:
    """Return a message as one line of JSON; values are converted as in `encode_message`."""
    return f"{json.dumps(message, default=str)}\n".encode()


def decode_line(line: bytes) -> Any:
    """Return the message of one line, None for a broken one.

    Examples
    --------
    >>> decode_line(b'{"op":"ready"}'), decode_line(b"noise")
    ({'op': 'ready'}, None)
    """
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


class Channel:
    """A program's ends of its two pipes: requests come in, replies go out.

    Parameters
    ----------
    requests, replies : int
        File descriptors.
    output_bytes : int
        Outputs of one cell beyond this size are not sent.
    inherited : bool, default=False
        Leave the pipes open in forked processes.
    """

    def __init__(
        self, requests: int, replies: int, output_bytes: int, *, inherited: bool = False
    ) -> None:
        self.requests, self.replies, self.output_bytes = requests, replies, output_bytes
        self.bytes_left = output_bytes
        self._lock = threading.RLock()
        for descriptor in (requests, replies):
            os.set_inheritable(descriptor, False)
        if not inherited:
            os.register_at_fork(after_in_child=self._close)

    def send(self, **reply: Any) -> None:
        """Send a reply; SIGINT is blocked meanwhile, so that the line is complete."""
        line = encode_line(reply)
        with self._lock:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                view = memoryview(line)
                while view:
                    view = view[os.write(self.replies, view) :]
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

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
            part = os.read(self.requests, size - len(content))
            if not part:
                os._exit(0)
            content += part
        return bytes(content)

    def _close(self) -> None:
        os.close(self.requests)
        os.close(self.replies)


class Stream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of the notebook; sends what is printed to the grader."""

    encoding, errors = "utf-8", "strict"

    def __init__(self, name: str, channel: Channel, number: int) -> None:
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
            self._since = time.monotonic()
        self._unsent.append(text)
        self._size += len(text)
        if self._size > 8192 or time.monotonic() - self._since > _FLUSH_SECONDS:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Send the text that was kept."""
        text, self._unsent, self._size = "".join(self._unsent), [], 0
        step = _PART_CHARACTERS
        for start in range(0, min(len(text), self._channel.output_bytes + step), step):
            part = text[start : start + step]
            self._channel.send_output(len(part), op="stream", name=self.name, text=part)


def send_display(channel: Channel, op: str, data: Any, metadata: Any, **more: Any) -> None:
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


def safe_text(value: Any, to_text: Any = str) -> str:
    """Return the text of an object as a plain `str`, or a note if it raises an exception."""
    try:
        return str.__str__(to_text(value))[:20_000]
    except BaseException as error:
        return f"[no text: {type(error).__name__}]"
