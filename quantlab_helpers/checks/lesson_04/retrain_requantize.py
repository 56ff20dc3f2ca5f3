"""Exercise retrain-requantize of lesson 04: the loop that retrains and quantizes again.

The loop runs on a stand-in network of six weights that records what was done to it, so that a check
takes milliseconds and can name the missing step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..compare import Difference, is_identical
from ..exercise import Case, FunctionExercise, Mistake
from ..stand_in import StandIn


def _as_stand_in(net: Any, function: str) -> StandIn:
    if not isinstance(net, StandIn):
        raise TypeError(f"{function}(net) needs a network and got {type(net).__name__}")
    return net


@dataclass(frozen=True, repr=False)
class _TrainOnce:
    """Moves every weight off the grid: a stand-in for an epoch of training."""

    pull: float

    def __call__(self, net: Any) -> StandIn:
        given = _as_stand_in(net, "train_once")
        return given.changed(given.weight.detach() * 0.8 + self.pull, "t")

    def __repr__(self) -> str:
        return "train_once"


@dataclass(frozen=True, repr=False)
class _Quantize:
    """Rounds every weight to a multiple of `step`."""

    step: float

    def __call__(self, net: Any) -> StandIn:
        given = _as_stand_in(net, "quantize")
        return given.changed((given.weight.detach() / self.step).round() * self.step, "q")

    def __repr__(self) -> str:
        return "quantize"


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for rounds in (1, 3, 2, 0):
        pull, step = rng.uniform(0.05, 0.2), rng.choice([0.25, 0.5])
        yield StandIn(rng.normal(size=6)), _TrainOnce(pull), _Quantize(step), rounds


def _loop(net: Any, train_once: Any, quantize: Any, rounds: int) -> Any:
    result = quantize(net)
    for _ in range(rounds):
        result = quantize(train_once(result))
    return result


def _compare(expected: StandIn, got: Any, case: Case) -> Difference:
    if isinstance(got, list | tuple) and got and isinstance(got[-1], StandIn):
        return f"you return a {type(got).__name__} of {len(got)} networks, not the last network"
    if not isinstance(got, StandIn):
        return (
            f"you return a {type(got).__name__}, not a network returned by train_once or quantize"
        )
    # Quantizing a quantized network changes nothing, so qq counts as q.
    history, required = (re.sub("q+", "q", net.history) for net in (got, expected))
    if got.fresh and not expected.fresh:
        return f"you return a fresh network that was {_describe(history)}"
    if history != required:
        return (
            f"the network you return was {_describe(history)}; it should be {_describe(required)}"
        )
    if not is_identical(got, expected):
        values, expected_values = (
            np.array2string(net.weight.detach().numpy(), precision=3) for net in (got, expected)
        )
        return (
            f"the network you return was {_describe(history)}, which is right, but its weights are "
            f"{values}; expected {expected_values}"
        )
    return None


def _describe(history: str) -> str:
    words = {"q": "quantized", "t": "trained"}
    return ", ".join(words[step] for step in history) or "neither quantized nor trained"


def _no_last(net: Any, train_once: Any, quantize: Any, rounds: int) -> Any:
    for _ in range(rounds):
        net = train_once(quantize(net))
    return net


def _train_first(net: Any, train_once: Any, quantize: Any, rounds: int) -> Any:
    for _ in range(rounds):
        net = quantize(train_once(net))
    return net


def _quantized_once_at_the_end(net: Any, train_once: Any, quantize: Any, rounds: int) -> Any:
    for _ in range(rounds):
        net = train_once(net)
    return quantize(net)


def _float_in_between(net: Any, train_once: Any, quantize: Any, rounds: int) -> Any:
    net = quantize(net)
    for _ in range(rounds):
        net = train_once(net)
    return net


def _requantized_once(net: Any, train_once: Any, quantize: Any, rounds: int) -> Any:
    return quantize(_float_in_between(net, train_once, quantize, rounds))


def _only_quantized(net: Any, train_once: Any, quantize: Any, rounds: int) -> Any:
    return quantize(net)


def _one_round(net: Any, train_once: Any, quantize: Any, rounds: int) -> Any:
    return _loop(net, train_once, quantize, min(rounds, 1))


def _wrong_net(net: Any, train_once: Any, quantize: Any, rounds: int) -> Any:
    return quantize(train_once(net)) if rounds else quantize(net)


def _fresh(net: Any, train_once: Any, quantize: Any, rounds: int) -> Any:
    return _loop(StandIn(), train_once, quantize, rounds)


EXERCISE = FunctionExercise(
    name="retrain-requantize",
    signature="retrain_and_requantize(net, train_once, quantize, rounds)",
    solution=_loop,
    cases=_cases,
    compare=_compare,
    why="the first network is quantized, and each round trains the quantized network of the round "
    "before and quantizes again",
    fix="quantize once before the loop; in the loop train what you have, then quantize it, and "
    "keep the result for the next round",
    mistakes=[
        Mistake(
            _no_last,
            "after the last training nothing is quantized again, so nearly all weights are "
            "different float32 numbers and no bytes are saved",
            "quantize after every training, also the last one",
        ),
        Mistake(
            _float_in_between,
            "after training nothing is quantized again: training moves every weight off its "
            "centre, so the network you return is a float32 network",
            "quantize after every training, inside the loop",
        ),
        Mistake(
            _requantized_once,
            "you quantize again only after the last round, so the rounds in between train a "
            "float32 network: that is one long retraining, not several rounds",
            "put the second quantization inside the loop",
        ),
        Mistake(
            _train_first,
            "you train before the first quantization: the first training gets the float network, "
            "which has lost nothing yet",
            "quantize net once before the loop",
        ),
        Mistake(
            _quantized_once_at_the_end,
            "you quantize only at the end: no training ever starts from quantized weights",
            "quantize before the loop, and again after every training in it",
        ),
        Mistake(
            lambda net, train_once, quantize, rounds: net,
            "train_once and quantize do not change their network but return a new one; you return "
            "the network you were given",
            "keep what they return: write `name = quantize(...)`",
        ),
        Mistake(
            _only_quantized,
            "no training has reached the network you return: train_once returns a new network and "
            "does not change its argument",
            "keep what train_once returns, and quantize that",
        ),
        Mistake(
            _wrong_net,
            "train_once gets the network you were given, not the quantized one: each round starts "
            "from float weights again",
            "train the result of the last quantization",
        ),
        Mistake(
            _one_round,
            "only one round reaches the result: either a `return` inside the loop ends it early, "
            "or each round starts again from quantize(net)",
            "use one variable for the current network, and return it after the loop",
        ),
        Mistake(
            lambda net, train, quantize, rounds: _loop(net, train, quantize, rounds + 1),
            "there is one round too many",
            "for _ in range(rounds) runs exactly `rounds` times",
        ),
        Mistake(
            lambda net, train, quantize, rounds: _loop(net, train, quantize, max(rounds - 1, 0)),
            "there is one round too few",
            "for _ in range(rounds) runs exactly `rounds` times",
        ),
        Mistake(
            _fresh,
            "a fresh network has none of the trained weights: retraining continues with them; the "
            "course lab calls this reset=False",
            "start from the network you are given",
        ),
    ],
)
