"""A gradebook that another program has locked: wait, say so once, and say what to do."""

import contextlib
import shutil
import sqlite3
import subprocess

import pytest
from click.testing import CliRunner

from quantlab_helpers.cli.main import main
from quantlab_helpers.grading.gradebook import waiting
from quantlab_helpers.grading.gradebook.lock import Busy
from quantlab_helpers.grading.gradebook.reader import read_scores
from quantlab_helpers.grading.gradebook.verdict_files import read_results
from quantlab_helpers.grading.gradebook.writer import open_gradebook
from quantlab_helpers.grading.lesson import load_lesson
from quantlab_helpers.grading.roster import Student
from quantlab_helpers.grading.score import unscored
from tests.grading.classroom import NAME, a_course, graded, hand_in, rows, stock_book

STUDENT = Student("s01", "A", "B", "a@example.org", "17")


class OtherProgram:
    """What formgrader does: a transaction that stays open."""

    def __init__(self, course):
        self.connection = sqlite3.connect(course / "gradebook.db", isolation_level=None)

    def lock(self, how="EXCLUSIVE"):
        self.connection.execute(f"BEGIN {how}")

    def release(self):
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")


@pytest.fixture
def other(course):
    program = OtherProgram(course)
    yield program
    program.release()
    program.connection.close()


@pytest.fixture
def short(monkeypatch):
    """Wait for a moment instead of a minute."""
    monkeypatch.setattr(waiting, "LOCKED_SECONDS", 0.2)


@pytest.fixture
def told(monkeypatch, other):
    """Return what the user is told; the other program ends as soon as something is."""
    texts = []

    def say(text):
        texts.append(text)
        other.release()

    monkeypatch.setattr(waiting, "say", say)
    monkeypatch.setattr(waiting, "_QUIET_SECONDS", 0.0)
    return texts


def record(book, course, verdict="invalid_notebook"):
    lesson = load_lesson(course, NAME)
    book.record(lesson, unscored(lesson, student="s01", verdict=verdict, detail="why"))


WRITES = {
    "enrol": lambda book, course: book.enrol([STUDENT]),
    "prepare": lambda book, course: book.prepare(load_lesson(course, NAME)),
    "record": record,
}
READS = {
    "students": lambda book, course: book.students(),
    "all_scores": lambda book, course: book.all_scores(NAME),
    "scores_of": lambda book, course: book.scores_of(NAME, student="s01"),
}


def test_read_scores_waits_for_other_program(course, other, told):
    other.lock()
    assert read_scores(course, NAME) == []
    assert len(told) == 1 and "waiting for it for up to 60 seconds" in told[0]
    assert str(course / "gradebook.db") in told[0] and "formgrader" in told[0]


def test_open_gradebook_waits_for_other_program(course, other, told):
    other.lock()
    with open_gradebook(course) as book:
        assert book.students() == []
    assert len(told) == 1


@pytest.mark.parametrize("how", ["EXCLUSIVE", "IMMEDIATE"])
@pytest.mark.parametrize("name", WRITES)
def test_writer_waits_with_one_message(course, other, told, name, how):
    with open_gradebook(course) as book:
        other.lock(how)
        WRITES[name](book, course)
    assert len(told) == 1
    assert rows(course, "SELECT id FROM student") or name == "prepare"
    assert rows(course, "SELECT id FROM base_cell") or name == "enrol"


def test_writer_waits_in_the_middle_of_prepare(course, other, told, monkeypatch):
    """The step of nbgrader that stores a lesson's cells has a connection of its own."""
    from nbgrader.preprocessors import SaveCells

    real = SaveCells.preprocess

    def preprocess(step, *arguments):
        if not told:
            other.lock("IMMEDIATE")
        return real(step, *arguments)

    monkeypatch.setattr(SaveCells, "preprocess", preprocess)
    with open_gradebook(course) as book:
        book.prepare(load_lesson(course, NAME))
    assert len(told) == 1 and len(rows(course, "SELECT id FROM base_cell")) == 8


def test_writer_commits_when_a_reader_ends(course, other, told):
    with open_gradebook(course) as book:
        other.lock("DEFERRED")
        assert other.connection.execute("SELECT * FROM student").fetchall() == []
        book.enrol([STUDENT])
    assert len(told) == 1 and rows(course, "SELECT id FROM student") == [("s01",)]


@pytest.mark.parametrize("name", {**READS, **WRITES})
def test_writer_says_who_has_the_file(course, other, short, name):
    with open_gradebook(course) as book:
        other.lock()
        with pytest.raises(Busy, match=r"gradebook\.db' has been locked.*formgrader.*again"):
            {**READS, **WRITES}[name](book, course)
        other.release()


