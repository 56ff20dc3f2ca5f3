"""The course lab's network, its weights on disk, and the trained baseline of the package.

Three convolutions, two dense layers, 481,214 parameters: far more than MNIST needs, 470,400 of them
in one matrix, which makes the network a good subject for quantization. Read `training.py` next.
"""

from __future__ import annotations

import hashlib
import json
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ._support.files import write_atomically
from ._support.validation import check_int, resolve_device


class Net(nn.Module):
    """A small convolutional network for images of 28 x 28 pixels and ten classes.

    Three times convolution, batch normalisation and ReLU, with max-pooling after the second and
    third; then two dense layers, ``fc1`` 1568 -> 300 and ``fc2`` 300 -> 10. As in the course lab
    there is no non-linearity between the dense layers.

    Examples
    --------
    >>> sum(parameter.numel() for parameter in Net().parameters())
    481214
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=5, padding=2)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 16, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(16)
        self.conv3 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.bn3 = nn.BatchNorm2d(32)
        self.fc1 = nn.Linear(7 * 7 * 32, 300)
        self.fc2 = nn.Linear(300, 10)
        # Same numbers, other strides: torch's CPU convolutions are faster on this layout.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        """Return the ten logits, shape (n, 10), of images of shape (n, 1, 28, 28) in 0..1."""
        x = F.relu(self.bn1(self.conv1(images)))
        # ReLU and max-pool commute: pooling first leaves ReLU a quarter of the numbers.
        x = F.relu(F.max_pool2d(self.bn2(self.conv2(x)), 2))
        x = F.relu(F.max_pool2d(self.bn3(self.conv3(x)), 2))
        logits: Tensor = self.fc2(self.fc1(x.flatten(1)))
        return logits


def reset_model(*, seed: int = 0, device: str | torch.device | None = None) -> Net:
    """Return a fresh, untrained network.

    Parameters
    ----------
    seed : int, default=0
        Draws the initial weights; the same seed gives the same weights. The global random
        state of torch does not change.
    device : str or torch.device, optional
        Device of the network; by default CUDA or MPS if available, else the CPU.

    Returns
    -------
    Net
        In training mode, initialised as torch does by default.

    Examples
    --------
    >>> torch.equal(reset_model(seed=1).fc2.bias, reset_model(seed=1).fc2.bias)
    True
    """
    check_int("seed", seed, low=0, high=2**63 - 1)
    target = resolve_device(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Net()
    return net.to(target)


def save_net(net: Net, path: str | Path, *, metadata: dict[str, object] | None = None) -> None:
    """Write the weights of a network to a safetensors file, atomically.

    Parameters
    ----------
    net : Net
        The network; parameters and BatchNorm's running statistics are stored as float32.
    path : str or Path
        The file to write. An existing file is replaced.
    metadata : dict, optional
        Anything JSON can hold: where the weights come from. `net_metadata` reads it back.

    Examples
    --------
    >>> import tempfile
    >>> from quantlab_helpers import reset_model
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_net(reset_model(), Path(folder) / "net.safetensors", metadata={"epochs": 0})
    ...     net_metadata(Path(folder) / "net.safetensors")["epochs"]
    0
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    stored = {**(metadata or {}), "weights_sha256": _sha256(tensors)}
    file = safetensors.torch.save(tensors, {"quantlab": json.dumps(stored, sort_keys=True)})
    write_atomically(Path(path), file)


def load_net(path: str | Path, *, device: str | torch.device | None = None) -> Net:
    """Read a network that `save_net` wrote.

    Parameters
    ----------
    path : str or Path
        A safetensors file with exactly the tensors of `Net`.
    device : str or torch.device, optional
        By default CUDA or MPS if available, else the CPU.

    Returns
    -------
    Net
        In evaluation mode.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a safetensors file, its tensors are not those of `Net`, or they have
        another checksum than the one in the file.

    Examples
    --------
    >>> import tempfile
    >>> from quantlab_helpers import reset_model
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_net(reset_model(seed=3), Path(folder) / "net.safetensors")
    ...     net = load_net(Path(folder) / "net.safetensors", device="cpu")
    >>> torch.equal(net.fc1.weight, reset_model(seed=3, device="cpu").fc1.weight)
    True
    """
    net = Net()
    _read_net_file(path, net)
    return net.to(resolve_device(device)).eval()


def net_metadata(path: str | Path) -> dict[str, object]:
    """Return the metadata that `save_net` stored with the weights in a file.

    Parameters
    ----------
    path : str or Path
        A file written by `save_net`.

    Returns
    -------
    dict
        The metadata, and as ``weights_sha256`` the checksum of the weights; empty for a file
        that another program wrote.

    Examples
    --------
    >>> baseline_metadata()["epochs"]
    5
    """
    return _read_net_file(path, None)


def load_baseline(device: str | torch.device | None = None) -> Net:
    """Load the trained network that ships with the package.

    `train` produced it with the course lab's settings, which `baseline_metadata` returns;
    ``make baseline`` trains it again.

    Parameters
    ----------
    device : str or torch.device, optional
        By default CUDA or MPS if available, else the CPU.

    Returns
    -------
    Net
        In evaluation mode.

    Examples
    --------
    >>> load_baseline(device="cpu").training
    False
    """
    with as_file(_baseline()) as path:
        return load_net(path, device=device)


def baseline_metadata() -> dict[str, object]:
    """Return the recipe, seed and measured accuracy of the network `load_baseline` loads.

    Returns
    -------
    dict
        The ``settings`` of its `TrainingResult`, and ``test_accuracy`` in 0..1.

    Examples
    --------
    >>> baseline_metadata()["l1_beta"]
    0.001
    """
    with as_file(_baseline()) as path:
        return net_metadata(path)


def _baseline() -> Traversable:
    return files("quantlab_helpers") / "assets" / "baseline.safetensors"


def _sha256(tensors: dict[str, torch.Tensor]) -> str:
    """Return the SHA-256 of names and numbers, independent of their order in a file."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def _read_net_file(path: str | Path, net: Net | None) -> dict[str, object]:
    """Return the metadata of a file, after loading its tensors into `net` unless it is None."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}; check the name and the folder.")
    tensors: dict[str, torch.Tensor] = {}
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get("quantlab", "{}")
            if net is not None:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                net.load_state_dict(tensors)
    except (safetensors.SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0].rstrip(":. ")
        raise ValueError(
            f"{str(path)!r} does not hold the weights of this package's Net ({reason}); "
            "pass a file written by save_net."
        ) from None
    metadata: dict[str, object] = json.loads(text)
    recorded = metadata.get("weights_sha256")
    if tensors and recorded is not None and recorded != _sha256(tensors):
        raise ValueError(
            f"{str(path)!r} is damaged: its weights do not match its checksum; "
            "get the file again, or train the network again."
        )
    return metadata
