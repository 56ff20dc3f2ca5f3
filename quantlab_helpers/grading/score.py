"""Turn an executed notebook into marks: from JSON only, and only from tests that ran.

Nothing of the notebook is trusted: points are finite and between 0 and the lesson's, whatever its
cells print. Words on stderr cost nothing; the test's own exception costs all.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nbformat import NotebookNode
from nbgrader import utils as nbgrader_utils

from .lesson import Exercise, Lesson, gives_points
from .name_analysis import parse
from .records import NEEDS_GRADING, VERDICTS, Aligned, Executed, Mark, Result

_NO_SCORE = ("invalid_notebook", "no_submission", "infrastructure_error")
_LONGEST = 2_000  # characters of a message
# "3", "2.5" and numpy's own way of writing them
_NUMBER = re.compile(r"(?:np\.\w+\()?([-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+|inf|nan))\)?", re.I)
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_NOT_ANSWERED = ("NotAnswered", "NotImplementedError")
_TIMEOUT = ("Timeout", "CellTimeoutError")  # of `execute`, and of nbclient


def score(lesson: Lesson, executed: Executed, *, aligned: Aligned, student: str) -> Result:
    """Give the marks and the verdict of a submission that was run.

    Parameters
    ----------
    lesson : Lesson
        From `load_lesson`; its points count.
    executed : Executed
        From `execute`.
    aligned : Aligned
        What was executed.
    student : str
        Whose it is.

    Returns
    -------
    Result
        Its score is None where running failed for a reason of ours.

    Examples
    --------
    >>> score(lesson, executed, aligned=aligned, student="s01").verdict  # doctest: +SKIP
    'graded'
    """
    if executed.status == "infrastructure_error":
        result = unscored(
            lesson, student=student, verdict="infrastructure_error", detail=executed.detail
        )
    else:
        marks = tuple(_marks(lesson, executed, aligned))
        result = Result(
            student,
            lesson.name,
            _verdict(lesson, executed),
            math.fsum(mark.score for mark in marks),
            lesson.max_score,
            marks,
            detail=executed.detail,
        )
    return result._replace(
        repairs=tuple(aligned.repairs),
        isolation=executed.isolation,
        seconds=executed.seconds,
        evidence=tuple(executed.evidence),
    )


def unscored(lesson: Lesson, *, student: str, verdict: str, detail: str) -> Result:
    """Give the verdict on a submission that could not be run.

    Parameters
    ----------
    lesson : Lesson
        What it was to be.
    student : str
        Whose it is.
    verdict : str
        "invalid_notebook", "no_submission" or "infrastructure_error".
    detail : str
        Why, in words for the student.

    Returns
    -------
    Result
        Without marks and with the score None, which is not 0.

    Raises
    ------
    ValueError
        If the verdict is one that comes with a score.
    """
    if verdict not in _NO_SCORE:
        fault = "comes with a score" if verdict in VERDICTS else "is no verdict"
        raise ValueError(f"`verdict` {verdict!r} {fault}; pass one of {', '.join(_NO_SCORE)}.")
    return Result(student, lesson.name, verdict, None, lesson.max_score, detail=detail)


def _verdict(lesson: Lesson, executed: Executed) -> str:
    tests = [name for name in lesson.points if name in _test_cells(lesson)]
    if all(executed.ran.get(name) is True for name in tests):
        return "graded"
    return "partly_graded" if executed.status == "complete" else executed.status


def _marks(lesson: Lesson, executed: Executed, aligned: Aligned) -> Iterator[Mark]:
    """Yield a mark for every graded cell of the lesson, in its order."""
    cells = {cell.get("id"): cell for cell in executed.notebook.cells}
    owners = {test: exercise for exercise in lesson.exercises for test in exercise.tests}
    tests = _test_cells(lesson)
    for name, points in lesson.points.items():
        exercise = owners.get(name)
        answered = exercise is None or aligned.answered.get(exercise.name, False)
        if name not in tests:  # a task has no cell for its answer: a person looks for one
            yield _mark_by_hand(name, points, answered=answered)
        elif executed.ran.get(name) is not True:
            yield _not_run(name, points, executed, cells.get(name))
        else:
            answer = cells.get(exercise.name) if exercise else None
            outputs = _outputs(cells.get(name))
            yield _mark(tests[name], points, outputs, answer=answer, answered=answered)


def _test_cells(lesson: Lesson) -> dict[str, NotebookNode]:
    return {
        cell.id: cell
        for cell in lesson.notebook.cells
        if nbgrader_utils.is_grade(cell)
        and not nbgrader_utils.is_solution(cell)
        and cell.cell_type == "code"
    }


def _mark_by_hand(name: str, points: float, *, answered: bool) -> Mark:
    if answered:
        return Mark(name, 0.0, points, NEEDS_GRADING, "A person marks this answer.")
    return Mark(name, 0.0, points, "not_answered", "No answer.")


def _not_run(name: str, points: float, executed: Executed, cell: NotebookNode | None) -> Mark:
    for output in _outputs(cell):
        if output.get("output_type") == "error":
            timeout = output.get("ename") in _TIMEOUT
            message = _text(output.get("evalue")) or "This test was stopped."
            return Mark(name, 0.0, points, "timeout" if timeout else "not_run", _cut(message))
    why = {
        "timeout": "the time for the whole notebook was up",
        "memory": "the notebook took more memory than it may",
        "kernel_died": "the notebook's process had ended",
    }.get(executed.status, executed.detail or "something above it stopped the notebook")
    return Mark(name, 0.0, points, "not_run", _cut(f"This test did not run: {why}."))


def _mark(
    test: NotebookNode,
    points: float,
    outputs: list[Mapping[str, Any]],
    *,
    answer: NotebookNode | None,
    answered: bool,
) -> Mark:
    """Return the mark of a test that ran, from what it put out."""
    name = test.id
    errors = [output for output in outputs if output.get("output_type") == "error"]
    if errors:
        return _failed(name, points, errors[0], answer=answer, answered=answered)
    numbers = [_number(output) for output in _results(outputs)] if _gives_value(test) else []
    given = [number for number in numbers if number is not None]
    if not given and gives_points(test):
        return Mark(name, 0.0, points, "wrong", "The test gave no points.")
    if not all(map(math.isfinite, given)):
        return Mark(name, 0.0, points, "wrong", f"{max(given)} is no number of points.")
    got = min(max(min(given, default=points), 0.0), points)
    said = _cut("\n".join(_printed(outputs)))
    if got == points:
        return Mark(name, got, points, "right", said if given else "")
    state = "partial" if got > 0 else "wrong"
    return Mark(name, got, points, state, said or f"{got:g} of {points:g} points.")


def _failed(
    name: str,
    points: float,
    error: Mapping[str, Any],
    *,
    answer: NotebookNode | None,
    answered: bool,
) -> Mark:
    """Return the mark of a test that raised: the message, and what the answer's cell raised."""
    kind, text = _text(error.get("ename")), _text(error.get("evalue"))
    if not answered or kind in _NOT_ANSWERED:
        said = text if answered and kind == "NotAnswered" else ""
        return Mark(name, 0.0, points, "not_answered", _cut(said) or "No answer.")
    message = text if kind == "CheckFailed" else f"{kind}: {text}".rstrip(": ")
    raised = next((o for o in _outputs(answer) if o.get("output_type") == "error"), None)
    if raised is not None:
        cause = f"{_text(raised.get('ename'))}: {_text(raised.get('evalue'))}".rstrip(": ")
        said = "" if kind == "CheckFailed" else "The test raised "
        message = f"The cell of your answer raised {cause}\n{said}{message}"
    return Mark(name, 0.0, points, "wrong", _cut(message))


