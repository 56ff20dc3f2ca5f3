"""nbgrader's own fixtures, which its wheel ships: the marks of stock nbgrader, and what it lacks.

Stock nbgrader itself grades the same notebooks here, cell by cell; where it refuses or gives up,
the test says what is expected instead.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from quantlab_helpers.grading.align.rebuild import align
from quantlab_helpers.grading.execute.cell_selection import cells_to_run
from quantlab_helpers.grading.execute.runner import execute
from quantlab_helpers.grading.execute.shared_tests import find_shared_tests
from quantlab_helpers.grading.lesson import make_lesson
from quantlab_helpers.grading.records import InvalidNotebook
from quantlab_helpers.grading.score import score
from tests.grading.sandbox_runs import LIMITS, each_level

FILES = Path(importlib.util.find_spec("nbgrader").origin).parent / "tests"
APPS, STEPS = FILES / "apps" / "files", FILES / "preprocessors" / "files"
NOTEBOOKS = sorted([*APPS.glob("*.ipynb"), *STEPS.glob("*.ipynb")])
QUICK = LIMITS._replace(cell_seconds=3)

# A lesson, and what students hand in for it; None stands for the notebook as it was released.
COURSE = {
    "unchanged": (
        APPS / "submitted-unchanged.ipynb",
        [
            APPS / "submitted-unchanged.ipynb",
            APPS / "submitted-changed.ipynb",
            APPS / "submitted-cheat-attempt.ipynb",
            APPS / "submitted-cheat-attempt-alternative.ipynb",
            APPS / "submitted-grade-cell-changed.ipynb",
            APPS / "submitted-locked-cell-changed.ipynb",
        ],
    ),
    "squares": (
        APPS / "test.ipynb",
        [None, APPS / "test.ipynb", APPS / "test-with-output.ipynb", STEPS / "test.ipynb"],
    ),
    "hidden": (APPS / "test-hidden-tests.ipynb", [None, APPS / "test-hidden-tests.ipynb"]),
    "sleeps": (APPS / "timeout.ipynb", [APPS / "timeout.ipynb"]),
    "told": (APPS / "validating-environment-variable.ipynb", [None]),
    "nothing": (APPS / "validation-zero-points.ipynb", [None]),
    "reads": (APPS / "open_relative_file.ipynb", [None]),
    "by-hand": (STEPS / "manually-graded-code-cell.ipynb", [None]),
    "a-task": (STEPS / "test_taskcell.ipynb", [None]),
}
DATA = {"reads": {"data.txt": (APPS / "data.txt").read_bytes()}}
STOCK = """
import json, sys
from pathlib import Path
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config

root, config, marks = Path(sys.argv[1]), Config(), {}
config.CourseDirectory.root = str(root)
config.CourseDirectory.db_url = f"sqlite:///{root / 'gradebook.db'}"
config.Execute.timeout = 3
api = NbGraderAPI(config=config)
for folder in sorted(root.glob("submitted/*/*")):
    student, lesson = folder.parts[-2:]
    if not (root / "release" / lesson).exists():
        assert api.generate_assignment(lesson)["success"], lesson
    if not list(folder.glob("*.ipynb")):
        released = root / "release" / lesson / f"{lesson}.ipynb"
        (folder / released.name).write_bytes(released.read_bytes())
    assert api.autograde(lesson, student)["success"], (lesson, student)
    with api.gradebook as book:
        [notebook] = book.find_submission(lesson, student).notebooks
        marks[f"{lesson}/{student}"] = {
            grade.cell.name: [grade.auto_score, grade.needs_manual_grade]
            for grade in notebook.grades
        }
