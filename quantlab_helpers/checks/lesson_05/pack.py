"""Exercise pack of lesson 05: codes packed into bytes without gaps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...storage.bit_packing import pack
from ..compare import Difference, as_array, plural
from ..exercise import Case, FunctionExercise, Mistake


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([1, 2, 3], np.uint8), 3
    yield np.array([5, 1, 7, 2, 0, 3, 6, 4], np.uint8), 3  # fills three bytes
    yield rng.integers(1, 16, (3, 3)).astype(np.uint8), 4
    yield rng.integers(0, 32, (5, 7)).astype(np.uint8), 5
    yield np.array([1, 0, 1, 1, 0, 0, 0, 1, 1], np.uint8), 1
    yield rng.permutation(256)[:6].astype(np.uint8), 8
    yield rng.integers(256, 4096, 9).astype(np.uint16), 12
    yield rng.integers(0, 65_536, (2, 2)).astype(np.uint16), 16
    yield np.array([1], np.uint8), 2
    yield np.zeros(10, np.uint8), 7
    yield rng.integers(0, 64, 1001).astype(np.uint8), 6


def _byte_row(got: Any) -> NDArray[np.int64] | str:
    """Return bytes of any type as integers from 0 to 255; else what the value is instead."""
    if isinstance(got, str):
        return f"you return a text of {len(got)} characters, not bytes"
    if isinstance(got, bytes | bytearray | memoryview):
        return np.frombuffer(bytes(got), np.uint8).astype(np.int64)
    array = as_array(got)
    if isinstance(array, str):
        return array
    if array.ndim != 1:
        return f"your result has shape {array.shape}; expected bytes in one dimension"
    if array.dtype.kind not in "iu":
        return f"you return {array.dtype} numbers, not bytes"
    if array.size and (array.min() < 0 or array.max() > 255):
        return f"you return numbers from {array.min()} to {array.max()}; a byte is 0 to 255"
    return array.astype(np.int64)


def _compare(expected: Any, got: Any, case: Case) -> Difference:
    if isinstance(expected, str) or isinstance(got, str):
        return None if isinstance(expected, str) and expected == got else str(_byte_row(got))
    expected_row, row = _byte_row(expected), _byte_row(got)
    if isinstance(row, str) or isinstance(expected_row, str):
        return str(row)
    if row.size != expected_row.size:
        codes, bits = case
        total = codes.size * bits
        return (
            f"you return {plural(row.size, 'byte')}; {plural(codes.size, 'code')} of "
            f"{plural(bits, 'bit')} {'is' if codes.size == 1 else 'are'} {plural(total, 'bit')}, "
            f"which take {plural(expected_row.size, 'byte')}"
        )
    wrong = np.flatnonzero(row != expected_row)
    if not wrong.size:
        return None
    first = wrong[0]
    return f"byte {first} is {row[first]:08b} in binary, expected {expected_row[first]:08b}"


def _bit_rows(codes: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Return the bits of each code in a row of its own, lowest first."""
    matrix = (codes.reshape(-1, 1).astype(np.int64) >> np.arange(bits)) & 1
    return matrix.astype(np.uint8)


def _packed_lowest_first(bits: NDArray[Any]) -> bytes:
    return np.packbits(bits.reshape(-1).astype(np.uint8), bitorder="little").tobytes()


def _packed_highest_first(bits: NDArray[Any]) -> bytes:
    return np.packbits(bits.reshape(-1).astype(np.uint8)).tobytes()


