"""Codes to bytes at a fixed number of bits per code, and back.

Integers in, bytes out; no file, no network. Read `entropy_coding.py` next.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._support.validation import check_int
from ..quantizers.tensor import Codes

ByteStream = bytes | NDArray[np.uint8]


def pack(codes: ArrayLike, bits: int) -> bytes:
    """Write codes one after the other, `bits` bits each, without gaps.

    Parameters
    ----------
    codes : array_like of unsigned int, any shape
        Each below ``2**bits``; read in C order.
    bits : int
        Bits per code, 1..16.

    Returns
    -------
    bytes
        ``ceil(n * bits / 8)`` of them. Code 0 takes the least significant bits of byte 0, and a
        code's own least significant bit comes first; the last byte is filled with zeros.

    Raises
    ------
    TypeError
        If `bits` is not an integer.
    ValueError
        If `bits` is outside 1..16, or a code needs more bits than that.

    Examples
    --------
    >>> pack([1, 2, 3], 3).hex(" ")
    'd1 00'
    >>> f"{0xD1:08b}"  # from the right: 1 = 001, 2 = 010, and the first two bits of 3 = 011
    '11010001'
    """
    check_int("bits", bits, low=1, high=16)
    array = _as_codes(codes)
    if array.size and int(array.max()) >> bits:
        raise ValueError(
            f"`codes` must be below {2**bits} to fit in {_bits(bits)}, got {array.max()}; "
            "raise `bits`, or use fewer levels."
        )
    pairs = array.astype("<u2").view(np.uint8).reshape(-1, 2)
    matrix = np.unpackbits(pairs, axis=1, count=bits, bitorder="little")
    return np.packbits(matrix, bitorder="little").tobytes()


def unpack(packed: ByteStream, bits: int, *, count: int) -> Codes:
    """Read `count` codes of `bits` bits that `pack` wrote.

    Parameters
    ----------
    packed : bytes or ndarray of uint8
        Exactly ``ceil(count * bits / 8)`` of them.
    bits : int
        Bits per code, 1..16.
    count : int
        Number of codes. The bytes do not determine it, because the last one is filled with zeros.

    Returns
    -------
    ndarray of uint8 or uint16, shape (count,)
        uint16 where `bits` is above 8.

    Raises
    ------
    TypeError
        If `bits` or `count` is not an integer.
    ValueError
        If `packed` has another length.

    Examples
    --------
    >>> unpack(bytes.fromhex("d1 00"), 3, count=3).tolist()
    [1, 2, 3]
    """
    check_int("bits", bits, low=1, high=16)
    check_int("count", count, low=0)
    stream = as_bytes(packed)
    needed = -(-count * bits // 8)
    if stream.size != needed:
        raise ValueError(
            f"`packed` must have {needed:,} bytes for {count:,} codes of {_bits(bits)}, got "
            f"{stream.size:,}; pass the `bits` and `count` that were packed."
        )
    matrix = np.unpackbits(stream, count=count * bits, bitorder="little").reshape(-1, bits)
    pairs = np.packbits(matrix, axis=1, bitorder="little")
    if bits <= 8:
        return pairs.reshape(-1)
    return pairs.view("<u2").astype(np.uint16).reshape(-1)


def _bits(count: int) -> str:
    return "1 bit" if count == 1 else f"{count} bits"


def _as_codes(codes: ArrayLike) -> NDArray[np.unsignedinteger[Any]]:
    """Return the codes as a flat array of integers from 0 to 65,535."""
    array = np.asarray(codes).reshape(-1)
    if array.size == 0:
        return np.zeros(0, np.uint8)
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() > 65_535:
        raise ValueError(
            "`codes` must be integers from 0 to 65,535, got "
            f"{array.min()} to {array.max()} of dtype {array.dtype}; "
            "pass the .codes of a QuantizedTensor."
        )
    return array


def as_symbols(codes: ArrayLike, k: int | None) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the flat codes and how often each of the `k` symbols occurs."""
    array = _as_codes(codes)
    largest = int(array.max()) if array.size else 0
    if k is not None:
        check_int("k", k, low=1, high=65_536)
        if largest >= k:
            raise ValueError(
                f"`codes` must be below k = {k}, got {largest}; pass the number of levels as `k`."
            )
    return array, np.bincount(array, minlength=largest + 1 if k is None else k)


def as_bytes(stream: ByteStream) -> NDArray[np.uint8]:
    """Return a stream as an array, without a copy."""
    return np.frombuffer(stream, np.uint8)
