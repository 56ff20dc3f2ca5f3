"""Keep test cells apart from what a submission did to its own process.

In the jail, `Guard` remembers what the libraries were like before any code of a submission ran. For
each test cell it puts that back, loads the checks anew, and gives the names that come from the
lesson's imports their real meaning. What it had to put back is evidence.

A test shares its process with the answer that it calls, so this stops what is cheap, not
everything: the marks of a submission with evidence are for a person to look at.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.machinery
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

# Whatever a submission puts in place of a built-in function, the code here has the real one.
globals()["__builtins__"] = vars(builtins).copy()

_CELL = "<ipython-input-"  # how IPython names the code of a cell
_STANDARD = {
    "_weakrefset", "abc", "array", "base64", "bisect", "cmath", "collections", "collections.abc",
    "contextlib", "copy", "copyreg", "dataclasses", "decimal", "enum", "fractions", "functools",
    "genericpath", "hashlib", "heapq", "importlib", "importlib._bootstrap",
    "importlib._bootstrap_external", "inspect", "io", "itertools", "json", "json.decoder",
    "json.encoder", "linecache", "lzma", "math", "numbers", "operator", "os", "pathlib",
    "posixpath", "random", "re", "signal", "statistics", "string", "struct", "sys", "tempfile",
    "textwrap", "threading", "time", "traceback", "types", "typing", "unittest.case",
    "unittest.mock", "warnings", "zlib",
}  # fmt: skip
_TORCH = {
    "_compile", "_tensor", "functional", "nn", "nn.functional", "nn.parameter", "autograd",
    "linalg", "testing",
}  # fmt: skip
_HOOKS = {"displayhook", "excepthook", "unraisablehook", "breakpointhook"}  # of sys
_HEAP_TYPE = 0x200  # flag of a class whose attributes can be set
_DESCRIPTORS = (property, staticmethod, classmethod)
_CONSTANT = (int, float, complex, str, bytes, bool)
_COMPARING = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__bool__", "__float__")
# Libraries that change others when they are imported, which may be after the start.
_PATCHES = {"typing": "typing_extensions", "inspect": "torch.package.package_importer"}
_CHECKS = "quantlab_helpers.checks"
_Entry = tuple[Any, str, Any]


class Guard:
    """What the process was like before code of a submission ran in it.

    Parameters
    ----------
    shell : IPython InteractiveShell
        Runs the submission's cells.
    report : callable
        Takes one line of evidence at a time, and passes it out of the process.
    bindings : dict of str to [str, str or None]
        What a name of the lesson stands for: a module, or something in it.
    """

    def __init__(
        self,
        *,
        shell: Any,
        report: Callable[[str], None],
        bindings: dict[str, tuple[str, str | None]],
    ) -> None:
        self._shell, self._report, self._told = shell, report, set[str]()
        self._bindings = bindings
        self._modules = {name: sys.modules[name] for name in _watched(sys.modules)}
        self._entries = [entry for m in self._modules.values() for entry in _entries(m)]
        self._classes = [owner for owner, _, _ in self._entries if isinstance(owner, type)]
        self._classes = list(dict.fromkeys(self._classes))
        self._born = _all_classes()
        self._known = {owner: set(vars(owner)) for owner in self._classes}
        self._codes = [_code_of(f) for f in _functions(self._entries)]
        self._inner = {id(code) for _, kept in self._codes for code in _inner_codes(kept[0])}
        self._builtins = dict(vars(builtins))
        self._finders: list[list[Any]] = [list(sys.meta_path), list(sys.path_hooks)]
        self._bound = dict(_resolved(bindings, sys.modules))
        self._fresh = [name for name in self._modules if _is_check(name)]
        self._sources = {name: _compiled(self._modules[name]) for name in self._fresh}
        self._shelf: dict[str, Any] = {}
        manager = shell.input_transformer_manager
        self._transformers = [
            (manager, name, list(getattr(manager, name)))
            for name in ("cleanup_transforms", "line_transforms", "token_transformers")
        ]
        self._transformers.append((shell, "input_transformers_post", []))
        self._transformers.append((shell, "ast_transformers", []))

    def enter(self, names: dict[str, Any], *, read: list[str], python: list[str]) -> dict[str, Any]:
        """Put everything back; return the names that a test runs in.

        ``read`` are the names that the test reads, ``python`` those of them that are Python's.
        """
        self._restore_builtins()
        self._restore_modules()
        self._restore_process()
        self._look_for_tricks()
        self._load_fresh()
        mine = dict(names)
        for name in python:
            if mine.get(name, self._builtins[name]) is not self._builtins[name]:
                del mine[name]
                self._say(f"the notebook has a `{name}` of its own; the test used Python's")
        fresh = {name: sys.modules[name] for name in self._fresh}
        for name, value in {**self._bound, **dict(_resolved(self._bindings, fresh))}.items():
            if name in read:
                if name in mine and not _is_same_thing(mine[name], self._bound.get(name, value)):
                    self._say(f"the name `{name}` no longer stood for what the lesson imports")
                mine[name] = value
        for name in read:
            if name not in self._bindings and _is_check(_text(mine.get(name), "__module__")):
                self._say(f"`{name}` is taken from the checks themselves")
        mine["__builtins__"] = builtins
        mine["__name__"] = "__main__"
        return mine

    def leave(self, before: dict[str, Any], names: dict[str, Any]) -> None:
        """Give the submission its own copies of the checks back, when its test is over."""
        for name in (self._bindings.keys() | self._builtins.keys()) & names.keys():
            if _is_from_a_cell(names[name]) and before.get(name) is not names[name]:
                self._say(f"`{name}` was put into a test while it ran")
        for name, module in self._shelf.items():
            sys.modules[name] = module
            _set_in_package(name, module)
        self._shelf = {}

    def _say(self, text: str) -> None:
        if text not in self._told and len(self._told) < 50:
            self._told.add(text)
            self._report(text)

    def _restore_process(self) -> None:
        for what, get, put in [
            ("trace", sys.gettrace, sys.settrace),
            ("profile", sys.getprofile, sys.setprofile),
        ]:
            if get() is not None:
                put(None)
                self._say(f"a {what} function was left in place")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            if any(signal.setitimer(timer, 0)):
                self._say("a timer was left running")
        lists: tuple[list[Any], list[Any]] = (sys.meta_path, sys.path_hooks)
        for kept, used in zip(self._finders, lists, strict=True):
            added = [item for item in used if item not in kept]
            if strange := [item for item in added if _text(type(item), "__module__") == "__main__"]:
                self._say("the import of modules was changed")
            used[:] = [*kept, *(item for item in added if item not in strange)]
        for owner, name, value in self._transformers:
            if list(getattr(owner, name)) != value:
                self._say(f"IPython's {name} were changed: they rewrite later cells")
                setattr(owner, name, list(value))
        for thread in threading.enumerate():
            target = getattr(thread, "_target", None)
            code = getattr(target, "__code__", None)
            if code is not None and code.co_filename.startswith(_CELL):
                self._say(f"the thread {thread.name} was still running when a test began")

    def _restore_builtins(self) -> None:
        for name, value in list(vars(builtins).items()):
            if name in ("_", "__debug__"):
                continue
            if name not in self._builtins:
                if name not in ("get_ipython", "display"):
                    del vars(builtins)[name]
            elif value is not self._builtins[name]:
                self._say(f"the built-in {name} was replaced")
        vars(builtins).update(self._builtins)

    def _restore_modules(self) -> None:
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module:
                self._say(f"the module {name} was replaced")
                sys.modules[name] = module
        for owner, name, value in self._entries:
            found = vars(owner).get(name)
            if not (found is value or self._wraps(found, value) or _is_patch(owner, found)):
                self._say(f"{_name_of(owner)}.{name} was replaced")
                _put(owner, name, value)
        for function, kept in self._codes:
            if (function.__code__, function.__defaults__, function.__kwdefaults__) != kept:
                self._say(f"the function {_name_of(function)} was rewritten")
                function.__code__, function.__defaults__, function.__kwdefaults__ = kept
        for owner in self._classes:
            for name in vars(owner).keys() - self._known[owner]:
                if name.startswith("__") and callable(vars(owner)[name]):
                    self._say(f"{_name_of(owner)}.{name} was added")
                    type.__delattr__(owner, name)
        for module in self._modules.values():
            for name in vars(module).keys() & self._builtins.keys():
                if not name.startswith("__") and _is_from_a_cell(vars(module)[name]):
                    self._say(f"{_name_of(module)}.{name} was added")
                    del vars(module)[name]

    def _wraps(self, found: Any, value: Any) -> bool:
        """Return whether a library itself has wrapped what it had, as torch does when it trains."""
        return (
            type(found) is types.FunctionType
            and id(found.__code__) in self._inner
            and any(found.__globals__ is vars(module) for module in self._modules.values())
            and [cell.cell_contents for cell in found.__closure__ or ()].count(value) == 1
            and not any(_is_from_a_cell(cell.cell_contents) for cell in found.__closure__ or ())
        )

    def _look_for_tricks(self) -> None:
        """Look for classes that a notebook made to have their own idea of being equal."""
        for kind in sorted(_all_classes() - self._born, key=type.__repr__):
            inside = vars(kind)
            own = [n for n in _COMPARING if n in inside and _is_from_a_cell(inside[n])]
            if own:
                self._say(f"the notebook's class {kind.__name__} defines {', '.join(own)}")

    def _load_fresh(self) -> None:
        """Load the checks anew: nobody has had these objects in hands."""
        self._shelf = {name: sys.modules.pop(name) for name in self._fresh}
        finder = _Finder(self._sources)
        sys.meta_path.insert(0, finder)
        try:
            for name in self._fresh:
                importlib.import_module(name)
        finally:
            sys.meta_path.remove(finder)


class _Finder(importlib.machinery.SourcelessFileLoader):
    """Find modules by the code that they had at the start."""

    def __init__(self, sources: dict[str, tuple[types.CodeType, str]]) -> None:
        self._sources = sources

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in self._sources:
            return None
        origin = self._sources[name][1]
        is_package = os.path.basename(origin) == "__init__.py"
        spec = importlib.machinery.ModuleSpec(name, self, origin=origin, is_package=is_package)
        if is_package:
            spec.submodule_search_locations = [os.path.dirname(origin)]
        return spec

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        code, module.__file__ = self._sources[module.__name__]
        exec(code, vars(module))


def _watched(modules: dict[str, Any]) -> Iterator[str]:
    for name, module in list(modules.items()):
        top, _, rest = name.partition(".")
        ours = name in _STANDARD or top in ("numpy", "quantlab_helpers") or name == "torch"
        ours = ours or (top == "torch" and (rest in _TORCH or rest.startswith("nn.modules")))
        if ours and isinstance(module, types.ModuleType):
            yield name


def _entries(module: types.ModuleType) -> Iterator[_Entry]:
    """Yield what a module holds that no honest program changes, and the same of its classes."""
    top = module.__name__.partition(".")[0]
    constants = _CONSTANT if module.__name__ in ("math", "numpy") else ()
    for name, value in list(vars(module).items()):
        if name.startswith("__") or (top == "sys" and name in _HOOKS):
            continue
        if callable(value) or isinstance(value, (types.ModuleType, *constants)):
            yield module, name, value
        own = isinstance(value, type) and value.__module__.partition(".")[0] == top
        if own and value.__flags__ & _HEAP_TYPE:
            for inner, member in list(vars(value).items()):
                if callable(member) or isinstance(member, _DESCRIPTORS):
                    yield value, inner, member


def _functions(entries: list[_Entry]) -> Iterator[types.FunctionType]:
    seen = set()
    for _, _, value in entries:
        value = getattr(value, "__func__", value) if not isinstance(value, type) else value
        if type(value) is types.FunctionType and id(value) not in seen:
            seen.add(id(value))
            yield value


def _code_of(function: types.FunctionType) -> tuple[Any, tuple[Any, Any, Any]]:
    return function, (function.__code__, function.__defaults__, function.__kwdefaults__)


def _inner_codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for value in code.co_consts:
        if type(value) is types.CodeType:
            yield value
            yield from _inner_codes(value)


def _is_check(name: str) -> bool:
    return name == _CHECKS or name.startswith(f"{_CHECKS}.")


def _is_patch(owner: Any, found: Any) -> bool:
    """Return whether a library that was imported later is known to have put this here."""
    patching = sys.modules.get(_PATCHES.get(getattr(owner, "__name__", ""), ""))
    return (
        patching is not None
        and type(found) is types.FunctionType
        and found.__globals__ is vars(patching)
        and type(getattr(patching.__spec__, "loader", None)).__name__ == "SourceFileLoader"
        and not _is_from_a_cell(found)
    )


def _compiled(module: types.ModuleType) -> tuple[types.CodeType, str]:
    loader: Any = module.__spec__.loader if module.__spec__ else None
    code = loader.get_code(module.__name__)
    return code, str(module.__file__)


def _resolved(
    wanted: dict[str, tuple[str, str | None]], modules: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Yield what each name stands for, as far as these modules tell."""
    for name, (module, inner) in wanted.items():
        if inner is None:
            if module in modules:
                yield name, modules[module]
        elif f"{module}.{inner}" in modules:
            yield name, modules[f"{module}.{inner}"]
        elif module in modules and hasattr(modules[module], inner):
            yield name, getattr(modules[module], inner)


