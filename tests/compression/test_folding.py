import pytest
import torch
from torch import nn

import quantlab_helpers as ql
from quantlab_helpers.compression.folding import fold_batchnorm, merge_dense


@pytest.fixture(scope="module")
def images():
    return ql.load_mnist("test", limit=200, device="cpu").images


@pytest.fixture
def awkward():
    """A network whose BatchNorm statistics are far from doing nothing; one channel is constant."""
    net = ql.reset_model(seed=1, device="cpu").eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for norm in (net.bn1, net.bn2, net.bn3):
            norm.weight.copy_(torch.randn(norm.num_features, generator=generator))
            norm.bias.copy_(torch.randn(norm.num_features, generator=generator))
            norm.running_mean.copy_(torch.randn(norm.num_features, generator=generator))
            norm.running_var.copy_(torch.rand(norm.num_features, generator=generator) + 0.01)
        net.bn2.running_var[3] = 0
    return net


def farthest(one, other, images):
    """The largest difference of two networks' logits, in units of the largest logit."""
    with torch.inference_mode():
        expected, got = one(images), other(images)
    return ((got - expected).abs().max() / expected.abs().max()).item()


# Each weight is rounded once more, by at most 2**-24 of itself, and sums run over 1,568 products
# whose roundings add up like sqrt(1568) in four layers: 4 * 40 * 2**-24 is 1e-5.
ROUNDING = 1e-5


@pytest.mark.parametrize("change", [fold_batchnorm, merge_dense])
def test_fold_and_merge_keep_function(change, awkward, images):
    assert farthest(awkward, change(awkward), images) < ROUNDING
    baseline = ql.load_baseline("cpu")
    assert farthest(baseline, change(baseline), images) < ROUNDING


def test_fold_batchnorm_leaves_default_batchnorm(awkward):
    folded = fold_batchnorm(awkward)
    for norm in (folded.bn1, folded.bn2, folded.bn3):
        assert (norm.weight == 1).all() and (norm.running_var == 1).all()
        assert not norm.bias.any() and not norm.running_mean.any()
        assert not norm.weight.requires_grad and not norm.bias.requires_grad
    assert folded.conv1.weight.requires_grad


def test_fold_batchnorm_twice(awkward):
    once = fold_batchnorm(awkward)
    torch.testing.assert_close(fold_batchnorm(once).conv2.weight, once.conv2.weight)


def test_merge_dense_leaves_ten_rows(awkward):
    merged = merge_dense(awkward)
    expected = awkward.fc2.weight @ awkward.fc1.weight
    torch.testing.assert_close(merged.fc1.weight[:10], expected)
    assert not merged.fc1.weight[10:].any() and not merged.fc1.bias.any()
    assert torch.equal(merged.fc2.weight, torch.eye(10, 300))
    assert not merged.fc2.weight.requires_grad and merged.fc2.bias.requires_grad


@pytest.mark.parametrize("change", [fold_batchnorm, merge_dense])
def test_fold_and_merge_keep_input(change, awkward):
    before = {name: value.clone() for name, value in awkward.state_dict().items()}
    change(awkward.train())
    assert awkward.training
    assert all(torch.equal(before[name], value) for name, value in awkward.state_dict().items())


@pytest.mark.parametrize("change", [fold_batchnorm, merge_dense])
def test_fold_and_merge_name_other_network(change):
    with pytest.raises(TypeError, match="must be this package's Net, got Linear; load one"):
        change(nn.Linear(2, 2))
