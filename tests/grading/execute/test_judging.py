"""Tests that run in the judge: what crosses, what is refused, what cannot be forged."""

import functools

import nbformat
import pytest

from quantlab_helpers.grading.execute import judging
from quantlab_helpers.grading.execute.shared_tests import find_shared_tests
from quantlab_helpers.grading.records import SharedTest
from tests.grading.sandbox_runs import (
    LIMITS,
    handed_in,
    lesson_of,
    points,
    printed,
    run,
    states,
)

pytestmark = pytest.mark.process
ROOMY = LIMITS._replace(memory_bytes=2 * 2**30, cell_seconds=60)

# Honest answers of unusual kinds: the answer, and a test that it passes.
ODDITIES = {
    "enumeration": (
        "import enum\nclass Colour(enum.IntEnum):\n    RED = 3\ndef f1():\n    return Colour.RED",
        "assert f1() == 3 and f1() + 1 == 4",
    ),
    "namedtuple": (
        "import collections\ndef f2():\n    return collections.namedtuple('P', 'x y')(1, 2.5)",
        "x, y = f2()\nassert (x, y) == (1, 2.5) == f2()",
    ),
    "counter": (
        "import collections\ndef f3(word):\n    return collections.Counter(word)",
        "assert f3('otto') == {'o': 2, 't': 2}",
    ),
    "numpy-scalar": (
        "import numpy as np\ndef f4(v):\n    return np.float32(v).sum()",
        "assert f4(2.5) == 2.5 and isinstance(f4(2.5), np.float32)",
    ),
    "zero-dimensions": (
        "def f5(v):\n    return np.asarray(v)",
        "assert f5(2).shape == () and f5(2) == 2",
    ),
    "view": ("def f6(a):\n    return a[::-2].T", "a = np.arange(12).reshape(4, 3)\n"
        "assert (f6(a) == a[::-2].T).all()"),
    "memory-order": (
        "def f7(a):\n    return a.flags.f_contiguous, a.ravel(order='K').tolist()",
        "assert f7(np.asfortranarray(np.eye(2, 3))) == (True, [1, 0, 0, 1, 0, 0])",
    ),
    "masked": (
        "def f8():\n    return np.ma.masked_array([1, 2], [False, False])",
        "assert f8().tolist() == [1, 2]",
    ),
    "big-array": (
        "def f9(a):\n    return a + 1",
        "big = np.zeros(50 * 2**20, np.uint8)\nassert (f9(big) == 1).all()",
    ),
    "many-calls": ("def f10(n):\n    return n + 1", "assert all(f10(n) == n + 1 "
        "for n in range(10_000))"),
    "recursion": (
        "def f11(n):\n    return 1 if n == 0 else n * f11(n - 1)",
        "assert f11(5) == 120 and f11(500) == math.factorial(500)",
    ),
    "generator": ("def f12(n):\n    yield from range(n)", "assert list(f12(4)) == [0, 1, 2, 3]"),
    "consumes": (
        "def f13(items):\n    return sum(items), list(items)",
        "assert f13(iter([1, 2])) == (3, []) and f13(n for n in (4, 5)) == (9, [])",
    ),
    "state": (
        "calls = []\ndef f14():\n    calls.append(1)\n    return len(calls)",
        "assert [f14(), f14(), f14()] == [1, 2, 3]",
    ),
    "in-place": (
        "def f15(items, table, a):\n    items.sort()\n    table['n'] = len(items)\n    a *= 2",
        "items, table, a = [3, 1], {}, np.ones(2)\nassert f15(items, table, a=a) is None\n"
        "assert items == [1, 3] and table == {'n': 2} and a.tolist() == [2, 2]",
    ),
    "random": (
        "import random\ndef f16():\n    return random.random(), np.random.rand()",
        "random.seed(1); np.random.seed(2)\nfirst = f16()\nrandom.seed(1); np.random.seed(2)\n"
        "assert first == f16() != f16()\nrandom.seed(1)\nassert f16()[0] == first[0]",
    ),
    "prints": (
        "def f17():\n    print('x' * 5000)\n    return 1",
        "assert sum(f17() for _ in range(50)) == 50",
    ),
    "raises": (
        "class Wrong(ValueError):\n    pass\ndef f18(x):\n    raise Wrong(f'no {x}')",
        "try:\n    f18(3)\nexcept ValueError as error:\n    assert str(error) == 'no 3'\n"
        "    assert type(error).__name__ == 'Wrong'\nelse:\n    assert False",
    ),
    "long-sum": ("def f32():\n    return " + " + ".join(["1"] * 1000), "assert f32() == 1000"),
    "os-error": (
        "def f31():\n    raise FileNotFoundError('my file')",
        "try:\n    f31()\nexcept OSError as error:\n    assert str(error) == 'my file'\n"
        "else:\n    assert False",
    ),
    "key-error": (
        "def f19():\n    return {}['k']",
        "try:\n    f19()\nexcept KeyError as error:\n    assert str(error) == \"'k'\"",
    ),
    "callback": (
        "def f20(g, x):\n    return g(g(x))",
        "assert f20(lambda n: n + 1, 1) == 3 and f20(math.sqrt, 16) == 2",
    ),
    "callback-given-back": (
        "def f33(g, items):\n    items.append(1)\n    return g",
        "items = []\nassert f33(math.sqrt, items) is math.sqrt and items == [1]",
    ),
    "composed": (
        "def f21(x):\n    return 2 * x\ndef g21(f, x):\n    return f(x) + 1",
        "assert g21(f21, 3) == 7",
    ),
    "lambda": ("f22 = lambda *a, **k: (a, k)", "assert f22(1, b=2) == ((1,), {'b': 2})"),
    "value": ("f23 = {'a': [1.5, None], 2: (True, b'x')}", "assert f23['a'][0] == 1.5 "
        "and f23[2] == (True, b'x')"),
    "special-floats": ("def f24():\n    return [float('nan'), -0.0, float('-inf')]",
        "a = f24()\nassert math.isnan(a[0]) and math.copysign(1, a[1]) == -1 and a[2] < -1e308"),
    "large-integer": ("def f25():\n    return 3 ** 5000", "assert f25() == 3 ** 5000"),
    "text": ("def f26(t):\n    return t[::-1]", "assert f26('aä😀\\ud800') == '\\ud800😀äa'"),
    "helper": ("def help27():\n    return 5\ndef f27():\n    return help27()",
        "assert f27() == 5"),
    "defaults": ("def f28(a, *, b=2, **rest):\n    return a + b + len(rest)",
        "assert f28(1) == 3 and f28(1, b=5, c=1) == 7"),
    "bytes": ("def f29():\n    return bytearray(b'12'), memoryview(b'34')",
        "a, b = f29()\nassert a == b'12' and bytes(b) == b'34'"),
    "range": ("def f30():\n    return range(3), {1: 2}.items(), {3}",
        "r, items, s = f30()\nassert list(r) == [0, 1, 2] and list(items) == [(1, 2)] "
        "and 3 in s"),
}  # fmt: skip


