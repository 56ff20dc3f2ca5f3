import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import quantlab_helpers as ql
from quantlab_helpers.storage.huffman import LONGEST_CODEWORD
from tests.storage.examples import codes_of

COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=40)


@given(codes_of())
def test_huffman_encode_decode_round_trip(drawn):
    codes, k = drawn
    lengths, payload = ql.huffman_encode(codes, k=k)
    assert lengths.shape == (k,)
    decoded = ql.huffman_decode(payload, lengths, count=codes.size)
    assert np.array_equal(decoded, codes)


@given(codes_of(most=60))
def test_huffman_encode_joins_codewords(drawn):
    codes, k = drawn
    lengths, payload = ql.huffman_encode(codes, k=k)
    words = ql.huffman_codewords(lengths)
    text = "".join(words[code] for code in codes)
    assert "".join(f"{byte:08b}" for byte in payload) == text + "0" * (-len(text) % 8)


@given(COUNTS)
def test_huffman_codewords_are_prefix_free(counts):
    words = [word for word in ql.huffman_codewords(ql.huffman_lengths(counts)) if word]
    assert len(words) == np.count_nonzero(counts)
    pairs = itertools.permutations(words, 2)
    assert not any(longer.startswith(shorter) for shorter, longer in pairs)


@given(st.lists(st.integers(1, 50), min_size=2, max_size=5))
def test_huffman_lengths_are_optimal(counts):
    """Against all lengths that Kraft's inequality allows."""
    choices = itertools.product(range(1, len(counts)), repeat=len(counts))
    possible = [lengths for lengths in choices if sum(2.0**-n for n in lengths) <= 1]
    best = min(np.dot(lengths, counts) for lengths in possible)
    assert np.dot(ql.huffman_lengths(counts), counts) == best


@given(codes_of(most=2000))
def test_huffman_lengths_close_to_entropy(drawn):
    codes = drawn[0]
    if codes.size:
        bits = np.dot(ql.huffman_lengths(np.bincount(codes)), np.bincount(codes))
        bound = 8 * ql.bound_bytes(codes)
        assert bound - 1e-6 <= bits <= bound + codes.size


def test_huffman_lengths_at_most_sixteen():
    fibonacci = [1, 1]
    while len(fibonacci) < 30:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    lengths = ql.huffman_lengths(fibonacci)
    assert 14 <= lengths.max() <= LONGEST_CODEWORD
    optimal = sum(count * min(30 - place, 29) for place, count in enumerate(fibonacci))
    assert np.dot(lengths.astype(int), fibonacci) < 1.01 * optimal


def test_huffman_lengths_of_65536_symbols():
    lengths = ql.huffman_lengths(np.full(65_536, 7))
    assert set(lengths.tolist()) == {16}


def test_huffman_lengths_of_single_symbol():
    assert ql.huffman_lengths([0, 9]).tolist() == [0, 1]


@given(st.binary(max_size=30), st.lists(st.integers(0, 16), max_size=20), st.integers(0, 60))
def test_huffman_decode_of_arbitrary_bytes(payload, lengths, count):
    try:
        codes = ql.huffman_decode(payload, lengths, count=count)
    except ValueError as error:
        assert str(error).startswith(("`payload` must", "`lengths` must"))
    else:
        assert codes.size == count


@pytest.mark.parametrize("lengths", [[1, 1, 1], [17], [-1], [0.5], [[1]]])
def test_huffman_codewords_refuse_impossible_lengths(lengths):
    with pytest.raises(ValueError, match=r"`lengths` must be .* for which a prefix code exists"):
        ql.huffman_codewords(lengths)


@pytest.mark.parametrize("counts", [[-1], [0.5], [[1]]])
def test_huffman_lengths_refuse_bad_counts(counts):
    with pytest.raises(ValueError, match=r"`counts` must be .* pass np.bincount"):
        ql.huffman_lengths(counts)


@pytest.mark.parametrize("count", [4, 40])
def test_huffman_decode_names_wrong_count(count):
    lengths, payload = ql.huffman_encode([0, 0, 2, 0, 1, 2, 2, 2, 1, 1, 1, 1])
    with pytest.raises(ValueError, match=rf"`payload` must be {count} codewords"):
        ql.huffman_decode(payload, lengths, count=count)
