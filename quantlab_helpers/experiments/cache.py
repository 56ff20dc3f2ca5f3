"""Measurements kept in the user's cache folder, by the content they depend on."""

from __future__ import annotations

import hashlib
import inspect
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .._support.files import cache_folder, write_atomically
from ..data import Dataset

Measurement = tuple[float, int]  # accuracy, bytes
# A change in any of these files and folders makes every earlier measurement stale.
CODE_PARTS = ("experiments", "metrics.py", "network.py", "quantizers", "training.py")
_PACKAGE = Path(str(files("quantlab_helpers")))


def fingerprint(net: nn.Module, data: Dataset) -> str:
    """Return a hash of the weights, the images and the code that turns them into numbers."""
    digest = hashlib.sha256(repr(net).encode())
    for kind in sorted({type(module) for module in net.modules()}, key=lambda kind: str(kind)):
        digest.update(_source(kind).encode())
    tensors = [*net.state_dict().values(), data.images, data.labels]
    for tensor in tensors:
        array = tensor.detach().cpu().contiguous().numpy()
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array)
    digest.update(code_digest(*CODE_PARTS))
    return digest.hexdigest()


def code_digest(*parts: str) -> bytes:
    """Return a hash of the source of modules and folders, given by their paths in this package."""
    digest = hashlib.sha256()
    for part in parts:
        path = _PACKAGE / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(f"{file.relative_to(_PACKAGE).as_posix()}\0".encode())
            digest.update(file.read_bytes())
    return digest.digest()


def _source(kind: type[nn.Module]) -> str:
    """Return the source of a network's class, since two classes can have the same weights."""
    if kind.__module__.startswith("torch."):
        return f"{kind} {torch.__version__}"
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):  # typed at a prompt: use its bytecode
        code = kind.forward.__code__
        return f"{code.co_code.hex()} {code.co_names} {code.co_varnames}"


def entry(content: str, name: str, point: tuple[Any, ...]) -> Path:
    """Return the path of the file for one measurement."""
    key = hashlib.sha256(json.dumps([content, name, point]).encode()).hexdigest()
    return cache_folder() / "experiments" / f"{key[:32]}.json"


def recall(path: Path) -> Measurement | None:
    """Return the measurement in a file, None if the file is missing or damaged."""
    try:
        accuracy, size = json.loads(path.read_bytes())
        return float(accuracy), int(size)
    except (OSError, ValueError, TypeError):
        return None


def remember(path: Path, result: Measurement) -> None:
    """Write a measurement; ignore a cache that cannot be written, which only costs time."""
    try:
        write_atomically(path, json.dumps(result).encode())
    except OSError:
        return