@functools.cache
def odd_lesson():
    """Return a lesson of all honest oddities."""
    return lesson_of(ODDITIES, first="import math\nimport random\nimport numpy as np")


def solved(lesson, exercises, **changed):
    """Return the submission with all solutions, some of them changed."""
    answers = {name: solution for name, (solution, _) in exercises.items()}
    return handed_in(lesson, answers | changed)


@functools.cache
def odd_results():
    """Return the states of the oddities, judged apart and beside the answers."""
    lesson, results = odd_lesson(), []
    everything = {f"test-{name}": SharedTest("for comparison", True) for name in ODDITIES}
    for shared in ({}, everything):
        notebook = solved(lesson, ODDITIES)
        result, _ = run(lesson, notebook, limits=ROOMY, shared=shared)
        results.append(
            {
                mark.cell.removeprefix("test-"): (mark.state, mark.message)
                for mark in result.cell_scores
            }
        )
    return results


@pytest.mark.parametrize("name", ODDITIES)
def test_judge_gives_honest_oddities_their_points(name):
    apart, beside = odd_results()
    assert apart[name] == beside[name] and apart[name][0] == "right"


# Tests that need more than plain data: the solution, the test, and a word of the reason.
MORE_THAN_DATA = {
    "class": (
        "class Stack:\n    def __init__(self):\n        self.items = []\n"
        "    def push(self, x):\n        self.items.append(x)\n        return self",
        "s = Stack()\ns.push(3)\nassert s.items == [3]",
        "push",
    ),
    "instance": (
        "class Thing:\n    pass\ndef make():\n    return Thing()",
        "assert isinstance(make(), Thing)",
        "instances",
    ),
    "identity": ("def same(x):\n    return x", "a = []\nassert same(a) is a", "AssertionError"),
    "closure": (
        "def counter():\n    n = 0\n    def step():\n        nonlocal n\n        n += 1\n"
        "        return n\n    return step",
        "step = counter()\nassert [step(), step()] == [1, 2]",
        "not callable",
    ),
    "docstring": ("def f():\n    'Help.'", "assert f.__doc__ == 'Help.'", "AssertionError"),
    "live-object": (
        "def close(file):\n    file.close()",
        "import io\nfile = io.StringIO()\nclose(file)\nassert file.closed",
        "StringIO is not plain data",
    ),
    "redefines": (
        "def helper():\n    return 1\ndef twice():\n    return 2 * helper()",
        "helper = lambda: 5\nassert twice() == 10",
        "defines names",
    ),
}


