import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import quantlab_helpers as ql
from quantlab_helpers.storage.entropy_coding import counts_bytes

BITS = st.integers(1, 16)


@st.composite
def codes_of(draw, most=400):
    """Codes and the number of symbols they are drawn from; often nearly all of them alike."""
    k = draw(st.sampled_from([1, 2, 3, 7, 8, 16, 200, 256, 257, 4096, 65_536]))
    count = draw(st.integers(0, most))
    rare = draw(st.floats(0, 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    codes = rng.integers(0, k, count) * (rng.random(count) < rare)
    return codes.astype(np.uint8 if k <= 256 else np.uint16), k


@given(bits=BITS, count=st.integers(0, 300), seed=st.integers(0, 2**32))
def test_codes_of_any_width_survive_packing_in_the_bytes_they_need(bits, count, seed):
    codes = np.random.default_rng(seed).integers(0, 2**bits, count, dtype=np.uint16)
    packed = ql.pack(codes, bits)
    assert len(packed) == -(-count * bits // 8)
    unpacked = ql.unpack(packed, bits, count=count)
    assert np.array_equal(unpacked, codes)
    assert unpacked.dtype == (np.uint8 if bits <= 8 else np.uint16)


@given(bits=BITS, count=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_packing_is_one_large_number_with_the_first_code_lowest(bits, count, seed):
    codes = np.random.default_rng(seed).integers(0, 2**bits, count).tolist()
    number = sum(code << (bits * place) for place, code in enumerate(codes))
    assert ql.pack(codes, bits) == number.to_bytes(-(-count * bits // 8), "little")


def test_packing_reads_any_layout_in_c_order():
    codes = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert ql.pack(codes.T, 4) == ql.pack(codes.T.ravel().tolist(), 4)


@pytest.mark.parametrize(
    "codes, bits, message",
    [
        ([8], 3, "`codes` must be below 8 to fit in 3 bits, got 8; raise `bits`"),
        ([-1], 3, "`codes` must be integers from 0 to 65,535, got -1 to -1"),
        ([0.5], 3, "`codes` must be integers .* of dtype float64; pass the .codes"),
        ([1], 0, "`bits` must be an integer from 1 to 16, got 0"),
        ([1], 17, "`bits` must be an integer from 1 to 16, got 17"),
    ],
)
def test_pack_says_what_does_not_fit(codes, bits, message):
    with pytest.raises(ValueError, match=message):
        ql.pack(codes, bits)


def test_unpack_wants_exactly_the_bytes_of_its_codes():
    with pytest.raises(ValueError, match="`packed` must have 2 bytes for 3 codes of 3 bits, got 1"):
        ql.unpack(b"\0", 3, count=3)


@given(codes_of())
def test_entropy_coded_codes_come_back(drawn):
    codes, k = drawn
    encoded = ql.entropy_encode(codes, k=k)
    assert np.array_equal(ql.entropy_decode(encoded, count=codes.size, k=k), codes)


@given(codes_of(most=3000))
@settings(max_examples=50)
def test_the_entropy_coder_stays_within_its_state_of_the_bound(drawn):
    """The state is flushed in two words of 4 bytes; probabilities have 24 bits."""
    codes, k = drawn
    encoded = ql.entropy_encode(codes, k=k)
    stream = len(encoded) - counts_bytes(encoded, k=k)
    bound = ql.bound_bytes(codes) if codes.size else 0
    assert bound - 1 <= stream <= bound * 1.001 + 8


def test_a_layer_of_one_code_costs_its_table_only():
    assert len(ql.entropy_encode(np.zeros(470_400, np.uint8), k=1)) == 3
    assert len(ql.entropy_encode(np.zeros(470_400, np.uint8), k=65_536)) <= 7


def test_a_code_that_is_nearly_always_the_same_costs_far_less_than_a_bit(rng):
    codes = (rng.random(100_000) < 0.01).astype(np.uint8)
    assert len(ql.entropy_encode(codes)) < 0.09 * codes.size / 8
    assert len(ql.huffman_encode(codes).payload) == codes.size / 8


@given(st.binary(max_size=60), st.integers(0, 50), st.sampled_from([1, 2, 16, 300]))
def test_bytes_that_nobody_encoded_give_codes_in_range_or_one_clear_error(content, count, k):
    try:
        codes = ql.entropy_decode(content, count=count, k=k)
    except ValueError as error:
        assert "encoded" in str(error) or "ANS" in str(error)
    else:
        assert codes.size == count and codes.max(initial=0) < k


@pytest.mark.parametrize("count, k", [(4, 3), (6, 3), (5, 2), (5, 4)])
def test_the_wrong_number_of_codes_or_symbols_is_noticed(count, k):
    with pytest.raises(ValueError, match="`encoded` must"):
        ql.entropy_decode(ql.entropy_encode([0, 0, 2, 0, 1], k=3), count=count, k=k)


def test_bytes_behind_the_last_code_are_noticed():
    with pytest.raises(ValueError, match="must end with its last code"):
        ql.entropy_decode(ql.entropy_encode([0, 0, 2, 0, 1]) + bytes(7) + b"\1", count=5, k=3)


def test_a_code_above_k_is_refused():
    with pytest.raises(ValueError, match="`codes` must be below k = 3, got 7"):
        ql.entropy_encode([7], k=3)
