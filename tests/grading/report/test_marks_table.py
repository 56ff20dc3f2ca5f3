"""The final grades of a class as a table: its content, and no formula in it."""

import csv
import io
import json
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from quantlab_helpers.cli.main import main
from quantlab_helpers.grading.report.final_grades import FinalGrade
from quantlab_helpers.grading.report.marks_table import FORMATS, export, table
from quantlab_helpers.grading.roster import Student
from tests.grading.small_course import NAME, gradebook, put, result, small_course


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def row_of(graded, **person):
    grade = FinalGrade.of(graded, person=Student(graded.student, **person) if person else None)
    return rows_of(table([grade]))[0]


# The scores


@pytest.mark.parametrize("verdict", ["invalid_notebook", "no_submission", "infrastructure_error"])
def test_table_without_score_says_why(verdict):
    row = row_of(result(verdict=verdict))
    assert (row["status"], row["score"], row["max_score"]) == (verdict, "", "8")
    assert row["detail"] == f"why {verdict}"


def test_table_no_points_are_0():
    row = row_of(result(**dict.fromkeys(("square", "mean", "guess", "quarter"), "wrong")))
    assert (row["status"], row["score"]) == ("graded", "0")


def test_table_exercise_columns_add_up():
    row = row_of(result(mean="wrong", quarter="partial"))
    points = {name: row[f"points {name}"] for name in ("square", "mean", "guess", "quarter")}
    assert points == {"square": "2", "mean": "0", "guess": "1", "quarter": "1"}
    assert row["score"] == "4"


def test_table_writes_four_decimals():
    graded = result()
    third = graded.cell_scores[0]._replace(score=1 / 3)
    row = row_of(graded._replace(cell_scores=(third, *graded.cell_scores[1:]), score=1 / 3))
    assert row["score"] == row["points square"] == "0.3333"


# What was added by hand


@pytest.mark.process
def test_table_includes_manual_scores_and_penalty(course):
    put(course, result(mean="wrong"))
    with gradebook(course, "s01") as book:
        book.add_student("s02")
        book.update_or_create_student("s01", first_name="Ada", last_name="First", email="a@b.org")
        for cell in book.find_submission_notebook(NAME, NAME, "s01").grades:
            cell.auto_score = 0.0 if cell.name == "test-mean" else cell.max_score
        grade = book.find_grade("test-mean", NAME, NAME, "s01")
        grade.manual_score, grade.extra_credit = 2.5, 0.25
        book.find_submission_notebook(NAME, NAME, "s01").late_submission_penalty = 1.5
        book.find_submission(NAME, "s01").timestamp = datetime(2026, 11, 21, 9, 30)
        book.db.commit()
    first, second = rows_of(export(course, course / "marks.csv").read_text("utf-8-sig"))
    assert (first["score"], first["late_penalty"], first["extra_credit"]) == ("6.25", "1.5", "0.25")
    assert (first["points mean"], first["manual"]) == ("2.75", "1")
    assert first["submitted"] == "2026-11-21 09:30:00 UTC"
    assert (first["last_name"], first["first_name"], first["email"]) == ("First", "Ada", "a@b.org")
    assert (second["student"], second["status"], second["score"]) == ("s02", "no_submission", "")


@pytest.mark.parametrize("what", ["submission", "lesson", "nothing"])
def test_export_reports_outdated_verdicts(course, what):
    put(course, result("s01"))
    put(course, result("s02", "no_submission"))
    notebook = Path("submitted", "s01") if what == "submission" else Path("source")
    with open(course / notebook / NAME / f"{NAME}.ipynb", "a") as file:
        file.write("" if what == "nothing" else "\n")
    done = run("export", course / "marks.csv", "--course", course)
    rows = rows_of((course / "marks.csv").read_text("utf-8-sig"))
    assert [row["outdated"] for row in rows] == ["" if what == "nothing" else "yes", ""]
    assert ("old verdict  s01" in done.stdout) == ("quantlab grade" in done.stderr)
    assert ("old verdict  s01" in done.stdout) == (what != "nothing")


# The shape of the file


NASTY = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1"]


@pytest.mark.parametrize("name", NASTY)
def test_table_escapes_formulas(name):
    row = row_of(result(), first_name=name, last_name=name, email=name)
    for column in ("first_name", "last_name", "email"):
        assert row[column] == f"'{name.strip()}"
    for format in ("canvas", "moodle"):
        standing = FinalGrade.of(result(), person=Student("s01", name, name, name, name))
        values = list(csv.reader(io.StringIO(table([standing], format=format))))[-1]
        assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for value in values)


def test_table_quotes_commas_and_line_ends():
    text = table([FinalGrade.of(result(), person=Student("s01", 'A "B"', "C, D\r\nE", "e@f.org"))])
    [row] = rows_of(text)
    assert (row["first_name"], row["last_name"]) == ('A "B"', "C, D E")
    assert None not in row and len(text.splitlines()) == 2
    assert all(line.startswith('"') and line.endswith('"') for line in text.splitlines())


