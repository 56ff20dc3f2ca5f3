"""`execute` in a sandbox: honest submissions, endless ones, and those that end their process."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from quantlab_helpers.grading.execute.runner import execute
from quantlab_helpers.grading.records import Limits
from tests.grading.sandbox_runs import (
    GOOD,
    LIMITS,
    TESTS,
    build_lesson,
    each_level,
    handed_in,
    points,
    printed,
    run,
    run_answers,
    run_cells,
    states,
    states_of,
)

pytestmark = pytest.mark.process
FULL = {"double": 1.0, "total": 2.0, "root": 3.0}
QUICK = LIMITS._replace(cell_seconds=2)


@each_level
def test_execute_scores_good_and_empty_submissions(level):
    result, executed = run_answers(GOOD, isolation=level)
    assert (result.verdict, result.score, result.isolation) == ("graded", 6, level)
    assert executed.ran == dict.fromkeys(executed.ran, True) and executed.evidence == ()
    nbformat.validate(executed.notebook)
    result, executed = run_answers({}, isolation=level)
    assert (result.verdict, result.score) == ("graded", 0)
    assert set(states(result).values()) == {"not_answered"} and executed.evidence == ()


def test_execute_leaves_its_argument_unchanged():
    notebook = new_notebook(cells=[new_code_cell("1 + 1")])
    before = nbformat.writes(notebook)
    execute(notebook, limits=LIMITS)
    assert nbformat.writes(notebook) == before


def test_execute_gives_the_outputs_of_jupyter():
    done, ran = run_cells(
        "print('a', flush=True)\nimport sys\nprint('b', file=sys.stderr)\n3 * 7",
        "display({'a': 1})\nNone",
        "from IPython.display import display, clear_output, HTML\n"
        "print('gone')\nclear_output(wait=True)\n"
        "handle = display(HTML('<b>old</b>'), display_id=True)\nhandle.update(HTML('<i>new</i>'))",
        "!echo hello\n%time 1",
        "import subprocess\nsubprocess.run(['echo', 'from a program']);",
        "1 / 0",
        "await __import__('asyncio').sleep(0, 'awaited')",
        "def broken(:",
    )
    assert states_of(ran) == ["ok"] * 5 + ["error", "ok", "error"]
    assert [output.output_type for output in ran[0].outputs] == ["stream"] * 2 + ["execute_result"]
    assert ran[0].outputs[2].data["text/plain"] == "21"
    assert [output.data["text/html"] for output in ran[2].outputs] == ["<i>new</i>"]
    assert "hello" in printed(ran[3])
    assert printed(ran[4]) == "from a program\n"
    assert ran[5].outputs[-1].ename == "ZeroDivisionError"
    assert ran[6].outputs[-1].data["text/plain"] == "'awaited'"
    assert ran[7].outputs[-1].ename == "SyntaxError"
    assert [cell.execution_count for cell in ran] == list(range(1, 9))
    nbformat.validate(done.notebook)


def test_execute_runs_only_the_given_cells():
    notebook = new_notebook(cells=[new_code_cell(f"print({n})", id=f"c{n}") for n in range(3)])
    done = execute(notebook, limits=LIMITS, cells=["c0", "c2"])
    assert states_of(done.notebook.cells) == ["ok", "skipped", "ok"]
    assert [printed(cell) for cell in done.notebook.cells] == ["0\n", "", "2\n"]


@each_level
def test_execute_files_replace_no_library(level):
    files = {"helper.py": b"answer = 42", "data/x.txt": b"text", "numpy.py": b"1/0"}
    files |= {"json.py": b"1/0"}
    done, ran = run_cells(
        "import helper, numpy, json\nprint(helper.answer, open('data/x.txt').read())",
        files=files,
        isolation=level,
    )
    assert printed(ran[0]) == "42 text\n" and done.status == "complete"


@pytest.mark.parametrize("name", ["../up.py", "/etc/passwd", "a/../../b", ""])
def test_execute_refuses_files_outside_the_folder(name):
    with pytest.raises(ValueError, match="must have names inside the working folder"):
        execute(new_notebook(), {name: b""})


def test_execute_exception_costs_points_warning_does_not():
    warns = "import warnings, sys\n" + GOOD["double"].replace(
        "return", "warnings.warn('careful'); print('oh', file=sys.stderr); return"
    )
    raises = GOOD["total"].replace("sum(values)", "sum(valeus)")
    result, executed = run_answers(GOOD | {"double": warns, "total": raises})
    assert result.verdict == "graded"
    assert points(result) == {"double": 1, "total": 0, "root": 3}
    [message] = [mark.message for mark in result.cell_scores if mark.cell == "test-total"]
    assert "NameError: name 'valeus' is not defined" in message
    [test] = [cell for cell in executed.notebook.cells if cell.id == "test-total"]
    assert "in total, line 3 of its cell: return sum(valeus)" in test.outputs[-1].traceback
    assert "math.pi" not in str(test.outputs)  # nothing of the hidden test


def test_execute_partial_points_from_last_line():
    result, _ = run_answers(
        GOOD | {"root": "def root(x):\n    return x"},
    )
    assert points(result)["root"] == 1.5 and states(result)["root"] == "partial"


def test_execute_input_raises_an_error():
    result, _ = run_answers(
        GOOD | {"double": "number = input('number? ')"},
    )
    assert points(result) == FULL | {"double": 0}
    [mark] = [mark for mark in result.cell_scores if mark.cell == "test-double"]
    assert "nobody can answer" in mark.message


STUCK = {
    "a loop": "while True: pass",
    "a loop that swallows the interrupt": """
