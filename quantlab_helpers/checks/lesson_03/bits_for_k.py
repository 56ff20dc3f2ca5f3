"""Exercise bits-for-k of lesson 03: the bits of one code for k centres."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..compare import Difference, as_array
from ..exercise import Case, FunctionExercise, Mistake


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for k in (8, 17, 2, 3, 4, 16, 1, 256, 257, 65_536):
        yield (k,)
    for k in rng.integers(5, 4_000, 4).tolist():
        yield (k,)


def _compare(expected: Any, got: Any, case: Case) -> Difference:
    # An answer may return 2**65_536, which is too long to print.
    expected, got = (min(n, 2**62) if isinstance(n, int) else n for n in (expected, got))
    array = as_array(got)
    if isinstance(array, str):
        return array
    if array.size != 1:
        return f"you return {array.size} numbers, expected one"
    if array.item() == expected:
        return None
    bits = f"{array.item():.6g} bit{'s' * (array.item() != 1)}"
    return f"you say {bits}, but k = {case[0]} needs {expected:.6g}"


EXERCISE = FunctionExercise(
    name="bits-for-k",
    signature="index_bits(k)",
    solution=lambda k: max(1, (k - 1).bit_length()),
    cases=_cases,
    compare=_compare,
    why="b bits can represent 2**b codes, so b is the smallest whole number with 2**b >= k, and a "
    "stored code has at least 1 bit",
    fix="round log2(k) up, and take 1 if that gives 0",
    mistakes=[
        Mistake(
            lambda k: k.bit_length(),
            "you counted the bits of k itself, but codes run from 0 to k - 1: 8 centres have the "
            "codes 0..7, which need 3 bits",
            "count the bits of k - 1",
        ),
        Mistake(
            lambda k: max(1, int(math.log2(k))),
            "you rounded log2(k) down: the last centres would have no code",
            "round up",
        ),
        Mistake(
            lambda k: max(1, round(math.log2(k))),
            "you rounded log2(k) to the nearest whole number, which may be too small",
            "round up",
        ),
        Mistake(
            lambda k: math.log2(k),
            "a fixed-length code has a whole number of bits; log2(k) is one only for powers of 2",
            "round up to a whole number",
        ),
        Mistake(
            lambda k: (k - 1).bit_length(),
            "log2(1) is 0, but here a tensor of one centre is stored with 1 bit for each code",
            "return at least 1",
        ),
        Mistake(
            lambda k: 8 * max(1, -((1 - k).bit_length() // -8)),
            "you rounded up to whole bytes; codes are packed without gaps between them",
            "round log2(k) up to a whole number of bits, not of bytes",
        ),
        Mistake(lambda k: k, "k is the number of centres, not of bits", "round log2(k) up"),
        Mistake(
            lambda k: 2**k,
            "2**k is the number of codes of k bits; here k is the number of centres",
            "ask the reverse question: round log2(k) up",
        ),
        Mistake(
            lambda k: max(1, math.ceil(math.log(k))),
            "you took the natural logarithm; one bit doubles the number of codes",
            "use the logarithm of base 2",
        ),
    ],
)