def _gives_value(test: NotebookNode) -> bool:
    """Return whether a cell ends in an expression, so that a result is the test's own."""
    tree = parse(test.source)
    return tree is not None and bool(tree.body) and isinstance(tree.body[-1], ast.Expr)


def _number(output: Mapping[str, Any]) -> float | None:
    """Return the number that a result is; None for any other, which nbgrader passes over."""
    data = output.get("data")
    text = _text(data.get("text/plain")) if isinstance(data, Mapping) else ""
    match = _NUMBER.fullmatch(text.strip())
    return float(match[1]) if match else None


def _results(outputs: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    return (output for output in outputs if output.get("output_type") == "execute_result")


def _printed(outputs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for output in outputs:
        if output.get("output_type") == "stream" and output.get("name") == "stdout":
            yield _text(output.get("text")).strip()


def _outputs(cell: NotebookNode | None) -> list[Mapping[str, Any]]:
    outputs = cell.get("outputs") if cell is not None else None
    return [o for o in outputs if isinstance(o, Mapping)] if isinstance(outputs, list) else []


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    return _COLOURS.sub("", value) if isinstance(value, str) else ""


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def points_of(exercise: Exercise, result: Result) -> float:
    """Return what a result gives for one exercise.

    Parameters
    ----------
    exercise : Exercise
        Of the lesson.
    result : Result
        From `score`.

    Returns
    -------
    float
        0.0 where the result has no marks.
    """
    return math.fsum(mark.score for mark in result.marks if mark.cell in exercise.tests)
