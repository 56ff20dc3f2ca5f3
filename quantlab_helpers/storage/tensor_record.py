"""One tensor of a quantized file: its record in the header, and its bytes.

`file.py` joins the tensors to a file and splits it again; read it next.
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..quantizers.tensor import Codes, QuantizedTensor
from ..quantizers.uniform import integer_grid, minmax_grid
from .bit_packing import pack, unpack
from .entropy_coding import counts_bytes, entropy_decode, entropy_encode, read_number, write_numbers
from .huffman import huffman_decode, huffman_encode, huffman_lengths

MAX_LEVELS = 2**22  # of all channels: a small header cannot request more than 16 MiB
_LENGTH_BITS = 5  # bits of a codeword's length, 0..16
_RECORD_PATTERN = re.compile(
    r"([a-z0-9_.]{1,64}):(\d{1,7}(?:x\d{1,7}){0,3}):(\d{1,2}):"
    r"(?:([fuz])|([kt])(\d{1,5}))(h?)(?:@(\d))?:(?:([pr])|([hes])(\d{1,8}))"
)


class TensorRecord(NamedTuple):
    """One tensor in the line of text, for example ``fc1.weight:300x1568:3:k8h:e1234``.

    ``bits`` per packed code. ``scheme``: f raw floats, k a codebook of that many centres, u a grid
    from minimum to maximum, z a grid with an integer zero point, t a grid as a table; then "h"
    where the floats are float16, and "@" with the axis that has one codebook per index.
    ``coding``: r raw floats, p packed, and with their number of bytes h Huffman, e entropy-coded,
    s entropy-coded without the rows and columns that have only the most frequent code.
    """

    name: str
    shape: tuple[int, ...]
    bits: int
    scheme: str
    levels: int
    half: bool
    axis: int | None
    coding: str
    coded_bytes: int

    def __str__(self) -> str:
        """Return the record as text, as in the file."""
        levels = str(self.levels) if self.scheme in "kt" else ""
        axis = "" if self.axis is None else f"@{self.axis}"
        scheme = f"{self.scheme}{levels}{'h' if self.half else ''}{axis}"
        coded = str(self.coded_bytes) if self.coding in "hes" else ""
        shape = "x".join(map(str, self.shape))
        return f"{self.name}:{shape}:{self.bits}:{scheme}:{self.coding}{coded}"

    @property
    def size(self) -> int:
        """Number of weights."""
        return math.prod(self.shape)

    @property
    def channels(self) -> int:
        """Number of codebooks."""
        return 1 if self.axis is None else self.shape[self.axis]

    @property
    def level_bytes(self) -> int:
        """Bytes of the levels, or of the numbers that determine them."""
        width = 2 if self.half else 4
        each = {"f": 0, "u": 8, "z": 10, "k": width * self.levels, "t": 16 + 4 * self.levels}
        return self.channels * each[self.scheme]

    @property
    def code_bytes(self) -> int:
        """Bytes of the codes including their coding's table, or of the raw floats."""
        if self.coding == "r":
            return self.size * (2 if self.half else 4)
        return -(-self.size * self.bits // 8) if self.coding == "p" else self.coded_bytes

    @classmethod
    def parse(cls, text: str) -> TensorRecord:
        """Return the record in a text; ValueError unless an encoder could have written it."""
        match = _RECORD_PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"not a record: {text!r}")
        name, shape, bits, plain, coded_scheme, levels, half, axis, raw, coded, length = (
            match.groups()
        )
        record = cls(
            name,
            tuple(map(int, shape.split("x"))),
            int(bits),
            plain or coded_scheme,
            int(levels) if levels else 0 if plain == "f" else 2 ** int(bits),
            bool(half),
            int(axis) if axis else None,
            raw or coded,
            int(length or 0),
        )
        if not record._is_possible():
            raise ValueError(f"impossible record: {text!r}")
        return record

    def _is_possible(self) -> bool:
        """Return whether the fields fit together and bound the memory that decoding takes."""
        floats = self.scheme == "f"
        if floats != (self.coding == "r") or (floats and self.bits != (16 if self.half else 32)):
            return False
        if floats:
            return self.axis is None
        if self.axis is not None and self.axis >= len(self.shape):
            return False
        return (
            1 <= self.bits <= 16
            and 1 <= self.levels <= 65_536
            and self.channels * self.levels <= MAX_LEVELS
            and not (self.half and self.scheme != "k")
            and self.coded_bytes <= 2 * self.size + 262_144
        )


