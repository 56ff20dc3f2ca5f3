import pytest

import quantlab_helpers as ql
from quantlab_helpers.explorers import accuracy
from quantlab_helpers.explorers.readouts import kmeans_network
from quantlab_helpers.explorers.storage import file_ledgers


@pytest.mark.training
def test_tradeoff_rings_follow_both_sliders(explore, baseline):
    explorer = explore("explore_tradeoff", baseline)
    curves = {line.get_label(): line for line in explorer.view.ax.lines}
    for bits, k in ((2, 3), (8, 32)):
        explorer.controls["bits"].value, explorer.controls["k"].value = bits, k
        places = explorer.view.rings.places
        assert len(places) == 3
        for name, (x, y) in places.items():
            points = list(zip(curves[name].get_xdata(), curves[name].get_ydata(), strict=True))
            assert (x, y) in points
        model = kmeans_network(baseline, k)
        assert places["k-means, packed"][0] == model.total_bytes
        images = accuracy._test_images("cpu")
        tenth = ql.Dataset(images.images[::10], images.labels[::10])
        assert places["k-means, packed"][1] == 100 * ql.evaluate(model.net, tenth).accuracy
        assert places["k-means, packed"][1] == places["k-means, entropy-coded"][1]
        assert places["k-means, entropy-coded"][0] == file_ledgers(model)["entropy"].file_bytes
