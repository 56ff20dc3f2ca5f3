import pickle

import pytest
import safetensors.torch
import torch

import quantlab_helpers as ql


def test_a_saved_network_comes_back_bit_for_bit(tmp_path):
    net = ql.reset_model(seed=9, device="cpu")
    net.bn1.running_mean.fill_(0.25)
    ql.save_net(net, tmp_path / "a.safetensors", metadata={"epochs": 0, "note": "fresh"})
    loaded = ql.load_net(tmp_path / "a.safetensors", device="cpu")
    state = loaded.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert not loaded.training
    note = ql.net_metadata(tmp_path / "a.safetensors")
    assert note.pop("weights_sha256") and note == {"epochs": 0, "note": "fresh"}


def test_saving_replaces_a_file_and_leaves_nothing_else_behind(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"older")
    ql.save_net(ql.reset_model(), path)
    assert [found.name for found in tmp_path.iterdir()] == ["a.safetensors"]
    assert ql.load_net(path, device="cpu").fc1.weight.shape == (300, 1568)


def test_a_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
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
def test_a_foreign_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"foreign.safetensors' does not hold .* save_net"):
        ql.load_net(path)


def test_a_file_in_which_a_weight_has_changed_is_refused(tmp_path):
    path = tmp_path / "damaged.safetensors"
    ql.save_net(ql.reset_model(device="cpu"), path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged.safetensors' is damaged: .* get the file again"):
        ql.load_net(path)


def test_a_file_without_a_checksum_is_read_all_the_same(tmp_path):
    state = ql.reset_model(seed=2, device="cpu").state_dict()
    contiguous = {name: value.contiguous() for name, value in state.items()}
    safetensors.torch.save_file(contiguous, tmp_path / "plain.safetensors")
    net = ql.load_net(tmp_path / "plain.safetensors", device="cpu")
    assert torch.equal(net.fc1.weight, state["fc1.weight"])
    assert ql.net_metadata(tmp_path / "plain.safetensors") == {}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*gone.safetensors'; check the name"):
        ql.load_net(tmp_path / "gone.safetensors")


def test_the_baseline_knows_its_recipe():
    recipe = ql.baseline_metadata()
    assert recipe["recipe"] == "course" and len(recipe["weights_sha256"]) == 64
    assert recipe["epochs"] == 5 and recipe["batch_size"] == 100 and recipe["seed"] == 0
    assert recipe["learning_rate"] == recipe["l1_beta"] == 1e-3
    assert recipe["test_accuracy"] >= 0.982


def test_the_penalty_left_nearly_all_weights_of_the_baseline_close_to_zero(baseline):
    weights = torch.cat([p.detach().flatten() for p in baseline.parameters()])
    assert 0.97 < (weights.abs() < 1e-3).float().mean() < 0.995
