"""Verdicts in nbgrader's gradebook: written as nbgrader does, manual scores unchanged."""

import shutil
from datetime import UTC, datetime, timedelta

import nbformat
import pytest

from quantlab_helpers.grading.gradebook.reader import read_scores
from quantlab_helpers.grading.gradebook.writer import open_gradebook
from quantlab_helpers.grading.lesson import load_lesson
from quantlab_helpers.grading.score import unscored
from tests.grading import small_lesson as small
from tests.grading.classroom import (
    NAME,
    a_course,
    answers,
    automatic_scores,
    hand_in,
    rows,
    stock,
    stock_book,
    stub,
)
from tests.grading.gradebook.scored_course import by_hand, record

pytestmark = pytest.mark.process  # nbgrader's own commands start alembic

MONDAY = datetime(2026, 1, 5, 12, tzinfo=UTC)
ALL_RIGHT = {"square": 2.0, "mean": 3.0, "guess": 1.0, "quarter": 2.0}
WITHOUT = ("invalid_notebook", "infrastructure_error", "no_submission")
ZERO_WHEN_LATE = "c.LateSubmissionPlugin.penalty_method = 'zero'"
HALF_WHEN_LATE = """
from nbgrader.plugins import LateSubmissionPlugin
class Half(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return score / 2
c.AssignLatePenalties.plugin_class = Half
"""


def record_none(course, verdict, student="s01"):
    lesson = load_lesson(course, NAME)
    result = unscored(lesson, student=student, verdict=verdict, detail="why")
    with open_gradebook(course) as book:
        book.record(lesson, result)
        return book.scores_of(NAME, student=student)


def folder_of(course, student="s01"):
    return course / "autograded" / student / NAME


def tables(course):
    """All that a gradebook says of a lesson, without its random numbers."""
    return [
        rows(course, f"SELECT {what} ORDER BY 1, 2")
        for what in (
            "assignment.name, notebook.name, kernelspec, duedate FROM assignment "
            "JOIN notebook ON notebook.assignment_id = assignment.id",
            "base_cell.name, type, g.max_score, g.cell_type FROM base_cell "
            "LEFT JOIN grade_cells g ON g.id = base_cell.id",
            "name, cell_type, locked, source, checksum FROM source_cell",
            "version_num, 1 FROM alembic_version",
        )
    ]


def test_writer_adds_lesson_like_nbgrader(tmp_path):
    written, generated = (
        a_course(tmp_path / name, gradebook=False) for name in ("written", "generated")
    )
    with stock(generated) as api:
        assert api.generate_assignment(NAME)["success"]
    with open_gradebook(written) as book:
        book.prepare(load_lesson(written, NAME))
    assert tables(written) == tables(generated)
    assert len(tables(written)[1]) == 8


def test_writer_keeps_lesson_of_nbgrader(course):
    with stock(course) as api:
        assert api.generate_assignment(NAME)["success"]
    numbers = rows(course, "SELECT id FROM base_cell UNION SELECT id FROM source_cell")
    record(course, answers(course))
    assert rows(course, "SELECT id FROM base_cell UNION SELECT id FROM source_cell") == numbers


def test_record_and_read_scores(course):
    wrong = answers(course, mean="def mean(values):\n    return max(values)")
    scores = record(course, wrong, timestamp=MONDAY)
    assert (scores.score, scores.max_score, scores.needs_grading) == (5.0, 8.0, False)
    assert automatic_scores(course, "s01") == {**ALL_RIGHT, "mean": 0.0}
    assert scores.submitted == MONDAY
    assert read_scores(course, NAME) == [scores]
    [row] = rows(course, "SELECT timestamp FROM submitted_assignment")
    assert row == ("2026-01-05 12:00:00.000000",)
    with stock_book(course) as book:
        failed = {grade.name for grade in book.find_submission_notebook(NAME, NAME, "s01").grades}
        failed = {name for name in failed if book.find_grade(name, NAME, NAME, "s01").failed_tests}
        assert failed == {"test-mean"}


