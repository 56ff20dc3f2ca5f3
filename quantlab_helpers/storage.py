"""The real file: a quantized network on disk, read back bit for bit, and where each byte goes.

A file is one safetensors container with one array of bytes and one line of text. The line has a
format version, the coding, a checksum, and an entry per tensor: its name, shape, bits, scheme and
the coding of its codes. Nothing is ever unpickled. Read `finetune.py` next.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import safetensors
import safetensors.numpy
import torch
from torch import Tensor

from ._stored import Entry, decode, encode, encode_floats, table_bytes
from ._support.files import write_atomically
from ._support.validation import check_choice, resolve_device
from .coding import bound_bytes
from .model import reset_model
from .network import QuantizedModel
from .quantizers import QuantizedTensor

FORMAT_VERSION = 1
CODINGS = ("packed", "huffman", "entropy")
LARGEST_FILE = 32 * 2**20  # more than any coding makes of a Net


_LINE = re.compile(r"(packed|huffman|entropy);([0-9a-f]{8});(.*)")


class LedgerRow(NamedTuple):
    """The bytes of one tensor.

    ``payload_bytes`` is its codes (or its floats, where it was not quantized), ``codebook_bytes``
    its centres or the ends of its grid, ``table_bytes`` what Huffman or the entropy coder need to
    read the codes. ``bound_bytes`` is the entropy bound of the payload, ``float32_bytes`` four
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
        """Bytes of this tensor in the file, without its entry in the header."""
        return self.payload_bytes + self.codebook_bytes + self.table_bytes


@dataclass(frozen=True)
class Ledger:
    """Where every byte of a file goes.

    Attributes
    ----------
    coding : str
        "packed", "huffman" or "entropy", as `save_quantized` was told.
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
        """Everything; exactly what the operating system calls the file's size."""
        content = sum(row.total_bytes for row in self.rows)
        return content + self.header_bytes + self.padding_bytes

    @property
    def float32_bytes(self) -> int:
        """Four bytes for every number of the network, running statistics included."""
        return sum(row.float32_bytes for row in self.rows)

    @property
    def ratio(self) -> float:
        """How many times smaller the file is than the float32 numbers alone."""
        return self.float32_bytes / self.file_bytes

    def __str__(self) -> str:
        """Lay the ledger out as a table for people."""
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


def save_quantized(model: QuantizedModel, path: str | Path, *, coding: str = "entropy") -> int:
    """Write a quantized network to one file, atomically.

    Parameters
    ----------
    model : QuantizedModel
        A quantized `Net`. Its ``tensors`` are stored, exactly.
    path : str or Path
        The file to write. An existing file is replaced.
    coding : {"entropy", "huffman", "packed"}, default="entropy"
        "packed": every code takes the tensor's bits. "huffman": Huffman's code where that is
        smaller with its table. "entropy": the smallest of these and the entropy coder,
        tensor by tensor; rows and columns of one code only may be left out before it.

    Returns
    -------
    int
        The size of the file in bytes.

    Raises
    ------
    TypeError
        If `model` is not a QuantizedModel.
    ValueError
        If its tensors are not those of `Net`, or a code has no level.

    Notes
    -----
    Floats and centres are stored as float16 where that changes none of them, else as float32. A
    BatchNorm tensor that does nothing (weight and variance 1, bias and mean 0) is left out.

    Examples
    --------
    >>> import tempfile
    >>> from quantlab_helpers import kmeans_quantize, load_baseline, quantize_model
    >>> net = load_baseline(device="cpu")
    >>> model = quantize_model(net, weights=lambda w: kmeans_quantize(w, 8), biases=None)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     size = save_quantized(model, Path(folder) / "net.safetensors")
    ...     same = load_quantized(Path(folder) / "net.safetensors", device="cpu")
    >>> size < 20_000, torch.equal(same.net.fc1.weight, model.net.fc1.weight)
    (True, True)
    """
    check_choice("coding", coding, CODINGS)
    if not isinstance(model, QuantizedModel):
        raise TypeError(
            f"`model` must be a QuantizedModel, got {type(model).__name__}; pass what "
            "quantize_model returned (save_net writes a float32 network)."
        )
    fresh = _fresh_tensors()
    shapes = {name: _shape(tensor) for name, tensor in model.tensors.items()}
    if shapes != {name: tuple(tensor.shape) for name, tensor in fresh.items()}:
        raise ValueError(
            "`model` must be made from this package's Net, got tensors of other names or shapes; "
            "load_quantized builds a Net around them."
        )
    entries: list[Entry] = []
    parts: list[bytes] = []
    for name, default in fresh.items():
        tensor = model.tensors[name]
        if isinstance(tensor, QuantizedTensor):
            entry, content = encode(name, tensor, coding)
        elif _is_batchnorm(name) and torch.equal(tensor.cpu(), default):
            continue
        else:
            entry, content = encode_floats(name, tensor)
        entries.append(entry)
        parts.append(content)
    data = b"".join(parts)
    rows = " ".join(map(str, entries))
    line = f"{FORMAT_VERSION};{coding};{_checksum(coding, rows, data)};{rows}"
    array = np.frombuffer(data, np.uint8)
    file = safetensors.numpy.save({"data": array}, metadata={"quantlab": line})
    write_atomically(Path(path), file)
    return len(file)


