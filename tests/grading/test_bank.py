"""The answer bank on real lessons, in a real jail: answers get the marks that they deserve.

An answer is aligned and scored as a submission of its own. To run them, the cells that the
submissions need are put behind each other in one notebook: one process for a lesson, not one for
each of hundreds of answers. Whole submissions show that this gives the same marks.
"""

import copy

import nbformat
import pytest

from quantlab_helpers.course.authoring.answer_bank import read_answers
from quantlab_helpers.course.authoring.build import build_course
from quantlab_helpers.grading.align.rebuild import align
from quantlab_helpers.grading.execute.cell_selection import needed
from quantlab_helpers.grading.execute.runner import execute
from quantlab_helpers.grading.lesson import make_lesson
from quantlab_helpers.grading.records import Executed
from quantlab_helpers.grading.score import score
from tests import ROOT
from tests.grading.sandbox_runs import LIMITS, handed_in, points, run

pytestmark = pytest.mark.slow
NAMES = [path.stem for path in sorted((ROOT / "instructor" / "sources").glob("0[1-5]*.py"))]
LARGE = LIMITS._replace(
    memory_bytes=3 * 2**30, submission_seconds=600, notebook_output_bytes=20_000_000
)


def real_lesson(name):
    [built] = build_course(ROOT, [name]).lessons
    return make_lesson(name, built.instructor)


def bank(name):
    return read_answers(ROOT / "instructor" / "answers" / f"{name}.py")


def sample(name):
    """Every right answer, and every second wrong one; all of them are tried in one process in
    `test_answers`."""
    wrong = [answer for answer in bank(name) if not answer.right]
    return [answer for answer in bank(name) if answer.right or answer in wrong[::2]]


def in_a_row(lesson, submissions):
    """All submissions in one notebook; a cell that all of them have runs once."""
    cells, shared = [], set()
    for number, (answer, aligned) in enumerate(submissions):
        run_these = set(needed(lesson, aligned.notebook))
        for cell in aligned.notebook.cells:
            own = cell.id in (answer.exercise, f"test-{answer.exercise}")
            if own or (cell.id in run_these - shared and "nbgrader" not in cell.metadata):
                shared.add(cell.id)
                cell = copy.deepcopy(cell)
                cell["id"] = f"{number}-{cell.id}" if own else cell.id
                cells.append(cell)
    return nbformat.v4.new_notebook(cells=cells)


def of_one(number, aligned, executed):
    """What was executed, as far as it is one submission's."""
    notebook = copy.deepcopy(aligned.notebook)
    found = {cell.id: cell for cell in executed.notebook.cells}
    for cell in notebook.cells:
        if f"{number}-{cell.id}" in found:
            cell["outputs"] = found[f"{number}-{cell.id}"].outputs
    ran = {
        name.partition("-")[2]: proven
        for name, proven in executed.ran.items()
        if name.partition("-")[0] == str(number)
    }
    return Executed(notebook, executed.status, "", ran, executed.isolation, 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_of_the_bank_gets_what_it_deserves(name):
    lesson, submissions = real_lesson(name), []
    for answer in sample(name):
        notebook = handed_in(lesson, {answer.exercise: answer.code})
        submissions.append((answer, align(lesson, nbformat.writes(notebook).encode())))
    executed = execute(in_a_row(lesson, submissions), limits=LARGE, lesson=lesson.notebook)
    assert (executed.status, executed.evidence) == ("complete", ()), "nobody has cheated"
    differ = {}
    for number, (answer, aligned) in enumerate(submissions):
        result = score(lesson, of_one(number, aligned, executed), aligned=aligned, student="s01")
        [mark] = [mark for mark in result.marks if mark.cell == f"test-{answer.exercise}"]
        due = mark.max_score if answer.right else 0
        says = answer.says if aligned.answered[answer.exercise] else "No answer."
        if not mark.score == result.score == due or says not in mark.message:
            differ[answer.name] = mark
    assert differ == {} and len(submissions) > 30


@pytest.mark.parametrize("everything", [False, True])
def test_a_whole_submission_gets_the_same_marks_whatever_else_runs(everything):
    name = "02_uniform_quantization"
    lesson, chosen = real_lesson(name), {}
    for exercise in lesson.exercises:  # some right, some wrong
        answers = [answer for answer in bank(name) if answer.exercise == exercise.name]
        chosen[exercise.name] = answers[2 + 3 * (len(chosen) % 3)]
    assert len({answer.right for answer in chosen.values()}) == 2
    notebook = handed_in(lesson, {key: answer.code for key, answer in chosen.items()})
    result, executed = run(lesson, notebook, limits=LARGE, everything=everything)
    assert points(result) == {e.name: e.points * chosen[e.name].right for e in lesson.exercises}
    assert result.verdict == "graded" and executed.evidence == ()
    for mark in result.marks:
        assert chosen[mark.cell.removeprefix("test-")].says in mark.message
    told = [c.metadata.quantlab.state for c in executed.notebook.cells if c.cell_type == "code"]
    assert ("skipped" in told) is not everything


@pytest.mark.parametrize(
    ("title", "points_due", "says"),
    [
        ("8 bits with a level at zero, packed", 1, "2 points: at most 20,000 bytes."),
        ("the same codes behind an entropy coder", 2, "3 points: at most 10,000 bytes."),
    ],
)
def test_a_contest_gives_its_points_by_degrees_and_says_what_comes_next(title, points_due, says):
    name = "07_the_smallest_file"
    lesson = real_lesson(name)
    [answer] = [answer for answer in bank(name) if answer.title.startswith(title)]
    result, executed = run(lesson, handed_in(lesson, {answer.exercise: answer.code}), limits=LARGE)
    [mark] = [mark for mark in result.marks if mark.cell == "test-smallest-file"]
    assert (mark.score, mark.max_score, mark.state) == (points_due, 5, "partial")
    assert says in mark.message and "bytes on disk" in mark.message
    assert (result.verdict, result.score, result.max_score) == ("graded", points_due, 14)
    assert executed.evidence == ()
