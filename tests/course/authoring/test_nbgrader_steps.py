"""nbgrader's settings and preprocessors."""

import nbformat
import pytest

from quantlab_helpers.course.authoring.nbgrader_steps import (
    HIDE_TESTS,
    MAKE_STUBS,
    read_settings,
    run_steps,
)


def graded(source, **flags):
    meta = {"grade": False, "solution": False, "locked": False, "schema_version": 3, "task": False}
    cell = nbformat.v4.new_code_cell(source)
    cell.metadata["nbgrader"] = meta | flags
    return cell


def test_read_settings_missing_file_is_empty(tmp_path):
    assert read_settings(tmp_path / "nbgrader_config.py") == {}


def test_read_settings_file_with_error(tmp_path):
    path = tmp_path / "nbgrader_config.py"
    path.write_text("c = ")
    with pytest.raises(ValueError, match=r"nbgrader_config\.py cannot be read: .*; fix it\."):
        read_settings(path)


def test_run_steps_uses_settings_and_keeps_original(tmp_path):
    path = tmp_path / "nbgrader_config.py"
    path.write_text("c = get_config()\nc.ClearSolutions.code_stub = {'python': 'your_turn()'}\n")
    solution = "### BEGIN SOLUTION\nx = 1\n### END SOLUTION"
    hidden = "assert x\n### BEGIN HIDDEN TESTS\nassert x == 1\n### END HIDDEN TESTS"
    test = graded(hidden, grade_id="test-x", grade=True, locked=True, points=1)
    cells = [graded(solution, grade_id="x", solution=True), test]
    notebook = nbformat.v4.new_notebook(cells=cells)
    settings = read_settings(path)
    stubs = run_steps(MAKE_STUBS, notebook, name="lesson", config=settings)
    assert [cell.source for cell in stubs.cells] == ["your_turn()", hidden]
    release = run_steps(HIDE_TESTS, stubs, name="lesson", config=settings)
    assert release.cells[1].source == "assert x"
    assert notebook.cells[0].source == solution


def test_run_steps_names_refused_notebook():
    cells = [graded("x = 1", grade_id="not allowed!", solution=True)]
    with pytest.raises(ValueError, match=r"^lesson 09: nbgrader refuses it: "):
        run_steps(MAKE_STUBS, nbformat.v4.new_notebook(cells=cells), name="lesson 09")
