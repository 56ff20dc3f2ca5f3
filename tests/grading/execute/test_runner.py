"""What becomes of a submission that runs: honest, broken, stuck, greedy, or dead."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from quantlab_helpers.grading.execute.runner import execute
from quantlab_helpers.grading.execute.sandbox import sandbox as sandbox
from quantlab_helpers.grading.execute.sandbox.bubblewrap import readable_paths
from quantlab_helpers.grading.records import Limits
from tests import ROOT
from tests.grading import sandbox_runs as running
from tests.grading.sandbox_runs import (
    GOOD,
    LIMITS,
    commands,
    each_level,
    handed_in,
    is_gone,
    lesson,
    needs_bubblewrap,
    points,
    run,
    states,
)

THREE = lesson()
FULL = {"double": 1.0, "total": 2.0, "root": 3.0}
QUICK = LIMITS._replace(cell_seconds=2)


def cells(*sources, **options):
    """Run plain cells; return what was executed, and the cells."""
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    done = execute(notebook, limits=options.pop("limits", LIMITS), **options)
    return done, done.notebook.cells


def states_of(cells):
    return [cell.metadata["quantlab"]["state"] for cell in cells]


def printed(cell):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


# Honest submissions


@each_level
def test_a_good_submission_gets_all_points_and_an_empty_one_none(level):
    result, executed = run(THREE, handed_in(THREE, GOOD), isolation=level)
    assert (result.verdict, result.score, result.isolation) == ("graded", 6, level)
    assert executed.ran == dict.fromkeys(executed.ran, True) and executed.evidence == ()
    nbformat.validate(executed.notebook)
    result, executed = run(THREE, handed_in(THREE, {}), isolation=level)
    assert (result.verdict, result.score) == ("graded", 0)
    assert set(states(result).values()) == {"not_answered"} and executed.evidence == ()


def test_the_notebook_that_was_passed_stays_as_it_was():
    notebook = new_notebook(cells=[new_code_cell("1 + 1")])
    before = nbformat.writes(notebook)
    execute(notebook, limits=LIMITS)
    assert nbformat.writes(notebook) == before


def test_outputs_are_those_of_a_notebook():
    done, ran = cells(
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


def test_only_the_cells_that_were_asked_for_run():
    notebook = new_notebook(cells=[new_code_cell(f"print({n})", id=f"c{n}") for n in range(3)])
    done = execute(notebook, limits=LIMITS, cells=["c0", "c2"])
    assert states_of(done.notebook.cells) == ["ok", "skipped", "ok"]
    assert [printed(cell) for cell in done.notebook.cells] == ["0\n", "", "2\n"]


@each_level
def test_a_file_of_the_submission_is_there_but_takes_no_librarys_place(level):
    files = {"helper.py": b"answer = 42", "data/x.txt": b"text", "numpy.py": b"1/0"}
    files |= {"json.py": b"1/0"}
    done, ran = cells(
        "import helper, numpy, json\nprint(helper.answer, open('data/x.txt').read())",
        files=files,
        isolation=level,
    )
    assert printed(ran[0]) == "42 text\n" and done.status == "complete"


@pytest.mark.parametrize("name", ["../up.py", "/etc/passwd", "a/../../b", ""])
def test_a_file_outside_of_the_folder_is_refused(name):
    with pytest.raises(ValueError, match="must have names inside the working folder"):
        execute(new_notebook(), {name: b""})


def test_a_warning_costs_nothing_and_an_exception_of_the_answer_does():
    warns = "import warnings, sys\n" + GOOD["double"].replace(
        "return", "warnings.warn('careful'); print('oh', file=sys.stderr); return"
    )
    raises = GOOD["total"].replace("sum(values)", "sum(valeus)")
    result, executed = run(THREE, handed_in(THREE, GOOD | {"double": warns, "total": raises}))
    assert result.verdict == "graded"
    assert points(result) == {"double": 1, "total": 0, "root": 3}
    [message] = [mark.message for mark in result.marks if mark.cell == "test-total"]
    assert "NameError: name 'valeus' is not defined" in message
    [test] = [cell for cell in executed.notebook.cells if cell.id == "test-total"]
    assert "in total, line 3 of its cell: return sum(valeus)" in test.outputs[-1].traceback
    assert "math.pi" not in str(test.outputs)  # nothing of the hidden test


def test_points_by_degrees_come_from_the_last_line_of_the_test():
    result, _ = run(THREE, handed_in(THREE, GOOD | {"root": "def root(x):\n    return x"}))
    assert points(result)["root"] == 1.5 and states(result)["root"] == "partial"


def test_input_has_nobody_who_answers():
    result, _ = run(THREE, handed_in(THREE, GOOD | {"double": "number = input('number? ')"}))
    assert points(result) == FULL | {"double": 0}
    [mark] = [mark for mark in result.marks if mark.cell == "test-double"]
    assert "nobody who could answer" in mark.message


# Stuck and dead


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


@pytest.mark.slow
@pytest.mark.parametrize("where", ["in its cell", "in the test"])
@pytest.mark.parametrize("how", STUCK)
def test_who_is_stuck_loses_that_exercise_only(how, where):
    body = STUCK[how]
    answer = f"def total(values):\n    exec({body!r})" if where == "in the test" else body
    begun = time.monotonic()
    result, executed = run(THREE, handed_in(THREE, GOOD | {"total": answer}), limits=QUICK)
    assert points(result) == FULL | {"total": 0}
    assert result.verdict == ("partly_graded" if where == "in the test" else "graded")
    if where == "in the test":
        assert states(result)["total"] == "timeout"
        assert "ran for more than 2 seconds" in executed.detail
    assert time.monotonic() - begun < 60


DEAD = {
    "exit": ("exit()", None),
    "sys.exit": ("import sys; sys.exit(3)", None),
    "os._exit": ("import os; os._exit(3)", "exit status 3"),
    "kill": ("import os; os.kill(os.getpid(), 9)", "ended by signal 9"),
    "a fault": ("import ctypes; ctypes.string_at(0)", "a fault in memory"),
    "abort": ("import os; os.abort()", "ended by signal 6"),
    "the end of a C program": ("import ctypes; ctypes.CDLL(None).exit(0)", "exit status 0"),
}


@pytest.mark.parametrize("where", ["in its cell", "in the test"])
@pytest.mark.parametrize("how", DEAD)
def test_who_ends_the_process_loses_that_exercise_only(how, where):
    body, says = DEAD[how]
    answer = f"def total(values):\n    exec({body!r})" if where == "in the test" else body
    result, executed = run(THREE, handed_in(THREE, GOOD | {"total": answer}))
    assert points(result) == FULL | {"total": 0}
    assert result.verdict == ("partly_graded" if says and where == "in the test" else "graded")
    assert executed.detail == "" if says is None else says in executed.detail


@each_level
def test_a_new_process_runs_again_what_came_before_but_not_what_killed_the_last(level):
    _, ran = cells(
        "x = []", "x.append(1)", "import os; os._exit(1)", "x.append(2)", "print(x)",
        isolation=level,
    )  # fmt: skip
    assert states_of(ran) == ["ok", "ok", "kernel_died", "ok", "ok"]
    assert printed(ran[4]) == "[1, 2]\n" and printed(ran[0]) == ""


@pytest.mark.slow
def test_a_submission_that_keeps_dying_ends():
    killer = ["import os; os._exit(1)"] * 12
    done, ran = cells(*killer, "print('still here')")
    assert states_of(ran)[-1] == "not_run" and done.status == "kernel_died"
    assert "its process was lost 9 times" in done.detail


@pytest.mark.slow
def test_a_submission_has_an_end_even_if_each_cell_keeps_to_its_time():
    limits = LIMITS._replace(submission_seconds=4)
    begun = time.monotonic()
    slow = {name: f"time.sleep(1.8)\n{answer}" for name, answer in GOOD.items()}
    result, executed = run(THREE, handed_in(THREE, slow), limits=limits)
    assert executed.status == "timeout" and result.verdict == "timeout"
    assert points(result) == {"double": 1, "total": 2, "root": 0}
    assert "ran for more than 4 seconds" in executed.detail
    assert time.monotonic() - begun < 30


def test_a_test_that_gives_points_has_longer(monkeypatch):
    monkeypatch.setitem(running.TESTS, "root", (3, "", "", "points(root)"))
    measures = "def points(function):\n    time.sleep(3)\n    return function(9)"
    submission = handed_in(lesson(), GOOD, first=measures)
    result, _ = run(lesson(), submission, limits=QUICK._replace(points_seconds=20))
    assert (result.verdict, points(result)) == ("graded", FULL)
    result, _ = run(lesson(), submission, limits=QUICK._replace(points_seconds=1))
    assert states(result)["root"] == "timeout"


def test_nothing_that_runs_at_all_is_no_zero():
    result, executed = run(THREE, handed_in(THREE, GOOD), limits=Limits(startup_seconds=0.001))
    assert result.verdict == "infrastructure_error" and result.score is None
    assert "no process could be started" in executed.detail


# Greedy


@each_level
def test_endless_printing_is_cut_while_it_arrives(level):
    endless = "def total(values):\n    while True:\n        print('no end ' * 20)"
    limits = QUICK._replace(cell_output_bytes=10_000)
    submission = handed_in(THREE, GOOD | {"total": endless})
    result, executed = run(THREE, submission, limits=limits, isolation=level)
    assert points(result) == FULL | {"total": 0} and states(result)["total"] == "timeout"
    [test] = [cell for cell in executed.notebook.cells if cell.id == "test-total"]
    assert len(printed(test)) < 10_200 and "the rest is left out" in printed(test)


def test_a_flood_costs_nothing_but_its_own_output():
    done, ran = cells(
        "print('x' * 30_000_000)",
        "import os; os.write(1, b'y' * 3_000_000);",
        "display({'text/plain': 'z' * 3_000_000}, raw=True)",
        "print('ok')",
        limits=LIMITS._replace(cell_output_bytes=50_000, notebook_output_bytes=120_000),
    )
    assert states_of(ran) == ["ok"] * 4
    assert all(len(printed(cell)) < 50_300 for cell in ran)
    assert len(nbformat.writes(done.notebook)) < 130_000
    assert printed(ran[3]) == "ok\n"


def test_a_whole_notebook_has_a_limit_for_what_it_puts_out():
    limits = LIMITS._replace(cell_output_bytes=1000, notebook_output_bytes=2500)
    _, ran = cells(*["print('x' * 990)"] * 5, limits=limits)
    assert sum(len(printed(cell)) for cell in ran) < 3500
    assert "the rest is left out" in printed(ran[2])


@pytest.mark.slow
@each_level
def test_memory_ends_in_an_exception_and_later_cells_have_room_again(level):
    answer = "hog = []\nwhile True:\n    hog.append(bytearray(50_000_000))"
    result, _ = run(THREE, handed_in(THREE, GOOD | {"total": answer}), isolation=level)
    assert points(result) == FULL | {"total": 0} and result.verdict == "graded"
    [mark] = [mark for mark in result.marks if mark.cell == "test-total"]
    assert "MemoryError" in mark.message


@pytest.mark.slow
@each_level
def test_memory_of_several_processes_counts_together(level):
    body = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        hog = bytearray(b"x" * 400_000_000)
        time.sleep(60)
time.sleep(60)"""
    result, executed = run(THREE, handed_in(THREE, GOOD | {"root": body}), isolation=level)
    [cell] = [cell for cell in executed.notebook.cells if cell.id == "root"]
    assert cell.outputs[-1].ename == "OutOfMemory"
    assert "took more than 1 GiB of memory" in executed.detail
    assert points(result) == FULL | {"root": 0}