def _is_same_thing(one: Any, other: Any) -> bool:
    return one is other or (
        isinstance(one, types.ModuleType) and one.__name__ == getattr(other, "__name__", None)
    )


def _is_from_a_cell(value: Any) -> bool:
    value = getattr(value, "__func__", value)
    code = getattr(value, "__code__", None)
    return type(code) is types.CodeType and code.co_filename.startswith(_CELL)


def _all_classes() -> set[type]:
    seen: set[type] = {object}
    waiting: list[type] = [object]
    while waiting:
        children: list[type] = type.__subclasses__(waiting.pop())
        new = set(children) - seen
        seen |= new
        waiting += new
    return seen


def _put(owner: Any, name: str, value: Any) -> None:
    if isinstance(owner, type):
        type.__setattr__(owner, name, value)
    else:
        vars(owner)[name] = value


def _set_in_package(name: str, module: types.ModuleType) -> None:
    package, _, inner = name.rpartition(".")
    if package in sys.modules:
        vars(sys.modules[package])[inner] = module


def _text(thing: Any, name: str) -> str:
    found = getattr(thing, name, "")
    return found if type(found) is str else ""


def _name_of(thing: Any) -> str:
    inner = getattr(thing, "__qualname__", None)
    module = getattr(thing, "__module__", None) if inner else thing.__name__
    return ".".join(str(part) for part in (module, inner) if part)
