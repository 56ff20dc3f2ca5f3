"""`Guard` in the sandbox: changes that it reports, and changes of libraries that it ignores."""

import pkgutil

import nbformat
import pytest

from quantlab_helpers import checks
from quantlab_helpers.course.authoring.build import build_course
from quantlab_helpers.grading.execute.sandbox import integrity
from quantlab_helpers.grading.lesson import make_lesson
from tests import ROOT
from tests.grading.sandbox_runs import GOOD, LIMITS, handed_in, run, run_answers, states

LARGE = LIMITS._replace(memory_bytes=3 * 2**30)


def check_modules():
    return [info.name for info in pkgutil.walk_packages(checks.__path__, f"{checks.__name__}.")]


def test_is_check_covers_every_module_of_checks():
    modules = [
        info.name for info in pkgutil.walk_packages(checks.__path__, "quantlab_helpers.checks.")
    ]
    assert len(modules) > 10 and all(
        map(integrity._is_check, ["quantlab_helpers.checks", *modules])
    )
    assert not integrity._is_check("quantlab_helpers.checksum")
    assert not integrity._is_check("quantlab_helpers.metrics")


def test_watched_modules_include_every_check():
    modules = {
        info.name for info in pkgutil.walk_packages(checks.__path__, "quantlab_helpers.checks.")
    }
    loaded = {name: checks for name in modules}
    assert set(integrity._watched_modules(loaded)) == modules


def test_is_same_object_compares_modules_by_name():
    assert integrity._is_same_object(checks, checks)
    assert not integrity._is_same_object(checks, integrity)
    assert not integrity._is_same_object("checks", checks)


@pytest.mark.process
def test_guard_ignores_patches_of_imported_libraries():
    first = "import inspect, torch\nprint(inspect.getfile.__module__)"
    result, executed = run_answers(GOOD, first=first, limits=LARGE)
    assert "torch.package" in str(executed.notebook.cells)
    assert (result.score, executed.evidence) == (6, ())


@pytest.fixture(scope="module")
def uniform():
    [built] = build_course(ROOT, ["02"]).lessons
    return make_lesson(built.name, built.instructor)


PATCHES = """
import os, sys, types, unittest.mock
import numpy, torch, quantlab_helpers, quantlab_helpers.checks.exercise as inside
yes = lambda *arguments, **options: None
keep = checks.check
checks.check = inside.FunctionExercise.check = inside.ValueExercise.check = yes
keep.__code__ = yes.__code__
inside.is_identical.__code__ = (lambda left, right: True).__code__
os.listdir = lambda folder: []
numpy.abs = numpy.array_equal = numpy.allclose = lambda *a, **k: numpy.zeros(1)
torch.equal = lambda *a: True
torch.Tensor.__eq__ = lambda self, other: True
quantlab_helpers.half_step_bound = yes
quantlab_helpers.checks.EXERCISES.clear()
fake = types.ModuleType("quantlab_helpers.checks")
fake.check = fake.answered = yes
sys.modules["quantlab_helpers.checks"] = quantlab_helpers.checks = fake
checks = unittest.mock.MagicMock()
np = unittest.mock.MagicMock()
"""


EXPECTED_EVIDENCE = [
    "FunctionExercise.check was replaced",
    "check was rewritten",
    "is_identical was rewritten",
    "os.listdir was replaced",
    "numpy.abs was replaced",
    "torch.equal was replaced",
    "Tensor.__eq__ was",
    "half_step_bound was replaced",
    "module quantlab_helpers.checks was replaced",
    "the name `checks` no longer referred to",
]


@pytest.mark.process
def test_guard_reports_patched_checks(uniform):
    names = {exercise.name: exercise for exercise in uniform.exercises}
    wrong = {}
    for name, exercise in names.items():
        [function] = exercise.names
        wrong[name] = f"def {function}(*arguments):\n    return 0.25"
    notebook = handed_in(uniform, wrong)
    place = next(i for i, cell in enumerate(notebook.cells) if cell.id == "uniform-levels")
    notebook.cells.insert(place, nbformat.v4.new_code_cell(PATCHES))
    result, executed = run(uniform, notebook, limits=LARGE)
    assert (result.verdict, result.score) == ("graded", 0)
    missing = [text for text in EXPECTED_EVIDENCE if not any(text in e for e in executed.evidence)]
    assert missing == [], executed.evidence
    assert set(states(result).values()) == {"wrong"}


@pytest.mark.process
def test_guard_ignores_wrappers_of_torch(uniform):
    """In training, torch wraps its own functions, which looks like a patch."""
    train = """
import functools, torch
net = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
net(torch.ones(1, 2)).sum().backward()
optimizer.step()
print(torch.manual_seed.__wrapped__)
quarter = functools.lru_cache(lambda x: x / 4)"""
    solutions = {"uniform-levels": "def uniform_levels(low, high, bits):\n    return np.linspace("}
    solutions["uniform-levels"] += "low, high, 2**bits)"
    notebook = handed_in(uniform, solutions)
    notebook.cells.insert(5, nbformat.v4.new_code_cell(train))
    result, executed = run(uniform, notebook, limits=LARGE)
    assert states(result)["uniform-levels"] == "right" and executed.evidence == ()
    [cell] = [cell for cell in executed.notebook.cells if "optimizer.step" in cell.source]
    assert "function manual_seed" in cell.outputs[0].text
