"""`Outputs`: the outputs of a cell in nbformat's shape, up to the limits."""

import nbformat
import pytest

from quantlab_helpers.grading.execute.outputs import Outputs
from quantlab_helpers.grading.records import Limits
from tests.grading.sandbox_runs import (
    GOOD,
    LIMITS,
    each_level,
    handed_in,
    points,
    printed,
    run,
    run_cells,
    states,
    states_of,
    three_exercises,
)

FULL = {"double": 1.0, "total": 2.0, "root": 3.0}


def collected(*messages, **limits):
    outputs = Outputs(Limits(**limits))
    outputs.start_cell()
    for message in messages:
        outputs.add(message)
    return outputs.cell


def stream(text, name="stdout"):
    return {"op": "stream", "name": name, "text": text}


def test_outputs_join_text_of_one_stream():
    cell = collected(stream("a"), stream("b"), stream("c", "stderr"), stream("d"))
    assert [(output.name, output.text) for output in cell] == [
        ("stdout", "ab"),
        ("stderr", "c"),
        ("stdout", "d"),
    ]


def test_outputs_update_a_display_by_id():
    first = {"op": "display", "data": {"text/plain": "old"}, "display_id": "x"}
    second = {"op": "display", "data": {"text/plain": "new"}, "display_id": "x", "update": True}
    [output] = collected(first, second)
    assert output.data == {"text/plain": "new"}


def test_outputs_clear_at_the_next_output():
    cell = collected(stream("old"), {"op": "clear", "wait": True}, stream("new"))
    assert [output.text for output in cell] == ["new"]
    assert collected(stream("old"), {"op": "clear", "wait": False}) == []


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"op": "stream", "text": 3},
        {"op": "stream", "text": ""},
        {"op": "display", "data": None},
        {"op": "display", "data": {}},
        {"op": "unknown", "text": "x"},
    ],
)
def test_outputs_ignore_malformed_messages(message):
    assert collected(message) == []


def test_outputs_replace_lone_surrogates():
    [output] = collected(stream("a\ud800b"))
    assert output.text == "a?b"


def test_outputs_cut_text_and_displays_at_the_limit():
    cell = collected(stream("x" * 20), stream("y"), cell_output_bytes=10)
    assert len(cell) == 1 and cell[0].text.startswith("x" * 10 + "\n[the rest is left out")
    large = {"op": "display", "data": {"text/plain": "x" * 20}}
    [output] = collected(large, cell_output_bytes=10)
    assert output.text.startswith("[the rest is left out: a cell may output 10 bytes")


@pytest.mark.process
@each_level
def test_outputs_cut_endless_printing_while_it_runs(level):
    endless = "def total(values):\n    while True:\n        print('no end ' * 20)"
    limits = LIMITS._replace(cell_seconds=2, cell_output_bytes=10_000)
    submission = handed_in(three_exercises(), GOOD | {"total": endless})
    result, executed = run(three_exercises(), submission, limits=limits, isolation=level)
    assert points(result) == FULL | {"total": 0} and states(result)["total"] == "timeout"
    [test] = [cell for cell in executed.notebook.cells if cell.id == "test-total"]
    assert len(printed(test)) < 10_200 and "the rest is left out" in printed(test)


@pytest.mark.process
def test_outputs_cut_floods_of_single_cells():
    done, ran = run_cells(
        "print('x' * 30_000_000)",
        "import os; os.write(1, b'y' * 3_000_000);",
        "display({'text/plain': 'z' * 3_000_000}, raw=True)",
        "print('ok')",
        limits=LIMITS._replace(cell_output_bytes=50_000, notebook_output_bytes=120_000),
    )
    assert states_of(ran) == ["ok"] * 4
    assert all(len(printed(cell)) < 50_300 for cell in ran)
    assert len(nbformat.writes(done.notebook)) < 130_000
    assert printed(ran[3]) == "ok\n"


@pytest.mark.process
def test_outputs_limit_the_whole_notebook():
    limits = LIMITS._replace(cell_output_bytes=1000, notebook_output_bytes=2500)
    _, ran = run_cells(*["print('x' * 990)"] * 5, limits=limits)
    assert sum(len(printed(cell)) for cell in ran) < 3500
    assert "the rest is left out" in printed(ran[2])
