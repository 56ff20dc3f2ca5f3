"""Write a feedback page for each submission: one HTML file that works offline.

It has the score, the verdict in words, the message of each test, the fixes that were made, and the
comments of graders. Text of a submission is escaped and no script runs. Signs of tampering and
hidden tests are not shown.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import jinja2
import nbformat
from markupsafe import Markup
from nbformat import NotebookNode

from ..._support.files import write_atomically
from ..course_folder import CourseFolder
from ..lesson import Exercise, Lesson, load_lesson
from ..records import NOT_GRADED, CellScore, CellState, Verdict
from .final_grades import FinalCellGrade, FinalGrade, read_final_grades
from .redaction import AnswerCell, HiddenTestRedactor, answer_cells, format_points, printable_text

ASSETS = Path(str(files("quantlab_helpers"))) / "assets" / "feedback"

_MANUAL = "by_hand"  # the state of an exercise that a person scored
_VERDICT_TEXTS: dict[str, str] = {
    Verdict.GRADED: "Every test ran.",
    Verdict.PARTLY_GRADED: "Not every test could run. Those that ran count, the others score 0.",
    Verdict.TIMEOUT: "Your notebook took more time than allowed, and was stopped. Tests that had "
    "run by then count.",
    Verdict.MEMORY: "Your notebook took more memory than allowed, and was stopped. Tests that had "
    "run by then count.",
    Verdict.KERNEL_DIED: "The process of your notebook ended before all tests had run. Tests "
    "that had run by then count.",
    Verdict.INVALID_NOTEBOOK: "Your file could not be graded, so there is no score. That is not "
    "the same as 0 points: ask your instructor whether you can hand in again.",
    Verdict.NO_SUBMISSION: "Nothing was handed in, so there is no score.",
    Verdict.INFRASTRUCTURE_ERROR: "Grading failed for a reason that is not yours, so there is no "
    "score yet. Your instructor sees the reason, and will grade again.",
    NOT_GRADED: "Your notebook has not been graded yet.",
}
_STATUS_WORDS: dict[str, str] = {
    Verdict.GRADED: "graded",
    Verdict.PARTLY_GRADED: "partly graded",
    Verdict.TIMEOUT: "stopped: time",
    Verdict.MEMORY: "stopped: memory",
    Verdict.KERNEL_DIED: "stopped: its process ended",
    Verdict.INVALID_NOTEBOOK: "not graded: the file",
    Verdict.NO_SUBMISSION: "nothing handed in",
    Verdict.INFRASTRUCTURE_ERROR: "not graded yet",
    NOT_GRADED: "not graded yet",
}
_STATE_WORDS: dict[str, str] = {
    CellState.RIGHT: "right",
    CellState.PARTIAL: "partly right",
    CellState.WRONG: "not yet right",
    CellState.NOT_ANSWERED: "not answered",
    CellState.NOT_RUN: "did not run",
    CellState.TIMEOUT: "stopped: time",
    CellState.NEEDS_GRADING: "waits for a person",
    _MANUAL: "graded by a person",
}
# Their details are for the instructor.
_WITHOUT_DETAIL = (Verdict.INFRASTRUCTURE_ERROR, Verdict.NO_SUBMISSION)
_HEADING = re.compile(r"^#+\s*(?:Exercise:\s*)?(.+)$", re.MULTILINE)


def write_feedback(
    course: str | Path,
    *,
    lessons: Sequence[str] = (),
    students: Sequence[str] = (),
) -> list[Path]:
    """Write a page for each graded submission where nbgrader expects it; return the paths.

    Parameters
    ----------
    course : str or Path
        nbgrader's course folder, after `quantlab grade`.
    lessons : sequence of str, default=()
        Names or their beginnings, such as "02"; all if empty.
    students : sequence of str, default=()
        Ids; all if empty.

    Returns
    -------
    list of Path
        ``feedback/STUDENT/LESSON/LESSON.html``, for each student with a submission.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such course, lesson or student.

    Examples
    --------
    >>> write_feedback("build/course", lessons=["02"])  # doctest: +SKIP
    [PosixPath('build/course/feedback/s01/02_uniform_quantization/02_uniform_quantization.html')]
    """
    folder = CourseFolder(course)
    graded = [grade for grade in read_final_grades(course, lessons) if grade.result is not None]
    if not graded:
        raise ValueError(f"Nothing in {str(course)!r} was graded yet; run: quantlab grade")
    unknown = sorted(set(students) - {grade.student for grade in graded})
    if unknown:
        raise ValueError(f"Nothing of {unknown[0]!r} was graded; run: quantlab grade")
    load = functools.cache(lambda name: load_lesson(folder.path, name))
    written = []
    for grade in graded:
        if students and grade.student not in students:
            continue
        path = folder.feedback(grade.student, grade.lesson)
        if grade.status == Verdict.NO_SUBMISSION:
            path.unlink(missing_ok=True)  # the submission was withdrawn
            continue
        notebook = _read_notebook(folder.autograded(grade.student, grade.lesson), grade.lesson)
        text = page(load(grade.lesson), grade, notebook)
        write_atomically(path, text.encode("utf-8", "replace"))
        written.append(path)
    return written


def page(lesson: Lesson, grade: FinalGrade, notebook: NotebookNode | None = None) -> str:
    """Return the page for one submission.

    Parameters
    ----------
    lesson : Lesson
        From `load_lesson`.
    grade : FinalGrade
        From `read_final_grades`, or `FinalGrade.of` a result.
    notebook : NotebookNode, optional
        The executed submission, whose answers the page then shows.

    Returns
    -------
    str
        HTML without scripts and without links to other files.

    Examples
    --------
    >>> page(lesson, FinalGrade.of(result))[:15]  # doctest: +SKIP
    '<!DOCTYPE html>'
    """
    redact = HiddenTestRedactor(lesson)
    rows = list(_rows(lesson, grade, notebook, redact))
    shown_cells = {row.name for row in rows} | {name for row in rows for name in row.cells}
    result = grade.result
    return _template().render(
        style=Markup((ASSETS / "feedback.css").read_text()),
        title=_title(lesson),
        student=printable_text(grade.student),
        score=_score(grade),
        tone=_result_class(grade),
        status=_STATUS_WORDS[grade.status],
        verdict=list(_verdict(grade, redact)),
        facts=list(_submission_times(grade)),
        rows=rows,
        totals=list(_totals(grade)),
        repairs=list(
            dict.fromkeys(
                printable_text(repair.text) for repair in (result.repairs if result else ())
            )
        ),
        comments=[
            (cell.cell, printable_text(cell.comment))
            for cell in grade.cells
            if cell.comment and cell.cell not in shown_cells
        ],
    )


class _Row(NamedTuple):
    """One exercise on the page."""

    name: str
    title: str
    cells: tuple[str, ...]  # the graded cells
    state: str
    tone: str
    points: str
    messages: list[str]
    comments: list[str]
    answer: list[AnswerCell]

    @property
    def anchor(self) -> str:
        """Return the row's id in the page; the prefix keeps it distinct from all other ids."""
        return f"exercise-{self.name}"


