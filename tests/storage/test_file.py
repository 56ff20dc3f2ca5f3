import hashlib
import json
import os
import pickle
import re
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import quantlab_helpers as ql
from quantlab_helpers.storage.file import CODINGS

GOLDEN = Path(__file__).parent / "files" / "quantized_format_1.safetensors"
RULES = {
    "k-means": lambda w: ql.kmeans_quantize(w, 8),
    "one centre": lambda w: ql.kmeans_quantize(w, 1),
    "uniform": lambda w: ql.uniform_quantize(w, 8),
    "uniform, 16 bits": lambda w: ql.uniform_quantize(w, 16),
    "integer zero point": lambda w: ql.uniform_quantize(w, 5, zero_point="int"),
    "per channel": lambda w: ql.uniform_quantize(w, 3, granularity="per_channel"),
    "per channel, integer zero point, clipped": lambda w: ql.uniform_quantize(
        w, 4, granularity="per_channel", zero_point="int", clip=99
    ),
    "clipped": lambda w: ql.uniform_quantize(w, 6, clip=99.9),
    "float64 weights": lambda w: ql.uniform_quantize(w.double() * (1 + 1e-12), 4),
}


def quantized(net, rule, biases=None):
    return ql.quantize_model(net, weights=rule, biases=biases)


def assert_same_bits(saved, loaded):
    assert list(saved.tensors) == list(loaded.tensors)
    for name, before in saved.tensors.items():
        after = loaded.tensors[name]
        if isinstance(before, torch.Tensor):
            assert torch.equal(before, after), name
            continue
        assert after.codes.dtype == before.codes.dtype
        assert np.array_equal(after.codes, before.codes), name
        assert after.codebook.tobytes() == before.codebook.tobytes(), name
        assert (after.bits, after.axis) == (before.bits, before.axis)
        assert (after.scale is None) == (before.scale is None)
        if before.scale is not None:
            assert type(after.scale) is type(before.scale)
            assert np.array_equal(after.scale, before.scale)
            assert np.array_equal(after.zero_point, before.zero_point)
    for name, value in saved.net.state_dict().items():
        if value.is_floating_point():
            assert torch.equal(value, loaded.net.state_dict()[name]), name


@pytest.fixture(scope="module")
def small(baseline, tmp_path_factory):
    """A file of which every byte can be tried: about 1,250 of them."""
    rule = RULES["one centre"]
    path = tmp_path_factory.mktemp("small") / "small.safetensors"
    ql.save_quantized(quantized(baseline, rule, rule), path)
    return path


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """A folder that all examples of a hypothesis test share."""
    return tmp_path_factory.mktemp("scratch")


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("rule", RULES)
def test_save_load_quantized_round_trip(baseline, tmp_path, rule, coding):
    model = quantized(baseline, RULES[rule], RULES[rule] if coding == "packed" else None)
    path = tmp_path / "net.safetensors"
    size = ql.save_quantized(model, path, coding=coding)
    assert_same_bits(model, ql.load_quantized(path, device="cpu"))
    assert ql.ledger(path).file_bytes == size == os.path.getsize(path)


@given(
    k=st.integers(1, 300),
    scale=st.sampled_from([1e-30, 1e-3, 1.0, 1e30]),
    seed=st.integers(0, 2**32),
    coding=st.sampled_from(CODINGS),
    axis=st.sampled_from([None, 0, 1]),
)
@settings(max_examples=25, deadline=None)
def test_save_load_quantized_any_codebook(scratch, k, scale, seed, coding, axis):
    """Drawn at random, with fewer levels than the bits allow, one table per row or column too."""
    rng = np.random.default_rng(seed)
    bits = max(1, (k - 1).bit_length())
    rows = () if axis is None else ((10, 300)[axis],)
    codebook = np.sort(rng.normal(size=(*rows, k)).astype(np.float32) * np.float32(scale))
    codes = rng.integers(0, k, (10, 300)).astype(np.uint8 if bits <= 8 else np.uint16)
    drawn = ql.QuantizedTensor(codes, codebook, bits, axis=axis)
    net = ql.reset_model(device="cpu")
    model = quantized(net, {"fc2": lambda w: drawn})
    path = scratch / "net.safetensors"
    size = ql.save_quantized(model, path, coding=coding)
    assert_same_bits(model, ql.load_quantized(path, device="cpu"))
    assert ql.ledger(path).file_bytes == size


