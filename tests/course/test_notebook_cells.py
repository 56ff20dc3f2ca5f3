"""Reading a notebook: cells, markers, the lesson, and which exercises are answered."""

import json

import pytest

from quantlab_helpers.course.notebook_cells import (
    Outline,
    cells_of,
    is_answered,
    lesson_by_name,
    marker_of,
    read_cells,
    read_outlines,
    states_of,
)
from quantlab_helpers.course.workspace import notebooks_folder
from tests.course.learner_notebooks import NAME, answer, delete_placeholders, notebook

LESSONS = sorted(path.stem for path in notebooks_folder().glob("*.ipynb"))
STUB = """\
# exercise: double
def double(x):
    \"\"\"Return twice x.\"\"\"
    raise NotImplementedError("write your answer here, then delete this line")"""


@pytest.fixture(scope="module")
def outlines():
    return read_outlines(sorted(notebooks_folder().glob("*.ipynb")))


@pytest.fixture
def states(outlines):
    """Return a function that gives the states of the exercises of a notebook."""

    def states(plain, name=NAME):
        return states_of(read_cells(json.dumps(plain).encode()), outlines[name])

    return states


# read_cells


def test_read_cells_keeps_what_identifies_a_cell():
    cell = {
        "cell_type": "code",
        "source": ["x = 1\r\n", "y = 2"],
        "metadata": {"nbgrader": {"grade_id": "a", "points": 2}, "id": "colab", "tags": ["t", 3]},
    }
    [read] = cells_of({"cells": [cell]})
    assert read == ("code", "x = 1\ny = 2", "a", "colab", {"grade_id": "a", "points": 2}, ("t",))


@pytest.mark.parametrize("meta", [None, 7, [], {"nbgrader": 3, "tags": "no list"}])
def test_cells_of_ignores_values_of_wrong_type(meta):
    cell = {"cell_type": "heading", "source": 3, "metadata": meta, "id": 4}
    assert cells_of({"cells": [1, None, cell]}) == [("raw", "", None, None, {}, ())]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b'{"cells": [', "it is not JSON: damaged, or only half of it arrived"),
        (b"[" * 100_000, "it is not JSON"),
        (b"\xff\xfe\x00", "it is not JSON"),
        (b"<!DOCTYPE html><html>", "it is a web page, not the notebook's file"),
        (b"%PDF-1.7", "it is a PDF, not the notebook's file"),
        (b"[1, 2]", "it is JSON, but not a notebook"),
        (b'{"worksheets": [], "nbformat": 3}', "its format is older than nbformat 4"),
    ],
)
def test_read_cells_says_what_else_a_file_is(content, message):
    with pytest.raises(ValueError, match=message):
        read_cells(content)


# marker_of


@pytest.mark.parametrize(
    ("line", "marker"),
    [
        ("# exercise: error-bound", "exercise: error-bound"),
        ("#test :double", "test: double"),
        ("# survey: pace", "survey: pace"),
        ("### Exercise: the levels", None),
        ("# Exercise: levels", None),
        ("    # exercise: levels", None),
        ("x = 1  # exercise: levels", None),
    ],
)
def test_marker_of_distinguishes_markers_from_titles(line, marker):
    assert marker_of(line) == marker


# is_answered


@pytest.mark.parametrize(
    "source",
    [
        "",
        STUB,
        STUB.partition("    raise")[0],
        STUB.partition('    "')[0],
        STUB.partition('    "')[0] + "    # to do",
        STUB.replace("raise NotImplementedError", "pass  #"),
        STUB.replace("raise NotImplementedError", "...  #"),
        STUB.replace("raise", "# first think\n\n    raise") + "\n\n# to do\n",
        STUB.replace("Return twice x.", "Return x twice."),
        STUB.replace("(x)", "( x )"),
    ],
)
def test_is_answered_false_where_nothing_was_added(source):
    assert not is_answered(source, STUB)


