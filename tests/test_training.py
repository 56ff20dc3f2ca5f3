import copy
import io
import signal

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import quantlab_helpers as ql
from quantlab_helpers import training


@pytest.fixture(scope="session")
def small():
    return ql.load_mnist("train", limit=1_000, device="cpu")


def train_small(small, net=None, **options):
    options = {"epochs": 1, "data": small, "device": "cpu", "progress": False} | options
    return ql.train(net, **options)


@pytest.mark.training
def test_train_matches_textbook_loop(small):
    """Autograd, Adam and the penalty written out, on the same order of images.

    In float64, because Adam divides by |gradient| + 1e-8: in float32 the rounding of a gradient
    near zero, which depends on the processor, can become a full step.
    """
    data = ql.Dataset(small.images[:300].double(), small.labels[:300])
    start = ql.reset_model(seed=3, device="cpu").double()
    net = copy.deepcopy(start).train()
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(3))
    total = 0.0
    for index in order.split(100):
        loss = F.cross_entropy(net(data.images[index]), data.labels[index])
        for parameter in net.parameters():
            loss = loss + 1e-3 * parameter.abs().sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
        total += loss.item() * len(index)
    result = train_small(data, start, seed=3, precision="float32")
    for name, value in net.state_dict().items():
        torch.testing.assert_close(result.net.state_dict()[name], value, rtol=0, atol=1e-8)
    assert result.history[0].loss == pytest.approx(total / 300, rel=1e-6)


@pytest.mark.training
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_train_same_seed_same_weights(small, precision):
    def net(seed):
        return train_small(small, seed=seed, precision=precision).net

    first, same, other = net(5), net(5), net(6)
    assert torch.equal(first.conv1.weight, same.conv1.weight)
    assert torch.equal(first.fc1.weight, same.fc1.weight)
    assert not torch.equal(first.fc1.weight, other.fc1.weight)


@pytest.mark.training
def test_train_continues_from_given_network(small):
    start = train_small(small).net
    before = {name: value.clone() for name, value in start.state_dict().items()}
    result = train_small(small, start, epochs=2)
    assert all(torch.equal(before[name], value) for name, value in start.state_dict().items())
    assert result.net is not start
    assert result.history[0].loss < train_small(small).history[0].loss
    assert [epoch.epoch for epoch in result.history] == [1, 2]
    assert not result.net.training


@pytest.mark.training
def test_train_l1_beta_shrinks_weights(small):
    free, pulled = train_small(small, l1_beta=0.0).net, train_small(small, l1_beta=1e-2).net
    assert ql.l1_penalty(pulled) < 0.8 * ql.l1_penalty(free)


def test_l1_penalty_value_and_gradient():
    net = ql.reset_model(seed=0, device="cpu")
    penalty = ql.l1_penalty(net)
    expected = sum(np.abs(p.detach().numpy().astype(np.float64)).sum() for p in net.parameters())
    assert penalty.item() == pytest.approx(expected, rel=1e-5)
    penalty.backward()
    assert all(torch.equal(p.grad, p.sign()) for p in net.parameters())


@pytest.mark.parametrize("missing", [[], ["_foreach_sign"], ["_foreach_norm", "_foreach_add_"]])
def test_add_l1_gradient_equals_autograd(monkeypatch, missing):
    """Bit for bit, and also in a torch without its private functions for lists."""
    net = ql.reset_model(seed=0, device="cpu")
    with torch.no_grad():
        net.fc1.weight[:10] = 0.0  # where the sign is 0
    parameters = list(net.parameters())
    expected = torch.autograd.grad(0.25 * ql.l1_penalty(net), parameters)
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    for name in missing:
        monkeypatch.delattr(torch, name)
    with torch.no_grad():
        total = training._add_l1_gradient(parameters, 0.25)
    assert all(torch.equal(p.grad, e) for p, e in zip(parameters, expected, strict=True))
    assert total.item() == pytest.approx(ql.l1_penalty(net).item(), rel=1e-5)


@pytest.mark.training
def test_train_keeps_frozen_layers(small):
    net = ql.reset_model(device="cpu")
    net.conv1.requires_grad_(False)
    trained = train_small(small, net).net
    assert torch.equal(trained.conv1.weight, net.conv1.weight)
    assert not torch.equal(trained.conv2.weight, net.conv2.weight)


