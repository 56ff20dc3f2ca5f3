"""Names that a code cell defines, uses and may mutate, from its source, without running it.

The analysis over-approximates: a cell that is too long or too deeply nested is marked `unknown`,
counts as using every name, and seems to compile. No source makes a function here raise.
"""

from __future__ import annotations

import ast
import functools
import itertools
import re
import symtable
import warnings
from collections.abc import Iterator
from typing import NamedTuple

_MAX_CHARACTERS = 50_000  # of a cell; a longer one is not analysed
_MAX_MAGICS = 50  # lines with IPython's syntax in a cell; IPython reads all of it again for each
_MAGIC_LINE = re.compile(r"^[ \t]*[%!?]|\?[ \t]*$|=[ \t]*[%!]", re.MULTILINE)
_WORD = re.compile(r"[^\W\d]\w*")
_DEFINITION = re.compile(  # at the left margin, of a cell that cannot be analysed
    r"^(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)|^([^\W\d]\w*)[ \t]*(?::[^=\n]*)?=(?!=)",
    re.MULTILINE,
)
_TOO_DEEP = (RecursionError, MemoryError)  # what Python raises for deeply nested code
# Names and attributes that let code reach variables whose names are not in its source.
_LOOKUP_NAMES = {
    "__builtins__", "__import__", "compile", "dir", "eval", "exec", "get_ipython", "globals",
    "locals", "vars",
}  # fmt: skip
_LOOKUP_ATTRIBUTES = {"__globals__", "_getframe", "f_back", "f_globals", "f_locals"}
# IPython magics that use no name of the notebook.
_MAGIC_WITHOUT_NAMES = re.compile(
    r"^([ \t]*)[%!](matplotlib|config|pip|conda|load_ext|autoreload)\b[^{$\n]*$", re.MULTILINE
)
# Built-in functions that do not mutate their arguments.
_PURE_BUILTINS = {
    "abs", "all", "any", "bool", "dict", "enumerate", "float", "format", "int", "isinstance",
    "len", "list", "max", "min", "print", "range", "repr", "reversed", "round", "set", "sorted",
    "str", "sum", "tuple", "type", "zip",
}  # fmt: skip
_CONDITIONAL = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.Match)


class NameUse(NamedTuple):
    """The notebook's names that one cell defines, uses and may mutate.

    ``unknown`` is True where the source does not show it, as in code that looks up names.
    """

    defines: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()  # defined outside the cell; also inside functions
    mutates: frozenset[str] = frozenset()  # assigned into, called on, or passed to a call
    assigns_into: frozenset[str] = frozenset()  # only `x.a = 1`, `x[0] += 1`
    unknown: bool = False


@functools.lru_cache(maxsize=4096)
def names_of(source: str) -> NameUse:
    """Return the names that a code cell defines, uses and may mutate.

    Parameters
    ----------
    source : str
        Source of the cell; IPython's magics are allowed.

    Returns
    -------
    NameUse
        Its `uses` include built-in names.

    Examples
    --------
    >>> names = names_of("step = 2\\ndef level(code, low=start):\\n    return low + step * code")
    >>> sorted(names.defines), sorted(names.uses)
    (['level', 'step'], ['start'])
    """
    parsed = _parsed(source)
    if parsed.too_complex:
        return _seeming_names(source)
    if parsed.tree is None:  # a syntax error: the cell does nothing when it runs
        return NameUse()
    try:
        return _names_in(parsed.tree, parsed.text)
    except (SyntaxError, ValueError, *_TOO_DEEP):
        return _seeming_names(source)


def parse(source: str) -> ast.Module | None:
    """Return the syntax tree of a cell, None if it is not Python or too complex to analyse."""
    return _parsed(source).tree


@functools.lru_cache(maxsize=4096)
def compiles(source: str) -> bool:
    """Return whether a cell compiles by itself; `return x` alone parses but does not compile.

    A cell that is too complex to analyse counts as one that does.
    """
    parsed = _parsed(source)
    if parsed.tree is None:
        return parsed.too_complex
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The compiler takes a text of three times as many levels as a tree.
            compile(parsed.text, "cell", "exec", flags=flags, dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    except _TOO_DEEP:
        return True
    return True


def normalize_whitespace(source: str) -> str:
    """Return a text without white space at line ends and without blank lines around it."""
    return "\n".join(line.rstrip() for line in source.split("\n")).strip("\n")


def only_imports(source: str) -> bool:
    """Return whether all statements of a cell are imports (or docstrings)."""
    tree = parse(source)
    return tree is not None and all(
        isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in tree.body
    )


def names_from_imports(source: str) -> frozenset[str]:
    """Return the names that import statements anywhere in a cell define."""
    tree = parse(source)
    nodes = ast.walk(tree) if tree is not None else iter(())
    return frozenset(
        alias.asname or alias.name.partition(".")[0]
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    )


def dotted_name(node: ast.AST) -> str:
    """Return "a.b.c" for the tree of `a.b.c`; an empty text for any other expression.

    Examples
    --------
    >>> dotted_name(ast.parse("checks.points", mode="eval").body)
    'checks.points'
    """
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) else ""


def seeds_shared_generator(source: str, modules: frozenset[str]) -> bool:
    """Return whether a cell seeds the global random number generator of one of these modules."""
    tree = parse(source)
    return tree is not None and any(
        isinstance(node, ast.Attribute)
        and node.attr in ("seed", "manual_seed", "set_state", "set_rng_state")
        and dotted_name(node).partition(".")[0] in modules
        for node in ast.walk(tree)
    )


