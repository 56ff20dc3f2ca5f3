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
    "_player",
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
    "coding",
    "huffman",
    "_stored",
    "storage",
    "_scores",
    "folding",
    "_fit",
    "pruning",
    "finetune",
    "compress",
    "experiments",
    "plots",
    "plots_kmeans",
    "plots_coding",
    "plots_storage",
    "_scene",
    "plots_explorers",
    "_live",
    "explorers_uniform",
    "explorers_kmeans",
    "explorers_files",
    "explorers_retraining",
    "explorers",
    "plots_contest",
    "contest",
    "__init__",
    "_exercise",
    "_checks_penalty",
    "_checks_training",
    "_checks_error",
    "_checks_uniform",
    "_checks_lloyd",
    "_checks_kmeans",
    "_checks_loop",
    "_checks_retraining",
    "_checks_coding",
    "_checks_huffman",
    "_checks_storage",
    "_checks_shrink",
    "_checks_layers",
    "_checks_contest",
    "checks",
    "tour",
    "report",
    "workspace",
    "_outline",
    "submit",
    "doctor",
    "_commands",
    "cli_learner",
    "cli_instructor",
    "cli_grading",
    "cli_lecturer",
    "cli",
]
# The instructor's side: it may import everything that comes before the commands.
GRADING = [
    "grading.records",
    "grading.answers",
    "grading.sources",
    "grading.build",
    "grading.pages",
    "grading.slides",
    "grading.gallery",
    "grading.demo",
    "grading.members",
    "grading.archives",
    "grading.students",
    "grading.versions",
    "grading.collect",
    "grading.verify",
    "grading.wheel",
    "grading.release",
    "grading.names",
    "grading.lessons",
    "grading.pieces",
    "grading.anchors",
    "grading.mending",
    "grading.align",
    "grading.needed",
    "grading.walls",
    "grading.jail",
    "grading.warden",
    "grading.wires",
    "grading.audit",
    "grading.guard",
    "grading.kernel",
    "grading.outputs",
    "grading.signs",
    "grading.execute",
    "grading.score",
    "grading.lock",
    "grading.marks",
    "grading.results",
    "grading.submissions",
    "grading.gradebook",
    "grading.worker",
    "grading.workers",
    "grading.grade",
    "grading.shown",
    "grading.standing",
    "grading.feedback",
    "grading.export",
    "grading.__init__",
]
HEAVY = {"matplotlib", "ipywidgets", "sklearn", "torchvision", "rich", "IPython"}
HEAVY |= {"nbgrader", "jupytext", "nbformat"}


def path_of(module):
    return PACKAGE / f"{module.replace('.', '/')}.py"


def imports_of(module):
    """Modules of this package that `module` imports, wherever in the file."""
    parents = module.split(".")[:-1]
    for node in ast.walk(ast.parse(path_of(module).read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = parents[: len(parents) - node.level + 1]
            names = [node.module] if node.module else [name.name for name in node.names]
            yield from (".".join([*above, name]) for name in names)


def test_every_module_has_its_place_in_the_order():
    paths = [*PACKAGE.glob("*.py"), *PACKAGE.glob("grading/*.py")]
    assert sorted(paths) == sorted(path_of(module) for module in ORDER + GRADING)


@pytest.mark.parametrize("module", ORDER)
def test_arrows_point_one_way(module):
    allowed = {*ORDER[: ORDER.index(module)], "__version__"}
    if module in ("cli_instructor", "cli_grading", "cli_lecturer"):
        allowed |= set(GRADING)
    assert set(imports_of(module)) <= allowed


@pytest.mark.parametrize("module", GRADING)
def test_grading_knows_all_but_the_command_and_nobody_else_knows_grading(module):
    allowed = {*ORDER[: ORDER.index("_commands")], *GRADING[: GRADING.index(module)]}
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


@pytest.mark.parametrize("module", ORDER + GRADING)
def test_a_module_can_be_read_in_one_sitting(module):
    lines = path_of(module).read_text().count("\n")
    assert lines <= 400
