"""Exercise compression-ratio of lesson 05: float32 bits over stored bits."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..compare import EPS32, number_difference
from ..exercise import Case, FunctionExercise, Mistake


def _cases(rng: np.random.Generator) -> Iterator[Case]:
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
    """Return float32 bits over stored bits; a mistake sets the bits of a code or of a centre."""
    width = _bits_for(k) if bits is None else bits
    return 32 * count / (count * width + codebook * k)


EXERCISE = FunctionExercise(
    name="compression-ratio",
    signature="compression_ratio(count, k)",
    solution=_ratio,
    cases=_cases,
    # Five operations, each rounded once if the answer computes in float32.
    compare=lambda expected, got, case: number_difference(
        expected, got, 5 * EPS32 * abs(expected), "ratio"
    ),
    why="the weights take 32 * count bits as float32; quantized they take count codes of log2(k) "
    "bits, rounded up, and k centres of 32 bits",
    fix="return 32 * count / (count * bits + 32 * k), with bits = ceil(log2(k)), at least 1",
    mistakes=[
        Mistake(
            lambda count, k: 32 / _bits_for(k),
            "32 / bits leaves out the codebook: without the centres the codes cannot be turned "
            "back into weights",
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
            "round log2(k) up, and take 1 if that gives 0",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, math.ceil(math.log2(k))),
            "log2(1) is 0, but here the codes of a single centre are stored with 1 bit each",
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
            "a centre is a float32 of 32 bits; you counted 1",
            "count 32 bits per centre",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, codebook=_bits_for(k)),
            "you gave the centres as many bits as the codes; a centre is a float32",
            "count 32 bits per centre",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, codebook=64 / k),
            "you stored two numbers in addition to the codes, which is enough for equal steps; "
            "centres have no equal steps, so each must be stored",
            "count 32 bits for each of the k centres",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, codebook=32 / k),
            "you counted a single centre",
            "count 32 bits for each of the k centres",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, k),
            "k is the number of centres, not the number of bits of a code",
            "a code takes log2(k) bits, rounded up",
        ),
        Mistake(
            lambda count, k: _ratio(count, k, 8 * -(-_bits_for(k) // 8)),
            "you gave every code whole bytes; packed codes have no gaps between them",
            "a code takes log2(k) bits, rounded up to a whole bit",
        ),
        Mistake(
            lambda count, k: 1 / _ratio(count, k),
            "this is the fraction that remains; a ratio of 10 means ten times smaller",
            "divide the float32 bits by the stored bits",
        ),
        Mistake(
            lambda count, k: 1 - 1 / _ratio(count, k),
            "this is the fraction that is saved; a ratio of 10 means ten times smaller",
            "divide the float32 bits by the stored bits",
        ),
        Mistake(
            lambda count, k: 100 * (1 - 1 / _ratio(count, k)),
            "this is the saving in percent; a ratio of 10 means ten times smaller",
            "divide the float32 bits by the stored bits",
        ),
        Mistake(
            lambda count, k: _ratio(count, k) / 8,
            "one of the two sizes is in bytes and the other in bits",
            "count both in bits",
        ),
        Mistake(
            lambda count, k: _ratio(count, k) / 4,
            "a float32 has 32 bits, not 8",
            "start from 32 * count bits",
        ),
    ],
)
