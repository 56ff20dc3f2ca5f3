"""Put answers together: parts of a split cell, the last of several versions.

A cell belongs to the answer above it where it cannot run by itself and both together can.
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
from .cells import Piece, defects, join, same_text, stands_alone

_TAILS = 5  # parts that may follow the first part of a split answer
_MOST = 20  # parts of one version; beyond, nobody split a cell
_DEFINES = re.compile(r"(async )?def |class |import |from ")
_ORDERS = 4  # parts of an answer that are tried in every order


class Answer(NamedTuple):
    """One answer cell: its text, the pieces that it is made of, and the ones left over."""

    source: str
    used: list[Piece]
    spare: list[Piece]


def take_tails(
    pieces: Sequence[Piece], known: frozenset[str], answers: Collection[str]
) -> list[Piece]:
    """Give answers, and cells of the learner's own, those below that can only continue them."""
    kept: list[Piece] = []
    taken: set[int] = set()
    for number, piece in enumerate(pieces):
        if id(piece) in taken:
            continue
        kept.append(piece)
        if not is_own_code(piece) and piece.target not in answers:
            continue
        head = [piece.source] if piece.target is None else _last_version(kept, piece.target)
        if len(head) > _MOST:
            continue
        below = _below(piece, pieces[number + 1 :])
        text, tails = _with_tails(head, below, known)
        if not tails and piece.target is not None:
            same = (other for other in pieces[number + 1 :] if other.target == piece.target)
            later = itertools.takewhile(lambda other: not other.marked, same)
            tails = _enclosed(head, below, later, known)
        for tail in tails:
            tail.target, tail.how = piece.target, "tail"
        if piece.target is None:
            piece.source = text
            taken |= set(map(id, tails))
    return kept


def _enclosed(
    head: Sequence[str], below: Iterable[Piece], later: Iterable[Piece], known: frozenset[str]
) -> list[Piece]:
    """Return the own cells below without which the later parts of an answer make no sense."""
    rest = [piece.source for piece in later]
    own = list(itertools.takewhile(is_own_code, below)) if rest else []
    ways = [own[:count] for count in range(len(own) + 1)]
    texts = [join([*head, *(piece.source for piece in way), *rest], known) for way in ways]
    left = [sum(sum(defects(p.source, known)) for p in own[len(way) :]) for way in ways]
    worth = [
        (bad, count + more)
        for (bad, count), more in zip((defects(text, known) for text in texts), left, strict=True)
    ]
    return ways[worth.index(min(worth))]


def _below(piece: Piece, others: Iterable[Piece]) -> list[Piece]:
    """Return the next cells, up to one that surely is not a part of the same answer."""
    same = itertools.takewhile(
        lambda other: is_own_code(other) or (other.target == piece.target and not other.marked),
        others,
    )
    return list(itertools.islice(same, _TAILS))


def _with_tails(
    head: Sequence[str], below: Iterable[Piece], known: frozenset[str]
) -> tuple[str, list[Piece]]:
    """Return a cell with as many of those below it as make one that can run."""
    tails: list[Piece] = []
    text = join(head, known)
    best: tuple[str, list[Piece]] = (text, [])
    for other in below:
        before = defects(text, known)
        alone = stands_alone(other.source)
        whole = alone and (before == (False, 0) or _DEFINES.match(other.source))
        if whole or _is_torn(other, before):
            break
        tails.append(other)
        text = join([*head, *(tail.source for tail in tails)], known)
        after = defects(text, known)
        if after < before or (after == before and not (after[0] or alone)):
            best = text, tails.copy()
        elif alone and not before[0]:
            break
    return best


def take_orphans(lesson: Lesson, pieces: Sequence[Piece], known: frozenset[str]) -> None:
    """Give each cell that cannot run by itself to the unfinished answer that it completes best."""
    orphans = [p for p in pieces if is_own_code(p) and not stands_alone(p.source)]
    for orphan in orphans[:_TAILS]:
        found: list[tuple[tuple[bool, int], str]] = []
        for exercise in lesson.exercises:
            text = join(_last_version(pieces, exercise.name), known)
            if _is_torn(orphan, defects(text, known)):
                continue
            if not compiles(text) or (_is_open(text) and orphan.source.startswith(" ")):
                found.append((defects(join([text, orphan.source], known), known), exercise.name))
        best = min(found, default=((True, 0), ""))
        if not best[0][0]:
            orphan.target, orphan.how = best[1], "tail"


def _is_torn(piece: Piece, above: tuple[bool, int]) -> bool:
    """Return whether a piece is more likely a part of a lesson's cell than of what is above."""
    return piece.how == "torn" and not above[0]


def _is_open(text: str) -> bool:
    """Return whether a text is a function that returns nothing yet."""
    return "def " in text and not re.search(r"^\s+return\b", text, re.MULTILINE)


def _last_version(pieces: Iterable[Piece], name: str) -> list[str]:
    texts: list[str] = []
    for piece in pieces:
        if piece.target == name:
            texts = [piece.source] if piece.marked else [*texts, piece.source]
    return texts or [""]


def assemble(group: Sequence[Piece], cell: NotebookNode, known: frozenset[str]) -> Answer:
    """Return the last complete version of an answer; parts of one version are put together."""
    versions: list[list[Piece]] = []
    for piece in group:
        if piece.marked or not versions or same_text(piece.source, versions[-1][-1].source):
            versions.append([piece])
        else:
            versions[-1].append(piece)
    if len(versions) > 1 and not any(piece.marked for piece in versions[0]):
        first = versions.pop(0)  # parts that stand above the cell with the first line
        versions[0] += first
    if not versions:
        return Answer(cell.source, [], [])
    texts = [_put_together(version, known, cell) for version in versions]
    ranks = [
        (
            is_answered(text, cell.source),
            cell.cell_type != "code" or compiles(text),
            not any(text != other and text in other for other in texts),  # no torn-off part
            number,
        )
        for number, text in enumerate(texts)
    ]
    chosen = max(ranks)[-1]
    bound = names_of(texts[chosen]).bound
    spare = [
        piece
        for number, version in enumerate(versions)
        if number != chosen and is_answered(texts[number], cell.source)
        for piece in version
        if piece.kind == "code" and names_of(piece.source).bound - bound
    ]
    return Answer(texts[chosen], versions[chosen], spare)


def _put_together(version: Sequence[Piece], known: frozenset[str], cell: NotebookNode) -> str:
    """Join the parts of a split answer, in the order in which they can run."""
    texts = [piece.source for piece in version]
    if cell.cell_type != "code":
        return "\n\n".join(texts)
    in_order = join(texts, known)
    if len(texts) < 2 or compiles(in_order):
        return in_order
    first = next((number for number, piece in enumerate(version) if piece.marked), 0)
    rest = [text for number, text in enumerate(texts) if number != first]
    ways = itertools.permutations(rest) if len(texts) <= _ORDERS else [rest]
    joined = [in_order, *(join([texts[first], *way], known) for way in ways), texts[first]]
    return min(joined, key=lambda text: defects(text, known))


def is_own_code(piece: Piece) -> bool:
    """Return whether a piece is a code cell that the learner added."""
    return piece.target is None and piece.kind == "code"
