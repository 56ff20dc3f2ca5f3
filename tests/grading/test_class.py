"""A class of 30, by the commands, from the release to the exported scores."""

import copy
import csv
import functools
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from typing import NamedTuple

import pytest

from quantlab_helpers.course.authoring.answer_bank import read_lesson_answers
from tests import ROOT
from tests.grading.sandbox_runs import is_gone

pytestmark = [pytest.mark.process, pytest.mark.notebook]

NAME = "02_uniform_quantization"
POINTS = {
    "uniform-levels": 2,
    "quantize-to-indices": 3,
    "dequantize": 2,
    "uniform-quantize": 4,
    "error-bound": 1,
    "cost-in-bytes": 2,
}
FULL = sum(POINTS.values())
BOUND = "def error_bound(low, high, bits):\n    return (high - low) / (2**bits - 1) / 2"
LATER, EARLIER = "2026-11-21 12:00:00 UTC", "2026-11-20 12:00:00 UTC"


@functools.cache
def bank_answers(exercise, *, right):
    """Return the right or the wrong answers of the bank to one exercise."""
    answers = read_lesson_answers(ROOT, NAME)
    return [a.code for a in answers if (a.exercise, a.right) == (exercise, right)]


class Expected(NamedTuple):
    """What must become of a submission; ``says`` stands in its feedback."""

    verdict: str
    score: float | None
    says: str = ""


class Class:
    """The files that come in, by student, and what is expected of each."""

    def __init__(self, released, folder):
        self.released, self.folder = json.loads(released), folder
        self.expected = {}
        folder.mkdir()

    def notebook(self, number=0, **changed):
        """The learner's notebook with right answers, and others for some exercises."""
        notebook = copy.deepcopy(self.released)
        for cell in notebook["cells"]:
            name = cell["id"]
            if name in POINTS:
                right = bank_answers(name, right=True)
                code = changed.get(name.replace("-", "_"), right[number % len(right)])
                if code is not None:
                    cell["source"] = f"# exercise: {name}\n{code}"
        return notebook

    def hand_in(self, student, content, verdict, score, says="", *, name=NAME):
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.expected[student] = Expected(verdict, score, says)
        path = self.folder / student / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


def cell_of(notebook, name):
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def own(source):
    """A cell of the learner's own."""
    fresh = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    return fresh | {"id": "fresh", "source": source}


