"""Turn cells of a submission into text for a page, without lines of hidden tests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from nbformat import NotebookNode

from ...course.authoring.regions import leaked_lines, unshown_lines
from ..lesson import Exercise, Lesson, is_test

_MIN_LINE = 12  # characters; a shorter line of a hidden test may be in an answer by chance
_MAX_CHARACTERS = 20_000  # characters of one cell on the page
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# Characters that XML and HTML do not allow, and those that reverse the direction of text.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class AnswerCell(NamedTuple):
    """One cell of an answer: source and output as text."""

    source: str
    output: str
    code: bool


class HiddenTestRedactor:
    """Replaces lines of hidden tests in a text: an answer may print the source of its caller.

    Parameters
    ----------
    lesson : Lesson
        From `load_lesson`.

    Examples
    --------
    >>> HiddenTestRedactor(lesson)("checks.check('dequantize', f, seed=1913)")  # doctest: +SKIP
    '[a line of a hidden test]'
    """

    def __init__(self, lesson: Lesson) -> None:
        shown = {line.strip() for cell in lesson.release.cells for line in cell.source.split("\n")}
        tests = (cell for cell in lesson.notebook.cells if is_test(cell))
        self.lines = sorted(unshown_lines(tests, shown, least=_MIN_LINE), key=len)[::-1]

    def __call__(self, text: Any) -> str:
        """Return the text as `printable_text` does, each of these lines replaced by a note."""
        shown = printable_text(text)
        for line in leaked_lines(shown, self.lines):
            shown = shown.replace(line, "[a line of a hidden test]")
        return shown


def printable_text(text: Any) -> str:
    """Return a text without terminal colours and control characters, cut to 20,000 characters.

    Parameters
    ----------
    text : str or list of str
        As notebooks store it; any other value gives "".

    Returns
    -------
    str

    Examples
    --------
    >>> printable_text("\\x1b[31mred\\x1b[0m\\x00 and plain")
    'red and plain'
    """
    parts = text if isinstance(text, list) else [text]
    joined = "".join(part for part in parts if isinstance(part, str))
    plain = _UNPRINTABLE.sub("", _COLOURS.sub("", joined)).encode("utf-8", "replace").decode()
    if len(plain) <= _MAX_CHARACTERS + 100:  # a text that was cut before is not cut again
        return plain
    return f"{plain[:_MAX_CHARACTERS]}\n[{len(plain) - _MAX_CHARACTERS:,} more characters]"


def format_points(value: float) -> str:
    """Return points as text, with at most two decimals.

    Parameters
    ----------
    value : float
        Finite.

    Returns
    -------
    str

    Examples
    --------
    >>> format_points(3.0), format_points(2.5), format_points(1 / 3)
    ('3', '2.5', '0.33')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")


def answer_cells(
    exercise: Exercise, notebook: NotebookNode | None, *, lesson: Lesson, redact: HiddenTestRedactor
) -> Iterator[AnswerCell]:
    """Yield the cells of an answer: its own, and those the student added before the test.

    Parameters
    ----------
    exercise : Exercise
        Of the lesson.
    notebook : NotebookNode or None
        The executed submission; None gives no cells.
    lesson : Lesson
        From `load_lesson`.
    redact : HiddenTestRedactor
        Applied to the outputs of the cells.

    Yields
    ------
    AnswerCell
        Without empty cells.
    """
    inside = False
    lesson_cells = {cell.id for cell in lesson.notebook.cells}
    for cell in notebook.cells if notebook is not None else []:
        name = cell.get("id")
        if name == exercise.name and name in lesson_cells:
            inside = True
        elif name in lesson_cells or not inside:
            inside = False
            continue
        if printable_text(cell.get("source")).strip():
            text = "\n".join(filter(None, map(_output, cell.get("outputs") or [])))
            code = cell.get("cell_type") == "code"
            yield AnswerCell(printable_text(cell.source).rstrip(), redact(text).strip("\n"), code)


def _output(output: Any) -> str:
    """Return an output as text; pictures and HTML are left out."""
    if not isinstance(output, Mapping):
        return ""
    kind, data = output.get("output_type"), output.get("data")
    if kind == "stream":
        return printable_text(output.get("text")).rstrip("\n")
    if kind == "error":
        lines = output.get("traceback")
        message = printable_text(
            "\n".join(map(printable_text, lines)) if isinstance(lines, list) else ""
        )
        return (
            message
            or f"{printable_text(output.get('ename'))}: {printable_text(output.get('evalue'))}"
        )
    return printable_text(data.get("text/plain")) if isinstance(data, Mapping) else ""
