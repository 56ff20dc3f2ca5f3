import json
import os

import pytest
import torch

import quantlab_helpers as ql


def to_one_centre(weights):
    return ql.kmeans_quantize(weights, 1)


def to_8_centres(weights):
    return ql.kmeans_quantize(weights, 8)


@pytest.fixture(scope="module")
def small(baseline, tmp_path_factory):
    model = ql.quantize_model(baseline, weights=to_one_centre, biases=to_one_centre)
    path = tmp_path_factory.mktemp("small") / "small.safetensors"
    ql.save_quantized(model, path)
    return path


def test_ledger_fc1_close_to_bound(tmp_path, rng):
    """With weights as spread as without L1; the baseline's are worth under 1,000 bytes."""
    net = ql.reset_model(device="cpu")
    with torch.no_grad():
        net.fc1.weight.copy_(torch.from_numpy(rng.laplace(size=(300, 1568))))
    ql.save_quantized(ql.quantize_model(net, weights=to_8_centres, biases=None), tmp_path / "a")
    row = next(row for row in ql.ledger(tmp_path / "a").rows if row.name == "fc1.weight")
    assert row.bound_bytes <= row.total_bytes <= 1.02 * row.bound_bytes


def test_ledger_half_precision_only_if_exact(tmp_path):
    net = ql.reset_model(device="cpu")
    with torch.no_grad():
        net.fc2.bias.copy_(torch.arange(10) / 8)
        net.conv1.bias.fill_(0.1)
        net.conv3.bias.fill_(1e6)  # above float16
    ql.save_quantized(ql.quantize_model(net, weights=to_one_centre, biases=None), tmp_path / "a")
    rows = {row.name: row.payload_bytes for row in ql.ledger(tmp_path / "a").rows}
    sizes = [rows[name] for name in ("fc2.bias", "conv1.bias", "conv3.bias")]
    assert sizes == [20, 64, 128]
    loaded = ql.load_quantized(tmp_path / "a", device="cpu")
    assert torch.equal(loaded.net.conv3.bias, net.conv3.bias)


def test_ledger_of_folded_batchnorm(tmp_path):
    net = ql.reset_model(device="cpu")
    path = tmp_path / "a"

    def save():
        rules = {"fc1": to_one_centre}
        return ql.save_quantized(ql.quantize_model(net, weights=rules, biases=None), path)

    whole = save()
    counted = ql.ledger(path)
    assert sum(row.total_bytes for row in counted.rows if row.part == "batchnorm") == 0
    assert "folded away" in str(counted)
    net.bn2.running_mean[3] = 0.5
    with_mean = save()
    assert with_mean - whole in range(32, 81)  # 16 float16 and a record of at most 48
    assert ql.load_quantized(path, device="cpu").net.bn2.running_mean[3] == 0.5


def test_ledger_rows_add_up_to_file(small):
    counted = ql.ledger(small)
    assert [row.name for row in counted.rows] == [
        name for name in ql.reset_model().state_dict() if "batches" not in name
    ]
    assert counted.float32_bytes == ql.float32_bytes(ql.reset_model())
    assert counted.ratio == counted.float32_bytes / os.path.getsize(small)
    content = small.read_bytes()
    length = int.from_bytes(content[:8], "little")
    assert counted.header_bytes + counted.padding_bytes == 8 + length
    assert f"{counted.file_bytes:,}" in str(counted)
    assert json.loads(content[8 : 8 + length])["__metadata__"]["quantlab"].startswith("1;entropy;")