def load_quantized(path: str | Path, *, device: str | torch.device | None = None) -> QuantizedModel:
    """Read a quantized network that `save_quantized` wrote.

    Parameters
    ----------
    path : str or Path
        The file.
    device : str or torch.device, optional
        Where the network computes; by default CUDA or MPS where there is one, else the CPU.

    Returns
    -------
    QuantizedModel
        ``net`` is a `Net` in evaluation mode; ``tensors`` are bit for bit those that were saved.
        What the weights were before quantization is not in the file: ``original`` holds the
        dequantized values.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, truncated, written by a newer version, or something else.

    Examples
    --------
    >>> import tempfile
    >>> from quantlab_helpers import quantize_model, reset_model, uniform_quantize
    >>> model = quantize_model(reset_model(), weights=lambda w: uniform_quantize(w, 4), biases=None)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     size = save_quantized(model, Path(folder) / "net.safetensors", coding="packed")
    ...     loaded = load_quantized(Path(folder) / "net.safetensors")
    >>> size, loaded.tensors["fc1.weight"].bits
    (242372, 4)
    """
    target = resolve_device(device)
    _, stored, _ = _read(Path(path))
    tensors: dict[str, QuantizedTensor | Tensor] = {}
    values: dict[str, Tensor] = {}
    for name, default in _fresh_tensors().items():
        if name not in stored:
            tensors[name] = default
        else:
            with _DamageOf(path):
                tensors[name] = decode(*stored[name])
        tensor = tensors[name]
        if isinstance(tensor, QuantizedTensor):
            values[name] = torch.from_numpy(tensor.dequantize())
        else:
            values[name] = tensor.clone()
    net = reset_model(device="cpu")
    net.load_state_dict(values, strict=False)  # all but BatchNorm's counters of batches
    return QuantizedModel(net.to(target).eval(), tensors, values)


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
    >>> from quantlab_helpers import quantize_model, reset_model, uniform_quantize
    >>> model = quantize_model(reset_model(), weights=lambda w: uniform_quantize(w, 4), biases=None)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save_quantized(model, Path(folder) / "net.safetensors", coding="packed")
    ...     counted = ledger(Path(folder) / "net.safetensors")
    ...     counted.file_bytes == os.path.getsize(Path(folder) / "net.safetensors")
    True
    >>> [row for row in counted.rows if row.name == "fc1.weight"][0].payload_bytes == 300 * 1568 / 2
    True
    """
    coding, stored, header = _read(Path(path))
    rows = []
    for name, default in _fresh_tensors().items():
        part = "batchnorm" if _is_batchnorm(name) else "biases" if "bias" in name else "weights"
        payload = levels = table = 0
        bound = 0.0
        if name in stored:
            entry, content = stored[name]
            levels, payload, bound = entry.level_bytes, entry.code_bytes, float(entry.code_bytes)
            with _DamageOf(path):
                tensor = decode(entry, content)
                if isinstance(tensor, QuantizedTensor):
                    table = table_bytes(entry, content[levels:])
                    payload -= table
                    bound = bound_bytes(tensor.codes)
        rows.append(LedgerRow(name, part, payload, levels, table, bound, 4 * default.numel()))
    padding = len(header) - len(header.rstrip(b" "))
    return Ledger(coding, rows, 8 + len(header) - padding, padding)


class _DamageOf:
    """Turn whatever decoding says of impossible bytes into one error that names the file."""

    def __init__(self, path: str | Path) -> None:
        self.path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, ValueError):
            raise _damaged(self.path) from None


def _damaged(path: str | Path) -> ValueError:
    return ValueError(
        f"{str(path)!r} is damaged: its content does not fit its header or its checksum; get the "
        "file again, or write it again with save_quantized."
    )


def _checksum(coding: str, rows: str, data: bytes) -> str:
    return f"{zlib.crc32(data, zlib.crc32(f'{coding};{rows}'.encode())):08x}"


def _is_batchnorm(name: str) -> bool:
    return name.startswith("bn")


def _shape(tensor: QuantizedTensor | Tensor) -> tuple[int, ...]:
    return tuple(tensor.codes.shape if isinstance(tensor, QuantizedTensor) else tensor.shape)


def _fresh_tensors() -> dict[str, Tensor]:
    """Return the tensors of a new Net by name; torch's random state is left alone."""
    state = reset_model(device="cpu").state_dict()
    return {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}


