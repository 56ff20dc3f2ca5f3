"""Who may import whom: numbers know nothing of drawing, and nothing heavy comes along."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import quantlab_helpers

PACKAGE = Path(quantlab_helpers.__file__).parent

# Every module, from the ones that know nothing to the ones that know all.
ORDER = [
    "_files",
    "_progress",
    "_torchvision",
    "_validate",
    "data",
    "_cache",
    "model",
    "training",
    "checkpoints",
    "_bins",
    "_line",
    "kmeans",
    "lloyd",
    "quantizers",
    "metrics",
    "network",
    "experiments",
    "plots",
    "__init__",
    "_exercise",
    "_checks_training",
    "_checks_uniform",
    "_checks_kmeans",
    "_checks_retraining",
    "checks",
    "tour",
    "report",
    "workspace",
    "doctor",
    "cli",
]
HEAVY = {"matplotlib", "ipywidgets", "sklearn", "nbgrader", "torchvision", "rich", "IPython"}


def imports_of(module):
    """Modules of this package that `module` imports, wherever in the file."""
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            yield from [node.module] if node.module else [name.name for name in node.names]


def test_every_module_has_its_place_in_the_order():
    assert sorted(path.stem for path in PACKAGE.glob("*.py")) == sorted(ORDER)


@pytest.mark.parametrize("module", ORDER)
def test_arrows_point_one_way(module):
    allowed = {*ORDER[: ORDER.index(module)], "__version__"}
    assert set(imports_of(module)) <= allowed


def test_importing_the_package_brings_no_library_for_drawing_or_grading():
    code = f"import sys, quantlab_helpers; print(sorted({HEAVY} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_package_adds_few_modules_to_torchs_own():
    """A proxy for import time that no load on the machine can disturb."""
    code = (
        "import sys, torch; before = set(sys.modules); import quantlab_helpers;"
        "print(len(set(sys.modules) - before))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 60


@pytest.mark.parametrize("module", ORDER)
def test_a_module_can_be_read_in_one_sitting(module):
    lines = (PACKAGE / f"{module}.py").read_text().count("\n")
    assert lines <= 400
