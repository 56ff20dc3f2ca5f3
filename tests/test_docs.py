"""What the documents say is what the project does."""

import doctest
import inspect
import re
import tomllib

import pytest
import yaml

import quantlab_helpers as ql
from quantlab_helpers import plots
from quantlab_helpers.cli import tour
from quantlab_helpers.cli import tour_report as report
from quantlab_helpers.cli.main import main
from quantlab_helpers.course import workspace
from quantlab_helpers.experiments import sweeps as experiments
from tests import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONSTRAINTS = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if line and not line.startswith("#")
)
README = (ROOT / "README.md").read_text()


def public_functions():
    modules = [experiments, plots, report, tour, workspace]
    owners = [(ql, name) for name in vars(ql)]
    owners += [(m, name) for m in modules for name in vars(m)]
    for owner, name in owners:
        thing = getattr(owner, name)
        own = getattr(thing, "__module__", "").startswith("quantlab_helpers")
        if inspect.isfunction(thing) and own and not name.startswith("_"):
            yield pytest.param(thing, id=f"{thing.__module__}.{name}")


@pytest.mark.parametrize("function", list(public_functions()))
def test_public_functions_have_docstring_and_example(function):
    assert inspect.getdoc(function)
    if getattr(ql, function.__name__, None) is function:
        assert doctest.DocTestParser().get_examples(inspect.getdoc(function)), "no doctest"


def names_of(requirements):
    return {re.match(r"[A-Za-z0-9_.-]+", text)[0].lower() for text in requirements}


def test_environment_yml_uses_constraints():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, nested = environment["dependencies"]
    assert (python, pip) == (f"python{PROJECT['requires-python']}", "pip")
    assert nested == {"pip": ["-c constraints.txt", "-e .[notebooks]"]}


def test_constraints_pin_every_dependency():
    requirements = [*PROJECT["dependencies"]]
    for extra in PROJECT["optional-dependencies"].values():
        requirements += extra
    pinned = {name.lower().replace("_", "-"): version for name, version in CONSTRAINTS.items()}
    for requirement in requirements:
        name = re.match(r"[A-Za-z0-9_.-]+", requirement)[0].lower().replace("_", "-")
        if name == "quantlab-helpers":
            continue
        assert name in pinned, f"{name} is not in constraints.txt"
        bound = re.search(r">=([\d.]+)", requirement)
        if bound:
            lowest = [int(part) for part in bound[1].split(".")]
            assert [int(part) for part in re.findall(r"\d+", pinned[name])] >= lowest


def test_dependencies_have_no_upper_bound():
    requirements = [PROJECT["requires-python"], *PROJECT["dependencies"]]
    assert not [requirement for requirement in requirements if "<" in requirement]


def test_readme_names_commands_and_notebooks():
    for command in main.commands:
        assert f"quantlab {command}" in README
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        assert notebook.stem in README


def test_make_targets_in_documents_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in ("README.md", "CONTRIBUTING.md"):
        used = set(re.findall(r"^make ([a-z]+)", (ROOT / document).read_text(), re.MULTILINE))
        used |= set(re.findall(r"`make ([a-z]+)", (ROOT / document).read_text()))
        assert used and used <= targets


def test_links_between_documents_exist():
    for document in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", (ROOT / document).read_text()):
            assert (ROOT / link).exists(), f"{document} links to {link}"


def test_changelog_begins_with_this_version():
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == ql.__version__ == PROJECT["version"]


def test_threat_model_names_tests_that_exist():
    text = (ROOT / "docs" / "threat-model.md").read_text()
    named = re.findall(r"`((?:\w+/)*\w*test_\w+\.py)(?:::(\w+))?`", text)
    assert len(named) > 15
    for file, test in named:
        source = (ROOT / "tests" / "grading" / file).read_text()
        assert not test or f"def {test}(" in source, f"{file}::{test}"
