import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import quantlab_helpers as ql

BITS = st.integers(1, 16)


@given(bits=BITS, count=st.integers(0, 300), seed=st.integers(0, 2**32))
def test_pack_unpack_any_width(bits, count, seed):
    codes = np.random.default_rng(seed).integers(0, 2**bits, count, dtype=np.uint16)
    packed = ql.pack(codes, bits)
    assert len(packed) == -(-count * bits // 8)
    unpacked = ql.unpack(packed, bits, count=count)
    assert np.array_equal(unpacked, codes)
    assert unpacked.dtype == (np.uint8 if bits <= 8 else np.uint16)


@given(bits=BITS, count=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_pack_is_one_large_number(bits, count, seed):
    codes = np.random.default_rng(seed).integers(0, 2**bits, count).tolist()
    number = sum(code << (bits * place) for place, code in enumerate(codes))
    assert ql.pack(codes, bits) == number.to_bytes(-(-count * bits // 8), "little")


def test_pack_reads_in_c_order():
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
def test_pack_names_codes_beyond_bits(codes, bits, message):
    with pytest.raises(ValueError, match=message):
        ql.pack(codes, bits)


def test_unpack_names_wrong_length():
    with pytest.raises(ValueError, match="`packed` must have 2 bytes for 3 codes of 3 bits, got 1"):
        ql.unpack(b"\0", 3, count=3)
