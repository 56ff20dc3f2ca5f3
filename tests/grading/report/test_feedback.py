"""What a learner reads: all that helps, nothing that is hidden, and no script of anybody's."""

import itertools
import re
from html.parser import HTMLParser

import nbformat
import pytest

from quantlab_helpers.course.publishing.html_pages import outside_addresses
from quantlab_helpers.grading.records import STATES, STATUSES, VERDICTS, Repair
from quantlab_helpers.grading.report.feedback import ASSETS, page, write_feedback
from quantlab_helpers.grading.report.final_grades import FinalGrade
from tests.grading.small_course import NAME, grade_and_put, gradebook, put, result, small_course
from tests.grading.small_lesson import ANSWERS, TESTS, cell_of, handed_in, small_lesson

HIDDEN = [hidden for _, hidden, _ in TESTS.values()]
ATTACK = "</code></pre><script>alert(1)</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, and the text outside of styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, "a tag is closed that was not opened last"

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def shown(one, notebook=None, **changes):
    return Page(page(small_lesson(), FinalGrade.of(one)._replace(**changes), notebook))


@pytest.fixture
def course(tmp_path):
    return small_course(tmp_path / "course")


def feedback(course, notebook):
    grade_and_put(course, notebook)
    [path] = write_feedback(course)
    return Page(path.read_text("utf-8"))


# What it says


@pytest.mark.process
def test_write_feedback_where_nbgrader_puts_it(course):
    wrong = "# exercise: square\ndef square(format_points):\n    return 9"
    grade_and_put(course, handed_in(small_lesson(), {**ANSWERS, "square": wrong}))
    [path] = write_feedback(course)
    assert path == course / "feedback" / "s01" / NAME / f"{NAME}.html"
    said = Page(path.read_text("utf-8"))
    assert "Feedback for s01 A small lesson 6 of 8 points graded Every test ran." in said.text
    assert "Square not yet right 0 of 2 Mean right 3 of 3" in said.text
    assert "return 9" in said.text and "AssertionError" in said.text
    assert "All together 6 of 8" in said.text


@pytest.mark.parametrize("status", STATUSES)
def test_page_has_words_for_every_status(status):
    one = result(verdict=status) if status in VERDICTS else result()._replace(score=None)
    said = shown(one._replace(detail=""), status=status).text
    assert ("No score" in said) == (one.score is None)
    assert "_" not in said and "None" not in said


def test_page_of_invalid_file_is_not_0():
    said = shown(result(verdict="invalid_notebook")).text
    assert "No score" in said and "why invalid_notebook." in said
    assert "not the same as 0" in said and "0 of" not in said


@pytest.mark.process
def test_page_of_failed_submission_has_no_points(course):
    put(course, result(verdict="kernel_died")._replace(verdict="invalid_notebook", score=None))
    gradebook(course, "s01").close()
    [path] = write_feedback(course)
    said = Page(path.read_text("utf-8")).text
    assert "No score" in said and "waits" not in said and "wait for" not in said
    assert "Square" not in said


def test_page_hides_our_own_failure():
    said = shown(result(verdict="infrastructure_error"))
    assert "why infrastructure_error" not in said.text and "not yours" in said.text


@pytest.mark.parametrize("state", STATES)
def test_page_has_words_for_every_state(state):
    said = shown(result(mean=state)).text.replace(f"It is {state}.", "")
    others = {shown(result(mean=other)).text.partition("Mean ")[2][:9] for other in STATES}
    assert len(others) == len(STATES) and "_" not in said


def test_page_lists_each_repair_once():
    repair = Repair("metadata", "mean", "The metadata of the cell of mean was <b>restored</b>.")
    said = shown(result()._replace(repairs=(repair, repair)))
    assert said.text.count("was <b>restored</b>.") == 1 and "cost no points" in said.text


