"""Express a trained network with fewer numbers: the same function, without training.

BatchNorm of a trained network is a scale and a shift that the convolution before it can include;
two dense layers without a non-linearity between them are one. Read `pruning.py` next.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from ..model import Net


def fold_batchnorm(net: Net) -> Net:
    r"""Return a network in which every convolution includes the BatchNorm after it.

    A trained BatchNorm computes, channel by channel,

    .. math:: \gamma \frac{x - \mathrm{mean}}{\sqrt{\mathrm{var} + \epsilon}} + \beta

    which is a factor and a shift on the convolution's output, hence on its weights and its bias.

    Parameters
    ----------
    net : Net
        A trained network; it is not changed.

    Returns
    -------
    Net
        The same function in evaluation mode, up to float32's rounding. Its BatchNorm layers do
        nothing (weight and variance 1, bias and mean 0), are frozen, and `save_quantized` leaves
        them out of the file. Do not put it into training mode: BatchNorm would normalise with
        its batches again.

    Notes
    -----
    A BatchNorm of variance 1 still divides by :math:`\sqrt{1 + \epsilon}`; the folded weights
    carry that factor.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline, load_mnist
    >>> net, test = load_baseline("cpu"), load_mnist("test", limit=50, device="cpu")
    >>> with torch.inference_mode():
    ...     torch.allclose(fold_batchnorm(net)(test.images), net(test.images), atol=1e-3)
    True
    """
    clone = _net_copy(net)
    pairs = ((clone.conv1, clone.bn1), (clone.conv2, clone.bn2), (clone.conv3, clone.bn3))
    with torch.no_grad():
        for conv, norm in pairs:
            _fold(conv, norm)
    return clone


def merge_dense(net: Net) -> Net:
    """Return a network whose two dense layers are replaced by their product.

    Nothing non-linear is between ``fc1`` (1568 -> 300) and ``fc2`` (300 -> 10), so the
    network computes with ``fc2.weight @ fc1.weight``, 10 x 1568, and with nothing else of their
    473,400 numbers.

    Parameters
    ----------
    net : Net
        It is not changed.

    Returns
    -------
    Net
        The same function, up to float32's rounding, in a network of the same shape: the product
        is in the first ten rows of ``fc1.weight``, the other rows are zero, ``fc2.weight`` passes
        the ten sums on (ten ones, frozen), and the whole bias is in ``fc2.bias``.

    Notes
    -----
    A network with a ReLU between its dense layers does not allow this: here, 300 hidden units were
    never more than 10. Quote sizes with and without it. Without pruning it may not pay off: the
    product of two sparse matrices has more non-zeros than the two.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline
    >>> merged = merge_dense(load_baseline("cpu"))
    >>> torch.count_nonzero(merged.fc1.weight[10:]).item(), merged.fc2.weight.sum().item()
    (0, 10.0)
    """
    clone = _net_copy(net)
    first, second = clone.fc1, clone.fc2
    classes = second.out_features
    with torch.no_grad():
        product = second.weight.double() @ first.weight.double()
        bias = second.weight.double() @ first.bias.double() + second.bias.double()
        first.weight.zero_()[:classes] = product.to(first.weight.dtype)
        first.bias.zero_()
        second.weight.zero_()[:, :classes] = torch.eye(classes)
        second.bias.copy_(bias)
    for parameter in (first.bias, second.weight):
        parameter.requires_grad_(False)
    return clone


def _net_copy(net: Net) -> Net:
    """Return a copy in evaluation mode; TypeError unless the network is a Net."""
    if not isinstance(net, Net):
        raise TypeError(
            f"`net` must be this package's Net, got {type(net).__name__}; "
            "load one with load_net or make one with reset_model."
        )
    return copy.deepcopy(net).eval()


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Move the scale and shift of `norm` into `conv`, in float64."""
    assert norm.running_mean is not None and norm.running_var is not None and conv.bias is not None
    mean, variance = norm.running_mean.double(), norm.running_var.double()
    # Afterwards, norm still divides by sqrt(1 + eps): compensate for it.
    rest = (1 + norm.eps) ** 0.5
    scale = norm.weight.double() / torch.sqrt(variance + norm.eps)
    bias: Tensor = ((conv.bias.double() - mean) * scale + norm.bias.double()) * rest
    conv.weight.copy_(conv.weight.double() * (scale * rest).view(-1, 1, 1, 1))
    conv.bias.copy_(bias)
    norm.weight.fill_(1)
    norm.bias.zero_()
    norm.running_mean.zero_()
    norm.running_var.fill_(1)
    for parameter in (norm.weight, norm.bias):
        parameter.requires_grad_(False)
