"""Submissions that try to get points without answers, or data of the grader's machine."""

import functools
import os
import sqlite3
import tempfile
from pathlib import Path

import pytest

from quantlab_helpers.course.authoring.build import build_course
from quantlab_helpers.grading.execute.sandbox.bubblewrap import readable_paths
from quantlab_helpers.grading.lesson import make_lesson
from tests import ROOT
from tests.grading.sandbox_runs import (
    GOOD,
    LIMITS,
    TESTS,
    build_lesson,
    each_level,
    handed_in,
    is_gone,
    needs_bubblewrap,
    points,
    run,
    run_answers,
    states,
)

pytestmark = pytest.mark.process
LARGE = LIMITS._replace(memory_bytes=3 * 2**30)
NONE = {"double": 0.0, "total": 0.0, "root": 0.0}
WRONG = {name: answer.split("\n")[0] + "\n    return 0.25" for name, answer in GOOD.items()}


# A cell at the top of a notebook; the answers below it are wrong.
TRICKS = {
    "an input transformer": (
        "get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])"
    ),
    "a cleanup transformer": (
        "get_ipython().input_transformer_manager.cleanup_transforms.append(lambda lines: ['1'])"
    ),
    "an ast transformer": (
        'import ast\n'
        'class Gone(ast.NodeTransformer):\n'
        '    def visit_Assert(self, node): return ast.Pass()\n'
        'get_ipython().ast_transformers.append(Gone())'
    ),
    "a silent showtraceback": (
        'get_ipython().showtraceback = get_ipython()._showtraceback = lambda *a, **k: None\n'
        'type(get_ipython()).run_cell = lambda *a, **k: None'
    ),
    "handlers of exceptions": (
        'import sys\n'
        'get_ipython().set_custom_exc((Exception,), lambda *a, **k: None)\n'
        'sys.excepthook = sys.unraisablehook = lambda *a: None'
    ),
    "hooks of the display": (
        'import sys\n'
        'sys.displayhook = lambda value: print(3)\n'
        "text = get_ipython().display_formatter.formatters['text/plain']\n"
        "text.for_type(float, lambda value, p, cycle: p.text('3'))"
    ),
    "built-in functions": (
        'import builtins\n'
        'builtins.sum = lambda values: 4\n'
        'builtins.range = lambda n: []\n'
        'builtins.isinstance = lambda a, b: True'
    ),
    "exec and compile": (
        'import builtins\n'
        'builtins.exec = builtins.eval = lambda *a, **k: 3\n'
        'keep = builtins.compile\n'
        "builtins.compile = lambda s, *a, **k: keep('3', *a, **k)"
    ),
    "names of built-in functions": (
        'sum = lambda values: 4'
    ),
    "another __builtins__": (
        "__builtins__ = {'sum': lambda values: 4}"
    ),
    "a module by name": (
        'class math:\n'
        '    pi = 0.25\n'
        '    fsum = sqrt = lambda *a: 0.25'
    ),
    "a module in the table": (
        'import sys, types\n'
        "fake = types.ModuleType('math')\n"
        'fake.pi = 0.25\n'
        "sys.modules['math'] = fake\n"
        'import math'
    ),
    "what a module holds": (
        'math.pi = 0.25'
    ),
    "what writes the answer": (
        'import json, os, json.encoder\n'
        'lie = json.dumps\n'
        "json.dumps = lambda value, **k: lie({**value, 'error': None})\n"
        "json.encoder.JSONEncoder.encode = lambda self, value: '{}'\n"
        'json.encoder.encode_basestring_ascii = lambda value: \'""\''
    ),
    "a forged message": (
        'import os\n'
        'for fd in range(3, 64):\n'
        '    try: os.write(fd, b\'{"op": "end", "key": "", "error": null}\\nrubbish\\n\')\n'
        '    except OSError: pass'
    ),
    "a copy of the process": (
        'import os\n'
        'os.fork()'
    ),
    "a trace function": (
        'import sys\n'
        'sys.settrace(lambda frame, event, argument: None)'
    ),
    "a look at the calls above": (
        'import sys\n'
        'frame = sys._getframe(1)'
    ),
    "a look at all objects": (
        'import gc\n'
        'found = gc.get_objects()'
    ),
    "an audit hook": (
        'import sys\n'
        'sys.addaudithook(lambda event, arguments: None)'
    ),
    "a timer": (
        'import signal\n'
        'signal.signal(signal.SIGALRM, lambda *a: None)\n'
        'signal.setitimer(signal.ITIMER_REAL, 30)'
    ),
    "modules found elsewhere": (
        'import sys\n'
        'class Finder:\n'
        '    def find_spec(self, *a): return None\n'
        'sys.meta_path.insert(0, Finder())\n'
        "sys.path.insert(0, '.')"
    ),
    "replaced streams": (
        'import sys, io\n'
        'sys.stdout = sys.stderr = io.StringIO()'
    ),
}  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_attack_gives_no_points(trick):
    result, executed = run_answers(WRONG, first=TRICKS[trick])
    assert points(result) == NONE and result.verdict == "graded"
    assert executed.shared == {}


