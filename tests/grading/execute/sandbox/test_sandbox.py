"""`Sandbox`: its limits, and what submitted code can see and leave behind."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from nbformat.v4 import new_notebook

from quantlab_helpers.grading.execute.runner import execute
from quantlab_helpers.grading.execute.sandbox import sandbox
from quantlab_helpers.grading.execute.sandbox.bubblewrap import readable_paths
from tests import ROOT
from tests.grading.sandbox_runs import (
    GOOD,
    LIMITS,
    command_lines,
    each_level,
    handed_in,
    is_gone,
    needs_bubblewrap,
    points,
    printed,
    run,
    run_answers,
    run_cells,
    states_of,
    three_exercises,
)

pytestmark = pytest.mark.process
FULL = {"double": 1.0, "total": 2.0, "root": 3.0}
QUICK = LIMITS._replace(cell_seconds=2)


@each_level
def test_sandbox_memory_limit_spares_later_cells(level):
    answer = "hog = []\nwhile True:\n    hog.append(bytearray(50_000_000))"
    result, _ = run_answers(GOOD | {"total": answer}, isolation=level)
    assert points(result) == FULL | {"total": 0} and result.verdict == "graded"
    [mark] = [mark for mark in result.cell_scores if mark.cell == "test-total"]
    assert "MemoryError" in mark.message


@each_level
def test_sandbox_memory_limit_counts_all_processes(level):
    body = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        hog = bytearray(b"x" * 400_000_000)
        time.sleep(60)
time.sleep(60)"""
    result, executed = run_answers(GOOD | {"root": body}, isolation=level)
    [cell] = [cell for cell in executed.notebook.cells if cell.id == "root"]
    assert cell.outputs[-1].ename == "OutOfMemory"
    assert "took more than 1 GiB of memory" in executed.detail
    assert points(result) == FULL | {"root": 0}


@each_level
def test_sandbox_stops_a_fork_bomb(level):
    body = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    limits = QUICK._replace(processes=30)
    before = len(command_lines())
    submission = handed_in(three_exercises(), GOOD | {"root": body})
    result, _ = run(three_exercises(), submission, limits=limits, isolation=level)
    assert points(result) == FULL | {"root": 0}
    assert len(command_lines()) < before + 25


@each_level
def test_sandbox_limits_size_of_files(level):
    one = "open('large', 'wb').write(bytes(20_000_000))"
    many = (
        "for number in range(20):\n"
        "    with open(f'file{number}', 'wb') as file: file.write(bytes(4_000_000))\n"
        "import time; time.sleep(5)"
    )
    _, ran = run_cells(one, many, "print('ok')", isolation=level)
    assert ran[0].outputs[-1].ename == "OSError"
    assert states_of(ran)[1] in ("error", "kernel_died") and printed(ran[2]) == "ok\n"
    expected = "No space left" if level == "bubblewrap" else "more than 32 MiB into files"
    assert expected in str(ran[1].outputs)


@each_level
def test_sandbox_kills_detached_processes(level):
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
    result, _ = run_answers(GOOD, first=body, isolation=level)
    assert points(result) == FULL
    assert is_gone(mark)


@each_level
def test_sandbox_deletes_nested_locked_scratch_folder(level):
    body = """
import os
for _ in range(1200):
    os.mkdir('d'); os.chdir('d')
os.mkdir('locked'); open('locked/file', 'w').close(); os.chmod('locked', 0)"""
    before = set(Path(tempfile.gettempdir()).glob("quantlab-*"))
    _, ran = run_cells(body, isolation=level)
    assert states_of(ran) == ["ok"]
    assert set(Path(tempfile.gettempdir()).glob("quantlab-*")) <= before


@each_level
def test_sandbox_has_no_network(level):
    body = """
import socket, urllib.request
try:
    socket.create_connection(("127.0.0.1", 9), timeout=5)
except ConnectionRefusedError as error: print("refused")
except OSError as error: print(type(error).__name__)
try:
    urllib.request.urlopen("http://192.0.2.1/", timeout=5)
except OSError as error: print("no")"""
    _, ran = run_cells(body, isolation=level)
    expected = ["refused", "OSError"] if level == "bubblewrap" else ["PermissionError"]
    assert printed(ran[0]).split()[0] in expected and printed(ran[0]).split()[1] == "no"


def _visible_names(root):
    """Return the names in a folder that lead to Python or the package."""
    inside = [
        Path(path).relative_to(root) for path in readable_paths() if Path(path).is_relative_to(root)
    ]
    return sorted({path.parts[0] for path in inside})