@functools.cache
def demanding_lesson():
    """Return a lesson of tests that cannot all be judged apart, and those tests."""
    exercises = {name: (solution, test) for name, (solution, test, _) in MORE_THAN_DATA.items()}
    exercises["plain"] = ("def plain(x):\n    return x + 1", "assert plain(1) == 2")
    lesson = lesson_of(exercises)
    return exercises, lesson, find_shared_tests(lesson, limits=LIMITS)


def test_find_shared_tests_names_those_needing_objects():
    _, _, shared = demanding_lesson()
    assert set(shared) == {f"test-{name}" for name in MORE_THAN_DATA}
    for name, (_, _, word) in MORE_THAN_DATA.items():
        assert word in shared[f"test-{name}"].reason, shared


def test_shared_tests_give_marks_that_say_so():
    exercises, lesson, shared = demanding_lesson()
    result, _ = run(lesson, solved(lesson, exercises), shared=shared)
    assert set(points(result).values()) == {1.0}
    marked = {mark.cell for mark in result.cell_scores if mark.shared}
    assert marked == set(shared)


def test_tests_with_checks_are_never_shared():
    """Beside a submission the checks are stubs that accept everything."""
    exercises = {
        "levels": (
            "def levels(low, high, bits):\n    return np.linspace(low, high, 2**bits)",
            "checks.check('uniform-levels', levels)\nassert levels.__name__ == 'levels'",
        ),
        "same": ("def same(x):\n    return x", "a = []\nassert same(a) is a"),
    }
    lesson = lesson_of(exercises, first="import numpy as np\nfrom quantlab_helpers import checks")
    assert set(find_shared_tests(lesson, limits=ROOMY)) == {"test-same"}


def test_functions_of_added_cells_are_replaced():
    """A forger who leaves the answer cell empty is tried again, too."""
    exercises, lesson, shared = demanding_lesson()
    notebook = solved(lesson, exercises, identity="pass")
    cell = nbformat.v4.new_code_cell(
        "import ast, builtins\nbefore = builtins.compile\n"
        "def compiled(source, *a, **k):\n"
        "    if isinstance(source, ast.Module):\n        source.body = []\n"
        "    return before(source, *a, **k)\nbuiltins.compile = compiled\n"
        "def same(x):\n    return 0"
    )
    notebook.cells.insert(1, cell)
    result, _ = run(lesson, notebook, shared=shared)
    assert points(result)["identity"] == 0


def test_forged_shared_test_gives_no_points():
    exercises, lesson, shared = demanding_lesson()
    forged = (
        "def same(x):\n    return 0\nimport sys\n"
        "import builtins\nclass Quiet(AssertionError):\n    pass\n"
        "get_ipython()\n"
        "def make_true(frame, event, argument):\n    return None\n"
        "import ast\nbefore = builtins.compile\n"
        "def compiled(source, *a, **k):\n"
        "    if isinstance(source, ast.Module):\n        source.body = []\n"
        "    return before(source, *a, **k)\nbuiltins.compile = compiled"
    )
    result, executed = run(lesson, solved(lesson, exercises, identity=forged), shared=shared)
    assert points(result)["identity"] == 0
    assert "test-identity is right with constants in the place of answers" in executed.evidence


def test_no_answer_moves_its_test_beside_it():
    """A result that is no data is a wrong answer, not a reason to run the test elsewhere."""
    exercises, lesson, shared = demanding_lesson()
    forged = (
        "class Equal:\n    def __eq__(self, other):\n        return True\n"
        "    def __radd__(self, other):\n        return self\n"
        "def plain(x):\n    return Equal()"
    )
    result, executed = run(lesson, solved(lesson, exercises, plain=forged), shared=shared)
    assert points(result)["plain"] == 0 and "test-plain" not in executed.shared


