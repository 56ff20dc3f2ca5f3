"""Six explorers for notebooks and lectures: move a slider and see how the weights change.

Each function returns one widget with controls, picture, sentence and numbers; its ``.static()`` is
the same without a kernel. If the environment variable ``QUANTLAB_STATIC`` is set, a notebook shows
that instead. Views, in modules of their own, compute and draw.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from ..model import Net
from .kmeans import KmeansView
from .outlier import OutlierView
from .readouts import tensor_names
from .retraining import RetrainingView
from .storage import StorageView
from .tradeoff import TradeoffView
from .uniform import UniformView
from .widget import ExplorerWidget


def explore_uniform(net: nn.Module) -> ExplorerWidget:
    """Show a layer before and after rounding to a uniform grid, and the network's accuracy.

    Parameters
    ----------
    net : torch.nn.Module
        A trained network for MNIST; left as it is.

    Returns
    -------
    ExplorerWidget
        Sliders for the bits of weights and of biases; menus for the tensor shown, for a grid from
        min to max or with a level at 0, and for one grid per tensor or per output channel. The
        accuracy is measured on 1,000 test images immediately, and on all 10,000 when the slider
        rests.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline
    >>> explorer = explore_uniform(load_baseline("cpu"))
    >>> explorer.controls["weight_bits"].value = 2
    >>> explorer.facts["unique values"]
    '4 of 4'
    >>> explorer.close()
    """
    return ExplorerWidget(UniformView(_check_network(net)))


def explore_kmeans(net: nn.Module) -> ExplorerWidget:
    """Show k centres beside k equal steps, and play Lloyd's algorithm one half-step at a time.

    Parameters
    ----------
    net : torch.nn.Module
        A trained network for MNIST; left as it is.

    Returns
    -------
    ExplorerWidget
        A slider for k, menus for the tensor and for the start of Lloyd's algorithm, and buttons
        that play it: assign, update, assign. While it plays, the sum of squared errors is traced
        below.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline
    >>> explorer = explore_kmeans(load_baseline("cpu"))
    >>> explorer.controls["start"].value = "linear"
    >>> explorer.controls["step"].value = 2
    >>> "Lloyd, update 1: SSE" in explorer.sentence
    True
    >>> explorer.close()
    """
    return ExplorerWidget(KmeansView(_check_network(net)))


def explore_tradeoff(net: nn.Module) -> ExplorerWidget:
    """Show test accuracy against bytes: uniform, k-means, and k-means entropy-coded.

    Parameters
    ----------
    net : torch.nn.Module
        A trained network for MNIST; left as it is. Its accuracies are measured at the first call,
        in some seconds, and then kept in the cache folder.

    Returns
    -------
    ExplorerWidget
        A slider for bits and one for k; rings on the curves follow them.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline
    >>> explore_tradeoff(load_baseline("cpu"))  # doctest: +SKIP
    """
    return ExplorerWidget(TradeoffView(_check_network(net)))


def explore_outlier() -> ExplorerWidget:
    """Show how one weight far from the others leaves them only a few levels.

    Returns
    -------
    ExplorerWidget
        A slider that moves the outlier, one for bits, and a menu of remedies: clipping the range,
        or a grid for each channel.

    Examples
    --------
    >>> explorer = explore_outlier()
    >>> explorer.controls["size"].value = 40
    >>> explorer.facts["levels used by the others"]
    '3 of 16'
    >>> explorer.close()
    """
    return ExplorerWidget(OutlierView())


def explore_storage(net: nn.Module) -> ExplorerWidget:
    """Show where the bytes of the quantized file go, in each of the three codings.

    Parameters
    ----------
    net : Net
        A trained network of the course; left as it is.

    Returns
    -------
    ExplorerWidget
        A slider for bits, menus for the kind of levels and for the coding. The files are written
        to a temporary folder and counted.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline
    >>> explorer = explore_storage(load_baseline("cpu"))
    >>> explorer.facts["float32"]
    '1,925,368 bytes'
    >>> explorer.close()
    """
    if not isinstance(net, Net):
        raise TypeError(
            f"`net` must be a Net, got {type(net).__name__}; only its file format is defined: "
            "pass load_baseline() or what train returned."
        )
    return ExplorerWidget(StorageView(net))


def explore_retraining() -> ExplorerWidget:
    """Show what retraining does to a quantized network, epoch by epoch.

    Nothing is trained: the package holds the recorded run. It began at the baseline with 4 centres
    per weight tensor.

    Returns
    -------
    ExplorerWidget
        A slider for the epoch, and a menu: free retraining, or codes held and centres moved.

    Examples
    --------
    >>> explorer = explore_retraining()
    >>> explorer.facts["unique values in conv2"]
    '4'
    >>> explorer.close()
    """
    return ExplorerWidget(RetrainingView())


def _check_network(net: Any) -> nn.Module:
    """Return `net`; refuse an object that cannot be quantized."""
    if not isinstance(net, nn.Module) or not tensor_names(net):
        raise TypeError(
            f"`net` must be a network with a Conv2d, BatchNorm2d or Linear layer, got "
            f"{type(net).__name__}; pass load_baseline() or what train returned."
        )
    return net
