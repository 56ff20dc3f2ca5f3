"""Find the tests of a lesson that cannot be judged apart from the answers.

A test is judged apart if it gives the solution the same result there as beside it. This depends on
the lesson alone, so no submission can move a test into its own process.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

from nbformat import NotebookNode

from ..lesson import Lesson, is_test
from ..name_analysis import names_of
from ..records import Executed, Limits, SharedTest
from .cell_selection import cells_to_run
from .judging import stop_judges
from .runner import execute
from .tested_lesson import redefines


def find_shared_tests(
    lesson: Lesson,
    files: Mapping[str, bytes] | None = None,
    *,
    limits: Limits | None = None,
    isolation: str = "auto",
) -> dict[str, SharedTest]:
    """Run the solution of a lesson; return the tests that need its process, and why.

    Tests that call the checks of this package are always judged apart: beside a submission there
    are no checks. A lesson with no other tests is not run.

    Parameters
    ----------
    lesson : Lesson
        From `load_lesson`.
    files : mapping of str to bytes, optional
        The instructor's files beside the lesson, by relative path.
    limits : Limits, optional
        As for `execute`.
    isolation : {"auto", "bubblewrap", "prlimit"}
        As for `execute`.

    Returns
    -------
    dict of str to SharedTest
        By grade_id of the test.

    Examples
    --------
    >>> find_shared_tests(load_lesson("build/course", "02_uniform_quantization"))  # doctest: +SKIP
    {}
    """
    cells_with_code = [cell for cell in lesson.notebook.cells if cell.cell_type == "code"]
    tests = [
        cell
        for cell in cells_with_code
        if is_test(cell) and "checks" not in names_of(cell.source).uses
    ]
    if not tests:
        return {}
    code = [cell for cell in lesson.solution.cells if cell.cell_type == "code"]
    shared = {
        test.id: SharedTest("it defines names that other cells of the lesson use")
        for test in tests
        if redefines(test, code)
    }
    solution = copy.deepcopy(lesson.solution)
    for cell, graded in zip(solution.cells, lesson.notebook.cells, strict=True):
        if graded.cell_type == "code" and is_test(graded):
            cell.source = graded.source
    cells = cells_to_run(lesson, solution)
    everything = {test.id: SharedTest("") for test in tests}
    try:
        apart, beside = (
            execute(
                solution,
                files,
                lesson_files=files,
                limits=limits,
                lesson=lesson.notebook,
                shared=those,
                cells=cells,
                isolation=isolation,
            )
            for those in (shared, everything)
        )
    finally:
        stop_judges()
    for test in tests:
        if test.id in shared:
            continue
        if _outcome(apart, test.id) != _outcome(beside, test.id):
            shared[test.id] = SharedTest(_reason(apart, test.id))
        elif _outcome(beside, test.id)[0]:
            shared[test.id] = SharedTest("the solution of the lesson does not pass it")
    failed = {name for name in shared if _outcome(beside, name)[0]}
    return {
        name: test._replace(passes_without=name in beside.forged | failed)
        for name, test in shared.items()
    }


def _outcome(executed: Executed, test: str) -> tuple[str, str]:
    """Return the name of the exception and the value of a test."""
    error = value = ""
    if not executed.ran.get(test):
        error = "not run"
    for output in _outputs(executed, test):
        if output.output_type == "error":
            error = output.ename
        elif output.output_type == "execute_result":
            value = output.data.get("text/plain", "")
    return error, value


def _reason(executed: Executed, test: str) -> str:
    for output in _outputs(executed, test):
        if output.output_type == "error":
            return f"{output.ename}: {output.evalue}"[:300]
    return "it gives another result apart from the answers"


def _outputs(executed: Executed, test: str) -> list[NotebookNode]:
    return next(cell.outputs for cell in executed.notebook.cells if cell.id == test)
