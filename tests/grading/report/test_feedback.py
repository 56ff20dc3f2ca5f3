"""What a learner reads: all that helps, nothing that is hidden, and no script of anybody's."""

import itertools
import re

import pytest

from quantlab_helpers.course.publishing.html_pages import outside_addresses
from quantlab_helpers.grading.records import STATES, STATUSES, VERDICTS, Repair
from quantlab_helpers.grading.report.feedback import ASSETS, write_feedback
from tests.grading.report.pages import Page, show
from tests.grading.small_course import NAME, grade_and_put, gradebook, put, result
from tests.grading.small_lesson import ANSWERS, handed_in, small_lesson

ATTACK = "</code></pre><script>alert(1)</script><img src=x onerror=alert(1)>"


# What it says


def test_write_feedback_where_nbgrader_puts_it(course):
    wrong = "# exercise: square\ndef square(format_points):\n    return 9"
    grade_and_put(course, handed_in(small_lesson(), {**ANSWERS, "square": wrong}))
    [path] = write_feedback(course)
    assert path == course / "feedback" / "s01" / NAME / f"{NAME}.html"
    shown = Page(path.read_text("utf-8"))
    assert "Feedback for s01 A small lesson 6 of 8 points graded Every test ran." in shown.text
    assert "Square not yet right 0 of 2 Mean right 3 of 3" in shown.text
    assert "return 9" in shown.text and "AssertionError" in shown.text
    assert "All together 6 of 8" in shown.text


@pytest.mark.parametrize("status", STATUSES)
def test_page_has_words_for_every_status(status):
    graded = result(verdict=status) if status in VERDICTS else result()._replace(score=None)
    text = show(graded._replace(detail=""), status=status).text
    assert ("No score" in text) == (graded.score is None)
    assert "_" not in text and "None" not in text


def test_page_of_invalid_file_is_not_0():
    text = show(result(verdict="invalid_notebook")).text
    assert "No score" in text and "why invalid_notebook." in text
    assert "not the same as 0" in text and "0 of" not in text


@pytest.mark.process
def test_page_of_failed_submission_has_no_points(course):
    put(course, result(verdict="kernel_died")._replace(verdict="invalid_notebook", score=None))
    gradebook(course, "s01").close()
    [path] = write_feedback(course)
    text = Page(path.read_text("utf-8")).text
    assert "No score" in text and "waits" not in text and "wait for" not in text
    assert "Square" not in text


def test_page_hides_our_own_failure():
    shown = show(result(verdict="infrastructure_error"))
    assert "why infrastructure_error" not in shown.text and "not yours" in shown.text


@pytest.mark.parametrize("state", STATES)
def test_page_has_words_for_every_state(state):
    text = show(result(mean=state)).text.replace(f"It is {state}.", "")
    others = {show(result(mean=other)).text.partition("Mean ")[2][:9] for other in STATES}
    assert len(others) == len(STATES) and "_" not in text


def test_page_lists_each_repair_once():
    repair = Repair("metadata", "mean", "The metadata of the cell of mean was <b>restored</b>.")
    shown = show(result()._replace(repairs=(repair, repair)))
    assert shown.text.count("was <b>restored</b>.") == 1 and "cost no points" in shown.text


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
    text = Page(path.read_text("utf-8")).text
    assert "Mean graded by a person 2.5 of 3" in text
    assert "Your instructor writes Nearly <i>there</i>" in text
    assert "One answer waits for a person" in text
    assert "Handed in late -1 All together 4.5 of 8" in text


def test_page_says_what_is_missing():
    graded = result(mean="not_answered", guess="not_answered")
    plain, useful = "No answer.", "Write the second half, too."
    scores = [
        score._replace(message={"test-mean": plain, "test-guess": useful}.get(score.cell, ""))
        for score in graded.cell_scores
    ]
    text = show(graded._replace(cell_scores=tuple(scores))).text
    assert useful in text and plain not in text


# What it does not say


def test_page_hides_signs_of_tampering():
    shown = show(result()._replace(evidence=("it replaced builtins.len",)))
    assert "builtins" not in shown.text


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


def test_page_escapes_submitted_text(course):
    answer = f"# exercise: mean\n# {ATTACK}\nraise ValueError({ATTACK!r})"
    notebook = handed_in(small_lesson(), {**ANSWERS, "mean": answer})
    graded = grade_and_put(course, notebook)
    attacked = graded._replace(
        detail=ATTACK,
        verdict="timeout",
        repairs=(Repair("metadata", "mean", ATTACK),),
        cell_scores=tuple(cell._replace(message=ATTACK) for cell in graded.cell_scores),
    )
    put(course, attacked)
    [path] = write_feedback(course)
    text = path.read_text("utf-8")
    shown = Page(text)
    assert shown.text.count("<script>alert(1)</script>") > 3  # as words
    assert {"script", "img", "iframe", "object", "svg"}.isdisjoint(tag for tag, _ in shown.tags)
    assert not [name for _, attributes in shown.tags for name in attributes if name[:2] == "on"]
    assert outside_addresses(text) == []
    [policy] = [m for m in shown.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy["content"] and "script" not in policy["content"]


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
    shown = show(result(mean="wrong"))
    levels = [int(tag[1]) for tag, _ in shown.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert shown.all("html")[0]["lang"] == "en" and len(shown.all("main")) == 1
    assert not shown.open
    ids = [attributes["id"] for _, attributes in shown.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["href"].removeprefix("#") for a in shown.all("a")} <= set(ids)
    labels = [attributes.get("aria-labelledby") for _, attributes in shown.tags]
    assert set(filter(None, labels)) <= set(ids)
    assert all("scope" in cell for cell in shown.all("th"))


def test_feedback_css_contrast():
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", (ASSETS / "feedback.css").read_text())
    background = "#fff"
    pairs = []
    for selector, body in rules:
        parts = dict(map(str.strip, part.split(":", 1)) for part in body.split(";") if ":" in part)
        colour, back = parts.get("color", ""), parts.get("background", "")
        if colour.startswith("#") or back.startswith("#"):
            pairs.append((selector.strip(), colour or "#1a1a1a", back or background))
    assert len(pairs) > 10 and contrast("#000", background) == pytest.approx(21)
    faint = [(name, *pair) for name, *pair in pairs if contrast(*pair) < 4.5]
    assert not faint, "contrast below 4.5"


def contrast(colour, background):
    lights = sorted(map(light, (colour, background)))
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