def _float_bytes(array: NDArray[np.float32]) -> tuple[bytes, bool]:
    """Return the bytes of float32 numbers, as float16 if that is exact, and whether it is."""
    exact = np.ascontiguousarray(array, "<f4")
    with np.errstate(over="ignore"):
        half = exact.astype("<f2")
    if half.astype("<f4").tobytes() == exact.tobytes():
        return half.tobytes(), True
    return exact.tobytes(), False


def encode_floats(name: str, tensor: Tensor) -> tuple[TensorRecord, bytes]:
    """Return the record and the bytes of a tensor that was not quantized."""
    content, half = _float_bytes(tensor.detach().cpu().numpy().astype(np.float32))
    shape = tuple(tensor.shape)
    return TensorRecord(name, shape, 16 if half else 32, "f", 0, half, None, "r", 0), content


def encode(name: str, tensor: QuantizedTensor, coding: str) -> tuple[TensorRecord, bytes]:
    """Return the record and the bytes of a tensor, in the smallest coding that `coding` allows."""
    codebook = np.ascontiguousarray(tensor.codebook, np.float32)
    k = codebook.shape[-1]
    if int(tensor.codes.max()) >= k or k > 65_536 or not np.isfinite(codebook).all():
        raise ValueError(
            f"`model` must have a finite level for every code, got code {tensor.codes.max()} and "
            f"{k} levels in {name}; `codebook` needs a level for each code."
        )
    if codebook.size > MAX_LEVELS:
        raise ValueError(
            f"`model` must have at most {MAX_LEVELS:,} levels in a tensor, got {codebook.size:,} "
            f"in {name}; take fewer bits, or one grid per tensor."
        )
    scheme, half, content = _encode_levels(tensor, codebook)
    codes = tensor.codes.reshape(-1)
    choices = {"p": pack(codes, tensor.bits)}
    if coding == "entropy":
        choices["e"] = entropy_encode(codes, k=k)
        choices["s"] = _encode_sparse(tensor.codes, k)
    if coding != "packed" and _huffman_bytes(codes, k) <= min(map(len, choices.values())):
        lengths, words = huffman_encode(codes, k=k)
        choices["h"] = pack(lengths, _LENGTH_BITS) + words
    best = min(sorted(choices, key="phes".index), key=lambda name: len(choices[name]))
    coded = len(choices[best])
    shape = tuple(tensor.codes.shape)
    if best == "p":
        coded = 0
    record = TensorRecord(name, shape, tensor.bits, scheme, k, half, tensor.axis, best, coded)
    return record, content + choices[best]


