"""Grade one submission in a worker process; encode tasks and outcomes for the pipe."""

from __future__ import annotations

import base64
import functools
import traceback
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

import nbformat
from nbformat import NotebookNode

from ..align.rebuild import align
from ..execute.cell_selection import cells_to_run
from ..execute.runner import execute
from ..execute.sandbox.protocol import decode_message, encode_message
from ..lesson import Lesson, load_lesson
from ..records import InvalidNotebook, Limits, Repair, Result, SharedTest, Verdict
from ..score import score, unscored


class GradingTask(NamedTuple):
    """Everything that determines a score: equal tasks give equal results."""

    course: str
    lesson: str
    student: str
    notebook: bytes
    files: dict[str, bytes]
    limits: Limits
    isolation: str
    run_all_cells: bool = False
    repairs: tuple[Repair, ...] = ()
    lesson_files: Mapping[str, bytes] = {}  # of the instructor, for the tests
    shared: Mapping[str, SharedTest] = {}  # tests that cannot be judged apart

    def as_json(self) -> dict[str, Any]:
        """Return the task as dictionaries and lists that `json.dumps` takes."""
        encoded = {
            field: {name: _base64(content) for name, content in getattr(self, field).items()}
            for field in ("files", "lesson_files")
        }
        return {**self._asdict(), "notebook": _base64(self.notebook), **encoded}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> GradingTask:
        """Make a task from what `as_json` returned."""
        decoded: dict[str, Any] = {
            field: {name: base64.b64decode(text) for name, text in plain[field].items()}
            for field in ("files", "lesson_files")
        }
        decoded |= {
            "notebook": base64.b64decode(plain["notebook"]),
            "limits": Limits(*plain["limits"]),
            "repairs": tuple(Repair(*repair) for repair in plain["repairs"]),
            "shared": {name: SharedTest(*test) for name, test in plain["shared"].items()},
        }
        return cls(**{**plain, **decoded})


class GradingOutcome(NamedTuple):
    """The verdict, the executed notebook if any, and the traceback of an infrastructure error."""

    result: Result
    executed: NotebookNode | None = None
    log: str = ""


def grade_submission(task: GradingTask) -> GradingOutcome:
    """Align, execute and score one submission.

    Parameters
    ----------
    task : GradingTask
        The submission and the conditions of its execution.

    Returns
    -------
    GradingOutcome
        An exception becomes the verdict "infrastructure_error"; none is raised.
    """
    lesson = _load_lesson(task.course, task.lesson)
    try:
        return _grade(lesson, task)
    except InvalidNotebook as error:
        verdict, detail, log = Verdict.INVALID_NOTEBOOK, str(error), ""
    except Exception as error:
        verdict, detail = Verdict.INFRASTRUCTURE_ERROR, one_line(error)
        log = traceback.format_exc()
    result = unscored(lesson, student=task.student, verdict=verdict, detail=detail)
    return GradingOutcome(result._replace(repairs=task.repairs), log=log)


def _grade(lesson: Lesson, task: GradingTask) -> GradingOutcome:
    aligned = align(lesson, task.notebook)
    executed = execute(
        aligned.notebook,
        task.files,
        limits=task.limits,
        lesson=lesson.notebook,
        lesson_files=task.lesson_files,
        shared=task.shared,
        cells=cells_to_run(lesson, aligned.notebook, run_all_cells=task.run_all_cells),
        isolation=task.isolation,
    )
    result = score(lesson, executed, aligned=aligned, student=task.student)
    result = result._replace(repairs=(*task.repairs, *result.repairs))
    return GradingOutcome(result, executed.notebook if result.score is not None else None)


def one_line(error: BaseException) -> str:
    """Return an exception's type and message in one line of at most 200 characters."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 200 else f"{text[:197]}..."


@functools.cache
def _load_lesson(course: str, name: str) -> Lesson:
    return load_lesson(course, name)


def decode_outcome(plain: Any) -> GradingOutcome:
    """Make an outcome from a decoded message."""
    result, notebook, log = plain
    executed = nbformat.reads(notebook, as_version=4) if notebook else None
    return GradingOutcome(Result.from_json(result), executed, log)


def send(stream: BinaryIO, outcome: GradingOutcome) -> None:
    """Write an outcome and flush the stream."""
    notebook = outcome.executed and nbformat.writes(outcome.executed)
    stream.write(encode_message([outcome.result.as_json(), notebook, outcome.log]))
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """Read and decode one message; None at the end of the stream."""
    try:
        return decode_message(stream.read)
    except ValueError:  # there are no eight digits of a length any more
        return None


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
