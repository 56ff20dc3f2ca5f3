"""A lesson of three exercises, submissions to it, and their execution in a real sandbox."""

import copy
import functools
import os
import time
from pathlib import Path

import nbformat
import pytest

from quantlab_helpers.grading.align.rebuild import align
from quantlab_helpers.grading.execute.cell_selection import cells_to_run
from quantlab_helpers.grading.execute.runner import execute
from quantlab_helpers.grading.lesson import is_answer, make_lesson
from quantlab_helpers.grading.records import Limits
from quantlab_helpers.grading.score import score
from tests.grading.small_lesson import code, graded_cell, text

# The fixtures `bubblewrap` and `level` of conftest.py skip a test where bubblewrap does not work.
needs_bubblewrap = pytest.mark.usefixtures("bubblewrap")
each_level = pytest.mark.parametrize("level", ["bubblewrap", "prlimit"], indirect=True)
STUB = 'raise NotImplementedError("write your answer here, then delete this line")'
# Of each exercise: points, visible test, hidden test, last line of the test cell.
TESTS = {
    "double": (1, "assert double(3) == 6\n", "assert double(-1.5) == -3\n", ""),
    "total": (2, "assert total([1, 2]) == 3\n", "assert total([math.pi]) == math.pi\n", ""),
    "root": (3, "", "right = sum(root(x * x) == x for x in range(4))\n", "right * 3 / 4"),
}
GOOD = {
    "double": "def double(x):\n    return 2 * x",
    "total": "def total(values):\n    return sum(values)",
    "root": "def root(x):\n    return math.sqrt(x)",
}
# Long enough for a machine that is busy with other work; tests of deadlines use shorter ones.
LIMITS = Limits(cell_seconds=20, submission_seconds=120, memory_bytes=2**30, file_bytes=2**23)


def build_lesson(tests=TESTS):
    """Return a lesson of three exercises with the given points and tests."""
    cells = [text("# Three exercises"), code("import math\nimport time")]
    for name, (points, visible, hidden, last) in tests.items():
        cells.append(text(f"## Exercise: {name}\n\nWrite the function `{name}`."))
        solution = f"### BEGIN SOLUTION\n{GOOD[name]}\n### END SOLUTION"
        answer = graded_cell(code(f"# exercise: {name}\n{solution}"), name, solution=True)
        source = f"# test: {name}\n{visible}### BEGIN HIDDEN TESTS\n{hidden}### END HIDDEN TESTS"
        source = f"{source}\n{last}"
        flags = {"grade": True, "locked": True, "points": points}
        cells += [answer, graded_cell(code(source), f"test-{name}", **flags)]
    content = nbformat.writes(nbformat.v4.new_notebook(cells=cells))
    return make_lesson("01_three", content.encode())


def lesson_of(exercises, *, first="import math"):
    """Return a lesson with these exercises, each a solution and its hidden test, one point each."""
    cells = [code(first)]
    for name, (solution, test) in exercises.items():
        answer = f"# exercise: {name}\n### BEGIN SOLUTION\n{solution}\n### END SOLUTION"
        cells.append(graded_cell(code(answer), name, solution=True))
        source = f"# test: {name}\n### BEGIN HIDDEN TESTS\n{test}\n### END HIDDEN TESTS"
        cells.append(graded_cell(code(source), f"test-{name}", grade=True, locked=True, points=1))
    content = nbformat.writes(nbformat.v4.new_notebook(cells=cells))
    return make_lesson("01_small", content.encode())


@functools.cache
def three_exercises():
    """Return three exercises for 1, 2 and 3 points; the last one gives partial points."""
    return build_lesson()


def handed_in(lesson, answers, *, first="", tags=()):
    """Return a submission with these answers, and `first` in an added cell at the top."""
    notebook = copy.deepcopy(lesson.release)
    for cell in notebook.cells:
        if is_answer(cell) and answers.get(cell.id) is not None:
            cell.source = f"# exercise: {cell.id}\n{answers[cell.id]}"
        if cell.id in tags:
            cell.metadata["tags"] = ["skip-execution"]
    if first:
        notebook.cells.insert(2, nbformat.v4.new_code_cell(first))
    return notebook


def run(
    lesson,
    notebook,
    files=None,
    *,
    limits=LIMITS,
    isolation="auto",
    run_all_cells=False,
    shared=None,
):
    """Align, execute and score a submission; return its result and the executed notebook."""
    aligned = align(lesson, nbformat.writes(notebook).encode())
    executed = execute(
        aligned.notebook,
        files,
        limits=limits,
        lesson=lesson.notebook,
        shared=shared,
        cells=cells_to_run(lesson, aligned.notebook, run_all_cells=run_all_cells),
        isolation=isolation,
    )
    return score(lesson, executed, aligned=aligned, student="s01"), executed


def run_answers(answers, *, first="", tags=(), **options):
    """Grade a submission to the three exercises; return its result and the executed notebook."""
    lesson = three_exercises()
    return run(lesson, handed_in(lesson, answers, first=first, tags=tags), **options)


def run_cells(*sources, limits=LIMITS, **options):
    """Execute plain cells; return the executed notebook and its cells."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    executed = execute(nbformat.v4.new_notebook(cells=cells), limits=limits, **options)
    return executed, executed.notebook.cells


def states_of(cells):
    """Return the state of each executed cell."""
    return [cell.metadata["quantlab"]["state"] for cell in cells]


def printed(cell):
    """Return the printed text of an executed cell."""
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def points(result):
    """Return the points of each exercise."""
    return {mark.cell.removeprefix("test-"): mark.score for mark in result.cell_scores}


def states(result):
    """Return the state of each exercise."""
    return {mark.cell.removeprefix("test-"): mark.state for mark in result.cell_scores}


def command_lines():
    """Return the command lines of all processes of this machine."""
    lines = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                lines.append(Path(entry.path, "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except (OSError, UnicodeDecodeError):
                continue
    return lines


def is_gone(word, seconds=5):
    """Wait until no process has this word in its command line; return whether that happened."""
    deadline = time.monotonic() + seconds
    while any(word in line for line in command_lines()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