while True:
    try:
        while True: number = 0
    except BaseException: pass""",
    "a signal that is ignored": "import signal; signal.signal(2, signal.SIG_IGN)\nwhile 1: pass",
    "a long sleep": "import time; time.sleep(1000)",
    "a program that waits": "import subprocess; subprocess.run(['sleep', '1000'])",
}


@pytest.mark.parametrize("where", ["in its cell", "in the test"])
@pytest.mark.parametrize("how", STUCK)
def test_execute_endless_cell_costs_one_exercise(how, where):
    body = STUCK[how]
    answer = f"def total(values):\n    exec({body!r})" if where == "in the test" else body
    result, executed = run_answers(GOOD | {"total": answer}, limits=QUICK)
    assert points(result) == FULL | {"total": 0}
    assert result.verdict == ("partly_graded" if where == "in the test" else "graded")
    if where == "in the test":
        assert states(result)["total"] == "timeout"
        assert "ran for more than 2 seconds" in executed.detail


DEAD = {
    "exit": ("exit()", None),
    "sys.exit": ("import sys; sys.exit(3)", None),
    "os._exit": ("import os; os._exit(3)", "exit status 3"),
    "kill": ("import os; os.kill(os.getpid(), 9)", "ended by signal 9"),
    "a fault": ("import ctypes; ctypes.string_at(0)", "memory fault"),
    "abort": ("import os; os.abort()", "ended by signal 6"),
    "the end of a C program": ("import ctypes; ctypes.CDLL(None).exit(0)", "exit status 0"),
}


@pytest.mark.parametrize("where", ["in its cell", "in the test"])
@pytest.mark.parametrize("how", DEAD)
def test_execute_process_exit_costs_one_exercise(how, where):
    body, says = DEAD[how]
    answer = f"def total(values):\n    exec({body!r})" if where == "in the test" else body
    result, executed = run_answers(GOOD | {"total": answer})
    assert points(result) == FULL | {"total": 0}
    assert result.verdict == ("partly_graded" if says and where == "in the test" else "graded")
    assert executed.detail == "" if says is None else says in executed.detail


@each_level
def test_execute_replays_earlier_cells_after_restart(level):
    _, ran = run_cells(
        "x = []", "x.append(1)", "import os; os._exit(1)", "x.append(2)", "print(x)",
        isolation=level,
    )  # fmt: skip
    assert states_of(ran) == ["ok", "ok", "kernel_died", "ok", "ok"]
    assert printed(ran[4]) == "[1, 2]\n" and printed(ran[0]) == ""


def test_execute_limits_the_number_of_restarts():
    killer = ["import os; os._exit(1)"] * 12
    done, ran = run_cells(*killer, "print('still here')")
    assert states_of(ran)[-1] == "not_run" and done.status == "kernel_died"
    assert "its process was lost 9 times" in done.detail


def test_execute_limits_the_time_of_a_submission():
    limits = LIMITS._replace(submission_seconds=4)
    slow = {name: f"time.sleep(1.8)\n{answer}" for name, answer in GOOD.items()}
    result, executed = run_answers(slow, limits=limits)
    assert executed.status == "timeout" and result.verdict == "timeout"
    assert points(result) == {"double": 1, "total": 2, "root": 0}
    assert "ran for more than 4 seconds" in executed.detail


def test_execute_points_test_has_its_own_limit():
    lesson = build_lesson(TESTS | {"root": (3, "", "", "points(root)")})
    measures = "def points(function):\n    time.sleep(3)\n    return function(9)"
    submission = handed_in(lesson, GOOD, first=measures)
    result, _ = run(lesson, submission, limits=QUICK._replace(points_seconds=20))
    assert (result.verdict, points(result)) == ("graded", FULL)
    result, _ = run(lesson, submission, limits=QUICK._replace(points_seconds=1))
    assert states(result)["root"] == "timeout"


def test_execute_failed_start_gives_no_score():
    result, executed = run_answers(GOOD, limits=Limits(startup_seconds=0.001))
    assert result.verdict == "infrastructure_error" and result.score is None
    assert "no process could be started" in executed.detail
