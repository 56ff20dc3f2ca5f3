"""The build: the same bytes each time, without solutions, and clear errors."""

import difflib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbgrader import utils

from quantlab_helpers.course.authoring.build import build_course, stale_notebooks, write_course
from tests import ROOT
from tests.course.authoring.small_source import LESSON, header, run

NAMES = [path.stem for path in sorted((ROOT / "instructor" / "sources").glob("[0-9]*.py"))]


# Everything that a notebook of the course may hold, and text that parsers stumble over.
TORTURE = (
    LESSON
    + '''
# %% [markdown]
# Formula $\\hat w = \\min + \\Delta\\,q$, a table
#
# | a | b |
# | --- | --- |
# | 1 | "x" \\| 'y' |
#
# ```python
# x = 1  # ### not a marker
# ```
#
# µ × ᵇ 漢字 😀, and the line `# not a cell`

# %%
# %matplotlib inline
# !echo hello

# %%

# %% [raw]
# raw text

# %% tags=["hide-input"] slideshow={"slide_type": "fragment"}
text = """
    # no cell
  an {odd} "string" \\\\ with 'quotes'

"""


def f(x):
    return x


f(1)

# %%
print("done")

# %%
print("done")

'''
    + f"""
{header("read-only", locked=True)}
fixed = 1

{header("survey-pace", solution=True)}
# survey: pace
pace = None  # "too slow", "right" or "too fast"

{header("survey-words", "markdown", solution=True)}
# What was missing?
"""
)


def built(folder):
    [lesson] = build_course(folder).lessons
    return lesson


def cells_of(content):
    return nbformat.reads(content.decode(), as_version=4).cells


def by_id(content):
    return {cell.id: cell for cell in cells_of(content)}


# The committed notebooks


@pytest.mark.notebook
def test_stale_notebooks_none_committed():
    assert stale_notebooks(build_course(ROOT), ROOT) == []


@pytest.mark.parametrize("name", NAMES)
def test_committed_notebook_has_no_outputs(name):
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)


@pytest.mark.parametrize("change", ["edited", "missing", "without a source"])
def test_build_check_names_stale_notebook(course, change):
    folder = course(lesson_02_doubling=LESSON)
    assert run("--course", folder).exit_code == 0
    assert run("--course", folder, "--check").output == ""
    notebook = folder / "notebooks" / "02_doubling.ipynb"
    if change == "edited":
        notebook.write_text(notebook.read_text().replace("twice", "thrice"))
        says = "notebooks/02_doubling.ipynb is not what its source gives; run: quantlab build"
    elif change == "missing":
        notebook.unlink()
        says = "notebooks/02_doubling.ipynb is missing; run: quantlab build"
    else:
        shutil.copy(notebook, notebook.with_name("07_gone.ipynb"))
        says = "notebooks/07_gone.ipynb has no source; delete it, or write"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = run("--course", folder, "--check")
    assert result.exit_code == 1 and result.stdout == "" and says in result.stderr
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


# What the build writes


def test_build_writes_notebooks_and_settings(course):
    folder = course(lesson_02_doubling=LESSON)
    result = run("--course", folder)
    assert result.exit_code == 0, result.output
    written = {
        "notebooks/02_doubling.ipynb",
        "build/course/source/02_doubling/02_doubling.ipynb",
        "build/course/nbgrader_config.py",
    }
    assert {line.removesuffix(": written") for line in result.stdout.splitlines()} == written
    assert result.stderr == ""
    assert run("--course", folder).output == ""  # nothing to do
    settings = folder / "build" / "course" / "nbgrader_config.py"
    assert settings.read_bytes() == (ROOT / "instructor" / "nbgrader_config.py").read_bytes()


def test_build_course_learner_and_instructor_versions(course):
    lesson = built(course(lesson_02_doubling=LESSON))
    learner, instructor = by_id(lesson.learner), by_id(lesson.instructor)
    assert learner["double"].source == (
        '# exercise: double\ndef double(x):\n    """Return twice x."""\n    '
        'raise NotImplementedError("write your answer here, then delete this line")'
    )
    assert learner["test-double"].source == "# test: double\nassert double(1) == 2"
    assert not learner["test-double"].metadata.editable
    assert "math.fsum([x, x])" in instructor["double"].source
    assert "assert double(1234) == 2468" in instructor["test-double"].source


