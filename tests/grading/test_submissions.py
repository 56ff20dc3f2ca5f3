"""What is graded of a submission: one notebook, the files beside it, nothing else."""

import pytest

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


def test_grade_follows_no_link(course):
    secret = course / "secret.txt"
    secret.write_text("0")
    folder = hand_in(course, "s01", answers(course, mean=READS_A_FILE), files={"helper.py": "x=1"})
    (folder / "data").mkdir()
    (folder / "data" / "offset.txt").symlink_to(secret)
    (course / "submitted" / "s02" / NAME).mkdir(parents=True)
    (course / "submitted" / "s02" / NAME / f"{NAME}.ipynb").symlink_to(folder / f"{NAME}.ipynb")
    results = graded(course)
    message = next(m.message for m in results["s01"].cell_scores if m.cell == "test-mean")
    assert results["s01"].score == 5.0
    assert "Error" in message
    assert results["s02"].verdict == "no_submission"


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
