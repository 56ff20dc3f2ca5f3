"""The course lab's quantizers as written, against this package, on the trained network.

    python benchmarks/course_lab.py

The lab's loops visit every weight in Python and look for the nearest level with argmin; its
k-means is scikit-learn's with ten starts, then the same loop. Both quantize all weights and biases.
"""

from __future__ import annotations

import numpy as np
from _bench import Row, in_turn, table
from sklearn.cluster import KMeans

import quantlab_helpers as ql


def lab_levels(weights: np.ndarray, bits: int) -> list[float]:
    """Build the levels by adding the step again and again."""
    low, high = weights.min(), weights.max()
    step = (high - low) / (2**bits - 1)
    levels = [low]
    for _ in range(2**bits - 1):
        levels.append(levels[-1] + step)
    return levels


def lab_uniform(weights: np.ndarray, bits: int) -> np.ndarray:
    """Take each weight's distances to the list of levels, and the argmin of them."""
    levels = lab_levels(weights, bits)
    flat = weights.reshape(-1).copy()
    for index, weight in enumerate(flat):
        flat[index] = levels[np.argmin([abs(level - weight) for level in levels])]
    return flat.reshape(weights.shape)


def array_loop(weights: np.ndarray, bits: int) -> np.ndarray:
    """Do the same with the levels in an array: the kindest reading of the loop."""
    levels = np.array(lab_levels(weights, bits))
    flat = weights.reshape(-1).copy()
    for index, weight in enumerate(flat):
        flat[index] = levels[np.argmin(np.abs(levels - weight))]
    return flat.reshape(weights.shape)


def lab_kmeans(weights: np.ndarray, k: int) -> np.ndarray:
    """Fit scikit-learn's k-means, then look every weight's centre up in Python."""
    flat = weights.reshape(-1, 1)
    fitted = KMeans(min(k, len(np.unique(flat))), n_init=10, max_iter=500, random_state=0).fit(flat)
    result = flat[:, 0].copy()
    for index, label in enumerate(fitted.labels_):
        result[index] = fitted.cluster_centers_[label, 0]
    return result.reshape(weights.shape)


def rows(runs: int = 5) -> list[Row]:
    net = ql.load_baseline("cpu")
    tensors = {name: p.detach().numpy() for name, p in net.named_parameters()}

    def lab(weights_rule, biases_rule):
        for name, values in tensors.items():
            (weights_rule if name.endswith("weight") else biases_rule)(values)

    cases = {
        "uniform, 8-bit weights and 1-bit biases": (
            lambda: lab(lambda w: lab_uniform(w, 8), lambda b: lab_uniform(b, 1)),
            lambda: ql.quantize_model(
                net,
                weights=lambda w: ql.uniform_quantize(w, 8),
                biases=lambda b: ql.uniform_quantize(b, 1),
            ),
            1000,  # the least that this comparison must show
        ),
        "k-means, k = 8 for weights and biases": (
            lambda: lab(lambda w: lab_kmeans(w, 8), lambda b: lab_kmeans(b, 8)),
            lambda: ql.quantize_model(
                net,
                weights=lambda w: ql.kmeans_quantize(w, 8),
                biases=lambda b: ql.kmeans_quantize(b, 8),
            ),
            None,
        ),
    }
    found = []
    for name, (theirs, ours, target) in cases.items():
        slow, quick = in_turn(theirs, ours, runs)
        ratio = slow / quick
        measured = f"{ratio:,.0f}x ({slow:.1f} s, {1000 * quick:.1f} ms)"
        rule = "faster" if target is None else f"{target:,}x"
        found.append(Row(f"whole network, {name}", measured, rule, ratio >= (target or 1)))
        quick_enough = f"{1000 * quick:.1f} ms"
        found.append(Row(f"the same, alone: {name}", quick_enough, "50 ms", quick <= 0.05))
    return found


if __name__ == "__main__":
    print(table(rows()))