@each_level
def test_a_fork_bomb_stops_and_nothing_of_it_is_left(level):
    body = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    limits = QUICK._replace(processes=30)
    before = len(commands())
    submission = handed_in(THREE, GOOD | {"root": body})
    result, _ = run(THREE, submission, limits=limits, isolation=level)
    assert points(result) == FULL | {"root": 0}
    assert len(commands()) < before + 25


@each_level
def test_files_have_a_limit_each_and_together(level):
    one = "open('large', 'wb').write(bytes(20_000_000))"
    many = (
        "for number in range(20):\n"
        "    with open(f'file{number}', 'wb') as file: file.write(bytes(4_000_000))\n"
        "import time; time.sleep(5)"
    )
    _, ran = cells(one, many, "print('ok')", isolation=level)
    assert ran[0].outputs[-1].ename == "OSError"
    assert states_of(ran)[1] in ("error", "kernel_died") and printed(ran[2]) == "ok\n"
    expected = "No space left" if level == "bubblewrap" else "wrote more files than it may"
    assert expected in str(ran[1].outputs)


# What is left, and what is not reached


@each_level
def test_no_process_outlives_its_submission(level):
    mark = f"{700_000 + os.getpid()}.5"
    body = f"""
import subprocess, os
subprocess.Popen(["sleep", "{mark}"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "{mark}"])
    os._exit(0)
os.wait()
import time; time.sleep(0.5)
os.system("ps -e 2>/dev/null; ls /proc | grep -c '^[0-9]'")"""
    result, _ = run(THREE, handed_in(THREE, GOOD, first=body), isolation=level)
    assert points(result) == FULL
    assert is_gone(mark)


