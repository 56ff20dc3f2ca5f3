"""A class is graded: each submission gets its verdict, independent of the others."""

import contextlib
import csv
import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from nbgrader.plugins import CsvExportPlugin
from traitlets.config import Config

from quantlab_helpers.cli import grading as cli_grading
from quantlab_helpers.course.authoring.answer_bank import read_lesson_answers
from quantlab_helpers.course.authoring.build import build_course
from quantlab_helpers.grading.execute.cell_selection import cells_to_run
from quantlab_helpers.grading.execute.sandbox.sandbox import choose_isolation, why_no_bubblewrap
from quantlab_helpers.grading.gradebook.reader import read_scores
from quantlab_helpers.grading.gradebook.verdict_files import read_results
from quantlab_helpers.grading.lesson import is_answer, load_lesson, make_lesson
from quantlab_helpers.grading.pipeline import grade
from tests import ROOT
from tests.grading import small_lesson as small
from tests.grading.classroom import (
    LIMITS,
    NAME,
    a_course,
    answers,
    automatic_scores,
    graded,
    hand_in,
    open_gradebook,
    rows,
    stock,
    stock_book,
    stub,
    verdicts,
)

pytestmark = pytest.mark.process

WRONG = "def mean(values):\n    return max(values)"


# A class


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    """Seven students, graded once by two workers; what was reported on the way."""
    course = a_course(tmp_path_factory.mktemp("class"))
    hand_in(course, "s01", answers(course))
    hand_in(course, "s02", answers(course, mean=WRONG))
    hand_in(course, "s03", stub(course))
    hand_in(course, "s04", b'{"cells": [')
    hand_in(course, "s05", answers(course, square="import os\nos._exit(3)"))
    hand_in(course, "s06", answers(course, mean="while True: pass"))
    hand_in(course, "s07", answers(course), name="02_another")
    with open_gradebook(course) as book:
        assert book.students() == []
    steps = []
    limits = LIMITS._replace(cell_seconds=4)
    summary = grade(course, jobs=2, limits=limits, report=steps.append)
    return course, {result.student: result for result in summary.results}, summary, steps


def test_grade_gives_everyone_a_verdict(classroom):
    _, results, summary, _ = classroom
    assert verdicts(results) == {
        **dict.fromkeys(("s01", "s02", "s03", "s05", "s06"), "graded"),
        "s04": "invalid_notebook",
        "s07": "no_submission",
    }
    points = {student: result.score for student, result in results.items()}
    assert points == dict(s01=8, s02=5, s03=0, s04=None, s05=6, s06=5, s07=None)
    assert summary.counts == {"graded": 5, "invalid_notebook": 1, "no_submission": 1}
    assert [result.student for result in summary.results] == sorted(results)


def test_grade_writes_same_scores_in_gradebook(classroom):
    course, results, _, _ = classroom
    rows_by_student = {row.student: row for row in read_scores(course, NAME)}
    assert {student: row.score for student, row in rows_by_student.items()} == {
        student: result.score for student, result in results.items()
    }
    for student, result in results.items():
        expected = {cell.cell.removeprefix("test-"): cell.score for cell in result.cell_scores}
        stored = {name: score for name, score in automatic_scores(course, student).items()}
        assert stored == (expected or dict.fromkeys(stored))


def test_grade_reports_each_verdict_once(classroom):
    _, results, _, steps = classroom
    assert [step.number for step in steps] == list(range(1, 8))
    assert {step.total for step in steps} == {7}
    assert {step.result.student: step.result for step in steps} == results
    assert all(step.newly_graded for step in steps)


def test_grade_stores_verdicts_as_given(classroom):
    course, results, _, _ = classroom
    stored = read_results(course, NAME)
    assert {verdict.result.student: verdict.result for verdict in stored} == results
    assert all(len(verdict.sha256) == 64 for verdict in stored if verdict.result.score is not None)
    assert results["s01"].isolation == choose_isolation()


def test_grade_writes_notebooks_of_executed_submissions(classroom):
    course, results, _, _ = classroom
    students = {path.parent.parent.name for path in course.glob(f"autograded/*/{NAME}/*.ipynb")}
    assert students == {student for student, result in results.items() if result.score is not None}
    assert not (course / "quantlab" / "logs").exists()


