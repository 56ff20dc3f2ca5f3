"""Programs of any depth and width are analysed, or count as using every name; none is an error."""

import ast
import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantlab_helpers.course.notebook_cells import defined_names, is_answered
from quantlab_helpers.grading.align.rebuild import align
from quantlab_helpers.grading.execute.cell_selection import cells_to_run
from quantlab_helpers.grading.execute.tested_lesson import modules_to_load, plain_python
from quantlab_helpers.grading.name_analysis import (
    compiles,
    dotted_name,
    names_from_imports,
    names_of,
    only_imports,
    parse,
    seeds_shared_generator,
)
from tests.grading.sandbox_runs import handed_in as handed_in_to
from tests.grading.sandbox_runs import lesson_of, run
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
    list(modules_to_load([source]))


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


def test_align_takes_a_million_blank_lines():
    notebook = handed_in(small_lesson())
    code = "# exercise: quarter\ndef quarter(number):\n    number / 4"
    cell_of(notebook, "quarter")["source"] = code + "\n" * 1_000_000 + "# the end"
    fragment = {"cell_type": "code", "source": "    return 1", "metadata": {}}
    aligned = align(small_lesson(), {**notebook, "cells": [*notebook["cells"], fragment]})
    assert aligned.answered["quarter"]


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize("size", [1_000, 5_000])
def test_names_of_deep_program_is_found_or_unknown(kind, size):
    source = f"{DEEP[kind](size)}\nlegs = 8"
    names = names_of(source)
    if names.unknown:
        assert {"legs"} <= names.defines <= names.uses and compiles(source)
    else:
        assert "legs" in names.defines or parse(source) is None


def test_names_of_too_long_sum_uses_all():
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


@pytest.mark.parametrize("kind", ["sum", "minus", "not", "items", "calls", "attributes", "lambda"])
def test_names_of_some_hundred_levels_are_exact(kind):
    names = names_of(f"z = w\n{DEEP[kind](600)}; v = x")
    assert names.defines == frozenset("zxv") and not names.unknown
    assert "w" in names.uses and "x" not in names.uses


@pytest.mark.parametrize(
    ("source", "defines", "uses"),
    [
        ("x = 1; y = x; z = w", "x y z", "w"),
        ("# a comment\n@(\n    d\n)\n# another\ndef f(): pass\n\nx = f", "f x", "d"),
        ("x = 'é'; y = '🙂'; z = w # ü", "x y z", "w"),
        ("x = [\n1,\n2]; y = '''\n  a\n'''\nz = y", "x y z", ""),
        ("x = 1; \\\ny = w", "x y", "w"),
        ("if a:\n    x = 1\nelse:\n    x = b\n\n\nclass C(D): y = 2 ;", "x C", "a b D"),
        ("%matplotlib inline\nx = y", "x", "y"),
    ],
)
def test_names_of_reads_each_statement(source, defines, uses):
    names = names_of(source)
    assert (names.defines, names.uses) == (frozenset(defines.split()), frozenset(uses.split()))


def test_compiles_reads_text_of_many_levels():
    assert compiles(DEEP["sum"](1_000)) and not compiles(f"{DEEP['sum'](1_000)} +")


def test_dotted_name_of_names_and_attributes():
    for text in ("a", f"a{'.b' * 900}"):
        assert dotted_name(ast.parse(text, mode="eval").body) == text
    for text in ("a().b", "a[0].b", "1 .b", "a + b"):
        assert dotted_name(ast.parse(text, mode="eval").body) == ""


@pytest.mark.parametrize("kind", PROGRAMS)
def test_plain_python_takes_any_program(kind, monkeypatch):
    monkeypatch.setattr("IPython.core.inputtransformer2.TRANSFORM_LOOP_LIMIT", 20)
    for size in (40, 5_000 if kind in DEEP and kind not in ("loops", "functions") else 30):
        assert plain_python(PROGRAMS[kind](size)).strip()


# The right answer of one exercise, written with many levels.
LONG = {
    "sum": f"def next_of(x):\n    return x + {' + '.join(['1'] * 900)} - 899",
    "signs": f"def next_of(x):\n    return x + {'-' * 600}1",
    "parentheses": f"def next_of(x):\n    return {'(' * 150}x + 1{')' * 150}",
    "elif": "def next_of(x):\n    if x < 0:\n        return x + 1\n"
    + "".join(f"    elif x == {n}:\n        return {n + 1}\n" for n in range(300)),
    "lines": "def next_of(x):\n" + "    x += 0\n" * 3_000 + "    return x + 1",
}


@pytest.mark.process
@pytest.mark.parametrize("how", LONG)
def test_execute_right_answer_of_many_levels_scores(how):
    solution = "def next_of(x):\n    return x + 1"
    lesson = lesson_of({"next": (solution, "assert next_of(1) == 2")})
    result, _ = run(lesson, handed_in_to(lesson, {"next": LONG[how]}))
    assert (result.verdict, result.score) == ("graded", 1.0)
