"""Count the bytes of a file, tensor by tensor: codes, codebooks, coder tables and header."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..quantizers.tensor import QuantizedTensor
from .entropy_coding import bound_bytes
from .file import damage_errors, default_tensors, is_batchnorm, read_records
from .tensor_record import decode, table_bytes


class LedgerRow(NamedTuple):
    """The bytes of one tensor.

    ``payload_bytes`` is its codes (or its floats, if it was not quantized), ``codebook_bytes`` its
    centres or the ends of its grid, ``table_bytes`` the table that Huffman or the entropy coder
    need to decode. ``bound_bytes`` is the entropy bound of the payload, ``float32_bytes`` four
    per number. ``part`` is "weights", "biases" or "batchnorm".
    """

    name: str
    part: str
    payload_bytes: int
    codebook_bytes: int
    table_bytes: int
    bound_bytes: float
    float32_bytes: int

    @property
    def total_bytes(self) -> int:
        """Bytes of this tensor in the file, without its record in the header."""
        return self.payload_bytes + self.codebook_bytes + self.table_bytes


@dataclass(frozen=True)
class Ledger:
    """The bytes of a whole file, by tensor and purpose; print it for a table.

    Attributes
    ----------
    coding : str
        "packed", "huffman" or "entropy", as passed to `save_quantized`.
    rows : list of LedgerRow
        One per tensor, in the network's order; 0 bytes for a BatchNorm that is left out.
    header_bytes : int
        The safetensors header with the line of text, and its length in 8 bytes.
    padding_bytes : int
        Blanks that fill the header up to a multiple of 8.
    """

    coding: str
    rows: list[LedgerRow]
    header_bytes: int
    padding_bytes: int

    @property
    def file_bytes(self) -> int:
        """The size of the file: all of the above."""
        content = sum(row.total_bytes for row in self.rows)
        return content + self.header_bytes + self.padding_bytes

    @property
    def float32_bytes(self) -> int:
        """Four bytes for every number of the network, running statistics included."""
        return sum(row.float32_bytes for row in self.rows)

    @property
    def ratio(self) -> float:
        """The bytes of the float32 numbers alone, divided by the size of the file."""
        return self.float32_bytes / self.file_bytes

    def __str__(self) -> str:
        """Return the ledger as a table of text."""
        head = ("tensor", "payload", "codebook", "table", "total", "bound", "float32")
        lines: list[tuple[str, ...]] = [head]
        for row in self.rows:
            if row.total_bytes:
                numbers = (*row[2:5], row.total_bytes, round(row.bound_bytes), row.float32_bytes)
                lines.append((row.name, *(f"{number:,}" for number in numbers)))
        absent = [row for row in self.rows if not row.total_bytes]
        if absent:
            size = f"{sum(row.float32_bytes for row in absent):,}"
            lines.append(("BatchNorm, folded away", "0", "0", "0", "0", "0", size))
        lines.append(("header", "", "", "", f"{self.header_bytes:,}", "", ""))
        lines.append(("padding", "", "", "", f"{self.padding_bytes:,}", "", ""))
        lines.append(("file", "", "", "", f"{self.file_bytes:,}", "", f"{self.float32_bytes:,}"))
        text = [f"{row[0]:<24}" + "".join(f"{cell:>11}" for cell in row[1:]) for row in lines]
        return "\n".join([*text, f"{self.ratio:.1f} times smaller than float32"])


def ledger(path: str | Path) -> Ledger:
    """Count the bytes of a file that `save_quantized` wrote.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Ledger
        Its ``file_bytes`` are the size of the file, exactly; print it for a table.

    Raises
    ------
    FileNotFoundError, ValueError
        As `load_quantized`.

    Examples
    --------
    >>> import os, tempfile
    >>> from quantlab_helpers import quantize_model, reset_model, save_quantized, uniform_quantize
    >>> model = quantize_model(reset_model(), weights=lambda w: uniform_quantize(w, 4), biases=None)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save_quantized(model, Path(folder) / "net.safetensors", coding="packed")
    ...     counted = ledger(Path(folder) / "net.safetensors")
    ...     counted.file_bytes == os.path.getsize(Path(folder) / "net.safetensors")
    True
    >>> [row for row in counted.rows if row.name == "fc1.weight"][0].payload_bytes == 300 * 1568 / 2
    True
    """
    coding, stored, header = read_records(Path(path))
    rows = []
    for name, default in default_tensors().items():
        part = "batchnorm" if is_batchnorm(name) else "biases" if "bias" in name else "weights"
        payload = levels = table = 0
        bound = 0.0
        if name in stored:
            record, content = stored[name]
            levels, payload, bound = record.level_bytes, record.code_bytes, float(record.code_bytes)
            with damage_errors(path):
                tensor = decode(record, content)
                if isinstance(tensor, QuantizedTensor):
                    table = table_bytes(record, content[levels:])
                    payload -= table
                    bound = bound_bytes(tensor.codes)
        rows.append(LedgerRow(name, part, payload, levels, table, bound, 4 * default.numel()))
    padding = len(header) - len(header.rstrip(b" "))
    return Ledger(coding, rows, 8 + len(header) - padding, padding)
