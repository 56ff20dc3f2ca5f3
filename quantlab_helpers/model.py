"""The course lab's network: three convolutions, two dense layers, 481,214 parameters.

It is far larger than MNIST needs, and 470,400 of its parameters sit in one matrix. Both facts
are what makes it a good patient for quantization. Read `training.py` next.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

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
        state of torch is left as it was.
    device : str or torch.device, optional
        Where the network lives; by default CUDA or MPS where there is one, else the CPU.

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