def test_load_quantized_classifies_as_saved(baseline, tmp_path, few):
    model = quantized(baseline, RULES["k-means"], RULES["k-means"])
    ql.save_quantized(model, tmp_path / "a")
    loaded = ql.load_quantized(tmp_path / "a", device="cpu")
    assert not loaded.net.training
    with torch.inference_mode():
        assert torch.equal(loaded.net(few.images), model.net.eval()(few.images))


def test_save_load_quantized_keep_random_state(baseline, tmp_path):
    model = quantized(baseline, RULES["one centre"])
    before = torch.random.get_rng_state()
    ql.save_quantized(model, tmp_path / "a")
    ql.load_quantized(tmp_path / "a")
    ql.ledger(tmp_path / "a")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_load_quantized_original_is_dequantized(baseline, tmp_path):
    ql.save_quantized(quantized(baseline, RULES["one centre"]), tmp_path / "a")
    loaded = ql.load_quantized(tmp_path / "a", device="cpu")
    assert {row.sqnr_db for row in loaded.report} == {float("inf")}
    assert {row.unique_before - row.unique_after for row in loaded.report} == {0}


def test_save_quantized_codings_get_smaller(baseline, tmp_path):
    model = quantized(baseline, RULES["k-means"], RULES["k-means"])
    sizes = [ql.save_quantized(model, tmp_path / "a", coding=coding) for coding in CODINGS]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 10 * sizes[2]


def test_save_quantized_is_deterministic(baseline, tmp_path):
    model = quantized(baseline, RULES["k-means"])
    contents = set()
    for name in "abc":
        ql.save_quantized(model, tmp_path / name)
        contents.add((tmp_path / name).read_bytes())
    assert len(contents) == 1


def test_save_quantized_failure_keeps_old_file(baseline, tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"older")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        ql.save_quantized(quantized(baseline, RULES["one centre"]), path)
    assert path.read_bytes() == b"older" and len(list(tmp_path.iterdir())) == 1


def test_load_quantized_golden_file():
    """Every scheme and coding is in it; `python -m tests.storage.test_file` wrote it."""
    header = GOLDEN.read_bytes()[8:1500].decode(errors="ignore")
    schemes = [":z:", ":u:", ":u@0:", ":t16:", ":k2h:", ":f:r", ":fh:r"]
    codings = [":k8:p", r":z:h\d", r":k2h:e\d", r":k8:s\d"]
    assert all(re.search(piece, header) for piece in schemes + codings)
    net = ql.load_quantized(GOLDEN, device="cpu").net
    digest = hashlib.sha256()
    for name, value in net.state_dict().items():
        if value.is_floating_point():
            digest.update(name.encode() + value.contiguous().numpy().tobytes())
    assert digest.hexdigest() == GOLDEN.with_suffix(".sha256").read_text().strip()


# Damage. Every wrong file gives one sentence that names it, and no network.


def refused(path, content, message="is damaged|is not a file of save_quantized|newer"):
    path.write_bytes(content)
    for read in (ql.load_quantized, ql.ledger):
        with pytest.raises(ValueError, match=message) as caught:
            read(path)
        assert path.name in str(caught.value) and "\n" not in str(caught.value)


