"""Handing in and grading agree on which exercises are answered."""

import json

import pytest

from quantlab_helpers.course.notebook_cells import read_cells, read_outlines, states_of
from quantlab_helpers.grading.align.rebuild import align
from quantlab_helpers.grading.lesson import make_lesson
from tests import ROOT
from tests.course.learner_notebooks import answer, delete_placeholders, notebook

LESSONS = sorted(path.stem for path in ROOT.glob("notebooks/*.ipynb"))


@pytest.mark.notebook
@pytest.mark.parametrize("change", [notebook, delete_placeholders, answer])
@pytest.mark.parametrize("name", LESSONS)
def test_align_answered_same_as_states_of(name, change, lesson):
    plain = notebook(name) if change is notebook else change(notebook(name))
    content = json.dumps(plain).encode()
    outline = read_outlines([ROOT / "notebooks" / f"{name}.ipynb"])[name]
    states = states_of(read_cells(content), outline)
    answered = align(make_lesson(name, lesson(name).instructor), content).answered
    expected = "answered" if change is answer else "unanswered"
    assert {name: states[name] == "answered" for name in states} == answered
    assert set(states.values()) == {expected}
