"""A damaged submission on the instructor's notebook: nothing is lost, nothing is won."""

import copy
import itertools
import json

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from quantlab_helpers.course.notebook_cells import marker_of
from quantlab_helpers.grading.align.cells import is_complete_cell, join_cell_parts
from quantlab_helpers.grading.align.rebuild import align
from quantlab_helpers.grading.records import InvalidNotebook
from tests.grading.small_lesson import (
    ANSWERS,
    HELPER,
    POINTS,
    cell_of,
    grade,
    handed_in,
    released,
    scores,
    small_lesson,
)

FULL = {name: float(points) for name, points in POINTS.items()}


@pytest.fixture
def good():
    return handed_in(small_lesson())


def kinds(aligned):
    return {repair.kind for repair in aligned.repairs}


def without_metadata(notebook):
    """As an editor leaves it that knows nothing of nbgrader and of ids."""
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)
    return notebook | {"nbformat_minor": 0}


def split(notebook, name, *marks, keep=True):
    """Split a cell before each of these texts; the parts keep its metadata or not."""
    place = notebook["cells"].index(cell_of(notebook, name))
    cell = notebook["cells"].pop(place)
    rest, parts = cell["source"], []
    for mark in marks:
        head, _, tail = rest.partition(mark)
        parts.append(head)
        rest = mark + tail
    for number, source in enumerate([*parts, rest]):
        part = copy.deepcopy(cell) | {"source": source.strip("\n"), "id": f"part-{number}"}
        if number and not keep:
            part["metadata"] = {}
        notebook["cells"].insert(place + number, part)
    return notebook


# Honest submissions


def test_align_good_submission_without_repair(good):
    aligned = align(small_lesson(), json.dumps(good).encode())
    assert aligned.repairs == () and all(aligned.answered.values())
    sources = [cell.source for cell in aligned.notebook.cells]
    assert sources.index(HELPER) == sources.index(ANSWERS["quarter"]) - 1
    assert "math.isclose" in cell_of(aligned.notebook, "test-mean").source, "the hidden test"
    assert scores(grade(small_lesson(), good)) == FULL


def test_align_released_notebook_is_unanswered():
    aligned = align(small_lesson(), released(small_lesson()))
    assert aligned.repairs == () and not any(aligned.answered.values())
    assert set(scores(grade(small_lesson(), released(small_lesson()))).values()) == {0.0}


def test_a_comment_in_a_stub_is_no_answer(good):
    stub = cell_of(released(small_lesson()), "square")["source"]
    cell_of(good, "square")["source"] = stub.replace("# YOUR CODE HERE", "# I do not know")
    assert align(small_lesson(), good).answered["square"] is False


def test_align_drops_traces_of_editors(good):
    for cell in good["cells"]:
        cell["metadata"] |= {"collapsed": True, "colab": {"base_uri": "x"}, "outputId": "y"}
    aligned = align(small_lesson(), good)
    assert aligned.repairs == ()
    allowed = {"nbgrader", "deletable", "editable"}
    assert all(set(cell.metadata) <= allowed for cell in aligned.notebook.cells)


# Metadata


def test_align_without_metadata_same_scores(good):
    aligned = align(small_lesson(), without_metadata(good))
    assert kinds(aligned) == {"found_by_marker"}
    assert "had lost its metadata" in aligned.repairs[0].text
    assert scores(grade(small_lesson(), good)) == FULL


def test_align_finds_answer_by_defined_name(good):
    without_metadata(good)
    for cell in good["cells"]:
        cell["source"] = cell["source"].replace("# exercise: square\n", "")
    assert {"found_by_name", "found_by_text"} & kinds(align(small_lesson(), good))
    assert scores(grade(small_lesson(), good)) == FULL


def test_answers_in_an_empty_notebook_are_found():
    cells = [{"cell_type": "code", "source": source} for source in [HELPER, *ANSWERS.values()]]
    assert scores(grade(small_lesson(), {"nbformat": 4, "cells": cells})) == FULL


def test_changed_points_and_flags_do_not_count(good):
    cell_of(good, "test-square")["metadata"]["nbgrader"] |= {"points": 100, "grade": False}
    aligned = align(small_lesson(), good)
    assert ("metadata", "test-square") in {repair[:2] for repair in aligned.repairs}
    assert grade(small_lesson(), good).score == grade(small_lesson(), good).max_score == 8


def test_tags_are_dropped_and_named(good):
    for cell in good["cells"]:
        cell["metadata"]["tags"] = ["skip-execution"]
    [repair] = align(small_lesson(), good).repairs
    assert repair == ("metadata", None, "Tags were removed: skip-execution.")