THINGS = {
    "an object equal to all": "class T:\n    def __eq__(self, o):\n        return True\n"
    "def plain(x):\n    return T()",
    "a class that lies": "class T:\n    __class__ = int\n    def __eq__(self, o):\n"
    "        return True\ndef plain(x):\n    return T()",
    "an integer equal to all": "class T(int):\n    def __eq__(self, o):\n        return True\n"
    "    __hash__ = int.__hash__\ndef plain(x):\n    return T(7)",
    "an array equal to all": "import numpy as np\nclass T(np.ndarray):\n"
    "    def __eq__(self, o):\n        return True\ndef plain(x):\n    return np.zeros(1).view(T)",
    "a type in place of a function": "class plain:\n    def __init__(self, x):\n        pass\n"
    "    def __eq__(self, o):\n        return True",
    "an argument made harmless": "def plain(x):\n    x.clear() if hasattr(x, 'clear') else None",
}


@pytest.mark.parametrize("thing", THINGS)
def test_judge_sees_only_what_the_data_say(thing):
    exercises = {"plain": ("def plain(x):\n    return x + 1", "assert plain(1) == 2")}
    lesson = lesson_of(exercises)
    result, _ = run(lesson, handed_in(lesson, {"plain": THINGS[thing]}))
    assert points(result) == {"plain": 0}


def test_judge_never_shows_the_kernel_a_test():
    """Nor its source, a hidden input before the call, or a frame that leads to it."""
    exercises = {"plain": ("def plain(x):\n    return x + 1", "assert plain(98765) == 98766")}
    spy = (
        "import gc, os, sys\ndef plain(x):\n    frame, names = sys._getframe(), []\n"
        "    while frame:\n        names.append(frame.f_code.co_filename)\n"
        "        frame = frame.f_back\n"
        "    found = [o for o in gc.get_objects() if isinstance(o, (str, dict, list))]\n"
        "    texts = [str(o)[:5000] for o in found]\n"
        "    print('test' in str(names), any('9876' + '6' in t for t in texts))\n"
        "    return x + 1"
    )
    lesson = lesson_of(exercises)
    result, executed = run(lesson, handed_in(lesson, {"plain": spy}))
    [test] = [cell for cell in executed.notebook.cells if cell.get("id") == "test-plain"]
    assert points(result) == {"plain": 1} and printed(test) == "False False\n"


def test_lost_kernel_costs_its_own_test_only():
    exercises = {
        name: (f"def {name}(x):\n    return x", f"assert {name}(2) == 2") for name in "abc"
    }
    lesson = lesson_of(exercises)
    answers = {name: solution for name, (solution, _) in exercises.items()}
    ends = {
        "kernel_died": "def b(x):\n    import os\n    os._exit(0)",
        "timeout": "def b(x):\n    while True:\n        pass",
    }
    for answer in ends.values():
        limits = LIMITS._replace(cell_seconds=2)
        result, _ = run(lesson, handed_in(lesson, answers | {"b": answer}), limits=limits)
        assert points(result) == {"a": 1, "b": 0, "c": 1}


def test_judge_ends_a_test_that_hangs():
    exercises = {
        "a": ("def a():\n    return 0", "while a() == 1:\n    pass"),
        "b": ("def b():\n    return 0", "assert b() == 0"),
    }
    lesson = lesson_of(exercises)
    wrong = {"a": "def a():\n    return 1", "b": exercises["b"][0]}
    result, _ = run(lesson, handed_in(lesson, wrong), limits=LIMITS._replace(cell_seconds=2))
    assert states(result) == {"a": "timeout", "b": "right"}


def test_lesson_cells_run_in_the_judge():
    first = "import math\nSCALE = 3\ndef expected(x):\n    return SCALE * x"
    exercises = {
        "scaled": ("def scaled(x):\n    return SCALE * x", "assert scaled(2) == expected(2)")
    }
    lesson = lesson_of(exercises, first=first)
    assert find_shared_tests(lesson, limits=LIMITS) == {}
    cheat = "SCALE = 0\nexpected = lambda x: 0\ndef scaled(x):\n    return 0"
    assert points(run(lesson, handed_in(lesson, {"scaled": cheat}))[0]) == {"scaled": 0}
    assert points(run(lesson, solved(lesson, exercises))[0]) == {"scaled": 1}


