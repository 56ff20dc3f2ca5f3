"""Which cells run: enough for the same marks, and no demonstration that nothing depends on."""

import io
import json
import os
import pickle
from contextlib import redirect_stderr, redirect_stdout

import matplotlib.pyplot as plt
import pytest

from quantlab_helpers.course.authoring.answer_bank import read_lesson_answers
from quantlab_helpers.course.authoring.build import build_course
from quantlab_helpers.grading.align.rebuild import align
from quantlab_helpers.grading.execute.cell_selection import cells_to_run
from quantlab_helpers.grading.lesson import make_lesson
from quantlab_helpers.grading.name_analysis import (
    names_from_imports,
    names_of,
    only_imports,
    seeds_shared_generator,
)
from tests import ROOT
from tests.grading.small_lesson import ANSWERS, cell_of, grade, handed_in, scores, small_lesson

NAMES = [path.stem for path in sorted((ROOT / "instructor" / "sources").glob("[0-9]*.py"))]
each_lesson = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def good():
    return handed_in(small_lesson())


def own(source):
    return {"cell_type": "code", "source": source, "metadata": {}}


def chosen(content, **options):
    notebook = align(small_lesson(), content).notebook
    return cells_to_run(small_lesson(), notebook, **options)


GRADED = [*ANSWERS, *(f"test-{name}" for name in ANSWERS)]


# A small lesson


def test_cells_to_run_skips_unused_demonstration(good):
    run = chosen(good)
    assert set(run) == {"cell-1", "own-1", *GRADED}
    assert run == [cell.id for cell in align(small_lesson(), good).notebook.cells if cell.id in run]


def test_cells_to_run_run_all_cells(good):
    notebook = align(small_lesson(), good).notebook
    code = [cell.id for cell in notebook.cells if cell.cell_type == "code"]
    assert chosen(good, run_all_cells=True) == code


def test_cells_to_run_includes_what_answers_read(good):
    text = "return half(half(number)) + 0 * numbers[-1]"
    cell_of(good, "quarter")["source"] = ANSWERS["quarter"].replace(
        "return half(half(number))", text
    )
    run = set(chosen(good)) - {*GRADED, "own-1"}
    assert run == {"cell-1", "cell-2", "cell-6", "cell-10", "cell-14"}, "they append to `numbers`"


def test_cells_to_run_includes_changed_demonstration(good):
    cell_of(good, "cell-18")["source"] = "print(numbers)"
    demonstrations = {f"cell-{number}" for number in (2, 6, 10, 14, 18)}
    assert demonstrations <= set(chosen(good)), "those above it append to `numbers`"


def test_cells_to_run_skips_copied_demonstration(good):
    good["cells"].append(own(cell_of(good, "cell-6")["source"]))
    assert set(chosen(good)) == {"cell-1", "own-1", *GRADED}


@pytest.mark.parametrize(
    "source",
    [
        "print(globals())",
        "exec('x = numbers')",
        "import sys\nsys.modules['__main__'].numbers",
        "%timeit square(3)",
        "%%time\nsquare(3)",
        "get_ipython().user_ns",
        "from os import *",
        "x = 1\n" * 100_000,
    ],
)
def test_cells_to_run_all_if_unknown(good, source):
    good["cells"].append(own(source))
    assert set(chosen(good)) == set(chosen(good, run_all_cells=True))


@pytest.mark.parametrize(
    "source", ["%matplotlib inline", "!pip install numpy", "def f(:", "(" * 99]
)
def test_cells_to_run_skips_independent_cell(good, source):
    good["cells"].append(own(source))
    assert set(chosen(good)) == {"cell-1", "own-1", "own-2", *GRADED}


def test_cells_to_run_same_scores(good):
    cell_of(good, "cell-10")["source"] += "\nnumbers.clear()"
    cell_of(good, "quarter")["source"] = (
        ANSWERS["quarter"].replace("half(half", "len(numbers) or (half(half") + ")"
    )
    some, all_ = (
        grade(small_lesson(), good, run_all_cells=everything) for everything in (False, True)
    )
    assert some.cell_scores == all_.cell_scores and scores(some)["quarter"] == 0


# Names


@pytest.mark.parametrize(
    ("source", "bound", "read"),
    [
        ("x = y", "x", "y"),
        ("x += 1", "x", "x"),
        ("del x", "x", "x"),
        ("x: int = y", "x", "int y"),
        ("x, *z = y", "x z", "y"),
        ("import a.b, c as d\nfrom e import f", "a d f", ""),
        ("def f(x, z=w):\n    k = 1\n    return x + y + k", "f", "w y"),
        ("def f():\n    return f() + g()\ndef g():\n    return f()", "f g", "g"),
        ("def f():\n    global x\n    x = y", "f x", "x y"),
        ("class A(B):\n    c = d\n    def m(self):\n        return self.e + g", "A", "B d g"),
        ("[i + k for i in j if i]", "", "k j"),
        ("for i in j:\n    k = i\nk", "i k", "i j k"),
        ("with a as b:\n    b", "b", "a b"),
        ("try:\n    x = 1\nexcept E as e:\n    pass\nx", "x e", "E x"),
        ("if (n := a) > 1:\n    n", "n", "a n"),
        ("x = 1\ny = x", "x y", ""),
        ("lambda x: x + y", "", "y"),
        ("f'{x} {y:{z}}'", "", "x y z"),
    ],
)
def test_names_of_agrees_with_compiler(source, bound, read):
    names = names_of(source)
    assert (names.defines, names.uses) == (frozenset(bound.split()), frozenset(read.split()))
    assert not names.unknown


