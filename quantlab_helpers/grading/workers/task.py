"""Mark one submission: what a worker does, and how it is told and tells.

No gradebook is known here.
"""

from __future__ import annotations

import base64
import functools
import json
import traceback
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

import nbformat
from nbformat import NotebookNode

from ..align.rebuild import align
from ..execute.cell_selection import needed
from ..execute.runner import execute
from ..lesson import Lesson, load_lesson
from ..records import InvalidNotebook, Limits, Repair, Result
from ..score import score, unscored


class Task(NamedTuple):
    """All that a mark hangs on."""

    course: str
    lesson: str
    student: str
    notebook: bytes
    files: dict[str, bytes]
    limits: Limits
    isolation: str
    everything: bool = False
    repairs: tuple[Repair, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return what `json.dumps` takes."""
        files = {name: _text(content) for name, content in self.files.items()}
        return {**self._asdict(), "notebook": _text(self.notebook), "files": files}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Task:
        """Read back what `as_json` gave."""
        read = {
            "notebook": base64.b64decode(plain["notebook"]),
            "files": {name: base64.b64decode(text) for name, text in plain["files"].items()},
            "limits": Limits(*plain["limits"]),
            "repairs": tuple(Repair(*repair) for repair in plain["repairs"]),
        }
        return cls(**{**plain, **read})


class Outcome(NamedTuple):
    """The verdict, the notebook where one was run, and a traceback where it was our fault."""

    result: Result
    executed: NotebookNode | None = None
    log: str = ""


def work(task: Task) -> Outcome:
    """Mark one submission.

    Parameters
    ----------
    task : Task
        What was handed in, and how it is to be run.

    Returns
    -------
    Outcome
        Never an exception: what goes wrong on our side is the verdict "infrastructure_error".
    """
    lesson = _lesson(task.course, task.lesson)
    try:
        return _mark(lesson, task)
    except InvalidNotebook as error:
        verdict, detail, log = "invalid_notebook", str(error), ""
    except Exception as error:
        verdict, detail, log = "infrastructure_error", in_a_line(error), traceback.format_exc()
    result = unscored(lesson, student=task.student, verdict=verdict, detail=detail)
    return Outcome(result._replace(repairs=task.repairs), log=log)


def _mark(lesson: Lesson, task: Task) -> Outcome:
    aligned = align(lesson, task.notebook)
    executed = execute(
        aligned.notebook,
        task.files,
        limits=task.limits,
        lesson=lesson.notebook,
        cells=needed(lesson, aligned.notebook, everything=task.everything),
        isolation=task.isolation,
    )
    result = score(lesson, executed, aligned=aligned, student=task.student)
    result = result._replace(repairs=(*task.repairs, *result.repairs))
    return Outcome(result, executed.notebook if result.score is not None else None)


def in_a_line(error: BaseException) -> str:
    """Return what an exception says, short enough for a table."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 200 else f"{text[:197]}..."


@functools.cache
def _lesson(course: str, name: str) -> Lesson:
    return load_lesson(course, name)


# Messages: the length in eight hexadecimal digits, and JSON


def outcome_of(plain: Any) -> Outcome:
    """Read what a worker sent."""
    result, notebook, log = plain
    executed = nbformat.reads(notebook, as_version=4) if notebook else None
    return Outcome(Result.from_json(result), executed, log)


def pack(message: Any) -> bytes:
    """Return a message as it is sent."""
    content = json.dumps(message).encode()
    return b"%08x" % len(content) + content


def send(stream: BinaryIO, outcome: Outcome) -> None:
    """Write what became of a task, and push it out."""
    notebook = outcome.executed and nbformat.writes(outcome.executed)
    stream.write(pack([outcome.result.as_json(), notebook, outcome.log]))
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """Read one message; None at the end of the stream."""
    head = stream.read(8)
    return json.loads(stream.read(int(head, 16))) if len(head) == 8 else None


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
