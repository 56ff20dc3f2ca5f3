"""Exercise file-size of lesson 05: the size of a file of 16 centres per tensor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..compare import as_array
from ..exercise import ValueExercise

_WEIGHTS, _FLOATS, _TENSORS = 480_776, 566, 8  # of Net: quantized, left as float32, and codebooks


_FILE_BYTES = _WEIGHTS / 2 + 4 * _FLOATS + _TENSORS * 16 * 4


_RELATIVE_TOLERANCE = 0.02  # the header's names and shapes are less than 1% of this file


_MISTAKES = {
    4.0 * (_WEIGHTS + _FLOATS): (
        "that is 4 for every number: float32 takes 4 bytes each, and a code takes 4 bits, but the "
        "question is about bytes",
        "a code of 4 bits is half a byte",
    ),
    float(_WEIGHTS + _FLOATS): (
        "that is one byte for every number, as for codes in memory",
        "16 centres need 4 bits, and two codes share a byte",
    ),
    2.0 * (_WEIGHTS + _FLOATS): (
        "that is 16 bits for every number; 16 is the number of centres",
        "16 centres need 4 bits, half a byte",
    ),
    (_WEIGHTS + _FLOATS) / 4: (
        "that is a sixteenth of float32, or 2 bits for every weight",
        "16 centres need 4 bits, half a byte: an eighth of float32",
    ),
    _WEIGHTS * 3 / 8 + 4 * _FLOATS: (
        "that is 3 bits for every weight, enough for 8 centres",
        "16 centres need 4 bits, half a byte",
    ),
    _WEIGHTS * 5 / 8 + 4 * _FLOATS: (
        "that is 5 bits for every weight; codes run from 0 to 15",
        "16 centres need 4 bits, half a byte",
    ),
    _FILE_BYTES / 1000: ("that is the size in kilobytes", "give it in bytes"),
    _FILE_BYTES / 1024: ("that is the size in kibibytes", "give it in bytes"),
    _FILE_BYTES / 1e6: ("that is the size in megabytes", "give it in bytes"),
    _FILE_BYTES * 8: ("that is the size in bits", "divide by 8"),
    8.0: (
        "that is the ratio of the float32 size to the size of the file",
        "give its size in bytes",
    ),
}


def _is_size(size: Any) -> bool | str:
    array = as_array(size)
    if isinstance(array, str) or array.size != 1 or array.dtype.kind not in "iuf":
        return "this is not one number"
    return True if 0 < array.item() < math.inf else "a size is a number above 0"


def _judge(size: Any) -> tuple[str, str, str] | None:
    given = float(np.asarray(size).item())
    if abs(given - _FILE_BYTES) <= _RELATIVE_TOLERANCE * _FILE_BYTES:
        return None
    for mistaken, (why, fix) in _MISTAKES.items():
        if abs(given - mistaken) <= _RELATIVE_TOLERANCE * mistaken:
            return f"you say {given:,.10g} bytes", why, fix
    smaller = "smaller" if given < _FILE_BYTES else "larger"
    return (
        f"you say {given:,.10g} bytes; the file is {smaller}, by more than 2%",
        f"{_WEIGHTS:,} weights take 4 bits each, {_FLOATS} other numbers 4 bytes each, and each of "
        "the 8 codebooks 64 bytes",
        "add the three",
    )


EXERCISE = ValueExercise(
    name="file-size",
    rule="file_bytes is one number of bytes",
    well_formed=_is_size,
    judge=_judge,
)
