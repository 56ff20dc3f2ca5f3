import numpy as np


def test_retraining_free_and_tied_values(explore):
    explorer = explore("explore_retraining")
    centres = explorer.view.run["centres"]
    for way in ("free", "tied"):
        explorer.controls["way"].value = way
        explorer.controls["epoch"].value = 3
        count = int(explorer.facts["unique values in conv2"].replace(",", ""))
        assert (count > 1_000) if way == "free" else (count == 4)
        assert explorer.view.histogram.used.size == (0 if way == "free" else 4)
    assert not np.allclose(explorer.view.histogram.levels, centres), "the centres have moved"
    assert "of all 10,000 test images" in explorer.facts["test accuracy"]
