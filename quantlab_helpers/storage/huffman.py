"""Huffman's code: few bits for frequent symbols, and never less than one.

A tree gives every symbol a length, the lengths give the codewords, and a table decodes them. Read
`tensor_record.py` next.
"""

from __future__ import annotations

import heapq
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._support.validation import check_int
from ..quantizers.tensor import Codes
from .bit_packing import ByteStream, as_bytes, as_symbols

LONGEST_CODEWORD = 16  # gives the decoder's table at most 65,536 rows


class Huffman(NamedTuple):
    """Codes as Huffman codewords: the length of each symbol's word, and the words in a row."""

    lengths: NDArray[np.uint8]
    payload: bytes


def huffman_lengths(counts: ArrayLike) -> NDArray[np.uint8]:
    """Return the length of each symbol's codeword in Huffman's code.

    The two least frequent nodes are merged until one is left; a symbol's codeword is as long as
    the number of merges above it.

    Parameters
    ----------
    counts : array_like of int, shape (k,)
        How often each symbol occurs, at least 0; at most 65,536 symbols.

    Returns
    -------
    ndarray of uint8, shape (k,)
        Bits per symbol, 1..16, and 0 for symbols that do not occur. If the tree is deeper than
        16, the counts are halved until it is not, which costs almost nothing.

    Raises
    ------
    ValueError
        If `counts` is not a flat array of integers of at least 0, at most 65,536 of them.

    Notes
    -----
    D. A. Huffman, *A Method for the Construction of Minimum-Redundancy Codes*, 1952.

    Examples
    --------
    >>> huffman_lengths([5, 1, 1, 0, 2]).tolist()
    [1, 3, 3, 0, 2]
    """
    array = np.asarray(counts)
    if array.ndim != 1 or array.dtype.kind not in "iu" or array.size > 65_536 or (array < 0).any():
        raise ValueError(
            "`counts` must be at most 65,536 integers of 0 or more in one row, got shape "
            f"{array.shape} of dtype {array.dtype}; pass np.bincount(codes)."
        )
    depths = _depths(array)
    while depths.max(initial=0) > LONGEST_CODEWORD:
        array = (array + 1) // 2
        depths = _depths(array)
    return depths.astype(np.uint8)


def huffman_codewords(lengths: ArrayLike) -> list[str]:
    """Return the canonical codewords that belong to their lengths.

    Symbols get the next free codeword in the order of length, then of number. So a decoder needs
    only the lengths.

    Parameters
    ----------
    lengths : array_like of int, shape (k,)
        Bits per symbol, 0 for those without a codeword.

    Returns
    -------
    list of str
        One of "0" and "1" per symbol; empty where the length is 0.

    Raises
    ------
    ValueError
        If no prefix code has these lengths: some codeword would begin with another one.

    Examples
    --------
    >>> huffman_codewords([1, 3, 3, 0, 2])
    ['0', '110', '111', '', '10']
    """
    array = _check_lengths(lengths)
    words = [""] * array.size
    word, before = 0, 0
    for symbol in _canonical_order(array):
        length = int(array[symbol])
        word <<= length - before
        words[symbol] = f"{word:0{length}b}"
        word, before = word + 1, length
    return words


def huffman_encode(codes: ArrayLike, *, k: int | None = None) -> Huffman:
    """Return codes as codewords of their own Huffman code.

    Parameters
    ----------
    codes : array_like of unsigned int, any shape
        Read in C order.
    k : int, optional
        Number of symbols, above every code; by default the largest code plus 1.

    Returns
    -------
    Huffman
        ``lengths``, shape (k,), and ``payload``: the codewords in a row, each from left to
        right, most significant bit of a byte first; the last byte is filled with zeros.

    Raises
    ------
    ValueError
        If `codes` are not integers from 0 to `k` - 1.

    See Also
    --------
    huffman_codewords : the words themselves.

    Examples
    --------
    >>> encoded = huffman_encode([0, 0, 2, 0, 1])
    >>> encoded.lengths.tolist(), f"{encoded.payload[0]:08b}"  # 0, 0, 11, 0, 10
    ([1, 2, 2], '00110100')
    """
    array, counts = as_symbols(codes, k)
    lengths = huffman_lengths(counts)
    words = huffman_codewords(lengths)
    longest = int(lengths.max(initial=0))
    table = np.full((counts.size, longest), 2, np.uint8)  # 2: no bit here
    for symbol, word in enumerate(words):
        table[symbol, : len(word)] = np.frombuffer(word.encode(), np.uint8) - ord("0")
    bits = table[array].reshape(-1)
    return Huffman(lengths, np.packbits(bits[bits < 2]).tobytes())