def _read(path: Path) -> tuple[str, dict[str, tuple[Entry, bytes]], bytes]:
    """Return coding, entries with their bytes, and the raw header of a file; nothing is decoded."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}; check the name and the folder.")
    foreign = ValueError(
        f"{str(path)!r} is not a file of save_quantized, or it is cut off; "
        "quantize a network with quantize_model and write it with save_quantized."
    )
    if path.stat().st_size > LARGEST_FILE:
        raise foreign
    content = path.read_bytes()
    try:
        arrays = dict(safetensors.deserialize(content))
        end = 8 + int.from_bytes(content[:8], "little")
        header = content[8:end]
        line = json.loads(header)["__metadata__"]["quantlab"]
    except (safetensors.SafetensorError, KeyError, ValueError):
        raise foreign from None
    if line.startswith("{"):
        raise ValueError(
            f"{str(path)!r} holds float32 weights that save_net wrote; read it with load_net."
        )
    version, _, rest = line.partition(";")
    if not version.isdecimal():
        raise foreign
    if int(version[:9]) > FORMAT_VERSION:
        raise ValueError(
            f"{str(path)!r} has format version {version[:9]}, this package reads version "
            f"{FORMAT_VERSION}; install a newer quantlab-helpers."
        )
    match = _LINE.fullmatch(rest)
    data = content[end:]
    if match is None or version != str(FORMAT_VERSION) or list(arrays) != ["data"]:
        raise _damaged(path)
    if match[2] != _checksum(match[1], match[3], data):
        raise _damaged(path)
    with _DamageOf(path):
        return match[1], _take_apart(match[3], data), header


def _take_apart(rows: str, data: bytes) -> dict[str, tuple[Entry, bytes]]:
    """Give every entry its bytes; ValueError unless they are those of a Net, no more, no less."""
    entries = [Entry.parse(text) for text in rows.split(" ")]
    fresh = _fresh_tensors()
    needed = {name for name in fresh if not _is_batchnorm(name)}
    shapes = {entry.name: entry.shape for entry in entries}
    if len(shapes) < len(entries) or not needed <= shapes.keys() <= fresh.keys():
        raise ValueError("tensors of another network")
    if any(tuple(fresh[name].shape) != shape for name, shape in shapes.items()):
        raise ValueError("shapes of another network")
    bounds = list(accumulate((e.level_bytes + e.code_bytes for e in entries), initial=0))
    if bounds[-1] != len(data):
        raise ValueError("more or less bytes than the entries say")
    parts = (data[start:end] for start, end in pairwise(bounds))
    return {entry.name: (entry, part) for entry, part in zip(entries, parts, strict=True)}
