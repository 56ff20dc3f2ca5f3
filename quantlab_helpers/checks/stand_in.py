"""A stand-in for a network: six weights, so that training and quantizing take microseconds."""

from __future__ import annotations

import copy
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn


class StandIn(nn.Module):
    """Six weights and the history of what was done to them: q for quantized, t for trained.

    While a notebook is graded, the history stays with the judge; the copy that an answer gets has
    only the weights, and a ``number`` by which the judge finds the history.
    """

    def __init__(self, weights: NDArray[Any] | None = None) -> None:
        super().__init__()
        self.fresh = weights is None
        values = torch.zeros(6) if weights is None else torch.from_numpy(weights)
        self.weight = nn.Parameter(values)
        self.history = ""
        self.number = 0

    def reset_parameters(self) -> None:
        """Set the weights to new values, as torch's layers do."""
        self.__init__()  # type: ignore[misc]

    def changed(self, weight: torch.Tensor, step: str) -> StandIn:
        """Return a new network with these weights and a history longer by `step`."""
        new = copy.deepcopy(self)
        with torch.no_grad():
            new.weight.copy_(weight)
        new.history = self.history + step
        return new
