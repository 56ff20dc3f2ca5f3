"""Check the installation: one finding per library, device and file, with a fix if it failed."""

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

# Each with the extra that installs it; None: part of every installation.
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

# Metadata that the baseline's file must have.
_RECORDED = {
    "recipe",
    "epochs",
    "learning_rate",
    "l1_beta",
    "seed",
    "test_accuracy",
    "weights_sha256",
}


class InstallationFinding(NamedTuple):
    """One line of the report: status ("note": optional and missing), detail, and how to fix it."""

    status: Literal["ok", "note", "fail"]
    subject: str
    detail: str
    fix: str = ""


def examine() -> list[InstallationFinding]:
    """Check libraries, device, data, baseline and notebooks.

    Returns
    -------
    list of InstallationFinding
        In the order in which to read them.

    Examples
    --------
    >>> [finding.subject for finding in examine()][:2]
    ['python', 'quantlab-helpers']
    """
    version = platform.python_version()
    findings = [
        InstallationFinding(
            "ok", "python", f"{version} on {platform.system()} {platform.machine()}"
        ),
        InstallationFinding("ok", "quantlab-helpers", __version__),
    ]
    findings += [_library(name, extra) for name, extra in _LIBRARIES.items()]
    findings += [
        _device(),
        _finding_of("data", "reinstall quantlab-helpers, or unset QUANTLAB_DATA", _data),
        _finding_of("baseline", "reinstall quantlab-helpers", _baseline),
        _finding_of("notebooks", "reinstall quantlab-helpers", _notebooks),
    ]
    return findings


def _library(name: str, extra: str | None) -> InstallationFinding:
    """Return the installed version of a library, or how to install it."""
    try:
        return InstallationFinding("ok", name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        status: Literal["note", "fail"] = "note" if extra else "fail"
        detail = f"not installed, only needed for {extra}" if extra else "not installed"
        return InstallationFinding(status, name, detail, install_command(extra))


def _device() -> InstallationFinding:
    """Return the device that torch will use."""
    if torch.cuda.is_available():
        return InstallationFinding("ok", "device", f"cuda: {torch.cuda.get_device_name()}")
    if torch.backends.mps.is_available():
        return InstallationFinding("ok", "device", "mps: the GPU of this Mac")
    return InstallationFinding(
        "ok", "device", f"cpu: {torch.get_num_threads()} threads; the lab needs no GPU"
    )


def _finding_of(subject: str, fix: str, check: Callable[[], str]) -> InstallationFinding:
    """Run a check; its result, or the error it raises, becomes the finding's detail."""
    try:
        return InstallationFinding("ok", subject, check())
    except Exception as error:  # a report on a broken installation must not break itself
        return InstallationFinding("fail", subject, f"{type(error).__name__}: {error}", fix)


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
        raise ValueError(f"its metadata have no {missing[0]!r}")
    net = load_baseline(device="cpu")  # refuses weights with a wrong checksum
    accuracy = evaluate(net, load_mnist("test", device="cpu")).accuracy
    recorded = float(str(recipe["test_accuracy"]))
    if abs(accuracy - recorded) > 5e-4:  # another machine's rounding may turn a few of 10,000
        raise ValueError(f"test accuracy {accuracy:.2%}, but recorded {recorded:.2%}")
    return (
        f"test accuracy {accuracy:.2%} (recorded {recorded:.2%}); recipe {recipe['recipe']!r}, "
        f"{recipe['epochs']} epochs, learning rate {recipe['learning_rate']}, "
        f"L1 {recipe['l1_beta']}, seed {recipe['seed']}; "
        f"checksum {str(recipe['weights_sha256'])[:12]} verified"
    )


def _notebooks() -> str:
    folder = notebooks_folder()
    return f"{len(list(folder.glob('*.ipynb')))} in {folder}"
