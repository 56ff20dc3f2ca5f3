"""Read the lessons' sources, and refuse what would go wrong later in class or in grading.

A source is ``instructor/sources/NN_name.py``: jupytext's py:percent, with nbgrader's metadata in
the headers of graded cells. ``slides_name.py`` and ``demo_name.py`` beside them are the lecturer's:
nothing is graded there. Every problem is one line: file, cell, what is wrong, the way out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import jupytext
from nbformat import NotebookNode

Role = Literal["solution", "test", "survey", "locked"]

BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"
BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
INSTALL_ID = "install"  # the id of the cell that the build puts in front

_FLAG_KEYS = ("grade", "solution", "locked")
_FLAGS: dict[Role, tuple[bool, bool, bool]] = {
    "solution": (False, True, False),
    "test": (True, False, True),
    "locked": (False, False, True),
}
# What jupytext remembers of the text's layout; it means nothing in a notebook.
_LAYOUT = {"lines_to_next_cell", "lines_to_end_of_cell_marker", "cell_marker"}


class SourceError(ValueError):
    """Sources that cannot become notebooks; the message has a line for each problem."""


class Source(NamedTuple):
    """One lesson, or one deck of slides, as its author wrote it."""

    name: str  # NN_name, slides_name or demo_name
    text: str
    cells: list[NotebookNode]

    @property
    def file(self) -> str:
        """Return the path inside the course's folder, for messages."""
        return f"instructor/sources/{self.name}.py"

    @property
    def is_lesson(self) -> bool:
        """Tell lessons from what the lecturer shows."""
        return self.name[0].isdecimal()


def read_sources(folder: Path) -> list[Source]:
    """Read every source of a course, in order.

    Parameters
    ----------
    folder : Path
        The course: the folder that holds ``instructor/sources``.

    Returns
    -------
    list of Source
        Not yet checked; see `problems_of`.

    Raises
    ------
    FileNotFoundError
        If there are none.
    SourceError
        If a file is named otherwise than ``NN_name.py``, ``slides_name.py`` or ``demo_name.py``,
        or is not text.
    """
    paths = sorted((folder / "instructor" / "sources").glob("*.py"))
    if not paths:
        raise FileNotFoundError(
            f"There are no lessons in {str(folder / 'instructor' / 'sources')!r}; run this in the "
            "course's folder, or name it with --course."
        )
    return [_read(path) for path in paths]


def role_of(cell: NotebookNode) -> Role | None:
    """Return what a cell is in grading, by its metadata; None for an ordinary cell."""
    meta = cell.metadata.get("nbgrader")
    if not isinstance(meta, dict):
        return None
    if str(meta.get("grade_id", "")).startswith("survey-"):
        return "survey"
    for role, flags in _FLAGS.items():
        if all(meta.get(key) is flag for key, flag in zip(_FLAG_KEYS, flags, strict=True)):
            return role
    return None


def grade_id_of(cell: NotebookNode) -> str | None:
    """Return a cell's grade_id, None where it has none."""
    meta = cell.metadata.get("nbgrader")
    return str(meta["grade_id"]) if isinstance(meta, dict) and "grade_id" in meta else None


def secret_lines(cell: NotebookNode) -> Iterator[str]:
    """Yield the lines of the cell's solution and hidden tests, stripped."""
    inside = False
    for line in map(str.strip, cell.source.split("\n")):
        if line in (BEGIN_SOLUTION, BEGIN_HIDDEN):
            inside = True
        elif line in (END_SOLUTION, END_HIDDEN):
            inside = False
        elif inside and line:
            yield line


def label_of(cell: NotebookNode, number: int) -> str:
    """Return how a message names a cell: by its grade_id, else by number and first line."""
    first = str(cell.source).partition("\n")[0].strip()
    shown = first if len(first) <= 50 else f"{first[:47]}..."
    return f"cell {grade_id_of(cell) or number} ({shown!r})"


def _read(path: Path) -> Source:
    file = f"instructor/sources/{path.name}"
    if not re.fullmatch(r"(\d\d|slides|demo)_[a-z0-9_]+", path.stem):
        raise SourceError(
            f"{file}: name a lesson like 02_uniform_quantization.py, and what the lecturer shows "
            "like slides_name.py or demo_name.py."
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{file}: this is not UTF-8 text ({error}); save it as UTF-8.") from None
    try:
        cells = jupytext.reads(text, fmt="py:percent").cells
    except Exception as error:  # whatever jupytext's parsers stumble over
        raise SourceError(f"{file}: jupytext cannot read it ({error}); mend the text.") from error
    for cell in cells:
        for key in _LAYOUT & set(cell.metadata):
            del cell.metadata[key]
    return Source(path.stem, text, cells)
