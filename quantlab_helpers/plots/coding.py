"""Figures of lesson 05: codes in bytes, Huffman trees, and sizes to compare.

As in `plots`, finished numbers come in and Axes go out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..storage.bit_packing import pack
from .style import BARS, LEVELS, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHADES = ("#D6E6F2", "#FFFFFF")
_MOST_BITS = 48  # with more, cells are too narrow for a digit


def packed_bits(codes: ArrayLike, bits: int, *, ax: Axes | None = None) -> Axes:
    """Draw a few codes bit by bit as `pack` writes them, with the borders of the bytes.

    Parameters
    ----------
    codes : array_like of unsigned int
        At most 48 bits together.
    bits : int
        Bits per code, 1..16.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib Axes
        One cell per bit in the order of the file, the lowest bit of a byte on the left. Codes
        are written below, in alternating shades, and bytes above; grey zeros fill the last one.

    Raises
    ------
    ValueError
        If there are too many bits to read.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = packed_bits([1, 2, 3], 3, ax=Figure().add_subplot())
    >>> [text.get_text() for text in ax.texts if "byte" in text.get_text()]
    ['byte 0: 209', 'byte 1: 0']
    """
    flat = np.asarray(codes).reshape(-1)
    packed = pack(flat, bits)
    if flat.size * bits > _MOST_BITS:
        raise ValueError(
            f"`codes` must have at most {_MOST_BITS} bits together, got {flat.size * bits:,}; "
            "draw the first few."
        )
    stream = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")
    width = max(4.0, 0.36 * stream.size)
    ax = axes_or_new(ax, (width, 1.5))
    for place, bit in enumerate(stream.tolist()):
        code = place // bits
        used = code < flat.size
        shade = _SHADES[code % 2] if used else "#FFFFFF"
        ax.bar(place, 1, 1, align="edge", color=shade, edgecolor="#767676", lw=0.8)
        ink = LEVELS if used else "#767676"
        middle = place + 0.5, 0.5
        ax.text(*middle, str(bit), ha="center", va="center", family="monospace", color=ink)
    for code, value in enumerate(flat.tolist()):
        ax.text((code + 0.5) * bits, -0.12, f"code {value}", ha="center", va="top", fontsize=9)
    for number, byte in enumerate(packed):
        left = 8 * number
        ax.plot([left, left, left + 8, left + 8], [0, 1.15, 1.15, 0], color=LEVELS, lw=2)
        label = f"byte {number}: {byte}"
        ax.text(left + 4, 1.25, label, ha="center", va="bottom", fontweight="bold")
    ax.set(xlim=(-0.1, stream.size + 0.1), ylim=(-0.6, 1.8))
    ax.set_axis_off()
    return ax


def huffman_tree(counts: ArrayLike, codewords: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """Draw the tree of a prefix code: a leaf for each symbol, its codeword along the path.

    Parameters
    ----------
    counts : array_like of int, shape (k,)
        How often each symbol occurs.
    codewords : sequence of str
        From `huffman_codewords`, one for each symbol, empty for symbols without one; at most a
        few dozen.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib Axes
        Leaves (boxes) show code, count and codeword; inner nodes show the sum of the counts below.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = huffman_tree([5, 2, 3], ["0", "11", "10"], ax=Figure().add_subplot())
    >>> [text.get_text() for text in ax.texts if "code" in text.get_text()]
    ['code 0\\n5\\n0', 'code 2\\n3\\n10', 'code 1\\n2\\n11']
    """
    occurring = np.asarray(counts).tolist()
    leaves = sorted((word, code) for code, word in enumerate(codewords) if word)
    place = {word: float(x) for x, (word, _) in enumerate(leaves)}
    total = {word: occurring[code] for word, code in leaves}
    inner = sorted({word[:end] for word, _ in leaves for end in range(len(word))}, key=len)
    for node in reversed(inner):
        children = [child for child in (node + "0", node + "1") if child in place]
        place[node] = sum(place[child] for child in children) / len(children)
        total[node] = sum(total[child] for child in children)
    depth = max((len(word) for word, _ in leaves), default=1)
    size = (max(4.0, 1.1 * len(leaves)), 1.2 + 0.62 * depth)
    ax = axes_or_new(ax, size)
    for node, x in place.items():
        if node:
            parent = node[:-1]
            ax.plot([place[parent], x], [-len(parent), -len(node)], color=BARS, lw=1.5, zorder=1)
            middle = (place[parent] + x) / 2, 0.5 - len(node)
            ax.text(*middle, node[-1], ha="center", va="center", backgroundcolor="white")
    for node in inner:
        around = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": BARS}
        ax.text(place[node], -len(node), f"{total[node]:,}", ha="center", va="center", bbox=around)
    for word, code in leaves:
        box = {"boxstyle": "square,pad=0.25", "facecolor": _SHADES[0], "edgecolor": LEVELS}
        label = f"code {code}\n{total[word]:,}\n{word}"
        ax.text(place[word], -len(word), label, ha="center", va="top", bbox=box, fontsize=9)
    deepest = max((len(word) for word, _ in leaves), default=0)
    ax.set(xlim=(-0.7, len(leaves) - 0.3), ylim=(-deepest - 1.3, 0.4))
    ax.set_axis_off()
    return ax


def sizes(
    rows: Mapping[str, float],
    *,
    bound: float | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw sizes in bytes as points on a logarithmic axis, one row each, with their numbers.

    Parameters
    ----------
    rows : dict of str to float
        Name and bytes, at least 1, the first on top.
    bound : float, optional
        Drawn as a dashed line: the entropy bound of a coder of single codes.
    title : str, optional
        Printed above the axes.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure as high as the rows need.

    Returns
    -------
    matplotlib Axes
        A logarithmic axis: equal distances are equal ratios.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = sizes({"float32": 4000, "packed": 375}, ax=Figure().add_subplot())
    >>> [text.get_text() for text in ax.texts]
    ['4,000', '375']
    """
    ax = axes_or_new(ax, (7, 0.8 + 0.34 * len(rows)))
    values, places = list(rows.values()), np.arange(len(rows))
    ax.plot(values, places, "o", color=BARS, markersize=8)
    for value, y in zip(values, places, strict=True):
        place = (value, float(y))
        ax.annotate(f"{value:,.0f}", place, (8, 0), textcoords="offset points", va="center")
    if bound is not None:
        ax.axvline(bound, color=LEVELS, linestyle="--", lw=1.5)
        top = ax.get_xaxis_transform()
        label = f"bound {bound:,.0f}"
        ax.annotate(label, (bound, 1), xycoords=top, va="bottom", ha="center", fontsize=9)
    smallest = min([*values, bound if bound is not None else values[0]])
    ax.set(xscale="log", xlim=(smallest / 2, max(values) * 8), xlabel="bytes", title=title)
    ax.set_yticks(places, list(rows))
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(axis="y", color="#D0D0D0", lw=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return ax
