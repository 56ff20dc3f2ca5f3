"""The exercises of lesson 05 on packing and coding, and their well-known mistakes.

Those on what a file costs are in `_checks_storage.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics import entropy_bits
from ..storage.bit_packing import pack
from .compare import EPS32, Difference, as_array, number_differs
from .exercise import Case, FunctionExercise, Mistake, ValueExercise

# pack


def _pack_cases(rng: np.random.Generator) -> Iterator[Case]:
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
    """Return anything that holds bytes as a row of integers from 0 to 255, else what it is."""
    if isinstance(got, str):
        return f"you return a text of {len(got)} characters, not bytes"
    if isinstance(got, bytes | bytearray | memoryview):
        return np.frombuffer(bytes(got), np.uint8).astype(np.int64)
    array = as_array(got)
    if isinstance(array, str):
        return array
    if array.ndim != 1:
        return f"your result has shape {array.shape}; bytes stand in one row"
    if array.dtype.kind not in "iu":
        return f"you return {array.dtype} numbers, not bytes"
    if array.size and (array.min() < 0 or array.max() > 255):
        return f"you return numbers from {array.min()} to {array.max()}; a byte is 0 to 255"
    return array.astype(np.int64)


def _packs_differ(expected: Any, got: Any, case: Case) -> Difference:
    if isinstance(expected, str) or isinstance(got, str):
        return None if isinstance(expected, str) and expected == got else str(_byte_row(got))
    wanted, row = _byte_row(expected), _byte_row(got)
    if isinstance(row, str) or isinstance(wanted, str):
        return str(row)
    if row.size != wanted.size:
        codes, bits = case
        total = codes.size * bits
        return (
            f"you return {row.size:,} byte{'s' * (row.size != 1)}; {codes.size:,} codes of {bits} "
            f"bits are {total:,} bits, which fill {wanted.size:,}"
        )
    off = np.flatnonzero(row != wanted)
    if not off.size:
        return None
    first = off[0]
    return f"byte {first} is {row[first]:08b} in binary, expected {wanted[first]:08b}"


def _bits(codes: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Return the bits of each code in a row of its own, lowest first."""
    matrix = (codes.reshape(-1, 1).astype(np.int64) >> np.arange(bits)) & 1
    return matrix.astype(np.uint8)


def _little(bits: NDArray[Any]) -> bytes:
    return np.packbits(bits.reshape(-1).astype(np.uint8), bitorder="little").tobytes()


def _big(bits: NDArray[Any]) -> bytes:
    return np.packbits(bits.reshape(-1).astype(np.uint8)).tobytes()


