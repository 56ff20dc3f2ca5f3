"""Scores come from JSON, from tests that ran, and never leave 0..max."""

import json

import nbformat
import pytest

from quantlab_helpers.grading.align.rebuild import align
from quantlab_helpers.grading.lesson import load_lesson, make_lesson
from quantlab_helpers.grading.records import Executed, Repair, Result
from quantlab_helpers.grading.score import points_of, score, unscored
from tests.grading.small_lesson import (
    ANSWERS,
    cell_of,
    code,
    grade,
    handed_in,
    run,
    small_lesson,
    text,
)


@pytest.fixture
def good():
    return handed_in(small_lesson())


@pytest.fixture
def scored(good):
    """Return a function that scores the good submission after something was done to its run."""

    def run_and_score(*, status="complete", detail="", not_run=(), outputs=None, lesson=None):
        lesson = lesson or small_lesson()
        aligned = align(lesson, good)
        executed = run(lesson, aligned)
        for name, put_out in (outputs or {}).items():
            cell_of(executed.notebook, name).outputs = [nbformat.from_dict(o) for o in put_out]
        ran = {name: name not in not_run for name in executed.ran}
        executed = executed._replace(status=status, detail=detail, ran=ran)
        return score(lesson, executed, aligned=aligned, student="s01")

    return run_and_score


def error(ename, evalue=""):
    return {"output_type": "error", "ename": ename, "evalue": evalue, "traceback": []}


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def result(shown):
    data = {"text/plain": shown}
    return {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}


def score_of(graded, exercise):
    return next(cell for cell in graded.cell_scores if cell.cell == f"test-{exercise}")


# Right, wrong, not answered


def test_score_good_submission_all_points(scored):
    graded = scored()
    assert (graded.verdict, graded.score, graded.max_score) == ("graded", 8, 8)
    assert {(cell.state, cell.message) for cell in graded.cell_scores} == {("right", "")}
    assert [cell.cell for cell in graded.cell_scores] == [f"test-{name}" for name in ANSWERS]


def test_score_message_of_failed_check(scored):
    graded = scored(outputs={"test-square": [error("CheckFailed", "What happened: \x1b[31mno")]})
    assert score_of(graded, "square")[1:5] == (0.0, 2.0, "wrong", "What happened: no")
    graded = scored(outputs={"test-square": [error("TypeError", "no int")]})
    assert score_of(graded, "square").message == "TypeError: no int"


def test_score_message_of_failed_answer(good):
    cell_of(good, "square")["source"] = "# exercise: square\ndef square(number:"
    message = score_of(grade(small_lesson(), good), "square").message
    assert "The cell of your answer raised SyntaxError" in message
    assert "The test raised NameError: name 'square' is not defined" in message


def test_score_stub_is_not_answered(good):
    cell_of(good, "square")["source"] = cell_of(
        {"cells": small_lesson().release.cells}, "square"
    ).source
    cell_of(good, "mean")["source"] += (
        "\n    # more\n\ndef mean(values):\n    raise NotImplementedError"
    )
    graded = grade(small_lesson(), good)
    assert score_of(graded, "square").state == score_of(graded, "mean").state == "not_answered"


def test_score_message_of_not_answered(good, scored):
    outputs = [error("NotAnswered", "square is still None: write a number.")]
    cell = score_of(scored(outputs={"test-square": outputs}), "square")
    assert cell[1:5] == (0.0, 2.0, "not_answered", "square is still None: write a number.")


def test_score_ignores_stderr(scored):
    assert scored(outputs={"test-square": [stream("UserWarning: old", "stderr")]}).score == 8


def test_score_error_before_other_outputs(scored):
    outputs = [result("2"), error("AssertionError"), result("2")]
    assert score_of(scored(outputs={"test-square": outputs}), "square").score == 0


# Points by degrees


def with_points(source="checks.points('square', square)"):
    notebook = json.loads(json.dumps(small_lesson().notebook))
    cell_of(notebook, "test-square")["source"] = f"# test: square\n{source}"
    cells = [cell for cell in notebook["cells"]]
    return small_lesson()._replace(notebook=nbformat.from_dict(notebook | {"cells": cells}))


