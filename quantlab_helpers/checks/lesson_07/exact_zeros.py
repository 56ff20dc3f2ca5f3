"""Exercise exact-zeros of lesson 07: small weights become exactly 0, the others get centres."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...quantizers.kmeans import kmeans_quantize
from ...quantizers.tensor import QuantizedTensor
from ..compare import EPS32, Array, Difference, as_array
from ..exercise import Case, FunctionExercise, Mistake
from ._shared import compare_or_judge


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([0.02, -0.5, 0.7, -0.01, 0.9, 0.0], np.float32), 0.1, 3
    yield rng.laplace(size=(12, 20)).astype(np.float32), 1.5, 4
    yield (rng.normal(size=(6, 2, 3, 3)) * 0.1).astype(np.float32), 0.08, 8
    yield rng.uniform(-1, 1, size=(9, 9)).astype(np.float32), 0.05, 3  # few are small
    yield -rng.exponential(size=50).astype(np.float32), 0.9, 3
    yield (rng.laplace(size=(5, 8)) * 1e-9).astype(np.float32), 1e-9, 2
    yield np.array([0.3, -2.0, 0.1, 4.0], np.float32), 1.0, 8  # fewer weights left than centres
    yield rng.normal(size=(4, 3)).astype(np.float32), 50.0, 4  # none is left


def _quantize_the_rest(weights: Array, threshold: float, centres: int) -> Array:
    kept = np.abs(weights) >= threshold
    result = np.zeros_like(weights)
    if kept.any():
        result[kept] = kmeans_quantize(weights[kept], centres).dequantize()
    return result


def _judge(got: Any, case: Case) -> Difference:
    """Say what is wrong with a result, whatever placed its centres."""
    weights, threshold, k = case
    expected = _quantize_the_rest(weights, threshold, k - 1)
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
    sse_root = float(np.linalg.norm(weights[kept].astype(np.float64) - array[kept]))
    best_root = float(np.linalg.norm(weights[kept].astype(np.float64) - expected[kept]))
    if sse_root <= best_root + rounded:
        return None
    return (
        f"the SSE of the remaining weights is {sse_root**2:.4g}, but {k} centres can reach "
        f"{best_root**2:.4g}"
    )


def _prune_then_quantize_all(weights: Array, threshold: float, centres: int) -> Array:
    pruned = np.where(np.abs(weights) < threshold, np.float32(0), weights)
    return kmeans_quantize(pruned, centres).dequantize()


def _quantize_then_prune_centres(weights: Array, threshold: float, centres: int) -> Array:
    values = kmeans_quantize(weights, centres).dequantize()
    return np.where(np.abs(values) < threshold, np.float32(0), values)


def _quantize_all_then_prune(weights: Array, threshold: float, centres: int) -> Array:
    values = kmeans_quantize(weights, centres).dequantize()
    return np.where(np.abs(weights) < threshold, np.float32(0), values)


def _prune_with_signs(weights: Array, threshold: float, centres: int) -> Array:
    result, kept = np.zeros_like(weights), weights >= threshold
    if kept.any():
        result[kept] = kmeans_quantize(weights[kept], centres).dequantize()
    return result


EXERCISE = FunctionExercise(
    name="exact-zeros",
    signature="prune_quantize(weights, threshold, k)",
    solution=lambda weights, threshold, k: _judge,
    cases=_cases,
    compare=compare_or_judge,
    why="weights whose absolute value is below the threshold become exactly 0, and k - 1 centres "
    "are placed on the others alone; where no other is left, all are 0",
    fix="kept = abs(weights) >= threshold; fill zeros, then quantize weights[kept] into their "
    "places, if there are any",
    mistakes=[
        *(
            Mistake(
                lambda w, t, k, more=more: _prune_then_quantize_all(w, t, k + more),
                "k-means saw the zeros too: a cluster around zero takes in small weights, and its "
                "mean is not exactly 0",
                "give k-means only the weights that stay: weights[kept]",
            )
            for more in (-1, 0, 1)
        ),
        *(
            Mistake(
                lambda w, t, k, more=more: _quantize_then_prune_centres(w, t, k + more),
                "you pruned what had been quantized: the threshold belongs to the weights",
                "prune first, then place centres on the weights that stay",
            )
            for more in (-1, 0)
        ),
        *(
            Mistake(
                lambda w, t, k, more=more: _quantize_all_then_prune(w, t, k + more),
                "the centres were placed on all weights, and some are spent on what is now 0",
                "place the centres on weights[kept] alone",
            )
            for more in (-1, 0)
        ),
        *(
            Mistake(
                lambda w, t, k, more=more: _prune_with_signs(w, t, k + more),
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
            _quantize_the_rest,
            "zero is one of the k values, and you placed k centres besides it",
            "place k - 1 centres on the weights that stay",
        ),
        Mistake(
            lambda w, t, k: np.where(
                np.abs(w) >= t, np.float32(0), _quantize_the_rest(w, 0.0, k - 1)
            ),
            "you kept the small weights and threw the large ones away",
            "turn the comparison round",
        ),
    ],
)