def test_grade_skips_unchanged_submissions(classroom, tmp_path):
    course = tmp_path / "course"
    shutil.copytree(classroom[0], course)
    assert grade(course, limits=LIMITS).newly_graded == 0
    hand_in(course, "s02", answers(course))
    hand_in(course, "s01", answers(course), files={"notes.txt": "new"})
    steps = []
    results = graded(course, report=steps.append)
    assert {step.result.student for step in steps if step.newly_graded} == {"s01", "s02"}
    assert results["s02"].score == 8.0
    assert grade(course, students=["s01"], regrade=True, limits=LIMITS).newly_graded == 1


def test_grade_restores_scores_lost_from_gradebook(classroom, tmp_path):
    course = tmp_path / "course"
    shutil.copytree(classroom[0], course)
    with stock_book(course) as book:
        book.find_grade("test-mean", NAME, NAME, "s01").auto_score = 1.0
        book.remove_submission(NAME, "s03")
    shutil.rmtree(course / "autograded" / "s02")
    steps = []
    graded(course, report=steps.append)
    assert {step.result.student for step in steps if step.newly_graded} == {"s01", "s02", "s03"}
    assert {row.student: row.score for row in read_scores(course, NAME)}["s01"] == 8.0


def test_grade_clears_scores_of_withdrawn_submission(classroom, tmp_path):
    course = tmp_path / "course"
    shutil.copytree(classroom[0], course)
    shutil.rmtree(course / "submitted" / "s01" / NAME)
    assert graded(course, students=["s01"])["s01"].verdict == "no_submission"
    assert set(automatic_scores(course, "s01").values()) == {None}
    assert not (course / "autograded" / "s01" / NAME).exists()


# Students


def test_grade_names_students_without_submission(course):
    hand_in(course, "s01", stub(course))
    with stock_book(course) as book:
        book.add_student("s08")
        book.add_student("../../s10")  # no folder can have this name
    (course / "quantlab" / "collected" / "02_another" / "s09").mkdir(parents=True)
    absent = dict.fromkeys(("s08", "s09"), "no_submission")
    assert verdicts(graded(course)) == {"s01": "graded", **absent}


def test_grade_command_remembers_the_roster(course, tmp_path):
    hand_in(course, "s01", b"")
    listed = tmp_path / "students.csv"
    listed.write_text("id,first_name,lms_user_id\ns01,A,17\ns02,B,\n")
    for arguments in (["--students", str(listed)], []):
        run = invoke(course, *arguments)
        assert [line.split()[2] for line in run.stdout.splitlines()[:2]] == [
            "invalid_notebook",
            "no_submission",
        ]
    stored = [(row.student, row.first_name, row.lms_user_id) for row in read_scores(course, NAME)]
    assert stored == [("s01", "A", "17"), ("s02", "B", "")]


# Failures of the grader


def worker_of(number):
    """Return a worker of this process that runs a sandbox; None if there is none."""
    for path in Path(f"/proc/{number}/task").glob("*/children"):
        for child in path.read_text().split():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{child}/comm").read_text() == "quantlab-worker\n" and any(
                    text.read_text() for text in Path(f"/proc/{child}/task").glob("*/children")
                ):
                    return int(child)
    return None


def killer(times, killed):
    """Kill as many workers, one after the other, each as soon as it runs something."""
    deadline = time.monotonic() + 60
    while len(killed) < times and time.monotonic() < deadline:
        worker = worker_of(os.getpid())
        if worker is not None and worker not in killed:
            killed.append(worker)
            os.kill(worker, signal.SIGKILL)
        time.sleep(0.005)


@pytest.mark.parametrize(("times", "verdict"), [(1, "graded"), (2, "infrastructure_error")])
def test_grade_lost_worker_costs_one_submission(course, times, verdict):
    slow = "import time\ntime.sleep(1)\n" + WRONG
    hand_in(course, "s01", answers(course, mean=slow))
    hand_in(course, "s02", answers(course))
    killed = []
    thread = threading.Thread(target=killer, args=(times, killed))
    thread.start()
    results = graded(course)
    thread.join()
    assert len(killed) == times
    lost = {student for student, result in results.items() if result.verdict != "graded"}
    assert len(lost) == (verdict != "graded")
    for student in lost:
        assert "ended by signal 9" in results[student].detail
        assert (course / "quantlab" / "logs" / f"{NAME}-{student}.log").is_file()
        assert set(automatic_scores(course, student).values()) == {None}
    assert verdicts(graded(course)) == dict.fromkeys(("s01", "s02"), "graded")  # tried again


