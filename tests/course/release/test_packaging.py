"""What learners get: complete, installable, the same each time, and proven free of answers."""

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml

from quantlab_helpers.course.authoring.build import build_course
from quantlab_helpers.course.authoring.sources import read_sources
from quantlab_helpers.course.release.leak_check import LeakError, check_no_leaks
from quantlab_helpers.course.release.packaging import release
from tests import ROOT

FLAGS = {"grade": False, "locked": False, "schema_version": 3, "solution": False, "task": False}
LESSON = f"""\
# %% [markdown]
# # Doubling

# %% nbgrader={json.dumps({**FLAGS, "grade_id": "double", "solution": True})}
# exercise: double
def double(x):
    \"\"\"Return twice x.\"\"\"
    ### BEGIN SOLUTION
    if x == "a long line":
        return x + x
    return 2 * x
    ### END SOLUTION

# %% nbgrader={json.dumps({**FLAGS, "grade_id": "test-double", "grade": True, "locked": True, "points": 2})}
# test: double
assert double(1) == 2
### BEGIN HIDDEN TESTS
assert double(1234) == 2468
### END HIDDEN TESTS

# %%
print("done")
"""  # noqa: E501 - one header is one line
ADDRESS = "quantlab-helpers @ git+https://example.org/quantlab"
HIDDEN = "assert double(1234) == 2468"
SOLUTION = 'if x == "a long line":'


def write_course(folder, *, wheel=False, **lessons):
    (folder / "instructor" / "sources").mkdir(parents=True)
    for name in ("course.toml", "nbgrader_config.py"):
        shutil.copy(ROOT / "instructor" / name, folder / "instructor")
    if not wheel:  # packing and reading 11 MB in every test would take its time
        (folder / "instructor" / "course.toml").write_text(f'package = "{ADDRESS}"\n')
    shutil.copy(ROOT / "constraints.txt", folder)
    for name, text in lessons.items():
        (folder / "instructor" / "sources" / f"{name.removeprefix('_')}.py").write_text(text)
    return folder


@pytest.fixture
def course(tmp_path):
    return write_course(tmp_path / "course", _08_doubling=LESSON)


@pytest.fixture
def out(course, tmp_path):
    release(tmp_path / "out", folder=course)
    return tmp_path / "out"


@pytest.fixture
def course_with_wheel(tmp_path):
    folder = write_course(tmp_path / "with-wheel", wheel=True, _08_doubling=LESSON)
    release(tmp_path / "out-with-wheel", folder=folder)
    return folder, tmp_path / "out-with-wheel"


def proof(out, course):
    return check_no_leaks(out, read_sources(course))


def leak(out, course):
    with pytest.raises(LeakError) as caught:
        proof(out, course)
    return str(caught.value)


def edit(path, change):
    plain = json.loads(path.read_bytes())
    change(plain["cells"])
    path.write_text(json.dumps(plain))


