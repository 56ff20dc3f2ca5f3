"""Score an executed notebook: from its JSON only, and only from tests that ran.

Nothing in the notebook is trusted: a score is finite and between 0 and the lesson's points, for any
output. Text on stderr changes no score; an exception of the test itself gives 0.
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
from .records import (
    UNSCORED_VERDICTS,
    VERDICTS,
    Aligned,
    CellScore,
    CellState,
    Executed,
    Result,
    Verdict,
)

_MAX_MESSAGE = 2_000  # characters of a message
# "3", "2.5" and the same in numpy's notation
_NUMBER = re.compile(r"(?:np\.\w+\()?([-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+|inf|nan))\)?", re.I)
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_NOT_ANSWERED = ("NotAnswered", "NotImplementedError")
_TIMEOUT = ("Timeout", "CellTimeoutError")  # of `execute`, and of nbclient


def score(lesson: Lesson, executed: Executed, *, aligned: Aligned, student: str) -> Result:
    """Return the scores and the verdict of an executed submission.

    Parameters
    ----------
    lesson : Lesson
        From `load_lesson`; its points count.
    executed : Executed
        From `execute`.
    aligned : Aligned
        What was executed.
    student : str
        The student's id.

    Returns
    -------
    Result
        Its score is None if the execution failed for a reason that is not the student's.

    Examples
    --------
    >>> score(lesson, executed, aligned=aligned, student="s01").verdict  # doctest: +SKIP
    'graded'
    """
    if executed.status == Verdict.INFRASTRUCTURE_ERROR:
        result = unscored(
            lesson, student=student, verdict=Verdict.INFRASTRUCTURE_ERROR, detail=executed.detail
        )
    else:
        cell_scores = tuple(
            _forged(cell)
            if cell.cell in executed.forged
            else cell._replace(shared=executed.shared.get(cell.cell, ""))
            for cell in _cell_scores(lesson, executed, aligned)
        )
        result = Result(
            student,
            lesson.name,
            _verdict(lesson, executed),
            math.fsum(cell.score for cell in cell_scores),
            lesson.max_score,
            cell_scores,
            detail=executed.detail,
        )
    return result._replace(
        repairs=tuple(aligned.repairs),
        isolation=executed.isolation,
        seconds=executed.seconds,
        evidence=tuple(executed.evidence),
    )


def unscored(lesson: Lesson, *, student: str, verdict: Verdict, detail: str) -> Result:
    """Return a result without a score, for a submission that could not be executed.

    Parameters
    ----------
    lesson : Lesson
        The lesson it was handed in for.
    student : str
        The student's id.
    verdict : Verdict
        "invalid_notebook", "no_submission" or "infrastructure_error".
    detail : str
        The reason, for the student.

    Returns
    -------
    Result
        Without scores of cells; its score is None, which is not 0.

    Raises
    ------
    ValueError
        If the verdict is one that comes with a score.
    """
    if verdict not in UNSCORED_VERDICTS:
        fault = "comes with a score" if verdict in VERDICTS else "is no verdict"
        choices = ", ".join(UNSCORED_VERDICTS)
        raise ValueError(f"`verdict` {str(verdict)!r} {fault}; pass one of {choices}.")
    return Result(student, lesson.name, Verdict(verdict), None, lesson.max_score, detail=detail)


def _verdict(lesson: Lesson, executed: Executed) -> Verdict:
    tests = [name for name in lesson.points if name in _test_cells(lesson)]
    if all(executed.ran.get(name) is True for name in tests):
        return Verdict.GRADED
    return Verdict.PARTLY_GRADED if executed.status == "complete" else Verdict(executed.status)


def _cell_scores(lesson: Lesson, executed: Executed, aligned: Aligned) -> Iterator[CellScore]:
    """Yield the score of every graded cell, in the lesson's order."""
    cells = {cell.get("id"): cell for cell in executed.notebook.cells}
    owners = {test: exercise for exercise in lesson.exercises for test in exercise.tests}
    tests = _test_cells(lesson)
    for name, points in lesson.points.items():
        exercise = owners.get(name)
        answered = exercise is None or aligned.answered.get(exercise.name, False)
        if name not in tests:  # a task has no cell for its answer: a person looks for it
            yield _manual_score(name, points, answered=answered)
        elif executed.ran.get(name) is not True:
            yield _not_run(name, points, executed, cells.get(name))
        else:
            answer = cells.get(exercise.name) if exercise else None
            outputs = _outputs(cells.get(name))
            yield _test_score(tests[name], points, outputs, answer=answer, answered=answered)


def _test_cells(lesson: Lesson) -> dict[str, NotebookNode]:
    return {
        cell.id: cell
        for cell in lesson.notebook.cells
        if nbgrader_utils.is_grade(cell)
        and not nbgrader_utils.is_solution(cell)
        and cell.cell_type == "code"
    }


