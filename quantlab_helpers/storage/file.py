"""Write a quantized network to one file, and read it back bit for bit.

A file is one safetensors container with one array of bytes and one line of text. The line has a
format version, the coding, a checksum, and a record per tensor: its name, shape, bits, scheme and
the coding of its codes (`tensor_record.py`). Nothing is ever unpickled. Read `ledgers.py` next.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
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
from .tensor_record import TensorRecord, decode, encode, encode_floats

FORMAT_VERSION = 1
CODINGS = ("packed", "huffman", "entropy")
MAX_FILE_BYTES = 32 * 2**20  # more than any coding needs for a Net
_LINE_PATTERN = re.compile(r"(packed|huffman|entropy);([0-9a-f]{8});(.*)")


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
        smaller, table included. "entropy": the smallest of these and the entropy coder,
        tensor by tensor; rows and columns of a single code can be left out before it.

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
    BatchNorm tensor with its default value (weight and variance 1, bias and mean 0) is left out.

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
    defaults = default_tensors()
    shapes = {name: _shape(tensor) for name, tensor in model.tensors.items()}
    if shapes != {name: tuple(tensor.shape) for name, tensor in defaults.items()}:
        raise ValueError(
            "`model` must be made from this package's Net, got tensors of other names or shapes; "
            "load_quantized builds a Net around them."
        )
    records: list[TensorRecord] = []
    parts: list[bytes] = []
    for name, default in defaults.items():
        tensor = model.tensors[name]
        if isinstance(tensor, QuantizedTensor):
            record, content = encode(name, tensor, coding)
        elif is_batchnorm(name) and torch.equal(tensor.cpu(), default):
            continue
        else:
            record, content = encode_floats(name, tensor)
        records.append(record)
        parts.append(content)
    data = b"".join(parts)
    header_text = " ".join(map(str, records))
    line = f"{FORMAT_VERSION};{coding};{_checksum(coding, header_text, data)};{header_text}"
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
        Device of the network; by default CUDA or MPS if available, else the CPU.

    Returns
    -------
    QuantizedModel
        ``net`` is a `Net` in evaluation mode; ``tensors`` are bit for bit those that were saved.
        The weights before quantization are not in the file: ``original`` holds the dequantized
        values.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, truncated, of another kind, or written by a newer version.

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
    _, stored, _ = read_records(Path(path))
    tensors: dict[str, QuantizedTensor | Tensor] = {}
    values: dict[str, Tensor] = {}
    for name, default in default_tensors().items():
        if name not in stored:
            tensors[name] = default
        else:
            with damage_errors(path):
                tensors[name] = decode(*stored[name])
        tensor = tensors[name]
        if isinstance(tensor, QuantizedTensor):
            values[name] = torch.from_numpy(tensor.dequantize())
        else:
            values[name] = tensor.clone()
    net = reset_model(device="cpu")
    net.load_state_dict(values, strict=False)  # all but BatchNorm's counters of batches
    return QuantizedModel(net.to(target).eval(), tensors, values)


@contextmanager
def damage_errors(path: str | Path) -> Iterator[None]:
    """Turn a ValueError from decoding into one that names the file and says that it is damaged."""
    try:
        yield
    except ValueError:
        raise _damaged(path) from None


def _damaged(path: str | Path) -> ValueError:
    return ValueError(
        f"{str(path)!r} is damaged: its content does not fit its header or its checksum; get the "
        "file again, or write it again with save_quantized."
    )


def _checksum(coding: str, header_text: str, data: bytes) -> str:
    return f"{zlib.crc32(data, zlib.crc32(f'{coding};{header_text}'.encode())):08x}"


def is_batchnorm(name: str) -> bool:
    """Return whether a tensor's name is that of a BatchNorm layer."""
    return name.startswith("bn")


def _shape(tensor: QuantizedTensor | Tensor) -> tuple[int, ...]:
    return tuple(tensor.codes.shape if isinstance(tensor, QuantizedTensor) else tensor.shape)


def default_tensors() -> dict[str, Tensor]:
    """Return the tensors of a new Net by name, without touching torch's random state."""
    state = reset_model(device="cpu").state_dict()
    return {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}


def read_records(path: Path) -> tuple[str, dict[str, tuple[TensorRecord, bytes]], bytes]:
    """Return a file's coding, its records with their encoded bytes, and its raw header."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}; check the name and the folder.")
    foreign = ValueError(
        f"{str(path)!r} is not a file of save_quantized, or it is cut off; "
        "quantize a network with quantize_model and write it with save_quantized."
    )
    if path.stat().st_size > MAX_FILE_BYTES:
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
    match = _LINE_PATTERN.fullmatch(rest)
    data = content[end:]
    if match is None or version != str(FORMAT_VERSION) or list(arrays) != ["data"]:
        raise _damaged(path)
    if match[2] != _checksum(match[1], match[3], data):
        raise _damaged(path)
    with damage_errors(path):
        return match[1], _split_records(match[3], data), header


def _split_records(header_text: str, data: bytes) -> dict[str, tuple[TensorRecord, bytes]]:
    """Return each record with its bytes, by name; ValueError unless they are exactly a Net's."""
    records = [TensorRecord.parse(text) for text in header_text.split(" ")]
    defaults = default_tensors()
    required = {name for name in defaults if not is_batchnorm(name)}
    shapes = {record.name: record.shape for record in records}
    if len(shapes) < len(records) or not required <= shapes.keys() <= defaults.keys():
        raise ValueError("tensors of another network")
    if any(tuple(defaults[name].shape) != shape for name, shape in shapes.items()):
        raise ValueError("shapes of another network")
    bounds = list(accumulate((r.level_bytes + r.code_bytes for r in records), initial=0))
    if bounds[-1] != len(data):
        raise ValueError("more or less bytes than the records say")
    parts = (data[start:end] for start, end in pairwise(bounds))
    return {record.name: (record, part) for record, part in zip(records, parts, strict=True)}