def test_read_scores_locked_advises_no_copy(course, other, short):
    other.lock()
    for use in (lambda: read_scores(course, NAME), lambda: next(iter(opened(course)))):
        with pytest.raises(Busy, match=r"close it, or wait.*run the same command again") as error:
            use()
        assert "copy" not in str(error.value) and "\n" not in str(error.value)


def opened(course):
    with open_gradebook(course) as book:
        yield book


def test_short_lock_is_not_told(course, other, monkeypatch):
    texts = []
    monkeypatch.setattr(waiting, "say", texts.append)
    monkeypatch.setattr(waiting, "_QUIET_SECONDS", 50.0)
    monkeypatch.setattr(waiting.time, "sleep", lambda seconds: other.release())
    other.lock()
    assert read_scores(course, NAME) == [] and texts == []


@pytest.mark.process
@pytest.mark.parametrize("command", [["grade"], ["feedback"], ["export", "out.csv"]])
def test_commands_name_the_locked_gradebook(course, other, short, command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    hand_in(course, "s01", b"")
    graded(course)
    other.lock()
    run = CliRunner().invoke(main, [*command, "--course", str(course)])
    assert run.exit_code == 1 and "Traceback" not in run.output
    assert run.stderr.splitlines()[-1].startswith("Error: The gradebook ")
    assert "copy" not in run.stderr and "is locked by another program" in run.stderr
    other.release()
    assert CliRunner().invoke(main, [*command, "--course", str(course)]).exit_code == 0


@pytest.mark.process
def test_grade_continues_after_a_lock(course, other, short):
    for student in ("s01", "s02"):
        hand_in(course, student, b"")

    def lock(step):
        other.lock()

    with pytest.raises(Busy, match="has been locked"):
        graded(course, report=lock)
    assert [stored.result.student for stored in read_results(course, NAME)] == ["s01"]
    other.release()
    results = graded(course)
    assert {result.verdict for result in results.values()} == {"invalid_notebook"}
    assert set(results) == {"s01", "s02"}


# A PATH without the programs of the environment


@pytest.fixture
def no_programs(monkeypatch):
    """Fail if a program starts, and let PATH lead to none."""

    def refuse(*arguments, **options):
        raise AssertionError(f"starts {arguments}")

    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(subprocess, "Popen", refuse)


@pytest.mark.parametrize("before", ["none", "empty", "there"])
def test_open_gradebook_needs_no_program(tmp_path, no_programs, before):
    course = a_course(tmp_path, gradebook=before == "there")
    if before == "empty":
        (course / "gradebook.db").touch()
    with open_gradebook(course) as book:
        book.prepare(load_lesson(course, NAME))
        book.enrol([STUDENT])
    assert rows(course, "SELECT id FROM student") == [("s01",)]
    with stock_book(course) as book:
        assert [assignment.name for assignment in book.assignments] == [NAME]


def test_new_gradebook_is_what_nbgrader_makes(tmp_path, monkeypatch):
    """The version is the newest of nbgrader's own migrations, and the tables are the same."""
    from alembic.script import ScriptDirectory
    from nbgrader import api, dbutil

    head = ScriptDirectory(dbutil.ALEMBIC_DIR).get_current_head()
    monkeypatch.setattr(api, "get_alembic_version", lambda: head)
    api.Gradebook(f"sqlite:///{tmp_path / 'theirs.db'}").close()
    with open_gradebook(a_course(tmp_path, gradebook=False)):
        pass
    schemas = []
    for name in ("theirs.db", "gradebook.db"):
        with contextlib.closing(sqlite3.connect(tmp_path / name)) as connection:
            question = "SELECT name, type FROM sqlite_master ORDER BY 1"
            version = connection.execute("SELECT version_num FROM alembic_version").fetchall()
            columns = connection.execute("PRAGMA table_info(alembic_version)").fetchall()
            schemas.append((connection.execute(question).fetchall(), version, columns))
    assert schemas[0] == schemas[1] and schemas[0][1] == [(head,)]


@pytest.mark.process
def test_grade_command_without_programs_on_path(tmp_path, monkeypatch):
    course = a_course(tmp_path, gradebook=False)
    hand_in(course, "s01", b"")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert shutil.which("alembic") is None
    run = CliRunner().invoke(main, ["grade", "--course", str(course)])
    assert run.exit_code == 0 and "invalid_notebook" in run.stdout
