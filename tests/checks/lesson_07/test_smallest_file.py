import contextlib
import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import nbformat
import pytest
from nbgrader.utils import determine_grade

import quantlab_helpers as ql
from quantlab_helpers import checks
from quantlab_helpers.checks.lesson_07 import smallest_file
from quantlab_helpers.compression.contest import STEPS, points_for, score_file

EIGHT_BITS = {"weights": lambda w: ql.uniform_quantize(w, 8, zero_point="int"), "biases": None}


@pytest.fixture
def quick_check(monkeypatch, most_right):
    """Let the check measure on 300 images instead of all, and count the uses from 0."""
    monkeypatch.setattr(smallest_file, "score_file", partial(score_file, data=most_right))
    monkeypatch.setattr(smallest_file, "_test_set_uses", 0)


def eight_bits(net, path):
    ql.save_quantized(ql.quantize_model(net, **EIGHT_BITS), path)


def test_points_returns_points_and_prints_next_step(quick_check, capsys):
    assert checks.points("smallest-file", eight_bits) == 2
    printed = capsys.readouterr().out
    assert "2 of 5 points." in printed
    assert "3 points: at most 10,000 bytes. One way: small weights" in printed


def test_points_counts_uses_of_the_test_set(quick_check, capsys):
    checks.points("smallest-file", eight_bits)
    assert "You have used" not in capsys.readouterr().out
    checks.points("smallest-file", eight_bits)
    assert "You have used the test images 2 times." in capsys.readouterr().out


def test_points_hides_stderr_of_the_answer(quick_check, capsys):
    def loud(net, path):
        print("warned", file=sys.stderr)
        eight_bits(net, path)

    assert checks.points("smallest-file", loud) == 2
    assert capsys.readouterr().err == ""


def test_points_stops_a_call_that_catches_every_exception(monkeypatch):
    monkeypatch.setattr(smallest_file, "SECONDS", 0.2)

    def slow(net, path):
        while True:
            with contextlib.suppress(Exception):
                time.sleep(0.01)

    with pytest.raises(checks.CheckFailed, match=r"was stopped after 0\.2 seconds"):
        checks.points("smallest-file", slow)


def test_check_and_points_refuse_each_others_exercises():
    with pytest.raises(ValueError, match=r"earns points by degrees; call checks\.points"):
        checks.check("smallest-file", eight_bits)
    with pytest.raises(ValueError, match=r"is right or not; call checks\.check"):
        checks.points("merge-dense", eight_bits)
    with pytest.raises(checks.NotAnswered):
        checks.points("smallest-file", lambda net, path: (_ for _ in ()).throw(NotImplementedError))


def test_points_for_is_what_nbgrader_reads():
    """determine_grade is nbgrader's own: the one that its autograder and its feedback call."""
    cell = nbformat.v4.new_code_cell("checks.points('smallest-file', smallest_file)")
    cell.metadata["nbgrader"] = {
        "grade": True,
        "grade_id": "test-smallest-file",
        "locked": True,
        "points": STEPS[-1].points,
        "schema_version": 3,
        "solution": False,
        "task": False,
    }
    for step in STEPS:
        shown = {"text/plain": repr(points_for(step.bytes))}
        printed = nbformat.v4.new_output("stream", name="stdout", text="some words")
        result = nbformat.v4.new_output("execute_result", data=shown)
        cell.outputs = [printed, result]
        assert determine_grade(cell) == (step.points, STEPS[-1].points)


COURSE = """\
c = get_config()
c.CourseDirectory.course_id = "contest"
c.CourseDirectory.root = {root!r}
c.Execute.timeout = 200
"""
SOLUTION = """\
# exercise: smallest-file
def smallest_file(net, path):
    ### BEGIN SOLUTION
    ql.save_quantized(ql.quantize_model(net, weights=rule, biases=None), path, coding="packed")
    ### END SOLUTION
"""


@pytest.mark.process
def test_nbgrader_autograde_gives_part_of_points(tmp_path):
    """From source to gradebook: 1 point packed, 2 entropy-coded, 0 for the stub."""

    def graded(grade_id, source, **flags):
        cell = nbformat.v4.new_code_cell(source, id=grade_id)
        unset = {"grade": False, "locked": False, "solution": False, "task": False}
        cell.metadata["nbgrader"] = unset | {"grade_id": grade_id, "schema_version": 3} | flags
        return cell

    def notebook(answer):
        imports = (
            "import quantlab_helpers as ql\nfrom quantlab_helpers import checks\n"
            'rule = lambda w: ql.uniform_quantize(w, 8, zero_point="int")'
        )
        cells = [
            nbformat.v4.new_code_cell(imports, id="imports"),
            graded("smallest-file", answer, solution=True),
            graded(
                "test-smallest-file",
                '# test: smallest-file\nchecks.points("smallest-file", smallest_file)',
                grade=True,
                locked=True,
                points=5,
            ),
        ]
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})

    def write(answer, *place):
        path = tmp_path.joinpath(*place, "07", "07.ipynb")
        path.parent.mkdir(parents=True)
        nbformat.write(notebook(answer), path)

    (tmp_path / "nbgrader_config.py").write_text(COURSE.format(root=str(tmp_path)))
    write(SOLUTION, "source")
    write(SOLUTION, "submitted", "one")
    write(SOLUTION.replace(', coding="packed"', ""), "submitted", "two")
    write(SOLUTION.replace("ql.save_", "raise NotImplementedError  # "), "submitted", "none")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # for alembic
    environment = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"}
    for command in ("generate_assignment", "autograde"):
        run = subprocess.run(
            [sys.executable, "-m", "nbgrader", command, "07"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=500,
        )
        assert run.returncode == 0, run.stderr
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}", "contest") as gradebook:
        submissions = gradebook.assignment_submissions("07")
        scores = {submission.student.id: submission.score for submission in submissions}
        manual = [submission.needs_manual_grade for submission in submissions]
    assert scores == {"one": 1, "two": 2, "none": 0} and not any(manual)
    graded_cell = json.loads((tmp_path / "autograded/two/07/07.ipynb").read_text())["cells"][-1]
    assert graded_cell["outputs"][-1]["data"]["text/plain"] == ["2"]
