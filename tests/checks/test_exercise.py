"""The engine behind the exercises; the exercises themselves face their answer banks."""

import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from quantlab_helpers import checks
from quantlab_helpers.checks.compare import differs_by, number_differs
from quantlab_helpers.checks.exercise import FunctionExercise, Mistake, ValueExercise

EPS = float(np.finfo(np.float32).eps)

HALVES = FunctionExercise(
    name="halves",
    signature="halves(weights)",
    solution=lambda weights: weights / 2,
    cases=lambda rng: iter([(np.array([1.0, 3.0]),), (rng.normal(size=5),), (np.zeros(2),)]),
    differs=lambda expected, got, case: differs_by(expected, got, EPS, what="halves"),
    why="each weight is divided by 2",
    fix="divide by 2",
    mistakes=[
        Mistake(lambda weights: weights // 2, "you rounded down", "use / instead of //"),
        Mistake(lambda weights: weights * 2, "you doubled", "divide instead"),
    ],
)


def message(answer, exercise=HALVES, seed=0):
    with pytest.raises(checks.CheckFailed) as caught:
        exercise.check(answer, seed)
    return str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        lambda weights: weights / 2,
        lambda weights: [float(weight) / 2 for weight in weights],
        lambda weights: tuple(weights / 2),
        lambda weights: torch.from_numpy(weights) / 2,
        lambda weights: (weights / 2).astype(np.float32),
        lambda weights: torch.from_numpy(weights).requires_grad_() / 2,
    ],
    ids=["numpy", "list", "tuple", "tensor", "float32", "tensor with a graph"],
)
def test_a_right_answer_may_be_written_and_returned_in_any_way(answer):
    HALVES.check(answer, 0)


def test_a_message_says_what_happened_why_and_how_to_fix_it():
    lines = message(lambda weights: weights * 2).splitlines()
    assert lines[0].startswith(
        "What happened: 2 of your 2 halves differ; the furthest is halves[1]"
    )
    assert lines[0].endswith("= 6, expected 1.5, for halves(array([1., 3.]))")
    assert lines[1:] == ["Why: you doubled", "How to fix it: divide instead"]


def test_an_answer_that_no_mistake_explains_gets_the_rule():
    assert "Why: each weight is divided by 2" in message(lambda weights: weights / 3)


def test_a_mistake_that_explains_every_case_goes_before_one_that_explains_the_first():
    """Rounding down gives [0, 1]; so does this, but only here."""
    assert "you rounded down" in message(lambda weights: weights // 2)
    only_here = {1.0: 2.0, 3.0: 6.0}
    assert "you doubled" in message(
        lambda weights: np.array([only_here.get(weight, 0.0) for weight in weights])
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda weights: None, "returned None"),
        (lambda weights: weights[:1] / 2, r"have shape (1,), expected (2,)"),
        (lambda weights: weights * np.nan, "2 of your 2 halves are NaN"),
        (lambda weights: "half", "your function returned 'half', not numbers"),
        (lambda weights: [[1], [1, 2]], "not an array of numbers"),
        (lambda weights: weights.divide(2), "raised AttributeError: "),
        (lambda: 1, "raised TypeError: "),
        (np.array([0.5]), "which is not a function"),
        (lambda weights: np.array([0.5, 1.5]), "does not depend on the arguments"),
    ],
    ids=["none", "shape", "nan", "text", "ragged", "error", "signature", "called", "constant"],
)
def test_what_went_wrong_is_named(answer, words):
    assert words in message(answer)


def test_an_answer_that_changes_its_argument_is_told_so():
    def halve_in_place(weights):
        weights /= 2
        return weights

    assert "changed its argument" in message(halve_in_place)


def test_the_learners_own_array_is_never_changed():
    weights = np.array([1.0, 3.0])
    exercise = FunctionExercise(
        **{**vars(HALVES), "cases": lambda rng: iter([(weights,)])}  # the same array each time
    )

    def spoil(given):
        given[:] = 0
        return given

    message(spoil, exercise)
    assert weights.tolist() == [1.0, 3.0]


def test_an_earlier_wrong_result_goes_before_a_later_exception():
    def fails_on_zeros(weights):
        if not weights.any():
            raise ZeroDivisionError
        return weights * 2

    assert "you doubled" in message(fails_on_zeros)


def test_a_stub_is_not_answered_rather_than_wrong():
    def stub(weights):
        raise NotImplementedError("write your answer here")

    with pytest.raises(checks.NotAnswered, match="halves is not answered yet: write the body of"):
        HALVES.check(stub, 0)


def test_warnings_and_stderr_of_a_right_answer_reach_nobody(capsys):
    def noisy(weights):
        warnings.warn("careful", stacklevel=1)
        print("thinking", file=sys.stderr)
        np.zeros(1) / np.zeros(1)
        return weights / 2

    HALVES.check(noisy, 0)
    assert capsys.readouterr().err == ""


def test_another_seed_draws_other_inputs():
    seen = {0: [], 1: []}
    for seed, drawn in seen.items():
        HALVES.check(lambda weights, drawn=drawn: drawn.append(weights[0]) or weights / 2, seed)
    assert seen[0][0] == seen[1][0] and seen[0][1] != seen[1][1]


