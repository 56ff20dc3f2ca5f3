"""Answers of the bank in a real sandbox: they get the scores that they deserve.

Each answer is aligned and scored as its own submission, but all answers to a lesson run in one
notebook and so in one process. Whole submissions show that this gives the same scores.
"""

import copy

import nbformat
import pytest

from quantlab_helpers.course.authoring.answer_bank import read_lesson_answers
from quantlab_helpers.course.authoring.build import build_course
from quantlab_helpers.grading.align.rebuild import align
from quantlab_helpers.grading.execute.cell_selection import cells_to_run
from quantlab_helpers.grading.execute.runner import execute
from quantlab_helpers.grading.lesson import make_lesson
from quantlab_helpers.grading.records import Executed
from quantlab_helpers.grading.score import score
from tests import ROOT
from tests.grading.sandbox_runs import LIMITS, handed_in, points, run

pytestmark = pytest.mark.process
NAMES = [path.stem for path in sorted((ROOT / "instructor" / "sources").glob("0[1-5]*.py"))]
LARGE = LIMITS._replace(
    memory_bytes=3 * 2**30, submission_seconds=600, notebook_output_bytes=20_000_000
)


def real_lesson(name):
    [built] = build_course(ROOT, [name]).lessons
    return make_lesson(name, built.instructor)


def bank(name):
    return read_lesson_answers(ROOT, name)


def sample(name):
    """Three right answers and three wrong ones, to as many exercises as the lesson has.

    `tests/notebooks/test_answers.py` judges all answers, without a sandbox.
    """
    by_exercise = {}
    for answer in bank(name):
        by_exercise.setdefault(answer.exercise, []).append(answer)
    exercises = list(by_exercise.values())
    chosen = []
    for number in range(6):
        answers = exercises[number % len(exercises)]
        kind = [answer for answer in answers if answer.right is (number < 3)]
        chosen.append(kind[number % len(kind)])
    return chosen


def one_notebook(lesson, submissions):
    """Return a notebook with the cells of all submissions, shared ones only once."""
    cells, shared = [], set()
    for number, (answer, aligned) in enumerate(submissions):
        run_these = set(cells_to_run(lesson, aligned.notebook))
        for cell in aligned.notebook.cells:
            own = cell.id in (answer.exercise, f"test-{answer.exercise}")
            if own or (cell.id in run_these - shared and "nbgrader" not in cell.metadata):
                shared.add(cell.id)
                cell = copy.deepcopy(cell)
                cell["id"] = f"{number}-{cell.id}" if own else cell.id
                cells.append(cell)
    return nbformat.v4.new_notebook(cells=cells)


def outputs_of(number, aligned, executed):
    """Return the part of the executed notebook that belongs to one submission."""
    notebook = copy.deepcopy(aligned.notebook)
    executed_cells = {cell.id: cell for cell in executed.notebook.cells}
    for cell in notebook.cells:
        if f"{number}-{cell.id}" in executed_cells:
            cell["outputs"] = executed_cells[f"{number}-{cell.id}"].outputs
    ran = {
        name.partition("-")[2]: proven
        for name, proven in executed.ran.items()
        if name.partition("-")[0] == str(number)
    }
    return Executed(notebook, executed.status, "", ran, executed.isolation, 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_execute_and_score_answers_of_the_bank(name):
    lesson, submissions = real_lesson(name), []
    for answer in sample(name):
        notebook = handed_in(lesson, {answer.exercise: answer.code})
        submissions.append((answer, align(lesson, nbformat.writes(notebook).encode())))
    executed = execute(one_notebook(lesson, submissions), limits=LARGE, lesson=lesson.notebook)
    assert (executed.status, executed.evidence) == ("complete", ()), "no answer cheats"
    different = {}
    for number, (answer, aligned) in enumerate(submissions):
        result = score(
            lesson, outputs_of(number, aligned, executed), aligned=aligned, student="s01"
        )
        [mark] = [mark for mark in result.cell_scores if mark.cell == f"test-{answer.exercise}"]
        due = mark.max_score if answer.right else 0
        says = answer.says if aligned.answered[answer.exercise] else "No answer."
        if not mark.score == result.score == due or says not in mark.message:
            different[answer.name] = mark
    assert different == {} and len(submissions) == 6


@pytest.mark.parametrize("everything", [False, True])
def test_execute_whole_submission_scores_the_same(everything):
    name = "02_uniform_quantization"
    lesson, chosen = real_lesson(name), {}
    for exercise in lesson.exercises:  # some right, some wrong
        answers = [answer for answer in bank(name) if answer.exercise == exercise.name]
        chosen[exercise.name] = answers[2 + 3 * (len(chosen) % 3)]
    assert len({answer.right for answer in chosen.values()}) == 2
    notebook = handed_in(lesson, {key: answer.code for key, answer in chosen.items()})
    result, executed = run(lesson, notebook, limits=LARGE, run_all_cells=everything)
    assert points(result) == {e.name: e.points * chosen[e.name].right for e in lesson.exercises}
    assert result.verdict == "graded" and executed.evidence == ()
    for mark in result.cell_scores:
        assert chosen[mark.cell.removeprefix("test-")].says in mark.message
    states = [c.metadata.quantlab.state for c in executed.notebook.cells if c.cell_type == "code"]
    assert ("skipped" in states) is not everything


@pytest.mark.training
@pytest.mark.parametrize(
    ("title", "points_due", "says"),
    [
        ("8 bits with a level at zero, packed", 1, "2 points: at most 20,000 bytes."),
        ("the same codes behind an entropy coder", 2, "3 points: at most 10,000 bytes."),
    ],
)
def test_execute_smallest_file_gives_part_of_points(title, points_due, says):
    name = "07_the_smallest_file"
    lesson = real_lesson(name)
    [answer] = [answer for answer in bank(name) if answer.title.startswith(title)]
    result, executed = run(lesson, handed_in(lesson, {answer.exercise: answer.code}), limits=LARGE)
    [mark] = [mark for mark in result.cell_scores if mark.cell == "test-smallest-file"]
    assert (mark.score, mark.max_score, mark.state) == (points_due, 5, "partial")
    assert says in mark.message and "bytes on disk" in mark.message
    assert (result.verdict, result.score, result.max_score) == ("graded", points_due, 14)
    assert executed.evidence == ()
