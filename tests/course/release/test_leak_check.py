"""The search of a release for solutions and hidden tests."""

import json
import zipfile

import pytest

from quantlab_helpers.course.authoring.build import build_course
from quantlab_helpers.course.authoring.sources import read_sources
from quantlab_helpers.course.release.leak_check import LeakError, check_no_leaks
from tests.course.release.small_release import HIDDEN, SOLUTION


def proof(out, course):
    return check_no_leaks(out, read_sources(course))


def leak(out, course):
    with pytest.raises(LeakError) as caught:
        proof(out, course)
    return str(caught.value)


def edit(path, change):
    plain = json.loads(path.read_bytes())
    change(plain["cells"])
    path.write_text(json.dumps(plain))


def test_check_no_leaks_counts_cells_and_lines(out, course):
    # The notebook stands in notebooks/ and in the zip, with four cells of its own.
    assert proof(out, course) == (8, 2)


@pytest.mark.parametrize("text", [HIDDEN, SOLUTION, "### BEGIN SOLUTION"])
@pytest.mark.parametrize("name", ["README.md", "notebooks/notes.txt", "notebooks/extra.ipynb"])
def test_check_no_leaks_finds_line_in_any_file(out, course, name, text):
    path = out / name
    if name.endswith(".ipynb"):
        cell = {"cell_type": "code", "source": ["# x\n", text]}
        path.write_text(json.dumps({"cells": [cell], "nbformat": 4}))
    else:
        path.write_text(f"by the way:\n    {text}\n")
    assert f"{name}: {text!r} can be read" in leak(out, course)


def test_check_no_leaks_searches_zip_and_wheel(course_with_wheel):
    course, out = course_with_wheel
    assert proof(out, course) == (12, 2)
    with zipfile.ZipFile(out / "08_doubling.zip", "a") as archive:
        archive.writestr("more/notes.txt", HIDDEN)
    assert "08_doubling.zip/more/notes.txt" in leak(out, course)
    (out / "08_doubling.zip").unlink()
    [wheel] = out.glob("environment/*.whl")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("quantlab_helpers/notes.py", f"# {HIDDEN}")
    assert f"{wheel.name}/quantlab_helpers/notes.py: {HIDDEN!r}" in leak(out, course)


def edits():
    def stub_replaced(cells):
        cells[2]["source"] = "".join(cells[2]["source"]).replace("raise NotImpl", "return 2 * x #")

    def short_solution(cells):
        lines = "".join(cells[2]["source"]).split("\n")
        cells[2]["source"] = "\n".join([*lines[:-1], "    return 2 * x"])

    def short_line_added(cells):
        cells[2]["source"] = "".join(cells[2]["source"]) + "\n    return 2*x"

    def hidden_test_left(cells):
        cells[3]["source"] = "".join(cells[3]["source"]) + f"\n{HIDDEN}"

    def visible_test_gone(cells):
        cells[3]["source"] = "# test: double"

    def cell_added(cells):
        cells.append({"cell_type": "code", "metadata": {}, "source": "x"})

    def in_an_output(cells):
        output = {"output_type": "stream", "name": "stdout", "text": [f"{SOLUTION}\n"]}
        cells[4]["outputs"] = [output]

    def in_metadata(cells):
        cells[4]["metadata"]["note"] = HIDDEN

    return [
        (stub_replaced, "not every answer has the same stub"),
        (short_solution, "double: it is not its source"),
        (short_line_added, "double: it is not its source"),
        (hidden_test_left, "test-double: it is not its source"),
        (visible_test_gone, "test-double: it is not its source"),
        (cell_added, "it has 5 cells, its source 4"),
        (in_an_output, "a cell has an output"),
        (in_metadata, "can be read"),
    ]


@pytest.mark.parametrize(
    ("change", "words"), edits(), ids=lambda value: getattr(value, "__name__", "")
)
def test_check_no_leaks_compares_notebook_with_source(out, course, change, words):
    edit(out / "notebooks" / "08_doubling.ipynb", change)
    assert words in leak(out, course)


def test_check_no_leaks_finds_instructors_notebook(out, course):
    [built] = build_course(course).lessons
    (out / "notebooks" / "08_doubling.ipynb").write_bytes(built.instructor)
    assert "BEGIN SOLUTION" in leak(out, course)


def test_check_no_leaks_searches_damaged_notebook_as_text(out, course):
    (out / "notebooks" / "extra.ipynb").write_text(f"{{ {HIDDEN}")
    assert "extra.ipynb" in leak(out, course)
    (out / "notebooks" / "extra.ipynb").unlink()
    (out / "notebooks" / "08_doubling.ipynb").write_text("{")
    assert "not a notebook" in leak(out, course)


def test_check_no_leaks_refuses_damaged_zip(out, course):
    (out / "more.zip").write_bytes(b"PK half")
    assert "more.zip: it is damaged" in leak(out, course)