def test_what_a_result_does_can_be_compared_too():
    """Not only the number that comes back, but the gradient that flows through it."""
    exercise = FunctionExercise(
        name="energy",
        signature="energy(weights)",
        solution=lambda weights: (weights**2).sum(),
        cases=lambda rng: iter([(torch.tensor([1.0, -2.0], requires_grad=True),)]),
        observe=lambda result, case: torch.autograd.grad(result, case)[0],
        differs=lambda expected, got, case: differs_by(expected.numpy(), got, EPS, what="slopes"),
        why="the derivative of a square is twice the number",
        fix="square and add",
    )
    exercise.check(lambda weights: weights.pow(2).sum(), 0)
    half = message(lambda weights: (weights * weights.detach()).sum(), exercise)
    assert "slopes[1] = -2, expected -4" in half


@pytest.mark.parametrize("number", [2, 2.0, np.float32(2), np.array(2.0), torch.tensor([2.0])])
def test_one_number_may_come_in_any_form(number):
    assert number_differs(2.0, number, 1e-7, "size") is None


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (3.0, "your size is 3, expected 2"),
        (float("nan"), "your size is nan, expected 2"),
        (2.00000001, "your size is 2.0000000099999999, expected 2"),
        (2_000_001, "your size is 2,000,001, expected 2"),
        ([1, 2], r"your size has shape (2,), expected one number"),
        ("two", "your function returned 'two', not numbers"),
        (10**5000, "an integer of thousands of digits"),
    ],
    ids=["other", "nan", "close", "large", "two numbers", "text", "endless"],
)
def test_another_number_is_shown_beside_the_expected_one(number, words):
    assert words in number_differs(2.0, number, 1e-9, "size")


COLOUR = ValueExercise(
    name="colour",
    rule="write 'red' or 'blue'",
    well_formed=lambda value: value in ("red", "blue"),
    judge=lambda value: None if value == "red" else ("you chose blue", "it is red", "look again"),
)


def test_a_choice_is_answered_before_it_is_right():
    COLOUR.answered("blue")
    COLOUR.check("red")
    assert "you chose blue\nWhy: it is red\nHow to fix it: look again" in message_of("blue")
    assert "your answer is 'green'" in message_of("green") and "write 'red'" in message_of("green")
    assert "your answer is [1, 2]" in message_of([1, 2])
    with pytest.raises(checks.NotAnswered, match="colour is not answered yet: write 'red' or"):
        COLOUR.answered(None)


def test_a_malformed_value_may_be_told_what_is_wrong_with_it():
    age = ValueExercise(
        name="age",
        rule="write whole years",
        well_formed=lambda value: "you cannot be born tomorrow" if value < 0 else True,
        judge=lambda value: None,
    )
    age.answered(3)
    with pytest.raises(checks.CheckFailed, match="Why: you cannot be born tomorrow"):
        age.answered(-1)


def message_of(value):
    with pytest.raises(checks.CheckFailed) as caught:
        COLOUR.check(value)
    return str(caught.value)


def test_check_prints_that_an_answer_is_right(capsys):
    checks.check("uniform-levels", lambda low, high, bits: np.linspace(low, high, 2**bits))
    assert capsys.readouterr().out == "uniform-levels: right.\n"


def test_an_unknown_exercise_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"`exercise` must be one of .*uniform-levels.* got 'lev'"):
        checks.check("lev", len)
    with pytest.raises(ValueError, match="asks for one function"):
        checks.check("uniform-levels")
    with pytest.raises(ValueError, match=r"asks for a function; call checks\.check"):
        checks.answered("uniform-levels", 3)
    with pytest.raises(TypeError, match="`seed` must be an integer"):
        checks.check("uniform-levels", len, seed=0.5)


def test_a_notebook_shows_the_message_and_not_the_inside_of_the_checks():
    failed = checks.CheckFailed("it fell", "it was heavy", "hold it")
    assert failed._render_traceback_() == [
        "Not yet right.\nWhat happened: it fell\nWhy: it was heavy\nHow to fix it: hold it"
    ]
    long = checks.CheckFailed("it fell", "word " * 30, "hold it")._render_traceback_()[0]
    assert max(map(len, long.split("\n"))) <= 90, "a notebook breaks long lines inside words"
    assert checks.NotAnswered("write it")._render_traceback_() == ["write it"]


def test_a_guess_is_put_beside_the_measurement(capsys):
    checks.compare_guess(0.5, 0.25, unit="of the weights")
    checks.compare_guess("many", 3)
    checks.compare_guess(None, 1_000)
    assert capsys.readouterr().out.splitlines() == [
        "You guessed 0.5 of the weights; measured: 0.25 of the weights.",
        "You guessed 'many'; measured: 3.",
        "You made no guess; measured: 1,000. "
        "Write one down before you look: that is how it sticks.",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        lambda weights: [weight / 2 for weight in weights],
        lambda weights: np.vectorize(lambda weight: weight / 2)(weights),
        lambda weights: list(map(lambda weight: weight / 2, weights)),
    ],
    ids=["comprehension", "vectorize", "map"],
)
def test_a_loop_over_a_large_array_is_found_without_a_clock(answer):
    large = replace(HALVES, cases=lambda rng: [(np.ones(5000),)], line_limit=1000)
    before = sys.gettrace()
    assert "stopped after 1,000 lines of Python" in message(answer, large)
    assert sys.gettrace() is before
    large.check(lambda weights: weights / 2, 0)