def _forged(cell: CellScore) -> CellScore:
    message = "The test passes without your answer, too: no points. Ask your instructor."
    return cell._replace(score=0.0, state=CellState.WRONG, message=message)


def _manual_score(name: str, points: float, *, answered: bool) -> CellScore:
    if answered:
        return CellScore(name, 0.0, points, CellState.NEEDS_GRADING, "A person grades this answer.")
    return CellScore(name, 0.0, points, CellState.NOT_ANSWERED, "No answer.")


def _not_run(name: str, points: float, executed: Executed, cell: NotebookNode | None) -> CellScore:
    for output in _outputs(cell):
        if output.get("output_type") == "error":
            timeout = output.get("ename") in _TIMEOUT
            message = _text(output.get("evalue")) or "This test was stopped."
            return CellScore(
                name,
                0.0,
                points,
                CellState.TIMEOUT if timeout else CellState.NOT_RUN,
                _cut(message),
            )
    reason = {
        Verdict.TIMEOUT.value: "the time for the whole notebook was up",
        Verdict.MEMORY.value: "the notebook took more memory than allowed",
        Verdict.KERNEL_DIED.value: "the notebook's process had ended",
    }.get(executed.status, executed.detail or "something above it stopped the notebook")
    return CellScore(
        name, 0.0, points, CellState.NOT_RUN, _cut(f"This test did not run: {reason}.")
    )


def _test_score(
    test: NotebookNode,
    points: float,
    outputs: list[Mapping[str, Any]],
    *,
    answer: NotebookNode | None,
    answered: bool,
) -> CellScore:
    """Return the score of a test that ran, from its outputs."""
    name = test.id
    errors = [output for output in outputs if output.get("output_type") == "error"]
    if errors:
        return _failed(name, points, errors[0], answer=answer, answered=answered)
    numbers = [_number(output) for output in _results(outputs)] if _gives_value(test) else []
    values = [number for number in numbers if number is not None]
    if not values and gives_points(test):
        return CellScore(name, 0.0, points, CellState.WRONG, "The test gave no points.")
    if not all(map(math.isfinite, values)):
        return CellScore(
            name, 0.0, points, CellState.WRONG, f"{max(values)} is no number of points."
        )
    got = min(max(min(values, default=points), 0.0), points)
    printed = _cut("\n".join(_printed(outputs)))
    if got == points:
        return CellScore(name, got, points, CellState.RIGHT, printed if values else "")
    state = CellState.PARTIAL if got > 0 else CellState.WRONG
    return CellScore(name, got, points, state, printed or f"{got:g} of {points:g} points.")


def _failed(
    name: str,
    points: float,
    error: Mapping[str, Any],
    *,
    answer: NotebookNode | None,
    answered: bool,
) -> CellScore:
    """Return the score 0 of a test that raised, with its message and the answer's own exception."""
    kind, text = _text(error.get("ename")), _text(error.get("evalue"))
    if not answered or kind in _NOT_ANSWERED:
        message = text if answered and kind == "NotAnswered" else ""
        return CellScore(name, 0.0, points, CellState.NOT_ANSWERED, _cut(message) or "No answer.")
    message = text if kind == "CheckFailed" else f"{kind}: {text}".rstrip(": ")
    raised = next((o for o in _outputs(answer) if o.get("output_type") == "error"), None)
    if raised is not None:
        cause = f"{_text(raised.get('ename'))}: {_text(raised.get('evalue'))}".rstrip(": ")
        prefix = "" if kind == "CheckFailed" else "The test raised "
        message = f"The cell of your answer raised {cause}\n{prefix}{message}"
    return CellScore(name, 0.0, points, CellState.WRONG, _cut(message))


def _gives_value(test: NotebookNode) -> bool:
    """Return whether a cell ends in an expression, so that its result is the test's score."""
    tree = parse(test.source)
    return tree is not None and bool(tree.body) and isinstance(tree.body[-1], ast.Expr)


def _number(output: Mapping[str, Any]) -> float | None:
    """Return the number in a result, None if it is no number; nbgrader ignores those."""
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
    return text if len(text) <= _MAX_MESSAGE else f"{text[: _MAX_MESSAGE - 4]} ..."


def points_of(exercise: Exercise, result: Result) -> float:
    """Return the score of one exercise.

    Parameters
    ----------
    exercise : Exercise
        Of the lesson.
    result : Result
        From `score`.

    Returns
    -------
    float
        0.0 if the result has no scores of cells.
    """
    return math.fsum(cell.score for cell in result.cell_scores if cell.cell in exercise.tests)