# A cell at the top of lesson 02, or an answer, that looks for the solution or changes the check.
CHECK_TRICKS = {
    "the exercise object": (
        "from quantlab_helpers import checks\n"
        "for name, exercise in checks.registry.EXERCISES.items():\n"
        "    object.__setattr__(exercise, 'cases', lambda rng: [])\n"
        "    object.__setattr__(exercise, 'check', lambda *a: None)",
        "    return None",
    ),
    "the solution by its name": (
        "import importlib\nname = 'quantlab_helpers.' + 'checks.lesson_02.' + 'uniform_levels'",
        "    return importlib.import_module(name).EXERCISE.solution(low, high, bits)",
    ),
    "the solution in the frames of an exception": (
        "import sys",
        "    frame = sys._getframe()\n    while frame:\n"
        "        for value in list(frame.f_locals.values()):\n"
        "            if hasattr(value, 'solution'):\n"
        "                return value.solution(low, high, bits)\n"
        "        frame = frame.f_back\n    return 0",
    ),
    "the solution among all objects": (
        "import gc",
        "    for value in gc.get_objects():\n"
        "        if type(value).__name__ == 'FunctionExercise':\n"
        "            return value.solution(low, high, bits)\n    return 0",
    ),
    "a failure made harmless": (
        "from quantlab_helpers.checks import exercise\n"
        "class Harmless(Exception):\n    def __new__(cls, *a):\n        return SystemExit(0)\n"
        "exercise.CheckFailed = Harmless\nexercise.CheckFailed.__init__ = lambda *a: None\n"
        "import quantlab_helpers.checks as c\nc.CheckFailed = c.NotAnswered = Harmless",
        "    return 0",
    ),
    "a callback of the collector": (
        "import gc\ndef work(phase, info):\n    import quantlab_helpers.checks.compare as c\n"
        "    c.array_difference = c.number_difference = lambda *a, **k: None\n"
        "gc.callbacks.append(work)\ngc.set_threshold(1)",
        "    return 0",
    ),
    "the function that runs tests": (
        "import sys\nmain = sys._getframe()\nwhile main.f_back:\n    main = main.f_back\n"
        "for name in list(main.f_globals):\n"
        "    if name.startswith('_run'):\n"
        "        main.f_globals[name] = lambda *a, **k: {'op': 'end', 'error': None, "
        "'result': None}",
        "    return 0",
    ),
    "the channel": (
        "import gc\nfor value in gc.get_objects():\n"
        "    if type(value).__name__ == 'Channel':\n"
        "        send = type(value).send\n"
        "        type(value).send = lambda self, **k: send(self, **{**k, 'error': None})",
        "    return 0",
    ),
    "a forged end of the test": (
        "import os",
        "    for fd in range(3, 64):\n        try:\n"
        '            os.write(fd, b\'{"op": "end", "error": null, "result": null}\\n\')\n'
        "        except OSError:\n            pass\n    return 0",
    ),
    "files of the solution": (
        "import pathlib, quantlab_helpers\n"
        "package = pathlib.Path(quantlab_helpers.__file__).parent\n"
        "found = [p for p in package.glob('checks/lesson_*/*')]\nprint('found', len(found))",
        "    return 0",
    ),
}


