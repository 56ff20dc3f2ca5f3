"""Protect test cells from changes that a submission made to its own process.

`Guard` records the state of the libraries before any submitted code runs. Before each test cell it
restores that state, imports the checks again, and restores the names that the lesson imports.
Every change that it had to undo is reported as evidence.

A test runs in the same process as the answer that it calls, so this stops simple tricks and not
all: a person should look at the scores of a submission with evidence.
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

# The original built-in functions, in case a submission replaces them.
globals()["__builtins__"] = vars(builtins).copy()

_CELL_FILENAME = "<ipython-input-"  # start of the file name that IPython gives to a cell
_WATCHED_STANDARD_MODULES = {
    "_weakrefset", "abc", "array", "base64", "bisect", "cmath", "collections", "collections.abc",
    "contextlib", "copy", "copyreg", "dataclasses", "decimal", "enum", "fractions", "functools",
    "genericpath", "hashlib", "heapq", "importlib", "importlib._bootstrap",
    "importlib._bootstrap_external", "inspect", "io", "itertools", "json", "json.decoder",
    "json.encoder", "linecache", "lzma", "math", "numbers", "operator", "os", "pathlib",
    "posixpath", "random", "re", "signal", "statistics", "string", "struct", "sys", "tempfile",
    "textwrap", "threading", "time", "traceback", "types", "typing", "unittest.case",
    "unittest.mock", "warnings", "zlib",
}  # fmt: skip
_WATCHED_TORCH_MODULES = {
    "_compile", "_tensor", "functional", "nn", "nn.functional", "nn.parameter", "autograd",
    "linalg", "testing",
}  # fmt: skip
# Of `sys`; a notebook may set these.
_SYS_HOOKS = {"displayhook", "excepthook", "unraisablehook", "breakpointhook"}
_HEAP_TYPE = 0x200  # flag of classes whose attributes can be set
_DESCRIPTORS = (property, staticmethod, classmethod)
_CONSTANT_TYPES = (int, float, complex, str, bytes, bool)
_COMPARING = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__bool__", "__float__")
# Libraries that patch a module when they are imported, which may be after the start.
_PATCHING_LIBRARIES = {"typing": "typing_extensions", "inspect": "torch.package.package_importer"}
_CHECKS_PACKAGE = "quantlab_helpers.checks"
_Attribute = tuple[Any, str, Any]  # owner, name, value


class Guard:
    """The state of the process before submitted code ran; restores it for test cells.

    Parameters
    ----------
    shell : IPython InteractiveShell
        Runs the cells of the submission.
    report_evidence : callable
        Called with one sentence of evidence at a time.
    imports : dict of str to [str, str or None]
        The module, and the attribute of it, that each name imported by the lesson refers to.
    """

    def __init__(
        self,
        *,
        shell: Any,
        report_evidence: Callable[[str], None],
        imports: dict[str, tuple[str, str | None]],
    ) -> None:
        self._shell, self._report_evidence, self._reported = shell, report_evidence, set[str]()
        self._imports = imports
        self._modules = {name: sys.modules[name] for name in _watched_modules(sys.modules)}
        self._attributes = [entry for m in self._modules.values() for entry in _attributes(m)]
        self._classes = [owner for owner, _, _ in self._attributes if isinstance(owner, type)]
        self._classes = list(dict.fromkeys(self._classes))
        self._classes_at_start = _all_classes()
        self._class_attributes = {owner: set(vars(owner)) for owner in self._classes}
        self._function_codes = [_function_code(f) for f in _functions_of(self._attributes)]
        self._inner_code_ids = {
            id(code) for _, kept in self._function_codes for code in _inner_codes(kept[0])
        }
        self._builtins = dict(vars(builtins))
        self._finders: list[list[Any]] = [list(sys.meta_path), list(sys.path_hooks)]
        self._import_values = dict(_resolve_imports(imports, sys.modules))
        self._check_modules = [name for name in self._modules if _is_check(name)]
        self._check_codes = {
            name: _module_code(self._modules[name]) for name in self._check_modules
        }
        self._replaced_modules: dict[str, Any] = {}
        manager = shell.input_transformer_manager
        self._transformers = [
            (manager, name, list(getattr(manager, name)))
            for name in ("cleanup_transforms", "line_transforms", "token_transformers")
        ]
        self._transformers.append((shell, "input_transformers_post", []))
        self._transformers.append((shell, "ast_transformers", []))

    def before_test(
        self, names: dict[str, Any], *, uses: list[str], python_builtins: list[str]
    ) -> dict[str, Any]:
        """Restore the state at the start; return the namespace for a test.

        Parameters
        ----------
        names : dict
            The namespace of the notebook.
        uses : list of str
            Names that the test uses.
        python_builtins : list of str
            Those of them that are built-in functions, for the lesson does not define them.

        Returns
        -------
        dict
        """
        self._restore_builtins()
        self._restore_modules()
        self._restore_process()
        self._report_comparison_classes()
        self._reload_checks()
        namespace = dict(names)
        for name in python_builtins:
            if namespace.get(name, self._builtins[name]) is not self._builtins[name]:
                del namespace[name]
                self._report_once(f"the notebook defines `{name}`; the test used Python's")
        reloaded = {name: sys.modules[name] for name in self._check_modules}
        values = self._import_values | dict(_resolve_imports(self._imports, reloaded))
        for name in values.keys() & set(uses):
            original = self._import_values.get(name, values[name])
            if name in namespace and not _is_same_object(namespace[name], original):
                text = f"the name `{name}` no longer referred to what the lesson imports"
                self._report_once(text)
            namespace[name] = values[name]
        for name in uses:
            module = _string_attribute(namespace.get(name), "__module__")
            if name not in self._imports and _is_check(module):
                self._report_once(f"`{name}` is an object of the checks package")
        namespace["__builtins__"] = builtins
        namespace["__name__"] = "__main__"
        return namespace

    def after_test(self, before: dict[str, Any], names: dict[str, Any]) -> None:
        """Put back the check modules that the submission had before the test."""
        for name in (self._imports.keys() | self._builtins.keys()) & names.keys():
            if _is_from_a_cell(names[name]) and before.get(name) is not names[name]:
                self._report_once(f"`{name}` was replaced in a test while it ran")
        for name, module in self._replaced_modules.items():
            sys.modules[name] = module
            _set_in_package(name, module)
        self._replaced_modules = {}

    def _report_once(self, text: str) -> None:
        if text not in self._reported and len(self._reported) < 50:
            self._reported.add(text)
            self._report_evidence(text)

    def _restore_process(self) -> None:
        for kind, get, set_function in [
            ("trace", sys.gettrace, sys.settrace),
            ("profile", sys.getprofile, sys.setprofile),
        ]:
            if get() is not None:
                set_function(None)
                self._report_once(f"a {kind} function was left in place")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            if any(signal.setitimer(timer, 0)):
                self._report_once("a timer was left running")
        lists: tuple[list[Any], list[Any]] = (sys.meta_path, sys.path_hooks)
        for kept, used in zip(self._finders, lists, strict=True):
            added = [item for item in used if item not in kept]
            from_notebook = [
                item for item in added if _string_attribute(type(item), "__module__") == "__main__"
            ]
            if from_notebook:
                self._report_once("the import of modules was changed")
            used[:] = [*kept, *(item for item in added if item not in from_notebook)]
        for owner, name, value in self._transformers:
            if list(getattr(owner, name)) != value:
                self._report_once(f"IPython's {name} were changed: they rewrite later cells")
                setattr(owner, name, list(value))
        for thread in threading.enumerate():
            target = getattr(thread, "_target", None)
            code = getattr(target, "__code__", None)
            if code is not None and code.co_filename.startswith(_CELL_FILENAME):
                self._report_once(f"the thread {thread.name} was still running when a test began")

    def _restore_builtins(self) -> None:
        for name, value in list(vars(builtins).items()):
            if name in ("_", "__debug__"):
                continue
            if name not in self._builtins:
                if name not in ("get_ipython", "display"):
                    del vars(builtins)[name]
            elif value is not self._builtins[name]:
                self._report_once(f"the built-in {name} was replaced")
        vars(builtins).update(self._builtins)

    def _restore_modules(self) -> None:
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module:
                self._report_once(f"the module {name} was replaced")
                sys.modules[name] = module
        for owner, name, value in self._attributes:
            current = vars(owner).get(name)
            if current is value or self._is_library_wrapper(current, value):
                continue
            if not _is_library_patch(owner, current):
                self._report_once(f"{_qualified_name(owner)}.{name} was replaced")
                _set_attribute(owner, name, value)
        for function, kept in self._function_codes:
            if (function.__code__, function.__defaults__, function.__kwdefaults__) != kept:
                self._report_once(f"the function {_qualified_name(function)} was rewritten")
                function.__code__, function.__defaults__, function.__kwdefaults__ = kept
        for owner in self._classes:
            for name in vars(owner).keys() - self._class_attributes[owner]:
                if name.startswith("__") and callable(vars(owner)[name]):
                    self._report_once(f"{_qualified_name(owner)}.{name} was added")
                    type.__delattr__(owner, name)
        for module in self._modules.values():
            for name in vars(module).keys() & self._builtins.keys():
                if not name.startswith("__") and _is_from_a_cell(vars(module)[name]):
                    self._report_once(f"{_qualified_name(module)}.{name} was added")
                    del vars(module)[name]

    def _is_library_wrapper(self, current: Any, value: Any) -> bool:
        """Return whether a library wrapped its own function, as torch does in training."""
        return (
            type(current) is types.FunctionType
            and id(current.__code__) in self._inner_code_ids
            and any(current.__globals__ is vars(module) for module in self._modules.values())
            and [cell.cell_contents for cell in current.__closure__ or ()].count(value) == 1
            and not any(_is_from_a_cell(cell.cell_contents) for cell in current.__closure__ or ())
        )

    def _report_comparison_classes(self) -> None:
        """Report classes of the notebook that define comparison methods."""
        for new_class in sorted(_all_classes() - self._classes_at_start, key=type.__repr__):
            members = vars(new_class)
            names = [n for n in _COMPARING if n in members and _is_from_a_cell(members[n])]
            if names:
                text = f"the notebook's class {new_class.__name__} defines {', '.join(names)}"
                self._report_once(text)

    def _reload_checks(self) -> None:
        """Re-import the check modules from their original code.

        Submitted code holds no reference to the new objects.
        """
        self._replaced_modules = {name: sys.modules.pop(name) for name in self._check_modules}
        finder = _CodeFinder(self._check_codes)
        sys.meta_path.insert(0, finder)
        try:
            for name in self._check_modules:
                importlib.import_module(name)
        finally:
            sys.meta_path.remove(finder)


class _CodeFinder(importlib.machinery.SourcelessFileLoader):
    """Import hook that gives the check modules the code that they had at the start."""

    def __init__(self, codes: dict[str, tuple[types.CodeType, str]]) -> None:
        self._codes = codes

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in self._codes:
            return None
        origin = self._codes[name][1]
        is_package = os.path.basename(origin) == "__init__.py"
        spec = importlib.machinery.ModuleSpec(name, self, origin=origin, is_package=is_package)
        if is_package:
            spec.submodule_search_locations = [os.path.dirname(origin)]
        return spec

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        code, module.__file__ = self._codes[module.__name__]
        exec(code, vars(module))


def _watched_modules(modules: dict[str, Any]) -> Iterator[str]:
    for name, module in list(modules.items()):
        top, _, rest = name.partition(".")
        is_watched = name in _WATCHED_STANDARD_MODULES or name == "torch"
        is_watched = is_watched or top in ("numpy", "quantlab_helpers")
        if top == "torch":
            is_watched = is_watched or rest in _WATCHED_TORCH_MODULES
            is_watched = is_watched or rest.startswith("nn.modules")
        if is_watched and isinstance(module, types.ModuleType):
            yield name


def _attributes(module: types.ModuleType) -> Iterator[_Attribute]:
    """Yield the attributes of a module and its classes that honest code does not change."""
    top = module.__name__.partition(".")[0]
    constants = _CONSTANT_TYPES if module.__name__ in ("math", "numpy") else ()
    for name, value in list(vars(module).items()):
        if name.startswith("__") or (top == "sys" and name in _SYS_HOOKS):
            continue
        if callable(value) or isinstance(value, (types.ModuleType, *constants)):
            yield module, name, value
        is_own_class = isinstance(value, type) and value.__module__.partition(".")[0] == top
        if is_own_class and value.__flags__ & _HEAP_TYPE:
            for inner, member in list(vars(value).items()):
                if callable(member) or isinstance(member, _DESCRIPTORS):
                    yield value, inner, member


def _functions_of(entries: list[_Attribute]) -> Iterator[types.FunctionType]:
    seen = set()
    for _, _, value in entries:
        value = getattr(value, "__func__", value) if not isinstance(value, type) else value
        if type(value) is types.FunctionType and id(value) not in seen:
            seen.add(id(value))
            yield value


def _function_code(function: types.FunctionType) -> tuple[Any, tuple[Any, Any, Any]]:
    return function, (function.__code__, function.__defaults__, function.__kwdefaults__)


def _inner_codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for value in code.co_consts:
        if type(value) is types.CodeType:
            yield value
            yield from _inner_codes(value)


def _is_check(name: str) -> bool:
    return name == _CHECKS_PACKAGE or name.startswith(f"{_CHECKS_PACKAGE}.")


def _is_library_patch(owner: Any, current: Any) -> bool:
    """Return whether a library that patches its owner set this attribute when imported later."""
    patching = sys.modules.get(_PATCHING_LIBRARIES.get(getattr(owner, "__name__", ""), ""))
    return (
        patching is not None
        and type(current) is types.FunctionType
        and current.__globals__ is vars(patching)
        and type(getattr(patching.__spec__, "loader", None)).__name__ == "SourceFileLoader"
        and not _is_from_a_cell(current)
    )


def _module_code(module: types.ModuleType) -> tuple[types.CodeType, str]:
    loader: Any = module.__spec__.loader if module.__spec__ else None
    code = loader.get_code(module.__name__)
    return code, str(module.__file__)


def _resolve_imports(
    imports: dict[str, tuple[str, str | None]], modules: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Yield each name with the object that its import gives in these modules."""
    for name, (module, inner) in imports.items():
        if inner is None:
            if module in modules:
                yield name, modules[module]
        elif f"{module}.{inner}" in modules:
            yield name, modules[f"{module}.{inner}"]
        elif module in modules and hasattr(modules[module], inner):
            yield name, getattr(modules[module], inner)


