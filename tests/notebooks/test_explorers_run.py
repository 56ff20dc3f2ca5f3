"""Explorers in a real kernel, moved by a cell, and under nbgrader's autograder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest
from nbgrader.api import Gradebook

from quantlab_helpers.course.authoring.build import build_course, write_course
from quantlab_helpers.course.authoring.sources import role_of

pytestmark = pytest.mark.process

SHOW = """\
import quantlab_helpers as ql
from quantlab_helpers import explorers

net = ql.load_baseline(device="cpu")
uniform = explorers.explore_uniform(net)
uniform"""
MOVE = """\
import json

seen = []
for bits in (1, 2, 3):
    uniform.controls["weight_bits"].value = bits
    seen.append([uniform._picture_box.value, uniform.facts["test accuracy"], uniform.error])
print(json.dumps(seen))"""
WAIT = """\
uniform.wait()
print(uniform._facts_box.value)"""
RACE = """\
import threading

import matplotlib.pyplot as plt

def move():
    for bits in (4, 5, 6, 7, 8, 1, 2, 3):
        uniform.controls["weight_bits"].value = bits

other = threading.Thread(target=move)
other.start()
for _ in range(5):
    fig, ax = plt.subplots(figsize=(3, 2))
    ax.plot([1, 2], [3, 4])
    plt.show()
other.join()
print(uniform.error or "no error")"""

LESSON = '''\
# %% [markdown]
# # Double

# %%
import quantlab_helpers as ql
from quantlab_helpers import explorers

# %%
explorers.explore_uniform(ql.load_baseline(device="cpu"))

# %% nbgrader={"grade": false, "grade_id": "double", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: double
def double(x):
    """Return x twice."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-double", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# test: double
assert double(2) == 4
### BEGIN HIDDEN TESTS
assert double(3) == 6
### END HIDDEN TESTS

# %%
after = explorers.explore_outlier()
after.controls["size"].value = 30
shown = explorers.explore_uniform(ql.load_baseline(device="cpu"))
shown.controls["weight_bits"].value = 3
shown
'''  # noqa: E501


def run(*sources, **environment):
    """Run cells in a fresh kernel and return their outputs."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    before = dict(os.environ)
    os.environ.update({"OMP_NUM_THREADS": "1", **environment})
    try:
        nbclient.NotebookClient(notebook, timeout=200, kernel_name="python3").execute()
    finally:
        os.environ.clear()
        os.environ.update(before)
    outputs = [cell.outputs for cell in notebook.cells]
    errors = [out for cell in outputs for out in cell if out.get("name") == "stderr"]
    assert errors == [], "nbgrader gives 0 points for output on stderr"
    return outputs


def test_explore_uniform_moves_in_a_kernel():
    shown, moved, waited = run(SHOW, MOVE, WAIT)
    [output] = shown
    assert "application/vnd.jupyter.widget-view+json" in output.data
    [printed] = moved  # one line of print, and no picture beside it
    seen = json.loads(printed.text)
    assert len({view for view, _, _ in seen}) == 3
    assert all("of 1,000 test images" in accuracy for _, accuracy, _ in seen[:1])
    assert [error for _, _, error in seen] == ["", "", ""]
    assert "of all 10,000 test images" in waited[0].text


def test_explorer_and_pyplot_on_two_threads():
    _, drawn = run(SHOW, RACE)
    pictures = [out.data["image/png"] for out in drawn if "image/png" in out.get("data", {})]
    assert len(pictures) == 5 and len(set(pictures)) == 1
    assert [out.text for out in drawn if out.output_type == "stream"] == ["no error\n"]


def test_kernel_ends_during_measurement():
    _, moved = run(SHOW, MOVE)
    assert len(moved) == 1


def test_explorer_is_static_by_environment_variable():
    [[output]] = run(SHOW, QUANTLAB_STATIC="1")
    assert "ql-player" in output.data["text/html"]
    assert "application/vnd.jupyter.widget-view+json" not in output.data


def test_nbgrader_autogrades_notebook_with_explorers(course):
    folder = course(lesson_02_doubling=LESSON)
    built = build_course(folder, ["02_doubling"])
    write_course(built, folder)
    home = folder / "build" / "course"
    [lesson] = built.lessons
    notebook = nbformat.reads(lesson.learner.decode(), as_version=4)
    for cell in notebook.cells:
        if role_of(cell) == "solution":
            cell.source = "# exercise: double\ndef double(x):\n    return x + x\n"
    path = home / "submitted" / "s01" / "02_doubling" / "02_doubling.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    binaries = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for command in ("generate_assignment", "autograde"):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", command, "02_doubling"],
            capture_output=True,
            text=True,
            cwd=home,
            env=os.environ | {"PATH": binaries, "OMP_NUM_THREADS": "1"},
            timeout=200,
        )
        assert done.returncode == 0, done.stderr
    with Gradebook(f"sqlite:///{home / 'gradebook.db'}", "quantlab") as gradebook:
        scores = {s.student.id: s.score for s in gradebook.assignment_submissions("02_doubling")}
    assert scores == {"s01": 3}
    graded = nbformat.read(
        home / "autograded" / "s01" / "02_doubling" / "02_doubling.ipynb", as_version=4
    )
    outputs = [out for cell in graded.cells for out in cell.get("outputs", [])]
    assert not [out for out in outputs if out.output_type == "error"]
    assert sum("application/vnd.jupyter.widget-view+json" in out.data for out in outputs) == 2