@needs_bubblewrap
def test_bubblewrap_hides_course_and_is_read_only():
    body = f"""
import os, quantlab_helpers, pathlib
root = {str(ROOT)!r}
print(sorted(os.listdir(root)), os.path.exists('/etc/passwd'))
print([p for p in ('/', '/usr', '/etc', '/dev', root, root + '/quantlab_helpers')
       if os.access(p, os.W_OK)])
try: pathlib.Path(quantlab_helpers.__file__).with_name('model.py').write_text('')
except OSError as error: print('read-only')
print(os.environ.get('SECRET'), len([n for n in os.listdir('/proc') if n.isdigit()]))"""
    os.environ["SECRET"] = "from outside"
    try:
        _, ran = run_cells(body)
    finally:
        del os.environ["SECRET"]
    lines = printed(ran[0]).splitlines()
    assert lines[0] == f"{_visible_names(ROOT)} False" and "instructor" not in lines[0]
    assert lines[1:3] == ["[]", "read-only"]
    assert lines[3] in ("None 2", "None 3")


def test_sandbox_finds_package_in_any_folder(tmp_path):
    """Below /tmp as well, which a sandbox hides: even where a sandbox's own folder would lie."""
    package = tmp_path / "work" / "quantlab_helpers"
    shutil.copytree(ROOT / "quantlab_helpers", package, ignore=shutil.ignore_patterns("__pyc*"))
    (tmp_path / "work" / "secret").write_text("of the grader")
    program = (
        "from nbformat.v4 import new_code_cell, new_notebook\n"
        "from quantlab_helpers.grading.execute.runner import execute\n"
        "cell = new_code_cell('import quantlab_helpers, os; print(quantlab_helpers.__file__, "
        "*sorted(os.listdir(os.path.dirname(os.path.dirname(quantlab_helpers.__file__)))))')\n"
        "done = execute(new_notebook(cells=[cell]))\n"
        "print(done.isolation, done.notebook.cells[0].outputs[0].text)"
    )
    process = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env=os.environ | {"PYTHONPATH": str(package.parent)},
        capture_output=True,
        text=True,
    )
    assert process.stderr == ""
    level, *printed_inside = process.stdout.split()
    shown = ["secret"] if level == "prlimit" else []
    assert printed_inside == [str(package / "__init__.py"), "quantlab_helpers", *shown]


def test_choose_isolation_gives_level_or_refuses(monkeypatch):
    with pytest.raises(ValueError, match="must be auto, bubblewrap or prlimit, got 'best'"):
        sandbox.choose_isolation("best")
    monkeypatch.setenv("PATH", "/nonexistent")
    sandbox.why_no_bubblewrap.cache_clear()
    try:
        assert sandbox.choose_isolation() == "prlimit"
        with pytest.raises(
            sandbox.NoIsolation, match=r"bwrap is not installed.*apt install bubble"
        ):
            execute(new_notebook(), isolation="bubblewrap")
    finally:
        sandbox.why_no_bubblewrap.cache_clear()


def test_sandbox_ends_when_grader_is_killed():
    mark = f"{800_000 + os.getpid()}.5"
    program = (
        "from nbformat.v4 import new_code_cell, new_notebook\n"
        "from quantlab_helpers.grading.execute.runner import execute\n"
        f"execute(new_notebook(cells=[new_code_cell('!sleep {mark}')]))"
    )
    grader = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 60
    while not any(f"sleep {mark}" in c and "quantlab" not in c for c in command_lines()):
        assert time.monotonic() < deadline and grader.poll() is None
        time.sleep(0.1)
    grader.kill()
    grader.wait()
    assert is_gone(mark, seconds=20)


def test_bubblewrap_binds_the_package_only():
    """`readable_paths` names the package by its root, wherever a module of grading is."""
    package = str(ROOT / "quantlab_helpers")
    assert package in readable_paths()
    assert not any(
        path == str(ROOT) or path.startswith(f"{ROOT}/instructor") for path in readable_paths()
    )


def test_command_gives_the_folder_of_the_package():
    command = sandbox._command("kernel", "prlimit", LIMITS, 0, {"requests": 3, "replies": 4})
    assert json.loads(command[-1])["package"] == str(ROOT)


def test_sandbox_names_only_existing_files_in_strings():
    folder = Path(sandbox.__file__).parent
    grading = folder.parent.parent
    judge = grading / "judge" / "judge.py"
    assert re.findall(r'_FOLDER / "(\w+)\.py"', (folder / "sandbox.py").read_text())
    assert all(path.is_file() for path in sandbox._PROGRAMS.values())
    for path in (folder / "kernel.py", folder / "program.py", judge):
        files = re.findall(r'load_file\("(\w+)"\)', path.read_text())
        files = [folder / f"{name}.py" for name in files]
        judged = re.findall(r'load_from_judge\("(\w+)"\)', path.read_text())
        files += [judge.parent / f"{name}.py" for name in judged]
        assert files and all(file.is_file() for file in files)


def test_supervisor_imports_the_standard_library_only():
    tree = ast.parse((Path(sandbox.__file__).parent / "supervisor.py").read_text())
    modules = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    modules |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module.partition(".")[0] for module in modules} <= sys.stdlib_module_names
