"""Collect the outputs of running cells as nbformat outputs, up to the limits on their size.

The messages come from a process that a submission may control, so every value is checked before
it is kept.
"""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from ..records import Limits

_MAX_DISPLAY_IDS = 256  # of a notebook; displays with further ids cannot be updated
_MAX_ID = 200  # characters of the name of a display or of a type
_MAX_DEPTH = 20  # of JSON in an output
_OUTPUT_BYTES = 100  # that each output counts at least


class Outputs:
    """The outputs of the cell that runs now; counts bytes for the whole notebook.

    Parameters
    ----------
    limits : Limits
        Uses ``cell_output_bytes`` and ``notebook_output_bytes``.

    Examples
    --------
    >>> outputs = Outputs(Limits(cell_output_bytes=5))
    >>> outputs.start_cell()
    >>> outputs.add({"op": "stream", "name": "stdout", "text": "123456789"})
    >>> outputs.cell[0].text
    '12345\\n[the rest is left out: a cell may output 5 bytes, a notebook 2,000,000]\\n'
    """

    def __init__(self, limits: Limits) -> None:
        self.cell: list[NotebookNode] = []
        self._limits = limits
        self._notebook_bytes_left = limits.notebook_output_bytes
        self._cell_bytes_left = 0
        self._is_full = self._clear_pending = False
        self._displays: dict[str, NotebookNode] = {}

    def start_cell(self) -> None:
        """Start collecting for the next cell."""
        self.cell, self._is_full, self._clear_pending = [], False, False
        self._cell_bytes_left = min(self._limits.cell_output_bytes, self._notebook_bytes_left)

    def add(self, reply: dict[str, Any]) -> None:
        """Add a message of the kernel: a "stream", a "display", a "result" or a "clear"."""
        kind = reply.get("op")
        if kind == "clear":
            self._clear_pending = True
            if not reply.get("wait"):
                self._clear_if_pending()
        elif kind == "stream":
            name = "stderr" if reply.get("name") == "stderr" else "stdout"
            self.stream(name, _writable_text(reply.get("text")))
        elif kind in ("display", "result"):
            self._display(reply)

    def stream(self, name: str, text: str) -> None:
        """Add printed text."""
        if not text or self._is_full:
            return
        self._clear_if_pending()
        content = text.encode()
        left = max(0, self._cell_bytes_left)
        kept_text = content[:left].decode(errors="ignore")
        self._count_bytes(len(content))
        last = self.cell[-1] if self.cell else None
        if last is not None and last.output_type == "stream" and last.name == name:
            last["text"] += kept_text
        elif kept_text:
            self.cell.append(new_output("stream", name=name, text=kept_text))
            self._count_bytes(_OUTPUT_BYTES)
        if self._cell_bytes_left < 0:
            self._note_cut()

    def result(self, text: Any, count: int) -> None:
        """Add the value of a test cell; the limits do not apply to it."""
        plain = {"text/plain": _writable_text(text)[:20_000]}
        self.cell.append(new_output("execute_result", data=plain, execution_count=count))

    def error(self, name: Any, text: Any, lines: Any) -> None:
        """Add the exception that ended a cell; the limits do not apply to it."""
        lines = lines[:200] if isinstance(lines, list) else []
        lines = [_writable_text(line)[:20_000] for line in lines]
        name, text = _writable_text(name)[:200], _writable_text(text)[:20_000]
        self.cell.append(new_output("error", ename=name, evalue=text, traceback=lines))

    def _display(self, reply: dict[str, Any]) -> None:
        data = reply.get("data")
        data = data if isinstance(data, dict) and len(data) <= _OUTPUT_BYTES else {}
        data = {key: _safe_form(key, form) for key, form in data.items() if len(key) <= _MAX_ID}
        size = _OUTPUT_BYTES + sum(len(key) + len(str(form)) for key, form in data.items())
        display_id = reply.get("display_id")
        if isinstance(display_id, str) and len(display_id) > _MAX_ID:
            display_id = None
        if self._is_full or not data:
            return
        self._clear_if_pending()
        if size > self._cell_bytes_left:
            self._cell_bytes_left = -1
            self._notebook_bytes_left -= size
            self._note_cut()
            return
        self._count_bytes(size)
        if reply.get("update"):
            if isinstance(display_id, str) and display_id in self._displays:
                self._displays[display_id]["data"] = NotebookNode(data)
            return
        kind = "execute_result" if reply.get("op") == "result" else "display_data"
        node = new_output(kind, data=data)
        self.cell.append(node)
        if isinstance(display_id, str) and len(self._displays) < _MAX_DISPLAY_IDS:
            self._displays[display_id] = node

    def _count_bytes(self, size: int) -> None:
        self._cell_bytes_left -= size
        self._notebook_bytes_left -= min(size, max(0, self._cell_bytes_left + size))

    def _clear_if_pending(self) -> None:
        """Delete the outputs of the cell if `clear_output` was called."""
        if self._clear_pending:
            self.cell, self._clear_pending, self._is_full = [], False, False
            self._cell_bytes_left = min(self._limits.cell_output_bytes, self._notebook_bytes_left)

    def _note_cut(self) -> None:
        """Append a note that further output is left out."""
        self._is_full = True
        cell, notebook = self._limits.cell_output_bytes, self._limits.notebook_output_bytes
        note = f"[the rest is left out: a cell may output {cell:,} bytes, a notebook {notebook:,}]"
        last = self.cell[-1] if self.cell else None
        if last is not None and last.output_type == "stream":
            last["text"] += f"\n{note}\n"
        else:
            self.cell.append(new_output("stream", name="stdout", text=f"{note}\n"))


def _writable_text(text: Any) -> str:
    """Return text that can be encoded as UTF-8: lone surrogates are replaced."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""


def _safe_form(kind: str, value: Any) -> Any:
    if isinstance(value, str):
        return _writable_text(value)
    return value if str(kind).endswith("json") and _is_flat(value, _MAX_DEPTH) else ""


def _is_flat(value: Any, depth: int) -> bool:
    """Return whether JSON has at most so many levels."""
    items = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return True
    return depth > 0 and all(_is_flat(item, depth - 1) for item in items)
