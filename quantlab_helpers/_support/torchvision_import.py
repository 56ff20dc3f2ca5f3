"""Import torchvision's data sets beside any build of torch.

PyPI's torchvision for Linux is compiled for CUDA. Beside a CPU-only torch its compiled operators
do not load and ``import torchvision`` fails on the missing schema of ``torchvision::nms``. The
data sets need no operator at all, so declaring the two schemas is enough.
"""

from __future__ import annotations

import importlib
from types import ModuleType

import torch

_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_library: torch.library.Library | None = None  # the declarations live as long as this object


def datasets() -> ModuleType:
    """Return ``torchvision.datasets``; a plain import where torchvision's operators load."""
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