def test_grade_infrastructure_error_stops_nothing(tmp_path):
    config = """
from nbgrader.plugins import LateSubmissionPlugin
class Broken(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return {"s02": 0.0}[student_id]
c.AssignLatePenalties.plugin_class = Broken
"""
    course = a_course(tmp_path, config=config)
    for student in ("s01", "s02"):
        hand_in(course, student, answers(course))
    assert verdicts(graded(course)) == dict.fromkeys(("s01", "s02"), "graded")
    with stock_book(course) as book:
        book.update_or_create_assignment(NAME, duedate="2026-01-01 12:00:00.000000 UTC")
    summary = grade(course, regrade=True, limits=LIMITS)
    results = {result.student: result for result in summary.results}
    assert verdicts(results) == {"s01": "infrastructure_error", "s02": "graded"}
    assert "KeyError" in results["s01"].detail and results["s01"].score is None
    assert set(automatic_scores(course, "s01").values()) == {None}
    log = (course / "quantlab" / "logs" / f"{NAME}-s01.log").read_text()
    assert "Traceback" in log and "KeyError" in log
    assert summary.problems == (f"{NAME}: late penalties could not be computed (KeyError: 's01').",)
    run = invoke(course, "--student", "s02")
    assert run.exit_code == 1 and "late penalties could not be computed" in run.stderr


def test_grade_require_isolation_without_bubblewrap(course, monkeypatch):
    hand_in(course, "s01", answers(course))
    monkeypatch.setenv("PATH", "/nowhere")
    why_no_bubblewrap.cache_clear()
    try:
        run = CliRunner().invoke(command(), ["--course", str(course), "--isolation", "require"])
        assert run.exit_code == 1
        assert "bwrap is not installed" in run.stderr and "--isolation prlimit" in run.stderr
        assert read_results(course, NAME) == []
        assert graded(course)["s01"].isolation == "prlimit"
    finally:
        why_no_bubblewrap.cache_clear()


# The command


def command():
    return next(command for command in cli_grading.COMMANDS if command.name == "grade")


def invoke(course, *arguments):
    return CliRunner().invoke(command(), [*arguments, "--course", str(course), "--jobs", "1"])


def test_grade_command_prints_lines_and_summary(classroom):
    run = invoke(classroom[0])
    assert run.exit_code == 0, run.output
    lines = run.stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == [f"s{n:02}" for n in range(1, 8)]
    assert lines[0].split()[1:4] == [NAME, "graded", "8/8"]
    assert "the cell ended its process" in lines[4]
    assert lines[-1].startswith("5 graded, 1 invalid_notebook, 1 no_submission. Graded in this run")


def test_grade_command_prints_json(classroom):
    run = invoke(classroom[0], "01", "--json", "--student", "s01", "--student", "s04")
    first, second = json.loads(run.stdout)
    assert list(first) == [
        "student",
        "lesson",
        "verdict",
        "score",
        "max_score",
        "repairs",
        "isolation",
        "seconds",
    ]
    assert (first["verdict"], first["score"], first["isolation"]) == (
        "graded",
        8.0,
        choose_isolation(),
    )
    assert (second["verdict"], second["score"]) == ("invalid_notebook", None)


def test_grade_command_limits(course):
    hand_in(course, "s01", answers(course, mean="while True: pass"))
    run = invoke(course, "--cell-seconds", "1", "--submission-seconds", "60", "--memory", "1")
    assert run.exit_code == 0, run.output
    assert "more than 1 seconds" in run.stdout


def test_grade_command_while_another_is_grading(tmp_path):
    course = a_course(tmp_path)
    hand_in(course, "s01", answers(course))
    with open_gradebook(course) as book:
        book.prepare(load_lesson(course, NAME))
        run = invoke(course)  # while this process writes
    assert isinstance(run.exception, OSError) and "is grading in this folder" in str(run.exception)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lessons": ["9"]}, "'9' is no lesson; there are: 01_small"),
        ({"lessons": [""]}, "'' is no lesson"),
        ({"students": ["s77"]}, "There is no student s77"),
        ({"jobs": 0}, "`jobs` must be 1 or more, got 0"),
        ({"isolation": "none"}, "`isolation` must be auto, require or prlimit, got 'none'"),
    ],
)
def test_grade_refuses_wrong_options(course, options, words):
    a_course(course, name="02_another")
    hand_in(course, "s01", stub(course))
    with pytest.raises(ValueError, match=words):
        grade(course, **options)


def test_grade_empty_course_says_what_to_run(course, tmp_path):
    with pytest.raises(FileNotFoundError, match="run: quantlab collect"):
        grade(course)
    with pytest.raises(FileNotFoundError, match="run: quantlab build"):
        grade(tmp_path / "nowhere")


# Beside stock nbgrader


