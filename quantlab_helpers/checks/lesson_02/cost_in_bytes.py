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
    return f"you return {value:,.10g} byte{'s' * (value != 1)}, expected {expected:,.10g}"


def _stored_bytes(count: int, bits: int) -> int:
    """Return payload and overhead of the package's own quantizer."""
    quantized = uniform_quantize(np.zeros(count), bits)
    return quantized.payload_bytes + quantized.overhead_bytes


EXERCISE = FunctionExercise(
    name="cost-in-bytes",
    signature="cost_in_bytes(count, bits)",
    solution=_stored_bytes,
    cases=_cases,
    compare=_compare,
    why="count codes of `bits` bits are packed without gaps into whole bytes, and the grid needs "
    "two more float32 numbers, min and max",
    fix="round count * bits / 8 up, and add 8",
    mistakes=[
        Mistake(
            lambda count, bits: -(-count * bits // 8),
            "this is only the payload: without min and max the codes cannot be turned back into "
            "weights, so that overhead must be stored too",
            "add 8 bytes, two float32 numbers",
        ),
        Mistake(
            lambda count, bits: count * bits // 8 + 8,
            "you rounded down: if the bits do not fill the last byte, the remaining bits are lost",
            "round up, for example with math.ceil or with -(-x // 8)",
        ),
        Mistake(
            lambda count, bits: round(count * bits / 8) + 8,
            "you rounded to the nearest byte: if that is down, the remaining bits are lost",
            "round up, for example with math.ceil or with -(-x // 8)",
        ),
        Mistake(
            lambda count, bits: count * bits / 8 + 8,
            "a file has whole bytes; your result is not a whole number",
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
            "you gave every code whole bytes of its own; packed codes have no gaps between them, "
            "and a byte may hold parts of two",
            "multiply by count before you divide by 8",
        ),
        Mistake(
            lambda count, bits: 4 * count,
            "float32 takes 4 bytes per weight; the codes have `bits` bits",
            "start from count * bits",
        ),
        Mistake(
            lambda count, bits: 2 * bits,
            "2 * bits is not a size: it depends neither on the number of weights nor on the "
            "number of levels, 2^bits",
            "start from count * bits",
        ),
        Mistake(
            lambda count, bits: -(-count * bits // 8) + 4,
            "the overhead is two float32 numbers, min and max; you counted one",
            "add 8 bytes",
        ),
        Mistake(
            lambda count, bits: -(-count * bits // 8) + 16,
            "min and max are float32 numbers of 4 bytes each; you counted 8 for each",
            "add 8 bytes for both",
        ),
        Mistake(
            lambda count, bits: -(-count * bits // 8) + 64,
            "the overhead of 64 bits was added as if it were bytes",
            "add 8 bytes",
        ),
        Mistake(
            lambda count, bits: -(-count * bits // 8) + 4 * 2**bits,
            "you stored a float32 for every level; equal steps need no table, because all levels "
            "follow from min and max",
            "add 8 bytes instead",
        ),
        Mistake(
            lambda count, bits: -(-(count * bits + 64) // 8) + 8,
            "the overhead is counted twice",
            "add it once, 8 bytes",
        ),
    ],
)
