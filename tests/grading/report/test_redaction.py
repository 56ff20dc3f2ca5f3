"""Answers and messages on a page: as text, cut, without a line of a hidden test."""

import nbformat
import pytest

from quantlab_helpers.grading.report.feedback import page, write_feedback
from quantlab_helpers.grading.report.final_grades import FinalGrade
from tests.grading.report.pages import HIDDEN, Page, show
from tests.grading.small_course import NAME, grade_and_put, result
from tests.grading.small_lesson import ANSWERS, cell_of, handed_in, small_lesson


def feedback(course, notebook):
    grade_and_put(course, notebook)
    [path] = write_feedback(course)
    return Page(path.read_text("utf-8"))


def test_page_includes_learners_own_cells(course):
    notebook = handed_in(small_lesson(), {**ANSWERS, "quarter": "# exercise: quarter\nhelp = None"})
    own = cell_of(notebook, "fresh")
    notebook["cells"].remove(own)
    place = notebook["cells"].index(cell_of(notebook, "quarter")) + 1
    own["source"] = "def quarter(format_points):\n    return number / 4"
    notebook["cells"].insert(place, own)
    shown = feedback(course, notebook)
    assert "return number / 4" in shown.text


def test_page_hides_printed_hidden_tests(course):
    peeks = ANSWERS["square"] + "\nprint('''" + "\n".join(HIDDEN) + "''')"
    grade_and_put(course, handed_in(small_lesson(), {**ANSWERS, "square": peeks}))
    executed = course / "autograded" / "s01" / NAME / f"{NAME}.ipynb"
    notebook = nbformat.read(executed, as_version=4)
    for cell in notebook.cells:
        if cell.id == "square":
            cell.outputs = [nbformat.v4.new_output("stream", text="\n".join(HIDDEN))]
            cell.source = "print(secrets)"
    nbformat.write(notebook, executed)
    [path] = write_feedback(course)
    text = path.read_text("utf-8")
    assert text.count("[a line of a hidden test]") == len(HIDDEN)
    assert not [line for line in HIDDEN if line in Page(text).text]
    assert "HIDDEN TESTS" not in text


def test_page_hides_quoted_hidden_tests():
    graded = result(mean="wrong")
    scores = [score._replace(message=f"at: {HIDDEN[1]}") for score in graded.cell_scores]
    shown = show(graded._replace(cell_scores=tuple(scores)))
    assert "at: [a line of a hidden test]" in shown.text and HIDDEN[1] not in shown.text


def test_page_cuts_outputs():
    graded = result()
    notebook = nbformat.v4.new_notebook()
    outputs = [
        nbformat.v4.new_output("display_data", data={"text/html": "<b>rich</b>"}),
        nbformat.v4.new_output("stream", text="x" * 100_000),
    ]
    cell = nbformat.v4.new_code_cell("def square(n): ...", id="square", outputs=outputs)
    notebook["cells"] = [cell]
    text = page(small_lesson(), FinalGrade.of(graded), notebook)
    assert "rich" not in text and "80,000 more characters" in text
    assert len(text) < 60_000


@pytest.mark.parametrize(
    ("raw", "printed"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("nul\x00 and \x08back", "nul and back"),
        ("half \ud83d of a pair", "half ? of a pair"),
        ("\u202eturned", "turned"),
        (["a", "b"], "ab"),
        (None, ""),
    ],
)
def test_page_prints_any_text(raw, printed):
    cell = nbformat.v4.new_code_cell("def square(n): ...", id="square")
    cell["outputs"] = [nbformat.from_dict({"output_type": "stream", "text": raw})]
    notebook = nbformat.v4.new_notebook()
    notebook["cells"] = [cell]
    text = page(small_lesson(), FinalGrade.of(result()), notebook)
    assert (f'tabindex="0">{printed}</pre>' in text) == bool(printed)
    text.encode()
