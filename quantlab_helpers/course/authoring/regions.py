"""Solutions and hidden tests in the cells of a source: their markers, lines, and leaks of lines.

Building, releasing and reporting all ask here which lines are secret and whether a text shows one.
This module is in `authoring` because the markers belong to the sources, and because `release`
imports `authoring`, never the reverse.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from nbformat import NotebookNode

BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"
BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
MARKERS = (BEGIN_SOLUTION, END_SOLUTION, BEGIN_HIDDEN, END_HIDDEN)
LEAST = 15  # characters; a shorter line may occur elsewhere by chance


def visible_lines(cell: NotebookNode) -> Iterator[str]:
    """Yield the lines outside the cell's solution and hidden tests, stripped."""
    return (line for line, is_secret in _lines(cell) if not is_secret)


def secret_lines(cell: NotebookNode) -> list[str]:
    """Return the lines of the cell's solution and hidden tests, stripped, each once.

    Lines shorter than `LEAST` are left out.
    """
    lines = (line for line, is_secret in _lines(cell) if is_secret and len(line) >= LEAST)
    return list(dict.fromkeys(lines))


def unshown_lines(
    cells: Iterable[NotebookNode], shown: Collection[str], *, least: int = LEAST
) -> set[str]:
    """Return the lines of cells that are not among the shown ones.

    Parameters
    ----------
    cells : iterable of NotebookNode
        With solutions or hidden tests.
    shown : collection of str
        Lines that learners see anyway, stripped.
    least : int
        The length of the shortest line returned.

    Returns
    -------
    set of str
        Stripped.
    """
    lines = (line.strip() for cell in cells for line in cell.source.split("\n"))
    return {line for line in lines if len(line) >= least and line not in shown}


def leaked_lines(text: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield those of the secret lines that can be read in a text.

    Examples
    --------
    >>> list(leaked_lines("# return 2 * x, or so", ["return 2 * x", "return x + x"]))
    ['return 2 * x']
    """
    return (line for line in lines if line in text)


def _lines(cell: NotebookNode) -> Iterator[tuple[str, bool]]:
    """Yield (line, whether it is secret) without the markers."""
    inside = False
    for line in map(str.strip, cell.source.split("\n")):
        if line in (BEGIN_SOLUTION, BEGIN_HIDDEN):
            inside = True
        elif line in (END_SOLUTION, END_HIDDEN):
            inside = False
        else:
            yield line, inside
