"""The real file: a quantized network on disk, read back bit for bit, and where each byte goes.

A file is one safetensors container with one array of bytes and one line of text. The line has a
format version, the coding, a checksum, and an entry per tensor: its name, shape, bits, scheme and
the coding of its codes. Nothing is ever unpickled. Read `finetune.py` next.
"""

from __future__ import annotations

import json
import re
import zlib
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
import torch
from torch import Tensor

from .._support.files import write_atomically
from .._support.validation import check_choice, resolve_device
from ..model import reset_model
from ..network import QuantizedModel
from ..quantizers.tensor import QuantizedTensor
from .tensor_record import Entry, decode, encode, encode_floats

FORMAT_VERSION = 1
CODINGS = ("packed", "huffman", "entropy")
LARGEST_FILE = 32 * 2**20  # more than any coding makes of a Net


_LINE = re.compile(r"(packed|huffman|entropy);([0-9a-f]{8});(.*)")


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
