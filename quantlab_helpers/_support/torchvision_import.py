"""Import torchvision's data sets with any build of torch.

PyPI's torchvision for Linux is compiled for CUDA. With a CPU-only torch its compiled operators do
not load, and ``import torchvision`` fails on the missing schema of ``torchvision::nms``. The data
sets need no operators, so it is enough to declare the two schemas.
"""

from __future__ import annotations

import importlib
from types import ModuleType

import torch

_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_library: torch.library.Library | None = None  # its declarations disappear with the object


def datasets() -> ModuleType:
    """Return ``torchvision.datasets``, with missing operators declared if it fails to import."""
    global _library
    try:
        return importlib.import_module("torchvision.datasets")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name, schema in _SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    _library = library
    return importlib.import_module("torchvision.datasets")
