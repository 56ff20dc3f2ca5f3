"""Load a lesson for grading: what learners got, and the same with its hidden tests.

nbgrader's own preprocessors make both from the course's ``source/`` folder, so that the points
and the stubs are those of its `generate_assignment`.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode
from nbgrader import utils as nbgrader_utils
from traitlets.config import Config

from ..course.authoring.nbgrader_steps import HIDE_TESTS, MAKE_STUBS, run_steps
from .course_folder import course_config
from .name_analysis import names_of, parse

_SCHEMA = 3  # of the metadata that nbgrader writes into cells
_AUTOTEST = re.compile(r"^\s*#.*\bAUTOTEST\b", re.MULTILINE)  # of nbgrader's preprocessor
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Exercise(NamedTuple):
    """One exercise: the cell of its answer, the graded cells, and what its answer must define."""

    name: str  # grade_id of the answer's cell
    tests: tuple[str, ...]  # grade_ids; its own where a person grades it
    points: float
    names: frozenset[str]


class Lesson(NamedTuple):
    """One lesson, as grading needs it; every cell has an id, a graded one its grade_id.

    ``notebook`` holds the stubs and the test cells with their hidden tests, ``release`` what
    learners got. Both have the same cells in the same order.
    """

    name: str
    notebook: NotebookNode
    release: NotebookNode
    exercises: tuple[Exercise, ...]
    points: dict[str, float]  # of every graded cell, by its grade_id, in order

    @property
    def max_score(self) -> float:
        """Return the points of all its graded cells."""
        return float(sum(self.points.values()))


def load_lesson(course: str | Path, name: str) -> Lesson:
    """Load one lesson of a course folder in nbgrader's layout.

    Parameters
    ----------
    course : str or Path
        The folder that holds ``source/`` and ``nbgrader_config.py``.
    name : str
        The lesson's: ``source/NAME/NAME.ipynb``.

    Returns
    -------
    Lesson

    Raises
    ------
    FileNotFoundError
        If there is no such lesson.
    ValueError
        If it cannot be read or nbgrader refuses it.

    Examples
    --------
    >>> load_lesson("build/course", "02_uniform_quantization").max_score  # doctest: +SKIP
    14.0
    """
    course = Path(course)
    path = course / "source" / name / f"{name}.ipynb"
    try:
        content = path.read_bytes()
    except OSError:
        raise FileNotFoundError(
            f"There is no lesson {name!r}: {str(path)!r} is missing; run: quantlab build"
        ) from None
    return make_lesson(name, content, config=course_config(course / "nbgrader_config.py"))


def make_lesson(name: str, content: bytes, *, config: Config | None = None) -> Lesson:
    """Make a lesson from the instructor's notebook.

    Parameters
    ----------
    name : str
        Of the lesson.
    content : bytes
        The notebook file with solutions and hidden tests, nbformat 4.
    config : traitlets Config, optional
        Settings of nbgrader's preprocessors, such as the text of the stubs.

    Returns
    -------
    Lesson

    Raises
    ------
    ValueError
        If the notebook cannot be read or nbgrader refuses it.
    """
    try:
        source = nbformat.reads(content.decode("utf-8"), as_version=4)
    except Exception as error:  # whatever nbformat stumbles over
        raise ValueError(f"lesson {name}: this is no notebook ({error}); build it again.") from None
    _check_cells(name, source)
    _set_ids(name, source)
    stubs = run_steps(MAKE_STUBS, source, name=f"lesson {name}", config=config)
    release = run_steps(HIDE_TESTS, stubs, name=f"lesson {name}", config=config)
    points = {
        cell.id: float(cell.metadata.nbgrader["points"])
        for cell in stubs.cells
        if nbgrader_utils.is_grade(cell) or nbgrader_utils.is_task(cell)
    }
    return Lesson(name, stubs, release, _exercises(source, points), points)


def is_answer(cell: NotebookNode) -> bool:
    """Return whether a lesson's cell is the learner's to write: an answer or a survey."""
    meta = cell.metadata.get("nbgrader")
    if not isinstance(meta, dict) or nbgrader_utils.is_task(cell):
        return False
    return not nbgrader_utils.is_locked(cell)


def is_test(cell: NotebookNode) -> bool:
    """Return whether a lesson's cell is a test that gives points by itself."""
    return bool(nbgrader_utils.is_grade(cell) and not nbgrader_utils.is_solution(cell))


