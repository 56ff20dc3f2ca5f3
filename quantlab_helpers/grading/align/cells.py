"""Read the cells of a submitted notebook, split merged cells, and join split ones.

A submitted cell keeps what identifies it (grade_id, id, marker line) and drops outputs and other
metadata. The file is not trusted: values of an unexpected type count as missing.
"""

from __future__ import annotations

import ast
import builtins
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...course.notebook_cells import cells_of, marker_of, parse_json
from ..name_analysis import compiles, names_of, normalize_whitespace, parse
from ..records import InvalidNotebook

_MAX_BYTES = 100_000_000
_MAX_CELLS = 1_000
_MAX_LENGTH = 2_000_000  # characters of all cells together, without outputs
_MAX_JOINED_PARTS = 5  # of one answer; with more parts, only new lines are tried
_BUILTIN_NAMES = frozenset(dir(builtins))


@dataclass(eq=False)
class SubmittedCell:
    """A cell of a submission, or a part of one.

    ``lesson_cell`` is the id of the lesson's cell that it corresponds to, None for a cell that the
    student added; ``matched_by`` says how the two were matched: "grade_id", "marker", "text",
    "id" or "similarity"; "continuation" and "fragment" are parts of cells.
    """

    cell_type: str
    source: str
    grade_id: str | None = None
    cell_id: str | None = None
    nbgrader_metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    lesson_cell: str | None = None
    matched_by: str = ""
    has_marker: bool = False  # contains the marker line of its lesson cell


def read_submitted_cells(content: bytes | Mapping[str, Any]) -> list[SubmittedCell]:
    """Read a notebook file of nbformat 4.0 to 4.5, or one that is nearly so.

    Parameters
    ----------
    content : bytes or mapping
        The file, or the result of `json.loads`.

    Returns
    -------
    list of SubmittedCell
        One for each cell that is not blank, in order.

    Raises
    ------
    InvalidNotebook
        If it has no list of cells, or is too large.

    Examples
    --------
    >>> cell = {"cell_type": "code", "source": ["x = 1\\n", "y = 2"]}
    >>> read_submitted_cells({"nbformat": 4, "cells": [cell]})[0].source
    'x = 1\\ny = 2'
    """
    plain = _parse_json(content) if isinstance(content, bytes) else content
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
    submitted_cells = [SubmittedCell(*cell) for cell in cells_of(plain)]
    if (size := sum(len(submitted.source) for submitted in submitted_cells)) > _MAX_LENGTH:
        raise InvalidNotebook(
            f"The cells of the notebook hold {size:,} characters; {_MAX_LENGTH:,} at most can "
            "be graded. Keep data in a file of its own."
        )
    return [submitted for submitted in submitted_cells if submitted.source.strip()]


def split_at_markers(
    submitted: SubmittedCell, markers: Mapping[str, str]
) -> Iterator[SubmittedCell]:
    """Split a merged cell: every marker line except the first starts a new cell.

    ``markers`` maps the marker of each graded cell of the lesson to the id of that cell.
    """
    lines = submitted.source.split("\n")
    starts = [i for i, line in enumerate(lines) if (marker_of(line) or "") in markers]
    if len(starts) < 2:
        yield submitted
        return
    cuts = [0, *starts[1:], len(lines)]
    for number, (start, end) in enumerate(itertools.pairwise(cuts)):
        text = "\n".join(lines[start:end]).strip("\n")
        if number == 0:
            yield replace(submitted, source=text)
        else:
            yield SubmittedCell(submitted.cell_type, text)


def markers_in(submitted: SubmittedCell) -> Iterator[str]:
    """Yield the markers among the lines of a submitted cell."""
    yield from filter(None, map(marker_of, submitted.source.split("\n")))


def same_text(first: str, second: str) -> bool:
    """Return whether two texts are equal up to white space at line ends and around the text."""
    return normalize_whitespace(first) == normalize_whitespace(second)


def is_complete_cell(source: str) -> bool:
    """Return whether a source can be a cell of its own: it compiles and is not indented."""
    return compiles(source) and not source.lstrip("\n").startswith((" ", "\t"))


def join_cell_parts(parts: Sequence[str], defined: Iterable[str] = ()) -> str:
    """Join the parts of a split cell into the source with the fewest defects.

    Parameters
    ----------
    parts : sequence of str
        In order. Cells are usually split between lines, but may be split within a line.
    defined : iterable of str
        Names that other cells define.

    Returns
    -------
    str

    Examples
    --------
    >>> join_cell_parts(["def double(x):", "    return x + x"])
    'def double(x):\\n    return x + x'
    >>> join_cell_parts(["number = 17\\nprint(num", "ber)"])
    'number = 17\\nprint(number)'
    """
    if len(parts) > _MAX_JOINED_PARTS or len(parts) < 2:
        return "\n".join(parts)
    defined = frozenset(defined)
    seams = itertools.product("\n ", repeat=len(parts) - 1)
    candidates = (_join_at_seams(parts, choice) for choice in seams)
    # Of equally good candidates `min` returns the first, the one with more new lines.
    return min(candidates, key=lambda text: count_defects(text, defined))


def _join_at_seams(parts: Sequence[str], seams: Sequence[str]) -> str:
    """Join parts with a new line at seams that are one, and below a complete marker line."""
    text = parts[0]
    for seam, part in zip(seams, parts[1:], strict=True):
        line = text.rpartition("\n")[2]
        joined = line + part.partition("\n")[0]  # a marker whose name was split is one again
        swallows = marker_of(line) is not None and marker_of(joined) is None
        text += f"\n{part}" if seam == "\n" or swallows else part
    return text


def count_defects(source: str, defined: frozenset[str]) -> tuple[bool, int]:
    """Return (does not compile, number of undefined names and statements without effect).

    Smaller is better; ``defined`` are the names that other cells define.
    """
    if not compiles(source):
        return True, 0
    names, tree = names_of(source), parse(source)
    if tree is None:  # too complex to tell
        return False, 0
    undefined = names.uses - names.defines - defined - _BUILTIN_NAMES
    without_effect = [node for node in tree.body if _has_no_effect(node)]
    return False, len(undefined) + len(without_effect)


def _has_no_effect(node: ast.stmt) -> bool:
    """Return whether a statement has no effect, like the end of a line that was cut off."""
    if isinstance(node, ast.Expr):
        text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return not text and not isinstance(node.value, ast.Call | ast.Await)
    return isinstance(node, ast.AnnAssign) and node.value is None


def _parse_json(content: bytes) -> Any:
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
