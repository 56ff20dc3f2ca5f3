"""Exercise quantize-to-indices of lesson 02: the code of the nearest level for every weight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compare import Difference, as_array, plural
from ..exercise import Case, FunctionExercise, Mistake
from ._shared import level_tolerance


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    def own_range(weights: NDArray[Any], bits: int) -> Case:
        return weights, float(weights.min()), float(weights.max()), bits

    yield np.array([-0.5, 0.1, 0.45, 1.0], np.float32), -0.5, 1.0, 2
    yield own_range(rng.normal(size=(3, 4)).astype(np.float32), 3)
    yield own_range(-1 - rng.random(20, np.float32), 1)  # no weight is positive
    yield 0.2 * rng.normal(size=(2, 3, 3)), -0.3, 0.2, 4
    yield np.array([-0.9, -0.5, 0.3, 1.0, 1.7], np.float32), -0.5, 1.0, 2  # outside the range
    yield own_range(rng.normal(size=60).astype(np.float32), 10)  # codes beyond 255
    yield own_range(1e-30 * rng.normal(size=30).astype(np.float32), 8)
    yield np.full((2, 2), 0.25, np.float32), 0.25, 0.25, 3


def _compare(expected: NDArray[Any], got: Any, case: Case) -> Difference:
    weights, low, high, bits = case
    array = as_array(got)
    if isinstance(array, str):
        return array
    if array.shape != expected.shape:
        return f"your codes have shape {array.shape}, the weights have {weights.shape}"
    if (array.dtype.kind in "iu") != (expected.dtype.kind in "iu"):
        return f"your codes are {array.dtype}, not integers: {array.reshape(-1)[:4].tolist()}"
    wrong = array != expected
    if not wrong.any():
        return None
    in_range = (expected >= 0) & (expected < 2**bits)
    outside = wrong & in_range & ~((array >= 0) & (array < 2**bits))
    if outside.any():
        return (
            f"you return code {array[outside][0]}, the codes of {plural(bits, 'bit')} are "
            f"0..{2**bits - 1}"
        )
    step = (high - low) / (2**bits - 1)
    inside = np.clip(weights.astype(np.float64), low, high)
    distance, smallest = (np.abs(low + step * codes - inside) for codes in (array, expected))
    # A weight halfway between two levels may get either; an error d of a level changes the two
    # distances by 2 d.
    wrong &= ~(np.abs(distance - smallest) <= 2 * level_tolerance(low, high))
    if not wrong.any():
        return None
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    return (
        f"{int(wrong.sum())} of {array.size} codes {'is' if wrong.sum() == 1 else 'are'} wrong: "
        f"{weights[first]:.6g} became {array[first]}, "
        f"the nearest level has code {expected[first]}"
    )


def _rounded_positions(
    weights: NDArray[Any], low: float, high: float, steps: float, rounding: Any = np.rint
) -> NDArray[Any]:
    """Return positions on the grid, in steps, clipped to its ends and rounded; floats."""
    if low == high:
        return np.zeros(weights.shape)
    position = (weights.astype(np.float64) - low) / (np.float64(high - low) / steps)
    return np.asarray(rounding(np.clip(position, 0, steps)))


def _unclipped_codes(
    weights: NDArray[Any], low: float, high: float, bits: int
) -> NDArray[np.int64]:
    step = (high - low) / (2**bits - 1) or 1.0
    return np.asarray(np.rint((weights.astype(np.float64) - low) / step), dtype=np.int64)


def _nan_codes_where_constant(
    weights: NDArray[Any], low: float, high: float, bits: int
) -> NDArray[np.int64]:
    """Return the integers that NaN converts to if low equals high, else the nearest codes."""
    if low == high:
        return np.full(weights.shape, np.nan).astype(np.int64)
    return _nearest_codes(weights, low, high, bits)


def _nearest_codes(weights: NDArray[Any], low: float, high: float, bits: int) -> NDArray[np.int64]:
    """Return the codes of the nearest levels by comparing all distances."""
    distance = np.abs(weights.astype(np.float64)[..., None] - np.linspace(low, high, 2**bits))
    return np.asarray(distance.argmin(-1))


EXERCISE = FunctionExercise(
    name="quantize-to-indices",
    signature="quantize_to_indices(weights, low, high, bits)",
    solution=_nearest_codes,
    cases=_cases,
    compare=_compare,
    why="a code says which level is nearest: the distance to low in steps, rounded to an integer "
    "and kept within 0 .. 2^bits - 1",
    fix="compute (weights - low) / step, round, clip to 0 .. 2**bits - 1, convert to integers; "
    "if low equals high there is no step, and every code is 0",
    mistakes=[
        Mistake(
            lambda w, low, high, bits: _rounded_positions(
                w, low, high, 2**bits - 1, np.floor
            ).astype(int),
            "you cut off the decimals (floor, //, int or astype): that gives the level below, so "
            "the error can be almost a whole step, twice the bound",
            "round with np.round or np.rint before you convert to integers",
        ),
        Mistake(
            _nan_codes_where_constant,
            "if low equals high the step is 0, and 0/0 is NaN: converted to an integer it is a "
            "meaningless code",
            "return zeros if low equals high",
        ),
        Mistake(
            lambda w, low, high, bits: _rounded_positions(
                w, low, high, 2**bits - 1, np.ceil
            ).astype(int),
            "you took the level above (ceil), not the nearest one",
            "round with np.round or np.rint",
        ),
        Mistake(
            _unclipped_codes,
            "weights outside the range get codes outside 0 .. 2^bits - 1, which do not fit into "
            "the bits: such weights must get the first or the last code",
            "clip the codes with np.clip(codes, 0, 2**bits - 1)",
        ),
        Mistake(
            lambda w, low, high, bits: np.clip(_unclipped_codes(w, low, high, bits), 0, 2**bits),
            "you clip at 2^bits, but the last code is 2^bits - 1",
            "clip to 0 .. 2**bits - 1",
        ),
        Mistake(
            lambda w, low, high, bits: _rounded_positions(w, low, high, 2**bits - 1),
            "the codes are rounded, but they are still floats: a float32 takes 32 bits even if "
            "its value is a small integer",
            "convert with .astype(int), or .long() in torch",
        ),
        *(
            Mistake(
                lambda w, low, high, bits, kind=kind: _nearest_codes(w, low, high, bits).astype(
                    kind
                ),
                f"your codes wrap around: {np.dtype(kind).name} holds only "
                f"{np.iinfo(kind).min}..{np.iinfo(kind).max}",
                "convert to a type that holds 2**bits - 1, such as int",
            )
            for kind in (np.uint8, np.int8)
        ),
        Mistake(
            lambda w, low, high, bits: _unclipped_codes(w, low, high, bits).astype(np.uint8),
            "your codes wrap around: in uint8 a code below 0 or above 255 becomes another code",
            "clip to 0 .. 2**bits - 1 before you convert to integers",
        ),
        Mistake(
            lambda w, low, high, bits: _nearest_codes(w, float(w.min()), float(w.max()), bits),
            "you used the smallest and largest of these weights instead of low and high: such "
            "codes belong to another grid",
            "use the range that is passed in",
        ),
        Mistake(
            lambda w, low, high, bits: _rounded_positions(w, low, high, 2**bits).astype(int),
            "you divided the range by 2^bits: there are only 2^bits - 1 steps between the levels",
            "divide by 2**bits - 1",
        ),
        Mistake(
            lambda w, low, high, bits: np.clip(
                np.rint(w / ((high - low) / (2**bits - 1))), 0, 2**bits - 1
            ).astype(int),
            "code 0 means low; you counted the steps from zero",
            "subtract low from the weights first",
        ),
        Mistake(
            lambda w, low, high, bits: _nearest_codes(w, low, high, bits) + 1,
            "your codes start at 1; code 0 means low, and the last code 2^bits would not fit",
            "count from 0",
        ),
        Mistake(
            lambda w, low, high, bits: np.linspace(low, high, 2**bits)[
                _nearest_codes(w, low, high, bits)
            ],
            "these are the levels themselves, not their codes",
            "return the index of the level, counted from 0, not its value",
        ),
        Mistake(
            lambda w, low, high, bits: _nearest_codes(w, low, high, bits).reshape(-1),
            "the codes have only one dimension; a layer needs them in the shape of its weights",
            "give them the weights' shape, for example with .reshape(weights.shape)",
        ),
    ],
)