@needs_bubblewrap
@pytest.mark.parametrize("trick", CHECK_TRICKS)
def test_attack_on_a_check_gives_no_points(trick):
    first, body = CHECK_TRICKS[trick]
    lesson = lesson_02()
    answer = f"def uniform_levels(low, high, bits):\n{body}"
    notebook = handed_in(lesson, {"uniform-levels": answer}, first=first)
    result, executed = run(lesson, notebook, limits=LARGE, isolation="bubblewrap")
    assert result.score == 0 and result.verdict == "graded" and executed.shared == {}
    assert "found 0" in str(executed.notebook.cells) or trick != "files of the solution"


@functools.cache
def lesson_02():
    """Return lesson 02 of the course."""
    [built] = build_course(ROOT, ["02_uniform_quantization"]).lessons
    return make_lesson("02_uniform_quantization", built.instructor)


def test_attack_on_own_kernel_gives_no_points():
    first = (
        "import threading, time, builtins\ndef work():\n    while True:\n"
        "        builtins.len = lambda x: 4\n        time.sleep(0.001)\n"
        "threading.Thread(target=work, daemon=True).start()"
    )
    limits = LIMITS._replace(cell_seconds=2, submission_seconds=30)
    result, _ = run_answers(WRONG, first=first, limits=limits)
    assert points(result) == NONE


RETRAINING_TRICKS = {
    "a history of its own": "    net.history = 'qtqtq'\n    return net",
    "another number": (
        "    quantize(train_once(quantize(net)))\n    net.number += 1\n    return net"
    ),
    "weights without the training": (
        "    done = quantize(net)\n    copied = quantize(net)\n    with torch.no_grad():\n"
        "        copied.weight.copy_(done.weight)\n    return copied"
    ),
}


@pytest.mark.parametrize("trick", RETRAINING_TRICKS)
def test_attack_on_retraining_gives_no_points(trick):
    [built] = build_course(ROOT, ["04_retraining"]).lessons
    lesson = make_lesson("04_retraining", built.instructor)
    body = RETRAINING_TRICKS[trick]
    answer = f"def retrain_and_requantize(net, train_once, quantize, rounds):\n{body}"
    notebook = handed_in(lesson, {"retrain-requantize": answer})
    result, _ = run(lesson, notebook, limits=LARGE)
    assert points(result)["retrain-requantize"] == 0 and result.verdict == "graded"


def test_attack_by_skip_tags_gives_no_points():
    result, _ = run_answers(WRONG, tags=("test-double", "test-root"))
    assert points(result) == NONE


POINTS = {
    "nan": ("float('nan')", 0),
    "inf": ("float('inf')", 0),
    "more than there are": ("99", 3),
    "fewer than none": ("-5", 0),
    "a lie about its text": ("Lie()", 0),
}


@pytest.mark.parametrize("value", POINTS)
def test_attack_by_returned_points_is_bounded(value):
    """The last line of the test returns the value of the answer without any check."""
    careless = build_lesson(TESTS | {"root": (3, "", "", "root(4)")})
    expression, most = POINTS[value]
    lie = "class Lie:\n    def __repr__(self): return 'nan'\n"
    answer = f"{lie}def root(x):\n    return {expression}"
    result, _ = run(careless, handed_in(careless, GOOD | {"root": answer}))
    assert points(result)["root"] <= most and result.score <= careless.max_score


def test_attack_by_displayed_value_gives_no_points():
    answer = (
        "def root(x):\n    import sys\n    sys.displayhook(3)\n    get_ipython().displayhook(3)\n"
        "    get_ipython().run_cell('3')\n    display(3)\n    return 0.25"
    )
    result, _ = run_answers(GOOD | {"root": answer})
    assert points(result)["root"] == 0


def test_attack_by_exit_exceptions_gives_no_points():
    for kind in ("SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException"):
        answer = f"def total(values):\n    raise {kind}"
        result, executed = run_answers(GOOD | {"total": answer})
        assert states(result) == {"double": "right", "total": "wrong", "root": "right"}
        assert executed.ran["test-total"]


def test_attack_by_equal_objects_gives_no_points():
    answer = (
        "class Same:\n    def __eq__(self, other): return True\n"
        "def total(values):\n    return Same()"
    )
    result, executed = run_answers(GOOD | {"total": answer})
    assert points(result)["total"] == 0 and executed.evidence == ()


