import pytest
from matplotlib.figure import Figure

import quantlab_helpers as ql
from quantlab_helpers.plots.storage import ledger_bars


@pytest.fixture(scope="module", params=["packed", "entropy"])
def counted(request, baseline, tmp_path_factory):
    model = ql.quantize_model(
        baseline,
        weights=lambda w: ql.kmeans_quantize(w, 8),
        biases=lambda b: ql.kmeans_quantize(b, 2),
    )
    path = tmp_path_factory.mktemp("ledger") / "net.safetensors"
    ql.save_quantized(model, path, coding=request.param)
    return ql.ledger(path)


def test_ledger_bars_sum_to_the_file(counted):
    ax = ledger_bars(counted, ax=Figure().add_subplot())
    widths = sum(bar.get_width() for bar in ax.patches)
    assert widths == counted.file_bytes
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[-3:] == ["all biases", "BatchNorm", "header"] and len(labels) == 8


def test_ledger_bars_show_bytes_and_bounds(counted):
    ax = ledger_bars(counted, ax=Figure().add_subplot())
    fc1 = next(row for row in counted.rows if row.name == "fc1.weight")
    assert f"{fc1.total_bytes:,}" in [text.get_text() for text in ax.texts]
    strokes = {segment[0][0] for segment in ax.collections[-1].get_segments()}
    assert fc1.bound_bytes in strokes and max(strokes) < ax.get_xlim()[1]


def test_ledger_bars_default_title(counted):
    text = ledger_bars(counted, ax=Figure().add_subplot()).get_title()
    assert text == f"{counted.file_bytes:,} bytes, {counted.ratio:.0f} times smaller"
    assert ledger_bars(counted, title="mine", ax=Figure().add_subplot()).get_title() == "mine"


def test_ledger_bars_makes_new_figure(counted):
    assert ledger_bars(counted).figure is not None
