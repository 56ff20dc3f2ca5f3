"""Each kind of submission that stock nbgrader stumbles over, made from a lesson of this lab.

What is checked of each: the verdict, the points of every exercise, the words that its author
reads. What a coordinator does with many of them is checked where it is tested.
"""

import copy
import json
import os
from pathlib import Path

import nbformat
import pytest

from quantlab_helpers.course.authoring.build import build_course
from quantlab_helpers.grading.align.rebuild import align
from quantlab_helpers.grading.execute.cell_selection import cells_to_run
from quantlab_helpers.grading.execute.runner import execute
from quantlab_helpers.grading.lesson import make_lesson
from quantlab_helpers.grading.records import InvalidNotebook
from quantlab_helpers.grading.score import score
from tests import ROOT
from tests.grading.sandbox_runs import (
    LIMITS,
    handed_in,
    is_gone,
    needs_bubblewrap,
    points,
    run,
    states,
)

LARGE = LIMITS._replace(memory_bytes=3 * 2**30, submission_seconds=300)
NAMES = (
    "uniform-levels",
    "quantize-to-indices",
    "dequantize",
    "uniform-quantize",
    "error-bound",
    "cost-in-bytes",
)


class Real:
    """Lesson 02, its solutions, and the results of what was run before."""

    def __init__(self):
        [built] = build_course(ROOT, ["02"]).lessons
        self.lesson = make_lesson(built.name, built.instructor)
        cells = nbformat.reads(built.instructor.decode(), as_version=4).cells
        sources = {cell.id: cell.source.partition("\n")[2] for cell in cells}
        self.solutions = {name: sources[name] for name in NAMES}
        self.full = {exercise.name: exercise.points for exercise in self.lesson.exercises}
        self.results = {}

    def good(self):
        """A good submission as plain JSON."""
        return json.loads(nbformat.writes(handed_in(self.lesson, self.solutions)))

    def grade(self, content):
        """Grade a submission; one that runs the same cells as another is not run again."""
        aligned = align(self.lesson, content)
        ids = cells_to_run(self.lesson, aligned.notebook)
        texts = {cell.id: cell.source for cell in aligned.notebook.cells}
        key = tuple((name, texts[name]) for name in ids)
        if key not in self.results:
            self.results[key] = execute(
                aligned.notebook, limits=LARGE, lesson=self.lesson.notebook, cells=ids
            )
        return score(self.lesson, self.results[key], aligned=aligned, student="s01")

    def function(self, name):
        """The name of the function that an exercise asks for."""
        [exercise] = [e for e in self.lesson.exercises if e.name == name]
        [function] = exercise.names
        return function

    def does(self, name, body):
        """An answer whose function only does this."""
        lines = "\n    ".join(body.split("\n"))
        return f"def {self.function(name)}(*arguments):\n    {lines}"

    def also(self, name, body):
        """The right answer, whose function does this as well."""
        function = self.function(name)
        lines = "\n    ".join(body.split("\n"))
        return (
            f"{self.solutions[name]}\nright = {function}\n"
            f"def {function}(*arguments, inner=right):\n    {lines}\n    return inner(*arguments)"
        )


@pytest.fixture(scope="module")
def real():
    return Real()


def at(notebook, name):
    """Where a notebook has the cell of this grade_id."""
    ids = [c["metadata"].get("nbgrader", {}).get("grade_id") for c in notebook["cells"]]
    return ids.index(name)


# The shape of a notebook. What learners do to cells and metadata


def is_good(notebook):
    """As it was."""


def lacks_a_test(notebook):
    del notebook["cells"][at(notebook, "test-dequantize")]


def has_a_test_twice(notebook):
    place = at(notebook, "test-dequantize")
    notebook["cells"].insert(place, copy.deepcopy(notebook["cells"][place]))
    notebook["cells"][place]["id"] = "another"


def lost_all_metadata(notebook):
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    notebook["nbformat_minor"] = 0


def lost_the_metadata_of_two_cells(notebook):
    for name in ("dequantize", "test-dequantize"):
        cell = notebook["cells"][at(notebook, name)]
        cell["metadata"], cell["id"] = {}, f"new-{name}"


def went_through_colab(notebook):
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"] |= {"id": f"c{number}", "outputId": "0a", "colab": {"base_uri": "x"}}
        del cell["id"]
    notebook |= {"nbformat_minor": 0, "metadata": {"colab": {"provenance": []}}}


