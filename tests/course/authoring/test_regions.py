"""Secret lines of cells, and their search in a text."""

import nbformat

from quantlab_helpers.course.authoring.regions import (
    leaked_lines,
    secret_lines,
    unshown_lines,
    visible_lines,
)

CELL = nbformat.v4.new_code_cell(
    """\
# exercise: double
def double(x):
    ### BEGIN SOLUTION
    result = sum([x, x])
    short = 1
    result = sum([x, x])
    return result  # twice
    ### END SOLUTION
print("this line is visible")"""
)


def test_secret_lines_long_lines_once():
    assert secret_lines(CELL) == ["result = sum([x, x])", "return result  # twice"]


def test_visible_lines_without_regions_and_markers():
    assert list(visible_lines(CELL)) == [
        "# exercise: double",
        "def double(x):",
        'print("this line is visible")',
    ]


def test_unshown_lines_respects_length():
    lines = unshown_lines([CELL], set(visible_lines(CELL)), least=9)
    assert "short = 1" in lines and "def double(x):" not in lines
    assert "short = 1" not in unshown_lines([CELL], set())


def test_leaked_lines_in_order_of_lines():
    assert list(leaked_lines("b = 2; a = 1", ["a = 1", "c = 3", "b = 2"])) == ["a = 1", "b = 2"]
