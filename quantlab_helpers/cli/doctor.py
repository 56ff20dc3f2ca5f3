"""Is this installation complete? One finding per line, each with the way to mend it."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable
from typing import Literal, NamedTuple

import torch

from .. import __version__
from ..course.workspace import install_command, notebooks_folder
from ..data import CHECKSUMS, data_folder, load_mnist
from ..model import baseline_metadata, load_baseline
from ..training import evaluate

# Each with the extra that brings it; none means a plain installation has it.
_LIBRARIES = {
    "torch": None,
    "torchvision": None,
    "numpy": None,
    "matplotlib": None,
    "jupyterlab": "notebooks",
    "ipywidgets": "notebooks",
    "scikit-learn": "notebooks",
    "nbgrader": "grading",
}


# What the baseline's file must say about the training it comes from.
_RECORDED = {
    "recipe",
    "epochs",
    "learning_rate",
    "l1_beta",
    "seed",
    "test_accuracy",
    "weights_sha256",
}


class Finding(NamedTuple):
    """One line of the report: "ok", "note" (optional and absent) or "fail", and what to do."""

    status: Literal["ok", "note", "fail"]
    subject: str
    detail: str
    mend: str = ""


def examine() -> list[Finding]:
    """Check libraries, device, data, baseline and notebooks.

    Returns
    -------
    list of Finding
        In the order they are best read.

    Examples
    --------
    >>> [finding.subject for finding in examine()][:2]
    ['python', 'quantlab-helpers']
    """
    version = platform.python_version()
    findings = [
        Finding("ok", "python", f"{version} on {platform.system()} {platform.machine()}"),
        Finding("ok", "quantlab-helpers", __version__),
    ]
    findings += [_library(name, extra) for name, extra in _LIBRARIES.items()]
    findings += [
        _device(),
        _guarded("data", "reinstall quantlab-helpers, or unset QUANTLAB_DATA", _data),
        _guarded("baseline", "reinstall quantlab-helpers", _baseline),
        _guarded("notebooks", "reinstall quantlab-helpers", _notebooks),
    ]
    return findings


def _library(name: str, extra: str | None) -> Finding:
    """Say which version is installed."""
    try:
        return Finding("ok", name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        status: Literal["note", "fail"] = "note" if extra else "fail"
        detail = f"not installed, only needed for {extra}" if extra else "not installed"
        return Finding(status, name, detail, install_command(extra))


def _device() -> Finding:
    """Say what torch will compute on."""
    if torch.cuda.is_available():
        return Finding("ok", "device", f"cuda: {torch.cuda.get_device_name()}")
    if torch.backends.mps.is_available():
        return Finding("ok", "device", "mps: the GPU of this Mac")
    return Finding("ok", "device", f"cpu: {torch.get_num_threads()} threads; the lab needs no GPU")


def _guarded(subject: str, mend: str, check: Callable[[], str]) -> Finding:
    """Turn the outcome of a check into a finding; whatever it raises is the detail."""
    try:
        return Finding("ok", subject, check())
    except Exception as error:  # a report on a broken installation must not break itself
        return Finding("fail", subject, f"{type(error).__name__}: {error}", mend)


def _data() -> str:
    sizes = [len(load_mnist(split, device="cpu").labels) for split in ("train", "test")]
    return (
        f"MNIST, {sizes[0]:,} + {sizes[1]:,} images in {data_folder()}, "
        f"{len(CHECKSUMS)} checksums verified"
    )


def _baseline() -> str:
    recipe = baseline_metadata()
    missing = sorted(_RECORDED - set(recipe))
    if missing:
        raise ValueError(f"its file does not say {missing[0]!r}")
    net = load_baseline(device="cpu")  # refuses weights with another checksum
    accuracy = evaluate(net, load_mnist("test", device="cpu")).accuracy
    recorded = float(str(recipe["test_accuracy"]))
    if abs(accuracy - recorded) > 5e-4:  # another machine's rounding may turn a few of 10,000
        raise ValueError(f"tests at {accuracy:.2%}, its file says {recorded:.2%}")
    return (
        f"test accuracy {accuracy:.2%} (recorded {recorded:.2%}); recipe {recipe['recipe']!r}, "
        f"{recipe['epochs']} epochs, learning rate {recipe['learning_rate']}, "
        f"L1 {recipe['l1_beta']}, seed {recipe['seed']}; "
        f"checksum {str(recipe['weights_sha256'])[:12]} verified"
    )


def _notebooks() -> str:
    folder = notebooks_folder()
    return f"{len(list(folder.glob('*.ipynb')))} in {folder}"