@pytest.mark.parametrize(
    "meta", [None, 7, [], {"grade_id": 3}, {"grade_id": "square", "points": []}]
)
def test_metadata_that_is_no_metadata_is_survived(good, meta):
    for cell in good["cells"]:
        cell["metadata"] = {"nbgrader": meta, "tags": "no list"}
    assert scores(grade(small_lesson(), good)) == FULL


# Cells


def test_align_restores_instructors_test(good):
    cell_of(good, "test-square")["source"] = "# test: square\nassert True"
    good["cells"].remove(cell_of(good, "test-mean"))
    good["cells"].append(copy.deepcopy(cell_of(good, "test-guess")))
    aligned = align(small_lesson(), good)
    found = {(repair.kind, repair.cell) for repair in aligned.repairs}
    assert {("test_restored", "test-square"), ("test_restored", "test-mean")} <= found
    assert ("duplicate", "test-guess") in found
    for name in ("test-square", "test-mean", "test-guess"):
        assert (
            cell_of(aligned.notebook, name).source == cell_of(small_lesson().notebook, name).source
        )


def test_align_keeps_answer_in_test_cell(good):
    stub = cell_of(released(small_lesson()), "square")["source"]
    test = cell_of(good, "test-square")
    test["source"] += "\n" + ANSWERS["square"].partition("\n")[2]
    cell_of(good, "square")["source"] = stub
    assert scores(grade(small_lesson(), good)) == FULL
    assert "test_restored" in kinds(align(small_lesson(), good))


def test_align_deleted_answer_costs_one_exercise(good):
    good["cells"].remove(cell_of(good, "mean"))
    aligned = align(small_lesson(), good)
    assert aligned.answered == {"square": True, "mean": False, "guess": True, "quarter": True}
    assert ("missing", "mean") in {repair[:2] for repair in aligned.repairs}
    assert scores(grade(small_lesson(), good)) == FULL | {"mean": 0.0}


def test_the_last_of_several_versions_counts(good):
    wrong = copy.deepcopy(cell_of(good, "square")) | {"id": "copy"}
    wrong["source"] = wrong["source"].replace("return total", "return 1")
    good["cells"].insert(0, wrong)
    aligned = align(small_lesson(), good)
    assert scores(grade(small_lesson(), good)) == FULL and "duplicate" in kinds(aligned)
    good["cells"].append(good["cells"].pop(0))
    assert scores(grade(small_lesson(), good))["square"] == 0


def test_align_ignores_copied_stub(good):
    good["cells"].append(copy.deepcopy(cell_of(released(small_lesson()), "square")))
    assert scores(grade(small_lesson(), good)) == FULL


def test_a_helper_in_an_older_version_is_kept(good):
    helper = copy.deepcopy(cell_of(good, "mean")) | {"id": "copy"}
    answer = cell_of(good, "mean")
    head, _, tail = answer["source"].partition("\n\n\n")
    answer["source"] = f"# exercise: mean\n{tail}"
    good["cells"].insert(good["cells"].index(answer), helper)
    assert head.endswith("return sum(values)") and scores(grade(small_lesson(), good)) == FULL


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("square", ["    total = 0"]),
        ("square", ["def square", "    for _", "    return"]),
        ("square", ["tal = 0"]),
        ("mean", ["def mean"]),
        ("mean", ["    return total /", "len(values)"]),
        ("guess", ["legs = legs"]),
        ("guess", [" * 2"]),
    ],
)
def test_a_split_answer_is_put_together_in_order(good, name, marks, keep):
    split(good, name, *marks, keep=keep)
    result = grade(small_lesson(), good)
    assert scores(result) == FULL
    assert {repair.kind for repair in result.repairs} <= {"merged", "found_by_name"}


def test_merged_cells_come_apart(good):
    names = ["square", "test-square", "mean", "test-mean"]
    first, *others = (cell_of(good, name) for name in names)
    first["source"] = "\n\n".join(cell["source"] for cell in [first, *others])
    for cell in others:
        good["cells"].remove(cell)
    assert scores(grade(small_lesson(), good)) == FULL


def test_align_keeps_text_above_marker(good):
    cell = cell_of(good, "square")
    cell["source"] = "import operator\n" + cell["source"].replace("abs(", "operator.abs(")
    assert scores(grade(small_lesson(), good)) == FULL


@pytest.mark.parametrize("kind", ["markdown", "raw", "heading", None])
def test_align_turns_answer_into_code(good, kind):
    for name in ANSWERS:
        cell_of(good, name)["cell_type"] = kind
    assert scores(grade(small_lesson(), good)) == FULL and "retyped" in kinds(
        align(small_lesson(), good)
    )


def test_align_moves_answers_above_tests(good):
    good["cells"].reverse()
    aligned = align(small_lesson(), good)
    assert "moved" in kinds(aligned) and scores(grade(small_lesson(), good)) == FULL


