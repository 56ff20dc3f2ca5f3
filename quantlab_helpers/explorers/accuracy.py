"""Test accuracy and file size of quantized networks: from 1,000 images at once, from all if asked.

MNIST's test images are not in random order: the first half is harder than the second. The 1,000
are therefore every tenth one. What was measured is kept, in memory and in the user's cache folder.
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
from ..experiments import cache as _cache
from ..metrics import float32_bytes
from ..network import QuantizedModel
from ..storage.file import save_quantized
from ..training import evaluate

EVERY = 10  # of the test images
_CHUNK = 50  # images between two looks at whether the answer is still wanted
_CODERS = ("explorers/accuracy.py", "storage")  # what else a measured file depends on

Make = Callable[[], QuantizedModel]


class Score(NamedTuple):
    """Accuracy in 0..1, the number of images, and what the network takes.

    ``total_bytes`` are payload and overhead; ``file_bytes`` the entropy-coded file, 0 where the
    network is no `Net`, which a file cannot hold; ``float32_bytes`` what it took before.
    """

    accuracy: float
    images: int
    total_bytes: int
    file_bytes: int
    float32_bytes: int

    @property
    def words(self) -> str:
        """The accuracy and on which images."""
        if self.images == len(_images("cpu").labels):
            return f"{self.accuracy:.2%} of all {self.images:,} test images"
        return f"{self.accuracy:.1%} of {self.images:,} test images (every tenth)"

    @property
    def size_words(self) -> str:
        """What the network takes."""
        ratio = self.float32_bytes / self.total_bytes
        coded = f"; entropy-coded file {self.file_bytes:,}" if self.file_bytes else ""
        return f"{self.total_bytes:,}, {ratio:.1f} times smaller{coded}"


class Scores:
    """Scores of one network at many settings, each measured once."""

    def __init__(self, net: nn.Module) -> None:
        self._device = str(next(net.parameters()).device)
        self._net = net
        self._before = float32_bytes(net)
        self._known: dict[tuple[Hashable, bool], Score] = {}

    @cached_property
    def _content(self) -> str:
        digest = hashlib.sha256(_cache.fingerprint(self._net, _images("cpu")).encode())
        digest.update(_cache.code_digest(*_CODERS))
        return digest.hexdigest()

    def recall(self, key: tuple[Hashable, ...], *, every: bool = False) -> Score | None:
        """Return the score of a setting if it was measured before; `every` means on all images."""
        if (key, every) not in self._known:
            packed = _cache.recall(self._entry(key, every, "packed"))
            coded = _cache.recall(self._entry(key, every, "coded"))
            if packed is None or coded is None:
                return None
            count = self._count(every)
            self._known[key, every] = Score(packed[0], count, packed[1], coded[1], self._before)
        return self._known[key, every]

    def best_known(self, key: tuple[Hashable, ...]) -> Score | None:
        """Return the score on all images, else on 1,000, else None."""
        return self.recall(key, every=True) or self.recall(key)

    def measure(
        self,
        key: tuple[Hashable, ...],
        make: Make,
        *,
        every: bool = False,
        unwanted: Callable[[], bool] = lambda: False,
    ) -> Score | None:
        """Return the score of a setting; None if it became unwanted on the way."""
        known = self.recall(key, every=every)
        if known is not None or unwanted():
            return known
        model, images = make(), _images(self._device)
        if not every:
            images = _few(self._device)
        correct = 0
        for start in range(0, len(images.labels), _CHUNK):
            if unwanted():
                return None
            part = slice(start, start + _CHUNK)
            correct += evaluate(
                model.net, Dataset(images.images[part], images.labels[part])
            ).correct
        total = len(images.labels)
        sizes = (model.total_bytes, _file_bytes(model), self._before)
        score = Score(correct / total, total, *sizes)
        self._known[key, every] = score
        for kind, size in (("packed", score.total_bytes), ("coded", score.file_bytes)):
            _cache.remember(self._entry(key, every, kind), (score.accuracy, size))
        return score

    def _entry(self, key: tuple[Hashable, ...], every: bool, kind: str) -> Path:
        return _cache.entry(self._content, f"explorers {kind}", (*key, every))

    def _count(self, every: bool) -> int:
        return len(_images("cpu").labels) // (1 if every else EVERY)


@lru_cache(maxsize=2)
def _images(device: str) -> Dataset:
    return load_mnist("test", device=device)


@lru_cache(maxsize=2)
def _few(device: str) -> Dataset:
    images, labels = _images(device)
    return Dataset(images[::EVERY].clone(memory_format=torch.contiguous_format), labels[::EVERY])


def _file_bytes(model: QuantizedModel) -> int:
    with tempfile.TemporaryDirectory() as folder:
        try:
            return save_quantized(model, Path(folder) / "net.safetensors")
        except ValueError:  # not the course's network: it has no file format
            return 0
