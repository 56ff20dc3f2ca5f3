import numpy as np
import pytest
import torch

import quantlab_helpers as ql


@pytest.mark.parametrize("quantize", [ql.uniform_quantize, ql.kmeans_quantize])
@pytest.mark.parametrize(
    "convert",
    [
        lambda w: w.astype(np.float64),
        lambda w: torch.from_numpy(w),
        lambda w: torch.from_numpy(w).requires_grad_(),
        lambda w: np.asfortranarray(w),
        lambda w: np.repeat(w, 2, axis=1)[:, ::2],
        lambda w: w.tolist(),
    ],
    ids=["float64", "tensor", "parameter", "Fortran order", "strided", "list"],
)
def test_quantizers_read_arrays_tensors_lists(rng, quantize, convert):
    weights = rng.normal(size=(6, 7)).astype(np.float32)
    assert np.array_equal(quantize(convert(weights), 4).codes, quantize(weights, 4).codes)


@pytest.mark.parametrize("quantize", [ql.uniform_quantize, ql.kmeans_quantize])
def test_quantizers_read_half_precision(rng, quantize):
    half = rng.normal(size=50).astype(np.float16)
    assert np.array_equal(quantize(half, 3).codes, quantize(half.astype(np.float32), 3).codes)
    brain = torch.from_numpy(half).bfloat16()
    assert np.array_equal(quantize(brain, 3).codes, quantize(brain.float(), 3).codes)


def test_quantized_tensor_counts_every_byte():
    weights = np.arange(11.0)
    uniform = ql.uniform_quantize(weights, 3)
    assert (uniform.payload_bytes, uniform.overhead_bytes) == (5, 8)  # 33 bits; min and max
    kmeans = ql.kmeans_quantize(weights, 5)
    assert (kmeans.bits, kmeans.payload_bytes, kmeans.overhead_bytes) == (3, 5, 20)


BAD = [
    (np.array([]), 2, ValueError, r"`weights` must hold at least one number, got shape \(0,\)"),
    ([1.0, np.nan, np.inf], 2, ValueError, r"`weights` must be finite, got 1 NaN and 1 infinite"),
    (["a"], 2, TypeError, r"`weights` must hold real numbers, got dtype <U1"),
    ([1 + 2j], 2, TypeError, r"`weights` must hold real numbers, got dtype complex128"),
    ([[1.0], [2.0, 3.0]], 2, TypeError, r"`weights` must be an array of numbers"),
]


@pytest.mark.parametrize(("weights", "setting", "error", "message"), BAD)
@pytest.mark.parametrize("quantize", [ql.uniform_quantize, ql.kmeans_quantize])
def test_quantizers_name_bad_weights(quantize, weights, setting, error, message):
    with pytest.raises(error, match=message):
        quantize(weights, setting)