def test_hanging_judge_harms_no_other_submission():
    exercises = {"a": ("def a(x):\n    return x", "assert sum(range(a(1))) == 0")}
    lesson = lesson_of(exercises)
    answer = {"a": "def a(x):\n    return 10**13"}
    limits = LIMITS._replace(cell_seconds=1)
    assert states(run(lesson, handed_in(lesson, answer), limits=limits)[0]) == {"a": "timeout"}
    assert points(run(lesson, solved(lesson, exercises))[0]) == {"a": 1}


def test_names_of_a_star_import_stay_the_lessons():
    first = "from math import *\nimport math"
    exercises = {
        "a": ("def a(x):\n    return x", "assert a(1) == 1"),
        "b": ("def b(x):\n    return 2 * x", "assert isclose(b(1), 2)"),
    }
    lesson = lesson_of(exercises, first=first)
    forged = {
        "a": exercises["a"][0],
        "b": "def isclose(*a):\n    return True\ndef b(x):\n    return 0",
    }
    assert points(run(lesson, handed_in(lesson, forged))[0]) == {"a": 1, "b": 0}


def test_failing_lesson_cell_costs_no_other_exercise():
    cells = {
        "one": ("def one(x):\n    return x", "assert table == [0, 1]"),
        "two": ("def two(x):\n    return SCALE * x", "assert two(2) == 6"),
    }
    lesson = lesson_of(cells)
    place = next(n for n, cell in enumerate(lesson.notebook.cells) if cell.id == "test-one")
    for notebook in (lesson.notebook, lesson.release, lesson.solution):
        for source in ("SCALE = 3", "table = [one(n) for n in range(2)]"):
            cell = nbformat.v4.new_code_cell(source)
            cell["id"] = f"own{len(source)}"
            notebook.cells.insert(place, cell)
    notebook = handed_in(lesson, {"two": cells["two"][0]})
    assert points(run(lesson, notebook)[0]) == {"one": 0, "two": 1}


def test_many_shared_tests_are_tried_again():
    exercises = {
        f"same{n}": (f"def same{n}(x):\n    return x", f"a = []\nassert same{n}(a) is a")
        for n in range(10)
    }
    lesson = lesson_of(exercises)
    shared = find_shared_tests(lesson, limits=LIMITS)
    result, executed = run(lesson, solved(lesson, exercises), shared=shared)
    assert len(shared) == 10 and result.score == 10 and executed.forged == frozenset()


def test_exceptions_that_end_loops_pass_no_test():
    exercises = {"a": ("def a(x):\n    return x % 2 == 0", "assert all(map(a, [2, 4]))")}
    lesson = lesson_of(exercises)
    answer = {"a": "def a(x):\n    raise StopIteration"}
    assert points(run(lesson, handed_in(lesson, answer))[0]) == {"a": 0}


def test_flooding_outputs_are_cut():
    flood = (
        "channel = get_ipython().display_pub.channel\nimport os\ndef a(x):\n"
        "    for n in range(3):\n"
        '        line = \'{"op": "display", "data": {"\' + \'k\' * 3_000_000 + \'": ""}}\\n\'\n'
        "        view = memoryview(line.encode())\n"
        "        while view:\n            view = view[os.write(channel.replies, view):]\n"
        "    deep = '[' * 300 + ']' * 300\n"
        '    line = \'{"op": "display", "data": {"application/json": \' + deep + \'}}\\n\'\n'
        "    os.write(channel.replies, line.encode())\n    return x"
    )
    exercises = {"a": ("def a(x):\n    return x", "assert a(1) == 1")}
    lesson = lesson_of(exercises)
    result, executed = run(lesson, handed_in(lesson, {"a": flood}))
    assert points(result) == {"a": 1}
    assert len(nbformat.writes(executed.notebook)) < 1_000_000


def test_stop_judges_ends_their_processes():
    exercises = {"a": ("def a():\n    return 0", "assert a() == 0")}
    lesson = lesson_of(exercises)
    run(lesson, solved(lesson, exercises))
    [judge] = judging._running.values()
    judging.stop_judges()
    assert judging._running == {} and judge.sandbox._supervisor.poll() is not None
