import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch

import quantlab_helpers as ql
from quantlab_helpers import data as module
from quantlab_helpers.data import CHECKSUMS


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache folder of this test's own."""
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path)
    return tmp_path / "MNIST" / "raw"


def read_idx(path):
    """Read an IDX file by its specification, without torchvision."""
    content = path.read_bytes()
    dimensions = content[3]
    shape = np.frombuffer(content, ">i4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


@pytest.mark.parametrize(("split", "size"), [("train", 60_000), ("test", 10_000)])
def test_load_mnist_split_sizes_and_ranges(split, size):
    images, labels = ql.load_mnist(split, device="cpu")
    assert images.shape == (size, 1, 28, 28) and images.dtype == torch.float32
    assert labels.shape == (size,) and labels.dtype == torch.int64
    assert (images.min(), images.max()) == (0, 1)
    assert sorted(labels.unique().tolist()) == list(range(10))


@pytest.mark.training
def test_load_mnist_matches_idx_files(folder):
    images, labels = ql.load_mnist("test", limit=50, device="cpu")
    grey = read_idx(folder / "t10k-images-idx3-ubyte")[:50]
    assert np.array_equal(images[:, 0].numpy(), grey.astype(np.float32) / 255)
    assert np.array_equal(labels.numpy(), read_idx(folder / "t10k-labels-idx1-ubyte")[:50])


@pytest.mark.training
def test_load_mnist_unpacks_published_files(folder):
    ql.load_mnist("test", limit=1, device="cpu")
    sums = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert sums == CHECKSUMS


@pytest.mark.training
@pytest.mark.parametrize("damage", [b"", b"garbage"])
def test_load_mnist_repairs_damaged_cache(folder, damage):
    ql.load_mnist("test", limit=1, device="cpu")
    broken = folder / "t10k-labels-idx1-ubyte"
    broken.write_bytes(damage)
    assert ql.load_mnist("test", limit=1, device="cpu").labels.tolist() == [7]
    assert hashlib.md5(broken.read_bytes()).hexdigest() == CHECKSUMS[broken.name]


@pytest.mark.training
def test_load_mnist_keeps_files_in_quantlab_data(tmp_path, monkeypatch):
    monkeypatch.setenv("QUANTLAB_DATA", str(tmp_path))
    own_file = tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    own_file.parent.mkdir(parents=True)
    own_file.write_bytes(b"other labels")
    with pytest.raises(ValueError, match=r"QUANTLAB_DATA.*another checksum; delete that file"):
        ql.load_mnist("test", device="cpu")
    assert own_file.read_bytes() == b"other labels"


@pytest.mark.training
def test_load_mnist_fills_empty_quantlab_data(tmp_path, monkeypatch):
    monkeypatch.setenv("QUANTLAB_DATA", str(tmp_path / "own"))
    assert ql.load_mnist("train", limit=2, device="cpu").labels.tolist() == [5, 0]
    assert len(list((tmp_path / "own" / "MNIST" / "raw").iterdir())) == 4


@pytest.mark.training
def test_load_mnist_names_unwritable_folder(tmp_path, monkeypatch):
    (tmp_path / "MNIST").write_text("a file where a folder should be")
    monkeypatch.setenv("QUANTLAB_DATA", str(tmp_path))
    with pytest.raises(OSError, match=r"could not be unpacked into .*set QUANTLAB_DATA"):
        ql.load_mnist("test", device="cpu")


@pytest.mark.process
def test_load_mnist_in_concurrent_processes(tmp_path):
    code = (
        "from quantlab_helpers import load_mnist;"
        "print(load_mnist('test', device='cpu').labels.sum().item())"
    )
    start = [sys.executable, "-c", code]
    environment = {"XDG_CACHE_HOME": str(tmp_path), "PATH": "", "OMP_NUM_THREADS": "1"}
    runs = [
        subprocess.Popen(start, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [run.communicate()[0].strip() for run in runs] == ["44434"] * 3
    raw = tmp_path / "quantlab" / "MNIST" / "raw"
    assert sorted(path.name for path in raw.iterdir()) == sorted(CHECKSUMS)


def test_batches_cover_data_in_order(few):
    order = torch.randperm(300, generator=torch.Generator().manual_seed(1))
    labels = torch.cat([batch.labels for batch in ql.batches(few, 64, order=order)])
    assert torch.equal(labels, few.labels[order])
    assert [len(batch.labels) for batch in ql.batches(few, 128)] == [128, 128, 44]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ql.load_mnist("valid"), ValueError, r"`split` must be one of 'train', 'test'"),
        (lambda: ql.load_mnist("test", limit=0), ValueError, r"`limit` .* at least 1, got 0"),
        (lambda: ql.load_mnist("test", limit=2.5), TypeError, r"`limit` .* got 2.5 of type float"),
        (lambda: ql.load_mnist("test", device="gpu"), ValueError, r"`device` .*'gpu'; pass 'cpu'"),
    ],
)
def test_load_mnist_and_batches_name_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_holdout_splits_all_images_at_random(few):
    training, validation = ql.holdout(few, images=100, seed=4)
    assert len(training.labels) == 200 and len(validation.labels) == 100
    rows = torch.cat([training.images, validation.images]).flatten(1).double()
    key = torch.arange(784, dtype=torch.float64).sin()
    expected = (few.images.flatten(1).double() @ key).sort().values
    torch.testing.assert_close((rows @ key).sort().values, expected)
    again, other = (ql.holdout(few, images=100, seed=seed)[1] for seed in (4, 5))
    assert torch.equal(validation.images, again.images) and not torch.equal(
        validation.images, other.images
    )


def test_holdout_leaves_training_images(few):
    with pytest.raises(ValueError, match="`images` must be an integer from 1 to 299, got 300"):
        ql.holdout(few, images=300)
