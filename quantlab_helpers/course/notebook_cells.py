"""Read any notebook file: its cells, the lesson it belongs to, and which exercises are answered.

A notebook is read as JSON, without a notebook library, and nothing in it is trusted. An exercise is
identified by its grade_id or, where an editor has dropped the metadata, by its marker line
``# exercise: NAME``. Handing in, collecting and grading all read notebooks here.
"""

from __future__ import annotations

import ast
import json
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

State = Literal["answered", "unanswered", "missing"]

_KINDS = ("code", "markdown", "raw")
# The first line of a cell; a heading such as "## Exercise: levels" is none.
_MARKER = re.compile(
    r"^#[^\S\n]*(exercise|test|survey)[^\S\n]*:[^\S\n]*([\w-]+)[^\S\n]*$", re.MULTILINE
)
_PLACEHOLDER_LINE = re.compile(r"[ \t]*(#.*|pass|\.\.\.|raise NotImplementedError\b.*)?")
_BODY = f"{' ' * 80}pass"
# What browsers, LMS and people add to a file's name.
_COPY = re.compile(r"(\s*\(\d+\)|[\s_-]*copy(\s*\d+)?|-copy\d*|-\d{1,2})$", re.I)


class Cell(NamedTuple):
    """One cell of a notebook, without its outputs; a value of the wrong type counts as missing."""

    kind: str  # code, markdown or raw
    source: str  # with \\n at the ends of lines, and encodable as UTF-8
    grade_id: str | None = None
    cell_id: str | None = None
    nbgrader: Mapping[str, Any] = {}
    tags: tuple[str, ...] = ()


class Outline(NamedTuple):
    """The name of a lesson and the answer cells that learners start from."""

    lesson: str
    stubs: dict[str, str]  # exercise -> the source of its cell


def read_cells(content: bytes) -> list[Cell]:
    """Read the cells of a notebook file.

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
        If this is no notebook; the message says in one clause what it is instead.

    Examples
    --------
    >>> read_cells(b'{"nbformat": 4, "cells": [{"cell_type": "raw", "source": ["a", "b"]}]}')
    [Cell(kind='raw', source='ab', grade_id=None, cell_id=None, nbgrader={}, tags=())]
    >>> read_cells(b"")
    Traceback (most recent call last):
    ValueError: the file is empty
    """
    return cells_of(parse_json(content))


def parse_json(content: bytes) -> Any:
    """Return the JSON value of a notebook file.

    Raises
    ------
    ValueError
        If it is not JSON; the message says in one clause what it is instead.
    """
    if not content.strip():
        raise ValueError("the file is empty")
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError, MemoryError):  # UnicodeDecodeError is a ValueError
        start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if start.startswith((b"<!doctype", b"<html")):
            raise ValueError("it is a web page, not the notebook's file") from None
        if start.startswith(b"%pdf"):
            raise ValueError("it is a PDF, not the notebook's file") from None
        raise ValueError("it is not JSON: damaged, or only half of it arrived") from None


def cells_of(notebook: Any) -> list[Cell]:
    """Return the cells of a notebook given as a JSON value.

    Raises
    ------
    ValueError
        If it has no list of cells.
    """
    cells = notebook.get("cells") if isinstance(notebook, Mapping) else None
    if not isinstance(cells, list):
        if isinstance(notebook, Mapping) and "worksheets" in notebook:
            raise ValueError("its format is older than nbformat 4; open and save it in Jupyter")
        raise ValueError("it is JSON, but not a notebook")
    return [_cell(cell) for cell in cells if isinstance(cell, Mapping)]


def marker_of(line: str) -> str | None:
    """Return the marker that a line is, as "exercise: NAME"; None for an ordinary line.

    Examples
    --------
    >>> marker_of("#exercise:  uniform-levels ")
    'exercise: uniform-levels'
    """
    match = _MARKER.fullmatch(line)
    return f"{match[1]}: {match[2]}" if match else None


def is_answered(source: str, stub: str) -> bool:
    """Return whether a cell holds more than its stub.

    Comments, layout, docstrings, ``pass``, ``...`` and ``raise NotImplementedError`` are not more:
    a stub whose last line was only deleted is unanswered.

    Parameters
    ----------
    source : str
        The text of the submitted cell.
    stub : str
        The text of the cell that the learner started from.

    Returns
    -------
    bool

    Examples
    --------
    >>> stub = "def f(x):\\n    raise NotImplementedError('write your answer here')"
    >>> is_answered("def f(x):\\n    # to do", stub), is_answered("def f(x): return 1", stub)
    (False, True)
    """
    if not source.strip():
        return False
    code, stub_code = _without_placeholders(source), _without_placeholders(stub)
    if code is not None and stub_code is not None:
        return code != stub_code
    as_text = _code_as_text if stub_code is not None else _without_spaces
    return as_text(source) != as_text(stub)