def test_learners_get_notebooks_zips_an_environment_and_sums(course_with_wheel):
    _, out = course_with_wheel
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    wheel = next(out.glob("environment/*.whl")).name
    assert names == sorted(
        [
            "08_doubling.zip",
            "README.md",
            "SHA256SUMS",
            "environment/constraints.txt",
            "environment/environment.yml",
            f"environment/{wheel}",
            "notebooks/08_doubling.ipynb",
        ]
    )
    with zipfile.ZipFile(out / "08_doubling.zip") as archive:
        assert archive.namelist() == ["08_doubling.ipynb"]
        assert (
            archive.read("08_doubling.ipynb")
            == (out / "notebooks" / "08_doubling.ipynb").read_bytes()
        )
    environment = yaml.safe_load((out / "environment" / "environment.yml").read_text())
    assert environment["dependencies"][-1] == {
        "pip": ["-c constraints.txt", f"./{wheel}[notebooks]"]
    }
    for line in (out / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest


def test_the_same_course_gives_the_same_bytes(course_with_wheel, tmp_path):
    course, out = course_with_wheel
    release(tmp_path / "again", folder=course)
    for path in out.rglob("*"):
        if path.is_file():
            assert (tmp_path / "again" / path.relative_to(out)).read_bytes() == path.read_bytes()


def test_nbgraders_release_folder_has_the_same_notebook(out, course):
    there = course / "build" / "course" / "release" / "08_doubling" / "08_doubling.ipynb"
    assert there.read_bytes() == (out / "notebooks" / "08_doubling.ipynb").read_bytes()


def test_an_address_of_the_package_stands_in_place_of_the_wheel(course, tmp_path):
    release(tmp_path / "out", folder=course)
    assert not list(tmp_path.glob("out/environment/*.whl"))
    wanted = "quantlab-helpers[notebooks] @ git+https://example.org/quantlab"
    assert wanted in (tmp_path / "out" / "environment" / "environment.yml").read_text()
    assert wanted in (tmp_path / "out" / "README.md").read_text()


def test_one_lesson_is_released_without_the_others(course, tmp_path):
    other = LESSON.replace("double", "treble").replace("2468", "3702")
    (course / "instructor" / "sources" / "09_trebling.py").write_text(other)
    done = release(tmp_path / "out", ["08"], folder=course)
    assert done.lessons == ["08_doubling"]
    assert not list((tmp_path / "out").rglob("*09*"))


@pytest.mark.parametrize("place", ["notebooks", "instructor/x", "build/course", ".", "a-file"])
def test_a_place_inside_the_course_is_refused(course, place):
    (course / "a-file").write_text("")
    with pytest.raises(ValueError, match="name a folder"):
        release(course / place, folder=course)


def test_the_proof_holds_and_counts_what_it_compared(out, course):
    # The notebook stands in notebooks/ and in the zip, with four cells of its own.
    assert proof(out, course) == (8, 2)


@pytest.mark.parametrize("text", [HIDDEN, SOLUTION, "### BEGIN SOLUTION"])
@pytest.mark.parametrize("name", ["README.md", "notebooks/notes.txt", "notebooks/extra.ipynb"])
def test_an_answer_in_any_file_is_found(out, course, name, text):
    path = out / name
    if name.endswith(".ipynb"):
        cell = {"cell_type": "code", "source": ["# x\n", text]}
        path.write_text(json.dumps({"cells": [cell], "nbformat": 4}))
    else:
        path.write_text(f"by the way:\n    {text}\n")
    assert f"{name}: {text!r} can be read" in leak(out, course)


def test_an_answer_in_a_zip_and_in_the_wheel_is_found(course_with_wheel):
    course, out = course_with_wheel
    assert proof(out, course) == (12, 2)
    with zipfile.ZipFile(out / "08_doubling.zip", "a") as archive:
        archive.writestr("more/notes.txt", HIDDEN)
    assert "08_doubling.zip/more/notes.txt" in leak(out, course)
    (out / "08_doubling.zip").unlink()
    [wheel] = out.glob("environment/*.whl")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("quantlab_helpers/notes.py", f"# {HIDDEN}")
    assert f"{wheel.name}/quantlab_helpers/notes.py: {HIDDEN!r}" in leak(out, course)


def edits():
    def stub_replaced(cells):
        cells[2]["source"] = "".join(cells[2]["source"]).replace("raise NotImpl", "return 2 * x #")

    def short_solution(cells):
        lines = "".join(cells[2]["source"]).split("\n")
        cells[2]["source"] = "\n".join([*lines[:-1], "    return 2 * x"])

    def short_line_added(cells):
        cells[2]["source"] = "".join(cells[2]["source"]) + "\n    return 2*x"

    def hidden_test_left(cells):
        cells[3]["source"] = "".join(cells[3]["source"]) + f"\n{HIDDEN}"

    def visible_test_gone(cells):
        cells[3]["source"] = "# test: double"

    def cell_added(cells):
        cells.append({"cell_type": "code", "metadata": {}, "source": "x"})

    def in_an_output(cells):
        output = {"output_type": "stream", "name": "stdout", "text": [f"{SOLUTION}\n"]}
        cells[4]["outputs"] = [output]

    def in_metadata(cells):
        cells[4]["metadata"]["note"] = HIDDEN

    return [
        (stub_replaced, "not every answer has the same stub"),
        (short_solution, "double: it is not its source"),
        (short_line_added, "double: it is not its source"),
        (hidden_test_left, "test-double: it is not its source"),
        (visible_test_gone, "test-double: it is not its source"),
        (cell_added, "it has 5 cells, its source 4"),
        (in_an_output, "a cell has an output"),
        (in_metadata, "can be read"),
    ]


@pytest.mark.parametrize(
    ("change", "words"), edits(), ids=lambda value: getattr(value, "__name__", "")
)
def test_a_notebook_that_is_not_its_source_without_answers_is_found(out, course, change, words):
    edit(out / "notebooks" / "08_doubling.ipynb", change)
    assert words in leak(out, course)


def test_the_instructors_notebook_by_mistake_is_found(out, course):
    [built] = build_course(course).lessons
    (out / "notebooks" / "08_doubling.ipynb").write_bytes(built.instructor)
    assert "BEGIN SOLUTION" in leak(out, course)


def test_a_damaged_notebook_is_searched_as_text(out, course):
    (out / "notebooks" / "extra.ipynb").write_text(f"{{ {HIDDEN}")
    assert "extra.ipynb" in leak(out, course)
    (out / "notebooks" / "extra.ipynb").unlink()
    (out / "notebooks" / "08_doubling.ipynb").write_text("{")
    assert "not a notebook" in leak(out, course)


def test_what_cannot_be_looked_into_is_not_given_away(out, course):
    (out / "more.zip").write_bytes(b"PK half")
    assert "more.zip: it is damaged" in leak(out, course)


@pytest.mark.notebook
@pytest.mark.process
def test_the_real_course_is_released_installs_and_hands_in(tmp_path):
    course = tmp_path / "course"
    shutil.copytree(ROOT / "instructor", course / "instructor")
    shutil.copy(ROOT / "constraints.txt", course)
    done = release(tmp_path / "out", folder=course)
    assert done.lessons == sorted(path.stem for path in ROOT.glob("instructor/sources/[0-9]*.py"))
    assert done.secrets > 100
    [wheel] = tmp_path.glob("out/environment/*.whl")
    site = tmp_path / "site"
    install = ["pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([sys.executable, "-m", *install, str(wheel)], check=True)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from quantlab_helpers.course.workspace import notebooks_folder\n"
        "from quantlab_helpers.course.submission import read_submissions\n"
        "print(notebooks_folder().parent)\n"
        "print(*[one.lesson for one in read_submissions(sys.argv[2:])])"
    )
    notebooks = sorted(map(str, tmp_path.glob("out/notebooks/*.ipynb")))
    run = subprocess.run(
        [sys.executable, "-c", code, str(site), *notebooks],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    place, lessons = run.stdout.splitlines()
    assert place == str(site / "quantlab_helpers") and lessons.split() == done.lessons
