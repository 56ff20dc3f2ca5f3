"""Which names a cell binds, reads and may change: told from its text, without running it.

Everything here errs on the side of more: a cell that cannot be seen through is called opaque.
"""

from __future__ import annotations

import ast
import functools
import re
import symtable
import warnings
from collections.abc import Iterator
from typing import NamedTuple

_LARGE = 50_000  # characters; nobody types a cell like this
# What lets code reach names that it does not spell.
_REFLECTION = {
    "__builtins__", "__import__", "compile", "dir", "eval", "exec", "get_ipython", "globals",
    "locals", "vars",
}  # fmt: skip
_REFLECTING = {"__globals__", "_getframe", "f_back", "f_globals", "f_locals"}  # as attributes
# Lines for IPython that read no name of the notebook.
_QUIET_LINE = re.compile(
    r"^([ \t]*)[%!](matplotlib|config|pip|conda|load_ext|autoreload)\b[^{$\n]*$", re.MULTILINE
)
# Built-in functions that leave their arguments as they are.
_HARMLESS = {
    "abs", "all", "any", "bool", "dict", "enumerate", "float", "format", "int", "isinstance",
    "len", "list", "max", "min", "print", "range", "repr", "reversed", "round", "set", "sorted",
    "str", "sum", "tuple", "type", "zip",
}  # fmt: skip
_CONDITIONAL = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.Match)


class Names(NamedTuple):
    """What one cell does with the names of the notebook.

    ``opaque`` is True where this cannot be told, as in code that looks names up.
    """

    bound: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()  # from outside the cell, inside functions too
    changed: frozenset[str] = frozenset()  # stored into, called on, or passed to a call
    stored: frozenset[str] = frozenset()  # stored into only: `x.a = 1`, `x[0] += 1`
    opaque: bool = False


@functools.lru_cache(maxsize=4096)
def names_of(source: str) -> Names:
    """Return what a code cell does with names.

    Parameters
    ----------
    source : str
        The cell's text; IPython's own syntax is understood where it matters.

    Returns
    -------
    Names
        Built-in names are among those read.

    Examples
    --------
    >>> names = names_of("step = 2\\ndef level(code, low=start):\\n    return low + step * code")
    >>> sorted(names.bound), sorted(names.read)
    (['level', 'step'], ['start'])
    """
    if len(source) > _LARGE:
        return Names(opaque=True)
    tree = parse(source)
    if tree is None:  # it cannot run, so it does nothing
        return Names()
    bound: set[str] = set()
    read: set[str] = set()
    ever: set[str] = set()
    try:
        for statement in tree.body:
            binds, reads = _scan(statement)
            if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                bound.add(statement.name)  # its body runs later, or knows itself
            read |= reads - bound
            ever |= binds
            if not isinstance(statement, _CONDITIONAL):
                bound |= binds
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Names(opaque=True)
    known = ever | read
    stored = frozenset(_stored(tree)) & known
    changed = stored | (frozenset(_called_or_passed(tree)) & known)
    opaque = any(_looks_names_up(node) for node in ast.walk(tree))
    return Names(frozenset(ever), frozenset(read), changed, stored, opaque)


@functools.lru_cache(maxsize=4096)
def parse(source: str) -> ast.Module | None:
    """Return the syntax tree of a cell; None where it is not Python, or too large to look at."""
    if len(source) > _LARGE:
        return None
    for transformed in (str, _plain_python):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(transformed(source))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


@functools.lru_cache(maxsize=4096)
def compiles(source: str) -> bool:
    """Return whether a cell can run by itself; `return x` alone parses, but cannot."""
    tree = parse(source)
    if tree is None:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(tree, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def only_imports(source: str) -> bool:
    """Return whether a cell does nothing but import."""
    tree = parse(source)
    return tree is not None and all(
        isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in tree.body
    )


def imported(source: str) -> frozenset[str]:
    """Return the names that a cell binds by importing, wherever in it."""
    tree = parse(source)
    nodes = ast.walk(tree) if tree is not None else iter(())
    return frozenset(
        alias.asname or alias.name.partition(".")[0]
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    )


def seeds(source: str, modules: frozenset[str]) -> bool:
    """Return whether a cell seeds a generator of random numbers that all cells share."""
    tree = parse(source)
    return tree is not None and any(
        isinstance(node, ast.Attribute)
        and node.attr in ("seed", "manual_seed", "set_state", "set_rng_state")
        and re.match(r"\w+(\.\w+)*$", ast.unparse(node))
        and not modules.isdisjoint(_root(node))
        for node in ast.walk(tree)
    )


def _plain_python(source: str) -> str:
    """Return the cell as IPython would hand it to Python."""
    from IPython.core.inputtransformer2 import TransformerManager

    quiet = _QUIET_LINE.sub(r"\1pass", source)
    return str(TransformerManager().transform_cell(quiet))  # type: ignore[no-untyped-call]


def _scan(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """Return what one statement binds and reads at the top level, as the compiler sees it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = symtable.symtable(ast.unparse(statement), "cell", "exec")
    binds = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    reads = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    for inner in _scopes(table):
        for symbol in inner.get_symbols():
            if symbol.is_global():
                reads.add(symbol.get_name())
                if symbol.is_assigned() and symbol.is_declared_global():
                    binds.add(symbol.get_name())
    for node in _here(statement):  # `del x` and `x += 1` need the x of before
        if isinstance(node, ast.Delete):
            gone = {target.id for target in node.targets if isinstance(target, ast.Name)}
            binds, reads = binds | gone, reads | gone
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            reads.add(node.target.id)
    return binds, reads


def _here(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a statement that are not inside a function."""
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from _here(child)


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _scopes(child)


def _stored(tree: ast.Module) -> Iterator[str]:
    """Yield the names whose attributes or items are set or deleted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript):
            if not isinstance(node.ctx, ast.Load):
                yield from _root(node)
        elif isinstance(node, ast.AugAssign):
            yield from _root(node.target)


def _called_or_passed(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a call might change: what it is called on, and what it is given."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name):
            if node.func.id in _HARMLESS:
                continue
        else:
            yield from _root(node.func)
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            yield from (part.id for part in ast.walk(argument) if isinstance(part, ast.Name))


def _root(node: ast.AST) -> Iterator[str]:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Name):
        yield node.id


def _looks_names_up(node: ast.AST) -> bool:
    """Return whether code may reach names that it does not spell, or runs code kept in a text."""
    if isinstance(node, ast.Name):
        return node.id in _REFLECTION
    if isinstance(node, ast.Attribute):
        return node.attr in _REFLECTING
    if isinstance(node, ast.alias):
        return node.name == "*" or node.name.partition(".")[0] in ("inspect", "__main__", "gc")
    parts = [node.slice] if isinstance(node, ast.Subscript) else []
    parts += node.args if isinstance(node, ast.Call) else []
    return any(isinstance(part, ast.Constant) and part.value == "__main__" for part in parts)
