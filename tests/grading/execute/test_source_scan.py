"""`imported_names` and `find_grader_references`: names read from cell sources."""

import pkgutil

import pytest

from quantlab_helpers import checks
from quantlab_helpers.grading.execute import source_scan
from quantlab_helpers.grading.execute.source_scan import find_grader_references, imported_names

MODULES = [info.name for info in pkgutil.walk_packages(checks.__path__, "quantlab_helpers.checks.")]


def test_imported_names_follow_import_statements():
    sources = ["import a.b\nimport c.d as e", "from f import g, h as i\nfrom . import j", "%magic"]
    assert imported_names(sources) == {
        "a": ("a", None),
        "e": ("c.d", None),
        "g": ("f", "g"),
        "i": ("f", "h"),
    }


def test_find_grader_references_ignores_lessons_use_of_checks():
    sources = [
        "from quantlab_helpers import checks\nchecks.check('uniform-levels', lambda: 0)",
        "from quantlab_helpers.checks import check, points",
        "x = 1",
        "broken(",
    ]
    assert find_grader_references(sources) == []


@pytest.mark.parametrize("name", MODULES)
def test_find_grader_references_flags_modules_of_checks(name):
    for source in (f"import {name}", f"from {name} import anything"):
        [reference] = find_grader_references([source])
        assert f"`{name}`" in reference


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from quantlab_helpers.checks import EXERCISES", "EXERCISES"),
        ("checks.EXERCISES.clear()", "EXERCISES"),
        ("ql.checks.exercise", "exercise"),
    ],
)
def test_find_grader_references_flags_internal_names(source, name):
    [reference] = find_grader_references([source])
    assert reference == f"a cell refers to `{name}`, which is internal to the checks"


def test_public_checks_are_names_of_checks():
    assert checks.__name__ == source_scan._CHECKS_PACKAGE
    assert all(hasattr(checks, name) for name in source_scan._PUBLIC_CHECKS)
