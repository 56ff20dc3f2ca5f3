"""Read a submission into pieces of text, whatever happened to its cells; put pieces together.

A piece keeps what can tell where it belongs (its grade_id, its id, its marker line) and drops the
rest: outputs, tags, other metadata. Nothing here trusts the file.
"""

from __future__ import annotations

import ast
import builtins
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...course.notebook_cells import cells_of, marker_of, parse_json
from ..name_analysis import compiles, names_of, parse
from ..records import InvalidNotebook

_MAX_BYTES = 100_000_000
_MAX_CELLS = 1_000
_MAX_TEXT = 2_000_000  # characters of all cells; outputs do not count
_TRIED = 5  # parts of one answer that are put together in every possible way
_BUILTIN = frozenset(dir(builtins))


@dataclass(eq=False)
class Piece:
    """A cell of a submission, or a part of one.

    ``target`` is the id of the lesson's cell that it stands for, None for a cell of the learner's
    own; ``how`` says by what that was found.
    """

    kind: str
    source: str
    grade_id: str | None = None
    cell_id: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    target: str | None = None
    how: str = ""
    marked: bool = False  # has the marker line of its target


def read_pieces(content: bytes | Mapping[str, Any]) -> list[Piece]:
    """Read a notebook file of nbformat 4.0 to 4.5, or one that is nearly so.

    Parameters
    ----------
    content : bytes or mapping
        The file, or what `json.loads` makes of it.

    Returns
    -------
    list of Piece
        One for each cell that is not blank, in order.

    Raises
    ------
    InvalidNotebook
        If there are no cells to be found in it.

    Examples
    --------
    >>> cell = {"cell_type": "code", "source": ["x = 1\\n", "y = 2"]}
    >>> read_pieces({"nbformat": 4, "cells": [cell]})[0].source
    'x = 1\\ny = 2'
    """
    plain = _loads(content) if isinstance(content, bytes) else content
    if not isinstance(plain, Mapping) or "nbformat" not in plain:
        raise InvalidNotebook("The file is not a notebook; hand in the .ipynb file itself.")
    cells = plain.get("cells")
    if plain["nbformat"] != 4 or not isinstance(cells, list):
        raise InvalidNotebook(
            "The notebook is in another format than 4, the one of today's Jupyter; open it in "
            "JupyterLab, save it, and hand it in again."
        )
    if len(cells) > _MAX_CELLS:
        raise InvalidNotebook(
            f"The notebook has {len(cells):,} cells; {_MAX_CELLS:,} at most can be graded."
        )
    pieces = [Piece(*cell) for cell in cells_of(plain)]
    if (size := sum(len(piece.source) for piece in pieces)) > _MAX_TEXT:
        raise InvalidNotebook(
            f"The cells of the notebook hold {size:,} characters; {_MAX_TEXT:,} at most can be "
            "graded. Keep data in a file of its own."
        )
    return [piece for piece in pieces if piece.source.strip()]


def split_at_markers(piece: Piece, markers: Mapping[str, str]) -> Iterator[Piece]:
    """Take apart cells that were merged: every marker line but the first starts a piece.

    ``markers`` gives the lesson's cell for each marker.
    """
    lines = piece.source.split("\n")
    starts = [i for i, line in enumerate(lines) if (marker_of(line) or "") in markers]
    if len(starts) < 2:
        yield piece
        return
    cuts = [0, *starts[1:], len(lines)]
    for number, (start, end) in enumerate(itertools.pairwise(cuts)):
        text = "\n".join(lines[start:end]).strip("\n")
        if number == 0:
            yield replace(piece, source=text)
        else:
            yield Piece(piece.kind, text)


def markers_in(piece: Piece) -> Iterator[str]:
    """Yield the markers among the lines of a piece."""
    yield from filter(None, map(marker_of, piece.source.split("\n")))


def same_text(one: str, other: str) -> bool:
    """Return whether two texts differ at most in white space at the ends of lines and of all."""
    return plain_text(one) == plain_text(other)


def plain_text(source: str) -> str:
    """Return a text without white space at the ends of lines, and without blank lines around."""
    return "\n".join(line.rstrip() for line in source.split("\n")).strip("\n")


def stands_alone(source: str) -> bool:
    """Return whether a text is a cell by itself; an indented one continues another."""
    return compiles(source) and not source.lstrip("\n").startswith((" ", "\t"))


def join(parts: Sequence[str], known: Iterable[str] = ()) -> str:
    """Put the parts of a split cell together so that it can run and knows its names.

    Parameters
    ----------
    parts : sequence of str
        In order. A cell is split between lines as a rule, but may be split anywhere.
    known : iterable of str
        Names that other cells define.

    Returns
    -------
    str

    Examples
    --------
    >>> join(["def double(x):", "    return x + x"])
    'def double(x):\\n    return x + x'
    >>> join(["number = 17\\nprint(num", "ber)"])
    'number = 17\\nprint(number)'
    """
    if len(parts) > _TRIED or len(parts) < 2:
        return "\n".join(parts)
    ways = (_way(parts, seams) for seams in itertools.product("\n ", repeat=len(parts) - 1))
    known = frozenset(known)
    return min(ways, key=lambda text: defects(text, known))  # the first of equals: new lines


def _way(parts: Sequence[str], seams: Sequence[str]) -> str:
    """Return the parts with a new line at a seam that is one, and below a marker."""
    text = parts[0]
    for seam, part in zip(seams, parts[1:], strict=True):
        whole = seam == "\n" or marker_of(text.rpartition("\n")[2]) is not None
        text += f"\n{part}" if whole else part
    return text


def defects(source: str, known: frozenset[str]) -> tuple[bool, int]:
    """Return how bad a text is as one cell: it cannot run; unknown names and idle expressions."""
    if not compiles(source):
        return True, 0
    names, tree = names_of(source), parse(source)
    unknown = names.read - names.bound - known - _BUILTIN
    idle = [node for node in (tree.body if tree else []) if _is_idle(node)]
    return False, len(unknown) + len(idle)


def _is_idle(node: ast.stmt) -> bool:
    """Return whether a statement does nothing, as a cut-off end of a line would."""
    if isinstance(node, ast.Expr):
        text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return not text and not isinstance(node.value, ast.Call | ast.Await)
    return isinstance(node, ast.AnnAssign) and node.value is None


def _loads(content: bytes) -> Any:
    if not content.strip():
        raise InvalidNotebook("The file is empty; save the notebook and hand it in again.")
    if len(content) > _MAX_BYTES:
        raise InvalidNotebook(
            f"The file has {len(content) / 1e6:,.0f} MB, {_MAX_BYTES / 1e6:,.0f} MB at most can be "
            "graded; clear all outputs, save, and hand it in again."
        )
    try:
        return parse_json(content)
    except ValueError as error:
        raise InvalidNotebook(
            f"The file cannot be read as a notebook ({error}); open it in JupyterLab, save it, and "
            "hand it in again."
        ) from None