@pytest.mark.parametrize("format", FORMATS)
def test_table_lines_have_equal_length(course, format):
    put(course, result("s01"))
    put(course, result("s02", "invalid_notebook"))
    text = export(course, course / "out", format=format).read_bytes().decode("utf-8-sig")
    lengths = {len(line) for line in csv.reader(io.StringIO(text, newline=""))}
    assert len(lengths) == 1 and text.count("\r\n") == len(text.splitlines())


@pytest.mark.process
def test_export_canvas_columns(tmp_path):
    other = "02_other"
    course = small_course(tmp_path, NAME, other)
    put(course, result("s01", mean="wrong"))
    put(course, result("s02", "invalid_notebook"))
    put(course, result("s02", lesson=other))
    with gradebook(course, "s01", "s02") as book:
        names = {"first_name": "Ada", "last_name": "First", "lms_user_id": "4711"}
        book.update_or_create_student("s01", **names)
    text = export(course, tmp_path / "canvas.csv", format="canvas").read_text("utf-8")
    assert list(csv.reader(io.StringIO(text))) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", NAME, other],
        ["    Points Possible", "", "", "", "", "8", "8"],
        ["First, Ada", "4711", "", "s01", "", "5", ""],
        ["s02", "", "", "s02", "", "", "8"],
    ]


def test_export_moodle_dash_without_score(course):
    put(course, result("s01", mean="wrong"))
    put(course, result("s02", "infrastructure_error"))
    text = export(course, course / "moodle.csv", format="moodle").read_text("utf-8")
    assert list(csv.reader(io.StringIO(text))) == [
        ["First name", "Last name", "Username", "ID number", "Email address", NAME],
        ["", "", "s01", "", "", "5"],
        ["", "", "s02", "", "", "-"],
    ]


def test_export_chosen_lessons_only(tmp_path):
    course = small_course(tmp_path, NAME, "02_other", "03_unused")
    put(course, result())
    put(course, result(lesson="02_other"))
    for lessons in (["02"], ["02_oth"], ["02_other"]):
        [row] = rows_of(export(course, tmp_path / "m.csv", lessons=lessons).read_text("utf-8-sig"))
        assert row["lesson"] == "02_other"
    with pytest.raises(ValueError, match="'0' matches several lessons"):
        export(course, tmp_path / "m.csv", lessons=["0"])
    everything = rows_of(export(course, tmp_path / "m.csv").read_text("utf-8-sig"))
    assert [row["lesson"] for row in everything] == [NAME, "02_other"]


# Mistakes


def test_export_mistake_names_way_out(course):
    with pytest.raises(ValueError, match=r"Nothing was handed in .* run: quantlab collect"):
        export(course, course / "marks.csv")
    put(course, result())
    with pytest.raises(ValueError, match=r"`format` must be one of 'csv', .* got 'excel'"):
        export(course, course / "marks.csv", format="excel")
    with pytest.raises(ValueError, match=r"'9' is no lesson; there are: 01_small"):
        export(course, course / "marks.csv", lessons=["9"])
    with pytest.raises(ValueError, match=r"is a folder; name a file"):
        export(course, course)
    with pytest.raises(FileNotFoundError, match=r"There are no lessons .* quantlab build"):
        export(course / "nowhere", course / "marks.csv")
    assert not (course / "marks.csv").exists()


# As it is typed


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_export_command_lists_students_without_score(course):
    put(course, result("s01"))
    put(course, result("s02", "invalid_notebook"))
    out = course / "marks.csv"
    done = run("export", out, "--course", course)
    assert done.exit_code == 0, done.output
    assert f"no score     s02          {NAME:26} invalid_notebook\n" in done.output
    assert done.output.endswith(f"{out}: 1 score, 1 without one\n")
    again = run("export", "01", out, "--course", course, "--format", "moodle")
    assert again.exit_code == 0 and out.read_text().startswith('"First name"')


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["export"], 2, "Missing argument"),
        (["export", "marks.csv", "--format", "xlsx"], 2, "'xlsx' is not one of"),
        (["export", "9", "marks.csv"], 1, "Error: '9' is no lesson; there are: 01_small"),
        (["feedback", "9"], 1, "Error: '9' is no lesson"),
        (["feedback", "--student", "s09"], 1, "was graded yet; run: quantlab grade"),
    ],
)
def test_report_commands_one_sentence_per_mistake(course, arguments, status, words):
    done = run(*arguments, "--course", course)
    assert done.exit_code == status, done.output
    assert words in done.stderr and "Traceback" not in done.stderr


def test_feedback_command_prints_page_paths(course):
    put(course, result("s01"))
    put(course, result("s02"))
    done = run("feedback", "--course", course)
    assert done.output == f"{course / 'feedback'}: 2 pages written\n"
    pages = json.loads(run("feedback", "--course", course, "--student", "s02", "--json").stdout)
    assert pages == [str(course / "feedback" / "s02" / NAME / f"{NAME}.html")]