@each_level
def test_a_scratch_folder_is_deleted_however_it_was_left(level):
    body = """
import os
for _ in range(1200):
    os.mkdir('d'); os.chdir('d')
os.mkdir('locked'); open('locked/file', 'w').close(); os.chmod('locked', 0)"""
    before = set(Path(tempfile.gettempdir()).glob("quantlab-*"))
    _, ran = cells(body, isolation=level)
    assert states_of(ran) == ["ok"]
    assert set(Path(tempfile.gettempdir()).glob("quantlab-*")) <= before


@each_level
def test_the_network_cannot_be_reached(level):
    body = """
import socket, urllib.request
try:
    socket.create_connection(("127.0.0.1", 9), timeout=5)
except ConnectionRefusedError as error: print("refused")
except OSError as error: print(type(error).__name__)
try:
    urllib.request.urlopen("http://192.0.2.1/", timeout=5)
except OSError as error: print("no")"""
    _, ran = cells(body, isolation=level)
    expected = ["refused", "OSError"] if level == "bubblewrap" else ["PermissionError"]
    assert printed(ran[0]).split()[0] in expected and printed(ran[0]).split()[1] == "no"


def _seen_of(root):
    """The names in a folder below which Python or the package lies."""
    inside = [
        Path(path).relative_to(root) for path in readable_paths() if Path(path).is_relative_to(root)
    ]
    return sorted({path.parts[0] for path in inside})


