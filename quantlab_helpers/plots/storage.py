"""Figure of lesson 05: the ledger of a quantized file as bars.

As in `plots`, finished numbers come in and Axes go out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..storage.ledgers import Ledger
from .style import BARS, LEVELS, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def ledger_bars(counted: Ledger, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw where the bytes of a file are: a bar per tensor, and one for the header.

    Parameters
    ----------
    counted : Ledger
        From `ledger`.
    title : str, optional
        Printed above the axes; by default the file's size and ratio.
    ax : matplotlib Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib Axes
        Filled: payload. Hatched: centres, or the ends of a grid. White: the coder's tables, and the
        header. A black stroke marks the entropy bound of the payload; it is beyond the bar if
        empty rows and columns were left out of the file. All biases share a bar, and so do
        BatchNorm's tensors.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from quantlab_helpers.storage import LedgerRow
    >>> rows = [LedgerRow("fc1.weight", "weights", 90, 32, 5, 88.0, 4000)]
    >>> ax = ledger_bars(Ledger("entropy", rows, 120, 0), ax=Figure().add_subplot())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['fc1.weight', 'header']
    """
    sums: dict[str, list[float]] = {}
    for row in counted.rows:
        name = {"biases": "all biases", "batchnorm": "BatchNorm"}.get(row.part, row.name)
        bytes_ = (row.payload_bytes, row.codebook_bytes, row.table_bytes, row.bound_bytes)
        sums[name] = [a + b for a, b in zip(sums.get(name, [0] * 4), bytes_, strict=True)]
    names = [name for name in sums if sum(sums[name][:3])]
    names.sort(key=lambda name: name in ("all biases", "BatchNorm"))  # stable: layers stay in order
    payload, codebook, table, bound = zip(*(sums[name] for name in names), strict=True)
    header = counted.header_bytes + counted.padding_bytes
    ax = axes_or_new(ax)
    ax.barh(names, payload, color=BARS, label="payload")
    ax.barh(names, codebook, left=payload, color="white", edgecolor=BARS, hatch="////")
    start = [a + b for a, b in zip(payload, codebook, strict=True)]
    ax.barh(names, table, left=start, color="white", edgecolor=LEVELS)
    ax.barh(["header"], [header], color="white", edgecolor=LEVELS, label="tables, header")
    ax.containers[1].set_label("codebook")
    ends = [place + side for place in range(len(names)) for side in (-0.46, 0.46)]
    ax.vlines(bound, ends[::2], ends[1::2], color="white", linewidth=4)
    ax.vlines(bound, ends[::2], ends[1::2], color=LEVELS, linewidth=2, label="entropy bound")
    totals = [*(a + b for a, b in zip(start, table, strict=True)), header]
    furthest = max(*totals, *bound)
    for place, total in enumerate(totals):
        stroke = bound[place] if place < len(bound) else 0
        after = stroke if total < stroke < total + furthest / 7 else total
        ax.text(after + furthest / 60, place, f"{total:,.0f}", va="center")
    ax.set_xlim(0, 1.2 * furthest)
    ax.locator_params(axis="x", nbins=5)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.invert_yaxis()
    ax.set_xlabel("bytes in the file")
    ax.set_title(title or f"{counted.file_bytes:,} bytes, {counted.ratio:.0f} times smaller")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=4, frameon=False)
    return ax
