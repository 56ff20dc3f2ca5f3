"""Exercise cost-in-bytes of lesson 02: payload and overhead of a quantized tensor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...quantizers.uniform import uniform_quantize
from ..compare import Difference, as_array
from ..exercise import Case, FunctionExercise, Mistake


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    yield 1000, 3
    yield 470_400, 8
    yield 10, 1  # 10 bits do not fill two bytes
    yield 3, 3
    yield 3, 5
    yield 1, 1
    yield int(rng.integers(100, 9999)), 5
    yield 2304, 16


def _compare(expected: float, got: Any, case: Case) -> Difference:
    array = as_array(got)
    if isinstance(array, str) or array.size != 1:
        return f"your function returned {got!r}, not one number"
    value = float(array.reshape(()))
    if value == expected:
        return None
    return f"you return {value:,.10g} bytes, expected {expected:,.10g}"


def _stored_bytes(count: int, bits: int) -> int:
    """Return what the package's own quantizer says."""
    quantized = uniform_quantize(np.zeros(count), bits)
    return quantized.payload_bytes + quantized.overhead_bytes


EXERCISE = FunctionExercise(
    name="cost-in-bytes",
    signature="cost_in_bytes(count, bits)",
    solution=_stored_bytes,
    cases=_cases,
    compare=_compare,
    why="count codes of `bits` bits are packed without gaps into whole bytes, and the grid needs "
    "two float32 numbers, min and max, beside them",
    fix="round count * bits / 8 up, and add 8",
    mistakes=[
        Mistake(
            lambda count, bits: -(-count * bits // 8),
            "this is the payload alone: without min and max nobody can turn the codes back into "
            "weights, so that overhead has to be stored too",
            "add 8 bytes, two float32 numbers",
        ),
        Mistake(
            lambda count, bits: count * bits // 8 + 8,
            "you rounded down: where the bits do not fill the last byte, those left over are lost",
            "round up, for example with math.ceil or with -(-x // 8)",
        ),
        Mistake(
            lambda count, bits: round(count * bits / 8) + 8,
            "you rounded to the nearest byte: where that is down, the bits left over are lost",
            "round up, for example with math.ceil or with -(-x // 8)",
        ),
        Mistake(
            lambda count, bits: count * bits / 8 + 8,
            "a file has whole bytes, you count part of one",
            "round up, for example with math.ceil or with -(-x // 8)",
        ),
        Mistake(
            lambda count, bits: count * bits + 64,
            "these are bits, the exercise asks for bytes",
            "divide by 8, and round up",
        ),
        Mistake(
            lambda count, bits: count * bits + 8,
            "these are bits, the exercise asks for bytes (the 8 that you add are bytes already)",
            "divide count * bits by 8, and round up",
        ),
        Mistake(
            lambda count, bits: count * -(-bits // 8) + 8,
            "you gave every code whole bytes of its own; packed codes lie close together, and a "
            "byte may hold parts of two",
            "multiply by count before you divide by 8",
        ),
        Mistake(
            lambda count, bits: 4 * count,
            "4 bytes a weight is what float32 takes; the codes have `bits` bits",
            "start from count * bits",
        ),
        Mistake(
            lambda count, bits: 2 * bits,
            "2 * bits is not a size: it knows neither how many weights there are nor how many "
            "levels, which are 2^bits",
            "start from count * bits",
        ),
        Mistake(
            lambda count, bits: -(-count * bits // 8) + 4,
            "the overhead is two float32 numbers, min and max, you counted one",
            "add 8 bytes",
        ),
        Mistake(
            lambda count, bits: -(-count * bits // 8) + 16,
            "min and max are float32 numbers of 4 bytes each, you counted 8 for each",
            "add 8 bytes for both",
        ),
        Mistake(
            lambda count, bits: -(-count * bits // 8) + 64,
            "the overhead of 64 bits was added as if it were bytes",
            "add 8 bytes",
        ),
        Mistake(
            lambda count, bits: -(-count * bits // 8) + 4 * 2**bits,
            "you stored a float32 for every level; equal steps need no table, because min and max "
            "give all levels",
            "add 8 bytes instead",
        ),
        Mistake(
            lambda count, bits: -(-(count * bits + 64) // 8) + 8,
            "the overhead is counted twice",
            "add it once, 8 bytes",
        ),
    ],
)