def test_writer_puts_notebook_for_formgrader(course):
    record(course, answers(course), timestamp=MONDAY, files={"data/table.csv": b"1,2"})
    folder = folder_of(course)
    notebook = nbformat.read(folder / f"{NAME}.ipynb", as_version=4)
    assert "### BEGIN HIDDEN" in small.cell_of(notebook, "test-mean").source
    assert (folder / "data" / "table.csv").read_bytes() == b"1,2"
    assert (folder / "timestamp.txt").read_text() == "2026-01-05 12:00:00.000000 UTC"
    assert {path.stat().st_mode & 0o777 for path in folder.glob("*.*")} == {0o444}


def test_writer_comments_unanswered_like_nbgrader(course):
    scores = record(course, stub(course))
    comments = {cell.cell: cell.comment for cell in scores.cells if cell.comment}
    assert comments == dict.fromkeys(ALL_RIGHT, "No response.")
    scores = record(course, answers(course))
    assert {cell.comment for cell in scores.cells} == {""}


def test_record_replaces_automatic_scores(course):
    record(course, answers(course), files={"old.txt": b"old"})
    scores = record(course, stub(course), files={"new.txt": b"new"})
    assert scores.score == 0.0
    assert automatic_scores(course, "s01") == dict.fromkeys(ALL_RIGHT, 0.0)
    names = {path.name for path in folder_of(course).iterdir()}
    assert names == {f"{NAME}.ipynb", "new.txt"}
    assert len(rows(course, "SELECT * FROM grade")) == 4
    assert len(rows(course, "SELECT * FROM comment")) == 4


@pytest.mark.parametrize("verdict", WITHOUT)
def test_record_without_score_clears_automatic_scores(course, verdict):
    record(course, answers(course), timestamp=MONDAY)
    scores = record_none(course, verdict)
    assert scores.score is None
    assert set(automatic_scores(course, "s01").values()) == {None}
    assert not folder_of(course).exists()
    assert scores.needs_grading is (verdict != "no_submission")


@pytest.mark.parametrize("verdict", [None, *WITHOUT])
def test_record_keeps_manual_scores_and_comments(course, verdict):
    record(course, answers(course))
    by_hand(course)
    scores = record(course, stub(course)) if verdict is None else record_none(course, verdict)
    cells = {cell.cell: cell for cell in scores.cells}
    assert (cells["test-mean"].manual, cells["test-mean"].extra_credit) == (0.5, 1.0)
    assert cells["test-mean"].needs_grading is (verdict != "no_submission")
    assert cells["mean"].comment == "nearly"
    assert scores.score == 1.5


def test_writer_enrols_without_submission(course):
    scores = record_none(course, "no_submission", student="s09")
    assert (scores.student, scores.score, scores.cells) == ("s09", None, ())
    assert rows(course, "SELECT * FROM submitted_assignment") == []


def test_record_manual_answer_needs_grading(tmp_path):
    notebook = small.instructor()
    essay = nbformat.v4.new_markdown_cell("Why?")
    flags = {"grade": True, "solution": True, "points": 3}
    notebook.cells.append(small.graded_cell(essay, "essay", **flags))
    course = a_course(tmp_path, notebook=notebook)
    scores = record(course, small.handed_in(load_lesson(course, NAME), {"essay": "Because."}))
    essay = next(cell for cell in scores.cells if cell.cell == "essay")
    assert (essay.auto, essay.needs_grading, essay.max_score) == (None, True, 3.0)
    scores = record(course, stub(course))
    essay = next(cell for cell in scores.cells if cell.cell == "essay")
    assert (essay.auto, essay.needs_grading, essay.comment) == (0.0, False, "No response.")