def test_align_moves_helper_above_test(good):
    good["cells"].sort(key=lambda cell: cell["source"] == HELPER)
    assert good["cells"][-1]["source"] == HELPER
    assert scores(grade(small_lesson(), good)) == FULL


def test_align_answer_beside_stub_counts(good):
    answer = cell_of(good, "square")
    own = {"cell_type": "code", "source": answer["source"].partition("\n")[2], "metadata": {}}
    answer["source"] = cell_of(released(small_lesson()), "square")["source"]
    good["cells"].append(own)
    aligned = align(small_lesson(), good)
    assert kinds(aligned) == {"found_by_name"} and aligned.answered["square"]
    assert scores(grade(small_lesson(), good)) == FULL


def test_align_experiment_does_not_replace_answer(good):
    own = {"cell_type": "code", "source": "square = square(5)", "metadata": {}}
    good["cells"].append(own)
    assert scores(grade(small_lesson(), good)) == FULL


def test_align_keeps_both_imports(good):
    cell_of(good, "cell-1")["source"] = "import random"
    sources = [cell.source for cell in align(small_lesson(), good).notebook.cells]
    assert sources.index("import random") == sources.index("import math") + 1
    good["cells"].remove(cell_of(good, "cell-1"))
    aligned = align(small_lesson(), good)
    assert ("restored", None, "1 cell of the lesson was missing and put back.") in aligned.repairs


def test_changed_demonstrations_are_the_learners(good):
    for minor in (5, 0):
        cell_of(good, "cell-2")["source"] = "numbers = [4, 5, 6]\nprint(numbers)"
        sources = [cell.source for cell in align(small_lesson(), good).notebook.cells]
        assert "numbers = [4, 5, 6]\nprint(numbers)" in sources
        assert "numbers = [1, 2, 3]\nprint(numbers)" not in sources
        good = without_metadata(handed_in(small_lesson())) if minor else good
        good["cells"][2]["id"] = "cell-2"


# Files that are none


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"{", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b"[1]", "is not a notebook"),
        (b"null", "is not a notebook"),
        (b'{"cells": []}', "is not a notebook"),
        (b'{"nbformat": 3, "worksheets": []}', "another format than 4"),
        (b'{"nbformat": 5, "cells": []}', "another format than 4"),
        (b'{"nbformat": 4, "cells": {}}', "another format than 4"),
        (b'{"nbformat": 4, "cells": []}', "Nothing of the lesson 01_small"),
        (b'{"nbformat": 4, "cells": [1, null, {}, {"source": 3}]}', "Nothing of the lesson"),
    ],
)
def test_align_refuses_other_files(content, words):
    with pytest.raises(InvalidNotebook, match=words):
        align(small_lesson(), content)


def test_too_many_cells_are_refused():
    cells = [{"cell_type": "code", "source": "1"}] * 1_001
    with pytest.raises(InvalidNotebook, match="1,001 cells"):
        align(small_lesson(), {"nbformat": 4, "cells": cells})


def test_more_text_than_anybody_writes_is_refused(good):
    good["cells"].append({"cell_type": "code", "source": "x = 1\n" * 400_000})
    with pytest.raises(InvalidNotebook, match="2,000,000 at most"):
        align(small_lesson(), good)


def test_text_that_cannot_be_written_is_cleaned(good):
    cell_of(good, "square")["source"] += "\r\n# \ud800 \x00"
    aligned = align(small_lesson(), good)
    assert "\r" not in cell_of(aligned.notebook, "square").source
    json.dumps(aligned.notebook, ensure_ascii=False).encode("utf-8")


def test_join_cell_parts_defines_every_name():
    assert join_cell_parts(["a = 1", "b = a"]) == "a = 1\nb = a"
    assert join_cell_parts(["legs = 4\nprint(le", "gs)"]) == "legs = 4\nprint(legs)"
    assert join_cell_parts(["# exercise: g", "uess", "# Legs?\nlegs = 8"]) == (
        "# exercise: guess\n# Legs?\nlegs = 8"
    )
    assert join_cell_parts(["# exercise: guess", "legs = 8"]) == "# exercise: guess\nlegs = 8"
    assert join_cell_parts(["x = ["] + ["1,"] * 9 + ["]"]).count("\n") == 10


# Random edits of a good submission