@pytest.mark.training
def test_train_settings_of_recipe(small):
    result = train_small(small, recipe="fast", epochs=None, learning_rate=0.002, seed=4)
    assert result.settings == {
        "recipe": "fast",
        "epochs": 1,
        "learning_rate": 0.002,
        "one_cycle": True,
        "batch_size": 100,
        "l1_beta": 0.001,
        "seed": 4,
        "precision": result.settings["precision"],
        "images": 1_000,
    }
    assert train_small(small, epochs=None).settings["epochs"] == 5


@pytest.mark.training
def test_train_fast_learning_rate_cycle(small, monkeypatch):
    rates = []

    class Spy(torch.optim.Adam):
        def step(self, *arguments):
            rates.append(self.param_groups[0]["lr"])
            return super().step(*arguments)

    monkeypatch.setattr(torch.optim, "Adam", Spy)
    train_small(small, recipe="fast", batch_size=20)
    assert len(rates) == 50
    assert 0.00499 < max(rates) <= 0.005 and rates.index(max(rates)) == 5
    assert rates[0] < 0.001 and rates[-1] < 1e-5


@pytest.mark.training
@pytest.mark.parametrize("images", [1, 3, 101])
def test_train_with_few_images(small, images):
    few = ql.Dataset(small.images[:images], small.labels[:images])
    for recipe in training.RECIPES:
        assert len(train_small(few, recipe=recipe).history) == 1


@pytest.mark.training
@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"avx512_bf16": True}, "bfloat16"),
        ({"amx_bf16": True}, "bfloat16"),
        ({"avx512_f": True, "avx512_bf16": False}, "float32"),
        ({}, "float32"),
    ],
)
def test_train_precision_follows_processor(small, monkeypatch, features, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)
    assert train_small(small).settings["precision"] == expected


@pytest.mark.training
def test_train_precision_without_capabilities(small, monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert train_small(small).settings["precision"] == "float32"


def interrupting(after):
    """Batches among which Ctrl-C is pressed: a real signal."""

    def batches(*arguments, **options):
        for number, batch in enumerate(ql.batches(*arguments, **options)):
            if number == after:
                signal.raise_signal(signal.SIGINT)
            yield batch

    return batches


@pytest.mark.training
def test_train_ctrl_c_returns_network(small, monkeypatch, capsys):
    monkeypatch.setattr(training, "batches", interrupting(after=7))
    result = train_small(small, epochs=3)
    assert result.interrupted and result.history == []
    assert not result.net.training
    expected = "interrupted after step 7 of 30: this is the network as far as it was trained"
    assert expected in capsys.readouterr().err
    monkeypatch.undo()
    seven = ql.Dataset(*(tensor[shuffled(1_000)[:700]] for tensor in small))
    fresh = ql.reset_model(device="cpu")
    assert not torch.equal(result.net.fc1.weight, fresh.fc1.weight)
    before, after = ql.evaluate(fresh, seven), ql.evaluate(result.net, seven)
    assert after.correct > before.correct
    assert not train_small(small, result.net).interrupted


def shuffled(count, seed=0):
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


@pytest.mark.training
def test_train_ctrl_c_keeps_history(small, monkeypatch):
    whole = train_small(small)
    presses = iter([interrupting(after=99), interrupting(after=3)])
    monkeypatch.setattr(training, "batches", lambda *a, **o: next(presses)(*a, **o))
    result = train_small(small, epochs=5)
    assert [epoch[:3] for epoch in result.history] == [epoch[:3] for epoch in whole.history]


@pytest.mark.training
def test_train_bar_shows_loss_and_accuracy(small, monkeypatch):
    from tqdm import tqdm

    screen = io.StringIO()
    monkeypatch.setattr(
        training,
        "progress_bar",
        lambda total, description, show: tqdm(
            total=total, desc=description, file=screen, mininterval=0, disable=not show
        ),
    )
    result = train_small(small, progress=True, epochs=2)
    last = screen.getvalue().rstrip().rsplit("\r", 1)[-1]
    assert f"loss={result.history[1].loss:.4f}" in screen.getvalue()
    assert f"accuracy={result.history[1].accuracy:.4f}" in screen.getvalue()
    assert "epoch=1" in screen.getvalue() and "20/20" in last
    assert "10/20 [00:" in screen.getvalue() and "<00:" in screen.getvalue()


class Oracle(nn.Module):
    """Answers every image with the number written in its first pixel."""

    def __init__(self):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(1))

    def forward(self, images):
        return F.one_hot((images[:, 0, 0, 0] * 255).round().long(), 10).float()


