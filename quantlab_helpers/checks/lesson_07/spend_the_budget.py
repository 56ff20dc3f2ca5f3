"""Exercise spend-the-budget of lesson 07: choose one k per layer within a budget of losses.

Compared: the bytes of the choice; any choice with the fewest bytes is right."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...compression.contest import Options, cheapest
from ..compare import Difference
from ..exercise import Case, FunctionExercise, Mistake
from ._shared import compare_or_judge


def _cases(rng: np.random.Generator) -> Iterator[Case]:
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


def _totals(options: Options, choice: Mapping[str, int]) -> tuple[float, float]:
    picked = [options[layer][k] for layer, k in choice.items()]
    return sum(size for size, _ in picked), sum(lost for _, lost in picked)


def _choices(options: Options) -> Iterator[dict[str, int]]:
    for ks in itertools.product(*options.values()):
        yield dict(zip(options, ks, strict=True))


def _describe_error(got: Any, case: Case) -> Difference:
    """Return what is wrong with a choice, or None; several choices may be equally good."""
    options, most_lost = case
    expected = cheapest(options, most_lost)
    if not isinstance(got, Mapping) or set(got) != set(options):
        return f"you return {got!r:.60}, not a dict with one k for each of {', '.join(options)}"
    for layer, k in got.items():
        if not isinstance(k, int | np.integer) or k not in options[layer]:
            ks = ", ".join(map(str, options[layer]))
            return f"you choose {k!r:.20} for {layer}, whose options are {ks}"
    (size, lost), (least, _) = _totals(options, got), _totals(options, expected)
    if lost > most_lost:
        return (
            f"your choice loses {lost:g} images, added over all layers; at most {most_lost:g} are "
            "allowed"
        )
    if size > least:
        return f"your choice takes {size:,g} bytes; {least:,g} bytes are possible"
    return None


def _each_layer_alone(options: Options, most: float) -> dict[str, int]:
    """Let every layer choose for itself; the most accurate k where none is allowed."""
    chosen = {}
    for layer, table in options.items():
        allowed = [k for k, (_, lost) in table.items() if lost <= most]
        accurate = min(table, key=lambda k: table[k][1])
        chosen[layer] = min(allowed, key=lambda k: table[k][0]) if allowed else accurate
    return chosen


def _same_k_everywhere(options: Options, most_lost: float) -> dict[str, int]:
    common = set.intersection(*(set(table) for table in options.values()))
    choices = [dict.fromkeys(options, k) for k in common]
    allowed = [choice for choice in choices if _totals(options, choice)[1] <= most_lost]
    return min(allowed, key=lambda choice: _totals(options, choice)[0])


def _strictly_below(options: Options, most_lost: float) -> dict[str, int]:
    allowed = [choice for choice in _choices(options) if _totals(options, choice)[1] < most_lost]
    return min(allowed, key=lambda choice: _totals(options, choice)[0])


EXERCISE = FunctionExercise(
    name="spend-the-budget",
    signature="choose_k(options, most_lost)",
    solution=lambda options, most_lost: _describe_error,
    cases=_cases,
    compare=compare_or_judge,
    why="a choice has one k per layer; among the choices whose losses sum to at most most_lost, "
    "the exercise asks for the choice with the fewest bytes in total",
    fix="go through itertools.product of all layers' k, drop the choices that lose more than "
    "most_lost in total, and take the choice with the fewest bytes",
    mistakes=[
        Mistake(
            lambda options, most: _each_layer_alone(options, most),
            "you let every layer use the whole budget, but the losses of all layers add up",
            "compare the sum of the losses with most_lost",
        ),
        Mistake(
            lambda options, most: _each_layer_alone(options, most / len(options)),
            "you gave every layer an equal share of the budget; a layer that loses little leaves "
            "part of its share unused, and another layer could save many bytes with it",
            "compare the sum of the losses over all layers with most_lost",
        ),
        Mistake(
            lambda options, most: _each_layer_alone(options, math.inf),
            "you chose the fewest bytes for every layer and ignored the losses",
            "drop the choices whose losses sum to more than most_lost",
        ),
        Mistake(
            lambda options, most: _each_layer_alone(options, -math.inf),
            "you chose the k with the smallest loss; the budget allows some losses, and "
            "they save bytes",
            "among the choices within the budget take the one with the fewest bytes",
        ),
        Mistake(
            _same_k_everywhere,
            "you chose the same k for all layers; a small layer can keep a larger k at a low cost",
            "choose a k for every layer: itertools.product",
        ),
        Mistake(
            _strictly_below,
            "a choice that loses exactly most_lost is allowed too",
            "compare the sum of the losses with <= most_lost",
        ),
        Mistake(
            lambda options, most: max(
                (c for c in _choices(options) if _totals(options, c)[1] <= most),
                key=lambda c: _totals(options, c)[0],
            ),
            "of the choices within the budget you took the one with the most bytes",
            "take the choice with the fewest bytes: min instead of max",
        ),
        Mistake(
            lambda options, most: min(
                (c for c in _choices(options) if _totals(options, c)[0] <= most),
                key=lambda c: _totals(options, c)[1],
            ),
            "bytes and losses are swapped",
            "each entry is (bytes, lost): the sum of the second numbers must not exceed most_lost",
        ),
    ],
)