def test_nbgrader_commands_work_after_grade(classroom, tmp_path):
    course = tmp_path / "course"
    shutil.copytree(classroom[0], course)
    before = {row.student: row.score for row in read_scores(course, NAME)}
    table = tmp_path / "grades.csv"
    with stock(course, Execute={"timeout": 30}) as api:
        for student in ("s01", "s02", "s03"):
            done = api.generate_feedback(NAME, student)
            assert done["success"], done
        page = (course / "feedback" / "s02" / NAME / f"{NAME}.html").read_text()
        assert "(Score: 5.0 / 8.0)" in page
        done = api.autograde(NAME, "s02", force=True)
        assert done["success"], done
        done = api.autograde(NAME, "s03", force=False)  # graded already, so left alone
        assert done["success"] and "Skipping existing" in done["log"]
        with api.gradebook as book:
            CsvExportPlugin(config=Config(CsvExportPlugin={"to": str(table)})).export(book)
    assert {row.student: row.score for row in read_scores(course, NAME)} == before
    with table.open() as file:
        exported = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert exported == {student: score or 0.0 for student, score in before.items()}


def test_grade_again_keeps_manual_scores(classroom, tmp_path):
    course = tmp_path / "course"
    shutil.copytree(classroom[0], course)
    with stock_book(course) as book:
        book.find_grade("test-mean", NAME, NAME, "s02").manual_score = 2.5
        book.find_grade("test-guess", NAME, NAME, "s02").extra_credit = 1.0
        book.find_comment("mean", NAME, NAME, "s02").manual_comment = "nearly"
    assert grade(course, regrade=True, students=["s02"], limits=LIMITS).results[0].score == 5.0
    scores = next(row for row in read_scores(course, NAME) if row.student == "s02")
    assert scores.score == 5.0 + 2.5 + 1.0
    assert {cell.comment for cell in scores.cells if cell.cell == "mean"} == {"nearly"}
    assert scores.needs_grading  # a person looks at a manual score again


def test_grade_same_scores_as_stock_nbgrader(tmp_path):
    """The exercises of lesson 02, without its demonstrations: six submissions, cell by cell."""
    name = "02_uniform_quantization"
    [built] = build_course(ROOT, [name]).lessons
    whole = make_lesson(name, built.instructor)
    run = set(cells_to_run(whole, whole.release))
    notebook = nbformat.reads(built.instructor.decode(), as_version=4)
    notebook.cells = [c for c in notebook.cells if c.cell_type != "code" or c["id"] in run]
    config = (ROOT / "instructor" / "nbgrader_config.py").read_text()
    folders = [tmp_path / "ours", tmp_path / "theirs"]
    for course in folders:
        a_course(course, notebook=notebook, name=name)
        (course / "nbgrader_config.py").write_text(config)
    lesson = load_lesson(folders[0], name)
    bank = read_lesson_answers(ROOT, name)
    right = {answer.exercise: answer.code for answer in bank if answer.right}
    first = {answer.exercise: answer.code for answer in reversed(bank) if answer.right}
    wrong = {answer.exercise: answer.code for answer in bank if not answer.right}
    some = {exercise: code for exercise, code in list(right.items())[::2]}
    classes = {"s01": first, "s02": right, "s03": wrong, "s04": {**right, **some, **_half(wrong)}}
    for student, chosen in {**classes, "s05": some, "s06": {}}.items():
        notebook = small.released(lesson)
        for cell in notebook["cells"]:
            if cell["id"] in chosen and is_answer(nbformat.from_dict(cell)):
                cell["source"] = f"# exercise: {cell['id']}\n{chosen[cell['id']]}"
        for course in folders:
            hand_in(course, student, notebook, name=name)
    results = graded(folders[0], limits=None, jobs=2)
    with stock(folders[1], Execute={"timeout": 300}) as api:
        assert api.generate_assignment(name)["success"]
        for student in results:
            done = api.autograde(name, student)
            assert done["success"], done
    rows_by_student = [
        {row.student: row for row in read_scores(course, name)} for course in folders
    ]
    for student in results:
        cells = [rows_by_student[place][student].cells for place in (0, 1)]
        assert cells[0] == cells[1], student
    scores = [rows_by_student[0][student].score for student in sorted(results)]
    assert scores[0] == scores[1] == lesson.max_score and scores[5] == 0.0
    assert 0 < scores[3] < lesson.max_score and 0 < scores[4] < lesson.max_score
    assert len(rows(folders[0], "SELECT * FROM grade")) == 6 * len(lesson.points)


def _half(answers):
    return dict(list(answers.items())[: len(answers) // 2])
