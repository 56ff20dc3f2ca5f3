import pytest
import torch
from torch import nn

import quantlab_helpers as ql
from quantlab_helpers import training
from quantlab_helpers.compression.folding import fold_batchnorm, merge_dense
from quantlab_helpers.compression.pruning import prune, prune_gradually


@pytest.fixture(scope="session")
def small():
    return ql.load_mnist("train", limit=1_000, device="cpu")


@pytest.fixture
def net():
    return ql.load_baseline("cpu")


def weights(net):
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    return torch.cat([layer.weight.detach().flatten() for layer in layers])


def trainable_nonzeros(net):
    return sum(int(torch.count_nonzero(p)) for p in net.parameters() if p.requires_grad)


def test_prune_threshold_zeroes_smaller_weights(net):
    before, after = weights(net), weights(prune(net, threshold=0.01))
    small = before.abs() < 0.01
    assert not after[small].any()
    assert torch.equal(after[~small], before[~small])


@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.99])
def test_prune_sparsity_zeroes_smallest_share(net, sparsity):
    before, after = weights(net), weights(prune(net, sparsity=sparsity))
    gone = (after == 0) & (before != 0)
    count = round(sparsity * before.numel())
    assert (after == 0).sum() >= count
    if sparsity:
        assert (after == 0).sum() == max(count, int((before == 0).sum()))
        assert before[gone].abs().max() <= after[after != 0].abs().min()


def test_prune_sparsity_with_equal_weights():
    net = ql.reset_model(device="cpu")
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(0.5)
    after = weights(prune(net, sparsity=0.25))
    assert (after == 0).sum() == round(0.25 * after.numel())


def test_prune_keeps_biases_and_batchnorm(net):
    before = {name: value.clone() for name, value in net.state_dict().items()}
    pruned = prune(net, sparsity=0.999).state_dict()
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    rest = [name for name in before if "bn" in name or "bias" in name]
    assert all(torch.equal(before[name], pruned[name]) for name in rest)


@pytest.mark.parametrize("options", [{}, {"threshold": 0.1, "sparsity": 0.5}])
def test_prune_needs_threshold_or_sparsity(net, options):
    with pytest.raises(ValueError, match=r"Exactly one of .* pass for example sparsity=0\.9"):
        prune(net, **options)


@pytest.mark.parametrize("sparsity", [1.0, 99.0])
def test_prune_names_bad_sparsity(net, sparsity):
    with pytest.raises(ValueError, match=rf"from 0 to below 1, got {sparsity}; 0.9 prunes 90%"):
        prune(net, sparsity=sparsity)


@pytest.mark.training
@pytest.mark.parametrize("recovery", [0, 1])
def test_prune_gradually_leaves_keep_weights(net, small, recovery):
    start = merge_dense(fold_batchnorm(net))
    options = {"epochs": 2, "recovery": recovery, "data": small, "progress": False}
    result = prune_gradually(start, keep=2_000, **options)
    assert trainable_nonzeros(result.net) <= 2_000
    assert trainable_nonzeros(result.net) > 1_990  # a weight may hit zero by itself
    assert torch.equal(result.net.fc2.weight, start.fc2.weight)  # frozen
    assert len(result.losses) == 2 + recovery and not result.interrupted


@pytest.mark.training
def test_prune_gradually_keeps_zeros(net, small):
    start = prune(net, sparsity=0.98)
    options = {"keep": 5_000, "epochs": 1, "data": small, "progress": False}
    first, same = (prune_gradually(start, seed=3, **options).net for _ in range(2))
    other = prune_gradually(start, seed=4, **options).net
    assert not weights(first)[weights(start) == 0].any()
    assert torch.equal(weights(first), weights(same))
    assert not torch.equal(weights(first), weights(other))


def test_prune_gradually_ctrl_c_returns_network(net, small, monkeypatch, capsys):
    def fail(*arguments, **options):
        raise KeyboardInterrupt

    start = prune(net, sparsity=0.98)
    monkeypatch.setattr(training.F, "cross_entropy", fail)
    result = prune_gradually(start, keep=500, epochs=1, data=small, progress=False)
    assert result.interrupted and result.losses == []
    assert torch.equal(weights(result.net), weights(start))
    assert "interrupted after step 0 of 20" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": 0}, "`keep` must be an integer of at least 1, got 0"),
        ({"keep": 5, "epochs": 0}, "`epochs` must be an integer of at least 1, got 0"),
        ({"keep": 5, "learning_rate": 0}, "`learning_rate` must be a finite number above 0"),
    ],
)
def test_prune_gradually_names_bad_settings(net, small, options, message):
    with pytest.raises(ValueError, match=message):
        prune_gradually(net, data=small, **options)