def test_writer_refuses_changed_lesson_with_submissions(course):
    record(course, answers(course))
    shutil.rmtree(course / "source")
    notebook = small.instructor()
    notebook.cells = [cell for cell in notebook.cells if "guess" not in cell["id"]]
    a_course(course, notebook=notebook)
    before = rows(course, "SELECT * FROM grade ORDER BY id")
    with open_gradebook(course) as book, pytest.raises(ValueError, match="other graded cells"):
        book.prepare(load_lesson(course, NAME))
    assert rows(course, "SELECT * FROM grade ORDER BY id") == before


def test_prepare_takes_over_changed_points_and_text(course):
    record(course, answers(course))
    shutil.rmtree(course / "source")
    notebook = small.instructor()
    test = small.cell_of(notebook, "test-mean")
    test.metadata.nbgrader["points"] = 10
    test["source"] += "\n# more"
    a_course(course, notebook=notebook)
    assert record(course, answers(course)).max_score == 15.0
    [source] = rows(course, "SELECT source FROM source_cell WHERE name = 'test-mean'")
    assert source[0].endswith("# more")


def test_prepare_completes_half_written_lesson(course):
    with open_gradebook(course) as book:
        book.prepare(load_lesson(course, NAME))
    whole = tables(course)
    with stock_book(course) as book:  # as if the process had been killed between two commits
        for cell in book.find_notebook(NAME, NAME).source_cells[:3]:
            book.db.delete(cell)
    assert tables(course) != whole
    with open_gradebook(course) as book:
        book.prepare(load_lesson(course, NAME))
    assert tables(course) == whole


# Late penalties


def set_due(course, when):
    with stock_book(course) as book:
        book.update_or_create_assignment(NAME, duedate=when)


@pytest.mark.parametrize(("config", "penalty"), [(ZERO_WHEN_LATE, 8.0), (HALF_WHEN_LATE, 4.0)])
def test_writer_late_penalty_by_course_plugin(tmp_path, config, penalty):
    course = a_course(tmp_path, config=config)
    scores = record(course, answers(course), timestamp=MONDAY)
    assert scores.late_penalty == 0.0
    set_due(course, "2026-01-04 12:00:00.000000 UTC")
    scores = record(course, answers(course), timestamp=MONDAY)
    assert (scores.score, scores.late_penalty) == (8.0, penalty)
    scores = record(course, answers(course), timestamp=MONDAY - timedelta(days=2))
    assert scores.late_penalty == 0.0


def test_update_late_penalties_after_extension_and_manual_score(tmp_path):
    course = a_course(tmp_path, config=HALF_WHEN_LATE)
    record(course, answers(course), timestamp=MONDAY)
    set_due(course, "2026-01-04 12:00:00.000000 UTC")

    def renewed():
        with open_gradebook(course) as book:
            book.update_late_penalties(NAME, times={"s01": MONDAY})
            return book.scores_of(NAME, student="s01").late_penalty

    assert renewed() == 4.0
    by_hand(course)
    assert renewed() == (8 - 3 + 1.5) / 2
    with stock_book(course) as book:
        book.grant_extension(NAME, "s01", days=2)
    assert renewed() == 0.0


def test_record_failure_writes_no_row(tmp_path):
    course = a_course(tmp_path, config=HALF_WHEN_LATE.replace("score / 2", "score / 0"))
    record(course, answers(course), timestamp=MONDAY)
    set_due(course, "2026-01-04 12:00:00.000000 UTC")
    with pytest.raises(ZeroDivisionError):
        record(course, stub(course), timestamp=MONDAY)
    assert automatic_scores(course, "s01") == ALL_RIGHT


def test_record_changes_one_student_only(course):
    hand_in(course, "s02", stub(course))
    record(course, answers(course), student="s01")
    record(course, stub(course), student="s02")
    assert automatic_scores(course, "s01") == ALL_RIGHT
    assert automatic_scores(course, "s02") == dict.fromkeys(ALL_RIGHT, 0.0)
