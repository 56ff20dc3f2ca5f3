"""Write what a learner reads about a submission: one page that opens anywhere, without a network.

Points, the verdict in words, the message of each test, what was put right, and what a person added.
Everything that comes from a submission is text on the page, never part of it; no script runs there.
Signs of tampering and hidden tests are not shown.
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
from ..lesson import Exercise, Lesson, load_lesson
from ..records import NEEDS_GRADING, Mark
from .final_grades import CellStanding, Standing, read_standings
from .redaction import Hider, Shown, answer_of, clean, number

ASSETS = Path(str(files("quantlab_helpers"))) / "assets" / "feedback"

_VERDICTS = {
    "graded": "Every test ran.",
    "partly_graded": "Not every test could run. Those that ran count, the others have 0 points.",
    "timeout": "Your notebook took more time than it may, and was stopped. Tests that had run "
    "by then count.",
    "memory": "Your notebook took more memory than it may, and was stopped. Tests that had run "
    "by then count.",
    "kernel_died": "The process of your notebook ended before all tests had run. Tests that had "
    "run by then count.",
    "invalid_notebook": "Your file could not be graded, so there is no mark. That is not the "
    "same as 0 points: ask your instructor whether you can hand in again.",
    "no_submission": "Nothing was handed in, so there is no mark.",
    "infrastructure_error": "Grading failed for a reason that is not yours, so there is no mark "
    "yet. Your instructor sees why, and grades again.",
    "not_graded": "Your notebook has not been graded yet.",
}
_WORDS = {
    "graded": "graded",
    "partly_graded": "partly graded",
    "timeout": "stopped: time",
    "memory": "stopped: memory",
    "kernel_died": "stopped: its process ended",
    "invalid_notebook": "not graded: the file",
    "no_submission": "nothing handed in",
    "infrastructure_error": "not graded yet",
    "not_graded": "not graded yet",
}
_STATES = {
    "right": "right",
    "partial": "partly right",
    "wrong": "not yet right",
    "not_answered": "not answered",
    "not_run": "did not run",
    "timeout": "stopped: time",
    "needs_grading": "waits for a person",
    "by_hand": "marked by a person",
}
_NOT_TOLD = ("infrastructure_error", "no_submission")  # their details are for the instructor
_HEADING = re.compile(r"^#+\s*(?:Exercise:\s*)?(.+)$", re.MULTILINE)


def write_feedback(
    course: str | Path,
    *,
    lessons: Sequence[str] = (),
    students: Sequence[str] = (),
) -> list[Path]:
    """Write a page for every submission that was graded, where nbgrader puts it.

    Parameters
    ----------
    course : str or Path
        nbgrader's course folder, after `quantlab grade`.
    lessons : sequence of str, default=()
        Names or their beginnings, such as "02"; all where empty.
    students : sequence of str, default=()
        Ids; all where empty.

    Returns
    -------
    list of Path
        ``feedback/STUDENT/LESSON/LESSON.html``; who handed nothing in gets none.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such course, lesson or student.

    Examples
    --------
    >>> write_feedback("build/course", lessons=["02"])  # doctest: +SKIP
    [PosixPath('build/course/feedback/s01/02_uniform_quantization/02_uniform_quantization.html')]
    """
    course = Path(course)
    graded = [one for one in read_standings(course, lessons) if one.result is not None]
    if not graded:
        raise ValueError(f"Nothing in {str(course)!r} was graded yet; run: quantlab grade")
    unknown = sorted(set(students) - {one.student for one in graded})
    if unknown:
        raise ValueError(f"Nothing of {unknown[0]!r} was graded; run: quantlab grade")
    load = functools.cache(lambda name: load_lesson(course, name))
    written = []
    for one in graded:
        if students and one.student not in students:
            continue
        folder = Path(one.student, one.lesson)
        path = course / "feedback" / folder / f"{one.lesson}.html"
        if one.status == "no_submission":
            path.unlink(missing_ok=True)  # what was taken back has no feedback either
            continue
        text = page(load(one.lesson), one, _read(course / "autograded" / folder, one.lesson))
        write_atomically(path, text.encode("utf-8", "replace"))
        written.append(path)
    return written


def page(lesson: Lesson, standing: Standing, notebook: NotebookNode | None = None) -> str:
    """Return the page for one submission.

    Parameters
    ----------
    lesson : Lesson
        From `load_lesson`.
    standing : Standing
        From `read_standings`, or `Standing.of` a result.
    notebook : NotebookNode, optional
        The executed submission, whose answers the page then shows.

    Returns
    -------
    str
        HTML that loads nothing and runs nothing.

    Examples
    --------
    >>> page(lesson, Standing.of(result))[:15]  # doctest: +SKIP
    '<!DOCTYPE html>'
    """
    hide = Hider(lesson)
    rows = list(_rows(lesson, standing, notebook, hide))
    known = {row.name for row in rows} | {name for row in rows for name in row.cells}
    result = standing.result
    return _template().render(
        style=Markup((ASSETS / "feedback.css").read_text()),
        title=_title(lesson),
        student=clean(standing.student),
        score=_score(standing),
        tone=_tone(standing),
        status=_WORDS[standing.status],
        verdict=list(_verdict(standing, hide)),
        facts=list(_facts(standing)),
        rows=rows,
        totals=list(_totals(standing)),
        repairs=list(dict.fromkeys(clean(one.text) for one in (result.repairs if result else ()))),
        comments=[
            (one.cell, clean(one.comment))
            for one in standing.cells
            if one.comment and one.cell not in known
        ],
    )


class _Row(NamedTuple):
    """One exercise on the page."""

    name: str
    title: str
    cells: tuple[str, ...]  # the graded ones
    state: str
    tone: str
    points: str
    messages: list[str]
    comments: list[str]
    answer: list[Shown]

    @property
    def anchor(self) -> str:
        """Return its id on the page, which no id of the page itself can be."""
        return f"exercise-{self.name}"


def _rows(
    lesson: Lesson, standing: Standing, notebook: NotebookNode | None, hide: Hider
) -> Iterator[_Row]:
    """Yield the exercises of a lesson as they stand; a test that has none is one by itself."""
    if standing.result is None or standing.score is None:
        return
    marks = {mark.cell: mark for mark in standing.result.marks}
    cells = {one.cell: one for one in standing.cells}
    owned = {test for exercise in lesson.exercises for test in exercise.tests}
    alone = [
        Exercise(name, (name,), points, frozenset())
        for name, points in lesson.points.items()
        if name not in owned
    ]
    for exercise in (*lesson.exercises, *alone):
        tests = [name for name in exercise.tests if name in cells]
        if tests:
            yield _row(lesson, exercise, tests, cells, marks, notebook, hide)


def _row(
    lesson: Lesson,
    exercise: Exercise,
    tests: Sequence[str],
    cells: Mapping[str, CellStanding],
    marks: Mapping[str, Mark],
    notebook: NotebookNode | None,
    hide: Hider,
) -> _Row:
    got = sum(cells[name].score + cells[name].extra_credit for name in tests)
    most = sum(cells[name].max_score for name in tests)
    state = _state([cells[name] for name in tests], [marks[n] for n in tests if n in marks])
    tone = {"needs_grading": "", "by_hand": ""}.get(state)
    if tone is None:
        tone = "right" if got >= most else "partial" if got > 0 else "wrong"
    found = dict.fromkeys(hide(marks[name].message) for name in tests if name in marks)
    messages = [text for text in found if text not in ("", "No answer.")]
    names = dict.fromkeys([exercise.name, *tests])
    comments = [clean(cells[name].comment) for name in names if name in cells]
    answered = state != "not_answered" or messages
    answer = answer_of(exercise, notebook, lesson=lesson, hide=hide) if answered else ()
    return _Row(
        exercise.name,
        _heading(lesson, exercise.name),
        tuple(tests),
        _STATES[state],
        tone,
        f"{number(got)} of {number(most)}",
        messages,
        [text for text in comments if text],
        list(answer),
    )


def _state(cells: Sequence[CellStanding], marks: Sequence[Mark]) -> str:
    """Return the state of an exercise: the one of its tests that tells most."""
    if any(cell.to_grade for cell in cells):
        return NEEDS_GRADING
    if any(cell.manual is not None for cell in cells):
        return "by_hand"
    states = {mark.state for mark in marks}
    for state in ("timeout", "not_run", "not_answered", "wrong", "partial", "right"):
        if state in states:
            mixed = state in ("wrong", "not_answered") and states & {"right", "partial"}
            return "partial" if mixed else state
    return "right" if all(cell.score >= cell.max_score for cell in cells) else "wrong"


def _score(standing: Standing) -> str:
    if standing.score is None:
        return "No mark"
    return f"{number(standing.score)} of {number(standing.max_score)} points"


def _tone(standing: Standing) -> str:
    if standing.score is None:
        return "none"
    if standing.score >= standing.max_score:
        return "right"
    return "partial" if standing.score > 0 else "wrong"


def _verdict(standing: Standing, hide: Hider) -> Iterator[str]:
    yield _VERDICTS[standing.status]
    detail = hide(standing.result.detail).strip() if standing.result else ""
    if detail and standing.status not in _NOT_TOLD:
        yield f"{detail.rstrip('.')}."
    waiting = sum(cell.to_grade for cell in standing.cells)
    if waiting:
        answers = "One answer waits" if waiting == 1 else f"{waiting} answers wait"
        yield f"{answers} for a person, so the points can still change."


def _facts(standing: Standing) -> Iterator[tuple[str, str]]:
    if standing.submitted is not None:
        yield "Handed in", f"{standing.submitted:%d %B %Y, %H:%M} UTC"
    if standing.graded is not None:
        yield "Graded", f"{standing.graded:%d %B %Y, %H:%M} UTC"


def _totals(standing: Standing) -> Iterator[tuple[str, str]]:
    if standing.late_penalty:
        yield "Handed in late", f"-{number(standing.late_penalty)}"
    if standing.score is not None:
        yield "All together", f"{number(standing.score)} of {number(standing.max_score)}"


def _heading(lesson: Lesson, name: str) -> str:
    """Return the last heading above an answer, without the word exercise; else its name."""
    found = name
    for cell in lesson.release.cells:
        if cell.id == name:
            break
        headings = _HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
        found = headings[-1].strip() if headings else found
    return found[:1].upper() + found[1:]


def _title(lesson: Lesson) -> str:
    for cell in lesson.release.cells:
        match = re.search(r"^# +(.+)$", cell.source, re.MULTILINE)
        if cell.cell_type == "markdown" and match:
            return match[1].strip()
    return lesson.name


def _read(folder: Path, lesson: str) -> NotebookNode | None:
    """Return the executed notebook; None where there is none that can be read."""
    try:
        content = (folder / f"{lesson}.ipynb").read_text("utf-8")
        notebook: NotebookNode = nbformat.reads(content, as_version=4)
    except Exception:  # whatever nbformat stumbles over; the page says the rest without it
        return None
    return notebook


@functools.cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(ASSETS)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.get_template("feedback.html.j2")
