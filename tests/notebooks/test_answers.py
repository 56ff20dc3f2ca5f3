"""Every answer of the bank through the real test cells; and all of nbgrader's own commands."""

import os
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from quantlab_helpers import checks
from quantlab_helpers.course.authoring.answer_bank import answers_folder, read_answers
from quantlab_helpers.course.authoring.build import build_course, write_course
from quantlab_helpers.course.authoring.sources import role_of
from tests import ROOT

LESSONS = [path.stem for path in sorted((ROOT / "instructor" / "sources").glob("[0-9]*.py"))]
TRAIN = {"smallest-file"}
EXERCISES = [
    pytest.param(lesson, exercise, id=exercise, marks=[pytest.mark.training] * (exercise in TRAIN))
    for lesson in LESSONS
    for path in sorted(answers_folder(ROOT, lesson).glob("*.py"))
    for exercise in [path.stem.replace("_", "-")]
]
each_lesson = pytest.mark.parametrize("name", LESSONS)
each_exercise = pytest.mark.parametrize(("lesson_name", "exercise"), EXERCISES)
pytestmark = pytest.mark.notebook  # together the tests build all lessons


class Notebook:
    """The cells of a lesson that a test needs, from the instructor's or the learner's notebook."""

    def __init__(self, content):
        cells = nbformat.reads(content.decode(), as_version=4).cells
        self.by_id = {cell.id: cell.source for cell in cells}
        code = [cell.source for cell in cells if cell.cell_type == "code"]
        self.imports = code[1]  # below the cell that installs the package
        self.exercises = [cell.id for cell in cells if role_of(cell) == "solution"]

    @cache  # noqa: B019, a lesson has one notebook in a process
    def _names(self):
        names = {"__name__": "__main__"}
        exec(compile(self.imports, "imports", "exec"), names)
        return names

    @cache  # noqa: B019
    def _test(self, exercise):
        return compile(self.by_id[f"test-{exercise}"], f"test-{exercise}", "exec")

    def judge(self, exercise, answer):
        """Run the answer and its test cell one after the other, as a kernel would."""
        names = dict(self._names())
        exec(compile(answer, exercise, "exec"), names)
        exec(self._test(exercise), names)


@pytest.fixture(scope="session")
def instructor(lesson):
    """Return a function that reads the instructor's notebook of a lesson, each one once."""
    return cache(lambda name: Notebook(lesson(name).instructor))


@pytest.fixture(scope="session")
def learner(lesson):
    """Return a function that reads the learner's notebook of a lesson, each one once."""
    return cache(lambda name: Notebook(lesson(name).learner))


def problem_with(notebook, answer):
    """Return what is wrong with the outcome of an answer, or None."""
    try:
        notebook.judge(answer.exercise, answer.code)
    except (checks.CheckFailed, checks.NotAnswered) as error:
        if answer.right:
            return f"is right, but the check says: {error}"
        return None if answer.says in str(error) else f"says {answer.says!r}, but got: {error}"
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    return None if answer.right else "is wrong, but the check passed"


# The answer bank


@each_exercise
def test_check_passes_right_answers_and_names_mistakes(lesson_name, exercise, instructor, capfd):
    notebook, problems = instructor(lesson_name), {}
    path = answers_folder(ROOT, lesson_name) / f"{exercise.replace('-', '_')}.py"
    answers = read_answers(path)
    for answer in answers:
        problem = problem_with(notebook, answer)
        if capfd.readouterr().err:
            problem = "writes to stderr, for which nbgrader gives 0 points"
        if problem:
            problems[f"{path.name}:{answer.line}, {answer.title}"] = problem
    assert not problems, "\n".join(f"{place}: {problem}" for place, problem in problems.items())
    kinds = Counter(answer.right for answer in answers)
    assert kinds[True] >= 3 and kinds[False] >= 6, "at least 3 right answers and 6 wrong ones"


@each_lesson
def test_lesson_exercises_have_answers_and_checks(name, instructor):
    exercises = set(instructor(name).exercises)
    assert exercises == {
        path.stem.replace("_", "-") for path in answers_folder(ROOT, name).glob("*.py")
    }
    assert exercises <= set(checks.EXERCISES)
    for exercise in exercises:
        module = ROOT / "quantlab_helpers" / "checks" / answers_folder(ROOT, name).name
        assert (module / f"{exercise.replace('-', '_')}.py").is_file()


def test_checks_and_answers_belong_to_lessons():
    names = [f"lesson_{name.partition('_')[0]}" for name in LESSONS]
    for folder in (ROOT / "instructor" / "answers", ROOT / "quantlab_helpers" / "checks"):
        assert sorted(path.name for path in folder.glob("lesson_*")) == names
    assert len(EXERCISES) == len(checks.EXERCISES)


@each_exercise
def test_check_passes_solution_and_not_stub(lesson_name, exercise, instructor, learner, capfd):
    notebook = instructor(lesson_name)
    if exercise not in TRAIN:  # test_execute runs that solution in its lesson
        notebook.judge(exercise, notebook.by_id[exercise])
    with pytest.raises(NotImplementedError):
        notebook.judge(exercise, learner(lesson_name).by_id[exercise])
    assert capfd.readouterr().err == ""


# nbgrader's own commands


@pytest.mark.process
@pytest.mark.parametrize("name", [name for name in LESSONS if name[:2] == "05"])
def test_nbgrader_autograde_scores_solution_and_stub(name, tmp_path):
    """Of each lesson only what the scores depend on: `test_execute` runs every lesson whole.

    Lesson 05 has functions and values; test_smallest_file does the same for points.
    """
    built = build_course(ROOT, [name])
    write_course(built, tmp_path)
    home = tmp_path / "build" / "course"
    [lesson] = built.lessons
    learner = nbformat.reads(lesson.learner.decode(), as_version=4)
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
