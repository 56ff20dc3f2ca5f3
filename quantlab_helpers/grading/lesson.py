"""Load a lesson for grading: the released notebook, and the same with its hidden tests.

nbgrader's preprocessors make both from the course's ``source/`` folder, so points and stubs are
the same as those of `nbgrader generate_assignment`.
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

from ..course.authoring.nbgrader_steps import HIDE_TESTS, MAKE_STUBS, read_settings, run_steps
from .name_analysis import dotted_name, names_of, parse

_SCHEMA = 3  # version of nbgrader's cell metadata
_AUTOTEST_LINE = re.compile(r"^\s*#.*\bAUTOTEST\b", re.MULTILINE)
_GRADE_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Exercise(NamedTuple):
    """One exercise: its answer cell, its graded cells, and the names to define."""

    name: str  # grade_id of the answer cell
    tests: tuple[str, ...]  # grade_ids; the answer's own if it is graded by hand
    points: float
    names: frozenset[str]


class Lesson(NamedTuple):
    """One lesson, as grading needs it.

    ``notebook`` holds the stubs and the test cells with their hidden tests, ``release`` is the
    notebook that students received, ``solution`` the instructor's own. All have the same cells in
    the same order, and every cell has an id; the id of a cell with nbgrader metadata is its
    grade_id.
    """

    name: str
    notebook: NotebookNode
    release: NotebookNode
    solution: NotebookNode
    exercises: tuple[Exercise, ...]
    points: dict[str, float]  # by grade_id of every graded cell, in order

    @property
    def max_score(self) -> float:
        """Return the sum of the points of all graded cells."""
        return float(sum(self.points.values()))


def load_lesson(course: str | Path, name: str) -> Lesson:
    """Load one lesson of a course folder in nbgrader's layout.

    Parameters
    ----------
    course : str or Path
        The folder that holds ``source/`` and ``nbgrader_config.py``.
    name : str
        Name of the lesson, as in ``source/NAME/NAME.ipynb``.

    Returns
    -------
    Lesson

    Raises
    ------
    FileNotFoundError
        If there is no such lesson.
    ValueError
        If it cannot be read, or nbgrader refuses it.

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
    return make_lesson(name, content, config=read_settings(course / "nbgrader_config.py"))


def make_lesson(name: str, content: bytes, *, config: Config | None = None) -> Lesson:
    """Make a lesson from the instructor's notebook.

    Parameters
    ----------
    name : str
        Name of the lesson.
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
    except Exception as error:  # nbformat raises errors of many kinds
        raise ValueError(
            f"lesson {name}: this is not a notebook ({error}); build it again."
        ) from None
    _check_cells(name, source)
    _set_ids(name, source)
    stubs = run_steps(MAKE_STUBS, source, name=f"lesson {name}", config=config)
    release = run_steps(HIDE_TESTS, stubs, name=f"lesson {name}", config=config)
    points = {
        cell.id: float(cell.metadata.nbgrader["points"])
        for cell in stubs.cells
        if nbgrader_utils.is_grade(cell) or nbgrader_utils.is_task(cell)
    }
    return Lesson(name, stubs, release, source, _exercises(source, points), points)


def is_answer(cell: NotebookNode) -> bool:
    """Return whether students write this cell of a lesson: an answer or a survey."""
    meta = cell.metadata.get("nbgrader")
    if not isinstance(meta, dict) or nbgrader_utils.is_task(cell):
        return False
    return not nbgrader_utils.is_locked(cell)


def is_test(cell: NotebookNode) -> bool:
    """Return whether a lesson's cell is a test that is graded automatically."""
    return bool(nbgrader_utils.is_grade(cell) and not nbgrader_utils.is_solution(cell))


def gives_points(test: NotebookNode) -> bool:
    """Return whether the last line of a test is a call of `checks.points`."""
    tree = parse(test.source)
    last = tree.body[-1] if tree and tree.body else None
    return (
        isinstance(last, ast.Expr)
        and isinstance(last.value, ast.Call)
        and dotted_name(last.value.func) in ("checks.points", "points")
    )


def is_graded(cell: NotebookNode) -> bool:
    """Return whether a lesson's cell has nbgrader metadata: answer, test, task, locked text."""
    return isinstance(cell.metadata.get("nbgrader"), dict)


def _exercises(source: NotebookNode, points: dict[str, float]) -> tuple[Exercise, ...]:
    """Return the exercises; a test belongs to the answer of its name, else to the one above."""
    answers = {cell.id: cell for cell in source.cells if nbgrader_utils.is_solution(cell)}
    tests: dict[str, list[str]] = {name: [] for name in answers}
    tested_names: dict[str, set[str]] = {name: set() for name in answers}
    above: str | None = None
    for cell in source.cells:
        if cell.id in answers:
            above = cell.id
            if cell.id in points:
                tests[above].append(cell.id)
        elif is_test(cell):
            same_name = cell.id.removeprefix("test-")
            owner = same_name if same_name in answers else above
            if owner is not None:
                tests[owner].append(cell.id)
                tested_names[owner] |= names_of(cell.source).uses
    exercises = []
    for name, cell in answers.items():
        defined = names_of(cell.source).defines if cell.cell_type == "code" else frozenset()
        names = (defined & tested_names[name]) or defined
        total = sum(points[test] for test in tests[name])
        exercises.append(Exercise(name, tuple(tests[name]), total, frozenset(names)))
    return tuple(exercises)


def _check_cells(name: str, notebook: NotebookNode) -> None:
    """Refuse cells that nbgrader ignores silently, or refuses without saying how to fix them."""
    for number, cell in enumerate(notebook.cells, start=1):
        meta = cell.metadata.get("nbgrader")
        if isinstance(meta, dict) and (version := meta.get("schema_version", 0)) != _SCHEMA:
            older = isinstance(version, int) and version < _SCHEMA
            fix = "run: nbgrader update FILE" if older else "install a newer nbgrader"
            raise ValueError(
                f"lesson {name}: cell {number} has nbgrader's metadata in version {version}, and "
                f"version {_SCHEMA} is needed; {fix}"
            )
        if is_graded(cell) and cell.cell_type == "code" and _AUTOTEST_LINE.search(cell.source):
            raise ValueError(
                f"lesson {name}: cell {number} has a line AUTOTEST, which tests nothing by itself; "
                "write the tests as assert statements."
            )


def _set_ids(name: str, notebook: NotebookNode) -> None:
    """Give every cell a unique id; the id of a graded cell is its grade_id."""
    grade_ids = [c.metadata.nbgrader.get("grade_id") for c in notebook.cells if is_graded(c)]
    duplicates = sorted(str(key) for key, count in Counter(grade_ids).items() if count > 1)
    if duplicates:
        raise ValueError(
            f"lesson {name}: the grade_id {duplicates[0]!r} is used twice; rename one."
        )
    taken = set(grade_ids)
    for number, cell in enumerate(notebook.cells, start=1):
        cell_id = cell.get("id")
        if is_graded(cell):
            cell_id = cell.metadata.nbgrader.get("grade_id")
            if not _GRADE_ID.fullmatch(str(cell_id)):
                raise ValueError(
                    f"lesson {name}: the grade_id {cell_id!r} must be letters, digits, - and _, "
                    "64 at most; rename it."
                )
        elif cell_id is None or cell_id in taken:
            cell_id = f"cell-{number}"
        cell["id"] = cell_id
        taken.add(cell_id)
    notebook.nbformat_minor = 5