def _is_same_object(value: Any, expected: Any) -> bool:
    """Return whether two values are one object, or modules of the same name."""
    return value is expected or (
        isinstance(value, types.ModuleType)
        and value.__name__ == getattr(expected, "__name__", None)
    )


def _is_from_a_cell(value: Any) -> bool:
    value = getattr(value, "__func__", value)
    code = getattr(value, "__code__", None)
    return type(code) is types.CodeType and code.co_filename.startswith(_CELL_FILENAME)


def _all_classes() -> set[type]:
    seen: set[type] = {object}
    waiting: list[type] = [object]
    while waiting:
        children: list[type] = type.__subclasses__(waiting.pop())
        new = set(children) - seen
        seen |= new
        waiting += new
    return seen


def _set_attribute(owner: Any, name: str, value: Any) -> None:
    if isinstance(owner, type):
        type.__setattr__(owner, name, value)
    else:
        vars(owner)[name] = value


def _set_in_package(name: str, module: types.ModuleType) -> None:
    package, _, inner = name.rpartition(".")
    if package in sys.modules:
        vars(sys.modules[package])[inner] = module


def _string_attribute(thing: Any, name: str) -> str:
    value = getattr(thing, name, "")
    return value if type(value) is str else ""


def _qualified_name(thing: Any) -> str:
    inner = getattr(thing, "__qualname__", None)
    module = getattr(thing, "__module__", None) if inner else thing.__name__
    return ".".join(str(part) for part in (module, inner) if part)
