"""What the two programs in a sandbox, the kernel and the judge, have in common.

Both load this file by its path: importing the package would import torch.
"""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import inspect
import os
import shutil
import sys
from typing import Any

_JUDGE = "_quantlab_judge"  # its package, under a name that no lesson uses
_FOLDER = os.path.dirname(os.path.abspath(__file__))


def load_file(name: str) -> Any:
    """Return a module that is loaded by its path, relative to this folder and without ".py"."""
    path = os.path.join(_FOLDER, f"{name}.py")
    spec = importlib.util.spec_from_file_location(os.path.basename(name), path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_from_judge(name: str) -> Any:
    """Return a module of the judge's folder, which is loaded as a package by its path."""
    if _JUDGE not in sys.modules:
        folder = os.path.join(os.path.dirname(os.path.dirname(_FOLDER)), "judge")
        spec = importlib.util.spec_from_file_location(
            _JUDGE, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
        )
        assert spec is not None and spec.loader is not None
        sys.modules[_JUDGE] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[_JUDGE])
    return importlib.import_module(f"{_JUDGE}.{name}")


protocol = load_file("protocol")


def run_python(code: str, names: dict[str, Any]) -> Any:
    """Run the source of a test in a namespace; return the value of its last line.

    Examples
    --------
    >>> run_python("n = 20\\nn / 8", {})
    2.5
    """
    tree = compile(code, "<test>", "exec", flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(tree, ast.Module)
    last = tree.body[-1] if tree.body else None
    parts: list[ast.Module | ast.Expression] = [tree]
    if isinstance(last, ast.Expr):
        tree.body.pop()
        parts.append(ast.Expression(last.value))
    value = None
    for part, mode in zip(parts, ("exec", "eval"), strict=False):
        compiled = compile(part, "<test>", mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        value = eval(compiled, names)
        if compiled.co_flags & inspect.CO_COROUTINE:
            value = asyncio.run(value)
    return value


def result_reply(value: Any) -> dict[str, Any]:
    """Return the reply of a test that ended, with the text of its last line's value."""
    return {"error": None, "result": None if value is None else protocol.safe_text(value, repr)}


def error_reply(error: BaseException, lines_of_answers: list[str]) -> dict[str, Any]:
    """Return the reply for an exception: what a notebook shows of it, and lines of the answers."""
    try:
        lines = [protocol.safe_text(line) for line in error._render_traceback_()]  # type: ignore[attr-defined]
    except BaseException:
        lines = [f"{type(error).__name__}: {protocol.safe_text(error)}"]
    name, text = type(error).__name__, protocol.safe_text(error)
    return {"error": [name, text, [*lines, *lines_of_answers]], "result": None}


def prepare_process(uid: int, package: str) -> None:
    """Change to the sandbox's user, and create home, work and tmp below the current folder."""
    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    base, names = os.getcwd(), ("home", "work", "tmp")
    # Python itself may be installed below a folder of the same name.
    while any(os.path.lexists(f"{base}/{name}") for name in names):
        base = f"{base}/sandbox"
    for name in names:
        os.makedirs(f"{base}/{name}")
    os.environ |= {"HOME": f"{base}/home", "TMPDIR": f"{base}/tmp"}
    os.environ["MPLCONFIGDIR"] = settings = f"{base}/home/.matplotlib"
    os.environ["IPYTHONDIR"] = f"{base}/home/.ipython"
    fonts = os.environ.pop("QUANTLAB_FONTS", "")
    os.mkdir(settings)
    if os.path.isfile(fonts):
        shutil.copy(fonts, settings)
    os.chdir(f"{base}/work")
    if package not in sys.path:  # the grader's package, before one that is installed
        installed = [n for n, path in enumerate(sys.path) if path.endswith("-packages")]
        sys.path.insert(min(installed, default=len(sys.path)), package)
    sys.path.append(f"{base}/work")  # last, so that no submitted file replaces a library


def write_file(name: str, content: bytes) -> None:
    """Write a file of the working folder."""
    try:
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "wb") as file:
            file.write(content)
    except OSError:  # over the limit of file size; the cell that opens it will fail
        pass