def test_load_quantized_refuses_any_changed_byte(small, tmp_path):
    content = small.read_bytes()
    tracemalloc.start()
    for place in range(len(content)):
        for flip in (0x01, 0x20, 0xFF):
            damaged = bytearray(content)
            damaged[place] ^= flip
            (tmp_path / "flipped").write_bytes(damaged)
            with pytest.raises(ValueError, match=r"'.*flipped' (is|has|holds) "):
                ql.load_quantized(tmp_path / "flipped")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def test_load_quantized_refuses_truncated_file(small, tmp_path):
    content = small.read_bytes()
    for length in range(len(content)):
        (tmp_path / "cut").write_bytes(content[:length])
        with pytest.raises(ValueError, match="cut' is not a file of save_quantized, or it is cut"):
            ql.load_quantized(tmp_path / "cut")
    refused(tmp_path / "longer", content + b"\0", "is not a file of save_quantized")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a network",
        pickle.dumps({"fc1.weight": 1}),
        safetensors.numpy.save({"data": np.zeros(2, np.uint8)}),
        safetensors.numpy.save({"data": np.zeros(2)}, {"quantlab": "hello"}),
        (2**60).to_bytes(8, "little") + b"{}",
        b"\x02" + bytes(7) + b"[]",
    ],
    ids=["empty", "text", "pickle", "no metadata", "other text", "endless header", "list"],
)
def test_load_quantized_refuses_foreign_file(tmp_path, content):
    refused(tmp_path / "foreign.bin", content, r"foreign.bin' is not a file of save_quantized")


def test_load_quantized_names_float32_file(tmp_path):
    ql.save_net(ql.reset_model(), tmp_path / "a")
    with pytest.raises(ValueError, match=r"holds float32 weights .* read it with load_net"):
        ql.load_quantized(tmp_path / "a")


def test_load_quantized_names_missing_file(tmp_path):
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(FileNotFoundError, match="There is no file"):
            ql.load_quantized(path)


def test_load_quantized_refuses_huge_file(tmp_path):
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(2**36)  # 64 GiB that take no room on the disk
    with pytest.raises(ValueError, match="huge' is not a file of save_quantized"):
        ql.load_quantized(tmp_path / "huge")


