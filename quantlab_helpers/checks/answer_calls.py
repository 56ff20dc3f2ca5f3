"""Call an answer with limits, in this process or, while a notebook is graded, in another one."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import torch

NO_GRAPH = "your penalty is a plain number, without a graph that gradients could flow through"
DETACHED = "your penalty is a tensor that does not depend on the parameters: no gradient flows"
_MAX_FILE_BYTES = 32 * 2**20  # of the file that an answer writes


class TooManyLines(Exception):
    """A call ran more lines than its exercise allows."""


class OutOfTime(BaseException):
    """A call took too long. Not an `Exception`, so that the learner's code does not catch it."""


class Written(NamedTuple):
    """What an answer that writes a file returned, the file, and the names of other files."""

    returned: Any
    content: bytes | None
    other_files: list[str]
    seconds: float


def call_answer(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    *,
    line_limit: int | None = None,
    observation: str = "result",
) -> Any:
    """Call an answer without warnings; return what is compared, None if it returned None.

    Parameters
    ----------
    function : callable
        The answer. A function of another process has a method ``call_answer`` of its own.
    arguments : tuple
        Of the call; the answer may change them.
    line_limit : int, optional
        Lines of Python that the call may run.
    observation : {"result", "gradients"}
        What is compared: see `OBSERVATIONS`.

    Raises
    ------
    TooManyLines
        If the call ran more lines.

    Examples
    --------
    >>> call_answer(lambda x: x + 1, (2,))
    3
    """
    elsewhere = getattr(type(function), "call_answer", None)
    if elsewhere is not None:
        return elsewhere(function, arguments, line_limit=line_limit, observation=observation)
    # numpy's warnings and a stray print to stderr would cost points in nbgrader.
    with warnings.catch_warnings(), contextlib.redirect_stderr(sys.stdout):
        warnings.simplefilter("ignore")
        with _counted_lines(line_limit):
            result = function(*arguments)
    return None if result is None else OBSERVATIONS[observation](result, arguments)


def call_writer(function: Callable[..., Any], net: Any, *, seconds: float) -> Written:
    """Call an answer that writes a file; return the file.

    Parameters
    ----------
    function : callable
        Takes a network and the path of a file to write.
    net : Net
        The answer may change it.
    seconds : float
        Wall time that the call may take.

    Raises
    ------
    OutOfTime
        If the call took longer.
    ValueError
        If the file is larger than 32 MiB.

    Examples
    --------
    >>> call_writer(lambda net, path: path.write_bytes(b"12"), None, seconds=10).content
    b'12'
    """
    elsewhere = getattr(type(function), "call_writer", None)
    if elsewhere is not None:
        return elsewhere(function, net, seconds=seconds)  # type: ignore[no-any-return]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "smallest.safetensors"
        started = time.perf_counter()
        with warnings.catch_warnings(), contextlib.redirect_stderr(sys.stdout):
            warnings.simplefilter("ignore")
            with _time_limit(seconds):
                returned = function(net, path)
        taken = time.perf_counter() - started
        content = None
        if path.is_file():
            if path.stat().st_size > _MAX_FILE_BYTES:
                raise ValueError("the file is larger than 32 MiB, and float32 takes 2 MB")
            content = path.read_bytes()
        others = [file.name for file in Path(folder).iterdir() if file != path]
        if isinstance(returned, str | Path) and os.path.isfile(returned):
            others.append(str(returned))
    return Written(returned, content, others, taken)


def _result(result: Any, arguments: tuple[Any, ...]) -> Any:
    return result


def _gradients(result: Any, arguments: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return a penalty and its gradients for each parameter of a network, or why there are none."""
    if not isinstance(result, torch.Tensor):
        return result, NO_GRAPH
    if result.numel() != 1 or not result.requires_grad:
        return result.detach(), DETACHED
    parameters = [p for p in arguments[0].parameters() if p.requires_grad]
    try:
        gradients = torch.autograd.grad(result.sum(), parameters, allow_unused=True)
    except RuntimeError as error:
        text = str(error).partition("(")[0].partition(".")[0].strip()
        return result.detach(), f"torch cannot go back through your penalty ({text})"
    if all(gradient is None for gradient in gradients):
        return result.detach(), DETACHED
    all_gradients = [
        torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)
    ]
    return result.detach(), [gradient.double().numpy() for gradient in all_gradients]


# What an exercise compares, given the result of a call and its arguments.
OBSERVATIONS: dict[str, Callable[[Any, tuple[Any, ...]], Any]] = {
    "result": _result,
    "gradients": _gradients,
}


@contextlib.contextmanager
def _counted_lines(limit: int | None) -> Iterator[None]:
    """Raise `TooManyLines` in the code inside once it has run `limit` lines."""
    if limit is None:
        yield
        return
    lines, before = 0, sys.gettrace()

    def count(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        nonlocal lines
        lines += 1
        if lines > limit:
            raise TooManyLines
        return count

    sys.settrace(count)
    try:
        yield
    finally:
        sys.settrace(before)


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` in the code inside after so many seconds, if the system has a timer."""
    main = threading.current_thread() is threading.main_thread()
    if not (main and hasattr(signal, "setitimer")):
        yield
        return

    def on_alarm(number: int, frame: Any) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, on_alarm)
    started = time.monotonic()
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if remaining:  # continue the timer that ran before
            rest = max(remaining - (time.monotonic() - started), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, rest, interval)
