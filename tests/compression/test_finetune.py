import numpy as np
import pytest
import torch

import quantlab_helpers as ql
from quantlab_helpers import training
from quantlab_helpers.compression.finetune import _SharedWeights, train_codebook, train_quantized
from quantlab_helpers.compression.pruning import prune
from quantlab_helpers.network import quantize_model
from quantlab_helpers.quantizers.kmeans import sparse_kmeans


@pytest.fixture(scope="session")
def small():
    return ql.load_mnist("train", limit=1_000, device="cpu")


@pytest.fixture(scope="module")
def pruned():
    return prune(ql.load_baseline("cpu"), sparsity=0.98)


@pytest.fixture(scope="module")
def model(pruned):
    return quantize_model(pruned, weights=lambda w: sparse_kmeans(w, 4), biases=None)


@pytest.mark.parametrize("mean", [False, True])
def test_shared_weights_gradient_sum_or_mean(mean):
    codes = torch.tensor([[0, 2], [2, 1]])
    centres = torch.tensor([-1.0, 0.0, 3.0, 9.0], requires_grad=True)
    weights = _SharedWeights.apply(centres, codes, mean)
    assert weights.tolist() == [[-1, 3], [3, 0]]
    (weights * torch.tensor([[1.0, 2.0], [4.0, 8.0]])).sum().backward()
    # 2 and 4 belong to the third centre; the second stays at zero; no weight has the last
    assert centres.grad.tolist() == [1, 0, 3 if mean else 6, 0]


def test_shared_weights_sum_equals_autograd(rng):
    codes = torch.from_numpy(rng.integers(0, 8, size=(20, 30)))
    factors = torch.from_numpy(rng.normal(size=(20, 30)))
    start = torch.from_numpy(rng.normal(size=8))
    weighted, reference = start.clone().requires_grad_(), start.clone().requires_grad_()
    (_SharedWeights.apply(weighted, codes, False).sin() * factors).sum().backward()
    (reference[codes].sin() * factors).sum().backward()
    torch.testing.assert_close(weighted.grad, reference.grad)


@pytest.mark.training
@pytest.mark.parametrize("options", [{"update": "mean", "optimizer": "sgd"}, {}])
def test_train_codebook_moves_only_centres(model, small, options):
    result = train_codebook(model, **options, epochs=3, data=small, progress=False)
    assert result.losses[-1] < result.losses[0]
    for name, before in model.tensors.items():
        after = result.model.tensors[name]
        if isinstance(before, ql.QuantizedTensor):
            decoded = torch.from_numpy(after.dequantize())
            assert torch.equal(result.model.net.state_dict()[name], decoded)
            assert (np.diff(after.codebook) >= 0).all()
            assert np.array_equal(before.dequantize() == 0, after.dequantize() == 0)
            assert len(np.unique(after.codes)) == len(np.unique(before.codes))
        else:
            assert torch.equal(before, after)


@pytest.mark.training
def test_train_codebook_adam_sum_equals_mean(model, small):
    """It divides by the size of the gradients, but for its epsilon of 1e-8."""
    options = {"optimizer": "adam", "data": small, "progress": False}
    first, second = (train_codebook(model, update=way, **options) for way in ("sum", "mean"))
    assert first.losses == pytest.approx(second.losses, rel=0.05)


@pytest.mark.training
def test_train_codebook_sorts_crossing_centres(small):
    net = ql.load_baseline("cpu")
    two = np.array([-1e-4, 1e-4], np.float32)  # near enough to cross

    def signs(weights):
        return ql.QuantizedTensor((weights.numpy() > 0).astype(np.uint8), two, 1)

    start = quantize_model(net, weights={"fc2": signs}, biases=None)
    options = {"learning_rate": 0.05, "data": small, "progress": False}
    after = train_codebook(start, **options).model.tensors["fc2.weight"]
    assert after.codebook[0] <= after.codebook[1]
    groups = [np.unique(after.codes[start.tensors["fc2.weight"].codes == c]) for c in (0, 1)]
    assert sorted(np.concatenate(groups).tolist()) == [0, 1]


@pytest.mark.training
def test_train_codebook_per_channel(small):
    def per_channel(weights):
        return ql.uniform_quantize(weights, 2, granularity="per_channel")

    start = quantize_model(ql.load_baseline("cpu"), weights={"conv2": per_channel}, biases=None)
    result = train_codebook(start, epochs=2, data=small, progress=False)
    after = result.model.tensors["conv2.weight"]
    assert after.codebook.shape == (16, 4) and after.scale is None and after.axis == 0
    decoded = torch.from_numpy(after.dequantize())
    assert torch.equal(result.model.net.conv2.weight.detach(), decoded)


