"""Rebuild a submission on the instructor's notebook.

Tests and locked text come from the instructor; answers are found wherever they are, put together
where they were split, and set in their place above their test. Cells of the learner's own stay
behind the cell that they followed. What was put right is recorded in words for the learner.
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
from ..name_analysis import imported, names_of
from ..records import Aligned, Repair
from .cells import Piece, plain_text, read_pieces
from .matching import anchor
from .merging import Answer, assemble, is_own_code, take_orphans, take_tails


def align(lesson: Lesson, content: bytes | Mapping[str, Any]) -> Aligned:
    """Rebuild a submission on the lesson's notebook.

    Tags, foreign metadata and outputs are dropped; that alone is not reported, for every editor
    leaves some.

    Parameters
    ----------
    lesson : Lesson
        From `load_lesson`.
    content : bytes or mapping
        The submitted file, or what `json.loads` makes of it.

    Returns
    -------
    Aligned
        Its notebook has nbformat 4.5; cells of the learner's own have the ids own-1, own-2, ...

    Raises
    ------
    InvalidNotebook
        If the file is no notebook, or none of this lesson; the message is for the learner.

    Examples
    --------
    >>> align(load_lesson("build/course", NAME), path.read_bytes()).answered  # doctest: +SKIP
    {'uniform-levels': True, 'quantize-to-indices': False}
    """
    pieces = anchor(lesson, read_pieces(content))
    stubs = {cell.id: cell.source for cell in lesson.release.cells}
    known = _known(lesson, pieces)
    pieces = take_tails(pieces, known, {c.id for c in lesson.release.cells if is_answer(c)})
    take_orphans(lesson, pieces, known)
    answers: dict[str, Answer] = {}
    repairs: list[Repair] = []
    for cell in lesson.release.cells:
        if is_answer(cell):
            group = [piece for piece in pieces if piece.target == cell.id]
            answers[cell.id] = assemble(group, cell, known)
            repairs += _repairs_of_answer(cell, group, answers[cell.id])
    named = {e.name: _named(e, answers[e.name], stubs[e.name], pieces) for e in lesson.exercises}
    repairs += [
        Repair("found_by_name", name, f"The answer to {name} was found in a cell of its own.")
        for name, found in named.items()
        if found
    ]
    notebook, moved = _rebuild(lesson, pieces, answers, named)
    repairs += [*_repairs_of_others(lesson, pieces), *moved]
    answered = {
        name: bool(found) or is_answered(answers[name].source, stubs[name])
        for name, found in named.items()
    }
    nbformat.validate(notebook)
    return Aligned(notebook, tuple(repairs), answered)


def _known(lesson: Lesson, pieces: Iterable[Piece]) -> frozenset[str]:
    """Return every name that some cell binds."""
    cells = [cell.source for cell in lesson.release.cells if cell.cell_type == "code"]
    texts = [*cells, *(piece.source for piece in pieces if piece.kind == "code")]
    names = {name for text in texts for name in names_of(text).bound}
    return frozenset(names | {name for exercise in lesson.exercises for name in exercise.names})


# Answers


def _named(exercise: Exercise, answer: Answer, stub: str, pieces: Iterable[Piece]) -> list[Piece]:
    """Return cells of the learner's own that define what the answer's cell does not."""
    answered = is_answered(answer.source, stub)
    missing = exercise.names - (names_of(answer.source).bound if answered else frozenset())
    return [p for p in pieces if is_own_code(p) and names_of(p.source).bound & missing]


# The notebook


def _rebuild(
    lesson: Lesson,
    pieces: Sequence[Piece],
    answers: Mapping[str, Answer],
    named: Mapping[str, Sequence[Piece]],
) -> tuple[NotebookNode, list[Repair]]:
    """Return the lesson's cells with the learner's text, and its own cells in their places."""
    placed = {id(piece) for found in named.values() for piece in found}
    behind: dict[str | None, list[Piece]] = {}
    above: str | None = None
    for piece in pieces:
        if piece.target is not None:
            above = piece.target
        elif id(piece) not in placed:
            behind.setdefault(above, []).append(piece)
    changed = {p.target: p for p in pieces if p.target and p.how in ("id", "likeness")}
    tested = {n for c in lesson.notebook.cells if is_test(c) for n in names_of(c.source).read}
    notebook = copy.deepcopy(lesson.notebook)
    cells = [_own(piece) for piece in behind.get(None, [])]
    for cell in notebook.cells:
        extra: list[NotebookNode] = []
        if cell.id in answers:
            cells += [_own(piece) for piece in answers[cell.id].spare]
            cell.source = answers[cell.id].source
            extra = [_own(piece) for piece in named.get(cell.id, ())]
        elif cell.id in changed and not is_graded(cell):
            if cell.id == INSTALL_ID or imported(cell.source) & tested:
                extra = [_own(changed[cell.id])]  # what others need stays as well
            else:
                cell.source = changed[cell.id].source
        cells += [cell, *extra, *(_own(piece) for piece in behind.get(cell.id, []))]
    notebook.cells = cells
    repairs = _hoist(lesson, notebook)
    taken = {cell.id for cell in lesson.notebook.cells}
    fresh = (name for name in map("own-{}".format, itertools.count(1)) if name not in taken)
    for cell in notebook.cells:
        cell.id = cell.id or next(fresh)
    return notebook, repairs


def _own(piece: Piece) -> NotebookNode:
    cell: NotebookNode
    if piece.kind == "code":
        cell = nbformat.v4.new_code_cell(piece.source)
    elif piece.kind == "markdown":
        cell = nbformat.v4.new_markdown_cell(piece.source)
    else:
        cell = nbformat.v4.new_raw_cell(piece.source)
    cell["id"] = ""  # its number is given when all are in place
    return cell


def _hoist(lesson: Lesson, notebook: NotebookNode) -> list[Repair]:
    """Move own cells above the answers that need them, where nothing above gives what they do."""
    repairs = []
    for exercise in lesson.exercises:
        moved = False
        while True:
            cells = notebook.cells
            start = next(i for i, cell in enumerate(cells) if cell.id == exercise.name)
            tests = (i for i, c in enumerate(cells) if c.id in exercise.tests and is_test(c))
            test = next(tests, start)
            later = _first_needed(cells, start, test)
            if later is None:
                break
            cells.insert(start, cells.pop(later))
            moved = True
        if moved:
            text = f"A cell that the answer to {exercise.name} needs stood below its test."
            repairs.append(Repair("moved", exercise.name, text))
    return repairs


def _first_needed(cells: Sequence[NotebookNode], start: int, test: int) -> int | None:
    """Return where below the test an own cell binds a name that the answer lacks."""
    binders: dict[str, list[int]] = {}
    names = [names_of(c.source) if c.cell_type == "code" else names_of("") for c in cells]
    for number, found in enumerate(names):
        for name in found.bound:
            binders.setdefault(name, []).append(number)
    seen: set[str] = set()
    wanted = {name for number in range(start, max(test, start + 1)) for name in names[number].read}
    while wanted:
        name = wanted.pop()
        seen.add(name)
        numbers = binders.get(name, [])
        if not any(number < test for number in numbers):
            own = [number for number in numbers if number > test and not cells[number].id]
            if own:
                return own[-1]
        for number in numbers:
            if number < test and (not cells[number].id or is_answer(cells[number])):
                wanted |= names[number].read - seen
    return None


# What is said about it


def _repairs_of_answer(
    cell: NotebookNode, group: Sequence[Piece], answer: Answer
) -> Iterable[Repair]:
    name, used = cell.id, answer.used
    if not used:
        yield Repair("missing", name, f"The cell of {name} was missing; it is back, unanswered.")
        return
    if used[0].how == "marker":
        yield Repair(
            "found_by_marker",
            name,
            f"The cell of {name} had lost its metadata; it was found by its first line.",
        )
    elif used[0].how in ("likeness", "text"):
        yield Repair("found_by_text", name, f"The cell of {name} was found by its text alone.")
    elif used[0].how == "id" or _is_altered(used[0].meta, cell):
        yield Repair("metadata", name, f"The metadata of the cell of {name} was restored.")
    if len(used) > 1:
        text = f"The answer to {name} was spread over {len(used)} cells; they were put together."
        yield Repair("merged", name, text)
    if len(group) > len(used):
        text = f"There were several cells for {name}; the last one that is answered counts."
        yield Repair("duplicate", name, text)
    if any(piece.kind != cell.cell_type for piece in used):
        text = f"The cell of {name} was no longer a {cell.cell_type} cell; it is one again."
        yield Repair("retyped", name, text)


def _repairs_of_others(lesson: Lesson, pieces: Sequence[Piece]) -> Iterable[Repair]:
    present = {piece.target for piece in pieces}
    missing = 0
    for cell in lesson.release.cells:
        found = [piece for piece in pieces if piece.target == cell.id]
        if not is_graded(cell):
            missing += cell.id not in present
        elif not is_answer(cell):
            yield from _repairs_of_locked(cell, found)
    if missing:
        cells = "1 cell of the lesson was" if missing == 1 else f"{missing} cells were"
        yield Repair("restored", None, f"{cells} missing and put back.")
    places = [cell.id for cell in lesson.release.cells]
    order = [places.index(piece.target) for piece in pieces if piece.target]
    first = list(dict.fromkeys(order))
    if first != sorted(first):
        yield Repair("moved", None, "Cells stood in another order than in the lesson.")
    if tags := sorted({tag for piece in pieces for tag in piece.tags} - _tags(lesson)):
        yield Repair("metadata", None, f"Tags were removed: {', '.join(tags)[:200]}.")


def _repairs_of_locked(cell: NotebookNode, found: Sequence[Piece]) -> Iterable[Repair]:
    kind = "test_restored" if is_test(cell) else "locked_restored"
    what = f"The test cell {cell.id}" if is_test(cell) else f"The locked cell {cell.id}"
    if not found:
        yield Repair(kind, cell.id, f"{what} was missing; it is back.")
    elif not any(_is_same(piece, cell) for piece in found):
        yield Repair(kind, cell.id, f"{what} was changed; the lesson's own was used.")
    elif len(found) > 1:
        yield Repair("duplicate", cell.id, f"{what} was there {len(found)} times; it runs once.")
    if any(_is_altered(piece.meta, cell) for piece in found):
        yield Repair("metadata", cell.id, f"The metadata of {cell.id} was restored.")


def _is_same(piece: Piece, cell: NotebookNode) -> bool:
    return piece.kind == cell.cell_type and plain_text(piece.source) == plain_text(cell.source)


def _is_altered(meta: Mapping[str, Any], cell: NotebookNode) -> bool:
    """Return whether somebody wrote other points or flags into a cell's metadata."""
    ours = cell.metadata.nbgrader
    keys = ("grade", "solution", "locked", "points")
    return any(key in meta and key in ours and meta[key] != ours[key] for key in keys)


def _tags(lesson: Lesson) -> set[str]:
    return {tag for cell in lesson.notebook.cells for tag in cell.metadata.get("tags", [])}
