"""Read from the text of cells what the guard must know, and what gives tricks away."""

from __future__ import annotations

import ast
from collections.abc import Iterable


def bindings(sources: Iterable[str]) -> dict[str, tuple[str, str | None]]:
    """Return what the names that cells import stand for: a module, and something in it.

    Parameters
    ----------
    sources : iterable of str
        The lesson's own code cells; one that is not plain Python counts for nothing.

    Returns
    -------
    dict of str to (str, str or None)

    Examples
    --------
    >>> bindings(["import numpy as np", "from math import pi"])
    {'np': ('numpy', None), 'pi': ('math', 'pi')}
    """
    found: dict[str, tuple[str, str | None]] = {}
    for source in sources:
        for node in _statements(source):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    whole = alias.name if alias.asname else alias.name.partition(".")[0]
                    found[alias.asname or whole] = (whole, None)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    found[alias.asname or alias.name] = (node.module, alias.name)
    return found


def signs(sources: Iterable[str]) -> list[str]:
    """Return what the text of a submission's cells gives away, without running it.

    Examples
    --------
    >>> signs(["levels = checks.EXERCISES['uniform-levels'].solution"])
    ['a cell names `EXERCISES`, which lies inside the checks']
    """
    found = dict[str, None]()
    for source in sources:
        for statement in _statements(source):
            for node in ast.walk(statement):
                name = getattr(node, "attr", getattr(node, "id", getattr(node, "module", None)))
                words = str(name).split(".") if name else []
                for word in words:
                    if word.startswith(("EXERCISES", "_checks_", "_exercise")):
                        found[f"a cell names `{word}`, which lies inside the checks"] = None
    return list(found)


def _statements(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
