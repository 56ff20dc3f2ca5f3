import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import quantlab_helpers as ql
from quantlab_helpers.storage.entropy_coding import counts_bytes
from tests.storage.examples import codes_of


@given(codes_of())
def test_entropy_encode_decode_round_trip(drawn):
    codes, k = drawn
    encoded = ql.entropy_encode(codes, k=k)
    assert np.array_equal(ql.entropy_decode(encoded, count=codes.size, k=k), codes)


@given(codes_of(most=3000))
@settings(max_examples=50)
def test_entropy_encode_close_to_bound(drawn):
    """The state is flushed in two words of 4 bytes; probabilities have 24 bits."""
    codes, k = drawn
    encoded = ql.entropy_encode(codes, k=k)
    stream = len(encoded) - counts_bytes(encoded, k=k)
    bound = ql.bound_bytes(codes) if codes.size else 0
    assert bound - 1 <= stream <= bound * 1.001 + 8


def test_entropy_encode_of_one_code():
    assert len(ql.entropy_encode(np.zeros(470_400, np.uint8), k=1)) == 3
    assert len(ql.entropy_encode(np.zeros(470_400, np.uint8), k=65_536)) <= 7


def test_entropy_encode_of_rare_codes(rng):
    codes = (rng.random(100_000) < 0.01).astype(np.uint8)
    assert len(ql.entropy_encode(codes)) < 0.09 * codes.size / 8
    assert len(ql.huffman_encode(codes).payload) == codes.size / 8


@given(st.binary(max_size=60), st.integers(0, 50), st.sampled_from([1, 2, 16, 300]))
def test_entropy_decode_of_arbitrary_bytes(content, count, k):
    try:
        codes = ql.entropy_decode(content, count=count, k=k)
    except ValueError as error:
        assert "encoded" in str(error) or "ANS" in str(error)
    else:
        assert codes.size == count and codes.max(initial=0) < k


@pytest.mark.parametrize("count, k", [(4, 3), (6, 3), (5, 2), (5, 4)])
def test_entropy_decode_names_wrong_count(count, k):
    with pytest.raises(ValueError, match="`encoded` must"):
        ql.entropy_decode(ql.entropy_encode([0, 0, 2, 0, 1], k=3), count=count, k=k)


def test_entropy_decode_names_extra_bytes():
    with pytest.raises(ValueError, match="must end with its last code"):
        ql.entropy_decode(ql.entropy_encode([0, 0, 2, 0, 1]) + bytes(7) + b"\1", count=5, k=3)


def test_entropy_encode_names_code_above_k():
    with pytest.raises(ValueError, match="`codes` must be below k = 3, got 7"):
        ql.entropy_encode([7], k=3)
