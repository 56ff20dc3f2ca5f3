"""Assemble answers: join the parts of a split cell, and choose among several versions.

A cell continues the answer above it if it does not compile alone and the two joined do.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from nbformat import NotebookNode

from ...course.notebook_cells import is_answered
from ..lesson import Lesson
from ..name_analysis import compiles, names_of
from .cells import SubmittedCell, count_defects, is_complete_cell, join_cell_parts, same_text

_MAX_CONTINUATIONS = 5  # cells that may follow the first part of a split answer
_MAX_PARTS = 20  # of one version; an answer with more parts absorbs no further cells
_STARTS_DEFINITION = re.compile(r"(async )?def |class |import |from ")
_MAX_PERMUTED_PARTS = 4  # of an answer; with more parts only their order in the file is tried


class Answer(NamedTuple):
    """The source of one answer cell, the submitted cells it comes from, and unused versions."""

    source: str
    used: list[SubmittedCell]
    unused: list[SubmittedCell]  # cells of other versions that define further names


def absorb_continuations(
    submitted_cells: Sequence[SubmittedCell], defined: frozenset[str], answers: Collection[str]
) -> list[SubmittedCell]:
    """Attach added cells to the answer or added cell above that they continue.

    Parameters
    ----------
    submitted_cells : sequence of SubmittedCell
        From `match_cells`. A continuation of an answer gets the answer's `lesson_cell`; a
        continuation of an added cell is appended to the source of that cell.
    defined : frozenset of str
        Names that some cell defines.
    answers : collection of str
        Ids of the lesson's answer cells.

    Returns
    -------
    list of SubmittedCell
        Without the cells that were appended to another one.
    """
    kept: list[SubmittedCell] = []
    appended: set[int] = set()
    for number, submitted in enumerate(submitted_cells):
        if id(submitted) in appended:
            continue
        kept.append(submitted)
        name = submitted.lesson_cell
        if not is_added_code(submitted) and name not in answers:
            continue
        head = [submitted.source] if name is None else _last_version_parts(kept, name)
        if len(head) > _MAX_PARTS:
            continue
        below = _possible_continuations(submitted, submitted_cells[number + 1 :])
        text, continuations = _join_continuations(head, below, defined)
        if not continuations and name is not None:
            parts = (other for other in submitted_cells[number + 1 :] if other.lesson_cell == name)
            later = itertools.takewhile(lambda other: not other.has_marker, parts)
            continuations = _added_cells_between_parts(head, below, later, defined)
        for continuation in continuations:
            continuation.lesson_cell, continuation.matched_by = name, "continuation"
        if name is None:
            submitted.source = text
            appended |= set(map(id, continuations))
    return kept


def _added_cells_between_parts(
    head: Sequence[str],
    below: Iterable[SubmittedCell],
    later: Iterable[SubmittedCell],
    defined: frozenset[str],
) -> list[SubmittedCell]:
    """Return the added cells that give the fewest defects when joined between an answer's parts."""
    rest = [submitted.source for submitted in later]
    added = list(itertools.takewhile(is_added_code, below)) if rest else []
    ranks = []
    for count in range(len(added) + 1):
        sources = [submitted.source for submitted in added]
        joined = join_cell_parts([*head, *sources[:count], *rest], defined)
        cannot_run, defects = count_defects(joined, defined)
        defects += sum(sum(count_defects(source, defined)) for source in sources[count:])
        ranks.append((cannot_run, defects, count))
    return added[: min(ranks)[-1]]


def _possible_continuations(
    submitted: SubmittedCell, others: Iterable[SubmittedCell]
) -> list[SubmittedCell]:
    """Return the next cells, up to the first that cannot be a part of the same answer."""

    def may_continue(other: SubmittedCell) -> bool:
        same_answer = other.lesson_cell == submitted.lesson_cell and not other.has_marker
        return is_added_code(other) or same_answer

    return list(itertools.islice(itertools.takewhile(may_continue, others), _MAX_CONTINUATIONS))


def _join_continuations(
    head: Sequence[str], below: Iterable[SubmittedCell], defined: frozenset[str]
) -> tuple[str, list[SubmittedCell]]:
    """Join a cell with those below it while that leaves fewer defects; return source and cells."""
    continuations: list[SubmittedCell] = []
    text = join_cell_parts(head, defined)
    best: tuple[str, list[SubmittedCell]] = (text, [])
    for other in below:
        before = count_defects(text, defined)
        is_complete = is_complete_cell(other.source)
        if is_complete and (before == (False, 0) or _STARTS_DEFINITION.match(other.source)):
            break
        if _belongs_to_lesson_cell(other, before):
            break
        continuations.append(other)
        text = join_cell_parts([*head, *(cell.source for cell in continuations)], defined)
        after = count_defects(text, defined)
        if after < before or (after == before and not (after[0] or is_complete)):
            best = text, continuations.copy()
        elif is_complete and not before[0]:
            break
    return best


