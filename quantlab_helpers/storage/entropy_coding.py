"""Codes to bytes at their entropy, and back, with asymmetric numeral systems.

Integers in, bytes out; no file, no network. `pack` spends the same bits on every code; the entropy
coder spends a fraction of a bit on a frequent one, so that a layer full of zeros becomes small.
Huffman's code, in `huffman.py`, is between the two; read it next.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._support.validation import check_int
from ..metrics import entropy_bits
from ..quantizers.tensor import Codes
from .bit_packing import ByteStream, as_bytes, as_symbols


def entropy_encode(codes: ArrayLike, *, k: int | None = None) -> bytes:
    """Write codes at their entropy: a frequent code takes a fraction of a bit.

    Asymmetric numeral systems keep the whole message as one large number, into which a code of
    probability p multiplies only 1/p: log2(1/p) bits, not rounded up to a whole one.

    Parameters
    ----------
    codes : array_like of unsigned int, any shape
        Read in C order.
    k : int, optional
        Number of symbols, above every code; by default the largest code plus 1.

    Returns
    -------
    bytes
        The count of each symbol, 1 to 3 bytes each, then the stream, at most a few bytes above
        `bound_bytes`.

    Raises
    ------
    ValueError
        If `codes` are not integers from 0 to `k` - 1.

    Notes
    -----
    J. Duda, *Asymmetric numeral systems*, 2013, arXiv 1311.2540. The library ``constriction``
    does the arithmetic.

    Examples
    --------
    >>> from quantlab_helpers import pack
    >>> codes = [0] * 990 + [1] * 10
    >>> len(pack(codes, 1)), len(entropy_encode(codes)), round(bound_bytes(codes), 1)
    (125, 16, 10.1)
    """
    array, counts = as_symbols(codes, k)
    table = _write_counts(counts)
    used = np.flatnonzero(counts)
    if used.size < 2:
        return table
    import constriction

    coder = constriction.stream.stack.AnsCoder()
    ranks = np.searchsorted(used, array).astype(np.int32)
    coder.encode_reverse(ranks, _probabilities(counts[used]))
    words: NDArray[np.uint32] = coder.get_compressed()
    return table + words.astype("<u4").tobytes().rstrip(b"\0")  # the last word is never 0


def entropy_decode(encoded: ByteStream, *, count: int, k: int) -> Codes:
    """Read the codes that `entropy_encode` wrote.

    Parameters
    ----------
    encoded : bytes or ndarray of uint8
        Counts and stream.
    count : int
        Number of codes.
    k : int
        Number of symbols, 1..65536.

    Returns
    -------
    ndarray of uint8 or uint16, shape (count,)
        uint16 where there are more than 256 symbols.

    Raises
    ------
    ValueError
        If the counts are not those of `count` codes out of `k` symbols.

    Examples
    --------
    >>> entropy_decode(entropy_encode([0, 0, 2, 0, 1]), count=5, k=3).tolist()
    [0, 0, 2, 0, 1]
    """
    check_int("count", count, low=0)
    check_int("k", k, low=1, high=65_536)
    stream = as_bytes(encoded).tobytes()
    counts, start = _read_counts(stream, k)
    used = np.flatnonzero(counts)
    words = stream[start:] + bytes(-(len(stream) - start) % 4)
    if int(counts.sum()) != count or (used.size < 2 and words):
        raise ValueError(
            f"`encoded` must hold {count:,} codes, got a table for {int(counts.sum()):,}; pass the "
            "`count` and `k` that were encoded."
        )
    dtype = np.uint8 if k <= 256 else np.uint16
    if used.size < 2:
        return np.full(count, used[0] if count else 0, dtype)
    import constriction

    coder = constriction.stream.stack.AnsCoder(np.frombuffer(words, "<u4").astype(np.uint32))
    ranks = coder.decode(_probabilities(counts[used]), count)
    if not coder.is_empty():
        raise ValueError("`encoded` must end with its last code, got more bytes after it.")
    codes: Codes = used[ranks].astype(dtype)
    return codes


def counts_bytes(encoded: ByteStream, *, k: int) -> int:
    """Return the number of bytes of an entropy-coded message that are its table of counts.

    Parameters
    ----------
    encoded : bytes or ndarray of uint8
        What `entropy_encode` returned.
    k : int
        Number of symbols.

    Returns
    -------
    int
        The rest is the stream.

    Raises
    ------
    ValueError
        If `encoded` does not begin with a table of `k` counts.

    Examples
    --------
    >>> counts_bytes(entropy_encode([0, 0, 2, 0, 1]), k=3)
    3
    """
    return _read_counts(as_bytes(encoded).tobytes(), check_int("k", k, low=1, high=65_536))[1]


def bound_bytes(codes: ArrayLike) -> float:
    """Return the entropy bound: the fewest bytes for codes that are independent draws.

    Parameters
    ----------
    codes : array_like of unsigned int, any shape
        At least one code.

    Returns
    -------
    float
        Number of codes times `entropy_bits`, divided by 8. A coder that uses more than the
        frequencies (for instance, which rows are empty) can get below it.

    Examples
    --------
    >>> bound_bytes([0, 0, 1, 2] * 4)
    3.0
    """
    return np.asarray(codes).size * entropy_bits(codes) / 8


def _probabilities(counts: NDArray[np.int64]) -> Any:
    """Return constriction's model of symbols with these counts."""
    import constriction

    shares = counts / counts.sum()
    return constriction.stream.model.Categorical(shares, perfect=False)


def write_numbers(numbers: Iterable[int]) -> bytes:
    """Write numbers of at least 0, seven bits to a byte, low bits first."""
    content = bytearray()
    for number in numbers:
        while number > 127:
            content.append(number & 127 | 128)  # the high bit: more to come
            number >>= 7
        content.append(number)
    return bytes(content)


def read_number(stream: bytes, start: int) -> tuple[int, int]:
    """Return the number at `start`, below 2**42, and the position after it; else ValueError."""
    number = 0
    for place, byte in enumerate(stream[start : start + 6]):
        number |= (byte & 127) << 7 * place
        if byte < 128:
            return number, start + place + 1
    raise ValueError("`encoded` must hold whole numbers, got a stream that ends inside a number.")


def _write_counts(counts: NDArray[np.int64]) -> bytes:
    """Return the counts as bytes; after a 0, the number of further zeros."""
    numbers: list[int] = []
    bounds = np.flatnonzero(np.diff(np.concatenate([[-1], counts])) != 0).tolist()
    for start, end in pairwise([*bounds, counts.size]):
        run, value = end - start, int(counts[start])
        numbers += [0, run - 1] if value == 0 else [value] * run
    return write_numbers(numbers)


def _read_counts(stream: bytes, k: int) -> tuple[NDArray[np.int64], int]:
    """Return the `k` counts at the beginning of `stream`, and the position after them."""
    counts: list[int] = []
    position = 0
    while len(counts) < k:
        count, position = read_number(stream, position)
        more = 0
        if count == 0:
            more, position = read_number(stream, position)
        if len(counts) + more >= k:
            raise ValueError(f"`encoded` must begin with the counts of {k} symbols, got more.")
        counts += [count] * (1 + more)
    return np.array(counts, np.int64), position
