"""Finished numbers in, matplotlib axes out: weights, levels, trees, ledgers, leaderboards."""

from .coding import huffman_tree as huffman_tree
from .coding import packed_bits as packed_bits
from .coding import sizes as sizes
from .contest import tries as tries
from .kmeans import curves as curves
from .kmeans import lloyd_steps as lloyd_steps
from .kmeans import panels as panels
from .storage import ledger_bars as ledger_bars
from .style import BARS as BARS
from .style import LEVELS as LEVELS
from .weights import accuracy_curve as accuracy_curve
from .weights import digits as digits
from .weights import weight_histogram as weight_histogram
