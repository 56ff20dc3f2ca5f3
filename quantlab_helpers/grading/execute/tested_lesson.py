"""What the judge needs of a lesson: the cells before each test, and the names of the answers."""

from __future__ import annotations

import ast
import builtins
import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from nbformat import NotebookNode

from ..lesson import is_answer, is_test
from ..name_analysis import names_from_imports, names_of
from .cell_selection import cells_for_tests


class TestedLesson:
    """The code cells of a lesson, as the judge needs them.

    Parameters
    ----------
    lesson : NotebookNode
        The instructor's notebook with hidden tests; the cells have ids.
    """

    __test__ = False  # no test of pytest

    def __init__(self, lesson: NotebookNode) -> None:
        self.cells = [cell for cell in lesson.cells if cell.cell_type == "code"]
        self._needed = set(cells_for_tests(lesson))
        self._answered: frozenset[str] = frozenset()  # names that answers define
        self._known: frozenset[str] = frozenset()  # names that other cells define
        for cell in self.cells:
            if is_answer(cell):
                self._answered |= names_of(cell.source).defines
            else:
                self._known |= names_of(cell.source).defines | names_from_imports(cell.source)

    def request(self, test: NotebookNode) -> dict[str, Any]:
        """Return the request for a test: its code, the cells to run before it, names to fetch.

        "unknown" names are those that no cell defines in an obvious way, such as by a star import.
        """
        places = (n for n, cell in enumerate(self.cells) if cell.id == test.id)
        place = next(places, len(self.cells))
        before = [cell for cell in self.cells[:place] if cell.id in self._needed]
        used = {name for cell in [*before, test] for name in names_of(cell.source).uses}
        unknown = used - self._answered - self._known - vars(builtins).keys()
        return {
            "code": plain_python(test.source),
            "before": [[cell.id, plain_python(cell.source)] for cell in before],
            "answered": sorted(used & self._answered),
            "unknown": sorted(unknown),
        }


def redefines(test: NotebookNode, cells: Iterable[NotebookNode]) -> bool:
    """Return whether a test defines or deletes a name that other code cells define."""
    others = [cell for cell in cells if not is_test(cell)]
    names = {name for cell in others for name in names_of(cell.source).defines}
    names -= {name for cell in others for name in names_from_imports(cell.source)}
    return bool(names_of(test.source).defines & names)


def modules_to_load(sources: Iterable[str]) -> Iterator[str]:
    """Yield the modules that import statements in cells may load, each once.

    Examples
    --------
    >>> list(modules_to_load(["import math", "from os import path"]))
    ['math', 'os', 'os.path']
    """
    names = dict[str, None]()
    for source in sources:
        for node in _statements(source):
            if isinstance(node, ast.Import):
                names |= dict.fromkeys(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names[node.module] = None
                names |= dict.fromkeys(f"{node.module}.{alias.name}" for alias in node.names)
    return iter(names)


def plain_python(source: str) -> str:
    """Return the source of a cell with IPython's syntax translated to Python."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        from IPython.core.inputtransformer2 import TransformerManager

        # It gives up at 500 magics; the kernel then reports the first as a syntax error.
        with contextlib.suppress(RuntimeError):
            return str(TransformerManager().transform_cell(source))  # type: ignore[no-untyped-call]
    except (RecursionError, MemoryError):  # too deep for this process; the kernel has the last word
        pass
    return source


def _statements(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
