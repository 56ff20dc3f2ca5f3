"""Run a submission in a jail: a function of a notebook, files and limits, and of nothing else.

Every wait has a deadline. A cell that hangs or kills its process is marked; a new process runs
again what came before it and goes on behind it, so points that were earned stay, and what is
still to be earned can be.
"""

from __future__ import annotations

import ast
import builtins
import copy
import secrets
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from nbformat import NotebookNode

from ..lesson import gives_points, is_test
from ..name_analysis import names_of, only_imports
from ..records import Executed, Limits
from .outputs import Outputs
from .sandbox.sandbox import Event, Jail
from .sandbox.sandbox import isolation as level_of
from .source_scan import bindings, signs

_GRACE = 3.0  # seconds that an interrupted cell has to end
_RESTARTS = 8  # new processes for one submission
_ENDED = ("timeout", "memory", "kernel_died")  # states of a cell that did not end by itself
_ERRORS = dict(zip(_ENDED, ("CellTimeoutError", "OutOfMemory", "KernelDied"), strict=True))


def execute(
    notebook: NotebookNode,
    files: Mapping[str, bytes] | None = None,
    *,
    limits: Limits | None = None,
    lesson: NotebookNode | None = None,
    cells: Collection[str] | None = None,
    isolation: str = "auto",
) -> Executed:
    """Run a notebook's code cells in a process of their own that can harm nothing.

    Parameters
    ----------
    notebook : NotebookNode
        With the instructor's test cells, as `align` made it; it is not changed.
    files : mapping of str to bytes, optional
        What lies in the working folder, by relative names.
    limits : Limits, optional
        What it may take; by default the course's.
    lesson : NotebookNode, optional
        The instructor's notebook. What its cells import, test cells get from where the lesson
        has it, whatever the submission did to the name.
    cells : collection of str, optional
        Ids of the cells to run, from `needed`; by default all.
    isolation : {"auto", "bubblewrap", "prlimit"}
        As for `jail.isolation`.

    Returns
    -------
    Executed
        Each code cell has its state and seconds in ``metadata["quantlab"]``. The state is "ok",
        "error" (it raised), "timeout", "memory", "kernel_died", "not_run" or "skipped". The
        status is "complete" where every test ran or was stopped for what it did itself.

    Raises
    ------
    ValueError
        If the name of a file leads out of the working folder.
    NoIsolation
        If the isolation that was asked for cannot be had.

    Examples
    --------
    >>> from nbformat.v4 import new_code_cell, new_notebook
    >>> done = execute(new_notebook(cells=[new_code_cell("6 * 7")]))  # doctest: +SKIP
    >>> done.notebook.cells[0].outputs[0].data["text/plain"]  # doctest: +SKIP
    '42'
    """
    files = dict(files or {})
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
            raise ValueError(
                f"`files` must have names inside the working folder, got {name!r}; rename it."
            )
    run = _Run(notebook, files, limits or Limits(), lesson, cells, level_of(isolation))
    try:
        run.run()
    finally:
        run.close()
    return run.result()


class _Over(Exception):
    """The submission cannot go on: the state that its other cells get, and why."""

    def __init__(self, state: str, why: str) -> None:
        super().__init__(why)
        self.state = state


