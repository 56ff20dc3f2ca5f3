"""The exercises of lesson 05 on what a file costs, and their well-known mistakes.

Those on packing and entropy are in `_checks_coding.py`, Huffman's step in `_checks_huffman.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ._coding import EXERCISES as _CODING
from ._huffman import HUFFMAN_STEP
from .compare import EPS32, as_array, number_differs
from .exercise import Case, FunctionExercise, Mistake, ValueExercise

# compression-ratio


def _ratio_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield 16, 4
    yield 470_400, 8
    yield 400, 256
    yield 2304, 17
    yield 16, 5
    yield 10, 1
    yield int(rng.integers(500, 5000)), int(rng.integers(33, 60))
    yield 400, 300


def _bits_for(k: int) -> int:
    return max(1, (k - 1).bit_length())


def _ratio(count: int, k: int, bits: float | None = None, codebook: float = 32) -> float:
    """Return float32 bits over stored bits; codes or codebook may be wrong on purpose."""
    width = _bits_for(k) if bits is None else bits
    return 32 * count / (count * width + codebook * k)


_RATIO = FunctionExercise(
    name="compression-ratio",
    signature="compression_ratio(count, k)",
    solution=_ratio,
    cases=_ratio_cases,
    # Five operations, each rounded once where somebody computes in float32.
    differs=lambda expected, got, case: number_differs(
        expected, got, 5 * EPS32 * abs(expected), "ratio"
    ),
    why="the weights take 32 * count bits as float32; quantized they take count codes of log2(k) "
    "bits, rounded up, and k centres of 32 bits",
    fix="return 32 * count / (count * bits + 32 * k), with bits = ceil(log2(k)), at least 1",
    mistakes=[
        Mistake(
            lambda count, k: 32 / _bits_for(k),
            "32 / bits leaves out the codebook: without the centres nobody can turn the codes back "
            "into weights",
            "add the 32 * k bits of the codebook to the denominator",
        ),
        Mistake(
            lambda count, k: 32 / np.log2(k),
            "32 / bits leaves out the codebook, and log2(k) is not always a whole number of bits",
            "add the 32 * k bits of the codebook to the denominator, and round log2(k) up",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, math.log2(k)),
            "a packed code has a whole number of bits, at least 1; log2(k) is one only for powers "
            "of 2 from 2 on",
            "round log2(k) up, and take 1 where that gives 0",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, math.ceil(math.log2(k))),
            "log2(1) is 0, but the codes of a single centre are stored with 1 bit each here",
            "take at least 1 bit per code",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, max(1, math.floor(math.log2(k)))),
            "you rounded log2(k) down: the last centres would have no code",
            "round up",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, max(1, round(math.log2(k)))),
            "you rounded log2(k) to the nearest whole number, which may be too small",
            "round up",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, k.bit_length()),
            "you counted the bits of k itself; codes run from 0 to k - 1",
            "count the bits of k - 1, at least 1",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, codebook=4),
            "a centre takes 4 bytes, and the codes are counted in bits: you added bytes to bits",
            "count 32 bits per centre",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, codebook=1),
            "a centre is a float32 of 32 bits, you counted 1",
            "count 32 bits per centre",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, codebook=_bits_for(k)),
            "you gave the centres as many bits as the codes; a centre is a float32, it says what "
            "the code means",
            "count 32 bits per centre",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, codebook=64 / k),
            "you stored two numbers beside the codes, which is enough for equal steps; centres lie "
            "anywhere, so each has to be stored",
            "count 32 bits for each of the k centres",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, codebook=32 / k),
            "you counted a single centre",
            "count 32 bits for each of the k centres",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, k),
            "k is how many centres there are, not how many bits a code has",
            "a code takes log2(k) bits, rounded up",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, 8 * -(-_bits_for(k) // 8)),
            "you gave every code whole bytes; packed codes lie close together",
            "a code takes log2(k) bits, rounded up to a whole bit",
        ),
        Mistake(
            lambda count, k: 1 / _ratio(count, k),
            "this is the share that is left; a ratio of 10 means ten times smaller",
            "divide the float32 bits by the stored ones",
        ),
        Mistake(
            lambda count, k: 1 - 1 / _ratio(count, k),
            "this is the share that is saved; a ratio of 10 means ten times smaller",
            "divide the float32 bits by the stored ones",
        ),
        Mistake(
            lambda count, k: 100 * (1 - 1 / _ratio(count, k)),
            "these are the per cent that are saved; a ratio of 10 means ten times smaller",
            "divide the float32 bits by the stored ones",
        ),
        Mistake(
            lambda count, k: _ratio(count, k) / 8,
            "one of the two sizes is in bytes and the other one in bits",
            "count both in bits",
        ),
        Mistake(
            lambda count, k: _ratio(count, k) / 4,
            "a float32 has 32 bits, not 8",
            "start from 32 * count bits",
        ),
    ],
)

# lab-storage

_BIASES = 16
_STORED = {  # bytes of 16 biases as float32, with 8 bits and with 1 bit, min and max included
    "float32": 4 * _BIASES,
    "8 bits": _BIASES + 8,
    "1 bit": _BIASES // 8 + 8,
}
_TAKEN_FOR = {
    "float32": {
        16: ("a byte each is what 8-bit codes take", "a float32 has 32 bits, 4 bytes"),
        32: ("2 bytes each is what float16 takes", "a float32 has 32 bits, 4 bytes"),
        128: ("8 bytes each is what float64 takes", "a float32 has 32 bits, 4 bytes"),
        512: ("these are bits", "divide by 8"),
        72: ("float32 numbers need no min and max beside them", "leave the 8 bytes out"),
    },
    "8 bits": {
        16: ("these are the codes alone, without min and max", "add two float32 numbers, 8 bytes"),
        20: ("beside the codes stand two float32 numbers, you counted one", "add 8 bytes"),
        18: ("min and max are float32 numbers of 4 bytes each", "add 8 bytes"),
        32: ("min and max take 4 bytes each, you counted 8 for each", "add 8 bytes in all"),
        128: ("these are the bits of the codes", "divide by 8, and add min and max"),
        192: ("these are bits", "divide by 8"),
        64: ("that is float32; a code of 8 bits takes one byte", "count 16 bytes, and min and max"),
        1040: (
            "you stored a table of 256 levels; with equal steps min and max give all of them",
            "add 8 bytes instead",
        ),
    },
    "1 bit": {
        2: ("these are the codes alone, without min and max", "add two float32 numbers, 8 bytes"),
        6: ("beside the codes stand two float32 numbers, you counted one", "add 8 bytes"),
        4: ("min and max are float32 numbers of 4 bytes each", "add 8 bytes"),
        8: (
            "half of 16 bytes is the course lab's answer: 1 bit is an eighth of 8, and min and max "
            "take as much as before",
            "pack 16 bits into bytes, and add min and max",
        ),
        12: (
            "this is half of what 8 bits take: the codes shrink to an eighth, and min and max not "
            "at all",
            "pack 16 bits into bytes, and add min and max",
        ),
        3: (
            "this is an eighth of what 8 bits take: the codes shrink to that, min and max not at "
            "all",
            "pack 16 bits into bytes, and add min and max",
        ),
        16: ("these are bits, or a whole byte for every bit", "pack eight codes into each byte"),
        24: ("you gave every code of 1 bit a whole byte", "pack eight codes into each byte"),
        80: ("these are bits", "divide by 8"),
        66: ("these are 16 bits and 64 bits, added and not divided", "divide the bits by 8"),
    },
}


def _are_sizes(*sizes: Any) -> bool | str:
    for size in sizes:
        array = as_array(size)
        if isinstance(array, str) or array.size != 1 or array.dtype.kind not in "iuf":
            return "each of the three is one number of bytes"
        if not 0 < array.item() < math.inf:
            return "a size is a number above 0"
    return True


def _judge_lab(*sizes: Any) -> tuple[str, str, str] | None:
    for (kind, wanted), size in zip(_STORED.items(), sizes, strict=True):
        given = np.asarray(size).item()
        if given == wanted:
            continue
        why, fix = _TAKEN_FOR[kind].get(
            given,
            (
                "each number takes 32, 8 or 1 bits; on a grid, min and max take 4 bytes each",
                "multiply, divide by 8 bits per byte, and add min and max where there is a grid",
            ),
        )
        return f"you say {given:,.10g} bytes for 16 biases in {kind}", why, fix
    return None


_LAB = ValueExercise(
    name="lab-storage",
    rule="as_float32, with_8_bits and with_1_bit are three numbers of bytes",
    well_formed=_are_sizes,
    judge=_judge_lab,
)

# file-size

WEIGHTS, FLOATS, TENSORS = 480_776, 566, 8  # of Net: quantized, left as float32, and codebooks
_FILE = WEIGHTS / 2 + 4 * FLOATS + TENSORS * 16 * 4
_NEAR = 0.02  # the header's names and shapes are less than 1 % of this file
_FILES = {
    4.0 * (WEIGHTS + FLOATS): (
        "that is 4 for every number: as bytes, what float32 takes; as bits, what the codes take, "
        "but the question is about bytes",
        "a code of 4 bits is half a byte",
    ),
    float(WEIGHTS + FLOATS): (
        "that is a byte for every number, as codes take in memory",
        "16 centres need 4 bits, and two codes share a byte",
    ),
    2.0 * (WEIGHTS + FLOATS): (
        "that is 16 bits for every number; 16 is the number of centres",
        "16 centres need 4 bits, half a byte",
    ),
    (WEIGHTS + FLOATS) / 4: (
        "that is a sixteenth of float32, or 2 bits for every weight",
        "16 centres need 4 bits, half a byte: an eighth of float32",
    ),
    WEIGHTS * 3 / 8 + 4 * FLOATS: (
        "that is 3 bits for every weight, enough for 8 centres",
        "16 centres need 4 bits, half a byte",
    ),
    WEIGHTS * 5 / 8 + 4 * FLOATS: (
        "that is 5 bits for every weight; codes run from 0 to 15",
        "16 centres need 4 bits, half a byte",
    ),
    _FILE / 1000: ("that is the size in kilobytes", "give it in bytes"),
    _FILE / 1024: ("that is the size in kibibytes", "give it in bytes"),
    _FILE / 1e6: ("that is the size in megabytes", "give it in bytes"),
    _FILE * 8: ("that is the size in bits", "divide by 8"),
    8.0: ("that is how many times smaller than float32 the file is", "give its size in bytes"),
}


def _is_size(size: Any) -> bool | str:
    array = as_array(size)
    if isinstance(array, str) or array.size != 1 or array.dtype.kind not in "iuf":
        return "this is not one number"
    return True if 0 < array.item() < math.inf else "a size is a number above 0"


def _judge_file(size: Any) -> tuple[str, str, str] | None:
    given = float(np.asarray(size).item())
    if abs(given - _FILE) <= _NEAR * _FILE:
        return None
    for wanted, (why, fix) in _FILES.items():
        if abs(given - wanted) <= _NEAR * wanted:
            return f"you say {given:,.10g} bytes", why, fix
    smaller = "smaller" if given < _FILE else "larger"
    return (
        f"you say {given:,.10g} bytes; the file is {smaller}, by more than 2 %",
        f"{WEIGHTS:,} weights take 4 bits each, {FLOATS} other numbers 4 bytes each, and each of "
        "the 8 codebooks 64 bytes",
        "add the three up",
    )


_FILE_SIZE = ValueExercise(
    name="file-size",
    rule="file_bytes is one number of bytes",
    well_formed=_is_size,
    judge=_judge_file,
)

EXERCISES: list[FunctionExercise | ValueExercise] = [
    *_CODING,
    _RATIO,
    HUFFMAN_STEP,
    _LAB,
    _FILE_SIZE,
]