@pytest.mark.training
@pytest.mark.parametrize("batchnorm", ["frozen", "measured"])
def test_train_codebook_batchnorm_statistics(model, small, batchnorm):
    result = train_codebook(model, batchnorm=batchnorm, data=small, progress=False).model
    same = torch.equal(result.net.bn1.running_mean, model.net.bn1.running_mean)
    assert same == (batchnorm == "frozen")
    assert torch.equal(result.tensors["bn1.running_mean"], result.net.bn1.running_mean)
    assert not result.net.training


def grid(weights):
    return ql.uniform_quantize(weights, 3, zero_point="int")


@pytest.mark.training
@pytest.mark.parametrize("quantizer", [lambda w: sparse_kmeans(w, 4), grid])
def test_train_quantized_keeps_zeros(pruned, small, quantizer):
    start = quantize_model(pruned, weights=quantizer, biases=None)
    options = {"weights": quantizer, "biases": None, "epochs": 3, "data": small}
    result = train_quantized(pruned, **options, progress=False)
    accuracy = [ql.evaluate(each.net, small).accuracy for each in (start, result.model)]
    assert accuracy[1] > accuracy[0]
    after = result.model.net.fc1.weight
    assert not after[pruned.fc1.weight == 0].any()
    decoded = torch.from_numpy(result.model.tensors["fc1.weight"].dequantize())
    assert torch.equal(after.detach(), decoded)


@pytest.mark.training
def test_finetune_same_seed_same_tensors(pruned, model, small):
    def trained(seed):
        options = {"seed": seed, "epochs": 1, "data": small, "progress": False}
        rule = {"fc1": lambda w: sparse_kmeans(w, 4)}
        first = train_quantized(pruned, weights=rule, biases=None, **options).model
        second = train_codebook(model, **options).model
        return [each.net.fc1.weight for each in (first, second)]

    first, same, other = trained(1), trained(1), trained(2)
    assert all(torch.equal(a, b) for a, b in zip(first, same, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.training
def test_finetune_keeps_frozen_parameters(small):
    net = ql.load_baseline("cpu")
    net.fc2.weight.requires_grad_(False)
    rule = {"fc1": lambda w: sparse_kmeans(w, 8), "fc2": lambda w: sparse_kmeans(w, 8)}
    start = quantize_model(net, weights=rule, biases=None)
    codebook = train_codebook(start, data=small, progress=False).model
    weights = train_quantized(net, weights=rule, biases=None, data=small, progress=False).model
    for after in (codebook, weights):
        assert torch.equal(after.net.fc2.weight, start.net.fc2.weight)
        assert not torch.equal(after.net.fc1.weight, start.net.fc1.weight)


def test_finetune_ctrl_c_returns_model(pruned, model, small, monkeypatch, capsys):
    def fail(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(training.F, "cross_entropy", fail)
    first = train_codebook(model, data=small, progress=False)
    second = train_quantized(
        pruned, weights=lambda w: sparse_kmeans(w, 4), biases=None, data=small, progress=False
    )
    assert first.interrupted and second.interrupted
    for result in (first, second):
        assert torch.equal(result.model.net.fc1.weight, model.net.fc1.weight)
    assert "Training the codebooks was interrupted after step 0 of 10" in capsys.readouterr().err


@pytest.mark.training
def test_finetune_keeps_its_inputs(pruned, model, small):
    before = pruned.fc1.weight.clone(), model.net.fc1.weight.clone()
    train_codebook(model, data=small, progress=False)
    train_quantized(pruned, weights=None, biases=None, epochs=1, data=small, progress=False)
    assert torch.equal(pruned.fc1.weight, before[0])
    assert torch.equal(model.net.fc1.weight, before[1])


def test_finetune_names_bad_settings(pruned, model, small):
    with pytest.raises(ValueError, match="`update` must be one of 'sum', 'mean', got 'max'"):
        train_codebook(model, update="max", data=small)
    with pytest.raises(ValueError, match="`batchnorm` must be one of 'frozen', 'measured'"):
        train_codebook(model, batchnorm="thawed", data=small)
    with pytest.raises(ValueError, match="`learning_rate` must be a finite number above 0"):
        train_codebook(model, learning_rate=0, data=small)
    nothing = quantize_model(pruned, weights=None, biases=None)
    with pytest.raises(ValueError, match="must have a quantized tensor that is not frozen"):
        train_codebook(nothing, data=small)
    with pytest.raises(ValueError, match="`weights` must name layers of the network, got 'fc9'"):
        train_quantized(pruned, weights={"fc9": grid}, biases=None, data=small)