def test_names_of_lists_mutated_names():
    names = names_of("a.b = 1\nc[0] += 1\nd.append(e)\nf(g, h=i)\nprint(j)\nlen(k)\ndel m.n")
    assert names.mutates == frozenset("acdegim")
    assert names.assigns_into == frozenset("acm")


def test_only_imports_and_seeds():
    assert only_imports('"""Text."""\nimport a\nfrom b import c') and not only_imports(
        "import a\na"
    )
    assert names_from_imports(
        "try:\n    import a.b\nexcept ImportError:\n    from c import d as e"
    ) == {
        "a",
        "e",
    }
    modules = frozenset({"torch", "np"})
    assert seeds_shared_generator("np.random.seed(0)", modules) and seeds_shared_generator(
        "torch.manual_seed(1)", modules
    )
    assert not seeds_shared_generator(
        "torch.Generator().manual_seed(1)", modules
    ) and not seeds_shared_generator("x.seed(1)", modules)


# The course


@pytest.fixture(scope="module")
def course():
    return {built.name: built for built in build_course(ROOT).lessons}


@pytest.fixture
def lesson(course):
    return lambda name: make_lesson(name, course[name].instructor)


def with_answer(released, answer):
    notebook = json.loads(released)
    cell = cell_of(notebook, answer.exercise)
    cell["source"] = f"# exercise: {answer.exercise}\n{answer.code}"
    return notebook


def bank(name):
    return read_lesson_answers(ROOT, name)


@pytest.mark.notebook
@each_lesson
def test_cells_to_run_of_real_lesson(name, course, lesson):
    real = lesson(name)
    notebook = align(real, course[name].learner).notebook
    run = cells_to_run(real, notebook)
    ours = [cell for cell in notebook.cells if cell.id in run and "nbgrader" not in cell.metadata]
    install, imports = ours
    assert install.id == "install" and imports.source.startswith("import")


@pytest.mark.notebook
@each_lesson
def test_align_answer_bank_without_repair(name, course, lesson):
    real = lesson(name)
    for answer in bank(name):
        aligned = align(real, with_answer(course[name].learner, answer))
        is_answered = answer.says != "is not answered yet"  # a stub without its last line
        assert aligned.repairs == (), answer.name
        assert aligned.answered[answer.exercise] is is_answered, answer.name
        assert cell_of(aligned.notebook, answer.exercise).source.endswith(answer.code)


def outcome(source, names):
    """Run a cell in a namespace; return the kind of exception and what it says."""
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            exec(compile(source, "cell", "exec"), names)
    except BaseException as error:
        return type(error).__name__, str(error)
    finally:
        plt.close("all")
    return None


def forked(work):
    """Return what `work` returns in a copy of this process, which it cannot disturb."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with open(writer, "wb") as pipe:
                pickle.dump(work(), pipe)
        finally:
            os._exit(0)  # never back into pytest
    os.close(writer)
    with open(reader, "rb") as pipe:
        content = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(content)


def sample(answers):
    """Return two right and two wrong answers for each exercise."""
    chosen = {}
    for answer in answers:
        chosen.setdefault((answer.exercise, answer.right), []).append(answer)
    return [answer for group in chosen.values() for answer in group[:2]]


@pytest.mark.notebook
@pytest.mark.parametrize("name", [name for name in NAMES if name[:2] in ("00", "02", "03", "05")])
def test_cells_to_run_gives_same_outcomes(name, course, lesson, monkeypatch):
    """The whole notebook runs once; each answer is judged in copies of the process.

    Cells that only some answers need run in a copy of their own, from the first cell on. The other
    lessons train, which takes long and adds no other kind of cell.
    """
    monkeypatch.setattr(plt, "show", lambda: None)
    real, learner = lesson(name), course[name].learner
    answers = sample(bank(name))
    stub = align(real, learner).notebook
    short = [cell for cell in stub.cells if cell.id in cells_to_run(real, stub)]
    everything = {"__name__": "__main__"}
    few = {"__name__": "__main__"}
    differ = []
    for cell in stub.cells:
        if cell.cell_type != "code":
            continue
        for answer in answers if cell.id in {a.exercise for a in answers} else ():
            if answer.exercise != cell.id:
                continue
            aligned = align(real, with_answer(learner, answer)).notebook
            ids = cells_to_run(real, aligned)
            cells = {c.id: c.source for c in aligned.cells}
            code = [cells[cell.id], cells[f"test-{cell.id}"]]
            long = forked(lambda code=code: [outcome(text, everything) for text in code])
            extra = [i for i in ids if i not in {c.id for c in short}]
            before = [cells[i] for i in ids[: ids.index(cell.id)]] if extra else []

            def judge(code=code, before=before):
                names = {"__name__": "__main__"} if before else few
                for text in before:
                    outcome(text, names)
                return [outcome(text, names) for text in code]

            if forked(judge) != long:
                differ.append(answer.name)
        outcome(cell.source, everything)
        if cell.id in {c.id for c in short}:
            outcome(cell.source, few)
    assert differ == []
