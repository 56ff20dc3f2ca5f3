"""What a lesson asks for, and what a notebook that somebody handed in holds of it.

Reads notebooks as the JSON that they are: no notebook library, no metadata that an editor may
have dropped. An exercise is known by its grade_id or by its line ``# exercise: NAME``.
"""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

State = Literal["answered", "unanswered", "missing"]

_MARKER = re.compile(r"^[ \t]*#[ \t]*(exercise|test):[ \t]*([a-z0-9-]+)[ \t]*$", re.M | re.I)
_STUB_LINE = re.compile(r"^[ \t]*raise NotImplementedError\(.write your answer here.*$", re.M)
# What browsers, LMS and people add to a file's name.
_COPY = re.compile(r"(\s*\(\d+\)|[\s_-]*copy(\s*\d+)?|-copy\d*|-\d{1,2})$", re.I)


class Cell(NamedTuple):
    """One cell of a notebook, as far as handing in needs it."""

    kind: str
    source: str
    grade_id: str | None


class Outline(NamedTuple):
    """A lesson by its name and the cells that a learner starts from."""

    lesson: str
    stubs: dict[str, str]  # exercise -> the source of its cell


def read_cells(content: bytes) -> list[Cell]:
    """Read a notebook's cells.

    Parameters
    ----------
    content : bytes
        A file; nbformat 4.0 to 4.5, with or without a byte order mark.

    Returns
    -------
    list of Cell
        In order.

    Raises
    ------
    ValueError
        If this is no notebook; says in one clause what it is instead.

    Examples
    --------
    >>> read_cells(b'{"nbformat": 4, "cells": [{"cell_type": "raw", "source": ["a", "b"]}]}')
    [Cell(kind='raw', source='ab', grade_id=None)]
    >>> read_cells(b"")
    Traceback (most recent call last):
    ValueError: the file is empty
    """
    if not content.strip():
        raise ValueError("the file is empty")
    try:
        plain = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if start.startswith((b"<!doctype", b"<html")):
            raise ValueError("it is a web page, not the notebook's file") from None
        if start.startswith(b"%pdf"):
            raise ValueError("it is a PDF, not the notebook's file") from None
        raise ValueError("it is not JSON: damaged, or only half of it arrived") from None
    cells = plain.get("cells") if isinstance(plain, dict) else None
    if not isinstance(cells, list):
        if isinstance(plain, dict) and "worksheets" in plain:
            raise ValueError("its format is older than nbformat 4; open and save it in Jupyter")
        raise ValueError("it is JSON, but not a notebook")
    return [_cell(cell) for cell in cells if isinstance(cell, dict)]


def read_outlines(notebooks: Iterable[Path]) -> dict[str, Outline]:
    """Read what lessons ask for from the notebooks that learners start from.

    Parameters
    ----------
    notebooks : iterable of Path
        One file per lesson, named as the lesson.

    Returns
    -------
    dict of str to Outline
        By lesson, in the order given.
    """
    outlines = {}
    for path in notebooks:
        stubs = {
            cell.grade_id: cell.source
            for cell in read_cells(path.read_bytes())
            if cell.grade_id is not None and cell.grade_id == _first_exercise(cell.source)
        }
        outlines[path.stem] = Outline(path.stem, stubs)
    return outlines


def lesson_by_content(cells: list[Cell], outlines: Mapping[str, Outline]) -> str | None:
    """Return the lesson that most of the exercises found belong to, None where there are none."""
    home = {name: outline.lesson for outline in outlines.values() for name in outline.stubs}
    found = {name for cell in cells for name in _names(cell)}
    votes = Counter(home[name] for name in sorted(found) if name in home)
    return votes.most_common(1)[0][0] if votes else None


def has_exercises(cells: list[Cell]) -> bool:
    """Return whether a notebook has a line ``# exercise: NAME``, of whatever lesson."""
    return any(_MARKER.search(cell.source) for cell in cells)