def read_outlines(notebooks: Iterable[Path]) -> dict[str, Outline]:
    """Return the exercises of lessons with their stubs, from the notebooks that learners get.

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
            if cell.grade_id is not None
            and marker_of(cell.source.partition("\n")[0]) == f"exercise: {cell.grade_id}"
        }
        outlines[path.stem] = Outline(path.stem, stubs)
    return outlines


def lesson_by_content(cells: list[Cell], outlines: Mapping[str, Outline]) -> str | None:
    """Return the lesson that most exercises of a notebook belong to, None if it has none."""
    lesson_of = {name: outline.lesson for outline in outlines.values() for name in outline.stubs}
    exercises = {name for cell in cells for name in _exercise_names(cell)}
    votes = Counter(lesson_of[name] for name in sorted(exercises) if name in lesson_of)
    return votes.most_common(1)[0][0] if votes else None


def has_exercises(cells: list[Cell]) -> bool:
    """Return whether a notebook has a marker line, of any lesson or edition."""
    return any(_MARKER.search(cell.source) for cell in cells)


def lesson_by_name(name: str, outlines: Mapping[str, Outline]) -> str | None:
    """Return the lesson in the name of a file or folder, None if there is none or several.

    Examples
    --------
    >>> outlines = {"02_uniform_quantization": Outline("02_uniform_quantization", {})}
    >>> lesson_by_name("s01-02 Uniform-Quantization (1).IPYNB", outlines)
    '02_uniform_quantization'
    >>> lesson_by_name("holiday.ipynb", outlines) is None
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
    """Return the number that a browser or an LMS appended to a repeated name, 0 without one.

    Examples
    --------
    >>> copy_number("02_uniform_quantization (3).ipynb"), copy_number("02.ipynb")
    (3, 0)
    """
    match = re.search(r"(?:\((\d{1,6})\)|-(\d{1,2}))(?:\.[a-z]+)*$", name, re.I)
    return int(match[1] or match[2]) if match else 0


def states_of(cells: list[Cell], outline: Outline) -> dict[str, State]:
    """Return for each exercise whether its cell is answered, still the stub, or missing.

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
    versions: dict[str, list[str]] = {name: [] for name in outline.stubs}
    own_names: set[str] = set()  # defined in cells of no exercise: an answer may have moved there
    for cell in cells:
        parts = list(_parts(cell))
        for name, text in parts:
            if name in versions:
                versions[name].append(text)
        if not parts:
            own_names |= defined_names(cell.source)
    states: dict[str, State] = {}
    for name, stub in outline.stubs.items():
        answered = any(is_answered(text, stub) for text in versions[name])
        if answered or own_names & defined_names(stub):
            states[name] = "answered"
        else:
            states[name] = "unanswered" if versions[name] else "missing"
    return states


def defined_names(source: str) -> set[str]:
    """Return the names of the functions, classes and values that a code cell defines."""
    tree = _parse(source)
    names = set()
    for node in tree.body if tree is not None else []:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            targets = (part for target in node.targets for part in ast.walk(target))
            names |= {
                part.id
                for part in targets
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            }
    return names


def _cell(plain: Mapping[str, Any]) -> Cell:
    source = plain.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    metadata = plain.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    nbgrader = metadata.get("nbgrader")
    nbgrader = nbgrader if isinstance(nbgrader, Mapping) else {}
    tags = metadata.get("tags")
    kind = plain.get("cell_type")
    return Cell(
        kind if kind in _KINDS else "raw",
        _clean(source) if isinstance(source, str) else "",
        _text(nbgrader.get("grade_id")),
        _text(plain.get("id")) or _text(metadata.get("id")),  # Colab keeps it in the metadata
        nbgrader,
        tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _clean(source: str) -> str:
    """Return text that can be written as UTF-8, with ``\\n`` at the ends of lines."""
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    return text.encode("utf-8", "replace").decode("utf-8")


def _exercise_names(cell: Cell) -> Iterator[str]:
    """Yield the exercises in the grade_id and the marker lines of a cell."""
    if cell.grade_id is not None:
        yield cell.grade_id.removeprefix("test-")
    for _, name in _MARKER.findall(cell.source):
        yield name


def _parts(cell: Cell) -> Iterator[tuple[str, str]]:
    """Yield (exercise, text) for each exercise in a cell; merged cells have several."""
    markers = list(_MARKER.finditer(cell.source))
    if not markers:
        if cell.grade_id is not None:
            yield cell.grade_id, cell.source
        return
    ends = [marker.start() for marker in markers[1:]] + [len(cell.source)]
    for marker, end in zip(markers, ends, strict=True):
        if marker[1] == "exercise":
            yield marker[2], cell.source[marker.start() : end]


def _parse(source: str) -> ast.Module | None:
    """Return the syntax tree of a code cell, None if it is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _PlaceholderRemover(ast.NodeTransformer):
    """Deletes the statements that a stub has in the place of an answer, and docstrings."""

    def visit_Pass(self, node: ast.Pass) -> None:
        return None

    def visit_Raise(self, node: ast.Raise) -> ast.Raise | None:
        error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        is_placeholder = isinstance(error, ast.Name) and error.id == "NotImplementedError"
        return None if is_placeholder else node

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        value = node.value.value if isinstance(node.value, ast.Constant) else None
        return None if isinstance(value, str) or value is ... else node


def _without_placeholders(source: str) -> list[str] | None:
    """Return dumps of a cell's statements, equal for equal answers; None if it is not Python."""
    tree = _parse(source) or _parse(f"{source}\n{_BODY}")  # a function that lost its body
    if tree is None:
        return None
    statements = []
    try:
        for node in tree.body:
            # Outside functions a text is no docstring, but may be an answer in words.
            match node:
                case ast.Expr(ast.Constant(str())):
                    kept = node
                case _:
                    kept = _PlaceholderRemover().visit(node)
            statements += [ast.dump(kept)] if kept is not None else []
    except (RecursionError, MemoryError):
        return None
    return statements


def _without_spaces(text: str) -> str:
    return "".join(text.split())


def _code_as_text(source: str) -> str:
    """Return code that is not Python, such as a function without a body, without placeholders."""
    lines = source.split("\n")
    return _without_spaces("".join(line for line in lines if not _PLACEHOLDER_LINE.fullmatch(line)))
