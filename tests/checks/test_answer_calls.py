"""`answer_calls`: answers under limits, and what is observed of them."""

import signal
import sys
import warnings

import numpy as np
import pytest
import torch

from quantlab_helpers.checks import answer_calls
from quantlab_helpers.checks.answer_calls import call_answer, call_writer
from quantlab_helpers.checks.registry import EXERCISES


def test_call_answer_returns_the_result_without_warnings(capsys):
    def loud(x):
        warnings.warn("careful", stacklevel=1)
        print("to stderr", file=sys.stderr)
        return x + 1

    assert call_answer(loud, (2,)) == 3
    assert capsys.readouterr().err == ""


def test_call_answer_stops_after_so_many_lines():
    def slow(n):
        total = 0
        for number in range(n):
            total += number
        return total

    assert call_answer(slow, (10,), line_limit=100) == 45
    with pytest.raises(answer_calls.TooManyLines):
        call_answer(slow, (1000,), line_limit=100)


def test_call_answer_observes_gradients_of_a_penalty():
    net = torch.nn.Linear(2, 1)
    penalty, gradients = call_answer(
        lambda net: sum(p.abs().sum() for p in net.parameters()), (net,), observation="gradients"
    )
    assert penalty.item() == pytest.approx(sum(p.abs().sum().item() for p in net.parameters()))
    expected = [np.sign(p.detach().numpy()) for p in net.parameters()]
    assert all(np.array_equal(*pair) for pair in zip(gradients, expected, strict=True))
    number = call_answer(lambda net: 1.5, (net,), observation="gradients")
    assert number == (1.5, answer_calls.NO_GRAPH)


def test_l1_penalty_refuses_empty_gradients():
    exercise = EXERCISES["l1-penalty"]
    case = next(iter(exercise.cases(np.random.default_rng(0))))
    expected = call_answer(exercise.solution, case, observation="gradients")
    empty = expected[0], [np.zeros((0, *gradient.shape)) for gradient in expected[1]]
    assert exercise.compare(expected, expected, case) is None
    assert "has another shape than weight" in exercise.compare(expected, empty, case)


def test_call_answer_leaves_other_processes_alone():
    class Elsewhere:
        def call_answer(self, arguments, *, line_limit, observation):
            return arguments, line_limit, observation

    assert call_answer(Elsewhere(), (1,), line_limit=5) == ((1,), 5, "result")


def test_call_writer_returns_the_file_and_its_neighbours():
    def write(net, path):
        path.write_bytes(b"123")
        path.with_name("other.bin").write_bytes(b"")
        return "done"

    written = call_writer(write, None, seconds=20)
    assert written[:3] == ("done", b"123", ["other.bin"]) and written.seconds > 0
    assert call_writer(lambda net, path: 5, None, seconds=20).content is None


def test_call_writer_refuses_a_huge_file(monkeypatch):
    monkeypatch.setattr(answer_calls, "_MAX_FILE_BYTES", 10)
    with pytest.raises(ValueError, match="the file is larger than 32 MiB"):
        call_writer(lambda net, path: path.write_bytes(bytes(11)), None, seconds=20)


def test_time_limit_continues_the_timer_before():
    handler = signal.signal(signal.SIGALRM, lambda *_: None)
    before = signal.setitimer(signal.ITIMER_REAL, 1000, 7)
    try:
        with answer_calls._time_limit(500):
            pass
        left, again = signal.getitimer(signal.ITIMER_REAL)
        assert 900 < left <= 1000 and again == 7
    finally:
        signal.setitimer(signal.ITIMER_REAL, *before)
        signal.signal(signal.SIGALRM, handler)
