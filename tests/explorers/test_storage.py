import os

import pytest

import quantlab_helpers as ql
from quantlab_helpers.explorers.readouts import kmeans_network


@pytest.mark.training
@pytest.mark.parametrize("coding", ["packed", "huffman", "entropy"])
def test_storage_ledger_is_that_of_a_file(coding, explore, baseline, tmp_path):
    explorer = explore("explore_storage", baseline)
    explorer.controls["coding"].value = coding
    ql.save_quantized(kmeans_network(baseline, 8), tmp_path / "net", coding=coding)
    size = os.path.getsize(tmp_path / "net")
    assert explorer.facts["file"] == f"{size:,} bytes"
    parts = [int(explorer.facts[name].split()[0].replace(",", "")) for name in explorer.facts]
    assert sum(parts[:4]) == parts[4] == size
    widths = sum(bar.get_width() for bar in explorer.view.rows.patches)
    assert widths == size
    assert f"{size:,} (below)" in [text.get_text() for text in explorer.view.sizes.texts]
