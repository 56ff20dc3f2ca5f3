import pickle

import pytest
import safetensors.torch
import torch
from torch import nn

import quantlab_helpers as ql


def test_net_has_course_lab_tensors():
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


def test_net_matches_layers_in_sequence():
    net = ql.reset_model(seed=4, device="cpu").eval()
    sequence = nn.Sequential(
        *(net.conv1, net.bn1, nn.ReLU()),
        *(net.conv2, net.bn2, nn.ReLU(), nn.MaxPool2d(2)),
        *(net.conv3, net.bn3, nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), net.fc1, net.fc2),
    )
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(net(images), sequence(images))


def test_reset_model_seed_decides_weights():
    before = torch.random.get_rng_state()
    first, same, other = (ql.reset_model(seed=seed, device="cpu") for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first.fc1.weight, same.fc1.weight)
    assert not torch.equal(first.fc1.weight, other.fc1.weight)
    assert first.training


def test_reset_model_names_negative_seed():
    with pytest.raises(ValueError, match=r"`seed` must be an integer from 0 to .*, got -1"):
        ql.reset_model(seed=-1)


def test_save_net_load_net_round_trip(tmp_path):
    net = ql.reset_model(seed=9, device="cpu")
    net.bn1.running_mean.fill_(0.25)
    ql.save_net(net, tmp_path / "a.safetensors", metadata={"epochs": 0, "note": "fresh"})
    loaded = ql.load_net(tmp_path / "a.safetensors", device="cpu")
    state = loaded.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert not loaded.training
    note = ql.net_metadata(tmp_path / "a.safetensors")
    assert note.pop("weights_sha256") and note == {"epochs": 0, "note": "fresh"}


def test_save_net_replaces_existing_file(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"older")
    ql.save_net(ql.reset_model(), path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]
    assert ql.load_net(path, device="cpu").fc1.weight.shape == (300, 1568)


def test_save_net_failure_keeps_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"older")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        ql.save_net(ql.reset_model(), path)
    assert path.read_bytes() == b"older"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a network",
        pickle.dumps({"fc1.weight": 1}),
        safetensors.torch.save({"fc1.weight": torch.zeros(2)}),
    ],
    ids=["empty", "text", "pickle", "other tensors"],
)
def test_load_net_refuses_foreign_file(tmp_path, content):
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"foreign.safetensors' does not hold .* save_net"):
        ql.load_net(path)


def test_load_net_refuses_changed_weight(tmp_path):
    path = tmp_path / "damaged.safetensors"
    ql.save_net(ql.reset_model(device="cpu"), path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged.safetensors' is damaged: .* get the file again"):
        ql.load_net(path)


def test_load_net_without_checksum(tmp_path):
    state = ql.reset_model(seed=2, device="cpu").state_dict()
    contiguous = {name: value.contiguous() for name, value in state.items()}
    safetensors.torch.save_file(contiguous, tmp_path / "plain.safetensors")
    net = ql.load_net(tmp_path / "plain.safetensors", device="cpu")
    assert torch.equal(net.fc1.weight, state["fc1.weight"])
    assert ql.net_metadata(tmp_path / "plain.safetensors") == {}


def test_load_net_names_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*gone.safetensors'; check the name"):
        ql.load_net(tmp_path / "gone.safetensors")


def test_baseline_metadata_has_recipe():
    recipe = ql.baseline_metadata()
    assert recipe["recipe"] == "course" and len(recipe["weights_sha256"]) == 64
    assert recipe["epochs"] == 5 and recipe["batch_size"] == 100 and recipe["seed"] == 0
    assert recipe["learning_rate"] == recipe["l1_beta"] == 1e-3
    assert recipe["test_accuracy"] >= 0.982


def test_load_baseline_weights_near_zero(baseline):
    weights = torch.cat([p.detach().flatten() for p in baseline.parameters()])
    assert 0.97 < (weights.abs() < 1e-3).float().mean() < 0.995