def attach_fragments(
    lesson: Lesson, submitted_cells: Sequence[SubmittedCell], defined: frozenset[str]
) -> None:
    """Attach each added cell that does not compile to the answer that it completes best."""
    fragments = [
        submitted
        for submitted in submitted_cells
        if is_added_code(submitted) and not is_complete_cell(submitted.source)
    ]
    for fragment in fragments[:_MAX_CONTINUATIONS]:
        candidates: list[tuple[tuple[bool, int], str]] = []
        for exercise in lesson.exercises:
            text = join_cell_parts(_last_version_parts(submitted_cells, exercise.name), defined)
            if _belongs_to_lesson_cell(fragment, count_defects(text, defined)):
                continue
            if not compiles(text) or (_lacks_return(text) and fragment.source.startswith(" ")):
                joined = join_cell_parts([text, fragment.source], defined)
                candidates.append((count_defects(joined, defined), exercise.name))
        defects, name = min(candidates, default=((True, 0), ""))
        if not defects[0]:
            fragment.lesson_cell, fragment.matched_by = name, "continuation"


def _belongs_to_lesson_cell(submitted: SubmittedCell, defects: tuple[bool, int]) -> bool:
    """Return whether a cell is a part of a damaged lesson cell, and the text above compiles."""
    return submitted.matched_by == "fragment" and not defects[0]


def _lacks_return(text: str) -> bool:
    """Return whether a source defines a function and has no return statement."""
    return "def " in text and not re.search(r"^[ \t]+return\b", text, re.MULTILINE)


def _last_version_parts(submitted_cells: Iterable[SubmittedCell], name: str) -> list[str]:
    """Return the sources for an answer cell, from the last one with the marker line on."""
    texts: list[str] = []
    for submitted in submitted_cells:
        if submitted.lesson_cell == name:
            texts = [submitted.source] if submitted.has_marker else [*texts, submitted.source]
    return texts or [""]


def choose_version(
    group: Sequence[SubmittedCell], lesson_cell: NotebookNode, defined: frozenset[str]
) -> Answer:
    """Choose the last complete version of an answer.

    Parameters
    ----------
    group : sequence of SubmittedCell
        All submitted cells that were matched to the answer cell, in order.
    lesson_cell : NotebookNode
        The answer cell of the released lesson, with its stub.
    defined : frozenset of str
        Names that some cell defines.

    Returns
    -------
    Answer
        Its source joins the parts of one version.
    """
    versions = _split_into_versions(group)
    if not versions:
        return Answer(lesson_cell.source, [], [])
    stub = lesson_cell.source
    texts = [_join_version(version, defined, lesson_cell) for version in versions]
    ranks = [
        (
            is_answered(text, stub),
            lesson_cell.cell_type != "code" or compiles(text),
            not any(text != other and text in other for other in texts),  # a part of another one
            number,
        )
        for number, text in enumerate(texts)
    ]
    chosen = max(ranks)[-1]
    defined_by_answer = names_of(texts[chosen]).defines
    unused = [
        submitted
        for number, version in enumerate(versions)
        if number != chosen and is_answered(texts[number], stub)
        for submitted in version
        if submitted.cell_type == "code" and names_of(submitted.source).defines - defined_by_answer
    ]
    return Answer(texts[chosen], versions[chosen], unused)


def _split_into_versions(group: Sequence[SubmittedCell]) -> list[list[SubmittedCell]]:
    """Split the cells of an answer into versions; a marker line or a copy starts a new one."""
    versions: list[list[SubmittedCell]] = []
    for submitted in group:
        is_copy = bool(versions) and same_text(submitted.source, versions[-1][-1].source)
        if submitted.has_marker or not versions or is_copy:
            versions.append([submitted])
        else:
            versions[-1].append(submitted)
    if len(versions) > 1 and not any(submitted.has_marker for submitted in versions[0]):
        parts_above_marker = versions.pop(0)
        versions[0] += parts_above_marker
    return versions


def _join_version(
    version: Sequence[SubmittedCell], defined: frozenset[str], lesson_cell: NotebookNode
) -> str:
    """Join the parts of one version; code in the order with the fewest defects."""
    texts = [submitted.source for submitted in version]
    if lesson_cell.cell_type != "code":
        return "\n\n".join(texts)
    in_order = join_cell_parts(texts, defined)
    if len(texts) < 2 or compiles(in_order):
        return in_order
    first = next((number for number, part in enumerate(version) if part.has_marker), 0)
    rest = [text for number, text in enumerate(texts) if number != first]
    orders = itertools.permutations(rest) if len(texts) <= _MAX_PERMUTED_PARTS else [rest]
    joined = [join_cell_parts([texts[first], *order], defined) for order in orders]
    candidates = [in_order, *joined, texts[first]]
    return min(candidates, key=lambda text: count_defects(text, defined))


def is_added_code(submitted: SubmittedCell) -> bool:
    """Return whether a submitted cell is a code cell that the student added."""
    return submitted.lesson_cell is None and submitted.cell_type == "code"
