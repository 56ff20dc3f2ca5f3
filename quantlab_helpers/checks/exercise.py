"""How one answer is judged: run it on copies of the cases, compare, recognise the mistake.

An exercise knows its solution, the inputs to try (awkward ones too), how far an answer may be
from the solution, and what well-known mistakes would return. A mistake is named only where the
answer is what that mistake gives.
"""

from __future__ import annotations

import contextlib
import copy
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

from .compare import Difference, _shown, same

Case = tuple[Any, ...]  # the arguments of one call


class CheckFailed(AssertionError):
    """An answer that is not right: what happened, why, and how to fix it."""

    def __init__(self, happened: str, why: str, fix: str) -> None:
        super().__init__(f"What happened: {happened}\nWhy: {why}\nHow to fix it: {fix}")

    def _render_traceback_(self) -> list[str]:
        """Show a notebook's reader the message, not the inside of the checks."""
        lines = [textwrap.fill(line, 90, subsequent_indent="  ") for line in str(self).split("\n")]
        return ["\n".join(["Not yet right.", *lines])]


class NotAnswered(NotImplementedError):
    """An exercise that still has its stub."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class _TooManyLines(Exception):
    """A call ran more lines than its exercise allows."""


@dataclass(frozen=True)
class Mistake:
    """A known way to go wrong: what it would return, why that is wrong, and the way out."""

    gives: Callable[..., Any]
    why: str
    fix: str


@dataclass(frozen=True, kw_only=True)
class FunctionExercise:
    """The learner writes a function.

    ``cases`` draws the calls to try, ordinary ones first. ``differs(expected, got, case)`` says
    in one clause what is wrong with an answer ("your levels end at 0.747, not at 1.0"), or None.
    ``observe(result, case)`` turns a result and the very arguments it came from into what is
    compared, where that is more than the result: its gradients, for example.
    ``why`` and ``fix`` are for answers that no mistake explains. ``line_limit``, where set, is how
    many lines of Python one call may run: a loop over a large array is found without a clock.
    """

    name: str
    signature: str
    solution: Callable[..., Any]
    cases: Callable[[np.random.Generator], Iterable[Case]]
    differs: Callable[[Any, Any, Case], Difference]
    why: str
    fix: str
    mistakes: Sequence[Mistake] = ()
    line_limit: int | None = None
    observe: Callable[[Any, Case], Any] = lambda result, case: result

    def check(self, function: Any, seed: int) -> None:
        """Raise `CheckFailed` or `NotAnswered` unless `function` is right."""
        if not callable(function):
            raise CheckFailed(
                f"the check got {_shown(function)}, which is not a function",
                f"the exercise asks for a function {self.signature}",
                "pass the function itself, without calling it",
            )
        cases, results = [], []
        stopped: CheckFailed | None = None
        for case in self.cases(np.random.default_rng(seed)):
            try:
                results.append(self._call(function, case))
            except CheckFailed as failure:  # an earlier case may tell more
                stopped = failure
                break
            cases.append(case)
        expected = [self._gives(self.solution, case) for case in cases]
        failures = [
            (index, difference)
            for index, case in enumerate(cases)
            if (difference := self.differs(expected[index], results[index], case)) is not None
        ]
        if failures:
            first, difference = failures[0]
            why, fix = self._explain(cases, expected, results, first)
            raise CheckFailed(f"{difference}, for {self._shown_call(cases[first])}", why, fix)
        if stopped is not None:
            raise stopped

    def _call(self, function: Callable[..., Any], case: Case) -> Any:
        """Call the answer on copies, quietly, and see what it did to them."""
        given = copy.deepcopy(case)
        try:
            # numpy's warnings and a stray print to stderr would cost points in nbgrader.
            with warnings.catch_warnings(), contextlib.redirect_stderr(sys.stdout):
                warnings.simplefilter("ignore")
                with _counted_lines(self.line_limit):
                    result = function(*given)
        except _TooManyLines:
            raise CheckFailed(
                f"{self._shown_call(case)} was stopped after {self.line_limit:,} lines of Python",
                "a loop runs some lines for every single number; in Python that takes thousands "
                "of times longer than one operation on the whole array",
                "work with whole arrays: `weights - low` subtracts from all of them at once",
            ) from None
        except NotImplementedError:
            raise NotAnswered(
                f"{self.name} is not answered yet: write the body of {self.signature} "
                "in place of `raise NotImplementedError`."
            ) from None
        except Exception as error:
            raise CheckFailed(
                f"{self._shown_call(case)} raised {type(error).__name__}: {error}",
                f"the function has to work for these arguments too; {self.why}",
                self.fix,
            ) from error
        if result is None:
            raise CheckFailed(
                f"{self._shown_call(case)} returned None",
                "a function without a `return` gives None, whatever it has computed",
                "end the function with `return` and the result",
            )
        if not same(given, case):
            raise CheckFailed(
                f"{self._shown_call(case)} changed its argument",
                "an array is passed by reference: writing into it changes the caller's array too, "
                "and the next computation would start from numbers that are not the caller's",
                "work on a copy, or compute a new array instead of assigning into the given one",
            )
        return self.observe(result, given)

    def _gives(self, function: Callable[..., Any], case: Case) -> Any:
        """Observe what one of our own functions returns for copies of the arguments."""
        given = copy.deepcopy(case)
        return self.observe(function(*given), given)

    def _explain(
        self, cases: list[Case], expected: list[Any], results: list[Any], first: int
    ) -> tuple[str, str]:
        """Name the mistake that gives these results; one that gives all of them comes first."""
        if len(cases) > 1 and self._constant(cases, expected, results):
            return (
                "the result is the same for every input, so it does not depend on the arguments",
                f"compute it from the arguments of {self.signature}",
            )
        for indices in (range(len(cases)), [first]):
            for mistake in self.mistakes:
                if all(self._is(mistake, cases[i], results[i]) for i in indices):
                    return mistake.why, mistake.fix
        return self.why, self.fix

    def _is(self, mistake: Mistake, case: Case, result: Any) -> bool:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                return self.differs(self._gives(mistake.gives, case), result, case) is None
        except Exception:  # a mistake that cannot even be made with these arguments
            return False

    def _constant(self, cases: list[Case], expected: list[Any], results: list[Any]) -> bool:
        def all_same(values: list[Any]) -> bool:
            return all(same(values[0], value) for value in values[1:])

        return all_same(results) and not all_same(expected)

    def _shown_call(self, case: Case) -> str:
        arguments = ", ".join(_shown(value) for value in case)
        return f"{self.signature.partition('(')[0]}({arguments})"


@dataclass(frozen=True, kw_only=True)
class ValueExercise:
    """The learner gives values: a choice, a number. ``rule`` says what counts as an answer.

    ``well_formed`` is what the visible test asks, and may return a text that says why not;
    ``judge`` returns None where the values are right, else (what happened, why, how to fix it).
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
            fine = self.well_formed(*values)
        except Exception:
            fine = False
        if isinstance(fine, str) or not fine:
            shown = ", ".join(_shown(value) for value in values)
            why = fine if isinstance(fine, str) else "this is not one of the answers"
            raise CheckFailed(f"your answer is {shown}", why, self.rule)

    def check(self, *values: Any) -> None:
        """Raise unless the values are right."""
        self.answered(*values)
        found = self.judge(*values)
        if found is not None:
            raise CheckFailed(*found)


@contextlib.contextmanager
def _counted_lines(limit: int | None) -> Iterator[None]:
    """Raise `_TooManyLines` in what is called inside once it has run `limit` lines."""
    if limit is None:
        yield
        return
    lines, before = 0, sys.gettrace()

    def count(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        nonlocal lines
        lines += 1
        if lines > limit:
            raise _TooManyLines
        return count

    sys.settrace(count)
    try:
        yield
    finally:
        sys.settrace(before)