class _Parsed(NamedTuple):
    """A cell as plain Python, and its tree; without one, whether it may be Python all the same."""

    text: str
    tree: ast.Module | None = None
    too_complex: bool = False


@functools.lru_cache(maxsize=4096)
def _parsed(source: str) -> _Parsed:
    if len(source) > _MAX_CHARACTERS:
        return _Parsed(source, too_complex=True)
    try:
        return _with_tree(source)
    except (SyntaxError, ValueError):
        if len(_MAGIC_LINE.findall(source)) > _MAX_MAGICS:
            return _Parsed(source, too_complex=True)
    except _TOO_DEEP:
        return _Parsed(source, too_complex=True)
    try:
        return _with_tree(_plain_python(source))
    except (SyntaxError, ValueError):
        return _Parsed(source)
    except Exception:  # IPython raises many kinds of errors on text that is no code
        return _Parsed(source, too_complex=True)


def _with_tree(text: str) -> _Parsed:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _Parsed(text, ast.parse(text))


def _names_in(tree: ast.Module, source: str) -> NameUse:
    defines: set[str] = set()
    uses: set[str] = set()
    ever_defined: set[str] = set()
    for statement, text in zip(tree.body, _texts_of(tree.body, source), strict=True):
        defined, used = _defined_and_used(statement, text)
        if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            defines.add(statement.name)  # its body runs later and may use its own name
        uses |= used - defines
        ever_defined |= defined
        if not isinstance(statement, _CONDITIONAL):
            defines |= defined
    names = ever_defined | uses
    assigns_into = frozenset(_assigned_into(tree)) & names
    mutates = assigns_into | (frozenset(_called_or_passed(tree)) & names)
    unknown = any(_may_look_up_names(node) for node in ast.walk(tree))
    return NameUse(frozenset(ever_defined), frozenset(uses), mutates, assigns_into, unknown)


def _seeming_names(source: str) -> NameUse:
    """Return the names of a cell that is too complex to analyse, from the look of its lines."""
    defines = frozenset(filter(None, itertools.chain(*_DEFINITION.findall(source))))
    words = frozenset(_WORD.findall(source))
    return NameUse(defines, words, words, unknown=True)


def _plain_python(source: str) -> str:
    """Return the cell's source with IPython's magics translated to Python."""
    from IPython.core.inputtransformer2 import TransformerManager

    quiet = _MAGIC_WITHOUT_NAMES.sub(r"\1pass", source)
    return str(TransformerManager().transform_cell(quiet))  # type: ignore[no-untyped-call]


def _texts_of(statements: list[ast.stmt], source: str) -> Iterator[str]:
    """Yield the text of each statement, with the comments and decorators above it."""
    lines = source.encode().split(b"\n")
    line = column = 0
    for statement in statements:
        end_line, end_column = (statement.end_lineno or 1) - 1, statement.end_col_offset or 0
        part = lines[line : end_line + 1]
        part[-1] = part[-1][:end_column]
        part[0] = part[0][column:]
        yield b"\n".join(part).decode().lstrip(" \t;")
        line, column = end_line, end_column


def _defined_and_used(statement: ast.stmt, text: str) -> tuple[set[str], set[str]]:
    """Return the top-level names that one statement defines and uses, from its symbol table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = symtable.symtable(text, "cell", "exec")
    defined = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    used = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    for inner in _nested_scopes(table):
        for symbol in inner.get_symbols():
            if symbol.is_global():
                used.add(symbol.get_name())
                if symbol.is_assigned() and symbol.is_declared_global():
                    defined.add(symbol.get_name())
    for node in _outside_functions(statement):  # `del x` and `x += 1` use the earlier x
        if isinstance(node, ast.Delete):
            deleted = {target.id for target in node.targets if isinstance(target, ast.Name)}
            defined, used = defined | deleted, used | deleted
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            used.add(node.target.id)
    return defined, used


def _outside_functions(statement: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a statement outside functions and lambdas."""
    waiting = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _nested_scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    waiting = list(table.get_children())
    while waiting:
        child = waiting.pop()
        yield child
        waiting += child.get_children()


def _assigned_into(tree: ast.Module) -> Iterator[str]:
    """Yield the names whose attributes or items are set or deleted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript):
            if not isinstance(node.ctx, ast.Load):
                yield from _root_name(node)
        elif isinstance(node, ast.AugAssign):
            yield from _root_name(node.target)


def _called_or_passed(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a call might mutate: the object of a method and all arguments."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name):
            if node.func.id in _PURE_BUILTINS:
                continue
        else:
            yield from _root_name(node.func)
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            yield from (part.id for part in ast.walk(argument) if isinstance(part, ast.Name))


def _root_name(node: ast.AST) -> Iterator[str]:
    """Yield `a` of `a.b[0].c()`; nothing if the expression does not start with a name."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Name):
        yield node.id


def _may_look_up_names(node: ast.AST) -> bool:
    """Return whether a node may reach names that the source does not show."""
    if isinstance(node, ast.Name):
        return node.id in _LOOKUP_NAMES
    if isinstance(node, ast.Attribute):
        return node.attr in _LOOKUP_ATTRIBUTES
    if isinstance(node, ast.alias):
        return node.name == "*" or node.name.partition(".")[0] in ("inspect", "__main__", "gc")
    parts = [node.slice] if isinstance(node, ast.Subscript) else []
    parts += node.args if isinstance(node, ast.Call) else []
    return any(isinstance(part, ast.Constant) and part.value == "__main__" for part in parts)
