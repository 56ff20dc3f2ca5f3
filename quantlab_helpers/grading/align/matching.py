"""Find out for which cell of the lesson each piece of a submission stands.

In this order: grade_id, marker line, the very text, the cell's id, likeness to a cell that is
still missing between its neighbours. What is left is a cell of the learner's own.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from nbformat import NotebookNode

from ...course.notebook_cells import marker_of
from ..lesson import Lesson, is_answer, is_graded
from ..name_analysis import names_of
from ..records import InvalidNotebook
from .cells import Piece, markers_in, plain_text, split_at_markers

_ALIKE = 0.6  # difflib's ratio; a stub with a short answer is above 0.7
_SHORT = 120  # characters; of shorter cells the names tell more than the ratio
_LOOKED_AT = 3_000  # characters of a cell that are compared
_COMPARISONS = 500
_WORD = re.compile(r"\w+|[^\w\s]")


def anchor(lesson: Lesson, pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces with their targets; merged cells come apart.

    Parameters
    ----------
    lesson : Lesson
        What the submission is about.
    pieces : sequence of Piece
        From `read_pieces`; their targets are set here.

    Returns
    -------
    list of Piece
        In the order of the submission.

    Raises
    ------
    InvalidNotebook
        If nothing in it belongs to the lesson.
    """
    cells = {cell.id: cell for cell in lesson.release.cells}
    markers = markers_of(lesson)
    parts = [part for piece in pieces for part in split_at_markers(piece, markers)]
    ordinary = {plain_text(cell.source) for cell in cells.values() if not is_graded(cell)}
    for part in parts:
        if plain_text(part.source) not in ordinary:
            _by_sign(part, cells, markers, lesson)
    parts = [piece for part in parts for piece in _learners_part(part, cells)]
    _by_text(parts, cells.values())
    _by_id(parts, cells)
    _by_likeness(parts, list(cells.values()))
    _set_torn(parts, cells.values())
    graded = any(is_graded(cell) for cell in cells.values())
    if graded and not (any(_tells(piece, cells) for piece in parts) or _defines(lesson, parts)):
        raise InvalidNotebook(
            f"Nothing of the lesson {lesson.name} is in this notebook; hand in your copy of "
            f"{lesson.name}.ipynb."
        )
    return parts


def markers_of(lesson: Lesson) -> dict[str, str]:
    """Return the cell that each marker line of a lesson stands for."""
    first = {cell.id: cell.source.partition("\n")[0] for cell in lesson.release.cells}
    graded = {cell.id for cell in lesson.release.cells if is_graded(cell)}
    found = {name: marker_of(line) for name, line in first.items() if name in graded}
    return {marker: name for name, marker in found.items() if marker is not None}


def _by_sign(
    piece: Piece, cells: dict[str, NotebookNode], markers: dict[str, str], lesson: Lesson
) -> None:
    """Set the target by grade_id or marker; where they disagree, by the names it defines."""
    graded = [name for name in (piece.grade_id, piece.cell_id) if name in cells]
    by_id = next((name for name in graded if name and is_graded(cells[name])), None)
    by_marker = next((markers[mark] for mark in markers_in(piece) if mark in markers), None)
    piece.target = by_id or by_marker
    piece.how = "grade_id" if piece.grade_id and by_id == piece.grade_id else "id"
    if by_id is None:
        piece.how = "marker" if by_marker else ""
    elif by_marker is not None and by_marker != by_id:
        wanted = {exercise.name: exercise.names for exercise in lesson.exercises}
        if not wanted.get(by_id, frozenset()) & names_of(piece.source).bound:
            piece.target, piece.how = by_marker, "marker"
    piece.marked = by_marker is not None and by_marker == piece.target


def _learners_part(piece: Piece, cells: dict[str, NotebookNode]) -> list[Piece]:
    """Return a test or locked cell with what its learner wrote into it as a piece before it."""
    if piece.target is None or is_answer(cells[piece.target]) or piece.kind != "code":
        return [piece]
    ours = {line.strip() for line in cells[piece.target].source.split("\n")}
    theirs = [line for line in piece.source.split("\n") if line.strip() not in ours]
    text = plain_text("\n".join(theirs))
    return [Piece("code", text), piece] if names_of(text).bound else [piece]