@needs_bubblewrap
def test_a_jail_shows_neither_the_course_nor_the_people_nor_a_way_to_write():
    body = f"""
import os, quantlab_helpers, pathlib
root = {str(ROOT)!r}
print(sorted(os.listdir(root)), os.path.exists('/etc/passwd'))
print([p for p in ('/', '/usr', '/etc', '/dev', root, root + '/quantlab_helpers')
       if os.access(p, os.W_OK)])
try: pathlib.Path(quantlab_helpers.__file__).with_name('checks.py').write_text('')
except OSError as error: print('read-only')
print(os.environ.get('SECRET'), len([n for n in os.listdir('/proc') if n.isdigit()]))"""
    os.environ["SECRET"] = "from outside"
    try:
        _, ran = cells(body)
    finally:
        del os.environ["SECRET"]
    lines = printed(ran[0]).splitlines()
    assert lines[0] == f"{_seen_of(ROOT)} False" and "instructor" not in lines[0]
    assert lines[1:3] == ["[]", "read-only"]
    assert lines[3] in ("None 2", "None 3")


@pytest.mark.slow
def test_the_package_may_lie_anywhere(tmp_path):
    """Below /tmp as well, which a sandbox hides: even where a sandbox's own folder would lie."""
    package = tmp_path / "work" / "quantlab_helpers"
    shutil.copytree(ROOT / "quantlab_helpers", package, ignore=shutil.ignore_patterns("__pyc*"))
    (tmp_path / "work" / "secret").write_text("of the one who grades")
    program = (
        "from nbformat.v4 import new_code_cell, new_notebook\n"
        "from quantlab_helpers.grading.execute import execute\n"
        "cell = new_code_cell('import quantlab_helpers, os; print(quantlab_helpers.__file__, "
        "*sorted(os.listdir(os.path.dirname(os.path.dirname(quantlab_helpers.__file__)))))')\n"
        "done = execute(new_notebook(cells=[cell]))\n"
        "print(done.isolation, done.notebook.cells[0].outputs[0].text)"
    )
    told = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env=os.environ | {"PYTHONPATH": str(package.parent)},
        capture_output=True,
        text=True,
    )
    assert told.stderr == ""
    level, *told_inside = told.stdout.split()
    shown = ["secret"] if level == "prlimit" else []
    assert told_inside == [str(package / "__init__.py"), "quantlab_helpers", *shown]


def test_isolation_is_given_or_refused(monkeypatch):
    with pytest.raises(ValueError, match="must be auto, bubblewrap or prlimit, got 'best'"):
        sandbox.isolation("best")
    monkeypatch.setenv("PATH", "/nonexistent")
    sandbox.why_no_bubblewrap.cache_clear()
    try:
        assert sandbox.isolation() == "prlimit"
        with pytest.raises(
            sandbox.NoIsolation, match=r"bwrap is not installed.*apt install bubble"
        ):
            execute(new_notebook(), isolation="bubblewrap")
    finally:
        sandbox.why_no_bubblewrap.cache_clear()


@pytest.mark.slow
def test_whoever_grades_may_be_killed_and_the_jail_ends():
    mark = f"{800_000 + os.getpid()}.5"
    program = (
        "from nbformat.v4 import new_code_cell, new_notebook\n"
        "from quantlab_helpers.grading.execute import execute\n"
        f"execute(new_notebook(cells=[new_code_cell('!sleep {mark}')]))"
    )
    grader = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 60
    while not any(f"sleep {mark}" in c and "quantlab" not in c for c in commands()):
        assert time.monotonic() < deadline and grader.poll() is None
        time.sleep(0.1)
    grader.kill()
    grader.wait()
    assert is_gone(mark, seconds=20)
