"""Check your answers, in a notebook or anywhere else.

    from quantlab_helpers import checks
    checks.check("uniform-levels", uniform_levels)

An answer that is not right raises `CheckFailed`, whose message says what happened, why, and how
to fix it. The tests that give points call the same functions.
"""

from __future__ import annotations

import difflib
import importlib
import os
import re
from collections.abc import Iterator
from typing import Any

from .._support.validation import check_int
from .exercise import CheckFailed as CheckFailed
from .exercise import Exercise, FunctionExercise, PointsExercise, ValueExercise
from .exercise import NotAnswered as NotAnswered

IS_GRADING = os.environ.get("QUANTLAB_CHECKS") == "elsewhere"
_ELSEWHERE = "While a notebook is graded, answers are checked in another process, not here."


def load_exercises(folder: str, package: str) -> dict[str, Exercise]:
    """Import the exercises of all lessons; return them by name.

    The order is that of the lessons, and within a lesson alphabetical.

    The exercise ``uniform-levels`` of lesson 02 is ``EXERCISE`` in ``lesson_02/uniform_levels.py``.

    Parameters
    ----------
    folder : str
        Holds the folders ``lesson_00``, ``lesson_01``, ...
    package : str
        The name of `folder` as a package.

    Raises
    ------
    ImportError
        If a module has no ``EXERCISE``, or one whose name is not that of the file, or if two
        lessons have an exercise of the same name.
    """
    exercises: dict[str, Exercise] = {}
    for lesson, module in _exercise_modules(folder):
        file = f"{lesson}/{module}.py"
        exercise = getattr(
            importlib.import_module(f"{package}.{lesson}.{module}"), "EXERCISE", None
        )
        if not isinstance(exercise, Exercise):
            raise ImportError(
                f"{file} has no exercise; define `EXERCISE = FunctionExercise(...)` in it, or let "
                "its name begin with _ if exercises only share it."
            )
        if exercise.name != module.replace("_", "-"):
            raise ImportError(
                f"{file} defines the exercise {exercise.name!r}; rename the file to "
                f"{exercise.name.replace('-', '_')}.py, or the exercise to "
                f"{module.replace('_', '-')!r}."
            )
        if exercise.name in exercises:
            raise ImportError(
                f"{file}: another lesson has an exercise {exercise.name!r}; rename it."
            )
        exercises[exercise.name] = exercise
    return exercises


def _exercise_modules(folder: str) -> Iterator[tuple[str, str]]:
    """Yield the lesson and the name of each module that holds an exercise.

    There are none in the process of a submission that is graded: the tests run elsewhere.
    """
    if IS_GRADING:
        return
    for lesson in sorted(os.listdir(folder)):
        if lesson.startswith("lesson_"):
            for file in sorted(os.listdir(os.path.join(folder, lesson))):
                module, extension = os.path.splitext(file)
                if extension == ".py" and not module.startswith("_"):
                    yield lesson, module


EXERCISES = load_exercises(os.path.dirname(__file__), __package__ or "")


def check(exercise: str, *answer: Any, seed: int = 0) -> None:
    """Print that an answer is right, or raise.

    Parameters
    ----------
    exercise : str
        The name after ``# exercise:`` in the notebook.
    *answer
        The function you wrote, or the values you chose.
    seed : int, default=0
        Draws the inputs to try; edge cases are always tried as well.

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
    if IS_GRADING:
        print(_ELSEWHERE)
        return
    check_int("seed", seed, low=0)
    definition = _exercise_called(exercise)
    if isinstance(definition, PointsExercise):
        raise ValueError(f"{exercise!r} earns points by degrees; call checks.points instead.")
    if isinstance(definition, FunctionExercise):
        if len(answer) != 1:
            raise ValueError(
                f"{exercise!r} asks for one function, {definition.signature}; "
                f"got {len(answer)} values."
            )
        definition.check(answer[0], seed)
    else:
        definition.check(*answer)
    print(f"{exercise}: right.")


def points(exercise: str, answer: Any) -> int:
    """Return the points of an answer that can be better or worse; print what was measured.

    In the last line of a graded cell, the returned number is the cell's result, and nbgrader takes
    it as the points.

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
        If the answer earns no points; says why.
    NotAnswered, ValueError
        As for `check`.
    """
    if IS_GRADING:
        print(_ELSEWHERE)
        return 0
    definition = _exercise_called(exercise)
    if not isinstance(definition, PointsExercise):
        raise ValueError(f"{exercise!r} is right or not; call checks.check instead.")
    return definition.points(answer)


def answered(exercise: str, *answer: Any) -> None:
    """Print that a question has an answer, right or not; raise if it has none.

    Parameters
    ----------
    exercise : str
        The name after ``# exercise:`` in the notebook.
    *answer
        The values you chose.

    Raises
    ------
    CheckFailed, NotAnswered, ValueError
        As for `check`.
    """
    if IS_GRADING:
        print(_ELSEWHERE)
        return
    definition = _exercise_called(exercise)
    if not isinstance(definition, ValueExercise):
        raise ValueError(f"{exercise!r} asks for a function; call checks.check instead.")
    definition.answered(*answer)
    print(f"{exercise}: answered.")


def compare_guess(guess: Any, measured: float, *, unit: str = "") -> None:
    """Print a guess made before a measurement beside the measured number.

    Parameters
    ----------
    guess : float or None
        What you expected; None if you did not guess.
    measured : float
        The result of the measurement.
    unit : str, optional
        Printed after both numbers, "%" without a space; "bits" becomes "bit" after 1.

    Examples
    --------
    >>> compare_guess(481_000, 1_925_368, unit="bytes")
    You guessed 481,000 bytes; measured: 1,925,368 bytes.
    >>> compare_guess(98, 97.7528, unit="%")
    You guessed 98%; measured: 97.8%.
    >>> compare_guess(2, 1, unit="percentage points")
    You guessed 2 percentage points; measured: 1 percentage point.
    >>> compare_guess(None, 0)
    You made no guess; measured: 0. Write one down before you look: that is how it sticks.
    """
    measured_text = _with_unit(_three_digits(measured), unit)
    if guess is None or guess is ...:
        print(
            f"You made no guess; measured: {measured_text}. "
            "Write one down before you look: that is how it sticks."
        )
        return
    try:
        guess_text = f"{guess:,}"
    except (TypeError, ValueError):
        guess_text = repr(guess)
    print(f"You guessed {_with_unit(guess_text, unit)}; measured: {measured_text}.")


def _three_digits(number: float) -> str:
    """Write a whole number in full, and any other with 3 digits or all before the point."""
    if float(number).is_integer() or abs(number) >= 1000:
        return f"{number:,.0f}"
    text = f"{number:.3g}"
    return text if "." in text or "e" in text else f"{number:#.3g}".removesuffix(".")


def _with_unit(number: str, unit: str) -> str:
    if unit in ("", "%"):
        return number + unit
    if number in ("1", "-1") and not unit.startswith(("times", "of ")):
        unit = re.sub(r"s\b", "", unit, count=1)
    return f"{number} {unit}"


def _exercise_called(name: str) -> Exercise:
    try:
        return EXERCISES[name]
    except (KeyError, TypeError):
        close = difflib.get_close_matches(str(name), EXERCISES, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "see checks.EXERCISES"
        raise ValueError(
            f"`exercise` must be the name after `# exercise:` in the notebook, got {name!r}; {hint}"
        ) from None
