"""A small lesson without anything heavy, and a kernel that is only `exec`: for quick tests."""

import contextlib
import copy
import functools
import io
import json

import nbformat

from quantlab_helpers.grading.align.rebuild import align
from quantlab_helpers.grading.execute.cell_selection import cells_to_run
from quantlab_helpers.grading.lesson import make_lesson
from quantlab_helpers.grading.records import Executed
from quantlab_helpers.grading.score import score

SOLUTIONS = {
    "square": '''# exercise: square
def square(number):
    """Return a number times itself."""
    ### BEGIN SOLUTION
    return number * number
    ### END SOLUTION''',
    "mean": '''# exercise: mean
def mean(values):
    """Return the mean of some values."""
    ### BEGIN SOLUTION
    return sum(values) / len(values)
    ### END SOLUTION''',
    "guess": """# exercise: guess
# How many legs has a spider?
legs = None
### BEGIN SOLUTION
legs = 8
### END SOLUTION""",
    "quarter": '''# exercise: quarter
def quarter(number):
    """Return a quarter of a number."""
    ### BEGIN SOLUTION
    return number / 4
    ### END SOLUTION''',
}
# What a good learner writes in their place.
ANSWERS = {
    "square": '''# exercise: square
def square(number):
    """Return a number times itself."""
    total = 0
    for _ in range(abs(number)):
        total = total + abs(number)
    return total''',
    "mean": '''# exercise: mean
def total_of(values):
    return sum(values)


def mean(values):
    """Return the mean of some values."""
    total = total_of(values)
    return total / len(values)''',
    "guess": """# exercise: guess
# How many legs has a spider?
legs = 2 + 2
legs = legs * 2""",
    "quarter": '''# exercise: quarter
def quarter(number):
    """Return a quarter of a number."""
    return half(half(number))''',
}
TESTS = {
    "square": ("assert square(3) == 9", "assert square(-4) == 16", 2),
    "mean": ("assert mean([1, 3]) == 2", "assert math.isclose(mean([0.5, 1]), 0.75)", 3),
    "guess": ("assert isinstance(legs, int)", "assert legs == 8", 1),
    "quarter": ("assert quarter(8) == 2", "assert quarter(2) == 0.5", 2),
}
HELPER = "def half(number):\n    return number / 2"  # a cell of the learner's own
POINTS = {name: points for name, (_, _, points) in TESTS.items()}


def code(source, **graded):
    cell = nbformat.v4.new_code_cell(source)
    return graded_cell(cell, **graded) if graded else cell


def graded_cell(cell, name, **flags):
    meta = {"grade": False, "solution": False, "locked": False, "schema_version": 3, "task": False}
    cell.metadata["nbgrader"] = meta | {"grade_id": name} | flags
    cell["id"] = name
    return cell


def text(source):
    return nbformat.v4.new_markdown_cell(source)


def instructor():
    """The instructor's notebook: text, imports, demonstrations, exercises with their tests."""
    cells = [text("# A small lesson\n\n" + "It is about numbers. " * 10), code("import math")]
    cells.append(code("numbers = [1, 2, 3]\nprint(numbers)"))
    for name, (visible, hidden, points) in TESTS.items():
        cells.append(text(f"## Exercise: {name}\n\nWrite what is asked for in the cell below."))
        cells.append(code(SOLUTIONS[name], name=name, solution=True))
        source = (
            f"# test: {name}\n{visible}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
        )
        cells.append(code(source, name=f"test-{name}", grade=True, locked=True, points=points))
        cells.append(code(f"shown = {len(cells)}\nnumbers.append(shown)\nprint('demonstration')"))
    for number, cell in enumerate(cells):
        if "nbgrader" not in cell.metadata:
            cell["id"] = f"cell-{number}"
    return nbformat.v4.new_notebook(cells=cells)


@functools.cache
def small_lesson():
    return make_lesson("01_small", nbformat.writes(instructor()).encode())


def released(lesson):
    """What a learner gets, as plain JSON; the sources in one piece."""
    return json.loads(json.dumps(lesson.release))


def handed_in(lesson, answers=ANSWERS, helper=HELPER):
    """A submission with these answers, and the helper cell above the last exercise."""
    notebook = released(lesson)
    for cell in notebook["cells"]:
        if cell["id"] in answers:
            cell["source"] = answers[cell["id"]]
    if helper:
        place = next(i for i, c in enumerate(notebook["cells"]) if c["id"] == "quarter")
        own = {"cell_type": "code", "id": "fresh", "metadata": {}, "source": helper}
        notebook["cells"].insert(place, own | {"outputs": [], "execution_count": None})
    return notebook


def cell_of(notebook, name):
    """The cell of a notebook with this id, wherever it stands."""
    return next(cell for cell in notebook["cells"] if cell.get("id") == name)


def run(lesson, aligned, *, run_all_cells=False):
    """Run the needed cells one after the other in one namespace, as a kernel would."""
    notebook, names, ran = copy.deepcopy(aligned.notebook), {"__name__": "__main__"}, {}
    chosen = set(cells_to_run(lesson, notebook, run_all_cells=run_all_cells))
    for cell in notebook.cells:
        if cell.id not in chosen:
            continue
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(cell.source, cell.id, "exec"), names)
        except BaseException as error:
            output = {"output_type": "error", "ename": type(error).__name__}
            output |= {"evalue": str(error), "traceback": []}
            cell.outputs = [nbformat.from_dict(output)]
        ran[cell.id] = True
    return Executed(notebook, "complete", "", ran, "prlimit", 0.1)


def grade(lesson, content, **options):
    """Align, run and score a submission."""
    aligned = align(lesson, content)
    return score(lesson, run(lesson, aligned, **options), aligned=aligned, student="s01")


def scores(result):
    return {score.cell.removeprefix("test-"): score.score for score in result.cell_scores}
