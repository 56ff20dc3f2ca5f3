"""A lesson of three exercises, submissions to it, and what becomes of them in a real jail."""

import copy
import os
import time
from pathlib import Path

import nbformat
import pytest

from quantlab_helpers.grading.align.rebuild import align
from quantlab_helpers.grading.execute.cell_selection import needed
from quantlab_helpers.grading.execute.runner import execute
from quantlab_helpers.grading.execute.sandbox import sandbox as jail
from quantlab_helpers.grading.lesson import is_answer, make_lesson
from quantlab_helpers.grading.records import Limits
from quantlab_helpers.grading.score import score
from tests.grading.small_lesson import code, graded_cell, text

NO_JAIL = jail.why_no_bubblewrap()
needs_bubblewrap = pytest.mark.skipif(NO_JAIL is not None, reason=f"no bubblewrap: {NO_JAIL}")
LEVELS = [pytest.param("bubblewrap", marks=needs_bubblewrap), "prlimit"]
each_level = pytest.mark.parametrize("level", LEVELS)
STUB = 'raise NotImplementedError("write your answer here, then delete this line")'
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
# Seconds for a machine that others use, too; a test for time passes shorter ones.
LIMITS = Limits(cell_seconds=20, submission_seconds=120, memory_bytes=2**30, file_bytes=2**23)


def lesson():
    """Three exercises for 1, 2 and 3 points; the last gives points by degrees."""
    cells = [text("# Three exercises"), code("import math\nimport time")]
    for name, (points, visible, hidden, last) in TESTS.items():
        cells.append(text(f"## Exercise: {name}\n\nWrite the function `{name}`."))
        marked = f"### BEGIN SOLUTION\n{GOOD[name]}\n### END SOLUTION"
        answer = graded_cell(code(f"# exercise: {name}\n{marked}"), name, solution=True)
        source = f"# test: {name}\n{visible}### BEGIN HIDDEN TESTS\n{hidden}### END HIDDEN TESTS"
        source = f"{source}\n{last}"
        flags = {"grade": True, "locked": True, "points": points}
        cells += [answer, graded_cell(code(source), f"test-{name}", **flags)]
    content = nbformat.writes(nbformat.v4.new_notebook(cells=cells))
    return make_lesson("01_three", content.encode())


def handed_in(of, answers, *, first="", tags=()):
    """What a learner hands in: these answers, and a cell of their own at the top."""
    notebook = copy.deepcopy(of.release)
    for cell in notebook.cells:
        if is_answer(cell) and answers.get(cell.id) is not None:
            cell.source = f"# exercise: {cell.id}\n{answers[cell.id]}"
        if cell.id in tags:
            cell.metadata["tags"] = ["skip-execution"]
    if first:
        notebook.cells.insert(2, nbformat.v4.new_code_cell(first))
    return notebook


def run(of, notebook, files=None, *, limits=LIMITS, isolation="auto", everything=False):
    """Align, execute and score; return the result and what was executed."""
    aligned = align(of, nbformat.writes(notebook).encode())
    executed = execute(
        aligned.notebook,
        files,
        limits=limits,
        lesson=of.notebook,
        cells=needed(of, aligned.notebook, everything=everything),
        isolation=isolation,
    )
    return score(of, executed, aligned=aligned, student="s01"), executed


def points(result):
    return {mark.cell.removeprefix("test-"): mark.score for mark in result.marks}


def states(result):
    return {mark.cell.removeprefix("test-"): mark.state for mark in result.marks}


def commands():
    """The command lines of all processes of this machine."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                found.append(Path(entry.path, "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except (OSError, UnicodeDecodeError):
                continue
    return found


def is_gone(word, seconds=5):
    """Whether no process has this word in its command line, soon."""
    deadline = time.monotonic() + seconds
    while any(word in command for command in commands()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