def _huffman_bytes(codes: NDArray[np.unsignedinteger], k: int) -> int:
    """Return the bytes of Huffman's coding without encoding, since it is seldom the smallest."""
    counts = np.bincount(codes, minlength=k)
    bits = int((counts * huffman_lengths(counts)).sum())
    return -(-k * _LENGTH_BITS // 8) - (-bits // 8)


def _encode_levels(
    tensor: QuantizedTensor, codebook: NDArray[np.float32]
) -> tuple[str, bool, bytes]:
    """Return the scheme, whether it is in float16, and the bytes for `_decode_levels`."""
    if tensor.scale is None:
        content, half = _float_bytes(codebook)
        return "k", half, content
    rows = np.atleast_2d(codebook)
    scale = np.atleast_1d(np.asarray(tensor.scale, "<f8"))
    zero = np.atleast_1d(np.asarray(tensor.zero_point, "<f8"))
    ends = np.ascontiguousarray(rows[:, [0, -1]], "<f4").tobytes()
    whole = np.clip(np.nan_to_num(zero), 0, 65_535).astype("<u2")
    table = scale.tobytes() + zero.tobytes() + rows.astype("<f4").tobytes()
    expected = (rows.tobytes(), scale.tobytes(), zero.tobytes())
    for scheme, content in {"u": ends, "z": scale.tobytes() + whole.tobytes()}.items():
        if 2**tensor.bits != rows.shape[1]:
            continue
        levels = _decode_levels(scheme, content, len(rows), rows.shape[1], tensor.bits)
        if tuple(array.tobytes() for array in levels) == expected:
            return scheme, False, content
    return "t", False, table


def _decode_levels(
    scheme: str, content: bytes, channels: int, k: int, bits: int
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Return codebook rows, scales and zero points of affine grids."""
    if scheme == "u":
        ends = np.frombuffer(content, "<f4").reshape(channels, 2).astype(np.float64)
        _check_finite(ends)
        grids = [minmax_grid(float(low), float(high), bits) for low, high in ends]
        levels, scales, zeros = zip(*grids, strict=True)
        return np.stack(levels), np.array(scales), np.array(zeros)
    scale = np.frombuffer(content, "<f8", channels).astype(np.float64)
    _check_finite(scale)
    if scheme == "z":
        zero = np.frombuffer(content, "<u2", channels, 8 * channels).astype(np.float64)
        pairs = zip(scale.tolist(), zero.tolist(), strict=True)
        return np.stack([integer_grid(*pair, bits) for pair in pairs]), scale, zero
    zero = np.frombuffer(content, "<f8", channels, 8 * channels).astype(np.float64)
    rows = np.frombuffer(content, "<f4", channels * k, 16 * channels).astype(np.float32)
    return rows.reshape(channels, k), scale, zero


def decode(record: TensorRecord, content: bytes) -> QuantizedTensor | Tensor:
    """Return the tensor with a valid record and these bytes; ValueError if they do not fit."""
    if record.scheme == "f":
        floats = np.frombuffer(content, "<f2" if record.half else "<f4").astype(np.float32)
        return torch.from_numpy(floats.reshape(record.shape))
    levels, coded = content[: record.level_bytes], content[record.level_bytes :]
    k, count = record.levels, record.size
    codes: Codes
    if record.coding == "p":
        codes = unpack(coded, record.bits, count=count)
    elif record.coding == "h":
        table = table_bytes(record, coded)
        lengths = unpack(coded[:table], _LENGTH_BITS, count=k)
        codes = huffman_decode(coded[table:], lengths, count=count)
    elif record.coding == "e":
        codes = entropy_decode(coded, count=count, k=k)
    else:
        codes = _decode_sparse(record, coded)
    if int(codes.max()) >= k:
        raise ValueError("a code without a level")
    narrow = np.uint8 if record.bits <= 8 else np.uint16
    codes = codes.reshape(record.shape).astype(narrow, copy=False)
    channels = record.channels
    if record.scheme == "k":
        centres = np.frombuffer(levels, "<f2" if record.half else "<f4").astype(np.float32)
        codebook = centres if record.axis is None else centres.reshape(channels, k)
        _check_finite(codebook)
        return QuantizedTensor(codes, codebook, record.bits, axis=record.axis)
    rows, scale, zero = _decode_levels(record.scheme, levels, channels, k, record.bits)
    _check_finite(rows)
    if record.axis is None:
        return QuantizedTensor(codes, rows[0], record.bits, float(scale[0]), float(zero[0]))
    return QuantizedTensor(codes, rows, record.bits, scale, zero, record.axis)


def _encode_sparse(codes: Codes, k: int) -> bytes:
    """Return codes as bytes without the rows and columns that have only the most frequent code.

    First the most frequent code and the lengths of two masks; then the row mask, the column mask
    and the remaining codes, each entropy-coded.
    """
    matrix = codes.reshape(codes.shape[0], -1)
    common = int(np.bincount(codes.reshape(-1)).argmax())
    rare = matrix != common
    rows, columns = rare.any(axis=1), rare.any(axis=0)
    masks = [entropy_encode(mask.astype(np.uint8), k=2) for mask in (rows, columns)]
    head = write_numbers([common, *map(len, masks)])
    return b"".join([head, *masks, entropy_encode(matrix[np.ix_(rows, columns)], k=k)])


def _decode_sparse(record: TensorRecord, coded: bytes) -> Codes:
    """Return the codes that `_encode_sparse` turned into bytes."""
    common, start, middle, end = _sparse_bounds(coded)
    row_count = record.shape[0]
    rows = entropy_decode(coded[start:middle], count=row_count, k=2).astype(bool)
    columns = entropy_decode(coded[middle:end], count=record.size // row_count, k=2).astype(bool)
    left = int(rows.sum()) * int(columns.sum())
    matrix = np.full((rows.size, columns.size), min(common, 65_535), np.uint16)
    codes = entropy_decode(coded[end:], count=left, k=record.levels)
    matrix[np.ix_(rows, columns)] = codes.reshape(int(rows.sum()), -1)
    return matrix


def _sparse_bounds(coded: bytes) -> tuple[int, int, int, int]:
    """Return the most frequent code, and where row mask, column mask and codes begin."""
    common, position = read_number(coded, 0)
    row_bytes, position = read_number(coded, position)
    column_bytes, position = read_number(coded, position)
    return common, position, position + row_bytes, position + row_bytes + column_bytes


def table_bytes(record: TensorRecord, coded: bytes) -> int:
    """Return the number of coded bytes that are lengths, counts or masks, not codes."""
    if record.coding == "h":
        return -(-record.levels * _LENGTH_BITS // 8)
    if record.coding == "p":
        return 0
    start = _sparse_bounds(coded)[-1] if record.coding == "s" else 0
    return start + counts_bytes(coded[start:], k=record.levels)


def _check_finite(values: NDArray[np.floating[Any]]) -> None:
    if not np.isfinite(values).all():
        raise ValueError("a level that is not finite")
