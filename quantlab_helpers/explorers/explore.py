"""Move a slider and see the weights snap: six explorers for notebooks and lectures.

Each returns one widget that holds its controls, picture, sentence and numbers; ``.static()`` of it
is the same without a kernel. Where the environment variable ``QUANTLAB_STATIC`` is set, a notebook
shows that instead. Nothing is computed or drawn here: see the modules behind it.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from ..model import Net
from .kmeans import KmeansScene
from .outlier import OutlierScene
from .readouts import tensor_names
from .retraining import RetrainingScene
from .storage import StorageScene
from .tradeoff import TradeoffScene
from .uniform import UniformScene
from .widget import Live


def explore_uniform(net: nn.Module) -> Live:
    """Show a layer before and after a uniform grid, and what it costs the network.

    Parameters
    ----------
    net : torch.nn.Module
        A trained network for MNIST; left as it is.

    Returns
    -------
    Live
        Sliders for the bits of weights and of biases; menus for the tensor shown, for a grid from
        min to max or with a level at 0, and for one grid per tensor or per output channel. The
        accuracy is that of 1,000 test images at once, and of all when the slider has rested.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline
    >>> explorer = explore_uniform(load_baseline("cpu"))
    >>> explorer.controls["weight_bits"].value = 2
    >>> explorer.facts["unique values"]
    '4 of 4'
    >>> explorer.close()
    """
    return Live(UniformScene(_checked(net)))


def explore_kmeans(net: nn.Module) -> Live:
    """Show k centres beside k equal steps, and play Lloyd's algorithm one half-step at a time.

    Parameters
    ----------
    net : torch.nn.Module
        A trained network for MNIST; left as it is.

    Returns
    -------
    Live
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
    return Live(KmeansScene(_checked(net)))


def explore_tradeoff(net: nn.Module) -> Live:
    """Show test accuracy against bytes: uniform, k-means, and k-means entropy-coded.

    Parameters
    ----------
    net : torch.nn.Module
        A trained network for MNIST; left as it is. What its accuracies are is measured at the
        first call, in some seconds, and then kept in the cache folder.

    Returns
    -------
    Live
        A slider for bits and one for k; rings on the curves follow them.

    Examples
    --------
    >>> from quantlab_helpers import load_baseline
    >>> explore_tradeoff(load_baseline("cpu"))  # doctest: +SKIP
    """
    return Live(TradeoffScene(_checked(net)))


def explore_outlier() -> Live:
    """Show how one weight far from the others takes the levels away from all of them.

    Returns
    -------
    Live
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
    return Live(OutlierScene())


def explore_storage(net: nn.Module) -> Live:
    """Show where the bytes of the quantized file are, in each of the three codings.

    Parameters
    ----------
    net : Net
        A trained network of the course; left as it is.

    Returns
    -------
    Live
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
    return Live(StorageScene(net))


def explore_retraining() -> Live:
    """Show what retraining does to a quantized network, epoch by epoch.

    Nothing is trained: the run travels in the package. It began at the baseline with 4 centres per
    weight tensor.

    Returns
    -------
    Live
        A slider for the epoch, and a menu: free retraining, or codes held and centres moved.

    Examples
    --------
    >>> explorer = explore_retraining()
    >>> explorer.facts["unique values in conv2"]
    '4'
    >>> explorer.close()
    """
    return Live(RetrainingScene())


def _checked(net: Any) -> nn.Module:
    """Refuse what cannot be quantized before a widget is made of it."""
    if not isinstance(net, nn.Module) or not tensor_names(net):
        raise TypeError(
            f"`net` must be a network with a Conv2d, BatchNorm2d or Linear layer, got "
            f"{type(net).__name__}; pass load_baseline() or what train returned."
        )
    return net
