"""Everything is where CONTRIBUTING says it is."""

import ast
import re
import subprocess
import sys

import pytest

from tests import ROOT

PACKAGE = ROOT / "quantlab_helpers"
FOLDERS = [PACKAGE, *(path.parent for path in PACKAGE.rglob("*/__init__.py"))]
HEAVY = {"matplotlib", "ipywidgets", "sklearn", "torchvision", "rich", "IPython"}
HEAVY |= {"nbgrader", "jupytext", "nbformat", "nbconvert"}


def entries(folder):
    return [path for path in folder.iterdir() if path.name != "__pycache__"]


def map_of_contributing():
    """Return {folder: module names} from the rows of the map."""
    rows = re.findall(r"^\| `([\w/]+)/` \| (.*) \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.M)
    return {folder: set(re.findall(r"`(\w+)\.py`", text)) for folder, text in rows}


def test_map_of_contributing_is_complete():
    present = {}
    for folder in FOLDERS:
        name = folder.relative_to(ROOT).as_posix()
        if not re.fullmatch(r"quantlab_helpers/checks/lesson_\d\d", name):
            present[name] = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert map_of_contributing() == present


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_folder_has_18_entries_at_most(folder):
    assert len(entries(folder)) <= 18


def test_tests_have_folders_of_the_package():
    own = {"browser", "notebooks"}  # pages and lessons, not modules
    for folder in (path.parent for path in (ROOT / "tests").rglob("test_*.py")):
        name = folder.relative_to(ROOT / "tests")
        assert (PACKAGE / name).is_dir() or name.parts[0] in own, name


def test_layer_contracts_run_in_make_check():
    assert "lint-imports" in (ROOT / "Makefile").read_text()


def test_commits_have_rules_in_contributing():
    assert "at most 72 characters" in (ROOT / "CONTRIBUTING.md").read_text()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests").rglob("test_*.py")), ids=lambda path: path.stem
)
def test_names_of_tests_have_3_to_8_words(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            words = node.name.removeprefix("test_").split("_")
            assert 3 <= len(words) <= 8, node.name


@pytest.mark.process
def test_import_brings_no_heavy_library():
    code = f"import sys, quantlab_helpers; print(sorted({HEAVY} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.process
def test_import_adds_few_modules_to_torch():
    """A proxy for import time that no load on the machine can disturb."""
    code = (
        "import sys, torch; before = set(sys.modules); import quantlab_helpers;"
        "print(len(set(sys.modules) - before))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 75


@pytest.mark.process
def test_collection_of_quantizers_needs_no_nbgrader():
    code = (
        "import sys, pytest;"
        "pytest.main(['-q', '--collect-only', 'tests/quantizers', '-p', 'no:cacheprovider']);"
        "print(sorted({'nbgrader', 'jupytext', 'nbformat'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1] == "[]"


@pytest.mark.process
def test_collection_builds_no_lesson_reads_no_answer():
    code = """
import pytest
from quantlab_helpers.course.authoring import answer_bank, build
from quantlab_helpers.grading import lesson
def refuse(*arguments, **options):
    raise RuntimeError("called while tests are collected")
answer_bank.read_answers = answer_bank.read_lesson_answers = refuse
build.build_course = lesson.make_lesson = lesson.load_lesson = refuse
folders = ["tests/checks", "tests/course", "tests/grading", "tests/notebooks"]
raise SystemExit(pytest.main(["-q", "--collect-only", "-W", "ignore", *folders]))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:]
