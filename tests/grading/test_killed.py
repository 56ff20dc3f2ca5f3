"""kill -9 of the grader at any moment: nothing is lost, written twice, or left running."""

import contextlib
import ctypes
import os
import random
import signal
import time
from pathlib import Path

import pytest

from quantlab_helpers.grading.execute.sandbox.sandbox import choose_isolation
from quantlab_helpers.grading.gradebook.reader import read_scores
from quantlab_helpers.grading.gradebook.verdict_files import read_results
from quantlab_helpers.grading.lesson import load_lesson
from quantlab_helpers.grading.pipeline import grade
from tests.grading import small_lesson as small
from tests.grading.classroom import LIMITS, NAME, a_course, automatic_scores, hand_in, rows

pytestmark = pytest.mark.process

KILLS = 20
LONGEST = 2.5  # seconds before a kill; a run that is left alone takes about twice as long
STUDENTS = [f"s{number:02}" for number in range(1, 9)]
EXERCISES = list(small.POINTS)
SET_CHILD_SUBREAPER = 36  # of prctl(2)


@pytest.fixture
def orphanage():
    """Make this process the parent of all that its children leave behind."""
    prctl = ctypes.CDLL(None).prctl
    prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    prctl(SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def descendants(number):
    """All processes below one, that of a dead worker's sandbox included."""
    waiting, running = [number], set()
    while waiting:
        for path in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            with contextlib.suppress(OSError):  # it has just ended
                children = [int(word) for word in path.read_text().split()]
                running.update(children)
                waiting += children
    return running


def start(course, **options):
    """Grade in a process of its own; return its number."""
    child = os.fork()
    if child:
        return child
    try:
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
        grade(course, limits=LIMITS, **options)
        os._exit(0)
    finally:
        os._exit(1)


def wait(child, seconds):
    """Return the exit code of a process, None if it is still running after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        number, status = os.waitpid(child, os.WNOHANG)
        if number:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.005)


def left_running(before, seconds=10):
    """What is still there of a dead process's descendants after some time."""
    deadline = time.monotonic() + seconds
    while left := descendants(os.getpid()) - before:
        for number in left:
            with contextlib.suppress(ChildProcessError):  # not ours, or not any more
                os.waitpid(number, os.WNOHANG)
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return left


def rights(student, version):
    """The exercises that a student has right in one version of a submission."""
    bits = STUDENTS.index(student) + 5 * version
    return {name for place, name in enumerate(EXERCISES) if bits >> place & 1}


def hand_in_all(course, version):
    lesson = load_lesson(course, NAME)
    for student in STUDENTS:
        right = {name: small.ANSWERS[name] for name in rights(student, version)}
        hand_in(course, student, small.handed_in(lesson, right))


def expected(student, version):
    right = rights(student, version)
    return {name: small.POINTS[name] * (name in right) for name in EXERCISES}


def check_sound(course, versions):
    """Check that the gradebook is whole, and that nothing in it is torn or written twice."""
    assert rows(course, "PRAGMA integrity_check") == [("ok",)]
    twice = "SELECT {0}, {1}, count(*) AS n FROM {2} GROUP BY {0}, {1} HAVING n > 1"
    for table in ("grade", "comment"):
        assert rows(course, twice.format("cell_id", "notebook_id", table)) == []
    for scores in read_scores(course, NAME):
        automatic = automatic_scores(course, scores.student)
        assert automatic in [{}, *(expected(scores.student, version) for version in versions)]
        assert (scores.score or 0.0) == sum(automatic.values())
    for graded in read_results(course, NAME):  # a stored verdict is written completely
        scores = {
            score.cell.removeprefix("test-"): score.score for score in graded.result.cell_scores
        }
        assert scores == automatic_scores(course, graded.result.student)


def check_complete(course, version):
    """Check that every submission was graded, once, in its latest version."""
    check_sound(course, [version])
    assert [scores.student for scores in read_scores(course, NAME)] == STUDENTS
    for graded in read_results(course, NAME):
        assert graded.result.verdict == "graded"
        assert graded.result.score == sum(expected(graded.result.student, version).values())
    assert len(rows(course, "SELECT * FROM grade")) == len(STUDENTS) * len(EXERCISES)
    assert len(rows(course, "SELECT * FROM submitted_notebook")) == len(STUDENTS)
    notebooks = sorted(course.glob(f"autograded/*/{NAME}/{NAME}.ipynb"))
    assert len(notebooks) == len(STUDENTS)


def test_grade_survives_kills_at_random_moments(tmp_path, orphanage):
    course = a_course(tmp_path)
    choose_isolation()  # tried once, here, for all the processes below
    before = descendants(os.getpid())
    moments = random.Random(20261122)
    version = kills = 0
    hand_in_all(course, version)
    done = set()  # how many submissions had a verdict when a process was killed
    while kills < KILLS:
        child = start(course, jobs=2)
        code = wait(child, moments.uniform(0, LONGEST))
        if code is None:
            os.kill(child, signal.SIGKILL)
            code = wait(child, 10)  # it may just have come to its end by itself
        kills += code == -signal.SIGKILL
        assert left_running(before) == set()
        check_sound(course, [version - 1, version])
        done.add(len(read_results(course, NAME)))
        if code != -signal.SIGKILL:
            assert code == 0
            check_complete(course, version)
            version += 1
            hand_in_all(course, version)
    child = start(course, jobs=2)
    assert wait(child, 120) == 0
    check_complete(course, version)
    assert grade(course, limits=LIMITS).newly_graded == 0
    assert left_running(before) == set()
    print(f"{kills} kills, {version} classes graded in between, found with {sorted(done)} verdicts")


@pytest.mark.parametrize("level", ["auto", "prlimit"])
def test_grade_killed_leaves_no_process_behind(tmp_path, orphanage, level):
    """Killed while two submissions hang in their sandboxes, which have processes of their own."""
    course = a_course(tmp_path)
    hang = "import subprocess, sys\nsubprocess.Popen(['sleep', '600'])\nwhile True: pass"
    for student in ("s01", "s02"):
        notebook = small.handed_in(load_lesson(course, NAME), {"square": hang})
        hand_in(course, student, notebook)
    choose_isolation()
    before = descendants(os.getpid())
    child = start(course, jobs=2, isolation=level)

    def users(command):
        """The users of the processes below the child that run a command."""
        running = [Path(f"/proc/{number}") for number in descendants(child)]
        with contextlib.suppress(OSError):  # one has just ended
            named = [path for path in running if (path / "comm").read_text() == f"{command}\n"]
            return [path.stat().st_uid for path in named]
        return []

    deadline = time.monotonic() + 60
    while len(users("sleep")) < 2:
        assert time.monotonic() < deadline and wait(child, 0) is None
        time.sleep(0.05)
    assert len(users("quantlab-worker")) == 2
    sandboxed = users("sleep")  # root gives each sandbox a user of its own
    assert len(set(sandboxed)) == 2 or set(sandboxed) == {os.getuid()}
    os.kill(child, signal.SIGKILL)
    assert wait(child, 10) == -signal.SIGKILL
    assert left_running(before) == set()
