"""How an answer is checked. Each exercise is tested with its answers, in tests/notebooks."""

import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from quantlab_helpers import checks
from quantlab_helpers.checks.compare import array_difference
from quantlab_helpers.checks.exercise import FunctionExercise, Mistake, ValueExercise

EPS = float(np.finfo(np.float32).eps)

HALVES = FunctionExercise(
    name="halves",
    signature="halves(weights)",
    solution=lambda weights: weights / 2,
    cases=lambda rng: iter([(np.array([1.0, 3.0]),), (rng.normal(size=5),), (np.zeros(2),)]),
    compare=lambda expected, got, case: array_difference(expected, got, EPS, name="halves"),
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
def test_check_accepts_any_array_type(answer):
    HALVES.check(answer, 0)


def test_check_message_has_three_parts():
    lines = message(lambda weights: weights * 2).splitlines()
    assert lines[0].startswith(
        "What happened: 2 of your 2 halves are wrong; the largest error is at halves[1]"
    )
    assert lines[0].endswith("= 6, expected 1.5, for halves(array([1., 3.]))")
    assert lines[1:] == ["Why: you doubled", "How to fix it: divide instead"]


def test_check_unknown_mistake_gets_the_rule():
    assert "Why: each weight is divided by 2" in message(lambda weights: weights / 3)


def test_check_prefers_mistake_that_explains_all_cases():
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
def test_check_names_what_went_wrong(answer, words):
    assert words in message(answer)


def test_check_refuses_a_changed_argument():
    def halve_in_place(weights):
        weights /= 2
        return weights

    assert "changed its argument" in message(halve_in_place)


def test_check_calls_with_copies():
    weights = np.array([1.0, 3.0])
    exercise = FunctionExercise(
        **{**vars(HALVES), "cases": lambda rng: iter([(weights,)])}  # the same array each time
    )

    def spoil(given):
        given[:] = 0
        return given

    message(spoil, exercise)
    assert weights.tolist() == [1.0, 3.0]


def test_check_prefers_wrong_result_to_later_exception():
    def fails_on_zeros(weights):
        if not weights.any():
            raise ZeroDivisionError
        return weights * 2

    assert "you doubled" in message(fails_on_zeros)


def test_check_stub_is_not_answered():
    def stub(weights):
        raise NotImplementedError("write your answer here")

    with pytest.raises(checks.NotAnswered, match="halves is not answered yet: write the body of"):
        HALVES.check(stub, 0)


def test_check_hides_warnings_and_stderr(capsys):
    def noisy(weights):
        warnings.warn("careful", stacklevel=1)
        print("thinking", file=sys.stderr)
        np.zeros(1) / np.zeros(1)
        return weights / 2

    HALVES.check(noisy, 0)
    assert capsys.readouterr().err == ""


def test_check_seed_draws_other_cases():
    seen = {0: [], 1: []}
    for seed, drawn in seen.items():
        HALVES.check(lambda weights, drawn=drawn: drawn.append(weights[0]) or weights / 2, seed)
    assert seen[0][0] == seen[1][0] and seen[0][1] != seen[1][1]


def test_check_observation_compares_gradients():
    """Not only the number that comes back, but the gradients that flow through it."""
    layer = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, -2.0]]))
    exercise = FunctionExercise(
        name="energy",
        signature="energy(net)",
        solution=lambda net: (net.weight**2).sum(),
        cases=lambda rng: iter([(layer,)]),
        observation="gradients",
        compare=lambda expected, got, case: array_difference(
            expected[1][0], got[1][0], EPS, name="slopes"
        ),
        why="the derivative of a square is twice the number",
        fix="square and add",
    )
    exercise.check(lambda net: net.weight.pow(2).sum(), 0)
    half = message(lambda net: (net.weight * net.weight.detach()).sum(), exercise)
    assert "slopes[0][1] = -2, expected -4" in half


COLOUR = ValueExercise(
    name="colour",
    rule="write 'red' or 'blue'",
    well_formed=lambda value: value in ("red", "blue"),
    judge=lambda value: None if value == "red" else ("you chose blue", "it is red", "look again"),
)


def test_value_exercise_answered_before_right():
    COLOUR.answered("blue")
    COLOUR.check("red")
    assert "you chose blue\nWhy: it is red\nHow to fix it: look again" in message_of("blue")
    assert "your answer is 'green'" in message_of("green") and "write 'red'" in message_of("green")
    assert "your answer is [1, 2]" in message_of([1, 2])
    with pytest.raises(checks.NotAnswered, match="colour is not answered yet: write 'red' or"):
        COLOUR.answered(None)


def test_well_formed_may_say_why_not():
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


def test_check_failed_renders_without_traceback():
    failed = checks.CheckFailed("it fell", "it was heavy", "hold it")
    assert failed._render_traceback_() == [
        "Not yet right.\nWhat happened: it fell\nWhy: it was heavy\nHow to fix it: hold it"
    ]
    long = checks.CheckFailed("it fell", "word " * 30, "hold it")._render_traceback_()[0]
    assert max(map(len, long.split("\n"))) <= 90, "a notebook breaks long lines inside words"
    assert checks.NotAnswered("write it")._render_traceback_() == ["write it"]


@pytest.mark.parametrize(
    "answer",
    [
        lambda weights: [weight / 2 for weight in weights],
        lambda weights: np.vectorize(lambda weight: weight / 2)(weights),
        lambda weights: list(map(lambda weight: weight / 2, weights)),
    ],
    ids=["comprehension", "vectorize", "map"],
)
def test_check_line_limit_finds_loops(answer):
    large = replace(HALVES, cases=lambda rng: [(np.ones(5000),)], line_limit=1000)
    before = sys.gettrace()
    assert "stopped after 1,000 lines of Python" in message(answer, large)
    assert sys.gettrace() is before
    large.check(lambda weights: weights / 2, 0)