@pytest.mark.process
def test_page_shows_manual_scores_and_comments(course):
    put(course, result(mean="wrong", quarter="needs_grading"))
    with gradebook(course, "s01") as book:
        for cell in book.find_submission_notebook(NAME, NAME, "s01").grades:
            cell.auto_score, cell.needs_manual_grade = cell.max_score, False
        grade = book.find_grade("test-mean", NAME, NAME, "s01")
        grade.manual_score = 2.5
        waits = book.find_grade("test-quarter", NAME, NAME, "s01")
        waits.auto_score, waits.needs_manual_grade = None, True
        book.find_comment("mean", NAME, NAME, "s01").manual_comment = "Nearly <i>there</i>"
        book.find_submission_notebook(NAME, NAME, "s01").late_submission_penalty = 1.0
        book.db.commit()
    [path] = write_feedback(course)
    said = Page(path.read_text("utf-8")).text
    assert "Mean graded by a person 2.5 of 3" in said
    assert "Your instructor writes Nearly <i>there</i>" in said
    assert "One answer waits for a person" in said
    assert "Handed in late -1 All together 4.5 of 8" in said


def test_page_says_what_is_missing():
    one = result(mean="not_answered", guess="not_answered")
    plain, told = "No answer.", "Write the second half, too."
    marks = [
        mark._replace(message={"test-mean": plain, "test-guess": told}.get(mark.cell, ""))
        for mark in one.cell_scores
    ]
    said = shown(one._replace(cell_scores=tuple(marks))).text
    assert told in said and plain not in said


def test_page_includes_learners_own_cells(course):
    notebook = handed_in(small_lesson(), {**ANSWERS, "quarter": "# exercise: quarter\nhelp = None"})
    own = cell_of(notebook, "fresh")
    notebook["cells"].remove(own)
    place = notebook["cells"].index(cell_of(notebook, "quarter")) + 1
    own["source"] = "def quarter(format_points):\n    return number / 4"
    notebook["cells"].insert(place, own)
    said = feedback(course, notebook)
    assert "return number / 4" in said.text


# What it does not say


@pytest.mark.process
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
    one = result(mean="wrong")
    marks = [mark._replace(message=f"at: {HIDDEN[1]}") for mark in one.cell_scores]
    said = shown(one._replace(cell_scores=tuple(marks)))
    assert "at: [a line of a hidden test]" in said.text and HIDDEN[1] not in said.text


def test_page_hides_signs_of_tampering():
    said = shown(result()._replace(evidence=("it replaced builtins.len",)))
    assert "builtins" not in said.text


def test_write_feedback_only_for_submissions(course):
    put(course, result("s01"))
    put(course, result("s02", "no_submission"))
    assert [path.parts[-3] for path in write_feedback(course)] == ["s01"]


def test_write_feedback_removes_withdrawn_page(course):
    put(course, result("s01"))
    put(course, result("s02"))
    kept, gone = write_feedback(course)
    put(course, result("s02", "no_submission"))
    write_feedback(course)
    assert kept.exists() and not gone.exists()


# Nothing of the learner's is more than text


