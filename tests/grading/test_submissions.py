"""What is graded of a submission: one notebook, the files beside it, nothing else."""

import pytest

from quantlab_helpers.grading.course_folder import CourseFolder
from quantlab_helpers.grading.records import InvalidNotebook
from quantlab_helpers.grading.submissions import read_submission, students_with_submission
from tests.grading.classroom import NAME, answers, graded, hand_in, verdicts

pytestmark = pytest.mark.process

READS_A_FILE = """def mean(values):
    import helper
    with open("data/offset.txt") as file:
        return sum(values) / len(values) + float(file.read()) + helper.nothing"""


def test_grade_runs_with_files_beside_notebook(course):
    (course / "source" / NAME / "helper.py").write_text("nothing = 0")
    files = {"data/offset.txt": "0", "helper.py": "nothing = 1000"}
    hand_in(course, "s01", answers(course, mean=READS_A_FILE), files=files)
    assert graded(course)["s01"].score == 8.0  # the lesson's own helper.py was used


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("s02", "s01"),
        (f"s02/{NAME}", f"s01/{NAME}"),
        (f"s02/{NAME}", "s02/00_other"),
        (f"s02/{NAME}/{NAME}.ipynb", f"s01/{NAME}/{NAME}.ipynb"),
        (f"s02/{NAME}/helper.py", f"s01/{NAME}/helper.py"),
        (f"s02/{NAME}/timestamp.txt", f"s01/{NAME}/timestamp.txt"),
        (f"s02/{NAME}/data", f"s01/{NAME}/data"),
        (f"s02/{NAME}/deep/er/offset.txt", "../secret.txt"),
        (f"s02/{NAME}/broken", "gone"),
    ],
)
def test_read_submission_refuses_every_symbolic_link(course, link, target):
    submitted = course / "submitted"
    (course / "secret.txt").write_text("0")
    hand_in(course, "s01", b"{}", files={"helper.py": "x = 1", "data/offset.txt": "0"})
    if target == "s02/00_other":
        hand_in(course, "s02", b"{}", name="00_other")
    elif link.count("/") > 1 and not link.endswith(".ipynb"):
        hand_in(course, "s02", b"{}", stamp=None)
    (submitted / link).parent.mkdir(parents=True, exist_ok=True)
    (submitted / link).symlink_to(submitted / target)
    folder = CourseFolder(course)
    assert students_with_submission(folder, NAME) == ["s01", "s02"]
    shown = "/".join(link.split("/")[2:]) or f"submitted/{link}"
    with pytest.raises(InvalidNotebook, match=f"^'{shown}' is a symbolic link, .*; hand in the"):
        read_submission(folder, NAME, student="s02", source={})


def test_read_submission_ignores_links_outside_it(course):
    submitted = hand_in(course, "s01", b"{}").parent.parent
    (submitted / "s01" / "00_other").symlink_to(course / "source")
    (submitted / "s02").symlink_to(course / "gone")
    (submitted / "s01" / NAME / ".venv").mkdir()
    (submitted / "s01" / NAME / ".venv" / "python").symlink_to("/bin/sh")
    folder = CourseFolder(course)
    assert students_with_submission(folder, NAME) == ["s01"]
    assert read_submission(folder, NAME, student="s01", source={}).notebook == b"{}"


def test_grade_gives_links_their_verdict(course):
    hand_in(course, "s01", answers(course))
    (course / "submitted" / "s02").symlink_to("s01")
    hand_in(course, "s03", answers(course), files={"helper.py": "x = 1"})
    (course / "submitted" / "s03" / NAME / "data").symlink_to(course / "source")
    results = graded(course)
    verdict = "invalid_notebook"
    assert verdicts(results) == {"s01": "graded", "s02": verdict, "s03": verdict}
    assert [results[student].score for student in ("s01", "s02", "s03")] == [8.0, None, None]


def test_grade_takes_the_only_notebook(course):
    hand_in(course, "s01", answers(course), called="hw (1).ipynb")
    hand_in(course, "s02", answers(course), called="one.ipynb")
    hand_in(course, "s02", answers(course), called="two.ipynb")
    hand_in(course, "s03", b"an essay", called="essay.docx")
    results = graded(course)
    assert (results["s01"].score, results["s01"].repairs[0].kind) == (8.0, "renamed")
    assert "hw (1).ipynb" in results["s01"].repairs[0].text
    assert verdicts(results) == {
        "s01": "graded",
        **dict.fromkeys(("s02", "s03"), "invalid_notebook"),
    }
    assert "2 notebooks" in results["s02"].detail
    assert "no notebook" in results["s03"].detail