print(json.dumps(marks))
"""


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """The marks that stock nbgrader gives in this course."""
    root = tmp_path_factory.mktemp("course")
    for lesson, (source, submissions) in COURSE.items():
        (root / "source" / lesson).mkdir(parents=True)
        shutil.copy(source, root / "source" / lesson / f"{lesson}.ipynb")
        for number, submission in enumerate(submissions):
            folder = root / "submitted" / f"s{number:02}" / lesson
            folder.mkdir(parents=True)
            if submission is not None:
                shutil.copy(submission, folder / f"{lesson}.ipynb")
            for name, content in DATA.get(lesson, {}).items():
                (folder / name).write_bytes(content)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # for alembic
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STOCK, str(root)],
        env=os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"},
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr[-2000:]
    return json.loads(told.stdout.splitlines()[-1])


def grade(lesson, content, *, everything=False, **options):
    aligned = align(lesson, content)
    cells = cells_to_run(lesson, aligned.notebook, run_all_cells=everything)
    options = {"limits": QUICK, "shared": find_shared_tests(lesson, limits=QUICK)} | options
    executed = execute(aligned.notebook, lesson=lesson.notebook, cells=cells, **options)
    return score(lesson, executed, aligned=aligned, student="s01"), executed


@pytest.mark.process
@pytest.mark.parametrize("name", COURSE)
def test_grade_same_scores_as_stock_nbgrader(name, stock):
    source, submissions = COURSE[name]
    lesson = make_lesson(name, source.read_bytes())
    for number, submission in enumerate(submissions):
        released = nbformat.writes(lesson.release).encode()
        content = released if submission is None else submission.read_bytes()
        result, executed = grade(lesson, content, files=DATA.get(name, {}))
        theirs = stock[f"{name}/s{number:02}"]
        assert len(theirs) == len(result.cell_scores) > 0 and executed.evidence == ()
        for mark in result.cell_scores:
            points, by_hand = theirs[mark.cell]
            assert (mark.score, mark.state == "needs_grading") == (points or 0, by_hand), mark


# What nbgrader's own tests state as their expectation; stock makes the tests from AUTOTEST lines.
WRITTEN_BY_AUTOTEST = {
    "simple": {"unchanged": (0, 1), "changed": (1, 1)},
    "hashed": {"unchanged": (0, 1), "changed": (1, 1)},
    "multi": {"unchanged": (0, 4), "changed": (3, 4)},
}


@pytest.mark.process
@pytest.mark.parametrize("kind", WRITTEN_BY_AUTOTEST)
def test_tests_that_autotest_has_written_are_tests(kind):
    lesson = make_lesson("auto", (APPS / f"autotest-{kind}-unchanged.ipynb").read_bytes())
    for which, (points, most) in WRITTEN_BY_AUTOTEST[kind].items():
        result, _ = grade(lesson, (APPS / f"autotest-{kind}-{which}.ipynb").read_bytes())
        assert (result.score, result.max_score) == (points, most), which


REFUSED = {
    "autotest-simple": "cell 3 has a line AUTOTEST, which tests nothing by itself; write the tests",
    "autotest-hashed": "line AUTOTEST",
    "autotest-hidden": "line AUTOTEST",
    "autotest-multi": "line AUTOTEST",
    "test-v0": "cell 1 has nbgrader's metadata in version 0, and version 3 is needed; run: nbgr",
    "test-v0-invalid": "in version 0",
    "test-v1": "in version 1",
    "test-v2": "in version 2",
    "too-new": "in version 10, and version 3 is needed; install a newer nbgrader",
    "test-no-metadata": "Solution region detected in a non-solution cell",
    "test-no-metadata-autotest": "Solution region detected in a non-solution cell",
    "duplicate-grade-ids": "the grade_id 'id1' is used twice; rename one",
    "blank-grade-id": "the grade_id '' must be letters, digits",
    "blank-points": "nbgrader refuses it",
    "bad-markdown-cell-1": "nbgrader refuses it",
    "bad-markdown-cell-2": "nbgrader refuses it",
    "submitted-answer-cell-type-changed": "nbgrader refuses it",
    "submitted-grade-cell-type-changed": "nbgrader refuses it",
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_make_lesson_or_one_sentence(path):
    if path.stem in REFUSED:
        with pytest.raises(ValueError, match=r"^lesson any: \S.*") as caught:
            make_lesson("any", path.read_bytes())
        assert REFUSED[path.stem] in str(caught.value)
    else:
        lesson = make_lesson("any", path.read_bytes())
        assert align(lesson, path.read_bytes()).notebook.cells
        assert lesson.max_score >= 0


def test_refused_notebooks_are_shipped():
    assert set(REFUSED) <= {path.stem for path in NOTEBOOKS} and len(NOTEBOOKS) > 50


OLDER = {
    "test-v0": 3.0,
    "test-v0-invalid": 3.0,
    "test-v1": 3.0,
    "test-v2": 3.0,
    "test-no-metadata": 3.0,  # found by its text
    "test-no-metadata-autotest": 3.0,
}


@pytest.mark.process
@pytest.mark.parametrize("name", OLDER)
def test_grade_old_or_missing_metadata(name):
    lesson = make_lesson("squares", (APPS / "test.ipynb").read_bytes())
    result, _ = grade(lesson, (APPS / f"{name}.ipynb").read_bytes())
    assert (result.verdict, result.score, result.max_score) == ("graded", OLDER[name], 6)


RETYPED = {
    "submitted-answer-cell-type-changed": "retyped",
    "submitted-grade-cell-type-changed": "test_restored",
}


@pytest.mark.process
@pytest.mark.parametrize("name", RETYPED)
def test_grade_changed_cell_type(name):
    lesson = make_lesson("unchanged", (APPS / "submitted-unchanged.ipynb").read_bytes())
    result, _ = grade(lesson, (STEPS / f"{name}.ipynb").read_bytes())
    assert (result.verdict, result.score) == ("graded", 1)
    assert [repair.kind for repair in result.repairs] == [RETYPED[name]]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_align_any_notebook_or_refuse(path):
    for source in ("submitted-unchanged", "test"):
        lesson = make_lesson(source, (APPS / f"{source}.ipynb").read_bytes())
        try:
            aligned = align(lesson, path.read_bytes())
        except InvalidNotebook as error:
            assert "Nothing of the lesson" in str(error)
        else:
            ids = [cell.id for cell in aligned.notebook.cells]
            assert set(lesson.points) <= set(ids) and len(ids) == len(set(ids))


def run_all(path, **options):
    """Run all cells of a notebook without tests, as its own lesson."""
    lesson = make_lesson("any", path.read_bytes())
    _, executed = grade(lesson, path.read_bytes(), everything=True, **options)
    return executed, [cell for cell in executed.notebook.cells if cell.cell_type == "code"]


@pytest.mark.process
@each_level
def test_execute_endless_output_within_limits(level):
    """Its own test is skipped in nbgrader: "takes too long ... a LOT of memory"."""
    limits = QUICK._replace(memory_bytes=2**29, submission_seconds=20)
    for name in ("infinite-loop", "infinite-loop-with-output"):
        executed, cells = run_all(APPS / f"{name}.ipynb", limits=limits, isolation=level)
        [output] = cells[0].outputs[-1:]
        assert output.ename in ("CellTimeoutError", "MemoryError", "OutOfMemory")
        assert executed.status == "complete"
        assert len(json.dumps(executed.notebook)) < 2 * limits.cell_output_bytes


@pytest.mark.process
def test_execute_cuts_output_and_endless_recursion():
    executed, cells = run_all(STEPS / "long-output.ipynb")
    assert cells[0].metadata.quantlab.state == "ok"
    assert len(json.dumps(executed.notebook)) < 2 * QUICK.cell_output_bytes
    executed, cells = run_all(STEPS / "infinite-recursion.ipynb", limits=LIMITS)
    assert [c.outputs[-1].ename for c in cells if c.outputs] == ["RecursionError"]
    assert len(json.dumps(executed.notebook)) < 2 * QUICK.cell_output_bytes


@pytest.mark.process
def test_side_effects_stay_in_the_sandbox(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, cells = run_all(APPS / "side-effects.ipynb")
    assert [cell.metadata.quantlab.state for cell in cells] == ["ok"] * len(cells)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.process
def test_a_warning_of_torch_is_no_error():
    _, cells = run_all(
        STEPS / "warning-pattern.ipynb",
        limits=LIMITS._replace(memory_bytes=3 * 2**30),
    )
    assert {cell.metadata.quantlab.state for cell in cells} <= {"ok", "skipped"}
