"""Test accuracy and file size of quantized networks, measured on 1,000 or on all test images.

MNIST's test images are not in random order: the first half is harder than the second. The 1,000
are therefore every tenth one. Measurements are kept in memory and in the user's cache folder.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Hashable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from ..data import Dataset, load_mnist
from ..experiments import cache
from ..metrics import float32_bytes
from ..network import QuantizedModel
from ..storage.file import save_quantized
from ..training import evaluate

_SAMPLE_STEP = 10  # the small sample has every tenth test image
_BATCH = 50  # images between two checks for cancellation
_CODE_PARTS = ("explorers/accuracy.py", "storage")  # what else a measured file depends on

ModelFactory = Callable[[], QuantizedModel]


class Measurement(NamedTuple):
    """Accuracy in 0..1 of a quantized network, the number of images, and its sizes in bytes.

    ``total_bytes`` are payload and overhead; ``file_bytes`` the entropy-coded file, 0 for a
    network that is not a `Net`, which has no file format; ``float32_bytes`` the size before.
    """

    accuracy: float
    images: int
    total_bytes: int
    file_bytes: int
    float32_bytes: int

    @property
    def accuracy_text(self) -> str:
        """The accuracy, and on which images."""
        if self.images == len(_test_images("cpu").labels):
            return f"{self.accuracy:.2%} of all {self.images:,} test images"
        return f"{self.accuracy:.1%} of {self.images:,} test images (every tenth)"

    @property
    def size_text(self) -> str:
        """The bytes of the network, the ratio to float32, and the bytes of its file."""
        ratio = self.float32_bytes / self.total_bytes
        coded = f"; entropy-coded file {self.file_bytes:,}" if self.file_bytes else ""
        return f"{self.total_bytes:,}, {ratio:.1f} times smaller{coded}"


class AccuracyCache:
    """Measurements of one network at many settings, each made once."""

    def __init__(self, net: nn.Module) -> None:
        self._device = str(next(net.parameters()).device)
        self._net = net
        self._float32_bytes = float32_bytes(net)
        self._measurements: dict[tuple[Hashable, bool], Measurement] = {}

    def get(self, key: tuple[Hashable, ...], *, all_images: bool = False) -> Measurement | None:
        """Return the measurement of a setting, from memory or disk; None if there is none."""
        if (key, all_images) not in self._measurements:
            packed = cache.recall(self._path(key, all_images, "packed"))
            coded = cache.recall(self._path(key, all_images, "coded"))
            if packed is None or coded is None:
                return None
            images = len(_test_images("cpu").labels) // (1 if all_images else _SAMPLE_STEP)
            sizes = (packed[1], coded[1], self._float32_bytes)
            self._measurements[key, all_images] = Measurement(packed[0], images, *sizes)
        return self._measurements[key, all_images]

    def best_measurement(self, key: tuple[Hashable, ...]) -> Measurement | None:
        """Return the measurement on all images, else the one on 1,000, else None."""
        return self.get(key, all_images=True) or self.get(key)

    def measure(
        self,
        key: tuple[Hashable, ...],
        make_model: ModelFactory,
        *,
        all_images: bool = False,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Measurement | None:
        """Return the measurement of a setting, made if necessary; None if it was cancelled."""
        earlier = self.get(key, all_images=all_images)
        if earlier is not None or is_cancelled():
            return earlier
        model = make_model()
        images, labels = (_test_images if all_images else _sample)(self._device)
        correct = 0
        for start in range(0, len(labels), _BATCH):
            if is_cancelled():
                return None
            part = slice(start, start + _BATCH)
            correct += evaluate(model.net, Dataset(images[part], labels[part])).correct
        sizes = (model.total_bytes, _file_bytes(model), self._float32_bytes)
        measurement = Measurement(correct / len(labels), len(labels), *sizes)
        self._measurements[key, all_images] = measurement
        for kind, size in (("packed", measurement.total_bytes), ("coded", measurement.file_bytes)):
            cache.remember(self._path(key, all_images, kind), (measurement.accuracy, size))
        return measurement

    @cached_property
    def _content(self) -> str:
        """Hash everything that the measurements depend on, apart from the settings."""
        digest = hashlib.sha256(cache.fingerprint(self._net, _test_images("cpu")).encode())
        digest.update(cache.code_digest(*_CODE_PARTS))
        return digest.hexdigest()

    def _path(self, key: tuple[Hashable, ...], all_images: bool, kind: str) -> Path:
        return cache.entry(self._content, f"explorers {kind}", (*key, all_images))


@lru_cache(maxsize=2)
def _test_images(device: str) -> Dataset:
    return load_mnist("test", device=device)


@lru_cache(maxsize=2)
def _sample(device: str) -> Dataset:
    """Return every tenth test image."""
    images, labels = _test_images(device)
    sample = images[::_SAMPLE_STEP].clone(memory_format=torch.contiguous_format)
    return Dataset(sample, labels[::_SAMPLE_STEP])


def _file_bytes(model: QuantizedModel) -> int:
    """Return the size of the entropy-coded file; 0 for a network without a file format."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return save_quantized(model, Path(folder) / "net.safetensors")
        except ValueError:
            return 0
