"""Submissions that try to get points without answers, or data of the grader's machine."""

import os
import sqlite3
import tempfile
from pathlib import Path

import pytest

from quantlab_helpers.grading.execute.sandbox.bubblewrap import readable_paths
from tests import ROOT
from tests.grading.sandbox_runs import (
    GOOD,
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
NONE = {"double": 0.0, "total": 0.0, "root": 0.0}
WRONG = {name: answer.split("\n")[0] + "\n    return 0.25" for name, answer in GOOD.items()}


# A cell at the top of the notebook, and words of the evidence that it leaves; None if it cannot
# affect a test, so that nothing is reported. The answers below it are wrong.
TRICKS = {
    "an input transformer": (
        "get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])",
        "input_transformers_post were changed",
    ),
    "a cleanup transformer": (
        "get_ipython().input_transformer_manager.cleanup_transforms.append(lambda lines: ['1'])",
        "cleanup_transforms were changed",
    ),
    "an ast transformer": (
        "import ast\nclass Gone(ast.NodeTransformer):\n"
        "    def visit_Assert(self, node): return ast.Pass()\n"
        "get_ipython().ast_transformers.append(Gone())",
        "ast_transformers were changed",
    ),
    "a silent showtraceback": (
        "get_ipython().showtraceback = get_ipython()._showtraceback = lambda *a, **k: None\n"
        "type(get_ipython()).run_cell = lambda *a, **k: None",
        None,
    ),
    "handlers of exceptions": (
        "import sys\nget_ipython().set_custom_exc((Exception,), lambda *a, **k: None)\n"
        "sys.excepthook = sys.unraisablehook = lambda *a: None",
        None,
    ),
    "hooks of the display": (
        "import sys\nsys.displayhook = lambda value: print(3)\n"
        "text = get_ipython().display_formatter.formatters['text/plain']\n"
        "text.for_type(float, lambda value, p, cycle: p.text('3'))",
        None,
    ),
    "built-in functions": (
        "import builtins\nbuiltins.sum = lambda values: 4\nbuiltins.range = lambda n: []\n"
        "builtins.isinstance = lambda a, b: True",
        "the built-in sum was replaced",
    ),
    "exec and compile": (
        "import builtins\nbuiltins.exec = builtins.eval = lambda *a, **k: 3\n"
        "keep = builtins.compile\nbuiltins.compile = lambda s, *a, **k: keep('3', *a, **k)",
        "the built-in eval was replaced",
    ),
    "names of built-in functions": ("sum = lambda values: 4", "defines `sum`"),
    "another __builtins__": ("__builtins__ = {'sum': lambda values: 4}", None),
    "a module by name": (
        "class math:\n    pi = 0.25\n    fsum = sqrt = lambda *a: 0.25",
        "the name `math` no longer referred to",
    ),
    "a module in the table": (
        "import sys, types\nfake = types.ModuleType('math')\nfake.pi = 0.25\n"
        "sys.modules['math'] = fake\nimport math",
        "the module math was replaced",
    ),
    "what a module holds": ("math.pi = 0.25", "math.pi was replaced"),
    "what writes the answer": (
        "import json, os, json.encoder\n"
        "lie = json.dumps\njson.dumps = lambda value, **k: lie({**value, 'error': None})\n"
        "json.encoder.JSONEncoder.encode = lambda self, value: '{}'\n"
        "json.encoder.encode_basestring_ascii = lambda value: '\"\"'",
        "json.dumps was replaced",
    ),
    "a forged message": (
        "import os\nfor fd in range(3, 64):\n"
        "    try: os.write(fd, b'{\"op\": \"end\", \"key\": \"\", \"error\": null}\\nrubbish\\n')\n"
        "    except OSError: pass",
        "told the grader that a cell had ended",
    ),
    "a copy of the process": ("import os\nos.fork()", None),
    "a trace function": (
        "import sys\nsys.settrace(lambda frame, event, argument: None)",
        "set a trace function",
    ),
    "a look at the calls above": ("import sys\nframe = sys._getframe(1)", "sys._getframe"),
    "a look at all objects": ("import gc\nfound = gc.get_objects()", "gc.get_objects"),
    "an audit hook": (
        "import sys\nsys.addaudithook(lambda event, arguments: None)", "set an audit hook",
    ),
    "a thread that goes on": (
        "import threading, time, builtins\ndef work():\n    while True:\n"
        "        builtins.len = lambda x: 4\n        time.sleep(0.001)\n"
        "threading.Thread(target=work, daemon=True).start()",
        "was still running when a test began",
    ),
    "a timer": (
        "import signal\nsignal.signal(signal.SIGALRM, lambda *a: None)\n"
        "signal.setitimer(signal.ITIMER_REAL, 30)",
        "a timer was left running",
    ),
    "modules found elsewhere": (
        "import sys\nclass Finder:\n    def find_spec(self, *a): return None\n"
        "sys.meta_path.insert(0, Finder())\nsys.path.insert(0, '.')",
        "the import of modules was changed",
    ),
    "replaced streams": ("import sys, io\nsys.stdout = sys.stderr = io.StringIO()", None),
}  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_attack_gives_no_points(trick):
    first, says = TRICKS[trick]
    result, executed = run_answers(WRONG, first=first)
    assert points(result) == NONE and result.verdict == "graded"
    if says is None:
        assert executed.evidence == ()
    else:
        assert any(says in text for text in executed.evidence), executed.evidence


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


def test_attack_by_equal_objects_is_reported():
    answer = (
        "class Same:\n    def __eq__(self, other): return True\n"
        "def total(values):\n    return Same()"
    )
    _, executed = run_answers(GOOD | {"total": answer})
    assert executed.evidence == ("the notebook's class Same defines __eq__",)


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
import json, os, select
def read(fd):
    return json.loads(os.read(fd, int(os.read(fd, 8), 16)))
fds = [fd for fd in range(3, 64) if os.path.exists(f"/proc/self/fd/{fd}")]
poll = select.poll()
for fd in fds: poll.register(fd, select.POLLIN)
for fd, event in poll.poll(1500):
    if event & select.POLLIN:
        print("read", read(fd))
        end = json.dumps({"op": "end", "key": read(fd)["key"], "error": None, "result": "3"})
        for other in fds:
            try: os.write(other, end.encode() + b"\\n")
            except OSError: pass
"""


def test_attack_by_forged_reply_lacks_the_key():
    """The submission knows the protocol and finds the pipes, but the pipes are empty."""
    answer = f"def total(values):\n    exec({IMPOSTOR!r})\n    return 0.25"
    result, executed = run_answers(WRONG | {"total": answer}, first=IMPOSTOR)
    assert points(result) == NONE
    assert "key" not in str([cell.get("outputs") for cell in executed.notebook.cells])


def test_attack_by_queued_result_is_reported():
    answer = """
def root(x):
    try:
        1 / 0
    except ZeroDivisionError as error:
        frame = error.__traceback__.tb_frame
    while frame:
        if "results" in frame.f_locals:
            frame.f_locals["results"].put({"error": None, "result": "3"})
        frame = frame.f_back
    return 0.25"""
    result, executed = run_answers(WRONG | {"root": answer})
    assert points(result) == NONE
    assert "the notebook answered in the kernel's place" in executed.evidence


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
