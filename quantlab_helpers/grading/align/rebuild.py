"""Rebuild a submission on the instructor's notebook.

Tests and locked text come from the instructor. Answers may be anywhere in the submission: they are
matched, joined if they were split, and placed above their test. Cells that the student added stay
below the cell that they followed. Each fix is recorded as a `Repair` with a text for the student.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import nbformat
from nbformat import NotebookNode

from ...course.authoring.sources import INSTALL_ID
from ...course.notebook_cells import is_answered
from ..lesson import Exercise, Lesson, is_answer, is_graded, is_test
from ..name_analysis import names_from_imports, names_of
from ..records import Aligned, Repair
from .cells import SubmittedCell, read_submitted_cells, same_text
from .matching import match_cells
from .merging import (
    Answer,
    absorb_continuations,
    attach_fragments,
    choose_version,
    is_added_code,
)


def align(lesson: Lesson, content: bytes | Mapping[str, Any]) -> Aligned:
    """Rebuild a submission on the lesson's notebook.

    Foreign metadata and outputs are dropped without a repair, because every editor adds some.

    Parameters
    ----------
    lesson : Lesson
        From `load_lesson`.
    content : bytes or mapping
        The submitted file, or the result of `json.loads`.

    Returns
    -------
    Aligned
        Its notebook has nbformat 4.5; cells that the student added have the ids own-1, own-2, ...

    Raises
    ------
    InvalidNotebook
        If the file is not a notebook of this lesson; the message is for the student.

    Examples
    --------
    >>> align(load_lesson("build/course", NAME), path.read_bytes()).answered  # doctest: +SKIP
    {'uniform-levels': True, 'quantize-to-indices': False}
    """
    submitted_cells = match_cells(lesson, read_submitted_cells(content))
    stubs = {cell.id: cell.source for cell in lesson.release.cells}
    defined = _all_defined_names(lesson, submitted_cells)
    answer_ids = {cell.id for cell in lesson.release.cells if is_answer(cell)}
    submitted_cells = absorb_continuations(submitted_cells, defined, answer_ids)
    attach_fragments(lesson, submitted_cells, defined)
    answers: dict[str, Answer] = {}
    repairs: list[Repair] = []
    for cell in lesson.release.cells:
        if cell.id in answer_ids:
            group = [submitted for submitted in submitted_cells if submitted.lesson_cell == cell.id]
            answers[cell.id] = choose_version(group, cell, defined)
            repairs += _answer_repairs(cell, group, answers[cell.id])
    named = {
        exercise.name: _cells_defining_answer(
            exercise, answers[exercise.name], stubs[exercise.name], submitted_cells
        )
        for exercise in lesson.exercises
    }
    repairs += [
        Repair("found_by_name", name, f"The answer to {name} was found in a cell of its own.")
        for name, cells in named.items()
        if cells
    ]
    notebook, moved = _rebuild_notebook(lesson, submitted_cells, answers, named)
    repairs += [*_other_repairs(lesson, submitted_cells), *moved]
    answered = {
        name: bool(cells) or is_answered(answers[name].source, stubs[name])
        for name, cells in named.items()
    }
    nbformat.validate(notebook)
    return Aligned(notebook, tuple(repairs), answered)


def _all_defined_names(lesson: Lesson, submitted_cells: Iterable[SubmittedCell]) -> frozenset[str]:
    """Return the names that any cell of the lesson or the submission defines."""
    cells = [*lesson.release.cells, *submitted_cells]
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    names = {name for source in sources for name in names_of(source).defines}
    return frozenset(names | {name for exercise in lesson.exercises for name in exercise.names})


def _cells_defining_answer(
    exercise: Exercise, answer: Answer, stub: str, submitted_cells: Iterable[SubmittedCell]
) -> list[SubmittedCell]:
    """Return the added cells that define names which the answer cell should define but does not."""
    answered = is_answered(answer.source, stub)
    missing = exercise.names - (names_of(answer.source).defines if answered else frozenset())
    added = (submitted for submitted in submitted_cells if is_added_code(submitted))
    return [submitted for submitted in added if names_of(submitted.source).defines & missing]


def _rebuild_notebook(
    lesson: Lesson,
    submitted_cells: Sequence[SubmittedCell],
    answers: Mapping[str, Answer],
    named: Mapping[str, Sequence[SubmittedCell]],
) -> tuple[NotebookNode, list[Repair]]:
    """Return the lesson's notebook with the student's answers, changed cells and added cells."""
    placed = {id(submitted) for cells in named.values() for submitted in cells}
    behind: dict[str | None, list[SubmittedCell]] = {}
    above: str | None = None
    for submitted in submitted_cells:
        if submitted.lesson_cell is not None:
            above = submitted.lesson_cell
        elif id(submitted) not in placed:
            behind.setdefault(above, []).append(submitted)
    changed = {
        submitted.lesson_cell: submitted
        for submitted in submitted_cells
        if submitted.lesson_cell and submitted.matched_by in ("id", "similarity")
    }
    tests = [cell for cell in lesson.notebook.cells if is_test(cell)]
    tested = {name for test in tests for name in names_of(test.source).uses}
    notebook = copy.deepcopy(lesson.notebook)
    cells = [_new_cell(submitted) for submitted in behind.get(None, [])]
    for cell in notebook.cells:
        extra: list[NotebookNode] = []
        if cell.id in answers:
            cells += [_new_cell(submitted) for submitted in answers[cell.id].unused]
            cell.source = answers[cell.id].source
            extra = [_new_cell(submitted) for submitted in named.get(cell.id, ())]
        elif cell.id in changed and not is_graded(cell):
            if cell.id == INSTALL_ID or names_from_imports(cell.source) & tested:
                extra = [_new_cell(changed[cell.id])]  # tests need the lesson's imports as well
            else:
                cell.source = changed[cell.id].source
        cells += [cell, *extra, *(_new_cell(submitted) for submitted in behind.get(cell.id, []))]
    notebook.cells = cells
    repairs = _move_helpers_up(lesson, notebook)
    used_ids = {cell.id for cell in lesson.notebook.cells}
    new_ids = (name for name in map("own-{}".format, itertools.count(1)) if name not in used_ids)
    for cell in notebook.cells:
        cell.id = cell.id or next(new_ids)
    return notebook, repairs


def _new_cell(submitted: SubmittedCell) -> NotebookNode:
    cell: NotebookNode
    if submitted.cell_type == "code":
        cell = nbformat.v4.new_code_cell(submitted.source)
    elif submitted.cell_type == "markdown":
        cell = nbformat.v4.new_markdown_cell(submitted.source)
    else:
        cell = nbformat.v4.new_raw_cell(submitted.source)
    cell["id"] = ""  # `_rebuild_notebook` gives the id when all cells are placed
    return cell


def _move_helpers_up(lesson: Lesson, notebook: NotebookNode) -> list[Repair]:
    """Move added cells above the answer that needs them, unless cells above define the names."""
    repairs = []
    for exercise in lesson.exercises:
        moved = False
        while True:
            cells = notebook.cells
            start = next(i for i, cell in enumerate(cells) if cell.id == exercise.name)
            tests = (i for i, c in enumerate(cells) if c.id in exercise.tests and is_test(c))
            test = next(tests, start)
            helper = _helper_below_test(cells, start, test)
            if helper is None:
                break
            cells.insert(start, cells.pop(helper))
            moved = True
        if moved:
            text = f"A cell that the answer to {exercise.name} needs was below its test."
            repairs.append(Repair("moved", exercise.name, text))
    return repairs


def _helper_below_test(cells: Sequence[NotebookNode], start: int, test: int) -> int | None:
    """Return the index of an added cell below the test that defines a name the answer needs."""
    defining: dict[str, list[int]] = {}
    names = [names_of(c.source) if c.cell_type == "code" else names_of("") for c in cells]
    for number, use in enumerate(names):
        for name in use.defines:
            defining.setdefault(name, []).append(number)
    seen: set[str] = set()
    needed = {name for number in range(start, max(test, start + 1)) for name in names[number].uses}
    while needed:
        name = needed.pop()
        seen.add(name)
        numbers = defining.get(name, [])
        if not any(number < test for number in numbers):
            added = [number for number in numbers if number > test and not cells[number].id]
            if added:
                return added[-1]
        for number in numbers:
            if number < test and (not cells[number].id or is_answer(cells[number])):
                needed |= names[number].uses - seen
    return None


def _answer_repairs(
    cell: NotebookNode, group: Sequence[SubmittedCell], answer: Answer
) -> Iterable[Repair]:
    name, used = cell.id, answer.used
    if not used:
        yield Repair(
            "missing", name, f"The cell of {name} was missing; it was put back, unanswered."
        )
        return
    if used[0].matched_by == "marker":
        yield Repair(
            "found_by_marker",
            name,
            f"The cell of {name} had lost its metadata; it was found by its first line.",
        )
    elif used[0].matched_by in ("similarity", "text"):
        yield Repair("found_by_text", name, f"The cell of {name} was found by its text alone.")
    elif used[0].matched_by == "id" or _has_altered_metadata(used[0].nbgrader_metadata, cell):
        yield Repair("metadata", name, f"The metadata of the cell of {name} was restored.")
    if len(used) > 1:
        text = f"The answer to {name} was spread over {len(used)} cells; they were joined."
        yield Repair("merged", name, text)
    if len(group) > len(used):
        text = f"There were several cells for {name}; the last answered one counts."
        yield Repair("duplicate", name, text)
    if any(submitted.cell_type != cell.cell_type for submitted in used):
        text = f"The cell of {name} was no longer a {cell.cell_type} cell; it was changed back."
        yield Repair("retyped", name, text)


def _other_repairs(lesson: Lesson, submitted_cells: Sequence[SubmittedCell]) -> Iterable[Repair]:
    present = {submitted.lesson_cell for submitted in submitted_cells}
    missing = 0
    for cell in lesson.release.cells:
        group = [submitted for submitted in submitted_cells if submitted.lesson_cell == cell.id]
        if not is_graded(cell):
            missing += cell.id not in present
        elif not is_answer(cell):
            yield from _locked_cell_repairs(cell, group)
    if missing:
        cells = "1 cell of the lesson was" if missing == 1 else f"{missing} cells were"
        yield Repair("restored", None, f"{cells} missing and put back.")
    places = [cell.id for cell in lesson.release.cells]
    names = [submitted.lesson_cell for submitted in submitted_cells if submitted.lesson_cell]
    order = list(dict.fromkeys(map(places.index, names)))
    if order != sorted(order):
        yield Repair("moved", None, "Cells were in another order than in the lesson.")
    all_tags = {tag for submitted in submitted_cells for tag in submitted.tags}
    if tags := sorted(all_tags - _lesson_tags(lesson)):
        yield Repair("metadata", None, f"Tags were removed: {', '.join(tags)[:200]}.")


def _locked_cell_repairs(cell: NotebookNode, group: Sequence[SubmittedCell]) -> Iterable[Repair]:
    kind = "test_restored" if is_test(cell) else "locked_restored"
    subject = f"The test cell {cell.id}" if is_test(cell) else f"The locked cell {cell.id}"
    if not group:
        yield Repair(kind, cell.id, f"{subject} was missing; it was put back.")
    elif not any(_is_unchanged(submitted, cell) for submitted in group):
        yield Repair(kind, cell.id, f"{subject} was changed; the lesson's version was used.")
    elif len(group) > 1:
        yield Repair("duplicate", cell.id, f"{subject} was there {len(group)} times; it runs once.")
    if any(_has_altered_metadata(submitted.nbgrader_metadata, cell) for submitted in group):
        yield Repair("metadata", cell.id, f"The metadata of {cell.id} was restored.")


def _is_unchanged(submitted: SubmittedCell, cell: NotebookNode) -> bool:
    same_type = submitted.cell_type == cell.cell_type
    return same_type and same_text(submitted.source, cell.source)


def _has_altered_metadata(meta: Mapping[str, Any], cell: NotebookNode) -> bool:
    """Return whether a submitted cell has other points or flags than the lesson's cell."""
    original = cell.metadata.nbgrader
    keys = ("grade", "solution", "locked", "points")
    return any(key in meta and key in original and meta[key] != original[key] for key in keys)


def _lesson_tags(lesson: Lesson) -> set[str]:
    return {tag for cell in lesson.notebook.cells for tag in cell.metadata.get("tags", [])}