class _Run:
    """One submission while it runs."""

    def __init__(
        self,
        notebook: NotebookNode,
        files: dict[str, bytes],
        limits: Limits,
        lesson: NotebookNode | None,
        cells: Collection[str] | None,
        level: str,
    ) -> None:
        self.notebook = copy.deepcopy(notebook)
        self.limits, self.level = limits, level
        self.started, self.deadline = time.monotonic(), float("inf")
        self.jail: Jail | None = None
        self.outputs = Outputs(limits)
        self.again: list[NotebookNode] = []  # cells that a new process has to run first
        self.states: dict[str, str] = {}  # of the test cells
        self.why: dict[str, str] = {}  # by states: what a cell did to get it
        self.over: _Over | None = None
        self.jails = self.count = 0
        ours = _code(lesson.cells) if lesson is not None else []
        self.bindings = bindings(cell.source for cell in ours)
        self.own = frozenset[str]().union(
            *(names_of(cell.source).bound for cell in ours if not only_imports(cell.source))
        )
        self.code = _code(self.notebook.cells)
        self.shared = frozenset[str]().union(
            *(names_of(cell.source).bound for cell in ours if not is_test(cell))
        ) - set(self.bindings)
        for number, cell in enumerate(self.code):
            cell.setdefault("id", f"cell-{number}")
        self.run_these = {cell.id for cell in self.code} if cells is None else set(cells)
        known = {cell.source for cell in ours}
        theirs = [cell.source for cell in self.code if cell.source not in known]
        self.evidence = dict.fromkeys(signs(theirs)) if lesson is not None else {}
        imported = [cell.source for cell in ours if cell.id in self.run_these]
        self.setup = {
            "files": {name: content.hex() for name, content in files.items()},
            "bindings": self.bindings,
            "preload": list(_modules(bindings(imported).values())),
        }

    def run(self) -> None:
        """Run all cells, each to its end or its deadline."""
        for cell in self.code:
            cell["outputs"], cell["execution_count"] = [], None
            begun = time.monotonic()
            state = "skipped"
            if cell.id in self.run_these and cell.source.strip():
                state = self._run_marked(cell)
            if is_test(cell):
                self.states[cell.id] = state
            seconds = round(time.monotonic() - begun, 3)
            cell.metadata["quantlab"] = {"state": state, "seconds": seconds}

    def _run_marked(self, cell: NotebookNode) -> str:
        """Run one cell, and put into it what came of it."""
        try:
            self._be_ready()
        except _Over as over:
            self.over = over
            return "not_run"
        self.outputs.begin()
        self.count += 1
        state, why = self._run_cell(cell, self.outputs)
        if state in _ENDED:
            self.why.setdefault(state, f"{cell.id}: {why}")
            self.outputs.error(_ERRORS[state], why, [f"{_ERRORS[state]}: {why}"])
        elif not is_test(cell) or names_of(cell.source).bound:
            self.again.append(cell)
        cell["outputs"], cell["execution_count"] = self.outputs.cell, self.count
        for output in cell["outputs"]:
            if output.output_type == "execute_result":
                output["execution_count"] = self.count
        return state

    def _be_ready(self) -> None:
        """Have a process that has run everything so far."""
        while self.jail is None:
            if self.over is not None:
                raise self.over
            self._check_time()
            if self.jails > _RESTARTS:
                state, why = next(iter(self.why.items()))
                raise _Over(state, f"its process was lost {self.jails} times; first {why}")
            self._start()
            for cell in list(self.again):
                state, why = self._run_cell(cell, None)
                if self.jail is None:
                    self.again.remove(cell)
                    self.why.setdefault(state, f"{cell.id}: {why}")
                    break
        self._check_time()

    def _check_time(self) -> None:
        if time.monotonic() >= self.deadline:
            self.why.setdefault("timeout", "")
            seconds = self.limits.submission_seconds
            raise _Over("timeout", f"the notebook ran for more than {seconds:g} seconds")

    def _start(self) -> None:
        """Start a process; tried twice, since a busy machine may need longer once."""
        said = ""
        for _ in range(2):
            self.jail = Jail(self.level, self.limits)
            latest = time.monotonic() + self.limits.startup_seconds
            if self.jail.send(self.setup, deadline=latest):
                for event in self.jail.events(latest):
                    if event.kind == "reply" and event.value.get("op") == "ready":
                        self.jails += 1
                        if self.jails == 1:
                            self.deadline = time.monotonic() + self.limits.submission_seconds
                        return
                    said += event.value.decode(errors="replace") if event.kind == "text" else ""
                    said += str(event.value) if event.kind == "ended" else ""
            self.close()
        raise _Over("infrastructure_error", f"no process could be started: {said[-500:].strip()}")

    def _run_cell(self, cell: NotebookNode, outputs: Outputs | None) -> tuple[str, str]:
        """Run a cell in the process; return its state, and why it did not end by itself."""
        jail, key = self.jail, secrets.token_hex(16)
        assert jail is not None
        seconds = self._seconds(cell)
        most = min(time.monotonic() + seconds, self.deadline)
        request = self._request(cell)
        ended = interrupted = None
        if jail.send(request, {"key": key}, deadline=most):
            for event in jail.events(most):
                ended = self._take(event, key, request["op"] == "test", outputs)
                if ended is not None:
                    break
        late = ended is None
        if late:
            jail.interrupt()
            for event in jail.events(time.monotonic() + _GRACE):
                interrupted = interrupted or event.kind == "interrupted"
                ended = self._take(event, key, True, outputs) or ended
                if ended is not None and (interrupted or event.kind == "ended"):
                    break
        if late:
            if ended is None or "ended" in ended or not interrupted:
                self.close()
            return "timeout", self._late(most, seconds)
        assert ended is not None
        if "ended" in ended:
            self.close()
            return self._cause(ended)
        return self._close_cell(cell, ended, outputs), ""

    def _take(
        self, event: Event, key: str, is_test_cell: bool, outputs: Outputs | None
    ) -> dict[str, Any] | None:
        """Take in one event; return it if it is the end of the cell or of the process."""
        if event.kind == "ended":
            return dict(event.value)
        if event.kind == "text" and outputs is not None:
            outputs.stream("stdout", event.value.decode(errors="replace"))
        if event.kind == "forged":
            self._suspect("something wrote into the pipe of the grader")
        if event.kind != "reply":
            return None
        reply: dict[str, Any] = event.value
        if reply.get("op") == "end":
            if reply.get("key") == key:
                return {name: value for name, value in reply.items() if name != "ended"}
            self._suspect("something told the grader that a cell had ended")
        elif reply.get("op") == "evidence":
            self._suspect(reply.get("text"))
        elif outputs is not None:
            if is_test_cell and reply.get("op") == "result":  # only its end tells the result
                reply = {**reply, "op": "display"}
            outputs.add(reply)
        return None

    def _close_cell(self, cell: NotebookNode, end: dict[str, Any], outputs: Outputs | None) -> str:
        """Put the result of a cell that ended into its outputs."""
        error, result = end.get("error"), end.get("result")
        if isinstance(error, list) and len(error) == 3:
            if outputs is not None:
                outputs.error(*error)
            held = end.get("held")
            much = isinstance(held, int) and held > self.limits.memory_bytes / 2
            if error[0] == "MemoryError" and much:  # nothing else would fit beside it
                self.close()
            return "error"
        if result is not None and outputs is not None:
            outputs.result(result, self.count)
        return "ok"

    def _request(self, cell: NotebookNode) -> dict[str, Any]:
        if not is_test(cell):
            return {"op": "run", "code": cell.source}
        read = names_of(cell.source).read
        python = [name for name in read - self.own - set(self.bindings) if hasattr(builtins, name)]
        source = _plain_python(cell.source)
        told = {"op": "test", "code": source, "read": sorted(read), "python": sorted(python)}
        return told | {"shared": bool(names_of(cell.source).bound & self.shared)}

    def _seconds(self, cell: NotebookNode) -> float:
        """Return how long a cell may run."""
        limits = self.limits
        if is_test(cell) and gives_points(cell):
            return max(limits.cell_seconds, limits.points_seconds)
        return limits.cell_seconds

    def _late(self, most: float, seconds: float) -> str:
        if most >= self.deadline:
            return f"the notebook ran for more than {self.limits.submission_seconds:g} seconds"
        return f"the cell ran for more than {seconds:g} seconds"

    def _cause(self, ended: dict[str, Any]) -> tuple[str, str]:
        """Say why the process ended."""
        limits = self.limits
        how = ended["ended"]
        if how == "memory":
            size = f"{limits.memory_bytes / 2**30:.3g} GiB"
            return "memory", f"the notebook took more than {size} of memory"
        if how == "processes":
            return "kernel_died", f"the notebook started more than {limits.processes} processes"
        if how == "files":
            return "kernel_died", "the notebook wrote more files than it may"
        if how == "lost":
            self._suspect("the process that watches the jail was killed")
        code = ended.get("code", 0)
        number = -code if code < 0 else code - 128
        if number == 11 or number == 7:
            return "kernel_died", "the cell crashed its process (a fault in memory)"
        if 0 < number < 65:
            return "kernel_died", f"the process of the notebook was ended by signal {number}"
        return "kernel_died", f"the cell ended its process (exit status {code})"

    def _suspect(self, text: Any) -> None:
        if isinstance(text, str) and len(self.evidence) < 50:
            self.evidence[text.encode("utf-8", "replace").decode()[:300]] = None

    def close(self) -> None:
        """End the process, and everything that it started."""
        jail, self.jail = self.jail, None
        if jail is not None:
            jail.stop()

    def result(self) -> Executed:
        """Return what running gave."""
        ran = {name: state in ("ok", "error") for name, state in self.states.items()}
        detail = "; ".join(why for why in self.why.values() if why)
        status = "complete"
        if self.over is not None and (not ran or "not_run" in self.states.values()):
            status, detail = self.over.state, str(self.over)
        elif ran and not any(ran.values()):
            status = next((s for s in self.states.values() if s in _ENDED), "complete")
        seconds = round(time.monotonic() - self.started, 3)
        return Executed(
            self.notebook, status, detail, ran, self.level, seconds, tuple(self.evidence)
        )


def _code(cells: Iterable[NotebookNode]) -> list[NotebookNode]:
    return [cell for cell in cells if cell.cell_type == "code"]


def _modules(bound: Iterable[tuple[str, str | None]]) -> Iterable[str]:
    """Return the modules that imports may load, each once."""
    names = dict[str, None]()
    for module, inner in bound:
        names[module] = None
        if inner is not None:
            names[f"{module}.{inner}"] = None
    return names


def _plain_python(source: str) -> str:
    """Return a test cell as Python; IPython's own syntax is translated on this side."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        from IPython.core.inputtransformer2 import TransformerManager

        return str(TransformerManager().transform_cell(source))  # type: ignore[no-untyped-call]
    return source
