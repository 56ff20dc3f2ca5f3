"""The kinds of exercises: call an answer on copies of the cases, compare, name the mistake.

An exercise has a solution, cases (the arguments of the calls to try, edge cases included), a
comparison with a tolerance, and well-known mistakes with the results they give. A mistake is named
only if the answer gives the same results.
"""

from __future__ import annotations

import copy
import textwrap
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .answer_calls import OBSERVATIONS, TooManyLines, call_answer
from .compare import Difference, is_identical, short_repr

Case = tuple[Any, ...]  # the arguments of one call


class CheckFailed(AssertionError):
    """An answer that is not right: what happened, why, and how to fix it."""

    def __init__(self, happened: str, why: str, fix: str) -> None:
        super().__init__(f"What happened: {happened}\nWhy: {why}\nHow to fix it: {fix}")

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the message, without a traceback."""
        lines = [textwrap.fill(line, 90, subsequent_indent="  ") for line in str(self).split("\n")]
        return ["\n".join(["Not yet right.", *lines])]


class NotAnswered(NotImplementedError):
    """An exercise that still has its stub."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@dataclass(frozen=True)
class Mistake:
    """A well-known mistake: the answer that makes it, why that is wrong, and how to fix it."""

    answer: Callable[..., Any]
    why: str
    fix: str


@dataclass(frozen=True, kw_only=True)
class FunctionExercise:
    """The learner writes a function.

    ``cases`` draws the calls to try, ordinary ones first. ``compare(expected, got, case)`` says
    in one clause what is wrong with a result ("your levels end at 0.747, not at 1.0"), or None.
    ``observation`` names what is compared: the "result", or it and its "gradients".
    ``why`` and ``fix`` are for answers that no mistake explains. ``line_limit`` is the number of
    lines of Python that one call may run, so that a loop over a large array is found without a
    clock.
    """

    name: str
    signature: str
    solution: Callable[..., Any]
    cases: Callable[[np.random.Generator], Iterable[Case]]
    compare: Callable[[Any, Any, Case], Difference]
    why: str
    fix: str
    mistakes: Sequence[Mistake] = ()
    line_limit: int | None = None
    observation: str = "result"

    def check(self, function: Any, seed: int) -> None:
        """Raise `CheckFailed` or `NotAnswered` unless `function` is right."""
        if not callable(function):
            raise CheckFailed(
                f"the check got {short_repr(function)}, which is not a function",
                f"the exercise asks for a function {self.signature}",
                "pass the function itself, without calling it",
            )
        cases, results = [], []
        stopped: CheckFailed | None = None
        for case in self.cases(np.random.default_rng(seed)):
            try:
                results.append(self._call(function, case))
            except CheckFailed as failure:  # the result of an earlier case may say more
                stopped = failure
                break
            cases.append(case)
        expected = [self._observed(self.solution, case) for case in cases]
        failures = [
            (index, difference)
            for index, case in enumerate(cases)
            if (difference := self.compare(expected[index], results[index], case)) is not None
        ]
        if failures:
            first, difference = failures[0]
            why, fix = self._explain(cases, expected, results, first)
            raise CheckFailed(f"{difference}, for {self._call_text(cases[first])}", why, fix)
        if stopped is not None:
            raise stopped

    def _call(self, function: Callable[..., Any], case: Case) -> Any:
        """Call the answer on copies of the case without warnings; return what is compared."""
        given = copy.deepcopy(case)
        try:
            observed = call_answer(
                function, given, line_limit=self.line_limit, observation=self.observation
            )
        except TooManyLines:
            raise CheckFailed(
                f"{self._call_text(case)} was stopped after {self.line_limit:,} lines of Python",
                "a Python loop over single numbers takes thousands of times longer than one "
                "operation on the whole array",
                "work with whole arrays: `weights - low` subtracts from all weights at once",
            ) from None
        except NotImplementedError:
            raise NotAnswered(
                f"{self.name} is not answered yet: write the body of {self.signature} "
                "in place of `raise NotImplementedError`."
            ) from None
        except Exception as error:
            raise CheckFailed(
                f"{self._call_text(case)} raised {type(error).__name__}: {error}",
                f"the function must work for these arguments too; {self.why}",
                self.fix,
            ) from error
        if observed is None:
            raise CheckFailed(
                f"{self._call_text(case)} returned None",
                "a function without a `return` returns None, even if it has computed a result",
                "end the function with `return` and the result",
            )
        if not is_identical(given, case):
            raise CheckFailed(
                f"{self._call_text(case)} changed its argument",
                "arguments are passed by reference: writing into one changes the caller's object "
                "too, and the next computation starts from the changed numbers",
                "work on a copy, or compute a new result instead of changing the argument",
            )
        return observed

    def _observed(self, function: Callable[..., Any], case: Case) -> Any:
        """Return what is compared of a solution or a mistake, called on copies of the case."""
        given = copy.deepcopy(case)
        return OBSERVATIONS[self.observation](function(*given), given)

    def _explain(
        self, cases: list[Case], expected: list[Any], results: list[Any], first: int
    ) -> tuple[str, str]:
        """Return why and fix of a mistake that gives all results, else the first one."""
        if len(cases) > 1 and self._ignores_arguments(expected, results):
            return (
                "the result is the same for every input, so it does not depend on the arguments",
                f"compute it from the arguments of {self.signature}",
            )
        for indices in (range(len(cases)), [first]):
            for mistake in self.mistakes:
                if all(self._makes(mistake, cases[i], results[i]) for i in indices):
                    return mistake.why, mistake.fix
        return self.why, self.fix

    def _makes(self, mistake: Mistake, case: Case, result: Any) -> bool:
        """Return whether a mistake gives this result."""
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                return self.compare(self._observed(mistake.answer, case), result, case) is None
        except Exception:  # the mistake is impossible with these arguments
            return False

    def _ignores_arguments(self, expected: list[Any], results: list[Any]) -> bool:
        def all_same(values: list[Any]) -> bool:
            return all(is_identical(values[0], value) for value in values[1:])

        return all_same(results) and not all_same(expected)

    def _call_text(self, case: Case) -> str:
        arguments = ", ".join(short_repr(value) for value in case)
        return f"{self.signature.partition('(')[0]}({arguments})"