def test_build_course_same_bytes_each_time(course):
    folder = course(lesson_02_doubling=TORTURE)
    first, again = built(folder), built(folder)
    assert first == again
    for content in (first.learner, first.instructor):
        assert content.endswith(b"}\n") and content.startswith(b'{\n "cells": [')


def test_build_course_cell_ids(course):
    cells = cells_of(built(course(lesson_02_doubling=TORTURE)).learner)
    ids = [cell.id for cell in cells]
    assert len(set(ids)) == len(ids)
    assert ids[0] == "install"
    assert {"double", "test-double", "read-only", "survey-pace"} <= set(ids)
    repeated = [cell.id for cell in cells if cell.source == 'print("done")']
    assert repeated == [repeated[0], f"{repeated[0]}-1", f"{repeated[0]}-2"]


@pytest.mark.parametrize(
    ("old", "new", "most"),
    [
        ("Return twice x", "Return x plus x", 2 + 2),  # the line and nbgrader's checksum
        ("import math", "import math as m", 2 + 2),  # the line and the id
        ("# ## Doubling", "# ## Doubling numbers", 2 + 2),
        ("# %%\nimport math\n", "# %%\nx = 1\n\n# %%\nimport math\n", 10),  # a new cell
    ],
)
def test_build_course_small_edit_small_diff(course, old, new, most):
    text = TORTURE.replace("# # Doubling", "# ## Doubling")
    assert text.count(old) == 1
    before = built(course(lesson_02_doubling=text)).learner.decode().splitlines()
    after = built(course(lesson_02_doubling=text.replace(old, new))).learner.decode().splitlines()
    changed = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    assert 0 < len(changed) <= most, "\n".join(changed)


def test_build_course_keeps_all_text_of_source(course):
    instructor = cells_of(built(course(lesson_02_doubling=TORTURE)).instructor)[1:]
    text = jupytext.writes(nbformat.v4.new_notebook(cells=instructor), fmt="py:percent")
    again = jupytext.reads(text, fmt="py:percent").cells
    for ours, theirs in zip(instructor, again, strict=True):
        assert (ours.cell_type, ours.source) == (theirs.cell_type, theirs.source)
    sources = [cell.source for cell in instructor]
    assert "%matplotlib inline\n!echo hello" in sources
    assert any("µ × ᵇ 漢字 😀" in source for source in sources)
    [tagged] = [cell for cell in instructor if "tags" in cell.metadata]
    assert tagged.metadata == {
        "tags": ["hide-input"],
        "slideshow": {"slide_type": "fragment"},
    }
    assert tagged.source.endswith("def f(x):\n    return x\n\n\nf(1)")


def test_build_course_keeps_survey_editable(course):
    survey = by_id(built(course(lesson_02_doubling=TORTURE)).learner)["survey-pace"]
    assert survey.source == '# survey: pace\npace = None  # "too slow", "right" or "too fast"'
    assert "editable" not in survey.metadata
    assert not utils.is_grade(survey) and not utils.is_locked(survey)


def test_build_course_stub_from_nbgrader_settings(course):
    folder = course(lesson_02_doubling=LESSON)
    settings = folder / "instructor" / "nbgrader_config.py"
    settings.write_text(settings.read_text().replace("write your answer here", "schreiben Sie"))
    assert "schreiben Sie" in by_id(built(folder).learner)["double"].source


def test_build_course_single_lesson_by_name_or_number(course):
    folder = course(lesson_01_broken="# %% title\n(", lesson_02_doubling=LESSON)
    for name in ("02", "02_doubling"):
        assert [lesson.name for lesson in build_course(folder, [name]).lessons] == ["02_doubling"]
    with pytest.raises(ValueError, match=r"no lesson '03'; there are: 01_broken, 02_doubling"):
        build_course(folder, ["03"])