def huffman_decode(payload: ByteStream, lengths: ArrayLike, *, count: int) -> Codes:
    """Read `count` codes that `huffman_encode` wrote.

    A table gives, for every position of the stream at once, the codeword that would begin there and
    its length. One pass from word to word then selects the positions where a codeword begins.

    Parameters
    ----------
    payload : bytes or ndarray of uint8
        The codewords.
    lengths : array_like of int, shape (k,)
        Bits per symbol, 0 for those without a codeword.
    count : int
        Number of codes.

    Returns
    -------
    ndarray of uint8 or uint16, shape (count,)
        uint16 where there are more than 256 symbols.

    Raises
    ------
    ValueError
        If no code has these lengths, or the payload is not `count` codewords long.

    Examples
    --------
    >>> huffman_decode(bytes([0b00110100]), [1, 2, 2], count=5).tolist()
    [0, 0, 2, 0, 1]
    """
    check_int("count", count, low=0)
    array = _check_lengths(lengths)
    order = _canonical_order(array)
    dtype = np.uint8 if array.size <= 256 else np.uint16
    if count == 0:
        return np.zeros(0, dtype)
    longest = int(array.max(initial=0))
    spans = 1 << (longest - array[order].astype(np.int64))
    symbol_at, length_at = np.zeros((2, 1 << longest), np.uint16)
    symbol_at[: spans.sum()] = np.repeat(order, spans)
    length_at[: spans.sum()] = np.repeat(array[order], spans)  # 0 after them: no codeword

    stream = as_bytes(payload)
    bits = np.concatenate([np.unpackbits(stream), np.zeros(longest, np.uint8)])
    windows = np.zeros(8 * stream.size, np.uint16)
    for offset in range(longest):
        windows <<= 1
        windows |= bits[offset : offset + windows.size]
    steps = length_at[windows].astype(np.uint8).tobytes()
    starts, position = [], 0
    try:
        for _ in range(count):
            starts.append(position)
            position += steps[position]
        words = windows[starts]
    except IndexError:  # beyond the last byte
        words = np.zeros(0, np.uint16)
    if not (words.size and length_at[words].all() and 0 <= 8 * stream.size - position < 8):
        raise ValueError(
            f"`payload` must be {count:,} codewords of the given lengths, got {stream.size:,} "
            "bytes that are not; pass the `lengths` and `count` that belong to them."
        )
    return symbol_at[words].astype(dtype)


def _depths(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Return the depth of each symbol in Huffman's tree, 0 for those that do not occur."""
    depths = np.zeros(counts.size, np.int64)
    used = np.flatnonzero(counts).tolist()
    if len(used) == 1:
        depths[used] = 1  # 1 bit, so that the stream has a position per code
        return depths
    heap = [(int(counts[symbol]), number) for number, symbol in enumerate(used)]
    heapq.heapify(heap)
    parent: dict[int, int] = {}
    for number in range(len(used), 2 * len(used) - 1):
        first, second = heapq.heappop(heap), heapq.heappop(heap)
        parent[first[1]] = parent[second[1]] = number
        heapq.heappush(heap, (first[0] + second[0], number))
    depth = {2 * len(used) - 2: 0}
    for number in range(2 * len(used) - 3, -1, -1):
        depth[number] = depth[parent[number]] + 1
    depths[used] = [depth[number] for number in range(len(used))]
    return depths


def _check_lengths(lengths: ArrayLike) -> NDArray[np.int64]:
    """Return the lengths as an array; ValueError unless a prefix code has them."""
    array = np.asarray(lengths)
    valid = array.ndim == 1 and array.dtype.kind in "iu" and array.size <= 65_536
    if valid and array.size:
        valid = array.min() >= 0 and array.max() <= LONGEST_CODEWORD
    if valid:
        kraft = np.ldexp(1.0, -array[array > 0].astype(np.int64)).sum()  # exact: powers of 2
        if kraft <= 1:
            return array.astype(np.int64)
    raise ValueError(
        "`lengths` must be whole numbers of bits from 0 to 16 for which a prefix code exists "
        "(the sum of 2**-length is at most 1); pass what huffman_lengths returned."
    )


def _canonical_order(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the symbols that have a codeword, by its length, then by their number."""
    order = np.argsort(lengths, kind="stable")
    return order[lengths[order] > 0]
