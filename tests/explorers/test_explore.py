import numpy as np
import pytest
import torch
from torch import nn

from quantlab_helpers import explorers
from quantlab_helpers.explorers.view import Menu


def arguments_of(name, baseline):
    return () if name in ("explore_outlier", "explore_retraining") else (baseline,)


EVERY_STEP = {
    "explore_uniform": ("weight_bits", range(1, 9)),
    "explore_kmeans": ("k", (2, 3, 8, 17, 32)),
    "explore_tradeoff": ("bits", range(1, 9)),
    "explore_outlier": ("size", range(0, 41, 10)),
    "explore_storage": ("bits", (1, 3, 6)),
    "explore_retraining": ("epoch", range(7)),
}


@pytest.mark.training
@pytest.mark.parametrize("name", EVERY_STEP)
def test_explore_every_step_changes_picture_and_text(name, explore, baseline):
    explorer = explore(name, *arguments_of(name, baseline))
    control, values = EVERY_STEP[name]
    seen = set()
    for value in values:
        explorer.controls[control].value = value
        assert explorer.error == ""
        assert str(value) in explorer.alt + explorer.sentence
        seen.add((explorer.picture, explorer.sentence))
    assert len({picture for picture, _ in seen}) == len(values)
    assert len({sentence for _, sentence in seen}) == len(values)
    assert 80 < len(explorer.alt) < 500 and 30 < len(explorer.sentence) < 300 and explorer.facts


@pytest.mark.training
@pytest.mark.parametrize("name", EVERY_STEP)
def test_explore_every_menu_and_static(name, explore, baseline):
    explorer = explore(name, *arguments_of(name, baseline))
    control, values = EVERY_STEP[name]
    menus = [c for c in explorer.view.controls if isinstance(c, Menu) and c.name != "layer"]
    for menu in menus:
        for value in menu.options.values():
            explorer.controls[menu.name].value = value
            assert explorer.error == ""
    player = explorer.static(control, values=list(values)[:3])
    assert player.html.count("data:image/png") == 2 and "…</td>" not in player.html
    assert len(player.html) < 250_000


@pytest.mark.training
def test_explore_at_most_8_facts(explore, baseline):
    for name in ("explore_uniform", "explore_kmeans"):
        assert len(explore(name, baseline).facts) <= 8


@pytest.mark.parametrize("name", ["explore_uniform", "explore_kmeans", "explore_tradeoff"])
@pytest.mark.parametrize("net", [None, np.ones(3), nn.ReLU()])
def test_explore_refuses_what_is_no_network(name, net):
    with pytest.raises(TypeError, match=r"`net` must be a network with a Conv2d.*pass load_base"):
        getattr(explorers, name)(net)


def test_explore_storage_refuses_other_networks():
    with pytest.raises(TypeError, match="`net` must be a Net, got Sequential"):
        explorers.explore_storage(nn.Sequential(nn.Linear(2, 2)))


def test_explore_uniform_of_another_network(explore):
    torch.manual_seed(0)
    explorer = explore("explore_uniform", nn.Sequential(nn.Flatten(), nn.Linear(784, 10)))
    assert explorer.error == "" and "of 50 test images" in explorer.facts["test accuracy"]
    assert "entropy-coded" not in explorer.facts["bytes of the network"]


def test_explore_uniform_does_not_change_the_network(explore, baseline):
    before = {name: value.clone() for name, value in baseline.state_dict().items()}
    explorer = explore("explore_uniform", baseline)
    explorer.controls["weight_bits"].value = 1
    assert all(torch.equal(before[name], value) for name, value in baseline.state_dict().items())
