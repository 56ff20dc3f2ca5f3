"""Read the text sources of lessons, slides and the demo into cells.

A source is ``instructor/sources/NN_name.py``: jupytext's py:percent, with nbgrader's metadata in
the headers of graded cells. ``slides_name.py`` and ``demo_name.py`` beside them are for lecturers
and have no graded cells. The rules for sources are in `source_rules`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple

import jupytext
from nbformat import NotebookNode

Role = Literal["solution", "test", "survey", "locked"]

INSTALL_ID = "install"  # the id of the cell that the build puts in front

_FLAG_KEYS = ("grade", "solution", "locked")
_FLAGS: dict[Role, tuple[bool, bool, bool]] = {
    "solution": (False, True, False),
    "test": (True, False, True),
    "locked": (False, False, True),
}
# jupytext's notes on the layout of the text; they mean nothing in a notebook.
_LAYOUT = {"lines_to_next_cell", "lines_to_end_of_cell_marker", "cell_marker"}


class SourceError(ValueError):
    """Sources that cannot be built; the message has a line for each problem."""


class Source(NamedTuple):
    """The source of a lesson, of slides or of the demo page."""

    name: str  # NN_name, slides_name or demo_name
    text: str
    cells: list[NotebookNode]

    @property
    def file(self) -> str:
        """Return the path inside the course's folder, as messages give it."""
        return f"instructor/sources/{self.name}.py"

    @property
    def is_lesson(self) -> bool:
        """Return whether it is a lesson, and not slides or a demo."""
        return self.name[0].isdecimal()


def read_sources(folder: Path) -> list[Source]:
    """Return every source of a course, in order of their names.

    Parameters
    ----------
    folder : Path
        The course: the folder that holds ``instructor/sources``.

    Returns
    -------
    list of Source
        Not yet checked; see `source_problems`.

    Raises
    ------
    FileNotFoundError
        If there are none.
    SourceError
        If a file has another name than ``NN_name.py``, ``slides_name.py`` or ``demo_name.py``, or
        is not text.
    """
    paths = sorted((folder / "instructor" / "sources").glob("*.py"))
    if not paths:
        raise FileNotFoundError(
            f"There are no lessons in {str(folder / 'instructor' / 'sources')!r}; run this in the "
            "course's folder, or name it with --course."
        )
    return [_read(path) for path in paths]


def role_of(cell: NotebookNode) -> Role | None:
    """Return the role in grading that a cell's metadata gives it; None for an ordinary cell."""
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
    """Return a cell's grade_id, None if it has none."""
    meta = cell.metadata.get("nbgrader")
    return str(meta["grade_id"]) if isinstance(meta, dict) and "grade_id" in meta else None


def label_of(cell: NotebookNode, number: int) -> str:
    """Return a cell's name in messages: its grade_id, else its number, and its first line."""
    first = str(cell.source).partition("\n")[0].strip()
    shown = first if len(first) <= 50 else f"{first[:47]}..."
    return f"cell {grade_id_of(cell) or number} ({shown!r})"


def _read(path: Path) -> Source:
    file = f"instructor/sources/{path.name}"
    if not re.fullmatch(r"(\d\d|slides|demo)_[a-z0-9_]+", path.stem):
        raise SourceError(
            f"{file}: name a lesson like 02_uniform_quantization.py, and slides or a demo like "
            "slides_name.py or demo_name.py."
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{file}: this is not UTF-8 text ({error}); save it as UTF-8.") from None
    try:
        cells = jupytext.reads(text, fmt="py:percent").cells
    except Exception as error:  # jupytext's parsers raise many kinds
        raise SourceError(f"{file}: jupytext cannot read it ({error}); fix the text.") from error
    for cell in cells:
        for key in _LAYOUT & set(cell.metadata):
            del cell.metadata[key]
    return Source(path.stem, text, cells)
