"""Scan cell sources for imported names and for references to the grader's internals."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_CHECKS_PACKAGE = "quantlab_helpers.checks"
# Names of the checks package that lessons use.
_PUBLIC_CHECKS = {"CheckFailed", "NotAnswered", "answered", "check", "compare_guess", "points"}


def imported_names(sources: Iterable[str]) -> dict[str, tuple[str, str | None]]:
    """Return the module, and the attribute of it, that each imported name refers to.

    Parameters
    ----------
    sources : iterable of str
        Code cells; a cell that is not plain Python is skipped.

    Returns
    -------
    dict of str to (str, str or None)
        The attribute is None where the name is the module itself.

    Examples
    --------
    >>> imported_names(["import numpy as np", "from math import pi"])
    {'np': ('numpy', None), 'pi': ('math', 'pi')}
    """
    names: dict[str, tuple[str, str | None]] = {}
    for source in sources:
        for node in _statements(source):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    module = alias.name if alias.asname else alias.name.partition(".")[0]
                    names[alias.asname or module] = (module, None)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    names[alias.asname or alias.name] = (node.module, alias.name)
    return names


def find_grader_references(sources: Iterable[str]) -> list[str]:
    """Return a sentence for each reference to internals of the checks package in cell sources.

    The cells are not executed.

    Examples
    --------
    >>> find_grader_references(["levels = checks.EXERCISES['uniform-levels'].solution"])
    ['a cell refers to `EXERCISES`, which is internal to the checks']
    """
    messages = dict[str, None]()
    for source in sources:
        for statement in _statements(source):
            for node in ast.walk(statement):
                for name in _internal_names(node):
                    messages[f"a cell refers to `{name}`, which is internal to the checks"] = None
    return list(messages)


def _internal_names(node: ast.AST) -> Iterator[str]:
    """Yield the names of a node that are in the checks package but not for lessons to use."""
    if isinstance(node, ast.ImportFrom) and node.module:
        if node.module.startswith(f"{_CHECKS_PACKAGE}."):
            yield node.module
        elif node.module == _CHECKS_PACKAGE:
            yield from (alias.name for alias in node.names if alias.name not in _PUBLIC_CHECKS)
    elif isinstance(node, ast.Import):
        modules = (alias.name for alias in node.names)
        yield from (name for name in modules if name.startswith(f"{_CHECKS_PACKAGE}."))
    elif isinstance(node, ast.Attribute) and node.attr not in _PUBLIC_CHECKS:
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
