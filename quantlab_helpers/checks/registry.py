"""Check your answers, in a notebook or anywhere else.

    from quantlab_helpers import checks
    checks.check("uniform-levels", uniform_levels)

An answer that is not right raises `CheckFailed`, whose message says what happened, why, and how
to fix it. The tests that give marks call the same functions.
"""

from __future__ import annotations

from typing import Any

from .._support.validation import check_int
from ._contest import EXERCISES as _CONTEST
from ._contest import ContestExercise
from ._kmeans import EXERCISES as _KMEANS
from ._retraining import EXERCISES as _RETRAINING
from ._storage import EXERCISES as _STORAGE
from ._training import EXERCISES as _TRAINING
from ._uniform import EXERCISES as _UNIFORM
from .exercise import CheckFailed as CheckFailed
from .exercise import FunctionExercise, ValueExercise
from .exercise import NotAnswered as NotAnswered

Exercise = FunctionExercise | ValueExercise | ContestExercise

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in [*_TRAINING, *_UNIFORM, *_KMEANS, *_RETRAINING, *_STORAGE, *_CONTEST]
}


def check(exercise: str, *answer: Any, seed: int = 0) -> None:
    """Say that an answer is right, or raise.

    Parameters
    ----------
    exercise : str
        The name behind ``# exercise:`` in the notebook.
    *answer
        The function you wrote, or the values you chose.
    seed : int, default=0
        Draws the inputs to try, besides the awkward ones that are always tried.

    Raises
    ------
    CheckFailed
        If the answer is not right.
    NotAnswered
        If there is no answer yet.
    ValueError
        If there is no such exercise.

    Examples
    --------
    >>> import numpy as np
    >>> check("uniform-levels", lambda low, high, bits: np.linspace(low, high, 2**bits))
    uniform-levels: right.
    >>> try:
    ...     check("uniform-levels", lambda low, high, bits: np.linspace(low, high, 2**bits + 1))
    ... except CheckFailed as failed:
    ...     print(str(failed).splitlines()[0])
    What happened: you return 5 levels, 2 bits have 4, for uniform_levels(-0.5, 1, 2)
    """
    check_int("seed", seed, low=0)
    found = _find(exercise)
    if isinstance(found, ContestExercise):
        raise ValueError(f"{exercise!r} earns points by degrees; call checks.points instead.")
    if isinstance(found, FunctionExercise):
        _one(found, answer)
        found.check(answer[0], seed)
    else:
        found.check(*answer)
    print(f"{exercise}: right.")


def points(exercise: str, answer: Any) -> int:
    """Return the points of an answer that can be better or worse, and print what they rest on.

    As the last line of a graded cell the number is the cell's result, and nbgrader takes it for
    the points.

    Parameters
    ----------
    exercise : str
        "smallest-file".
    answer : callable
        The function you wrote.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    CheckFailed
        If the answer earns nothing; says why.
    NotAnswered, ValueError
        As for `check`.
    """
    found = _find(exercise)
    if not isinstance(found, ContestExercise):
        raise ValueError(f"{exercise!r} is right or not; call checks.check instead.")
    return found.points(answer)


def answered(exercise: str, *answer: Any) -> None:
    """Say that a question has an answer, right or not; raise where it has none.

    Parameters
    ----------
    exercise : str
        The name behind ``# exercise:`` in the notebook.
    *answer
        The values you chose.

    Raises
    ------
    CheckFailed, NotAnswered, ValueError
        As for `check`.
    """
    found = _find(exercise)
    if not isinstance(found, ValueExercise):
        raise ValueError(f"{exercise!r} asks for a function; call checks.check instead.")
    found.answered(*answer)
    print(f"{exercise}: answered.")


def compare_guess(guess: Any, measured: float, *, unit: str = "") -> None:
    """Print a guess made before a measurement beside what was measured.

    Parameters
    ----------
    guess : float or None
        What you expected; None if you did not commit yourself.
    measured : float
        What came out.
    unit : str, optional
        Written behind both numbers.

    Examples
    --------
    >>> compare_guess(481_000, 1_925_368, unit="bytes")
    You guessed 481,000 bytes; measured: 1,925,368 bytes.
    >>> compare_guess(None, 0)
    You made no guess; measured: 0. Write one down before you look: that is how it sticks.
    """
    behind = f" {unit}" if unit else ""
    shown = f"{measured:,.6g}" if isinstance(measured, float) else f"{measured:,}"
    if guess is None or guess is ...:
        print(
            f"You made no guess; measured: {shown}{behind}. "
            "Write one down before you look: that is how it sticks."
        )
        return
    try:
        guessed = f"{guess:,}"
    except (TypeError, ValueError):
        guessed = repr(guess)
    print(f"You guessed {guessed}{behind}; measured: {shown}{behind}.")


def _find(exercise: str) -> Exercise:
    try:
        return EXERCISES[exercise]
    except (KeyError, TypeError):
        names = ", ".join(EXERCISES)
        raise ValueError(f"`exercise` must be one of {names}, got {exercise!r}.") from None


def _one(exercise: FunctionExercise, answer: tuple[Any, ...]) -> None:
    if len(answer) != 1:
        raise ValueError(
            f"{exercise.name!r} asks for one function, {exercise.signature}; "
            f"got {len(answer)} values."
        )
