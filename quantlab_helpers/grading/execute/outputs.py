"""Collect what a cell puts out while it runs, in nbformat's shape, and no more than allowed.

What arrives comes out of a process that a submission may have taken over, so each value is looked
at before it is kept.
"""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from ..records import Limits

_KEPT = 256  # display ids of a notebook that can still be updated


class Outputs:
    """The outputs of a notebook's cells, one cell after the other.

    Parameters
    ----------
    limits : Limits
        ``cell_output_bytes`` and ``notebook_output_bytes`` count.

    Examples
    --------
    >>> outputs = Outputs(Limits(cell_output_bytes=5))
    >>> outputs.begin()
    >>> outputs.add({"op": "stream", "name": "stdout", "text": "123456789"})
    >>> outputs.cell[0].text
    '12345\\n[the rest is left out: a cell may put out 5 bytes, a notebook 2,000,000]\\n'
    """

    def __init__(self, limits: Limits) -> None:
        self.cell: list[NotebookNode] = []
        self._limits = limits
        self._room_of_notebook = limits.notebook_output_bytes
        self._room = 0
        self._full = self._clears = False
        self._shown: dict[str, NotebookNode] = {}

    def begin(self) -> None:
        """Begin the next cell."""
        self.cell, self._full, self._clears = [], False, False
        self._room = min(self._limits.cell_output_bytes, self._room_of_notebook)

    def add(self, reply: dict[str, Any]) -> None:
        """Take what the kernel sent: a "stream", a "display", a "result" or a "clear"."""
        kind = reply.get("op")
        if kind == "clear":
            self._clears = True
            if not reply.get("wait"):
                self._clear()
        elif kind == "stream":
            name = "stderr" if reply.get("name") == "stderr" else "stdout"
            self.stream(name, _clean(reply.get("text")))
        elif kind in ("display", "result"):
            self._display(reply)

    def stream(self, name: str, text: str) -> None:
        """Take printed text."""
        if not text or self._full:
            return
        self._clear()
        content = text.encode()
        kept = content[: self._room].decode(errors="ignore") if self._room > 0 else ""
        self._spend(len(content))
        last = self.cell[-1] if self.cell else None
        if last is not None and last.output_type == "stream" and last.name == name:
            last["text"] += kept
        elif kept:
            self.cell.append(new_output("stream", name=name, text=kept))
        if self._room < 0:
            self._stop()

    def result(self, text: Any, count: int) -> None:
        """Take the value of a test cell; it needs no room."""
        plain = {"text/plain": _clean(text)[:20_000]}
        self.cell.append(new_output("execute_result", data=plain, execution_count=count))

    def error(self, name: Any, text: Any, lines: Any) -> None:
        """Take the exception that ended a cell; it needs no room."""
        lines = [_clean(line)[:20_000] for line in lines[:200]] if isinstance(lines, list) else []
        name, text = _clean(name)[:200], _clean(text)[:20_000]
        self.cell.append(new_output("error", ename=name, evalue=text, traceback=lines))

    def _display(self, reply: dict[str, Any]) -> None:
        data = reply.get("data")
        data = {str(k): _form(k, v) for k, v in data.items()} if isinstance(data, dict) else {}
        size = sum(len(str(form)) for form in data.values())
        known = reply.get("display_id")
        if self._full or not data:
            return
        self._clear()
        if size > self._room:
            self._room = -1
            self._room_of_notebook -= size
            self._stop()
            return
        self._spend(size)
        if reply.get("update"):
            if isinstance(known, str) and known in self._shown:
                self._shown[known]["data"] = NotebookNode(data)
            return
        kind = "execute_result" if reply.get("op") == "result" else "display_data"
        node = new_output(kind, data=data)
        self.cell.append(node)
        if isinstance(known, str) and len(self._shown) < _KEPT:
            self._shown[known] = node

    def _spend(self, size: int) -> None:
        self._room -= size
        self._room_of_notebook -= min(size, max(0, self._room + size))

    def _clear(self) -> None:
        """Forget what the cell has put out, if it asked for that."""
        if self._clears:
            self.cell, self._clears, self._full = [], False, False
            self._room = min(self._limits.cell_output_bytes, self._room_of_notebook)

    def _stop(self) -> None:
        self._full = True
        cell, notebook = self._limits.cell_output_bytes, self._limits.notebook_output_bytes
        note = f"[the rest is left out: a cell may put out {cell:,} bytes, a notebook {notebook:,}]"
        last = self.cell[-1] if self.cell else None
        if last is not None and last.output_type == "stream":
            last["text"] += f"\n{note}\n"
        else:
            self.cell.append(new_output("stream", name="stdout", text=f"{note}\n"))


def _clean(text: Any) -> str:
    """Return text that every file can hold: no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""


def _form(kind: str, value: Any) -> Any:
    if isinstance(value, str):
        return _clean(value)
    return value if str(kind).endswith("json") else ""
