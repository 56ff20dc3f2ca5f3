import pytest
import torch
from torch import nn

import quantlab_helpers as ql


def test_the_network_has_the_course_labs_tensors():
    shapes = {name: tuple(value.shape) for name, value in ql.Net().named_parameters()}
    assert shapes == {
        "conv1.weight": (16, 1, 5, 5),
        "conv1.bias": (16,),
        "bn1.weight": (16,),
        "bn1.bias": (16,),
        "conv2.weight": (16, 16, 3, 3),
        "conv2.bias": (16,),
        "bn2.weight": (16,),
        "bn2.bias": (16,),
        "conv3.weight": (32, 16, 3, 3),
        "conv3.bias": (32,),
        "bn3.weight": (32,),
        "bn3.bias": (32,),
        "fc1.weight": (300, 1568),
        "fc1.bias": (300,),
        "fc2.weight": (10, 300),
        "fc2.bias": (10,),
    }
    assert sum(value.numel() for value in ql.Net().parameters()) == 481_214


def test_it_computes_what_the_same_layers_in_sequence_compute():
    net = ql.reset_model(seed=4, device="cpu").eval()
    sequence = nn.Sequential(
        *(net.conv1, net.bn1, nn.ReLU()),
        *(net.conv2, net.bn2, nn.ReLU(), nn.MaxPool2d(2)),
        *(net.conv3, net.bn3, nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), net.fc1, net.fc2),
    )
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(net(images), sequence(images))


def test_the_seed_decides_the_weights_and_leaves_torchs_own_state_alone():
    before = torch.random.get_rng_state()
    first, same, other = (ql.reset_model(seed=seed, device="cpu") for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first.fc1.weight, same.fc1.weight)
    assert not torch.equal(first.fc1.weight, other.fc1.weight)
    assert first.training


def test_a_negative_seed_is_named():
    with pytest.raises(ValueError, match=r"`seed` must be an integer from 0 to .*, got -1"):
        ql.reset_model(seed=-1)