class Draft:
    """A submission under edit; a cell says under "part" which part of which answer it holds."""

    def __init__(self):
        notebook = handed_in(small_lesson())
        self.rest = {key: value for key, value in notebook.items() if key != "cells"}
        self.cells = notebook["cells"]
        for cell in self.cells:
            name = "helper" if cell["source"] == HELPER else cell["id"]
            if name in ANSWERS or name == "helper":
                cell["part"] = (name, 0, len(cell["source"]))

    @property
    def notebook(self):
        return self.rest | {"cells": self.cells}

    def delete(self, cell):
        self.cells.remove(cell) if len(self.cells) > 1 else None

    def duplicate(self, cell):
        self.cells.insert(self.place(cell) + 1, copy.deepcopy(cell))

    def split(self, cell, where, keep):
        """As Jupyter does it: new lines at the seam are dropped; metadata is copied or not."""
        source = cell["source"]
        if marker_of(source) is not None:  # a marker line is never cut, alone in a cell neither
            return
        first = source.find("\n") + 1
        at = first + round(where * (len(source) - first))
        head, tail = source[:at].rstrip("\n"), source[at:].lstrip("\n")
        if not head.strip() or not tail.strip():
            return
        new = copy.deepcopy(cell) | {"source": tail}
        new.pop("id", None)
        if not keep:
            new["metadata"] = {}
        cell["source"] = head
        self.cells.insert(self.place(cell) + 1, new)
        if "part" in cell:
            name, start, end = cell["part"]
            cell["part"], new["part"] = (name, start, start + at), (name, start + at, end)

    def move(self, cell, where):
        self.cells.pop(self.place(cell))
        self.cells.insert(round(where * len(self.cells)), cell)

    def retype(self, cell, kind):
        cell["cell_type"] = kind

    def strip(self, cell):
        cell["metadata"] = {}
        cell.pop("id", None)

    def tag(self, cell):
        cell["metadata"]["tags"] = ["skip-execution"]

    def place(self, cell):
        return next(i for i, other in enumerate(self.cells) if other is cell)

    def intact(self):
        """The answers that are still there: only whole copies, or one chain of parts in order.

        A part counts as there if a person could tell what it continues: it kept its metadata, or
        stands directly below the part before it and is code that starts a line or cannot run.
        Nor could anybody tell what a part of something else means directly below an answer.
        """
        unclear = set()
        for above, cell in itertools.pairwise(self.cells):
            cut = cell["cell_type"] == "code" and not is_complete_cell(cell["source"])
            if cut and "part" in above and above["part"][0] != cell.get("part", [""])[0]:
                unclear.add(above["part"][0])
        found = {name: [] for name in [*ANSWERS, "helper"]}
        for place, cell in enumerate(self.cells):
            if "part" in cell:
                name, start, end = cell["part"]
                found[name].append((start, end, place, cell))
        there = {name for name, parts in found.items() if self.is_there(name, parts)} - unclear
        return there - {"quarter"} if "helper" not in there else there

    def is_there(self, name, parts):
        whole = len(HELPER if name == "helper" else ANSWERS[name])
        signed = [cell["metadata"].get("nbgrader") for *_, cell in parts]
        if name == "helper":
            alone = [part for part in parts if part[:2] == (0, whole)]
            return alone == parts != [] and all(c["cell_type"] == "code" for *_, c in parts)
        if parts and all(part[:2] == (0, whole) for part in parts):
            return True
        text = HELPER if name == "helper" else ANSWERS[name]
        chained = all(
            one[1] == other[0]
            and (
                signed[number]
                or (one[2] + 1 == other[2] and "\n" in text[one[1] - 1 : one[1] + 1])
                or (one[2] + 1 == other[2] and not is_complete_cell(other[3]["source"]))
            )
            for number, (one, other) in enumerate(itertools.pairwise(parts), start=1)
        )
        ends = parts and parts[0][0] == 0 and parts[-1][1] == whole
        typed = all(c["metadata"].get("nbgrader") or c["cell_type"] == "code" for *_, c in parts)
        few = len(parts) <= 3 or all(signed)
        return bool(ends and chained and typed and few)


where = st.floats(0, 1)
edit = st.one_of(
    st.tuples(st.sampled_from(["delete", "duplicate", "strip", "tag"]), where),
    st.tuples(st.just("split"), where, where, st.booleans()),
    st.tuples(st.just("move"), where, where),
    st.tuples(st.just("retype"), where, st.sampled_from(["code", "markdown", "raw"])),
)


@given(st.lists(edit, max_size=12))
def test_align_random_edits_lose_no_answer(edits):
    draft = Draft()
    for name, place, *rest in edits:
        cell = draft.cells[round(place * (len(draft.cells) - 1))]
        getattr(draft, name)(cell, *rest)
    there = draft.intact()
    event(f"{len(there)} of 5 still there")
    try:
        result = grade(small_lesson(), json.loads(json.dumps(draft.notebook)))
    except InvalidNotebook:
        assert not there - {"helper"}
        return
    got = scores(result)
    assert all(got[name] <= FULL[name] for name in FULL), "more than the honest score"
    lost = {name for name in there - {"helper"} if got[name] < FULL[name]}
    assert not lost, [(cell["cell_type"], cell["source"]) for cell in draft.cells]