@pytest.mark.parametrize(
    ("shown", "points", "state"),
    [
        ("2", 2, "right"),
        ("1", 1, "partial"),
        ("0.5", 0.5, "partial"),
        ("np.float64(1.5)", 1.5, "partial"),
        ("5e-1", 0.5, "partial"),
        ("0", 0, "wrong"),
        ("-1", 0, "wrong"),
        ("99", 2, "right"),
        ("nan", 0, "wrong"),
        ("inf", 0, "wrong"),
        ("1e999", 0, "wrong"),
        ("'2'", 0, "wrong"),
        ("None", 0, "wrong"),
        ("<object>", 0, "wrong"),
    ],
)
def test_score_points_finite_and_bounded(scored, shown, points, state):
    cell = score_of(
        scored(lesson=with_points(), outputs={"test-square": [result(shown)]}), "square"
    )
    assert (cell.score, cell.max_score, cell.state) == (points, 2.0, state)


def test_score_missing_points_are_0(scored):
    graded = scored(lesson=with_points(), outputs={"test-square": [stream("2")]})
    assert score_of(graded, "square")[1:5] == (0.0, 2.0, "wrong", "The test gave no points.")


def test_score_least_of_several_results(scored):
    outputs = {"test-square": [result("2"), result("1"), result("2")]}
    assert score_of(scored(lesson=with_points(), outputs=outputs), "square").score == 1


def test_score_message_of_a_contest(scored):
    outputs = {"test-square": [stream("1,234 bytes; next: prune."), result("1")]}
    cell = score_of(scored(lesson=with_points(), outputs=outputs), "square")
    assert cell.message == "1,234 bytes; next: prune."


def test_score_non_number_passes_like_nbgrader(scored):
    outputs = {"test-square": [result("'fine'")]}
    assert scored(lesson=with_points("square(3)"), outputs=outputs).score == 8


def test_score_ignores_result_after_statement(scored):
    assert scored(outputs={"test-square": [result("0")]}).score == 8


@pytest.mark.parametrize(
    "outputs",
    [
        [{"output_type": "execute_result", "data": None}],
        [{"output_type": "execute_result", "data": {"text/plain": ["1", 3]}}],
        [{"output_type": "execute_result"}],
        [{"output_type": "stream", "name": "stdout", "text": {}}],
        [{}],
    ],
)
def test_score_malformed_outputs(scored, outputs):
    cell = score_of(scored(lesson=with_points(), outputs={"test-square": outputs}), "square")
    assert 0 <= cell.score <= 2


# Tests that did not run


def test_score_keeps_points_earned_before_end(scored):
    graded = scored(status="kernel_died", detail="it ended", not_run=["test-guess", "test-quarter"])
    assert (graded.verdict, graded.score, graded.detail) == ("kernel_died", 5, "it ended")
    assert score_of(graded, "guess").state == "not_run"
    assert "process had ended" in score_of(graded, "guess").message


@pytest.mark.parametrize(
    ("status", "verdict"),
    [("complete", "partly_graded"), ("timeout", "timeout"), ("memory", "memory")],
)
def test_score_verdict_of_test_not_run(scored, status, verdict):
    graded = scored(status=status, not_run=["test-quarter"])
    assert (graded.verdict, graded.score) == (verdict, 6)


def test_score_graded_if_all_tests_ran(scored):
    assert scored(status="kernel_died").verdict == "graded"


def test_score_needs_proof_of_run(scored, good):
    assert scored(not_run=[f"test-{name}" for name in ANSWERS]).score == 0
    aligned = align(small_lesson(), good)
    executed = run(small_lesson(), aligned)._replace(ran={f"test-{name}": 1 for name in ANSWERS})
    assert score(small_lesson(), executed, aligned=aligned, student="s01").score == 0


def test_score_message_of_stopped_test(scored):
    outputs = {"test-square": [error("Timeout", "stopped after 60 s")]}
    cell = score_of(scored(outputs=outputs, not_run=["test-square"]), "square")
    assert cell[1:5] == (0.0, 2.0, "timeout", "stopped after 60 s")


def test_score_missing_cell_gives_nothing(good):
    aligned = align(small_lesson(), good)
    executed = run(small_lesson(), aligned)
    executed.notebook.cells = [c for c in executed.notebook.cells if c.id != "test-square"]
    executed.ran.pop("test-square")
    graded = score(small_lesson(), executed, aligned=aligned, student="s01")
    assert graded.score == 6 and score_of(graded, "square").state == "not_run"


