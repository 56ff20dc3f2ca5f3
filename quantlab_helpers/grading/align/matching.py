"""Match each cell of a submission to a cell of its lesson.

Tried in this order: grade_id, marker line, equal text, cell id, similarity to a lesson cell that
is still missing between the neighbours. Cells without a match were added by the student.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from nbformat import NotebookNode

from ...course.notebook_cells import marker_of
from ..lesson import Lesson, is_answer, is_graded
from ..name_analysis import names_of, normalize_whitespace
from ..records import InvalidNotebook
from .cells import SubmittedCell, markers_in, split_at_markers

_MIN_SIMILARITY = 0.6  # ratio of difflib; a stub with a short answer reaches 0.7
_SHORT_CELL = 120  # characters; shorter cells are compared by the names they define
_COMPARED_CHARACTERS = 3_000  # of each cell
_MAX_COMPARISONS = 500
_WORD = re.compile(r"\w+|[^\w\s]")


def match_cells(lesson: Lesson, submitted_cells: Sequence[SubmittedCell]) -> list[SubmittedCell]:
    """Set the lesson cell of each submitted cell; split merged cells.

    Parameters
    ----------
    lesson : Lesson
        The lesson that was submitted.
    submitted_cells : sequence of SubmittedCell
        From `read_submitted_cells`; `lesson_cell` and `matched_by` are set here.

    Returns
    -------
    list of SubmittedCell
        In the order of the submission.

    Raises
    ------
    InvalidNotebook
        If no cell belongs to the lesson.
    """
    cells = {cell.id: cell for cell in lesson.release.cells}
    markers = markers_of(lesson)
    parts = [part for submitted in submitted_cells for part in split_at_markers(submitted, markers)]
    ordinary = {normalize_whitespace(cell.source) for cell in cells.values() if not is_graded(cell)}
    for part in parts:
        if normalize_whitespace(part.source) not in ordinary:
            _match_by_id_or_marker(part, cells, markers, lesson)
    parts = [submitted for part in parts for submitted in _split_off_added_code(part, cells)]
    _match_by_text(parts, cells.values())
    _match_by_cell_id(parts, cells)
    _match_by_similarity(parts, list(cells.values()))
    _flag_fragments(parts, cells.values())
    graded = any(is_graded(cell) for cell in cells.values())
    if graded and not (
        any(_identifies_lesson(submitted, cells) for submitted in parts)
        or _any_defines_answer(lesson, parts)
    ):
        raise InvalidNotebook(
            f"Nothing of the lesson {lesson.name} is in this notebook; hand in your copy of "
            f"{lesson.name}.ipynb."
        )
    return parts


def markers_of(lesson: Lesson) -> dict[str, str]:
    """Return the id of the graded cell that starts with each marker of a lesson."""
    graded = [cell for cell in lesson.release.cells if is_graded(cell)]
    markers = {cell.id: marker_of(cell.source.partition("\n")[0]) for cell in graded}
    return {marker: name for name, marker in markers.items() if marker is not None}


def _match_by_id_or_marker(
    submitted: SubmittedCell,
    cells: dict[str, NotebookNode],
    markers: dict[str, str],
    lesson: Lesson,
) -> None:
    """Set the lesson cell by grade_id or marker; if they disagree, by the names that it defines."""
    ids = [name for name in (submitted.grade_id, submitted.cell_id) if name in cells]
    by_id = next((name for name in ids if name and is_graded(cells[name])), None)
    by_marker = next((markers[mark] for mark in markers_in(submitted) if mark in markers), None)
    submitted.lesson_cell = by_id or by_marker
    submitted.matched_by = (
        "grade_id" if submitted.grade_id and by_id == submitted.grade_id else "id"
    )
    if by_id is None:
        submitted.matched_by = "marker" if by_marker else ""
    elif by_marker is not None and by_marker != by_id:
        required = {exercise.name: exercise.names for exercise in lesson.exercises}
        if not required.get(by_id, frozenset()) & names_of(submitted.source).defines:
            submitted.lesson_cell, submitted.matched_by = by_marker, "marker"
    submitted.has_marker = by_marker is not None and by_marker == submitted.lesson_cell


def _split_off_added_code(
    submitted: SubmittedCell, cells: dict[str, NotebookNode]
) -> list[SubmittedCell]:
    """Return a test or locked cell, preceded by a cell of the code that the student added to it."""
    if (
        submitted.lesson_cell is None
        or is_answer(cells[submitted.lesson_cell])
        or submitted.cell_type != "code"
    ):
        return [submitted]
    original = {line.strip() for line in cells[submitted.lesson_cell].source.split("\n")}
    added = [line for line in submitted.source.split("\n") if line.strip() not in original]
    text = normalize_whitespace("\n".join(added))
    return [SubmittedCell("code", text), submitted] if names_of(text).defines else [submitted]


def _match_by_text(submitted_cells: Iterable[SubmittedCell], cells: Iterable[NotebookNode]) -> None:
    """Match cells whose text is unchanged, at any position."""
    taken = {submitted.lesson_cell for submitted in submitted_cells}
    free: dict[str, list[str]] = {}
    for cell in cells:
        if cell.id not in taken:
            free.setdefault(normalize_whitespace(cell.source), []).append(cell.id)
    for submitted in submitted_cells:
        if submitted.lesson_cell is not None:
            continue
        if names := free.get(normalize_whitespace(submitted.source)):
            submitted.lesson_cell, submitted.matched_by = names.pop(0), "text"


def _match_by_cell_id(
    submitted_cells: Iterable[SubmittedCell], cells: dict[str, NotebookNode]
) -> None:
    """Match changed cells without nbgrader metadata by their cell id."""
    taken = {submitted.lesson_cell for submitted in submitted_cells}
    for submitted in submitted_cells:
        cell = cells.get(submitted.cell_id or "")
        if submitted.lesson_cell is not None or cell is None or cell.id in taken or is_graded(cell):
            continue
        if cell.cell_type == submitted.cell_type:
            submitted.lesson_cell, submitted.matched_by = cell.id, "id"
            taken.add(cell.id)


def _flag_fragments(
    submitted_cells: Iterable[SubmittedCell], cells: Iterable[NotebookNode]
) -> None:
    """Flag added cells that are a part of a damaged lesson cell, so that they join no answer."""
    complete = {normalize_whitespace(submitted.source) for submitted in submitted_cells}
    damaged = [
        cell.source
        for cell in cells
        if normalize_whitespace(cell.source) not in complete and not is_answer(cell)
    ]
    for submitted in submitted_cells:
        if submitted.lesson_cell is None and any(submitted.source in text for text in damaged):
            submitted.matched_by = "fragment"


def _match_by_similarity(
    submitted_cells: Sequence[SubmittedCell], cells: Sequence[NotebookNode]
) -> None:
    """Match a changed cell to the most similar lesson cell missing between its neighbours."""
    place = {cell.id: number for number, cell in enumerate(cells)}
    matched = {submitted.lesson_cell for submitted in submitted_cells}
    missing = [cell for cell in cells if cell.id not in matched]
    comparisons, low = 0, -1
    for number, submitted in enumerate(submitted_cells):
        if submitted.lesson_cell is not None:
            low = place[submitted.lesson_cell]
            continue
        later = (
            place[other.lesson_cell] for other in submitted_cells[number + 1 :] if other.lesson_cell
        )
        high = next(later, len(cells))
        near = [cell for cell in missing if low < place[cell.id] < high or low >= high]
        comparisons += len(near)
        if comparisons > _MAX_COMPARISONS:
            return
        similarities = [_similarity(submitted, cell) for cell in near]
        if similarities and max(similarities) >= _MIN_SIMILARITY:
            best = near[similarities.index(max(similarities))]
            submitted.lesson_cell, submitted.matched_by = best.id, "similarity"
            missing.remove(best)
            low = place[best.id]


def _similarity(submitted: SubmittedCell, cell: NotebookNode) -> float:
    if submitted.cell_type != cell.cell_type:
        return 0.0
    text = normalize_whitespace(submitted.source)[:_COMPARED_CHARACTERS]
    original = normalize_whitespace(cell.source)[:_COMPARED_CHARACTERS]
    if submitted.cell_type == "code" and max(len(text), len(original)) < _SHORT_CELL:
        defined = names_of(text).defines
        if defined and defined == names_of(original).defines:
            return 1.0
    matcher = difflib.SequenceMatcher(
        None, _WORD.findall(text), _WORD.findall(original), autojunk=False
    )
    if matcher.real_quick_ratio() < _MIN_SIMILARITY or matcher.quick_ratio() < _MIN_SIMILARITY:
        return 0.0
    return matcher.ratio()


def _identifies_lesson(submitted: SubmittedCell, cells: dict[str, NotebookNode]) -> bool:
    """Return whether a cell proves that the notebook belongs to the lesson; short text does not."""
    cell = cells.get(submitted.lesson_cell or "")
    if cell is None or submitted.matched_by == "similarity":
        return False
    long = cell.cell_type == "markdown" and len(cell.source) > _SHORT_CELL
    return is_graded(cell) or (long and submitted.matched_by == "text")


def _any_defines_answer(lesson: Lesson, submitted_cells: Iterable[SubmittedCell]) -> bool:
    """Return whether a code cell defines a name that an exercise asks for."""
    required = {name for exercise in lesson.exercises for name in exercise.names}
    return any(
        submitted.cell_type == "code" and names_of(submitted.source).defines & required
        for submitted in submitted_cells
    )