def _upper(codes: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Return the first `bits` bits that np.unpackbits gives without bitorder."""
    return _bits(codes, 8 if bits <= 8 else 16)[:, ::-1][:, :bits]


def _aligned(codes: NDArray[Any], bits: int) -> bytes:
    """Put whole codes side by side into each byte, and the gap at its top."""
    per_byte = max(1, 8 // bits)
    rows = _bits(codes, bits)
    rows = np.pad(rows, ((0, -len(rows) % per_byte), (0, 0))).reshape(-1, per_byte * bits)
    return _little(np.pad(rows, ((0, 0), (0, -rows.shape[1] % 8))))


def _cut(codes: NDArray[Any], bits: int) -> NDArray[np.int64]:
    """Lose what a code has left for the next byte."""
    packed = np.zeros(-(-codes.size * bits // 8), np.int64)
    for place, code in enumerate(codes.reshape(-1).tolist()):
        packed[place * bits // 8] |= code << place * bits % 8 & 255
    return packed


_PACK = FunctionExercise(
    name="pack",
    signature="pack(codes, bits)",
    solution=pack,
    cases=_pack_cases,
    differs=_packs_differ,
    why="bit j of code number i is bit i * bits + j of the stream, and bit s of the stream is bit "
    "s % 8 of byte s // 8, both counted from the lowest",
    fix="list the bits of every code from the lowest up, put all codes into one row, and make a "
    "byte of every eight, the first one lowest; the last byte is filled with zeros",
    mistakes=[
        Mistake(
            lambda codes, bits: _big(_bits(codes, bits)[:, ::-1]),
            "you write the highest bit first, within codes and within bytes: a good order too, but "
            "not the one of this lesson, and a reader has to know",
            "take the bits of a code from the lowest up, and use "
            'np.packbits(..., bitorder="little")',
        ),
        Mistake(
            lambda codes, bits: _big(_bits(codes, bits)),
            "the bits are in the right order, but np.packbits takes the first one for the highest "
            "of its byte unless told otherwise",
            'use np.packbits(..., bitorder="little")',
        ),
        Mistake(
            lambda codes, bits: _little(_bits(codes, bits)[:, ::-1]),
            "the bits of each code run backwards: its highest bit comes first",
            "start with the lowest bit, (codes >> 0) & 1",
        ),
        Mistake(
            lambda codes, bits: pack(codes, bits)[::-1],
            "the bytes stand in reverse: code 0 begins in the last one",
            'begin with byte 0 (of a large integer: to_bytes(length, "little"))',
        ),
        Mistake(
            lambda codes, bits: pack(codes.reshape(-1)[::-1], bits),
            "the codes stand in reverse: the last one comes first",
            "begin with code 0",
        ),
        Mistake(
            lambda codes, bits: codes.tobytes(),
            "every code still takes whole bytes, as it does in memory: nothing is packed",
            "write only the lowest `bits` bits of each code, and the next code right behind them",
        ),
        Mistake(
            lambda codes, bits: codes.reshape(-1),
            "these are the codes as they came; each still takes whole bytes",
            "write only the lowest `bits` bits of each code, and the next code right behind them",
        ),
        Mistake(
            _aligned,
            "you put only whole codes into a byte and leave its last bits empty; a code may begin "
            "in one byte and end in the next",
            "put the bits of all codes into one row before you cut it into bytes",
        ),
        Mistake(
            _cut,
            "where a code crosses the border of a byte, the bits that belong into the next byte "
            "are lost: code << shift does not fit into one byte",
            "put the bits that are left over into the next byte, or all bits into one row first",
        ),
        Mistake(
            lambda codes, bits: pack(codes, bits)[: codes.size * bits // 8],
            "the last byte is missing: bits that do not fill a byte have to be stored too",
            "round the number of bytes up, and fill the last one with zeros",
        ),
        Mistake(
            lambda codes, bits: pack(codes, bits).ljust(codes.size * bits // 8 + 1, b"\0"),
            "there is a byte too many where the bits fill the last one exactly",
            "the number of bytes is codes.size * bits / 8, rounded up",
        ),
        Mistake(
            lambda codes, bits: _little(
                np.concatenate([np.zeros(-codes.size * bits % 8, int), _bits(codes, bits).ravel()])
            ),
            "the bits that fill up the last byte stand in front of code 0 and shift everything",
            "append them at the end",
        ),
        Mistake(
            lambda codes, bits: _bits(codes, bits).reshape(-1),
            "you return the bits one by one, and each of them takes a byte of its own",
            "combine every eight bits into one byte, for example with np.packbits",
        ),
        Mistake(
            lambda codes, bits: "".join(map(str, _bits(codes, bits).reshape(-1))),
            'a text of "0" and "1" takes a byte for every bit',
            "combine every eight bits into one byte, for example with np.packbits",
        ),
        Mistake(
            lambda codes, bits: _little(_upper(codes, bits)),
            "you kept the upper bits of each number, which are zeros; np.unpackbits begins with "
            "the highest bit unless told otherwise",
            'use bitorder="little" there too, or take (codes >> j) & 1 for j = 0, 1, ...',
        ),
        Mistake(
            lambda codes, bits: _big(_upper(codes, bits)),
            "you kept the upper bits of each number, which are zeros; np.unpackbits begins with "
            "the highest bit unless told otherwise",
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
            "you go through the codes column by column; numpy stores a row after the other",
            "flatten with codes.reshape(-1)",
        ),
    ],
)

# entropy


def _entropy_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([2, 1, 1]),)
    yield (np.array([2, 1, 1, 0]),)
    yield (rng.integers(1, 50, 8),)
    yield (np.array([3, 0, 12, 0, 1]),)
    yield (np.full(8, 5),)
    yield (np.array([7]),)
    yield (np.array([0, 12, 0]),)
    yield (np.array([1, 4, 20, 469_900, 400, 60, 12, 3]),)  # as lopsided as fc1
    yield (rng.integers(0, 4, 256),)


def _entropy(counts: NDArray[Any]) -> float:
    return entropy_bits(np.repeat(np.arange(counts.size), counts))


def _share(counts: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(counts[counts > 0] / counts.sum(), np.float64)


def _entropies_differ(expected: float, got: Any, case: Case) -> Difference:
    # Of k terms that add up to H, each is rounded about three times in float32, and a share that
    # is off by one eps changes its logarithm by 1.45 eps.
    tolerance = (case[0].size + 3) * EPS32 * (abs(expected) + 1.45)
    array = as_array(got)
    if not isinstance(array, str) and array.size == 1 and math.isnan(array.item()):
        return None if math.isnan(expected) else "you return NaN, not a number of bits"
    return number_differs(expected, got, tolerance, "entropy")


def _of_shares(formula: Callable[[NDArray[Any], int], Any]) -> Callable[[NDArray[Any]], float]:
    """Make a mistake from a formula of the shares of codes that occur, and the total."""
    return lambda counts: float(formula(_share(counts), int(counts.sum())))


_ENTROPY = FunctionExercise(
    name="entropy",
    signature="entropy(counts)",
    solution=_entropy,
    cases=_entropy_cases,
    differs=_entropies_differ,
    why="a code with the share p of all codes costs log2(1/p) bits; the entropy is the mean of "
    "that over all codes. A code that never occurs costs nothing: it has no logarithm and no part "
    "in the mean",
    fix="keep the counts above 0, divide them by their sum, and return -sum(p * log2(p))",
    mistakes=[
        Mistake(
            lambda counts: math.nan if (counts == 0).any() else _entropy(counts),
            "one of the codes never occurs: 0 * log2(0) is 0 * -inf, which is NaN, although p "
            "log2(p) goes to 0 with p",
            "leave out the counts that are 0 before you take the logarithm",
        ),
        Mistake(
            lambda counts: 0.0 if (counts == 0).any() else _entropy(counts),
            "where a code never occurs, the sum is NaN, and you turn all of it into 0",
            "leave out the counts that are 0 before you take the logarithm",
        ),
        Mistake(
            lambda counts: _entropy(counts) * math.log(2),
            "you took the natural logarithm, which counts in nats; one bit doubles the number of "
            "codes",
            "use np.log2",
        ),
        Mistake(
            lambda counts: _entropy(counts) * math.log10(2),
            "you took the logarithm of base 10; one bit doubles the number of codes",
            "use np.log2",
        ),
        Mistake(
            lambda counts: -_entropy(counts),
            "the logarithm of a share is negative, so the minus in front of the sum is missing",
            "return -sum(p * log2(p))",
        ),
        Mistake(
            _of_shares(lambda p, n: -np.sum(p * n * np.log2(p * n))),
            "you took the counts themselves; the formula needs shares, which add up to 1",
            "divide the counts by their sum first",
        ),
        Mistake(
            _of_shares(lambda p, n: np.sum(p * n * np.log2(p * n))),
            "you took the counts themselves; the formula needs shares, which add up to 1",
            "divide the counts by their sum first",
        ),
        Mistake(
            _of_shares(lambda p, n: -np.mean(np.log2(p))),
            "you averaged over the different codes as if all were equally frequent; a code that "
            "occurs often has to count often",
            "weigh each log2(p) with p",
        ),
        Mistake(
            _of_shares(lambda p, n: -np.sum(np.log2(p))),
            "you added log2(p) of all codes; a code that occurs often has to count often",
            "weigh each log2(p) with p",
        ),
        Mistake(
            lambda counts: math.log2(counts.size),
            "log2 of the number of codes is what a fixed width takes; it is the entropy only where "
            "all are equally frequent",
            "use how often each code occurs",
        ),
        Mistake(
            _of_shares(lambda p, n: np.log2(p.size)),
            "log2 of the number of codes is what a fixed width takes; it is the entropy only where "
            "all are equally frequent",
            "use how often each code occurs",
        ),
        Mistake(
            lambda counts: max(1, math.ceil(_entropy(counts))),
            "you rounded up to whole bits; the entropy is a mean, and a mean is seldom whole",
            "return it unrounded",
        ),
        Mistake(
            lambda counts: math.ceil(_entropy(counts)),
            "you rounded up to whole bits; the entropy is a mean, and a mean is seldom whole",
            "return it unrounded",
        ),
        Mistake(
            _of_shares(lambda p, n: np.sum(p * np.ceil(-np.log2(p)))),
            "you rounded the bits of every code up to whole ones, as a code with whole bits must; "
            "the entropy is what lies below all of those",
            "do not round log2(1/p)",
        ),
        Mistake(
            _of_shares(lambda p, n: -n * np.sum(p * np.log2(p))),
            "these are the bits of all codes together; the entropy is bits per code",
            "use shares, which add up to 1, not counts, in front of the logarithm",
        ),
        Mistake(
            _of_shares(lambda p, n: -n * np.sum(p * np.log2(p)) / 8),
            "these are the bytes of all codes together; the entropy is bits per code",
            "return -sum(p * log2(p))",
        ),
        Mistake(
            lambda counts: _entropy(counts) / counts.size,
            "you took the mean of p * log2(p), and so divided by the number of different codes; "
            "the shares p are weights already",
            "use sum instead of mean",
        ),
        Mistake(
            entropy_bits,
            "you took the counts for codes and counted them again",
            "counts[c] says how often code c occurs; divide by counts.sum()",
        ),
        Mistake(
            lambda counts: _entropy(counts + 1),
            "you added 1 to every count, so that rare codes look more frequent than they are",
            "leave out the counts that are 0 instead",
        ),
        Mistake(
            _of_shares(lambda p, n: -np.sum(p / p.max() * np.log2(p / p.max()))),
            "you divided by the largest count; shares add up to 1",
            "divide the counts by their sum",
        ),
    ],
)

EXERCISES: list[FunctionExercise | ValueExercise] = [_PACK, _ENTROPY]
