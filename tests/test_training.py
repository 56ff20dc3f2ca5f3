import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import quantlab_helpers as ql


@pytest.fixture(scope="session")
def small():
    return ql.load_mnist("train", limit=1_000, device="cpu")


def train_small(small, net=None, **options):
    options = {"epochs": 1, "data": small, "device": "cpu", "progress": False} | options
    return ql.train(net, **options)


def test_one_epoch_is_the_textbook_loop(small):
    """Autograd, Adam and the penalty written out, on the same order of images."""
    net = ql.reset_model(seed=3, device="cpu").train()
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    order = torch.randperm(1_000, generator=torch.Generator().manual_seed(3))
    total = 0.0
    for start in range(0, 1_000, 100):
        index = order[start : start + 100]
        loss = F.cross_entropy(net(small.images[index]), small.labels[index])
        for parameter in net.parameters():
            loss = loss + 1e-3 * parameter.abs().sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
        total += loss.item() * len(index)
    result = train_small(small, seed=3)
    torch.testing.assert_close(result.net.fc1.weight, net.fc1.weight, rtol=1e-3, atol=1e-5)
    assert result.history[0].loss == pytest.approx(total / 1_000, rel=1e-4)


def test_the_same_seed_gives_the_same_weights_bit_for_bit(small):
    first, same = train_small(small, seed=5).net, train_small(small, seed=5).net
    other = train_small(small, seed=6).net
    assert torch.equal(first.conv1.weight, same.conv1.weight)
    assert torch.equal(first.fc1.weight, same.fc1.weight)
    assert not torch.equal(first.fc1.weight, other.fc1.weight)


def test_training_goes_on_from_a_network_and_leaves_it_as_it_was(small):
    start = train_small(small).net
    before = {name: value.clone() for name, value in start.state_dict().items()}
    result = train_small(small, start, epochs=2)
    assert all(torch.equal(before[name], value) for name, value in start.state_dict().items())
    assert result.net is not start
    assert result.history[0].loss < train_small(small).history[0].loss
    assert [epoch.epoch for epoch in result.history] == [1, 2]
    assert not result.net.training


def test_without_the_penalty_weights_are_not_pulled_to_zero(small):
    free, pulled = train_small(small, l1_beta=0.0).net, train_small(small, l1_beta=1e-2).net
    assert ql.l1_penalty(pulled) < 0.8 * ql.l1_penalty(free)


def test_the_penalty_is_the_sum_over_every_parameter_and_its_gradient_the_sign():
    net = ql.reset_model(seed=0, device="cpu")
    penalty = ql.l1_penalty(net)
    expected = sum(np.abs(p.detach().numpy().astype(np.float64)).sum() for p in net.parameters())
    assert penalty.item() == pytest.approx(expected, rel=1e-5)
    penalty.backward()
    assert all(torch.equal(p.grad, p.sign()) for p in net.parameters())


class Oracle(nn.Module):
    """Answers every image with the number written in its first pixel."""

    def __init__(self):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(1))

    def forward(self, images):
        return F.one_hot((images[:, 0, 0, 0] * 255).round().long(), 10).float()


def test_evaluate_counts_exactly_and_gives_the_mode_back():
    answers, labels = torch.tensor([1, 1, 2, 3, 3]), torch.tensor([1, 1, 2, 3, 9])
    images = torch.zeros(5, 1, 28, 28)
    images[:, 0, 0, 0] = answers / 255
    net = Oracle().train()
    result = ql.evaluate(net, ql.Dataset(images, labels))
    assert (result.accuracy, result.correct, result.total) == (0.8, 4, 5)
    assert result.confusion.shape == (10, 10)
    assert result.confusion[1, 1] == 2 and result.confusion[9, 3] == 1
    assert result.confusion.sum() == 5
    assert net.training


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"epochs": 0}, ValueError, r"`epochs` must be an integer of at least 1, got 0"),
        ({"epochs": True}, TypeError, r"`epochs` .* got True"),
        ({"batch_size": 2.0}, TypeError, r"`batch_size` .* got 2.0 of type float; round it"),
        ({"learning_rate": 0}, ValueError, r"`learning_rate` must be a finite number above 0"),
        ({"l1_beta": -1e-3}, ValueError, r"`l1_beta` .* of at least 0, got -0.001"),
        ({"device": "abacus"}, ValueError, r"`device` must name a device .* got 'abacus'"),
    ],
)
def test_bad_settings_are_named(small, options, error, words):
    with pytest.raises(error, match=words):
        train_small(small, **options)


@pytest.mark.slow
def test_one_epoch_on_a_tenth_of_the_images_learns_to_read(test_set):
    result = ql.train(
        epochs=1, data=ql.load_mnist("train", limit=6_000, device="cpu"), progress=False
    )
    first = ql.Dataset(test_set.images[:2_000], test_set.labels[:2_000])
    assert ql.evaluate(result.net, first).accuracy > 0.90


@pytest.mark.slow
def test_the_baseline_reads_982_of_1000_digits_and_8_bits_cost_it_little(baseline, test_set):
    exact = ql.evaluate(baseline, test_set)
    assert exact.total == 10_000 and exact.accuracy >= 0.982
    uniform = ql.quantize_model(baseline, weights=lambda w: ql.uniform_quantize(w, 8), biases=None)
    assert ql.evaluate(uniform.net, test_set).accuracy >= exact.accuracy - 0.003


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_training_on_a_gpu_ends_on_the_gpu(small):
    result = train_small(small, device="cuda")
    assert result.net.fc1.weight.is_cuda