def test_evaluate_counts_and_restores_mode():
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
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, r"`epochs` must be an integer of at least 1, got 0"),
        ({"epochs": True}, TypeError, r"`epochs` .* got True"),
        ({"batch_size": 2.0}, TypeError, r"`batch_size` .* got 2.0 of type float; round it"),
        ({"learning_rate": 0}, ValueError, r"`learning_rate` must be a finite number above 0"),
        ({"l1_beta": -1e-3}, ValueError, r"`l1_beta` .* of at least 0, got -0.001"),
        ({"recipe": "slow"}, ValueError, r"`recipe` must be one of 'course', 'fast', got 'slow'"),
        ({"precision": "int8"}, ValueError, r"`precision` must be one of .*, got 'int8'"),
        ({"device": "abacus"}, ValueError, r"`device` must name a device .* got 'abacus'"),
    ],
)
def test_train_names_bad_settings(small, options, error, message):
    with pytest.raises(error, match=message):
        train_small(small, **options)


@pytest.mark.training
def test_train_one_epoch_reaches_90_percent(test_set):
    result = ql.train(
        epochs=1, data=ql.load_mnist("train", limit=6_000, device="cpu"), progress=False
    )
    first = ql.Dataset(test_set.images[:2_000], test_set.labels[:2_000])
    assert ql.evaluate(result.net, first).accuracy > 0.90


@pytest.mark.training
def test_evaluate_baseline_and_8_bits(baseline, test_set):
    exact = ql.evaluate(baseline, test_set)
    assert exact.total == 10_000 and exact.accuracy >= 0.982
    uniform = ql.quantize_model(baseline, weights=lambda w: ql.uniform_quantize(w, 8), biases=None)
    assert ql.evaluate(uniform.net, test_set).accuracy >= exact.accuracy - 0.003


cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")


@pytest.mark.training
@cuda
@pytest.mark.parametrize("recipe", training.RECIPES)
def test_train_on_gpu_is_repeatable(small, recipe):
    first, second = (train_small(small, device="cuda", recipe=recipe).net for _ in range(2))
    assert first.fc1.weight.is_cuda
    assert torch.equal(first.fc1.weight, second.fc1.weight)


@pytest.mark.training
@cuda
def test_train_on_gpu_reads_back_once_per_epoch(small):
    train_small(small, device="cuda")  # what is set up once may wait
    on_gpu = ql.Dataset(*(tensor.cuda() for tensor in small))
    waits = []
    real = torch.Tensor.tolist

    def counted(tensor):
        waits.append(tensor.shape)
        return real(tensor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "tolist", counted)
        train_small(on_gpu, device="cuda", epochs=2)
    assert waits == [(2,), (2,)]


@pytest.mark.process
@pytest.mark.training
def test_train_interrupted_in_notebook():
    """A real kernel, interrupted as the Interrupt button does it."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    output = []

    def run(code, while_running=lambda message: None):
        reply_to = client.execute(code)
        while True:
            message = client.get_iopub_msg(timeout=120)
            if message["parent_header"].get("msg_id") != reply_to:
                continue
            output.append(message)
            while_running(message)
            if message["content"].get("execution_state") == "idle":
                return

    def interrupt_when_it_trains(message):
        if "epoch=1" in str(message["content"]) and not pressed:
            pressed.append(True)
            manager.interrupt_kernel()

    pressed = []
    try:
        run("import quantlab_helpers as ql")
        run("result = ql.train(device='cpu')", interrupt_when_it_trains)
        run("print(result.interrupted, result.net.training, len(result.history))")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert [m for m in output if m["msg_type"] == "error"] == []
    text = "".join(
        m["content"]["text"] for m in output
        if m["msg_type"] == "stream" and m["content"]["name"] == "stdout"
    )  # fmt: skip
    assert "Training was interrupted after step" in text
    assert "True False 0" in text