def _rows(
    lesson: Lesson, grade: FinalGrade, notebook: NotebookNode | None, redact: HiddenTestRedactor
) -> Iterator[_Row]:
    """Yield a row for each exercise, and for each test that belongs to no exercise."""
    if grade.result is None or grade.score is None:
        return
    scores = {score.cell: score for score in grade.result.cell_scores}
    cells = {cell.cell: cell for cell in grade.cells}
    owned = {test for exercise in lesson.exercises for test in exercise.tests}
    tests_alone = [
        Exercise(name, (name,), points, frozenset())
        for name, points in lesson.points.items()
        if name not in owned
    ]
    for exercise in (*lesson.exercises, *tests_alone):
        tests = [name for name in exercise.tests if name in cells]
        if tests:
            yield _row(lesson, exercise, tests, cells, scores, notebook, redact)


_SHARED = "Shared process: this test ran beside your answer, where its points can be forged."


def _row(
    lesson: Lesson,
    exercise: Exercise,
    tests: Sequence[str],
    cells: Mapping[str, FinalCellGrade],
    scores: Mapping[str, CellScore],
    notebook: NotebookNode | None,
    redact: HiddenTestRedactor,
) -> _Row:
    got = sum(cells[name].score + cells[name].extra_credit for name in tests)
    most = sum(cells[name].max_score for name in tests)
    state = _state([cells[name] for name in tests], [scores[n] for n in tests if n in scores])
    tone = "" if state in (CellState.NEEDS_GRADING, _MANUAL) else None
    if tone is None:
        tone = "right" if got >= most else "partial" if got > 0 else "wrong"
    distinct = dict.fromkeys(redact(scores[name].message) for name in tests if name in scores)
    messages = [text for text in distinct if text not in ("", "No answer.")]
    if any(scores[name].shared for name in tests if name in scores):
        messages.append(_SHARED)
    names = dict.fromkeys([exercise.name, *tests])
    comments = [printable_text(cells[name].comment) for name in names if name in cells]
    answered = state != CellState.NOT_ANSWERED or messages
    answer = answer_cells(exercise, notebook, lesson=lesson, redact=redact) if answered else ()
    return _Row(
        exercise.name,
        _heading(lesson, exercise.name),
        tuple(tests),
        _STATE_WORDS[state],
        tone,
        f"{format_points(got)} of {format_points(most)}",
        messages,
        [text for text in comments if text],
        list(answer),
    )