# No scores at all


def test_unscored_and_infrastructure_error_have_no_score(scored):
    graded = scored(status="infrastructure_error", detail="no disk left")
    assert (graded.verdict, graded.score, graded.cell_scores) == ("infrastructure_error", None, ())
    assert graded.detail == "no disk left" and graded.isolation == "prlimit"
    lost = unscored(small_lesson(), student="s02", verdict="no_submission", detail="Nothing came.")
    assert (lost.student, lost.score, lost.max_score) == ("s02", None, 8)


@pytest.mark.parametrize(
    ("verdict", "words"), [("graded", "comes with"), ("lost", "is no verdict")]
)
def test_unscored_refuses_other_verdicts(verdict, words):
    with pytest.raises(ValueError, match=rf"`verdict` '{verdict}' {words}.*pass one of invalid_"):
        unscored(small_lesson(), student="s01", verdict=verdict, detail="")


# Records


def test_result_as_json_round_trip(good):
    good["cells"].remove(cell_of(good, "test-mean"))
    aligned = align(small_lesson(), good)
    executed = run(small_lesson(), aligned)._replace(evidence=("a check was replaced",))
    graded = score(small_lesson(), executed, aligned=aligned, student="s01")
    assert graded.repairs == (
        Repair(
            "test_restored", "test-mean", "The test cell test-mean was missing; it was put back."
        ),
    )
    assert Result.from_json(json.loads(json.dumps(graded.as_json()))) == graded
    assert [points_of(exercise, graded) for exercise in small_lesson().exercises] == [2, 3, 1, 2]


def test_score_cuts_long_message(scored):
    graded = scored(outputs={"test-square": [error("ValueError", "x" * 10_000)]})
    assert len(score_of(graded, "square").message) == 2_000


# Answers that a person scores


def by_hand():
    cells = [
        text("# Words\n\n" + "Write what you think. " * 10),
        code("answer = None", name="essay", grade=True, solution=True, points=3),
        code("assert True", name="check", grade=True, locked=True, points=1),
    ]
    return make_lesson("02_words", nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode())


def test_score_manual_answer_needs_grading():
    lesson = by_hand()
    notebook = json.loads(json.dumps(lesson.release))
    assert [cell.state for cell in grade(lesson, notebook).cell_scores] == [
        "not_answered",
        "right",
    ]
    cell_of(notebook, "essay")["source"] = "answer = 42"
    graded = grade(lesson, notebook)
    assert [cell.state for cell in graded.cell_scores] == ["needs_grading", "right"]
    assert (graded.verdict, graded.score, graded.max_score) == ("graded", 1, 4)


# Lessons


def test_load_lesson_names_missing_lesson(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no lesson '09_x'.*quantlab build"):
        load_lesson(tmp_path, "09_x")


def test_make_lesson_refuses_bad_notebooks(tmp_path):
    with pytest.raises(ValueError, match="lesson 01_x: this is not a notebook"):
        make_lesson("01_x", b"{")
    twice = [code("a = 1", name="same", solution=True) for _ in range(2)]
    twice[1]["id"] = "other"
    content = nbformat.v4.new_notebook(cells=twice)
    with pytest.raises(ValueError, match="grade_id 'same' is used twice"):
        make_lesson("01_x", json.dumps(content).encode())


def test_make_lesson_release_hides_tests():
    assert "isclose" in cell_of({"cells": small_lesson().notebook.cells}, "test-mean").source
    assert not any("isclose" in cell.source for cell in small_lesson().release.cells)
    assert "SOLUTION" not in json.dumps([small_lesson().notebook, small_lesson().release])
    assert small_lesson().points == {
        "test-square": 2,
        "test-mean": 3,
        "test-guess": 1,
        "test-quarter": 2,
    }
    assert [exercise.names for exercise in small_lesson().exercises] == [
        {"square"}, {"mean"}, {"legs"}, {"quarter"},
    ]  # fmt: skip
    assert isinstance(
        Executed(small_lesson().notebook, "complete", "", {}, "prlimit", 0.0).evidence, tuple
    )
