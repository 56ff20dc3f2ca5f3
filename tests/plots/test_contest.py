import matplotlib.pyplot as plt
import pytest

from quantlab_helpers import plots

ROWS = [("packed", 480_000, 0.983), ("coded", 13_000, 0.983), ("2 bits", 9_000, 0.5)]


def test_tries_below_needed_are_hollow():
    ax = plots.tries(ROWS, needed=0.982)
    path, *points, line = ax.lines
    assert path.get_xdata().tolist() == [480_000, 13_000, 9_000]
    assert path.get_ydata() == pytest.approx([98.3, 98.3, 50.0])
    assert [point.get_markerfacecolor() == "white" for point in points] == [False, False, True]
    assert list(line.get_ydata()) == pytest.approx([98.2, 98.2])


def test_tries_are_numbered_and_named():
    ax = plots.tries(ROWS, needed=0.982)
    *numbers, names = [text.get_text() for text in ax.texts]
    assert numbers == ["1", "2", "3"]
    assert names.splitlines() == ["1  packed", "2  coded", "3  2 bits"]
    assert ax.get_xscale() == "log" and "bytes" in ax.get_xlabel() and "%" in ax.get_ylabel()


def test_tries_draws_on_given_axes_refuses_no_rows():
    _, ax = plt.subplots()
    assert plots.tries(ROWS[:1], needed=0.9, ax=ax) is ax
    with pytest.raises(ValueError, match="at least one try, got none"):
        plots.tries([], needed=0.9)
