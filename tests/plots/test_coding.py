import numpy as np
import pytest
from matplotlib.figure import Figure

from quantlab_helpers import huffman_codewords, huffman_lengths, pack
from quantlab_helpers.plots.coding import huffman_tree, packed_bits, sizes


@pytest.fixture
def ax():
    return Figure().add_subplot()


def texts_with(ax, part):
    return [text.get_text() for text in ax.texts if part in text.get_text()]


def test_packed_bits_cells_are_the_bits_of_pack(ax):
    codes = [5, 1, 7, 2, 0, 3]
    packed_bits(codes, 3, ax=ax)
    cells = [int(text.get_text()) for text in ax.texts if len(text.get_text()) == 1]
    assert np.packbits(cells, bitorder="little").tobytes() == pack(codes, 3)
    assert texts_with(ax, "code") == [f"code {code}" for code in codes]
    assert texts_with(ax, "byte") == ["byte 0: 205", "byte 1: 133", "byte 2: 1"]


def test_packed_bits_padding_is_grey(ax):
    packed_bits([1, 2, 3], 3, ax=ax)
    inks = [text.get_color() for text in ax.texts if len(text.get_text()) == 1]
    assert len(inks) == 16 and set(inks[:9]) == {"#000000"} and set(inks[9:]) == {"#767676"}


def test_packed_bits_refuses_more_than_48_bits(ax):
    with pytest.raises(ValueError, match="at most 48 bits together, got 49; draw the first few"):
        packed_bits([1] * 7, 7, ax=ax)


def test_huffman_tree_leaf_depth_is_codeword_length(ax):
    counts = [5, 1, 1, 0, 2]
    codewords = huffman_codewords(huffman_lengths(counts))
    huffman_tree(counts, codewords, ax=ax)
    leaves = {text.get_text(): -text.get_position()[1] for text in ax.texts if "code" in str(text)}
    assert leaves == {
        f"code {code}\n{counts[code]}\n{word}": len(word)
        for code, word in enumerate(codewords)
        if word
    }
    assert texts_with(ax, "9") == ["9"], "the root has all of them"


def test_huffman_tree_of_a_single_code(ax):
    huffman_tree([3], ["0"], ax=ax)
    assert texts_with(ax, "code") == ["code 0\n3\n0"]


def test_sizes_keep_order_and_show_numbers(ax):
    sizes({"float32": 4000, "packed": 375.2}, bound=120.4, title="fc1", ax=ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["float32", "packed"]
    assert ax.lines[0].get_xdata().tolist() == [4000, 375.2]
    assert [text.get_text() for text in ax.texts] == ["4,000", "375", "bound 120"]
    bottom, top = ax.get_ylim()
    assert top < bottom and ax.get_xscale() == "log" and ax.get_xlim()[0] < 120
    assert ax.get_title() == "fc1" and ax.get_xlabel() == "bytes"


def test_coding_plots_make_new_figures():
    for ax in (packed_bits([1], 1), huffman_tree([1, 2], ["0", "1"]), sizes({"a": 1})):
        assert ax.figure.get_axes() == [ax]
