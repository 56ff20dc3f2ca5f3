"""Exercise lab-storage of lesson 05: the bytes of 16 biases in three formats."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..compare import as_array
from ..exercise import ValueExercise

_BIAS_COUNT = 16


_EXPECTED_BYTES = {  # of 16 biases; min and max, 8 bytes, are included
    "float32": 4 * _BIAS_COUNT,
    "8 bits": _BIAS_COUNT + 8,
    "1 bit": _BIAS_COUNT // 8 + 8,
}


_MISTAKES = {
    "float32": {
        16: ("8-bit codes take one byte each", "a float32 has 32 bits, 4 bytes"),
        32: ("float16 takes 2 bytes each", "a float32 has 32 bits, 4 bytes"),
        128: ("float64 takes 8 bytes each", "a float32 has 32 bits, 4 bytes"),
        512: ("these are bits", "divide by 8"),
        72: ("float32 numbers need no min and max", "leave out the 8 bytes"),
    },
    "8 bits": {
        16: ("these are the codes alone, without min and max", "add two float32 numbers, 8 bytes"),
        20: ("the overhead is two float32 numbers; you counted one", "add 8 bytes"),
        18: ("min and max are float32 numbers of 4 bytes each", "add 8 bytes"),
        32: ("min and max take 4 bytes each; you counted 8 for each", "add 8 bytes in all"),
        128: ("these are the bits of the codes", "divide by 8, and add min and max"),
        192: ("these are bits", "divide by 8"),
        64: ("that is float32; a code of 8 bits takes one byte", "count 16 bytes, and min and max"),
        1040: (
            "you stored a table of 256 levels; with equal steps all levels follow from min and max",
            "add 8 bytes instead",
        ),
    },
    "1 bit": {
        2: ("these are the codes alone, without min and max", "add two float32 numbers, 8 bytes"),
        6: ("the overhead is two float32 numbers; you counted one", "add 8 bytes"),
        4: ("min and max are float32 numbers of 4 bytes each", "add 8 bytes"),
        8: (
            "half of 16 bytes is the course lab's answer: 1 bit is an eighth of 8 bits, and min "
            "and max take as many bytes as before",
            "pack 16 bits into bytes, and add min and max",
        ),
        12: (
            "this is half of the size with 8 bits: the codes shrink to an eighth, and min and max "
            "do not shrink",
            "pack 16 bits into bytes, and add min and max",
        ),
        3: (
            "this is an eighth of the size with 8 bits: the codes shrink to an eighth, but min "
            "and max do not shrink",
            "pack 16 bits into bytes, and add min and max",
        ),
        16: ("these are bits, or a whole byte for every bit", "pack eight codes into each byte"),
        24: ("you gave every code of 1 bit a whole byte", "pack eight codes into each byte"),
        80: ("these are bits", "divide by 8"),
        66: ("these are 2 bytes and 64 bits, added", "divide the bits by 8"),
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


def _judge(*sizes: Any) -> tuple[str, str, str] | None:
    for (kind, expected), size in zip(_EXPECTED_BYTES.items(), sizes, strict=True):
        given = np.asarray(size).item()
        if given == expected:
            continue
        why, fix = _MISTAKES[kind].get(
            given,
            (
                "each number takes 32, 8 or 1 bits; on a grid, min and max take 4 bytes each",
                "multiply, divide by 8 bits per byte, and add min and max if there is a grid",
            ),
        )
        return f"you say {given:,.10g} bytes for 16 biases in {kind}", why, fix
    return None


EXERCISE = ValueExercise(
    name="lab-storage",
    rule="as_float32, with_8_bits and with_1_bit are three numbers of bytes",
    well_formed=_are_sizes,
    judge=_judge,
)
