"""Exercise levels-of-bits of lesson 00: how many values a number of bits can represent."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..compare import number_difference
from ..exercise import Case, FunctionExercise, Mistake


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for bits in (3, 1, 2, 4, 8, int(rng.integers(5, 12)), 16):
        yield (bits,)


EXERCISE = FunctionExercise(
    name="levels-of-bits",
    signature="levels_of_bits(bits)",
    solution=lambda bits: 2**bits,
    cases=_cases,
    compare=lambda expected, got, case: number_difference(expected, got, 0, "number of values"),
    why="each bit is 0 or 1, so one more bit doubles the number of different patterns",
    fix="start with 1 and double it once for each bit",
    mistakes=[
        Mistake(
            lambda bits: 2 * bits,
            "you multiplied by 2 once; every bit multiplies the number of patterns by 2",
            "multiply by 2 once for each bit; in Python a power is written with **",
        ),
        Mistake(
            lambda bits: bits**2,
            "you squared the number of bits: base and exponent are swapped",
            "the base is 2, what one bit can be; the number of bits is the exponent",
        ),
        Mistake(
            lambda bits: 2**bits - 1,
            "you counted one too few: that is the largest code, and the codes begin at 0",
            "count the code 0 as well",
        ),
        Mistake(
            lambda bits: 2**bits + 1,
            "you counted one too many: the codes run from 0 to one less than their number",
            "count the codes of 1 bit: 0 and 1, so there are two",
        ),
        Mistake(
            lambda bits: 2 ** (bits - 1),
            "you kept one bit for a sign; a code has no sign, because it only says which level is "
            "meant, so every bit doubles the number of values",
            "use all the bits",
        ),
        Mistake(
            lambda bits: 2 ^ bits,
            "in Python `^` is not a power: it combines the bits of two integers (exclusive or)",
            "write a power with **",
        ),
        Mistake(
            lambda bits: bits,
            "you returned the number of bits, not the number of values that they can represent",
            "write down the patterns of 2 bits (00, 01, ...) and count them",
        ),
        Mistake(
            lambda bits: 10**bits,
            "you counted decimal digits; a digit has ten values, a bit has two",
            "use 2 as the base",
        ),
    ],
)