@pytest.mark.process
def test_page_escapes_submitted_text(course):
    answer = f"# exercise: mean\n# {ATTACK}\nraise ValueError({ATTACK!r})"
    notebook = handed_in(small_lesson(), {**ANSWERS, "mean": answer})
    one = grade_and_put(course, notebook)
    attacked = one._replace(
        detail=ATTACK,
        verdict="timeout",
        repairs=(Repair("metadata", "mean", ATTACK),),
        cell_scores=tuple(mark._replace(message=ATTACK) for mark in one.cell_scores),
    )
    put(course, attacked)
    [path] = write_feedback(course)
    text = path.read_text("utf-8")
    said = Page(text)
    assert said.text.count("<script>alert(1)</script>") > 3  # as words
    assert {"script", "img", "iframe", "object", "svg"}.isdisjoint(tag for tag, _ in said.tags)
    assert not [name for _, attributes in said.tags for name in attributes if name[:2] == "on"]
    assert outside_addresses(text) == []
    [policy] = [m for m in said.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy["content"] and "script" not in policy["content"]


def test_page_cuts_outputs():
    one = result()
    notebook = nbformat.v4.new_notebook()
    outputs = [
        nbformat.v4.new_output("display_data", data={"text/html": "<b>rich</b>"}),
        nbformat.v4.new_output("stream", text="x" * 100_000),
    ]
    cell = nbformat.v4.new_code_cell("def square(n): ...", id="square", outputs=outputs)
    notebook["cells"] = [cell]
    text = page(small_lesson(), FinalGrade.of(one), notebook)
    assert "rich" not in text and "80,000 more characters" in text
    assert len(text) < 60_000


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("nul\x00 and \x08back", "nul and back"),
        ("half \ud83d of a pair", "half ? of a pair"),
        ("\u202eturned", "turned"),
        (["a", "b"], "ab"),
        (None, ""),
    ],
)
def test_page_prints_any_text(raw, said):
    cell = nbformat.v4.new_code_cell("def square(n): ...", id="square")
    cell["outputs"] = [nbformat.from_dict({"output_type": "stream", "text": raw})]
    notebook = nbformat.v4.new_notebook()
    notebook["cells"] = [cell]
    text = page(small_lesson(), FinalGrade.of(result()), notebook)
    assert (f'tabindex="0">{said}</pre>' in text) == bool(said)
    text.encode()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"cells": 3}', b"\xff\xfe"])
def test_page_without_readable_notebook(course, content):
    put(course, result(mean="wrong"))
    folder = course / "autograded" / "s01" / NAME
    folder.mkdir(parents=True)
    (folder / f"{NAME}.ipynb").write_bytes(content)
    [path] = write_feedback(course)
    assert "It is wrong." in Page(path.read_text("utf-8")).text


# Everybody can read it


def test_page_headings_links_and_labels():
    said = shown(result(mean="wrong"))
    levels = [int(tag[1]) for tag, _ in said.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert said.all("html")[0]["lang"] == "en" and len(said.all("main")) == 1
    assert not said.open
    ids = [attributes["id"] for _, attributes in said.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["href"].removeprefix("#") for a in said.all("a")} <= set(ids)
    labels = [attributes.get("aria-labelledby") for _, attributes in said.tags]
    assert set(filter(None, labels)) <= set(ids)
    assert all("scope" in cell for cell in said.all("th"))


def test_feedback_css_contrast():
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", (ASSETS / "feedback.css").read_text())
    ground = "#fff"
    pairs = []
    for selector, body in rules:
        parts = dict(map(str.strip, part.split(":", 1)) for part in body.split(";") if ":" in part)
        colour, back = parts.get("color", ""), parts.get("background", "")
        if colour.startswith("#") or back.startswith("#"):
            pairs.append((selector.strip(), colour or "#1a1a1a", back or ground))
    assert len(pairs) > 10 and contrast("#000", ground) == pytest.approx(21)
    faint = [(name, *pair) for name, *pair in pairs if contrast(*pair) < 4.5]
    assert not faint, "contrast below 4.5"


def contrast(colour, ground):
    lights = sorted(map(light, (colour, ground)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def light(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# Which pages


def test_write_feedback_needs_a_verdict(course):
    folder = course / "submitted" / "s01" / NAME
    folder.mkdir(parents=True)
    (folder / f"{NAME}.ipynb").write_text("as it came")
    with pytest.raises(ValueError, match="was graded yet; run: quantlab grade"):
        write_feedback(course)
    put(course, result("s02"))
    assert [path.parts[-3] for path in write_feedback(course)] == ["s02"]
    with pytest.raises(ValueError, match="Nothing of 's01' was graded; run: quantlab grade"):
        write_feedback(course, students=["s01"])


def test_write_feedback_for_chosen_students(course):
    for student in ("s01", "s02", "s03"):
        put(course, result(student))
    paths = write_feedback(course, students=["s02"])
    assert [path.parts[-3] for path in paths] == ["s02"]
    with pytest.raises(ValueError, match="Nothing of 's09' was graded"):
        write_feedback(course, students=["s09"])
    with pytest.raises(ValueError, match="'7' is no lesson; there are: 01_small"):
        write_feedback(course, lessons=["7"])
