import pytest

import quantlab_helpers as ql
from quantlab_helpers.explorers import accuracy, widget


def test_measure_every_tenth_image_then_all(explore, baseline, monkeypatch):
    monkeypatch.setattr(widget, "_IDLE_SECONDS", 0)
    explorer = explore("explore_uniform", baseline)
    explorer.controls["weight_bits"].value = 7
    explorer.wait()
    grid = {"weights": 7, "biases": 8}
    model = ql.quantize_model(
        baseline,
        weights=lambda w: ql.uniform_quantize(w, grid["weights"]),
        biases=lambda b: ql.uniform_quantize(b, grid["biases"]),
    )
    images = accuracy._test_images("cpu")
    all_images = ql.evaluate(model.net, images)
    tenth = ql.evaluate(model.net, ql.Dataset(images.images[::10], images.labels[::10]))
    assert explorer.facts["test accuracy"] == f"{all_images.accuracy:.2%} of all 500 test images"
    text = explorer.view.accuracy_cache.get(
        explorer.view.evaluation_requests(explorer.settings)[0].key
    ).accuracy_text
    assert text == f"{tenth.accuracy:.1%} of 50 test images (every tenth)"
    assert f"{model.total_bytes:,}, " in explorer.facts["bytes of the network"]


def test_measure_uses_the_cache_of_earlier_explorers(explore, baseline, monkeypatch):
    explore("explore_uniform", baseline)
    monkeypatch.setattr(accuracy, "evaluate", lambda *_: pytest.fail("measured again"))
    explore("explore_uniform", baseline)