def gives_points(test: NotebookNode) -> bool:
    """Return whether a test ends in `checks.points(...)`, which gives a number or raises."""
    tree = parse(test.source)
    last = tree.body[-1] if tree and tree.body else None
    return (
        isinstance(last, ast.Expr)
        and isinstance(last.value, ast.Call)
        and ast.unparse(last.value.func) in ("checks.points", "points")
    )


def is_graded(cell: NotebookNode) -> bool:
    """Return whether nbgrader knows a lesson's cell: an answer, a test, a task, locked text."""
    return isinstance(cell.metadata.get("nbgrader"), dict)


def _exercises(source: NotebookNode, points: dict[str, float]) -> tuple[Exercise, ...]:
    """Return the exercises; a test belongs to its namesake, else to the answer above it."""
    answers = {cell.id: cell for cell in source.cells if nbgrader_utils.is_solution(cell)}
    tests: dict[str, list[str]] = {name: [] for name in answers}
    wanted: dict[str, set[str]] = {name: set() for name in answers}
    above: str | None = None
    for cell in source.cells:
        if cell.id in answers:
            above = cell.id
            if cell.id in points:
                tests[above].append(cell.id)
        elif is_test(cell):
            namesake = cell.id.removeprefix("test-")
            owner = namesake if namesake in answers else above
            if owner is not None:
                tests[owner].append(cell.id)
                wanted[owner] |= names_of(cell.source).read
    exercises = []
    for name, cell in answers.items():
        bound = names_of(cell.source).bound if cell.cell_type == "code" else frozenset()
        names = (bound & wanted[name]) or bound
        worth = sum(points[test] for test in tests[name])
        exercises.append(Exercise(name, tuple(tests[name]), worth, frozenset(names)))
    return tuple(exercises)


def _check_cells(name: str, notebook: NotebookNode) -> None:
    """Refuse what nbgrader refuses in words that do not say what to do, or silently passes over."""
    for number, cell in enumerate(notebook.cells, start=1):
        meta = cell.metadata.get("nbgrader")
        if isinstance(meta, dict) and (found := meta.get("schema_version", 0)) != _SCHEMA:
            older = isinstance(found, int) and found < _SCHEMA
            way = "run: nbgrader update FILE" if older else "install a newer nbgrader"
            raise ValueError(
                f"lesson {name}: cell {number} has nbgrader's metadata in version {found}, and "
                f"version {_SCHEMA} is needed; {way}"
            )
        if is_graded(cell) and cell.cell_type == "code" and _AUTOTEST.search(cell.source):
            raise ValueError(
                f"lesson {name}: cell {number} has a line AUTOTEST, which tests nothing by itself; "
                "write the tests as assert statements."
            )


def _set_ids(name: str, notebook: NotebookNode) -> None:
    """Give every cell an id of its own, a graded one its grade_id."""
    grade_ids = [c.metadata.nbgrader.get("grade_id") for c in notebook.cells if is_graded(c)]
    twice = sorted(str(key) for key, count in Counter(grade_ids).items() if count > 1)
    if twice:
        raise ValueError(f"lesson {name}: the grade_id {twice[0]!r} is there twice; rename one.")
    taken = set(grade_ids)
    for number, cell in enumerate(notebook.cells, start=1):
        present = cell.get("id")
        if is_graded(cell):
            present = cell.metadata.nbgrader.get("grade_id")
            if not _ID.fullmatch(str(present)):
                raise ValueError(
                    f"lesson {name}: the grade_id {present!r} must be letters, digits, - and _, "
                    "64 at most; rename it."
                )
        elif present is None or present in taken:
            present = f"cell-{number}"
        cell["id"] = present
        taken.add(present)
    notebook.nbformat_minor = 5
