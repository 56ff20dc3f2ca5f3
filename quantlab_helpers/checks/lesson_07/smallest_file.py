"""Exercise smallest-file of lesson 07: points for the size of a file with an accurate network."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...compression.contest import MIN_ACCURACY, STEPS, FileScore, next_step, points_for, score_file
from ...metrics import float32_bytes
from ...model import load_baseline
from ..answer_calls import OutOfTime, Written, call_writer
from ..compare import type_name
from ..exercise import CheckFailed, NotAnswered, PointsExercise

SECONDS = 240  # nbgrader stops a cell of this course after 300


_NAME = "smallest-file"
_SIGNATURE = "smallest_file(net, path)"
_test_set_uses = 0  # how often this process has measured an accuracy on the test images


def _points(function: Any) -> int:
    """Return the points of the file that the function writes, and print what was measured."""
    global _test_set_uses
    if not callable(function):
        raise CheckFailed(
            f"the check got {function!r:.60}, which is not a function",
            f"the exercise asks for a function {_SIGNATURE}, so that it can be run again",
            "pass the function itself, without calling it",
        )
    net = load_baseline(device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "smallest.safetensors"
        written = _call(function, copy.deepcopy(net))
        if written.content is None:
            raise CheckFailed(*_no_file(written))
        path.write_bytes(written.content)
        score = score_file(path, device="cpu")
        if score.accuracy is None:
            raise CheckFailed(*_not_loaded(path, score))
    _test_set_uses += 1
    _raise_without_points(score)
    ratio = float32_bytes(net) / score.bytes
    print(
        f"{_NAME}: {score.bytes:,} bytes on disk, {ratio:.0f} times smaller than float32; "
        f"accuracy {score.accuracy:.2%} on the test images; {written.seconds:.0f} s.\n"
        f"{score.points} of {STEPS[-1].points} points."
    )
    following = next_step(score.bytes)
    if following is not None:
        print(
            f"{following.points} points: at most {following.bytes:,} bytes. "
            f"One way: {following.means}."
        )
    if _test_set_uses > 1:
        print(
            f"You have used the test images {_test_set_uses} times. "
            "Compare your attempts on the validation images."
        )
    return score.points


def _call(function: Callable[..., Any], net: Any) -> Written:
    """Call the answer for at most `SECONDS`; return the file that it wrote."""
    try:
        return call_writer(function, net, seconds=SECONDS)
    except OutOfTime:
        raise CheckFailed(
            f"{_SIGNATURE} was stopped after {SECONDS} seconds",
            "the same function is run again when it is graded, on a machine with one thread",
            "train on fewer images or for fewer epochs; or keep the file that a long search "
            "found next to the notebook, and copy it to `path` with shutil.copy",
        ) from None
    except NotImplementedError:
        raise NotAnswered(
            f"{_NAME} is not answered yet: write the body of {_SIGNATURE} "
            "in place of `raise NotImplementedError`."
        ) from None
    except Exception as error:
        raise CheckFailed(
            f"{_SIGNATURE} raised {type(error).__name__}: {error}",
            "the function gets a copy of the baseline and the path of a file to write",
            "run it yourself on ql.load_baseline() and a file name, and see where it fails",
        ) from error


def _raise_without_points(score: FileScore) -> None:
    """Raise `CheckFailed` if a file that loads earns no points."""
    if score.problem:
        raise CheckFailed(
            f"{score.bytes:,} bytes, but {score.problem}",
            f"a file counts only at an accuracy of {MIN_ACCURACY:.1%} or more; a network that just "
            "reaches it on some images can be a little below it on others",
            "go one step back, or train a little longer with the zeros kept at 0; choose a network "
            "with some margin on the validation images",
        )
    if points_for(score.bytes) == 0:
        most = STEPS[0]
        raise CheckFailed(
            f"the file has {score.bytes:,} bytes, and the first point needs at most {most.bytes:,}",
            "tensors that were not quantized are stored as floats, 4 bytes for each number",
            f"quantize the weights of every layer with quantize_model: {most.means}",
        )


def _no_file(written: Written) -> tuple[str, str, str]:
    """Return what happened, why, and the fix if the function wrote no file at `path`."""
    happened, returned = "your function ended, and there is no file at `path`", written.returned
    if isinstance(returned, bytes | bytearray):
        return (
            f"{happened}; it returned {len(returned):,} bytes",
            "the exercise asks for a file on disk",
            "write the file: ql.save_quantized(model, path)",
        )
    if type_name(returned) == "QuantizedModel":
        return (
            f"{happened}; it returned a QuantizedModel",
            "a model in memory has no size on disk",
            "end with ql.save_quantized(model, path)",
        )
    if written.other_files:
        return (
            f"{happened}; you wrote {written.other_files[0]!r}",
            "the check reads exactly the file whose name it passed",
            "write to `path` as it is",
        )
    return (
        happened,
        "the points are for the size of the file that your function writes",
        "end with ql.save_quantized(model, path)",
    )


def _not_loaded(path: Path, score: FileScore) -> tuple[str, str, str]:
    """Return what happened, why, and the fix if the file cannot be loaded."""
    with path.open("rb") as file:
        first_bytes = file.read(2)
    happened = f"your file of {score.bytes:,} bytes does not count: {score.problem}"
    if (
        first_bytes == b"PK" or first_bytes[:1] == b"\x80"
    ):  # torch.save's zip archive, or a bare pickle
        return (
            "your file was written by torch.save or pickle",
            "such a file can run any code when it is opened, so it is not read here; also, it "
            "holds float32 numbers",
            "quantize with quantize_model, and write with ql.save_quantized(model, path)",
        )
    return (
        happened,
        "the file is read by ql.load_quantized, on a machine that has no other file of yours",
        "write it with ql.save_quantized(model, path) at the end, and do not change it after that",
    )


EXERCISE = PointsExercise(name=_NAME, points=_points)