def went_through_colab_and_an_answer_was_split(notebook):
    place = at(notebook, "uniform-quantize")
    cell = notebook["cells"][place]
    lines = "".join(cell["source"]).splitlines(keepends=True)
    rest = copy.deepcopy(cell)
    cell["source"], rest["source"] = lines[:-1], lines[-1:]
    notebook["cells"].insert(place + 1, rest)
    went_through_colab(notebook)


def has_tags_that_skip_tests(notebook):
    for name in NAMES:
        tags = {"tags": ["skip-execution"]}
        notebook["cells"][at(notebook, f"test-{name}")]["metadata"] |= tags


SHAPES = {
    is_good: set(),
    lacks_a_test: {"test_restored"},
    has_a_test_twice: {"duplicate"},
    lost_all_metadata: {"found_by_marker"},
    lost_the_metadata_of_two_cells: {"found_by_marker"},
    went_through_colab: set(),
    went_through_colab_and_an_answer_was_split: {"merged"},
    has_tags_that_skip_tests: {"metadata"},
}


@pytest.mark.process
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_grade_damaged_cells_lose_no_point(shape, real):
    notebook = real.good()
    shape(notebook)
    result = real.grade(notebook)
    assert (result.verdict, points(result)) == ("graded", real.full)
    assert {repair.kind for repair in result.repairs} == SHAPES[shape]


@pytest.mark.process
def test_grade_released_notebook_is_unanswered(real):
    result = real.grade(json.loads(nbformat.writes(real.lesson.release)))
    assert (result.verdict, result.score) == ("graded", 0)
    assert set(states(result).values()) == {"not_answered"} and result.repairs == ()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"cells": [', "cannot be read as a notebook"),
        (b"", "The file is empty; save the notebook"),
        (b"\x89PNG\r\n", "cannot be read as a notebook"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}', "Nothing of the le"),
        (b'{"nbformat": 3, "worksheets": []}', "in another format than 4"),
    ],
)
def test_grade_refuses_other_files(content, says, real):
    with pytest.raises(InvalidNotebook, match=says):
        align(real.lesson, content)


# What answers do. Each exercise does something else, so that each shows the others unharmed


