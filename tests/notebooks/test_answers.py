"""Every answer of the bank through the real test cells; and all of nbgrader's own commands."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from quantlab_helpers.checks.registry import CheckFailed, NotAnswered
from quantlab_helpers.course.authoring.answer_bank import read_answers
from quantlab_helpers.course.authoring.build import build_course, write_course
from quantlab_helpers.course.authoring.sources import role_of
from tests import ROOT

NAMES = [path.stem for path in sorted((ROOT / "instructor" / "sources").glob("[0-9]*.py"))]
each_lesson = pytest.mark.parametrize("name", NAMES)


def bank(name):
    return read_answers(ROOT / "instructor" / "answers" / f"{name}.py")


def all_answers():
    """Every answer that can be read; the files that cannot have a test of their own."""
    for name in NAMES:
        try:
            answers = bank(name)
        except (ValueError, OSError):
            continue
        for answer in answers:
            yield pytest.param(name, answer, id=f"{name}/{answer.name}")


class Notebook:
    """The cells of a lesson that a test needs, from the instructor's or the learner's notebook."""

    def __init__(self, content):
        self.cells = nbformat.reads(content.decode(), as_version=4).cells
        self.by_id = {cell.id: cell.source for cell in self.cells}
        code = [cell.source for cell in self.cells if cell.cell_type == "code"]
        self.imports = code[1]  # below the cell that installs the package
        self.exercises = [cell.id for cell in self.cells if role_of(cell) == "solution"]

    def namespace(self):
        names = {"__name__": "__main__"}
        exec(compile(self.imports, "imports", "exec"), names)
        return names

    def judge(self, exercise, answer):
        """Run the answer and its test cell one after the other, as a kernel would."""
        names = self.namespace()
        exec(compile(answer, exercise, "exec"), names)
        exec(compile(self.by_id[f"test-{exercise}"], f"test-{exercise}", "exec"), names)


@pytest.fixture
def instructor(lesson):
    return lambda name: Notebook(lesson(name).instructor)


# The answer bank


@each_lesson
def test_every_exercise_has_right_answers_written_differently_and_named_mistakes(name, instructor):
    exercises, answers = instructor(name).exercises, bank(name)
    assert {answer.exercise for answer in answers} <= set(exercises), "answers to no exercise"
    right = Counter(answer.exercise for answer in answers if answer.right)
    wrong = Counter(answer.exercise for answer in answers if not answer.right)
    few = {
        exercise: (right[exercise], wrong[exercise])
        for exercise in exercises
        if right[exercise] < 3 or wrong[exercise] < 6
    }
    assert few == {}, "at least 3 right answers and 6 wrong ones"


@pytest.mark.parametrize(("name", "answer"), list(all_answers()))
def test_an_answer_gets_what_it_deserves(name, answer, instructor, capfd):
    notebook = instructor(name)
    if answer.right:
        notebook.judge(answer.exercise, answer.code)
    else:
        with pytest.raises((CheckFailed, NotAnswered)) as caught:
            notebook.judge(answer.exercise, answer.code)
        assert answer.says in str(caught.value)
    assert capfd.readouterr().err == "", "nbgrader would give 0 points for this"


@each_lesson
def test_the_solution_passes_and_the_stub_is_not_answered(name, instructor, lesson, capfd):
    notebook, learner = instructor(name), Notebook(lesson(name).learner)
    for exercise in notebook.exercises:
        notebook.judge(exercise, notebook.by_id[exercise])
        with pytest.raises(NotImplementedError):
            notebook.judge(exercise, learner.by_id[exercise])
    assert capfd.readouterr().err == ""


def test_every_lesson_has_its_answers_and_no_file_is_left_over():
    files = {path.stem for path in (ROOT / "instructor" / "answers").glob("*.py")}
    assert files == set(NAMES)


# The format of the bank

BANK = '''\
"""Answers."""

# %% double: right, a sum
def double(x):
    return x + x


# %% double: wrong, one too many
# says: you added 1
def double(x):
    return x + x + 1
'''


def test_answers_are_read_with_their_titles_and_the_words_expected(tmp_path):
    path = tmp_path / "02_doubling.py"
    path.write_text(BANK)
    right, wrong = read_answers(path)
    assert (right.exercise, right.right, right.title, right.says) == ("double", True, "a sum", "")
    assert right.code == "def double(x):\n    return x + x\n" and right.line == 3
    assert (wrong.right, wrong.says, wrong.line) == (False, "you added 1", 8)
    assert wrong.code.startswith("def double") and wrong.name == "double: wrong, one too many"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (": right, a sum", " right", "line 3: '# %% double right' is no header; write"),
        ("# says: you added 1\n", "", "line 8: a wrong answer needs, in its second line"),
        ("# says: you added 1", "# says:", "line 8: a wrong answer needs"),
        ("a sum\n", "a sum\n# says: no\n", "line 3: a right answer gets no message"),
        ("wrong, one too many\n# says: you added 1", "right, a sum", "line 8: line 3 has the same"),
        ("    return x + x + 1", "    return (", "line 11: this is not Python"),
        ("def double(x):\n    return x + x\n\n", "# nothing\n", "line 3: the answer has no code"),
        ('"""Answers."""', '"""Answers."""\nimport math', "line 2: code above the first"),
        ('"""Answers."""', "import (", "line 1: this is not Python"),
    ],
)
def test_a_malformed_bank_is_refused_with_the_line(tmp_path, old, new, words):
    assert old in BANK
    path = tmp_path / "02_doubling.py"
    path.write_text(BANK.replace(old, new, 1))
    with pytest.raises(ValueError, match=r"^02_doubling\.py, line \d+: ") as caught:
        read_answers(path)
    assert words in str(caught.value)


# nbgrader's own commands


@pytest.mark.slow
@each_lesson
def test_stock_nbgrader_gives_the_solution_full_marks_and_the_stub_none(name, tmp_path):
    """The first lesson is handed in whole; of the others only what the marks depend on.

    `test_execute` runs every lesson whole, and that takes longest.
    """
    built = build_course(ROOT, [name])
    write_course(built, tmp_path)
    home = tmp_path / "build" / "course"
    [lesson] = built.lessons
    learner = nbformat.reads(lesson.learner.decode(), as_version=4)
    if name != NAMES[0]:
        imports = [cell for cell in learner.cells if cell.cell_type == "code"][1]
        learner.cells = [cell for cell in learner.cells if cell is imports or role_of(cell)]
    hand_in(learner, home / "submitted" / "stub" / name / f"{name}.ipynb")
    answers = Notebook(lesson.instructor).by_id
    for cell in learner.cells:
        if role_of(cell) == "solution":
            cell.source = answers[cell.id]
    hand_in(learner, home / "submitted" / "s01" / name / f"{name}.ipynb")
    for command in ("generate_assignment", "autograde"):
        nbgrader(command, name, home)
    with Gradebook(f"sqlite:///{home / 'gradebook.db'}", "quantlab") as gradebook:
        points = gradebook.find_assignment(name).max_score
        scores = {s.student.id: s.score for s in gradebook.assignment_submissions(name)}
    assert points > 0 and scores == {"s01": points, "stub": 0}


def hand_in(notebook, path):
    path.parent.mkdir(parents=True)
    path.write_text(nbformat.writes(notebook), encoding="utf-8")


def nbgrader(command, name, home):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # for alembic
    environment = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-m", "nbgrader", command, name],
        capture_output=True,
        text=True,
        cwd=home,
        env=environment,
        timeout=500,
    )
    assert run.returncode == 0, run.stderr