def lesson_by_name(name: str, outlines: Mapping[str, Outline]) -> str | None:
    """Return the lesson that a file or folder is named after, whatever was added to the name.

    Examples
    --------
    >>> known = {"02_uniform_quantization": Outline("02_uniform_quantization", {})}
    >>> lesson_by_name("s01-02 Uniform-Quantization (1).IPYNB", known)
    '02_uniform_quantization'
    >>> lesson_by_name("holiday.ipynb", known) is None
    True
    """
    plain = plain_name(name)
    matches = [lesson for lesson in outlines if plain_name(lesson) in plain]
    if not matches:
        matches = [
            lesson for lesson in outlines if len(lesson) > 3 and plain_name(lesson[3:]) in plain
        ]
    if not matches:
        number = re.match(r"(?:lesson|lab|notebook|nb)?[\s_-]*(\d\d)(?!\w)", name, re.I)
        matches = [lesson for lesson in outlines if number and lesson[:2] == number[1]]
    return matches[0] if len(matches) == 1 else None


def plain_name(name: str) -> str:
    """Return a name without suffix, copy number, case and differences of separators."""
    text = unicodedata.normalize("NFC", name).casefold()
    text = re.sub(r"\.ipynb(\.(txt|json))?$", "", text)
    while (shorter := _COPY.sub("", text)) != text:
        text = shorter
    return re.sub(r"[\s_-]+", "_", text).strip("_")


def copy_number(name: str) -> int:
    """Return the number that a browser or an LMS put behind a repeated name, 0 where none.

    Examples
    --------
    >>> copy_number("02_uniform_quantization (3).ipynb"), copy_number("02.ipynb")
    (3, 0)
    """
    found = re.search(r"(?:\((\d{1,6})\)|-(\d{1,2}))(?:\.[a-z]+)*$", name, re.I)
    return int(found[1] or found[2]) if found else 0


def states_of(cells: list[Cell], outline: Outline) -> dict[str, State]:
    """Say of each exercise whether its answer is there, still the stub, or gone.

    Parameters
    ----------
    cells : list of Cell
        From `read_cells`.
    outline : Outline
        The notebook's lesson.

    Returns
    -------
    dict of str to {"answered", "unanswered", "missing"}
        In the lesson's order. An answer may be wrong: nothing runs here.

    Examples
    --------
    >>> stub = Cell("code", "# exercise: bits\\nbits = None", grade_id=None)
    >>> outline = Outline("09_example", {"bits": stub.source})
    >>> states_of([stub._replace(source="# exercise: bits\\nbits = 5")], outline)
    {'bits': 'answered'}
    >>> states_of([stub], outline), states_of([], outline)
    ({'bits': 'unanswered'}, {'bits': 'missing'})
    """
    found: dict[str, list[str]] = {name: [] for name in outline.stubs}
    free: set[str] = set()  # what cells of no exercise define: an answer may have moved there
    for cell in cells:
        parts = list(_parts(cell))
        for name, text in parts:
            if name in found:
                found[name].append(text)
        if not parts:
            free |= _defined(cell.source)
    states: dict[str, State] = {}
    for name, stub in outline.stubs.items():
        if any(_meaning(text) != _meaning(stub) for text in found[name]) or free & _defined(stub):
            states[name] = "answered"
        else:
            states[name] = "unanswered" if found[name] else "missing"
    return states


def _cell(plain: dict[str, object]) -> Cell:
    source = plain.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    metadata = plain.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return Cell(
        str(plain.get("cell_type", "")),
        source if isinstance(source, str) else "",
        grade_id if isinstance(grade_id, str) else None,
    )


def _first_exercise(source: str) -> str | None:
    found = _MARKER.match(source)
    return found[2].lower() if found and found[1].lower() == "exercise" else None


def _names(cell: Cell) -> Iterator[str]:
    """Yield the exercises that a cell speaks of, by its grade_id and its markers."""
    if cell.grade_id is not None:
        yield cell.grade_id.removeprefix("test-")
    for _, name in _MARKER.findall(cell.source):
        yield name.lower()


def _parts(cell: Cell) -> Iterator[tuple[str, str]]:
    """Yield (exercise, its text): a cell that was merged from several has several."""
    markers = list(_MARKER.finditer(cell.source))
    if not markers:
        if cell.grade_id is not None:
            yield cell.grade_id, cell.source
        return
    ends = [marker.start() for marker in markers[1:]] + [len(cell.source)]
    for marker, end in zip(markers, ends, strict=True):
        if marker[1].lower() == "exercise":
            yield marker[2].lower(), cell.source[marker.start() : end]


def _meaning(source: str) -> str:
    """Return what is equal for two texts that mean the same; the stub's line means nothing."""
    text = _STUB_LINE.sub("", source)
    try:
        return ast.dump(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "".join(text.split())


def _defined(source: str) -> set[str]:
    """Return the names that code gives to functions and values, other than None."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in body:
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names
