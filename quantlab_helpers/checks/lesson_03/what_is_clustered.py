"""Exercise what-is-clustered of lesson 03: is a statement true, and why."""

from __future__ import annotations

from typing import Any

from ..exercise import ValueExercise

_REASONS = {
    "a": "no image is clustered: before and after quantization, the network gets the pixels with "
    "all their grey values",
    "c": "the outputs of the layers are not clustered; they change only because the weights have "
    "changed",
    "d": "the centres are single numbers, not filters: each weight of a tensor gets its own",
}


def _is_well_formed(statement: Any, reason: Any) -> bool:
    return str(statement).lower() in ("true", "false") and _letter(reason) in (*_REASONS, "b")


def _letter(reason: Any) -> str:
    return str(reason).strip().lower()


def _judge(statement: Any, reason: Any) -> tuple[str, str, str] | None:
    true, letter = str(statement).lower() == "true", _letter(reason)
    if not true and letter == "b":
        return None
    happened = f"you say {true}, because of {letter!r}"
    look = (
        "look at the call of ql.kmeans_quantize above: what is its argument, and when is it called"
    )
    if letter != "b":
        return happened, _REASONS[letter], look
    why = "the reason is right, and it makes the statement false: the training comes first"
    return happened, why, "read the statement again: what is clustered, and when"


EXERCISE = ValueExercise(
    name="what-is-clustered",
    rule="true_or_false is True or False, and reason one of 'a', 'b', 'c', 'd'",
    well_formed=_is_well_formed,
    judge=_judge,
)
