"""Run the cells of a rebuilt submission in a sandbox.

The result depends on the notebook, its files and the limits only. Every wait has a deadline. If a
cell hangs or ends its process, a new process runs the earlier cells again and continues with the
next one, so only the points of that cell are lost.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from nbformat import NotebookNode

from ..lesson import gives_points, is_test
from ..records import Executed, Limits, SharedTest
from .judging import Judge, JudgeLost, Turn, open_judge, release_judge, run_test
from .outputs import Outputs
from .sandbox.sandbox import Event, Sandbox, choose_isolation
from .tested_lesson import TestedLesson, modules_to_load, plain_python, redefines

_INTERRUPT_SECONDS = 3.0  # seconds for a cell to end after an interrupt
_MAX_RESTARTS = 8  # of the process, for one submission
_LOST_STATES = (
    "timeout",
    "memory",
    "kernel_died",
)  # states of a cell whose process was stopped or lost
_ERROR_NAMES = dict(
    zip(_LOST_STATES, ("CellTimeoutError", "OutOfMemory", "KernelDied"), strict=True)
)


def execute(
    notebook: NotebookNode,
    files: Mapping[str, bytes] | None = None,
    *,
    limits: Limits | None = None,
    lesson: NotebookNode | None = None,
    lesson_files: Mapping[str, bytes] | None = None,
    shared: Mapping[str, SharedTest] | None = None,
    cells: Collection[str] | None = None,
    isolation: str = "auto",
) -> Executed:
    """Run a notebook's code cells in a sandbox and return the notebook with outputs.

    Parameters
    ----------
    notebook : NotebookNode
        With the instructor's test cells, as returned by `align`; it is not changed.
    files : mapping of str to bytes, optional
        Files for the working folder, by relative path.
    limits : Limits, optional
        Limits on time, memory, processes, files and outputs; by default `Limits()`.
    lesson : NotebookNode, optional
        The instructor's notebook, with hidden tests. Its test cells run in the judge, a process
        that the submission does not reach; without it, they run beside the submission.
    lesson_files : mapping of str to bytes, optional
        The instructor's files beside the lesson, by relative path, for the working folder of tests
        in the judge.
    shared : mapping of str to SharedTest, optional
        The tests that must run beside the submission, from `find_shared_tests`.
    cells : collection of str, optional
        Ids of the cells to run, from `cells_to_run`; by default all.
    isolation : {"auto", "bubblewrap", "prlimit"}
        As for `choose_isolation`.

    Returns
    -------
    Executed
        Each code cell has its state and seconds in ``metadata["quantlab"]``. The state is "ok",
        "error" (it raised), "timeout", "memory", "kernel_died", "not_run" or "skipped". The
        status is "complete" if every test ran, or was stopped because of its own behaviour.

    Raises
    ------
    ValueError
        If the name of a file is outside the working folder.
    NoIsolation
        If the requested isolation is not available.

    Examples
    --------
    >>> from nbformat.v4 import new_code_cell, new_notebook
    >>> done = execute(new_notebook(cells=[new_code_cell("6 * 7")]))  # doctest: +SKIP
    >>> done.notebook.cells[0].outputs[0].data["text/plain"]  # doctest: +SKIP
    '42'
    """
    files, lesson_files = dict(files or {}), dict(lesson_files or {})
    for name in {**files, **lesson_files}:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
            raise ValueError(
                f"`files` must have names inside the working folder, got {name!r}; rename it."
            )
    level = choose_isolation(isolation)
    execution = _Execution(
        notebook,
        files,
        limits or Limits(),
        lesson=lesson,
        lesson_files=lesson_files,
        shared=shared or {},
        cells=cells,
        isolation=level,
    )
    try:
        execution.run()
    finally:
        execution.close()
    return execution.result()


class _StopExecution(Exception):
    """No further cell of the submission can run; ``state`` says what ended it."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        self.state = state


