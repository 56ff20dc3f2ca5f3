"""`audit_hook`: reports of introspection; a hook cannot be removed, so it runs in a process."""

import subprocess
import sys
from pathlib import Path

import pytest

from quantlab_helpers.grading.execute.sandbox import audit_hook
from tests.grading.sandbox_runs import GOOD, TESTS, build_lesson, handed_in, run, states

pytestmark = pytest.mark.process
PROGRAM = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("audit_hook", {path!r})
hook = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hook)
reports = []
hook.install(reports.append, offline={offline})
try:
    exec(compile({code!r}, {filename!r}, "exec"), {{}})
except Exception as error:
    reports.append(type(error).__name__)
print(*reports, sep="\\n")
"""


def reports(code, *, filename="<ipython-input-1-abc>", offline=False):
    """Return what the hook reports when this code runs in a file of this name."""
    path = str(Path(audit_hook.__file__))
    program = PROGRAM.format(path=path, offline=offline, code=code, filename=filename)
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert process.stderr == ""
    return process.stdout.splitlines()


@pytest.mark.parametrize(
    ("code", "report"),
    [
        ("import sys; sys._getframe(0)", "the notebook looked at the calls that led to it"),
        ("import sys; sys.settrace(print)", "the notebook set a trace function"),
        ("import gc; gc.get_objects()", "the notebook listed the objects of the process"),
        ("open('/proc/self/mem', 'rb')", "the notebook opened /proc/self/mem"),
    ],
)
def test_audit_hook_reports_introspection_by_cells(code, report):
    assert reports(code)[0].startswith(report)


def test_audit_hook_ignores_code_of_libraries():
    assert reports("import sys; sys._getframe(0)", filename="library.py") == [""]


def test_audit_hook_refuses_further_hooks():
    """Python ignores the hook silently; it would print the events that follow."""
    lines = reports("import sys; sys.addaudithook(print); open('/dev/null').close()")
    assert lines == ["the notebook set an audit hook (sys.addaudithook)"]


def test_audit_hook_refuses_connections_when_offline():
    connect = "import socket; socket.create_connection(('127.0.0.1', 9), timeout=5)"
    assert reports(connect, offline=True) == ["PermissionError"]
    assert reports(connect) == ["ConnectionRefusedError"]


def test_audit_hook_ignores_traces_set_by_checks():
    """Python removes a trace function that raises; the event has the traced cell as caller."""
    stops = (
        "import sys\ndef stop(*event):\n    raise RuntimeError('too many lines')\n"
        "sys.settrace(stop)\ntry:\n    root(4)\nfinally:\n    sys.settrace(None)\n"
    )
    lesson = build_lesson(TESTS | {"root": (3, "", stops, "3")})
    result, executed = run(lesson, handed_in(lesson, GOOD))
    assert states(result)["root"] == "wrong" and "too many lines" in result.cell_scores[-1].message
    assert executed.evidence == ()
