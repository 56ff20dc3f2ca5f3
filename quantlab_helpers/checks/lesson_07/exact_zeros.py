"""Exercise exact-zeros of lesson 07: set small weights to 0, quantize the others with k-means.

Compared: the zeros exactly, the other values by their squared error (SSE)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...quantizers.kmeans import kmeans_quantize
from ..compare import EPS32, Array, Difference, as_array, type_name
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


def _describe_error(got: Any, case: Case) -> Difference:
    """Return what is wrong with a result, or None; any centres of least SSE are right."""
    weights, threshold, k = case
    expected = _quantize_the_rest(weights, threshold, k - 1)
    if type_name(got) == "QuantizedTensor":
        return "you return a QuantizedTensor, not its values"
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
        return (
            f"{count} of {int(kept.sum())} weights not below {threshold:g} became 0; only smaller "
            "ones are set to 0"
        )
    values = np.unique(array[kept])
    if values.size > k - 1:
        return f"your result has {values.size} different values and 0; k = {k} allows {k - 1} and 0"
    # By the triangle inequality, rounding each value once adds this to the root of the SSE.
    rounded = EPS32 * float(np.linalg.norm(weights.astype(np.float64)))
    sse_root = float(np.linalg.norm(weights[kept].astype(np.float64) - array[kept]))
    best_root = float(np.linalg.norm(weights[kept].astype(np.float64) - expected[kept]))
    if sse_root <= best_root + rounded:
        return None
    return (
        f"the SSE of the weights that are not pruned is {sse_root**2:.4g}, but {k - 1} centres can "
        f"reach {best_root**2:.4g}"
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
    solution=lambda weights, threshold, k: _describe_error,
    cases=_cases,
    compare=compare_or_judge,
    why="weights whose absolute value is below the threshold become exactly 0, and k - 1 centres "
    "are placed on the others only; if no other weight is left, the result is all 0",
    fix="kept = abs(weights) >= threshold; start from zeros, and if any weight is kept, put the "
    "quantized weights[kept] at their places",
    mistakes=[
        *(
            Mistake(
                lambda w, t, k, more=more: _prune_then_quantize_all(w, t, k + more),
                "k-means saw the zeros too: the cluster around 0 also gets small weights, so its "
                "mean is not exactly 0",
                "give k-means only the weights that are not pruned: weights[kept]",
            )
            for more in (-1, 0, 1)
        ),
        *(
            Mistake(
                lambda w, t, k, more=more: _quantize_then_prune_centres(w, t, k + more),
                "you compared the quantized values with the threshold, not the weights",
                "prune first, then place the centres on the weights that are left",
            )
            for more in (-1, 0)
        ),
        *(
            Mistake(
                lambda w, t, k, more=more: _quantize_all_then_prune(w, t, k + more),
                "the centres were placed on all weights, so some centres are used for weights that "
                "are now 0",
                "place the centres only on weights[kept]",
            )
            for more in (-1, 0)
        ),
        *(
            Mistake(
                lambda w, t, k, more=more: _prune_with_signs(w, t, k + more),
                "you compared the weights with their signs, so large negative weights became 0",
                "compare np.abs(weights) with the threshold",
            )
            for more in (-1, 0)
        ),
        Mistake(
            lambda w, t, k: np.where(np.abs(w) < t, np.float32(0), w),
            "the small weights are 0, but the other weights are not quantized",
            "quantize the other weights: kmeans_quantize(weights[kept], k - 1).dequantize()",
        ),
        Mistake(
            _quantize_the_rest,
            "0 is one of the k values, but you placed k centres in addition to it",
            "place k - 1 centres on the weights that are left",
        ),
        Mistake(
            lambda w, t, k: np.where(
                np.abs(w) >= t, np.float32(0), _quantize_the_rest(w, 0.0, k - 1)
            ),
            "you kept the small weights and set the large ones to 0",
            "keep the weights with abs(weights) >= threshold",
        ),
    ],
)