def honest(group):
    """Twelve with answers of the bank: all right, one wrong, one not answered, and none at all."""
    names = list(POINTS)
    for number in range(12):
        name, student = names[number // 2 % len(names)], f"s{number + 1:02d}"
        key = name.replace("-", "_")
        if number == 11:
            stubs = dict.fromkeys((other.replace("-", "_") for other in names), None)
            group.hand_in(student, group.notebook(**stubs), "graded", 0, "not answered")
        elif number % 3 == 0:
            group.hand_in(student, group.notebook(number), "graded", FULL, "Every test ran.")
        elif number % 3 == 1:
            wrong = bank_answers(name, right=False)
            notebook = group.notebook(number, **{key: wrong[number % len(wrong)]})
            group.hand_in(student, notebook, "graded", FULL - POINTS[name], "not yet right")
        else:
            notebook = group.notebook(number, **{key: None})
            group.hand_in(student, notebook, "graded", FULL - POINTS[name], "not answered")


def damaged(group):
    """Files that are not what was handed out, or nearly so."""
    good = group.notebook()
    whole = json.dumps(good).encode()
    group.hand_in("s13", whole[: len(whole) // 2], "invalid_notebook", None, "not the same as 0")
    group.hand_in("s14", b"", "invalid_notebook", None, "could not be graded")
    strange = {**good, "cells": [own("print('another course')")]}
    group.hand_in("s15", strange, "invalid_notebook", None, "could not be graded")

    twice = group.notebook()
    for name in ("dequantize", "test-dequantize"):
        place = twice["cells"].index(cell_of(twice, name))
        twice["cells"].insert(place, copy.deepcopy(twice["cells"][place]))
    group.hand_in("s16", twice, "graded", FULL, "Put right before")

    split = group.notebook(error_bound=BOUND)
    whole_cell = cell_of(split, "error-bound")
    first, second = copy.deepcopy(whole_cell), copy.deepcopy(whole_cell)
    *lines, last = whole_cell["source"].split("\n")
    first["source"], second["source"], second["id"] = "\n".join(lines), last, "second"
    place = split["cells"].index(whole_cell)
    split["cells"][place : place + 1] = [first, second]
    group.hand_in("s17", split, "graded", FULL, "Put right before")

    torn = group.notebook()
    torn["cells"] = [cell for cell in torn["cells"] if not cell["id"].startswith("test-")]
    group.hand_in("s18", torn, "graded", FULL, "Put right before")

    bare = group.notebook()
    bare |= {"nbformat_minor": 0, "metadata": {"colab": {"provenance": []}}}
    for cell in bare["cells"]:
        cell["metadata"] = {"id": cell.pop("id"), "colab": {"base_uri": "https://localhost:8080/"}}
    group.hand_in("s19", bare, "graded", FULL, "Put right before")
    group.hand_in("s20", good, "graded", FULL, name="02_Uniform_Quantization (1)")


def harmful(group):
    """Notebooks that hang, die, swell, snoop or cheat; an honest point earned stays."""
    stays, died = FULL - POINTS["error-bound"], "def error_bound(low, high, bits):\n    "
    deaf = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    group.hand_in("s21", group.notebook(error_bound=deaf), "graded", stays, "ran for more than")
    sleeps = group.notebook(error_bound=f"import time\n{died}time.sleep(10**6)")
    group.hand_in("s22", sleeps, "partly_graded", stays, "Not every test could run.")
    ends = group.notebook(error_bound=f"import os\n{died}os._exit(3)")
    group.hand_in("s23", ends, "partly_graded", stays, "exit status 3")

    for student, source in {
        "s24": "import subprocess\nsubprocess.Popen(['sleep', '98765'], start_new_session=True)\n"
        "print('x' * 30_000_000)",
        "s25": "import warnings\nwarnings.warn('careful')\nhog = bytearray(16 * 2**30)",
        "s26": "import sqlite3\nfor folder in ('.', '..', '../..', '../../..'):\n"
        "    base = sqlite3.connect(f'file:{folder}/gradebook.db?mode=rw', uri=True)\n"
        "    base.execute('update grade set manual_score = 100')\n    base.commit()",
    }.items():
        notebook = group.notebook()
        notebook["cells"].insert(2, own(source))
        group.hand_in(student, notebook, "graded", FULL)

    stubs = {name.replace("-", "_"): "pass" for name in POINTS}
    skips = group.notebook(**stubs)
    for cell in skips["cells"]:
        cell["metadata"]["tags"] = ["skip-execution"]
    group.hand_in("s27", skips, "graded", 0)
    tricks = group.notebook(**stubs)
    trick = "get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])"
    tricks["cells"].insert(2, own(trick))
    group.hand_in("s28", tricks, "graded", 0)


def lost(group):
    """What cannot be collected, and who hands nothing in."""
    folder = group.folder / "s29"
    folder.mkdir()
    with zipfile.ZipFile(folder / "work.zip", "w") as archive:
        archive.writestr(f"../../../{NAME}.ipynb", json.dumps(group.notebook()))
    (folder / f"{NAME}.ipynb").symlink_to("/etc/passwd")
    for student in ("s29", "s30"):
        group.expected[student] = Expected("no_submission", None)


def quantlab(*arguments, folder, status=0):
    """Run a command as it is typed; return what it printed."""
    program = "from quantlab_helpers.cli.main import main; main()"
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    )
    printed = f"quantlab {' '.join(map(str, arguments))}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == status, printed
    assert "Traceback" not in printed
    return done.stdout


def read_csv(path):
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def test_class_from_release_to_export(tmp_path):
    home = tmp_path / "home"
    shutil.copytree(ROOT / "instructor", home / "instructor")
    address = 'package = "quantlab-helpers @ git+https://example.org/quantlab"\n'
    (home / "instructor" / "course.toml").write_text(address)  # no wheel: nobody installs it here
    quantlab("build", "02", folder=home)
    assert "No answer in it" in quantlab("release", "02", "students", folder=home)

    group = Class((home / "students" / "notebooks" / f"{NAME}.ipynb").read_bytes(), home / "in")
    for fill in (honest, damaged, harmful, lost):
        fill(group)
    _bundle(group, "s01", home)
    _download(group, ["s03", "s04"], home / "in" / "canvas.zip")
    _second_version(group, "s05")
    rows = ["id,first_name,last_name,email,lms_user_id"]
    rows += [f"{name},Student,{name},,{_number(name)}" for name in group.expected]
    (home / "students.csv").write_text("\n".join(rows))
    collected = quantlab("collect", "in", "--students", "students.csv", folder=home, status=1)
    assert "problem      s29" in collected and f"{NAME}: nothing from s29, s30" in collected
    assert not list(tmp_path.glob(f"{NAME}.ipynb")) and not list(home.glob("*.ipynb"))
    receipt = (home / "receipt").read_text()
    assert "ok   " in quantlab("collect", "--verify", receipt, folder=home)

    limits = ["--cell-seconds", 20, "--memory", 1.5, "--jobs", 3]
    printed = quantlab("grade", "02", "--students", "students.csv", *limits, folder=home)
    verdicts = json.loads(quantlab("grade", "02", "--json", folder=home))
    given = {
        verdict["student"]: Expected(verdict["verdict"], verdict["score"]) for verdict in verdicts
    }
    expected_of = {name: verdict._replace(says="") for name, verdict in group.expected.items()}
    differences = {
        name: (given.get(name), expected_of.get(name), _line(printed, name))
        for name in {*given, *expected_of}
        if given.get(name) != expected_of.get(name)
    }
    assert not differences, "student: (given, expected, the line that grade printed)"
    assert is_gone("sleep 98765")

    quantlab("feedback", "02", folder=home)
    for student, expected in group.expected.items():
        page = home / "build" / "course" / "feedback" / student / NAME / f"{NAME}.html"
        assert page.is_file() == (expected.verdict != "no_submission"), student
        if page.is_file():
            text = page.read_text("utf-8")
            assert expected.says in text, f"{student}: no {expected.says!r} in its feedback"
            assert "HIDDEN TESTS" not in text and "seed=8201" not in text

    _check_exports(home, expected_of)


def _check_exports(home, expected_of):
    """The three tables have the same scores, and no 0 for students without one."""
    printed = quantlab("export", "02", "marks.csv", folder=home)
    without = [name for name, expected in expected_of.items() if expected.score is None]
    assert f"{len(expected_of) - len(without)} scores, {len(without)} without one" in printed
    head, *rows = read_csv(home / "marks.csv")
    table = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    scores = {
        name: "" if expected.score is None else str(expected.score)
        for name, expected in expected_of.items()
    }
    assert {name: row["score"] for name, row in table.items()} == scores
    assert {name: row["status"] for name, row in table.items()} == {
        name: expected.verdict for name, expected in expected_of.items()
    }
    assert not any(row["outdated"] for row in table.values())
    for row in table.values():
        points = [row[f"points {name}"] for name in POINTS]
        assert (not row["score"] and not any(points)) or sum(map(int, points)) == int(row["score"])
    quantlab("export", "02", "canvas.csv", "--format", "canvas", folder=home)
    _, _, *rows = read_csv(home / "canvas.csv")
    assert {row[3]: row[-1] for row in rows} == scores
    quantlab("export", "02", "moodle.csv", "--format", "moodle", folder=home)
    rows = read_csv(home / "moodle.csv")[1:]
    assert {row[2]: row[-1] for row in rows} == {n: s or "-" for n, s in scores.items()}


def _line(printed, student):
    return next((line for line in printed.splitlines() if line.startswith(f"{student} ")), "")


def _bundle(group, student, home):
    """Hand in by `quantlab submit` instead; keep the receipt."""
    path = group.folder / student / f"{NAME}.ipynb"
    printed = quantlab("submit", path, "--student", student, "--out", path.parent, folder=home)
    path.unlink()
    [bundle] = path.parent.glob("*.zip")
    receipt = bundle.name.removeprefix("submission-").removesuffix(".zip")
    assert receipt in printed
    (home / "receipt").write_text(receipt)


def _download(group, students, path):
    """Hand in through Canvas instead, which names the files in its way."""
    with zipfile.ZipFile(path, "w") as archive:
        for student in students:
            file = group.folder / student / f"{NAME}.ipynb"
            archive.writestr(f"name_{_number(student)}_99_{NAME}.ipynb", file.read_bytes())
            shutil.rmtree(file.parent)


def _number(student):
    """A learning platform's number for a student."""
    return 4700 + int(student[1:])


def _second_version(group, student):
    """Hand in nothing but stubs on the day before; the later one counts."""
    later = group.folder / student
    (later / "timestamp.txt").write_text(LATER)
    earlier = group.folder / "before" / student
    earlier.mkdir(parents=True)
    (earlier / "timestamp.txt").write_text(EARLIER)
    (earlier / f"{NAME}.ipynb").write_text(json.dumps(group.released))
