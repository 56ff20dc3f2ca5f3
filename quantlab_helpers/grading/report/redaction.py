"""What a page may show of a submission: text, and none that is a hidden test's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from nbformat import NotebookNode

from ...course.authoring.regions import leaked_lines, unshown_lines
from ..lesson import Exercise, Lesson, is_test

_LEAST = 12  # characters of a line of a hidden test that could not stand elsewhere by chance
_MOST = 20_000  # characters of one cell on the page
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# What XML and HTML have no character for, and what turns the reading direction of a whole page.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Shown(NamedTuple):
    """One cell of an answer, as text."""

    source: str
    output: str
    code: bool


class Hider:
    """Takes out of a text the lines of hidden tests: an answer may print its caller's source.

    Parameters
    ----------
    lesson : Lesson
        From `load_lesson`.

    Examples
    --------
    >>> Hider(lesson)("checks.check('dequantize', f, seed=1913)")  # doctest: +SKIP
    '[a line of a hidden test]'
    """

    def __init__(self, lesson: Lesson) -> None:
        shown = {line.strip() for cell in lesson.release.cells for line in cell.source.split("\n")}
        tests = (cell for cell in lesson.notebook.cells if is_test(cell))
        self.lines = sorted(unshown_lines(tests, shown, least=_LEAST), key=len)[::-1]

    def __call__(self, text: Any) -> str:
        """Return a text as `clean` does, without these lines."""
        shown = clean(text)
        for line in leaked_lines(shown, self.lines):
            shown = shown.replace(line, "[a line of a hidden test]")
        return shown


def clean(text: Any) -> str:
    """Return what a page can show of a text: no colours of a terminal, no control characters.

    Parameters
    ----------
    text : str or list of str
        As notebooks have it; anything else is no text.

    Returns
    -------
    str

    Examples
    --------
    >>> clean("\\x1b[31mred\\x1b[0m\\x00 and plain")
    'red and plain'
    """
    parts = text if isinstance(text, list) else [text]
    joined = "".join(part for part in parts if isinstance(part, str))
    plain = _UNPRINTABLE.sub("", _COLOURS.sub("", joined)).encode("utf-8", "replace").decode()
    if len(plain) <= _MOST + 100:  # what was cut here before is not cut again
        return plain
    return f"{plain[:_MOST]}\n[{len(plain) - _MOST:,} more characters]"


def number(value: float) -> str:
    """Return points as a person writes them.

    Parameters
    ----------
    value : float
        Finite.

    Returns
    -------
    str
        At most two decimals.

    Examples
    --------
    >>> number(3.0), number(2.5), number(1 / 3)
    ('3', '2.5', '0.33')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")


def answer_of(
    exercise: Exercise, notebook: NotebookNode | None, *, lesson: Lesson, hide: Hider
) -> Iterator[Shown]:
    """Yield the cells of an answer: its own, and the learner's down to its test.

    Parameters
    ----------
    exercise : Exercise
        Of the lesson.
    notebook : NotebookNode or None
        The executed submission; without one there is nothing to show.
    lesson : Lesson
        From `load_lesson`.
    hide : Hider
        Of the lesson; what a cell put out goes through it.

    Yields
    ------
    Shown
        Without cells that hold nothing.
    """
    inside = False
    ours = {cell.id for cell in lesson.notebook.cells}
    for cell in notebook.cells if notebook is not None else []:
        name = cell.get("id")
        if name == exercise.name and name in ours:
            inside = True
        elif name in ours or not inside:
            inside = False
            continue
        if clean(cell.get("source")).strip():
            text = "\n".join(filter(None, map(_output, cell.get("outputs") or [])))
            code = cell.get("cell_type") == "code"
            yield Shown(clean(cell.source).rstrip(), hide(text).strip("\n"), code)


def _output(output: Any) -> str:
    """Return an output as text; pictures and pages of the learner's stay in the notebook."""
    if not isinstance(output, Mapping):
        return ""
    kind, data = output.get("output_type"), output.get("data")
    if kind == "stream":
        return clean(output.get("text")).rstrip("\n")
    if kind == "error":
        lines = output.get("traceback")
        told = clean("\n".join(map(clean, lines)) if isinstance(lines, list) else "")
        return told or f"{clean(output.get('ename'))}: {clean(output.get('evalue'))}"
    return clean(data.get("text/plain")) if isinstance(data, Mapping) else ""