@pytest.mark.parametrize(
    "source",
    [
        STUB.replace("raise NotImplementedError", "return 2 * x  #"),
        STUB.replace("raise", "y = 2 * x\n    raise"),
        STUB.replace("raise NotImplementedError", "raise ValueError"),
        STUB.replace("raise NotImplementedError", "return (  #"),
        STUB.replace("raise NotImplementedError", "while True: pass  #"),
        "double = None",
    ],
)
def test_is_answered_true_where_code_was_added(source):
    assert is_answered(source, STUB)


def test_is_answered_compares_prose_as_text():
    stub = "# survey: words\nWhat was missing?"
    assert not is_answered("# survey:  words\n\nWhat was missing?\n", stub)
    assert is_answered(f"{stub}\n# Nothing", stub)
    assert is_answered("'Because of Jensen.'", "raise NotImplementedError()")


# states_of


@pytest.mark.parametrize("name", LESSONS)
def test_states_of_handed_out_lesson_all_unanswered(name, states):
    by_exercise = states(notebook(name), name)
    assert by_exercise and set(by_exercise.values()) == {"unanswered"}


@pytest.mark.parametrize("name", LESSONS)
def test_states_of_deleted_placeholders_all_unanswered(name, states):
    plain = delete_placeholders(notebook(name))
    assert set(states(plain, name).values()) == {"unanswered"}


@pytest.mark.parametrize("name", LESSONS)
def test_states_of_replaced_placeholders_all_answered(name, states):
    assert set(states(answer(notebook(name)), name).values()) == {"answered"}


def test_states_of_one_answer_only(states):
    by_exercise = states(answer(notebook(), "dequantize"))
    assert by_exercise.pop("dequantize") == "answered"
    assert set(by_exercise.values()) == {"unanswered"}


def test_states_of_comments_and_empty_lines_unanswered(states):
    plain = notebook()
    for cell in plain["cells"]:
        cell["source"] = "".join(cell["source"]) + "\n\n# to do\n"
    assert set(states(plain).values()) == {"unanswered"}


def test_states_of_deleted_cell_defined_elsewhere(states):
    plain = answer(notebook())
    plain["cells"] = [
        cell for cell in plain["cells"] if "exercise: dequantize" not in "".join(cell["source"])
    ]
    assert states(plain)["dequantize"] == "missing"
    code = {"cell_type": "code", "metadata": {}, "source": "def dequantize(*all):\n    return 1"}
    plain["cells"].append(code)
    assert states(plain)["dequantize"] == "answered"


def test_states_of_merged_cells_without_metadata(states):
    plain = answer(notebook(), "dequantize", "error-bound")
    merged = "\n".join("".join(cell["source"]) for cell in plain["cells"][1:])
    plain["cells"] = [{"cell_type": "code", "source": merged}]
    by_exercise = states(plain)
    assert by_exercise["dequantize"] == by_exercise["error-bound"] == "answered"
    assert by_exercise["uniform-levels"] == "unanswered"


# lesson_by_name


@pytest.mark.parametrize(
    "name",
    [
        "02_uniform_quantization.ipynb",
        "02_uniform_quantization (1).ipynb",
        "02_UNIFORM_QUANTIZATION.IPYNB",
        "Copy of 02_uniform_quantization.ipynb",
        "02_uniform_quantization-Copy1.ipynb",
        "02_uniform_quantization-1.ipynb",
        "02 uniform quantization.ipynb",
        "02_uniform_quantization.ipynb.txt",
        "02_uniform_quantization.ipynb.json",
        "s01_uniform-quantization.ipynb",
        "lesson-02.ipynb",
        "02.ipynb",
    ],
)
def test_lesson_by_name_of_renamed_file(name, outlines):
    assert lesson_by_name(name, outlines) == NAME


@pytest.mark.parametrize("name", ["Untitled3.ipynb", "2026-01-02.ipynb", "notes02.ipynb"])
def test_lesson_by_name_of_other_file_is_none(name, outlines):
    assert lesson_by_name(name, outlines) is None


def test_lesson_by_name_of_two_lessons_is_none():
    outlines = {name: Outline(name, {}) for name in ("01_bits", "02_bits")}
    assert lesson_by_name("bits.ipynb", outlines) is None