def _by_text(pieces: Iterable[Piece], cells: Iterable[NotebookNode]) -> None:
    """Find cells that were left as they are, wherever they stand now."""
    taken = {piece.target for piece in pieces}
    free: dict[str, list[str]] = {}
    for cell in cells:
        if cell.id not in taken:
            free.setdefault(plain_text(cell.source), []).append(cell.id)
    for piece in pieces:
        names = free.get(plain_text(piece.source)) if piece.target is None else None
        if names:
            piece.target, piece.how = names.pop(0), "text"


def _by_id(pieces: Iterable[Piece], cells: dict[str, NotebookNode]) -> None:
    """Find ordinary cells that were changed, by the id that the notebook's file gives them."""
    taken = {piece.target for piece in pieces}
    for piece in pieces:
        cell = cells.get(piece.cell_id or "")
        if piece.target is not None or cell is None or cell.id in taken or is_graded(cell):
            continue
        if cell.cell_type == piece.kind:
            piece.target, piece.how = cell.id, "id"
            taken.add(cell.id)


def _set_torn(pieces: Iterable[Piece], cells: Iterable[NotebookNode]) -> None:
    """Say of pieces torn off the lesson's own cells that they continue no answer."""
    whole = {plain_text(piece.source) for piece in pieces}
    damaged = [
        cell.source
        for cell in cells
        if plain_text(cell.source) not in whole and not is_answer(cell)
    ]
    for piece in pieces:
        if piece.target is None and any(piece.source in text for text in damaged):
            piece.how = "torn"


def _by_likeness(pieces: Sequence[Piece], cells: Sequence[NotebookNode]) -> None:
    """Find changed cells without an id among those that are missing between their neighbours."""
    place = {cell.id: number for number, cell in enumerate(cells)}
    missing = [cell for cell in cells if cell.id not in {piece.target for piece in pieces}]
    comparisons, low = 0, -1
    for number, piece in enumerate(pieces):
        if piece.target is not None:
            low = place[piece.target]
            continue
        later = (place[other.target] for other in pieces[number + 1 :] if other.target)
        high = next(later, len(cells))
        near = [cell for cell in missing if low < place[cell.id] < high or low >= high]
        comparisons += len(near)
        if comparisons > _COMPARISONS:
            return
        likeness = [_likeness(piece, cell) for cell in near]
        if likeness and max(likeness) >= _ALIKE:
            best = near[likeness.index(max(likeness))]
            piece.target, piece.how = best.id, "likeness"
            missing.remove(best)
            low = place[best.id]


def _likeness(piece: Piece, cell: NotebookNode) -> float:
    if piece.kind != cell.cell_type:
        return 0.0
    one, other = plain_text(piece.source)[:_LOOKED_AT], plain_text(cell.source)[:_LOOKED_AT]
    if piece.kind == "code" and len(one) < _SHORT and len(other) < _SHORT:
        bound = names_of(one).bound
        if bound and bound == names_of(other).bound:
            return 1.0
    words, others = _WORD.findall(one), _WORD.findall(other)
    matcher = difflib.SequenceMatcher(None, words, others, autojunk=False)
    if matcher.real_quick_ratio() < _ALIKE or matcher.quick_ratio() < _ALIKE:
        return 0.0
    return matcher.ratio()


def _tells(piece: Piece, cells: dict[str, NotebookNode]) -> bool:
    """Return whether a piece shows that the notebook is this lesson's; short cells do not."""
    cell = cells.get(piece.target or "")
    if cell is None or piece.how == "likeness":
        return False
    long = cell.cell_type == "markdown" and len(cell.source) > _SHORT
    return is_graded(cell) or (long and piece.how == "text")


def _defines(lesson: Lesson, pieces: Iterable[Piece]) -> bool:
    """Return whether an answer is there, without anything of the lesson around it."""
    wanted = {name for exercise in lesson.exercises for name in exercise.names}
    return any(piece.kind == "code" and names_of(piece.source).bound & wanted for piece in pieces)