def _upper_bits(codes: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Return the first `bits` bits of np.unpackbits without bitorder."""
    return _bit_rows(codes, 8 if bits <= 8 else 16)[:, ::-1][:, :bits]


def _pack_whole_codes_per_byte(codes: NDArray[Any], bits: int) -> bytes:
    """Put as many whole codes into each byte as fit, and leave its upper bits empty."""
    per_byte = max(1, 8 // bits)
    rows = _bit_rows(codes, bits)
    rows = np.pad(rows, ((0, -len(rows) % per_byte), (0, 0))).reshape(-1, per_byte * bits)
    return _packed_lowest_first(np.pad(rows, ((0, 0), (0, -rows.shape[1] % 8))))


def _pack_and_lose_carry(codes: NDArray[Any], bits: int) -> NDArray[np.int64]:
    """Pack, but lose the bits of a code that belong to the next byte."""
    packed = np.zeros(-(-codes.size * bits // 8), np.int64)
    for place, code in enumerate(codes.reshape(-1).tolist()):
        packed[place * bits // 8] |= code << place * bits % 8 & 255
    return packed


EXERCISE = FunctionExercise(
    name="pack",
    signature="pack(codes, bits)",
    solution=pack,
    cases=_cases,
    compare=_compare,
    why="bit j of code number i is bit i * bits + j of the stream, and bit s of the stream is bit "
    "s % 8 of byte s // 8, both counted from the lowest",
    fix="list the bits of every code from the lowest up, put the bits of all codes into one row, "
    "and make a byte of every eight bits, the first bit lowest; the last byte is filled with zeros",
    mistakes=[
        Mistake(
            lambda codes, bits: _packed_highest_first(_bit_rows(codes, bits)[:, ::-1]),
            "you write the highest bit first, within codes and within bytes: that is possible "
            "too, but it is not the order of this lesson",
            "take the bits of a code from the lowest up, and use "
            'np.packbits(..., bitorder="little")',
        ),
        Mistake(
            lambda codes, bits: _packed_highest_first(_bit_rows(codes, bits)),
            "the bits are in the right order, but by default np.packbits takes the first bit as "
            "the highest of its byte",
            'use np.packbits(..., bitorder="little")',
        ),
        Mistake(
            lambda codes, bits: _packed_lowest_first(_bit_rows(codes, bits)[:, ::-1]),
            "the bits of each code are in reverse order: its highest bit comes first",
            "start with the lowest bit, (codes >> 0) & 1",
        ),
        Mistake(
            lambda codes, bits: pack(codes, bits)[::-1],
            "the bytes are in reverse order: code 0 begins in the last one",
            'begin with byte 0 (of a large integer: to_bytes(length, "little"))',
        ),
        Mistake(
            lambda codes, bits: pack(codes.reshape(-1)[::-1], bits),
            "the codes are in reverse order: the last one comes first",
            "begin with code 0",
        ),
        Mistake(
            lambda codes, bits: codes.tobytes(),
            "every code still takes whole bytes, as it does in memory: nothing is packed",
            "write only the lowest `bits` bits of each code, and the next code directly after them",
        ),
        Mistake(
            lambda codes, bits: codes.reshape(-1),
            "these are the original codes; each still takes whole bytes",
            "write only the lowest `bits` bits of each code, and the next code directly after them",
        ),
        Mistake(
            _pack_whole_codes_per_byte,
            "you put only whole codes into a byte and leave its remaining bits empty; a code may "
            "begin in one byte and end in the next",
            "put the bits of all codes into one row before you cut it into bytes",
        ),
        Mistake(
            _pack_and_lose_carry,
            "if a code crosses the boundary of a byte, the bits for the next byte are lost: code "
            "<< shift does not fit into one byte",
            "put the remaining bits into the next byte, or all bits into one row first",
        ),
        Mistake(
            lambda codes, bits: pack(codes, bits)[: codes.size * bits // 8],
            "the last byte is missing: bits that do not fill a byte must be stored too",
            "round the number of bytes up, and fill the last one with zeros",
        ),
        Mistake(
            lambda codes, bits: pack(codes, bits).ljust(codes.size * bits // 8 + 1, b"\0"),
            "there is one byte too many if the bits fill the last byte exactly",
            "the number of bytes is codes.size * bits / 8, rounded up",
        ),
        Mistake(
            lambda codes, bits: _packed_lowest_first(
                np.concatenate(
                    [np.zeros(-codes.size * bits % 8, int), _bit_rows(codes, bits).ravel()]
                )
            ),
            "the bits that fill up the last byte are before code 0 and shift everything",
            "append them at the end",
        ),
        Mistake(
            lambda codes, bits: _bit_rows(codes, bits).reshape(-1),
            "you return the bits one by one, and each of them takes a byte of its own",
            "combine every eight bits into one byte, for example with np.packbits",
        ),
        Mistake(
            lambda codes, bits: "".join(map(str, _bit_rows(codes, bits).reshape(-1))),
            'a text of "0" and "1" takes a byte for every bit',
            "combine every eight bits into one byte, for example with np.packbits",
        ),
        Mistake(
            lambda codes, bits: _packed_lowest_first(_upper_bits(codes, bits)),
            "you kept the upper bits of each number, which are zeros; by default np.unpackbits "
            "begins with the highest bit",
            'use bitorder="little" there too, or take (codes >> j) & 1 for j = 0, 1, ...',
        ),
        Mistake(
            lambda codes, bits: _packed_highest_first(_upper_bits(codes, bits)),
            "you kept the upper bits of each number, which are zeros; by default np.unpackbits "
            "begins with the highest bit",
            'use bitorder="little" there too, or take (codes >> j) & 1 for j = 0, 1, ...',
        ),
        Mistake(
            lambda codes, bits: pack(codes & 255, bits),
            "codes above 255 lost their upper bits: a uint8 holds 8",
            "compute with a wider type: codes.astype(int)",
        ),
        Mistake(
            lambda codes, bits: pack(codes & 7, 3),
            "you always write 3 bits per code",
            "use the argument bits",
        ),
        Mistake(
            lambda codes, bits: pack(codes.T, bits),
            "you go through the codes column by column; the exercise goes row by row",
            "flatten with codes.reshape(-1)",
        ),
    ],
)