def crafted(path, change, data=lambda data: data):
    """Rewrite a file with a right checksum: what only malice or another program writes."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    line = json.loads(content[8:end])["__metadata__"]["quantlab"]
    version, coding, _, rows = line.split(";")
    version, rows = change(version, rows)
    payload = data(content[end:])
    checksum = f"{zlib.crc32(payload, zlib.crc32(f'{coding};{rows}'.encode())):08x}"
    array = np.frombuffer(payload, np.uint8)
    return safetensors.numpy.save(
        {"data": array}, {"quantlab": f"{version};{coding};{checksum};{rows}"}
    )


def test_load_quantized_names_newer_format(small, tmp_path):
    content = crafted(small, lambda version, rows: ("2", rows))
    refused(tmp_path / "new", content, "has format version 2, .* install a newer quantlab-helpers")


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.replace("fc2.bias", "fc3.bias"),
        lambda rows: rows.replace("fc2.bias:10:", "fc2.bias:20:"),
        lambda rows: rows.replace("fc2.bias:10:", "fc2.bias:9999999x9999999:"),
        lambda rows: rows.replace("fc1.weight:300x1568", "fc1.weight:1568x300"),
        lambda rows: " ".join(rows.split(" ")[1:]),
        lambda rows: rows + " " + rows.split(" ")[0],
        lambda rows: rows.replace(":k1", ":k65536", 1),
        lambda rows: rows.replace(":k1", ":k99999", 1),
        lambda rows: rows.replace(":1:k1", ":17:k1", 1),
        lambda rows: rows.replace(":k1:", ":k1@0:", 1),
        lambda rows: rows.replace(":k1:", ":k1@7:", 1),
        lambda rows: rows.replace(":k1:", ":u:", 1),
        lambda rows: rows.replace(":e2", ":r", 1),
        lambda rows: rows.replace(":e2", ":p", 1),
        lambda rows: rows.replace(":e2", ":h2", 1),
        lambda rows: rows.replace(":e2", ":e99999999", 1),
        lambda rows: rows.replace(" ", "\n"),
        lambda rows: "",
    ],
)
def test_load_quantized_refuses_impossible_header(small, tmp_path, change):
    lie = crafted(small, lambda version, rows: (version, change(rows)))
    assert lie != small.read_bytes()
    tracemalloc.start()
    refused(tmp_path / "lie", lie, "lie' is damaged")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_load_quantized_of_arbitrary_payload(scratch, data):
    """The checksum is right, the content arbitrary: never a crash, only codes that have levels."""
    place = data.draw(st.integers(0, 3000))
    change = data.draw(st.binary(min_size=1, max_size=8))

    def spoil(payload):
        spoilt = bytearray(payload)
        spoilt[place : place + len(change)] = change[: len(spoilt) - place]
        return bytes(spoilt)

    path = scratch / "spoilt"
    path.write_bytes(crafted(GOLDEN, lambda version, rows: (version, rows), spoil))
    try:
        model = ql.load_quantized(path, device="cpu")
    except ValueError as error:
        assert "spoilt' is damaged" in str(error)
    else:
        tensor = model.tensors["fc1.weight"]
        assert tensor.codes.max() < tensor.codebook.shape[-1]


# Wrong arguments.


def test_save_quantized_names_wrong_model(baseline, tmp_path):
    with pytest.raises(TypeError, match=r"`model` must be a QuantizedModel, got Net; .*\(save_net"):
        ql.save_quantized(baseline, tmp_path / "a")
    other = torch.nn.Sequential(torch.nn.Linear(3, 2))
    with pytest.raises(ValueError, match="`model` must be made from this package's Net"):
        ql.save_quantized(quantized(other, RULES["k-means"]), tmp_path / "a")
    model = quantized(baseline, RULES["one centre"])
    with pytest.raises(ValueError, match=r"`coding` must be one of .*, got 'zip'"):
        ql.save_quantized(model, tmp_path / "a", coding="zip")


def test_save_quantized_refuses_code_without_level(tmp_path):
    lost = ql.QuantizedTensor(np.full((10, 300), 5, np.uint8), np.zeros(4, np.float32), 3)
    model = quantized(ql.reset_model(), None)
    model.tensors["fc2.weight"] = lost
    with pytest.raises(ValueError, match="a finite level for every code, got code 5 and 4 levels"):
        ql.save_quantized(model, tmp_path / "a")
    huge = ql.QuantizedTensor(
        np.zeros((10, 300), np.uint8), np.zeros((300, 2**14), np.float32), 14, axis=1
    )
    model.tensors["fc2.weight"] = huge
    with pytest.raises(ValueError, match="at most 4,194,304 levels in a tensor, got 4,915,200"):
        ql.save_quantized(model, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def write_golden():
    """Write a small network with every scheme and coding, and what it dequantizes to."""
    net = ql.load_baseline(device="cpu")
    rng = np.random.default_rng(0)
    table = ql.uniform_quantize(np.linspace(-1, 1, 10), 4)
    shifted = ql.QuantizedTensor(
        table.codes, table.codebook + np.float32(1e-3), 4, table.scale, table.zero_point
    )
    net.bn1.running_var.fill_(0.5)
    net.bn3.running_mean.zero_()
    model = ql.quantize_model(
        net,
        weights={
            "conv1": RULES["integer zero point"],
            "conv2": RULES["per channel"],
            "conv3": lambda w: ql.kmeans_quantize(rng.random(w.shape) < 0.1, 2),
            "bn2": lambda w: ql.uniform_quantize(w, 4),
            "bn3": lambda w: ql.kmeans_quantize(w > 0.1, 2),
            "fc1": RULES["k-means"],
            "fc2": RULES["k-means"],
        },
        biases={
            "fc1": lambda b: ql.kmeans_quantize(b, 16),
            "conv1": RULES["k-means"],
            "fc2": lambda b: shifted,
        },
    )
    GOLDEN.parent.mkdir(exist_ok=True)
    ql.save_quantized(model, GOLDEN)
    digest = hashlib.sha256()
    for name, value in model.net.state_dict().items():
        if value.is_floating_point():
            digest.update(name.encode() + value.contiguous().numpy().tobytes())
    GOLDEN.with_suffix(".sha256").write_text(digest.hexdigest() + "\n")


if __name__ == "__main__":
    write_golden()
