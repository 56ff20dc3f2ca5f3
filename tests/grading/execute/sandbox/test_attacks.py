"""Submissions that want points without answers, or something of the machine that grades."""

import os
import sqlite3
import tempfile
from pathlib import Path

import nbformat
import pytest

from quantlab_helpers.course.authoring.build import build_course
from quantlab_helpers.grading.execute.sandbox.bubblewrap import readable_paths
from quantlab_helpers.grading.execute.source_scan import find_grader_references, imported_names
from quantlab_helpers.grading.lesson import make_lesson
from tests import ROOT
from tests.grading import sandbox_runs as running
from tests.grading.sandbox_runs import (
    GOOD,
    LIMITS,
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
NONE = {"double": 0.0, "total": 0.0, "root": 0.0}
WRONG = {name: answer.split("\n")[0] + "\n    return 0.25" for name, answer in GOOD.items()}

# A cell at the top of the notebook, and words of the evidence that it leaves; None where it does
# not come near a test, so that there is nothing to tell. The answers below it are wrong.
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
    "names of built-in functions": ("sum = lambda values: 4", "has a `sum` of its own"),
    "another __builtins__": ("__builtins__ = {'sum': lambda values: 4}", None),
    "a module by name": (
        "class math:\n    pi = 0.25\n    fsum = sqrt = lambda *a: 0.25",
        "the name `math` no longer stood for",
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
def test_a_trick_gives_no_points_to_wrong_answers(trick):
    first, says = TRICKS[trick]
    result, executed = run(THREE, handed_in(THREE, WRONG, first=first))
    assert points(result) == NONE and result.verdict == "graded"
    if says is None:
        assert executed.evidence == ()
    else:
        assert any(says in text for text in executed.evidence), executed.evidence


def test_tags_that_tell_stock_nbgrader_to_skip_a_test_are_nothing():
    result, _ = run(THREE, handed_in(THREE, WRONG, tags=("test-double", "test-root")))
    assert points(result) == NONE


POINTS = {
    "nan": ("float('nan')", 0),
    "inf": ("float('inf')", 0),
    "more than there are": ("99", 3),
    "fewer than none": ("-5", 0),
    "a lie about its text": ("Lie()", 0),
}


@pytest.mark.parametrize("value", POINTS)
def test_points_that_an_answer_chooses_are_finite_and_within_the_lessons(value):
    """A test whose last line hands on what the answer returned: as careless as can be."""
    careless = lesson_with_last_line("root(4)")
    expression, most = POINTS[value]
    lie = "class Lie:\n    def __repr__(self): return 'nan'\n"
    answer = f"{lie}def root(x):\n    return {expression}"
    result, _ = run(careless, handed_in(careless, GOOD | {"root": answer}))
    assert points(result)["root"] <= most and result.score <= careless.max_score


def lesson_with_last_line(last):
    before = running.TESTS["root"]
    running.TESTS["root"] = (3, "", "", last)
    try:
        return lesson()
    finally:
        running.TESTS["root"] = before


def test_what_an_answer_shows_while_the_test_runs_is_not_the_tests_result():
    answer = (
        "def root(x):\n    import sys\n    sys.displayhook(3)\n    get_ipython().displayhook(3)\n"
        "    get_ipython().run_cell('3')\n    display(3)\n    return 0.25"
    )
    result, _ = run(THREE, handed_in(THREE, GOOD | {"root": answer}))
    assert points(result)["root"] == 0


def test_an_answer_that_leaves_the_test_by_an_exception_of_any_kind_has_failed():
    for kind in ("SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException"):
        answer = f"def total(values):\n    raise {kind}"
        result, executed = run(THREE, handed_in(THREE, GOOD | {"total": answer}))
        assert states(result) == {"double": "right", "total": "wrong", "root": "right"}
        assert executed.ran["test-total"]


def test_an_object_that_is_equal_to_everything_is_told():
    answer = (
        "class Same:\n    def __eq__(self, other): return True\n"
        "def total(values):\n    return Same()"
    )
    _, executed = run(THREE, handed_in(THREE, GOOD | {"total": answer}))
    assert executed.evidence == ("the notebook's class Same defines __eq__",)


@each_level
def test_hidden_tests_are_not_there_before_they_run(level):
    """Neither in the process, nor in its pipes, nor in a file outside of Python's own."""
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
    _, executed = run(THREE, handed_in(THREE, GOOD, first=first), isolation=level)
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


def test_a_notebook_that_answers_in_the_kernels_place_has_no_key_to_do_so():
    """It knows how the kernel talks, and finds the pipes: but the pipes are empty."""
    answer = f"def total(values):\n    exec({IMPOSTOR!r})\n    return 0.25"
    result, executed = run(THREE, handed_in(THREE, WRONG | {"total": answer}, first=IMPOSTOR))
    assert points(result) == NONE
    assert "key" not in str([cell.get("outputs") for cell in executed.notebook.cells])


def test_a_result_put_in_place_of_the_tests_is_told_and_thrown_away():
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
    result, executed = run(THREE, handed_in(THREE, WRONG | {"root": answer}))
    assert points(result) == NONE
    assert "the notebook answered in the kernel's place" in executed.evidence


@needs_bubblewrap
def test_the_gradebook_and_the_course_are_out_of_reach(tmp_path):
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
    _, executed = run(THREE, handed_in(THREE, GOOD, first=first), isolation="bubblewrap")
    assert "False False" in str(executed.notebook.cells)
    with sqlite3.connect(course / "gradebook.db") as database:
        assert database.execute("select * from grade").fetchall() == [(1,)]


@each_level
def test_killing_everything_in_reach_ends_only_the_submission_itself(level):
    mark = f"{900_000 + os.getpid()}.5"
    answer = f"""
import os, subprocess
if os.getppid() > 1:
    subprocess.Popen(["sleep", "{mark}"], start_new_session=True)
    os.kill(os.getppid(), 9)
    os._exit(0)"""
    folders = set(Path(tempfile.gettempdir()).glob("quantlab-*"))
    result, _ = run(THREE, handed_in(THREE, GOOD | {"total": answer}), isolation=level)
    assert points(result)["double"] == 1 and points(result)["total"] == 0
    assert points(result)["root"] == 3
    assert is_gone(mark)
    assert set(Path(tempfile.gettempdir()).glob("quantlab-*")) <= folders


# What is no trick


def test_a_check_that_stops_an_answer_by_tracing_it_is_not_the_notebooks_doing(monkeypatch):
    """Python takes a trace function away when it raises, in the name of what was traced."""
    stops = (
        "import sys\ndef stop(*event):\n    raise RuntimeError('too many lines')\n"
        "sys.settrace(stop)\ntry:\n    root(4)\nfinally:\n    sys.settrace(None)\n"
    )
    monkeypatch.setitem(running.TESTS, "root", (3, "", stops, "3"))
    result, executed = run(lesson(), handed_in(lesson(), GOOD))
    assert states(result)["root"] == "wrong" and "too many lines" in result.marks[-1].message
    assert executed.evidence == ()


@pytest.mark.slow
def test_a_library_that_changes_others_when_it_is_imported_is_no_evidence():
    first = "import inspect, torch\nprint(inspect.getfile.__module__)"
    limits = LIMITS._replace(memory_bytes=3 * 2**30)
    result, executed = run(THREE, handed_in(THREE, GOOD, first=first), limits=limits)
    assert "torch.package" in str(executed.notebook.cells)
    assert (result.score, executed.evidence) == (6, ())


# A real lesson


@pytest.fixture(scope="module")
def uniform():
    [built] = build_course(ROOT, ["02"]).lessons
    return make_lesson(built.name, built.instructor)


ON_THE_CHECKS = """
import os, sys, types, unittest.mock
import numpy, torch, quantlab_helpers, quantlab_helpers.checks.exercise as inside
yes = lambda *arguments, **options: None
keep = checks.check
checks.check = inside.FunctionExercise.check = inside.ValueExercise.check = yes
keep.__code__ = yes.__code__
inside.is_identical.__code__ = (lambda left, right: True).__code__
os.listdir = lambda folder: []
numpy.abs = numpy.array_equal = numpy.allclose = lambda *a, **k: numpy.zeros(1)
torch.equal = lambda *a: True
torch.Tensor.__eq__ = lambda self, other: True
quantlab_helpers.half_step_bound = yes
quantlab_helpers.checks.EXERCISES.clear()
fake = types.ModuleType("quantlab_helpers.checks")
fake.check = fake.answered = yes
sys.modules["quantlab_helpers.checks"] = quantlab_helpers.checks = fake
checks = unittest.mock.MagicMock()
np = unittest.mock.MagicMock()
"""
WANTED = [
    "FunctionExercise.check was replaced",
    "check was rewritten",
    "is_identical was rewritten",
    "os.listdir was replaced",
    "numpy.abs was replaced",
    "torch.equal was replaced",
    "Tensor.__eq__ was",
    "half_step_bound was replaced",
    "module quantlab_helpers.checks was replaced",
    "the name `checks` no longer stood for",
]


@pytest.mark.slow
def test_patched_checks_give_no_points_in_a_real_lesson_and_are_told(uniform):
    names = {exercise.name: exercise for exercise in uniform.exercises}
    wrong = {}
    for name, exercise in names.items():
        [function] = exercise.names
        wrong[name] = f"def {function}(*arguments):\n    return 0.25"
    notebook = handed_in(uniform, wrong)
    place = next(i for i, cell in enumerate(notebook.cells) if cell.id == "uniform-levels")
    notebook.cells.insert(place, nbformat.v4.new_code_cell(ON_THE_CHECKS))
    result, executed = run(uniform, notebook, limits=LIMITS._replace(memory_bytes=3 * 2**30))
    assert (result.verdict, result.score) == ("graded", 0)
    missing = [text for text in WANTED if not any(text in e for e in executed.evidence)]
    assert missing == [], executed.evidence
    assert set(states(result).values()) == {"wrong"}


@pytest.mark.slow
def test_an_honest_notebook_that_trains_a_network_leaves_no_evidence(uniform):
    """Training makes torch wrap functions of its own, which looks like a patch."""
    train = """
import functools, torch
net = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
net(torch.ones(1, 2)).sum().backward()
optimizer.step()
print(torch.manual_seed.__wrapped__)
quarter = functools.lru_cache(lambda x: x / 4)"""
    solutions = {"uniform-levels": "def uniform_levels(low, high, bits):\n    return np.linspace("}
    solutions["uniform-levels"] += "low, high, 2**bits)"
    notebook = handed_in(uniform, solutions)
    notebook.cells.insert(5, nbformat.v4.new_code_cell(train))
    limits = LIMITS._replace(memory_bytes=3 * 2**30)
    result, executed = run(uniform, notebook, limits=limits)
    assert states(result)["uniform-levels"] == "right" and executed.evidence == ()
    [cell] = [cell for cell in executed.notebook.cells if "optimizer.step" in cell.source]
    assert "function manual_seed" in cell.outputs[0].text


# What is read from text


def test_bindings_are_what_import_statements_say():
    sources = ["import a.b\nimport c.d as e", "from f import g, h as i\nfrom . import j", "%magic"]
    assert imported_names(sources) == {
        "a": ("a", None),
        "e": ("c.d", None),
        "g": ("f", "g"),
        "i": ("f", "h"),
    }


def test_signs_are_names_inside_of_the_checks():
    assert find_grader_references(["x = 1", "broken("]) == []
    [sign] = find_grader_references(
        ["from quantlab_helpers.checks.lesson_02.uniform_levels import EXERCISE"]
    )
    assert "checks.lesson_02.uniform_levels" in sign
