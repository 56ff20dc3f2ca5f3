"""The instructor's guide says what the commands do."""

import re
import shlex
from datetime import UTC, datetime

import pytest

from quantlab_helpers.cli.main import main
from quantlab_helpers.grading.gradebook.writer import open_gradebook
from quantlab_helpers.grading.records import VERDICTS, Limits
from quantlab_helpers.grading.report.final_grades import read_final_grades
from tests import ROOT
from tests.grading.small_course import NAME, gradebook, put, result, small_course

GUIDE = (ROOT / "instructor" / "GUIDE.md").read_text()
LINES = sorted(set(re.findall(r"(?:\$ |`)quantlab ([a-z][^`\n]*)", GUIDE)))


@pytest.mark.parametrize("line", LINES)
def test_guide_commands_can_be_parsed(line):
    name, *arguments = shlex.split(line)
    command = main.commands[name]
    required = [p for p in command.params if p.required and p.param_type_name == "argument"]
    if arguments or not required:
        command.make_context(name, arguments)


def test_guide_names_verdicts_and_limits():
    assert len(LINES) > 10
    assert [verdict for verdict in VERDICTS if f"`{verdict}`" not in GUIDE] == []
    text = " ".join(GUIDE.split())
    limits = Limits()
    assert f"a cell may take {limits.cell_seconds:g} s" in text
    assert f"a notebook {limits.submission_seconds:g} s" in text
    assert f"{limits.memory_bytes // 2**30} GiB (`--memory`)" in text


@pytest.mark.process
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
def test_guide_late_penalty_works(tmp_path):
    course = small_course(tmp_path)
    [penalty] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    settings = (ROOT / "instructor" / "nbgrader_config.py").read_text()
    (course / "nbgrader_config.py").write_text(f"{settings}\n\n{penalty}")
    put(course, result("s01"))
    put(course, result("s02"))
    with gradebook(course, "s01", "s02") as book:
        for student in ("s01", "s02"):
            for cell in book.find_submission_notebook(NAME, NAME, student).grades:
                cell.auto_score, cell.needs_manual_grade = cell.max_score, False
        book.find_assignment(NAME).duedate = datetime(2026, 11, 20, 23, 59, 59)
        book.db.commit()
    in_time, late = (datetime(2026, 11, day, 12, tzinfo=UTC) for day in (20, 22))
    with open_gradebook(course) as book:
        book.update_late_penalties(NAME, times={"s01": in_time, "s02": late})
    assert [grade.score for grade in read_final_grades(course)] == [8.0, 4.0]
