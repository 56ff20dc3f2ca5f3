"""Two exercises of lesson 07, exact zeros and a budget over layers, and their mistakes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compression.contest import Options, cheapest
from ..quantizers.kmeans import kmeans_quantize
from ..quantizers.tensor import QuantizedTensor
from .compare import EPS32, Difference, as_array, differs_by
from .exercise import Case, FunctionExercise, Mistake

Array = NDArray[Any]
U32 = EPS32 / 2  # the most that one float32 rounding changes, relative

# exact-zeros


def _zero_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([0.02, -0.5, 0.7, -0.01, 0.9, 0.0], np.float32), 0.1, 3
    yield rng.laplace(size=(12, 20)).astype(np.float32), 1.5, 4
    yield (rng.normal(size=(6, 2, 3, 3)) * 0.1).astype(np.float32), 0.08, 8
    yield rng.uniform(-1, 1, size=(9, 9)).astype(np.float32), 0.05, 3  # few are small
    yield -rng.exponential(size=50).astype(np.float32), 0.9, 3
    yield (rng.laplace(size=(5, 8)) * 1e-9).astype(np.float32), 1e-9, 2
    yield np.array([0.3, -2.0, 0.1, 4.0], np.float32), 1.0, 8  # fewer weights left than centres
    yield rng.normal(size=(4, 3)).astype(np.float32), 50.0, 4  # none is left


def _on_the_rest(weights: Array, threshold: float, centres: int) -> Array:
    kept = np.abs(weights) >= threshold
    result = np.zeros_like(weights)
    if kept.any():
        result[kept] = kmeans_quantize(weights[kept], centres).dequantize()
    return result


def _zeros(got: Any, case: Case) -> Difference:
    """Say what is wrong with a result, whatever placed its centres."""
    weights, threshold, k = case
    expected = _on_the_rest(weights, threshold, k - 1)
    if isinstance(got, QuantizedTensor):
        return "you return a QuantizedTensor, not the values that its codes stand for"
    array = as_array(got)
    if isinstance(array, str):
        return array
    if array.shape != weights.shape:
        return f"your result has shape {array.shape}, the weights have {weights.shape}"
    if np.isnan(array).any():
        return f"{int(np.isnan(array).sum())} of your {array.size} values are NaN"
    kept = np.abs(weights) >= threshold
    small = array[~kept]
    if (small != 0).any():
        value = small[small != 0][0]
        return (
            f"{int((small != 0).sum())} of {small.size} weights below {threshold:g} are not "
            f"exactly 0: one is {value:.3g}"
        )
    if (array[kept] == 0).any():
        count = int((array[kept] == 0).sum())
        return f"{count} of {int(kept.sum())} weights that are not below {threshold:g} became 0"
    values = np.unique(array[kept])
    if values.size > k - 1:
        return f"there are {values.size} values besides 0, and k = {k} allows {k - 1}"
    # By the triangle inequality, rounding each value once adds this to the root of the SSE.
    rounded = EPS32 * float(np.linalg.norm(weights.astype(np.float64)))
    mine = float(np.linalg.norm(weights[kept].astype(np.float64) - array[kept]))
    best = float(np.linalg.norm(weights[kept].astype(np.float64) - expected[kept]))
    if mine <= best + rounded:
        return None
    return (
        f"the SSE of the weights that stay is {mine**2:.4g}, {k} centres can make it {best**2:.4g}"
    )


def _judged_or_same(expected: Any, got: Any, case: Case) -> Difference:
    """Ask the judge that stands in for the solution; of a mistake, ask for its very numbers."""
    if callable(expected):
        verdict: Difference = expected(got, case)
        return verdict
    if isinstance(expected, dict):
        return None if expected == got else "another choice"
    tolerance = 2 * U32 * float(np.abs(expected).max())  # a centre may be rounded twice
    return differs_by(expected, got, tolerance)


def _all_together(weights: Array, threshold: float, centres: int) -> Array:
    pruned = np.where(np.abs(weights) < threshold, np.float32(0), weights)
    return kmeans_quantize(pruned, centres).dequantize()


def _quantized_first(weights: Array, threshold: float, centres: int) -> Array:
    values = kmeans_quantize(weights, centres).dequantize()
    return np.where(np.abs(values) < threshold, np.float32(0), values)


def _quantized_all(weights: Array, threshold: float, centres: int) -> Array:
    values = kmeans_quantize(weights, centres).dequantize()
    return np.where(np.abs(weights) < threshold, np.float32(0), values)


def _signed(weights: Array, threshold: float, centres: int) -> Array:
    result, kept = np.zeros_like(weights), weights >= threshold
    if kept.any():
        result[kept] = kmeans_quantize(weights[kept], centres).dequantize()
    return result


EXACT_ZEROS = FunctionExercise(
    name="exact-zeros",
    signature="prune_quantize(weights, threshold, k)",
    solution=lambda weights, threshold, k: _zeros,
    cases=_zero_cases,
    differs=_judged_or_same,
    why="weights whose absolute value is below the threshold become exactly 0, and k - 1 centres "
    "are placed on the others alone; where no other is left, all are 0",
    fix="kept = abs(weights) >= threshold; fill zeros, then quantize weights[kept] into their "
    "places, if there are any",
    mistakes=[
        *(
            Mistake(
                lambda w, t, k, more=more: _all_together(w, t, k + more),
                "k-means saw the zeros too: a cluster around zero takes in small weights, and its "
                "mean is not exactly 0",
                "give k-means only the weights that stay: weights[kept]",
            )
            for more in (-1, 0, 1)
        ),
        *(
            Mistake(
                lambda w, t, k, more=more: _quantized_first(w, t, k + more),
                "you pruned what had been quantized: the threshold belongs to the weights",
                "prune first, then place centres on the weights that stay",
            )
            for more in (-1, 0)
        ),
        *(
            Mistake(
                lambda w, t, k, more=more: _quantized_all(w, t, k + more),
                "the centres were placed on all weights, and some are spent on what is now 0",
                "place the centres on weights[kept] alone",
            )
            for more in (-1, 0)
        ),
        *(
            Mistake(
                lambda w, t, k, more=more: _signed(w, t, k + more),
                "you compared the weights with their signs: large negative ones were thrown away",
                "compare np.abs(weights) with the threshold",
            )
            for more in (-1, 0)
        ),
        Mistake(
            lambda w, t, k: np.where(np.abs(w) < t, np.float32(0), w),
            "the small weights are gone, but the others are still as they were: no codebook yet",
            "replace the weights that stay by their centres: kmeans_quantize(...).dequantize()",
        ),
        Mistake(
            _on_the_rest,
            "zero is one of the k values, and you placed k centres besides it",
            "place k - 1 centres on the weights that stay",
        ),
        Mistake(
            lambda w, t, k: np.where(np.abs(w) >= t, np.float32(0), _on_the_rest(w, 0.0, k - 1)),
            "you kept the small weights and threw the large ones away",
            "turn the comparison round",
        ),
    ],
)

# spend-the-budget


def _budget_cases(rng: np.random.Generator) -> Iterator[Case]:
    few = {
        "conv1": {4: (60, 9), 8: (80, 6), 16: (110, 2)},
        "fc1": {4: (900, 12), 8: (1100, 8), 16: (1300, 3)},
    }
    yield few, 14
    yield few, 5
    yield few, 100
    for layers, ks in ((3, (2, 4, 8)), (4, (2, 4, 8, 16)), (2, (8,)), (1, (2, 4, 16))):
        options = {}
        for layer in range(layers):
            sizes = np.sort(rng.choice(np.arange(50, 2000), len(ks), replace=False)).tolist()
            # More centres may do worse, and some better than float32.
            lost = (
                np.sort(rng.integers(0, 60, len(ks)))[::-1] + rng.integers(-4, 5, len(ks))
            ).tolist()
            lost[int(rng.integers(len(ks)))] = int(rng.integers(-4, 1))
            table = dict(zip(ks, zip(sizes, lost, strict=True), strict=True))
            options[f"layer{layer + 1}"] = table
        yield options, 0
        yield options, int(rng.integers(10, 60))


def _sums(options: Options, choice: Mapping[str, int]) -> tuple[float, float]:
    picked = [options[layer][k] for layer, k in choice.items()]
    return sum(size for size, _ in picked), sum(lost for _, lost in picked)


def _choices(options: Options) -> Iterator[dict[str, int]]:
    for ks in itertools.product(*options.values()):
        yield dict(zip(options, ks, strict=True))


def _choice(got: Any, case: Case) -> Difference:
    """Say what is wrong with a choice; any of several that are equally good is right."""
    options, most_lost = case
    expected = cheapest(options, most_lost)
    if not isinstance(got, Mapping) or set(got) != set(options):
        return f"you return {got!r:.60}, not a dict with one k for each of {', '.join(options)}"
    for layer, k in got.items():
        if not isinstance(k, int | np.integer) or k not in options[layer]:
            ks = ", ".join(map(str, options[layer]))
            return f"you choose {k!r:.20} for {layer}, which has only {ks}"
    (size, lost), (least, _) = _sums(options, got), _sums(options, expected)
    if lost > most_lost:
        return f"your choice loses {lost:g} images together, {most_lost:g} are allowed"
    if size > least:
        return f"your choice takes {size:,g} bytes, {least:,g} are possible"
    return None


def _each_alone(options: Options, most: float) -> dict[str, int]:
    """Let every layer choose for itself; the most accurate k where none is allowed."""
    chosen = {}
    for layer, table in options.items():
        allowed = [k for k, (_, lost) in table.items() if lost <= most]
        accurate = min(table, key=lambda k: table[k][1])
        chosen[layer] = min(allowed, key=lambda k: table[k][0]) if allowed else accurate
    return chosen


def _same_k(options: Options, most_lost: float) -> dict[str, int]:
    common = set.intersection(*(set(table) for table in options.values()))
    choices = [dict.fromkeys(options, k) for k in common]
    allowed = [choice for choice in choices if _sums(options, choice)[1] <= most_lost]
    return min(allowed, key=lambda choice: _sums(options, choice)[0])


def _strict(options: Options, most_lost: float) -> dict[str, int]:
    allowed = [choice for choice in _choices(options) if _sums(options, choice)[1] < most_lost]
    return min(allowed, key=lambda choice: _sums(options, choice)[0])


SPEND_THE_BUDGET = FunctionExercise(
    name="spend-the-budget",
    signature="choose_k(options, most_lost)",
    solution=lambda options, most_lost: _choice,
    cases=_budget_cases,
    differs=_judged_or_same,
    why="of all ways to choose one k for each layer whose losses sum to at most most_lost, the one "
    "with the fewest bytes in sum is asked for",
    fix="go through itertools.product of all layers' k, drop what loses too much in sum, and take "
    "the smallest sum of bytes",
    mistakes=[
        Mistake(
            lambda options, most: _each_alone(options, most),
            "every layer spends the whole budget by itself: the losses of all layers add up",
            "compare the sum of the losses with most_lost",
        ),
        Mistake(
            lambda options, most: _each_alone(options, most / len(options)),
            "you gave every layer an equal share of the budget; a layer that loses little leaves "
            "its share unused, where another could save many bytes with it",
            "look at the sum over the layers, not at shares",
        ),
        Mistake(
            lambda options, most: _each_alone(options, math.inf),
            "the fewest bytes alone, whatever is lost",
            "drop the choices whose losses sum to more than most_lost",
        ),
        Mistake(
            lambda options, most: _each_alone(options, -math.inf),
            "you chose what loses least; the budget allows to lose some and save bytes",
            "among the choices within the budget take the one with the fewest bytes",
        ),
        Mistake(
            _same_k,
            "one k for all layers; a small layer that matters can have more than a large one",
            "let every layer have its own k: itertools.product",
        ),
        Mistake(
            _strict,
            "a choice that loses exactly most_lost is allowed too",
            "compare with <=",
        ),
        Mistake(
            lambda options, most: max(
                (c for c in _choices(options) if _sums(options, c)[1] <= most),
                key=lambda c: _sums(options, c)[0],
            ),
            "of the choices within the budget you took the one with the most bytes",
            "use min",
        ),
        Mistake(
            lambda options, most: min(
                (c for c in _choices(options) if _sums(options, c)[0] <= most),
                key=lambda c: _sums(options, c)[1],
            ),
            "bytes and losses have changed places",
            "each entry is (bytes, lost): the second is what must not exceed most_lost",
        ),
    ],
)