@dataclass(frozen=True, kw_only=True)
class ValueExercise:
    """The learner gives values: a choice, a number. ``rule`` says what counts as an answer.

    ``well_formed`` returns whether the values are an answer, right or not, or says why they are
    not; ``judge`` returns None if they are right, else (what happened, why, how to fix it).
    """

    name: str
    rule: str
    well_formed: Callable[..., bool | str]
    judge: Callable[..., tuple[str, str, str] | None]

    def answered(self, *values: Any) -> None:
        """Raise unless the values are answers at all, right or not."""
        if all(value is None or value is ... for value in values):
            raise NotAnswered(f"{self.name} is not answered yet: {self.rule}.")
        try:
            accepted = self.well_formed(*values)
        except Exception:
            accepted = False
        if isinstance(accepted, str) or not accepted:
            shown = ", ".join(short_repr(value) for value in values)
            why = accepted if isinstance(accepted, str) else "this is not one of the answers"
            raise CheckFailed(f"your answer is {shown}", why, self.rule)

    def check(self, *values: Any) -> None:
        """Raise unless the values are right."""
        self.answered(*values)
        failure = self.judge(*values)
        if failure is not None:
            raise CheckFailed(*failure)


@dataclass(frozen=True, kw_only=True)
class PointsExercise:
    """The learner writes something that may be better or worse, and earns points accordingly.

    ``points(answer)`` prints what was measured and returns at least 1, or raises `CheckFailed` or
    `NotAnswered`.
    """

    name: str
    points: Callable[[Any], int]


Exercise = FunctionExercise | ValueExercise | PointsExercise
