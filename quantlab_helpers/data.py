"""MNIST, offline: 60,000 training and 10,000 test images as tensors.

The four IDX files ship inside the package, compressed. They are unpacked once, checked against
their published MD5 sums, and read by ``torchvision.datasets.MNIST``. There is no download and no
loop over images: a batch is a slice of a tensor that is already on the device. Read
`model.py` next.
"""

from __future__ import annotations

import hashlib
import lzma
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ._support.files import cache_folder, write_atomically
from ._support.torchvision_import import datasets
from ._support.validation import check_choice, check_int, resolve_device

# MD5 of the uncompressed files: the ones published with the data set.
CHECKSUMS = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
SPLITS = ("train", "test")


class Dataset(NamedTuple):
    """Images float32 (n, 1, 28, 28) in 0..1, and their labels int64 (n,)."""

    images: Tensor
    labels: Tensor


def load_mnist(
    split: str, *, limit: int | None = None, device: str | torch.device | None = None
) -> Dataset:
    """Load one split of MNIST onto a device.

    Parameters
    ----------
    split : {"train", "test"}
        60,000 or 10,000 images.
    limit : int, optional
        Only the first `limit` images. By default all of them.
    device : str or torch.device, optional
        Device of the tensors; by default CUDA or MPS if available, else the CPU.

    Returns
    -------
    Dataset
        ``images`` float32 of shape (n, 1, 28, 28), grey values 0 (paper) to 1 (ink);
        ``labels`` int64 of shape (n,), the digits 0..9.

    Raises
    ------
    ValueError
        If `split` or `limit` is not as above, or a file in the folder that the environment
        variable ``QUANTLAB_DATA`` names is not MNIST's.

    Notes
    -----
    The first call unpacks the files into the user's cache folder (or into ``QUANTLAB_DATA``);
    a damaged file in the cache is replaced.

    Examples
    --------
    >>> images, labels = load_mnist("test", limit=3, device="cpu")
    >>> tuple(images.shape), labels.tolist()
    ((3, 1, 28, 28), [7, 2, 1])
    """
    check_choice("split", split, SPLITS)
    if limit is not None:
        check_int("limit", limit, low=1)
    target = resolve_device(device)
    root = data_folder()
    for name in CHECKSUMS:  # torchvision needs all four for either split
        _ensure_file(root / "MNIST" / "raw" / name)
    mnist = datasets().MNIST(str(root), train=split == "train")
    grey, labels = mnist.data[:limit], mnist.targets[:limit]
    images = grey.to(target).unsqueeze(1).to(torch.float32).div_(255)
    return Dataset(images, labels.to(target))


def batches(data: Dataset, batch_size: int, *, order: Tensor | None = None) -> Iterator[Dataset]:
    """Yield successive batches of `data`, the last one possibly smaller.

    Parameters
    ----------
    data : Dataset
        Images and labels on one device.
    batch_size : int
        Images in a batch, at least 1.
    order : Tensor of int64, shape (n,), optional
        A permutation that shuffles; without it batches are plain slices.

    Yields
    ------
    Dataset
        At most `batch_size` images and their labels.

    Examples
    --------
    >>> test = load_mnist("test", limit=5, device="cpu")
    >>> [len(labels) for _, labels in batches(test, 2)]
    [2, 2, 1]
    """
    check_int("batch_size", batch_size, low=1)
    for start in range(0, len(data.labels), batch_size):
        stop = start + batch_size
        if order is None:
            yield Dataset(data.images[start:stop], data.labels[start:stop])
        else:
            index = order[start:stop]
            yield Dataset(data.images[index], data.labels[index])


def holdout(data: Dataset, *, images: int = 10_000, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Split images at random into a training set and a validation set.

    Parameters
    ----------
    data : Dataset
        Usually the training images. MNIST's are not in random order: a slice of them can be
        easier, or harder, than the rest.
    images : int, default=10000
        Size of the validation set, from 1 to one less than all.
    seed : int, default=0
        Draws the split.

    Returns
    -------
    tuple of Dataset
        Training and validation images.

    Examples
    --------
    >>> training, validation = holdout(load_mnist("train", limit=50, device="cpu"), images=10)
    >>> len(training.labels), len(validation.labels)
    (40, 10)
    """
    total = len(data.labels)
    check_int("images", images, low=1, high=total - 1)
    order = torch.randperm(total, generator=torch.Generator().manual_seed(seed))
    order = order.to(data.labels.device)
    training, validation = order[images:], order[:images]
    return (
        Dataset(data.images[training], data.labels[training]),
        Dataset(data.images[validation], data.labels[validation]),
    )


def data_folder() -> Path:
    """Return the folder that holds ``MNIST/raw``: ``QUANTLAB_DATA``, else the cache folder.

    Examples
    --------
    >>> import os
    >>> os.environ["QUANTLAB_DATA"] = "elsewhere"
    >>> str(data_folder())
    'elsewhere'
    >>> del os.environ["QUANTLAB_DATA"]
    """
    chosen = os.environ.get("QUANTLAB_DATA")
    return Path(chosen) if chosen else cache_folder()


def _ensure_file(path: Path) -> None:
    """Write the published bytes to `path` unless it has them; safe with concurrent processes."""
    if path.is_file():
        if _md5(path.read_bytes()) == CHECKSUMS[path.name]:
            return
        if "QUANTLAB_DATA" in os.environ:
            raise ValueError(
                f"`QUANTLAB_DATA` must hold MNIST's own files, but {path} has another checksum; "
                "delete that file to have it unpacked again, or unset QUANTLAB_DATA."
            )
    packed = files("quantlab_helpers") / "assets" / "mnist" / f"{path.name}.xz"
    content = lzma.decompress(packed.read_bytes())
    if _md5(content) != CHECKSUMS[path.name]:
        raise ValueError(
            f"The package's own copy of {path.name} is damaged; reinstall quantlab-helpers."
        )
    try:
        write_atomically(path, content)
    except OSError as error:
        raise OSError(
            f"MNIST could not be unpacked into {path.parent}: {error.strerror}; "
            "set QUANTLAB_DATA to a folder you can write to, with 55 MB free."
        ) from None


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