def _state(cells: Sequence[FinalCellGrade], scores: Sequence[CellScore]) -> str:
    """Return the state of an exercise: the most informative state of its tests."""
    if any(cell.to_grade for cell in cells):
        return CellState.NEEDS_GRADING
    if any(cell.manual is not None for cell in cells):
        return _MANUAL
    states = {score.state for score in scores}
    for state in (
        CellState.TIMEOUT,
        CellState.NOT_RUN,
        CellState.NOT_ANSWERED,
        CellState.WRONG,
        CellState.PARTIAL,
        CellState.RIGHT,
    ):
        if state in states:
            mixed = state in (CellState.WRONG, CellState.NOT_ANSWERED) and states & {
                CellState.RIGHT,
                CellState.PARTIAL,
            }
            return CellState.PARTIAL if mixed else state
    full = all(cell.score >= cell.max_score for cell in cells)
    return CellState.RIGHT if full else CellState.WRONG


def _score(grade: FinalGrade) -> str:
    if grade.score is None:
        return "No score"
    return f"{format_points(grade.score)} of {format_points(grade.max_score)} points"


def _result_class(grade: FinalGrade) -> str:
    if grade.score is None:
        return "none"
    if grade.score >= grade.max_score:
        return "right"
    return "partial" if grade.score > 0 else "wrong"


def _verdict(grade: FinalGrade, redact: HiddenTestRedactor) -> Iterator[str]:
    yield _VERDICT_TEXTS[grade.status]
    detail = redact(grade.result.detail).strip() if grade.result else ""
    if detail and grade.status not in _WITHOUT_DETAIL:
        yield f"{detail.rstrip('.')}."
    waiting = sum(cell.to_grade for cell in grade.cells)
    if waiting:
        answers = "One answer waits" if waiting == 1 else f"{waiting} answers wait"
        yield f"{answers} for a person, so the points can still change."


def _submission_times(grade: FinalGrade) -> Iterator[tuple[str, str]]:
    if grade.submitted is not None:
        yield "Handed in", f"{grade.submitted:%d %B %Y, %H:%M} UTC"
    if grade.graded is not None:
        yield "Graded", f"{grade.graded:%d %B %Y, %H:%M} UTC"


def _totals(grade: FinalGrade) -> Iterator[tuple[str, str]]:
    if grade.late_penalty:
        yield "Handed in late", f"-{format_points(grade.late_penalty)}"
    if grade.score is not None:
        yield "All together", f"{format_points(grade.score)} of {format_points(grade.max_score)}"


def _heading(lesson: Lesson, name: str) -> str:
    """Return the last heading above an answer, without the word exercise; else its name."""
    heading = name
    for cell in lesson.release.cells:
        if cell.id == name:
            break
        headings = _HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
        heading = headings[-1].strip() if headings else heading
    return heading[:1].upper() + heading[1:]


def _title(lesson: Lesson) -> str:
    for cell in lesson.release.cells:
        match = re.search(r"^# +(.+)$", cell.source, re.MULTILINE)
        if cell.cell_type == "markdown" and match:
            return match[1].strip()
    return lesson.name


def _read_notebook(folder: Path, lesson: str) -> NotebookNode | None:
    """Return the executed notebook; None if there is none that can be read."""
    try:
        content = (folder / f"{lesson}.ipynb").read_text("utf-8")
        notebook: NotebookNode = nbformat.reads(content, as_version=4)
    except Exception:  # nbformat raises many kinds; the page is written without the answers
        return None
    return notebook


@functools.cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(ASSETS)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.get_template("feedback.html.j2")