@pytest.mark.process
def test_execute_loops_cost_one_exercise(real):
    answers = {
        "uniform-levels": real.does("uniform-levels", "while True: pass"),
        "quantize-to-indices": real.does(
            "quantize-to-indices",
            "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        ),
        "dequantize": real.does("dequantize", "while True: print('no end')"),
        "uniform-quantize": real.also("uniform-quantize", "print('x' * 30_000_000)"),
        "error-bound": real.also(
            "error-bound", "import sys, warnings\nwarnings.warn('old')\nprint(1, file=sys.stderr)"
        ),
        "cost-in-bytes": real.does("cost-in-bytes", "return int(input('bytes? '))"),
    }
    limits = LARGE._replace(cell_seconds=4)
    result, executed = run(real.lesson, handed_in(real.lesson, answers), limits=limits)
    assert result.verdict == "partly_graded" and executed.evidence == ()
    stopped = dict.fromkeys(NAMES[:3], "timeout")
    assert states(result) == stopped | {
        "uniform-quantize": "right",
        "error-bound": "right",
        "cost-in-bytes": "wrong",
    }
    messages = {mark.cell: mark.message for mark in result.cell_scores}
    assert "ran for more than 4 seconds" in messages["test-uniform-levels"]
    assert "nobody can answer" in messages["test-cost-in-bytes"]
    assert len(nbformat.writes(executed.notebook)) < 3_000_000


@pytest.mark.process
def test_execute_lost_process_costs_one_exercise(real):
    mark = f"{600_000 + os.getpid()}.5"
    answers = {
        "uniform-levels": real.does("uniform-levels", "exit()"),
        "quantize-to-indices": real.does("quantize-to-indices", "import os; os._exit(3)"),
        "dequantize": real.does("dequantize", "import ctypes; ctypes.string_at(0)"),
        "uniform-quantize": real.does("uniform-quantize", "return bytearray(2**40)"),
        "error-bound": real.also("error-bound", "import helper\nhelper.check()"),
        "cost-in-bytes": real.also(
            "cost-in-bytes",
            f"import subprocess\nsubprocess.Popen(['sleep', '{mark}'], start_new_session=True)",
        ),
    }
    files = {"helper.py": b"taken = len(bytearray(2**30))\ndef check():\n    assert taken"}
    submission = handed_in(real.lesson, answers)
    result, _ = run(real.lesson, submission, files, limits=LARGE)
    assert result.verdict == "partly_graded" and is_gone(mark)
    assert states(result) == {
        "uniform-levels": "wrong",
        "quantize-to-indices": "not_run",
        "dequantize": "not_run",
        "uniform-quantize": "wrong",
        "error-bound": "right",
        "cost-in-bytes": "right",
    }
    messages = {mark.cell: mark.message for mark in result.cell_scores}
    assert "exit status 3" in messages["test-quantize-to-indices"]
    assert "memory fault" in messages["test-dequantize"]
    assert "MemoryError" in messages["test-uniform-quantize"]


@pytest.mark.process
def test_execute_time_limit_keeps_earned_points(real):
    slow = {name: f"import time; time.sleep(2)\n{real.solutions[name]}" for name in NAMES}
    limits = LARGE._replace(submission_seconds=7)
    result, _ = run(real.lesson, handed_in(real.lesson, slow), limits=limits)
    assert result.verdict == "timeout" and "more than 7 seconds" in result.detail
    assert states(result)["uniform-levels"] == "right"
    assert states(result)["cost-in-bytes"] == "not_run"


CHEATS = """
import os, sys
get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])
get_ipython().ast_transformers.append(type('Gone', (), {'visit': lambda self, tree: tree})())
get_ipython().showtraceback = lambda *a, **k: None
np.abs = np.allclose = lambda *a, **k: np.zeros(1)
checks.check = lambda *a, **k: None
class Same:
    def __eq__(self, other): return True
"""


@pytest.mark.process
def test_execute_tricks_give_wrong_answers_nothing(real):
    wrong = {name: real.does(name, "return Same()") for name in NAMES}
    notebook = handed_in(real.lesson, wrong, tags=[f"test-{name}" for name in NAMES])
    place = next(i for i, cell in enumerate(notebook.cells) if cell.id == NAMES[0])
    notebook.cells.insert(place, nbformat.v4.new_code_cell(CHEATS))
    aligned = align(real.lesson, nbformat.writes(notebook).encode())
    executed = execute(
        aligned.notebook,
        limits=LARGE,
        lesson=real.lesson.notebook,
        cells=["own-1", *cells_to_run(real.lesson, align(real.lesson, real.good()).notebook)],
    )
    result = score(real.lesson, executed, aligned=aligned, student="s01")
    assert (result.verdict, result.score) == ("graded", 0)
    assert set(states(result).values()) == {"wrong"}
    assert executed.shared == {}, "no test ran beside the answers"


@pytest.mark.process
@pytest.mark.parametrize("returned", ["float('nan')", "99", "float('inf')", "-5"])
def test_grade_contest_points_are_its_own(returned):
    [built] = build_course(ROOT, ["07"]).lessons
    lesson = make_lesson(built.name, built.instructor)
    answer = f"def smallest_file(net, path):\n    return {returned}"
    result, executed = run(lesson, handed_in(lesson, {"smallest-file": answer}), limits=LARGE)
    assert (result.verdict, result.score, result.max_score) == ("graded", 0, 14)
    assert states(result)["smallest-file"] == "wrong" and executed.evidence == ()


@needs_bubblewrap
@pytest.mark.process
def test_execute_hides_course_gradebook_hidden_tests(real, tmp_path):
    gradebook = tmp_path / "course" / "gradebook.db"
    gradebook.parent.mkdir()
    gradebook.write_bytes(b"the marks of all")
    look = f"""
import os, pathlib, sqlite3
folders = ["..", "../..", "../../..", {str(tmp_path)!r}, {str(gradebook.parent)!r}]
print("files:", sorted(os.listdir(".")), [p for p in folders if os.path.exists(p + "/source")])
print("gradebook:", [os.path.exists(p + "/gradebook.db") for p in folders])
own = [pathlib.Path.home().parent / name for name in ("home", "work", "tmp")]
paths = [path for folder in own for path in folder.glob("**/*.*")]
texts = [path.read_text(errors="replace") for path in paths if path.is_file()]
print("hidden:", sum("HIDDEN TESTS" in text or "checks.check(" in text for text in texts))
print("instructor:", os.path.exists({str(Path(ROOT, "instructor"))!r}))"""
    notebook = handed_in(real.lesson, real.solutions, first=look)
    result, executed = run(real.lesson, notebook, limits=LARGE, isolation="bubblewrap")
    assert points(result) == real.full and gradebook.read_bytes() == b"the marks of all"
    [cell] = [cell for cell in executed.notebook.cells if "gradebook:" in cell.source]
    lines = cell.outputs[0].text.splitlines()
    assert lines == [
        "files: [] []",
        f"gradebook: {[False] * 5}",
        "hidden: 0",
        "instructor: False",
    ]