@pytest.mark.process
def test_build_course_equals_nbgrader_generate_assignment(course):
    folder = course(lesson_02_doubling=TORTURE)
    write_course(build_course(folder), folder)
    home = folder / "build" / "course"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # for alembic
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "02_doubling"]
    subprocess.run(command, cwd=home, env=os.environ | {"PATH": path}, check=True, timeout=300)
    released = home / "release" / "02_doubling" / "02_doubling.ipynb"
    assert released.read_bytes() == (folder / "notebooks" / "02_doubling.ipynb").read_bytes()


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("course.toml", None, "There is no"),
        ("course.toml", "package = ", "cannot be read: Invalid value"),
        ("course.toml", "", 'must have one setting, `package = "..."`, got {}'),
        ("course.toml", "package = 3", "must have one setting"),
        ("course.toml", 'package = ""\nspeed = 1', "must have one setting"),
        ("nbgrader_config.py", None, "nbgrader needs it to grade"),
        ("nbgrader_config.py", "c = ", "cannot be read: invalid syntax"),
        ("sources/2-doubling.py", "", "name a lesson like 02_uniform_quantization.py"),
        ("sources/03_latin.py", "µ".encode("latin-1"), "not UTF-8 text"),
    ],
)
def test_build_unreadable_file_one_error_line(course, file, content, words):
    folder = course(lesson_02_doubling=LESSON)
    path = folder / "instructor" / file
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = run("--course", folder)
    assert result.exit_code == 1
    assert words in result.stderr and path.name in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_build_folder_without_course(tmp_path):
    result = run("--course", tmp_path)
    assert result.exit_code == 1
    assert "run this in the course's folder, or name it with --course" in result.stderr


@pytest.mark.parametrize("library", ["jupytext", "nbgrader"])
def test_build_without_grading_extra(monkeypatch, library):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == library else find(name)
    )
    result = run("--check")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: Building needs {library}; run: ")
    assert "-m pip install" in result.stderr and "[grading]" in result.stderr


# The first cell


def first_cell(folder, package):
    (folder / "instructor" / "course.toml").write_text(f"package = {json.dumps(package)}\n")
    return cells_of(built(folder).learner)[0].source


def test_install_cell_short_and_silent_if_installed(course, capfd):
    source = first_cell(course(lesson_02_doubling=LESSON), "no-such-package @ file:///nowhere")
    assert len(source.splitlines()) <= 12 and source.startswith("# ")
    exec(source, {})
    assert capfd.readouterr() == ("", "")


@pytest.mark.process
def test_install_cell_installs_on_colab_only(course, tmp_path):
    """In an environment without the package, from a wheel, without a network."""
    folder = course(lesson_02_doubling=LESSON)
    wheel = tmp_path / "quantlab_helpers-9.9-py3-none-any.whl"
    about = "quantlab_helpers-9.9.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("quantlab_helpers/__init__.py", "marker = 'from the wheel'\n")
        archive.writestr(
            f"{about}/METADATA", "Metadata-Version: 2.1\nName: quantlab-helpers\nVersion: 9.9\n"
        )
        tag = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{about}/WHEEL", tag)
        archive.writestr(f"{about}/RECORD", "")
    venv.create(tmp_path / "fresh", with_pip=True)
    [python] = [*(tmp_path / "fresh").glob("bin/python"), *tmp_path.glob("fresh/*/python.exe")]
    colab = "import sys, types; sys.modules['google.colab'] = types.ModuleType('google.colab')\n"
    use = "\nimport quantlab_helpers; print(quantlab_helpers.marker)"
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "PYTHON"))
    } | {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def execute(code):
        command = [python, "-c", code]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300
        )

    named = first_cell(folder, f"quantlab-helpers @ {wheel.as_uri()}")
    elsewhere = execute(named)
    assert elsewhere.stderr.endswith(
        "ModuleNotFoundError: Run the course's set-up first (README.md says how).\n"
    )
    unnamed = execute(colab + first_cell(folder, ""))
    assert "Instructor: set `package` in instructor/course.toml" in unnamed.stderr
    for _ in range(2):  # the second time there is nothing to install
        result = execute(colab + named + use)
        assert (result.returncode, result.stdout) == (0, "from the wheel\n"), result.stderr