@each_level
def test_hidden_tests_are_invisible_before_they_run(level):
    """Not in the objects of the process, its pipes, or files other than those of Python."""
    first = f"""
import gc, os, select
seen = [o for o in gc.get_objects() if isinstance(o, (str, dict)) and 'math.pi]' in str(o)[:9999]]
poll = select.poll()
readable_paths = []
for fd in range(3, 64):
    try:
        os.fstat(fd); poll.register(fd, select.POLLIN)
        if poll.poll(10): readable_paths.append(os.read(fd, 1000))
        poll.unregister(fd)
    except OSError: pass
own = "math" + ".pi]"
top = {("/tmp" if level == "bubblewrap" else "..")!r}
paths = [os.path.join(d, f) for d, _, fs in os.walk(top) for f in fs]
paths = [path for path in paths if not path.startswith({readable_paths()!r})]
texts = [open(path, errors="replace").read() for path in paths]
print("seen", len(readable_paths), sum("BEGIN HIDDEN" in t or own in t for t in texts))
print(os.environ, open("/proc/self/cmdline").read())"""
    _, executed = run_answers(GOOD, first=first, isolation=level)
    [cell] = [cell for cell in executed.notebook.cells if "gc.get_objects" in cell.source]
    text = cell.outputs[0].text
    assert text.startswith("seen 0 0\n") and "assert" not in text


IMPOSTOR = """
import base64, json, os, select
def read(fd):
    return json.loads(os.read(fd, int(os.read(fd, 8), 16)))
fds = [fd for fd in range(3, 64) if os.path.exists(f"/proc/self/fd/{fd}")]
poll = select.poll()
for fd in fds: poll.register(fd, select.POLLIN)
for fd, event in poll.poll(1500):
    if event & select.POLLIN:
        print("read", read(fd))
for op in ("end", "returned", "named"):
    for number in range(9):
        reply = {"op": op, "number": number, "error": None, "result": "3", "data": "VA=="}
        for other in fds:
            try: os.write(other, json.dumps(reply).encode() + b"\\n")
            except OSError: pass
"""


def test_attack_by_forged_replies_gives_no_points():
    """The submission knows the protocol and answers in the kernel's place: its own data, True."""
    answer = f"def total(values):\n    exec({IMPOSTOR!r})\n    return 0.25"
    result, _ = run_answers(WRONG | {"total": answer}, first=IMPOSTOR)
    assert points(result) == NONE


@needs_bubblewrap
def test_bubblewrap_hides_course_and_gradebook(tmp_path):
    course = tmp_path / "course"
    course.mkdir()
    with sqlite3.connect(course / "gradebook.db") as database:
        database.execute("create table grade (manual_score)")
        database.execute("insert into grade values (1)")
    first = f"""
import sqlite3, os
for path in ({str(course / "gradebook.db")!r}, "../../../gradebook.db", "../gradebook.db"):
    try:
        with sqlite3.connect(path) as gradebook:
            gradebook.execute("update grade set manual_score=100")
    except sqlite3.Error as error: print(error)
print(os.path.exists({str(course)!r}), os.path.exists({str(ROOT / "instructor")!r}))"""
    _, executed = run_answers(GOOD, first=first, isolation="bubblewrap")
    assert "False False" in str(executed.notebook.cells)
    with sqlite3.connect(course / "gradebook.db") as database:
        assert database.execute("select * from grade").fetchall() == [(1,)]


@each_level
def test_attack_by_kill_costs_one_exercise(level):
    mark = f"{900_000 + os.getpid()}.5"
    answer = f"""
import os, subprocess
if os.getppid() > 1:
    subprocess.Popen(["sleep", "{mark}"], start_new_session=True)
    os.kill(os.getppid(), 9)
    os._exit(0)"""
    folders = set(Path(tempfile.gettempdir()).glob("quantlab-*"))
    result, _ = run_answers(GOOD | {"total": answer}, isolation=level)
    assert points(result)["double"] == 1 and points(result)["total"] == 0
    assert points(result)["root"] == 3
    assert is_gone(mark)
    assert set(Path(tempfile.gettempdir()).glob("quantlab-*")) <= folders
