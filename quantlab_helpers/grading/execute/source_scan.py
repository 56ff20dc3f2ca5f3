"""Read from the text of cells what the guard must know, and what gives tricks away."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_CHECKS = "quantlab_helpers.checks"
# What lessons use of the checks.
_PUBLIC = {"CheckFailed", "NotAnswered", "answered", "check", "compare_guess", "points"}


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
                for name in _names_inside_checks(node):
                    found[f"a cell names `{name}`, which lies inside the checks"] = None
    return list(found)


def _names_inside_checks(node: ast.AST) -> Iterator[str]:
    """Yield what a node names of the checks beyond that which lessons use."""
    if isinstance(node, ast.ImportFrom) and node.module:
        if node.module.startswith(f"{_CHECKS}."):
            yield node.module
        elif node.module == _CHECKS:
            yield from (alias.name for alias in node.names if alias.name not in _PUBLIC)
    elif isinstance(node, ast.Import):
        names = (alias.name for alias in node.names)
        yield from (name for name in names if name.startswith(f"{_CHECKS}."))
    elif isinstance(node, ast.Attribute) and node.attr not in _PUBLIC:
        owner = node.value
        if getattr(owner, "attr", getattr(owner, "id", "")) == "checks":
            yield node.attr
    elif isinstance(node, ast.Name) and node.id == "EXERCISES":
        yield node.id


def _statements(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