class _Execution:
    """The execution of one submission: its sandbox, deadlines, states and evidence."""

    def __init__(
        self,
        notebook: NotebookNode,
        files: dict[str, bytes],
        limits: Limits,
        *,
        lesson: NotebookNode | None,
        lesson_files: dict[str, bytes],
        shared: Mapping[str, SharedTest],
        cells: Collection[str] | None,
        isolation: str,
    ) -> None:
        self.notebook = copy.deepcopy(notebook)
        self.limits, self.isolation = limits, isolation
        self.started, self.deadline = time.monotonic(), float("inf")
        self.sandbox: Sandbox | None = None
        self.outputs = Outputs(limits)
        self.to_replay: list[NotebookNode] = []  # cells that a new process runs first
        self.states: dict[str, str] = {}  # of the test cells
        self.reasons: dict[str, str] = {}  # by state: the first cell that got it, and why
        self.stop_reason: _StopExecution | None = None
        self.starts = self.count = 0
        self.lesson = TestedLesson(lesson) if lesson is not None else None
        self.judge: Judge | None = None
        self.lesson_files = {name: content.hex() for name, content in lesson_files.items()}
        self.shared, self.forged = dict(shared), set[str]()
        self.code = _code_cells(self.notebook.cells)
        for number, cell in enumerate(self.code):
            cell.setdefault("id", f"cell-{number}")
        self.selected = {cell.id for cell in self.code} if cells is None else set(cells)
        self.evidence = dict[str, None]()
        sources = [cell.source for cell in self.code if cell.id in self.selected]
        if self.lesson is not None:
            sources = [cell.source for cell in self.lesson.cells if cell.id in self.selected]
        self.preload = list(modules_to_load(sources))
        self.setup = {
            "files": {name: content.hex() for name, content in files.items()},
            "preload": self.preload,
        }

    def run(self) -> None:
        """Run all selected cells, each to its end or its deadline."""
        for cell in self.code:
            cell["outputs"], cell["execution_count"] = [], None
            start = time.monotonic()
            state = "skipped"
            if cell.id in self.selected and cell.source.strip():
                state = self._run_and_record(cell)
            if is_test(cell):
                self.states[cell.id] = state
            seconds = round(time.monotonic() - start, 3)
            cell.metadata["quantlab"] = {"state": state, "seconds": seconds}
        for cell in self.code:
            if cell.id in self.shared and self._is_right(cell) and self._passes_without(cell):
                self.forged.add(cell.id)
                self._add_evidence(f"{cell.id} is right with constants in the place of answers")

    def _is_right(self, cell: NotebookNode) -> bool:
        """Return whether a test ran to its end."""
        return self.states.get(cell.id) == "ok" and not self.shared[cell.id].passes_without

    def _passes_without(self, cell: NotebookNode) -> bool:
        """Run a test beside the submission again, with constants in the place of its functions."""
        self.close_sandbox()
        self.starts, self.stop_reason = 0, None
        self.deadline = time.monotonic() + self.limits.submission_seconds
        try:
            self._ensure_sandbox()
        except _StopExecution:
            return True  # who cannot be tried again gets no points that can be forged
        request = self._request(cell)
        if self.lesson is not None:
            fetched = self.lesson.request(cell)
            request["without"] = [*fetched["answered"], *fetched["unknown"]]
        latest = min(time.monotonic() + self._time_limit(cell), self.deadline)
        turn = self._run_in_kernel(request, None, latest)
        self.close_sandbox()
        return turn.kind == "end" and turn.value.get("error") is None

    def _run_and_record(self, cell: NotebookNode) -> str:
        """Run one cell, store its outputs in it, and return its state."""
        try:
            self._ensure_sandbox()
        except _StopExecution as stop:
            self.stop_reason = stop
            return "not_run"
        self.outputs.start_cell()
        self.count += 1
        state, reason = self._run_cell(cell, self.outputs)
        if state in _LOST_STATES:
            self.reasons.setdefault(state, f"{cell.id}: {reason}")
            error = _ERROR_NAMES[state]
            self.outputs.error(error, reason, [f"{error}: {reason}"])
        elif not self._is_judged(cell):
            self.to_replay.append(cell)
        cell["outputs"], cell["execution_count"] = self.outputs.cell, self.count
        for output in cell["outputs"]:
            if output.output_type == "execute_result":
                output["execution_count"] = self.count
        return state

    def _ensure_sandbox(self) -> None:
        """Start a process that has run all earlier cells, if there is none."""
        while self.sandbox is None:
            if self.stop_reason is not None:
                raise self.stop_reason
            self._check_deadline()
            if self.starts > _MAX_RESTARTS:
                state, reason = next(iter(self.reasons.items()), ("kernel_died", ""))
                message = f"its process was lost {self.starts} times; first {reason}"
                raise _StopExecution(state, message)
            self._start()
            for cell in list(self.to_replay):
                state, reason = self._run_cell(cell, None)
                if self.sandbox is None:
                    self.to_replay.remove(cell)
                    self.reasons.setdefault(state, f"{cell.id}: {reason}")
                    break
        self._check_deadline()

    def _check_deadline(self) -> None:
        if time.monotonic() >= self.deadline:
            self.reasons.setdefault("timeout", "")
            seconds = self.limits.submission_seconds
            raise _StopExecution("timeout", f"the notebook ran for more than {seconds:g} seconds")

    def _start(self) -> None:
        """Start a process; tried twice, because a busy machine may be slow once."""
        output = ""
        for _ in range(2):
            self.sandbox = Sandbox(self.isolation, self.limits)
            latest = time.monotonic() + self.limits.startup_seconds
            if self.sandbox.send(self.setup, deadline=latest):
                for event in self.sandbox.events(latest):
                    if event.kind == "reply" and event.value.get("op") == "ready":
                        self.starts += 1
                        if self.starts == 1:
                            self.deadline = time.monotonic() + self.limits.submission_seconds
                        return
                    if event.kind == "text":
                        output += event.value.decode(errors="replace")
                    elif event.kind == "ended":
                        output += str(event.value)
            self.close_sandbox()
        message = f"no process could be started: {output[-500:].strip()}"
        raise _StopExecution("infrastructure_error", message)

    def _is_judged(self, cell: NotebookNode) -> bool:
        """Return whether a cell is a test that runs in the judge."""
        return is_test(cell) and self.lesson is not None and cell.id not in self.shared

    def _run_cell(self, cell: NotebookNode, outputs: Outputs | None) -> tuple[str, str]:
        """Run a cell; return its state, and the reason if its process was stopped or lost."""
        seconds = self._time_limit(cell)
        latest = min(time.monotonic() + seconds, self.deadline)
        if self._is_judged(cell):
            turn = self._judge(cell, outputs, latest)
        else:
            turn = self._run_in_kernel(self._request(cell), outputs, latest)
        if turn.kind == "late":
            self._interrupt()
            return "timeout", self._timeout_message(latest, seconds)
        if turn.kind == "judge_lost":
            self.close_sandbox()
            return "memory", "what the answers returned was too large for the test"
        if turn.kind == "ended":
            self.close_sandbox()
            return self._end_state(turn.value)
        return self._finish_cell(turn.value, outputs), ""

    def _judge(self, cell: NotebookNode, outputs: Outputs | None, latest: float) -> Turn:
        """Run a test in the judge."""
        assert self.lesson is not None and self.sandbox is not None
        if self.judge is None or not self.judge.is_open:
            self.judge = open_judge(
                self.isolation, self.limits, preload=self.preload, files=self.lesson_files
            )
        request = self.lesson.request(cell)
        try:
            return run_test(self.judge, self.sandbox, request, outputs=outputs, deadline=latest)
        except JudgeLost:  # by what the answer returned; the next test gets a new judge
            self.judge.is_open = False
            release_judge(self.judge, self.isolation)
            self.judge = None
            return Turn("judge_lost")

    def _run_in_kernel(
        self, request: dict[str, Any], outputs: Outputs | None, latest: float
    ) -> Turn:
        assert self.sandbox is not None
        if self.sandbox.send(request, deadline=latest):
            for event in self.sandbox.events(latest):
                if event.kind == "ended":
                    return Turn("ended", dict(event.value))
                if event.kind == "reply" and event.value.get("op") == "end":
                    return Turn("end", event.value)
                self._add_output(event, outputs, is_test_cell=request["op"] == "test")
        return Turn("late")

    def _interrupt(self) -> None:
        """Interrupt what runs in the kernel; end the process if it goes on."""
        sandbox, interrupted, answered = self.sandbox, False, False
        assert sandbox is not None
        sandbox.interrupt()
        for event in sandbox.events(time.monotonic() + _INTERRUPT_SECONDS):
            interrupted = interrupted or event.kind == "interrupted"
            if event.kind == "value" or (event.kind == "reply" and event.value.get("op") == "end"):
                answered = True
            if event.kind == "ended" or (interrupted and answered):
                break
        if not (interrupted and answered):
            self.close_sandbox()

    def _add_output(self, event: Event, outputs: Outputs | None, *, is_test_cell: bool) -> None:
        if outputs is None:
            return
        if event.kind == "text":
            outputs.stream("stdout", event.value.decode(errors="replace"))
        elif event.kind == "reply":  # of a test, only the "end" has its result
            is_result = is_test_cell and event.value.get("op") == "result"
            outputs.add({**event.value, "op": "display"} if is_result else event.value)

    def _finish_cell(self, end: dict[str, Any], outputs: Outputs | None) -> str:
        """Add the result or error of a cell that ended to the outputs; return its state."""
        error, result = end.get("error"), end.get("result")
        if isinstance(error, list) and len(error) == 3:
            if outputs is not None:
                outputs.error(*error)
            held = end.get("held_bytes")
            holds_much = isinstance(held, int) and held > self.limits.memory_bytes / 2
            if error[0] == "MemoryError" and holds_much:  # later cells need the memory
                self.close_sandbox()
            return "error"
        if result is not None and outputs is not None:
            outputs.result(result, self.count)
        return "ok"

    def _request(self, cell: NotebookNode) -> dict[str, Any]:
        if not is_test(cell):
            return {"op": "run", "code": cell.source}
        in_place = redefines(cell, self.code)
        return {"op": "test", "code": plain_python(cell.source), "in_place": in_place}

    def _time_limit(self, cell: NotebookNode) -> float:
        """Return the seconds that a cell may run."""
        limits = self.limits
        if is_test(cell) and gives_points(cell):
            return max(limits.cell_seconds, limits.points_seconds)
        return limits.cell_seconds

    def _timeout_message(self, latest: float, seconds: float) -> str:
        if latest >= self.deadline:
            return f"the notebook ran for more than {self.limits.submission_seconds:g} seconds"
        return f"the cell ran for more than {seconds:g} seconds"

    def _end_state(self, ended: dict[str, Any]) -> tuple[str, str]:
        """Return the state of the cell in which the process ended, and the reason."""
        limits = self.limits
        end = ended["ended"]
        if end == "memory":
            size = f"{limits.memory_bytes / 2**30:.3g} GiB"
            return "memory", f"the notebook took more than {size} of memory"
        if end == "processes":
            return "kernel_died", f"the notebook started more than {limits.processes} processes"
        if end == "files":
            size = f"{4 * limits.file_bytes / 2**20:.3g} MiB"
            return "kernel_died", f"the notebook wrote more than {size} into files"
        if end == "lost":
            self._add_evidence("the supervisor of the sandbox was killed")
        code = ended.get("code", 0)
        number = -code if code < 0 else code - 128
        if number == 11 or number == 7:
            return "kernel_died", "the cell crashed its process (memory fault)"
        if 0 < number < 65:
            return "kernel_died", f"the process of the notebook was ended by signal {number}"
        return "kernel_died", f"the cell ended its process (exit status {code})"

    def _add_evidence(self, text: Any) -> None:
        if isinstance(text, str) and len(self.evidence) < 50:
            self.evidence[text.encode("utf-8", "replace").decode()[:300]] = None

    def close(self) -> None:
        """End the sandbox and all its processes, and give the judge back."""
        self.close_sandbox()
        judge, self.judge = self.judge, None
        if judge is not None:
            release_judge(judge, self.isolation)

    def close_sandbox(self) -> None:
        """End the sandbox and all its processes."""
        sandbox, self.sandbox = self.sandbox, None
        if sandbox is not None:
            sandbox.stop()

    def result(self) -> Executed:
        """Return the notebook with outputs, the status and the evidence."""
        ran = {name: state in ("ok", "error") for name, state in self.states.items()}
        detail = "; ".join(reason for reason in self.reasons.values() if reason)
        status = "complete"
        if self.stop_reason is not None and (not ran or "not_run" in self.states.values()):
            status, detail = self.stop_reason.state, str(self.stop_reason)
        elif ran and not any(ran.values()):
            status = next((s for s in self.states.values() if s in _LOST_STATES), "complete")
        seconds = round(time.monotonic() - self.started, 3)
        shared = {name: test.reason for name, test in self.shared.items() if name in self.states}
        return Executed(
            self.notebook,
            status,
            detail,
            ran,
            self.isolation,
            seconds,
            tuple(self.evidence),
            shared,
            frozenset(self.forged),
        )


def _code_cells(cells: Iterable[NotebookNode]) -> list[NotebookNode]:
    return [cell for cell in cells if cell.cell_type == "code"]
