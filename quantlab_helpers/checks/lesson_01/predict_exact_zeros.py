"""Exercise predict-exact-zeros of lesson 01: a guess before a measurement."""

from __future__ import annotations

import math
from typing import Any

from ..compare import as_array
from ..exercise import ValueExercise

_PARAMETERS = 481_214


def _is_count(guess: Any) -> bool | str:
    array = as_array(guess)
    if isinstance(guess, bool | str) or isinstance(array, str) or array.size != 1:
        return "this is not one number"
    number = float(array.item())
    if math.isnan(number):
        return "this is not a number"
    if 0 < number < 1:
        return "this looks like a fraction; the question is how many weights"
    if number < 0:
        return "a count cannot be negative"
    if number > _PARAMETERS:
        return f"the network has no more than {_PARAMETERS:,} parameters"
    return number == int(number) or "a count is a whole number"


EXERCISE = ValueExercise(
    name="predict-exact-zeros",
    rule=f"write a whole number from 0 to {_PARAMETERS:,}; any such number earns the point, and "
    "the next cell measures the truth",
    well_formed=_is_count,
    judge=lambda guess: None,
)
