"""Programs of any depth and width are analysed, or count as using every name; none is an error."""

import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantlab_helpers.course.notebook_cells import defined_names, is_answered
from quantlab_helpers.grading.align.rebuild import align
from quantlab_helpers.grading.execute.cell_selection import cells_to_run
from quantlab_helpers.grading.name_analysis import (
    compiles,
    names_from_imports,
    names_of,
    only_imports,
    parse,
    seeds_shared_generator,
)
from tests.grading.small_lesson import cell_of, grade, handed_in, scores, small_lesson

# Each makes a program from a number: of terms, of levels, of lines.
DEEP = {
    "sum": lambda n: "x = " + " + ".join(["1"] * n),
    "power": lambda n: "x = " + " ** ".join(["1"] * n),
    "parentheses": lambda n: "x = " + "(" * n + "1" + ")" * n,
    "lists": lambda n: "x = " + "[" * n + "]" * n,
    "dictionaries": lambda n: "x = " + "{1: " * n + "2" + "}" * n,
    "attributes": lambda n: "x = y" + ".a" * n,
    "seed": lambda n: "np.random" + ".a" * n + ".seed(0)",
    "items": lambda n: "x = y" + "[0]" * n,
    "calls": lambda n: "x = y" + "()" * n,
    "nested calls": lambda n: "x = " + "len(" * n + "y" + ")" * n,
    "minus": lambda n: "x = " + "-" * n + "1",
    "not": lambda n: "x = " + "not " * n + "1",
    "lambda": lambda n: "x = " + "lambda: " * n + "1",
    "conditions": lambda n: "x = " + "1 if y else " * n + "2",
    "elif": lambda n: "if y == 0:\n    x = 0\n" + "elif y == 1:\n    x = 1\n" * n,
    "loops": lambda n: "".join(" " * i + "for x in y:\n" for i in range(n)) + " " * n + "pass",
    "functions": lambda n: "".join(" " * i + "def x():\n" for i in range(n)) + " " * n + "pass",
    "await": lambda n: "x = " + "await " * n + "y",
    "patterns": lambda n: "match y:\n    case " + "[" * n + "x" + "]" * n + ": pass",
}
WIDE = {
    "lines": lambda n: "\n".join(f"x{i} = {i}" for i in range(n)),
    "statements": lambda n: "x = 1;" * n,
    "comparisons": lambda n: "x = " + " < ".join(["1"] * n),
    "arguments": lambda n: "x = f(" + "y, " * n + ")",
    "texts": lambda n: "x = " + "'a' " * n,
    "f-text": lambda n: "x = f'" + "{y}" * n + "'",
    "imports": lambda n: "\n".join(f"import a{i}" for i in range(n)),
    "magics": lambda n: "%time x = 1\n" * n,
    "helps": lambda n: "x?\n" * n,
    "shells": lambda n: "x = !ls\n" * n,
}
PROGRAMS = {**DEEP, **WIDE}
programs = st.builds(
    lambda makes, n, before, after: f"{before}{makes(n)}{after}",
    st.sampled_from(list(PROGRAMS.values())),
    st.one_of(st.integers(0, 400), st.sampled_from([999, 1_000, 3_000, 5_000, 20_000])),
    st.sampled_from(["", "import np\n", "def f(y):\n    return y\n", "%%time\n"]),
    st.sampled_from(["", "\nz = 1", "\nreturn x", " +"]),
)
texts = st.one_of(st.text(), st.text(string.printable), st.text("()[]{}:=\n \t'\"\\%!?x.1\0\ud800"))


def analyse(source):
    """Ask all that is asked of a cell before it runs."""
    for question in (names_of, parse, compiles, only_imports, names_from_imports, defined_names):
        question(source)
    seeds_shared_generator(source, frozenset({"np"}))
    is_answered(source, "x = None")


@given(st.one_of(programs, texts))
def test_names_of_and_parse_never_raise(source):
    analyse(source)


@settings(max_examples=20)
@given(st.one_of(programs, texts), st.sampled_from(["guess", "cell-2"]))
def test_align_and_cells_to_run_never_raise(source, place):
    notebook = handed_in(small_lesson())
    cell_of(notebook, place)["source"] = source
    aligned = align(small_lesson(), json.dumps(notebook).encode())
    assert cells_to_run(small_lesson(), aligned.notebook)


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize("size", [1_000, 5_000])
def test_names_of_deep_program_is_found_or_unknown(kind, size):
    source = f"{DEEP[kind](size)}\nlegs = 8"
    names = names_of(source)
    if names.unknown:
        assert {"legs"} <= names.defines <= names.uses and compiles(source)
    else:
        assert "legs" in names.defines or parse(source) is None


def test_names_of_sum_of_many_terms_uses_every_name():
    names = names_of("def total(rate):\n    return " + " + ".join(["rate"] * 5_000))
    assert names.unknown and names.defines == {"total"} and "rate" in names.uses


def test_names_of_long_cell_takes_definitions_at_margin():
    code = "async def a(): pass\nclass B: pass\nc: int = 1\nd == 2\n    e = 3\n"
    assert names_of(code + "# long\n" * 10_000).defines == {"a", "B", "c"}


def test_grade_right_answer_with_sum_of_many_terms():
    """It is found by its name alone, and an older version of it does not win over it."""
    notebook = handed_in(small_lesson())
    cell = cell_of(notebook, "guess")
    older = dict(cell, id="older", source="# exercise: guess\nlegs = 4")
    notebook["cells"].insert(notebook["cells"].index(cell), older)
    cell["source"] = "# exercise: guess\nlegs = " + " + ".join(["1"] * 900) + " - 892"
    assert scores(grade(small_lesson(), notebook))["guess"] == 1.0
    notebook["cells"].remove(older)
    cell["source"] = cell["source"].removeprefix("# exercise: guess\n")
    cell["metadata"], cell["id"] = {}, "fresh"
    assert scores(grade(small_lesson(), notebook))["guess"] == 1.0


def test_is_answered_compares_deep_program_as_text():
    deep = "x = " + " + ".join(["1"] * 5_000)
    assert is_answered(deep, "x = None") and not is_answered(deep, deep)
