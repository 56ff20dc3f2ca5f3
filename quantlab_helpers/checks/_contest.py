"""The contest of lesson 07 as an exercise: points by the bytes of a file, and what to try next."""

from __future__ import annotations

import contextlib
import copy
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..compression.contest import MIN_ACCURACY, STEPS, FileScore, next_step, points_for, score_file
from ..metrics import float32_bytes
from ..model import load_baseline
from ..network import QuantizedModel
from ._layers import FOLD_BATCHNORM, MERGE_DENSE
from ._shrink import EXACT_ZEROS, SPEND_THE_BUDGET
from .exercise import CheckFailed, FunctionExercise, NotAnswered, ValueExercise

SECONDS = 240  # nbgrader stops a cell of this course after 300
_looks = 0  # how often this process has looked at the test images for somebody


class _OutOfTime(BaseException):
    """A call took too long; no `except Exception` of the learner's may catch it."""


@dataclass(frozen=True, kw_only=True)
class ContestExercise:
    """The learner writes a function that writes a file, and `points` says what it is worth."""

    name: str
    signature: str

    def points(self, function: Any) -> int:
        """Return the points of the file; raise `CheckFailed` or `NotAnswered` where it has none.

        Prints what was measured, and what the next step is.
        """
        global _looks
        if not callable(function):
            raise CheckFailed(
                f"the check got {function!r:.60}, which is not a function",
                f"the exercise asks for a function {self.signature}, so that it can be run again",
                "pass the function itself, without calling it",
            )
        net = load_baseline(device="cpu")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "smallest.safetensors"
            started = time.perf_counter()
            returned = self._call(function, copy.deepcopy(net), path)
            seconds = time.perf_counter() - started
            if not path.is_file():
                raise CheckFailed(*_no_file(returned, path))
            score = score_file(path, device="cpu")
            if score.accuracy is None:
                raise CheckFailed(*_not_loaded(path, score))
        _looks += 1
        _judge(score)
        times = float32_bytes(net) / score.bytes
        print(
            f"{self.name}: {score.bytes:,} bytes on disk, {times:.0f} times smaller than float32; "
            f"{score.accuracy:.2%} of the test images; {seconds:.0f} s.\n"
            f"{score.points} of {STEPS[-1].points} points."
        )
        below = next_step(score.bytes)
        if below is not None:
            print(f"{below.points} points: at most {below.bytes:,} bytes. A way: {below.means}.")
        if _looks > 1:
            print(f"This was look {_looks} at the test images. Choose on the validation images.")
        return score.points

    def _call(self, function: Callable[..., Any], net: Any, path: Path) -> Any:
        """Call the answer quietly, and for no longer than `SECONDS`."""
        try:
            with warnings.catch_warnings(), contextlib.redirect_stderr(sys.stdout):
                warnings.simplefilter("ignore")
                with _limited(SECONDS):
                    return function(net, path)
        except _OutOfTime:
            raise CheckFailed(
                f"{self.signature} was stopped after {SECONDS} seconds",
                "the same function is run again when it is graded, on a machine with one thread",
                "train on fewer images or for fewer epochs; or keep the file that a long search "
                "found beside the notebook, and copy it to `path` with shutil.copy",
            ) from None
        except NotImplementedError:
            raise NotAnswered(
                f"{self.name} is not answered yet: write the body of {self.signature} "
                "in place of `raise NotImplementedError`."
            ) from None
        except Exception as error:
            raise CheckFailed(
                f"{self.signature} raised {type(error).__name__}: {error}",
                "the function gets a copy of the baseline and the path of a file to write",
                "run it by itself on ql.load_baseline() and a file name, and read where it fails",
            ) from error


def _judge(score: FileScore) -> None:
    """Raise where a network that could be tested earns nothing."""
    if score.problem:
        raise CheckFailed(
            f"{score.bytes:,} bytes, but {score.problem}",
            f"bytes count only at {MIN_ACCURACY:.1%} or better; a network that is just as good as "
            "that on some images can be a little worse on others",
            "go one step back, or train a little longer with the zeros held; choose a network "
            "with some margin on the validation images",
        )
    if points_for(score.bytes) == 0:
        most = STEPS[0]
        raise CheckFailed(
            f"the file has {score.bytes:,} bytes, and the first point needs at most {most.bytes:,}",
            "tensors that were not quantized are stored as floats, 4 bytes for each number",
            f"quantize the weights of every layer with quantize_model: {most.means}",
        )


def _no_file(returned: Any, path: Path) -> tuple[str, str, str]:
    """Say why there is no file where one was asked for."""
    happened = "your function ended, and there is no file at `path`"
    if isinstance(returned, bytes | bytearray):
        return (
            f"{happened}; it returned {len(returned):,} bytes",
            "asked for is a file on disk, as it would be sent to somebody",
            "write the file: ql.save_quantized(model, path)",
        )
    if isinstance(returned, QuantizedModel):
        return (
            f"{happened}; it returned a QuantizedModel",
            "a model in memory has no size on disk",
            "end with ql.save_quantized(model, path)",
        )
    others = [str(found.name) for found in path.parent.iterdir()]
    if isinstance(returned, str | Path) and Path(returned).is_file():
        others.append(str(returned))
    if others:
        return (
            f"{happened}; you wrote {others[0]!r}",
            "the check reads exactly the file whose name it passed",
            "write to `path` as it is",
        )
    return (
        happened,
        "it has to write one, with any content that counts",
        ("end with ql.save_quantized(model, path)"),
    )


def _not_loaded(path: Path, score: FileScore) -> tuple[str, str, str]:
    """Say what kind of file it is that the loader does not take."""
    with path.open("rb") as file:
        begins = file.read(2)
    happened = f"your file of {score.bytes:,} bytes does not count: {score.problem}"
    if begins == b"PK" or begins[:1] == b"\x80":  # torch.save's zip archive, or a bare pickle
        return (
            "your file is one of torch.save or pickle",
            "such a file can run any code when it is opened, and is not read here; besides, it "
            "holds float32 numbers",
            "quantize with quantize_model, and write with ql.save_quantized(model, path)",
        )
    return (
        happened,
        "the file is read by ql.load_quantized, on a machine that has nothing else of yours",
        "write it with ql.save_quantized(model, path), last of all, and leave it as it is",
    )


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise `_OutOfTime` inside after so many seconds, where the system has a timer for that."""
    main = threading.current_thread() is threading.main_thread()
    if not (main and hasattr(signal, "setitimer")):
        yield
        return

    def ring(number: int, frame: Any) -> None:
        raise _OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    started = time.monotonic()
    left, again = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:  # somebody else's timer goes on
            rest = max(left - (time.monotonic() - started), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, rest, again)


_CONTEST = ContestExercise(name="smallest-file", signature="smallest_file(net, path)")

EXERCISES: list[FunctionExercise | ValueExercise | ContestExercise] = [
    EXACT_ZEROS,
    FOLD_BATCHNORM,
    MERGE_DENSE,
    SPEND_THE_BUDGET,
    _CONTEST,
]
