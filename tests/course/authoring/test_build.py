"""The build: the same bytes each time, nothing of a solution left, and clear refusals."""

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
from click.testing import CliRunner
from nbgrader import utils

from quantlab_helpers.cli.main import main
from quantlab_helpers.course.authoring.build import build_course, stale_notebooks, write_course
from quantlab_helpers.course.authoring.sources import SourceError
from tests import ROOT

NAMES = [path.stem for path in sorted((ROOT / "instructor" / "sources").glob("[0-9]*.py"))]


def header(grade_id, kind="code", **flags):
    """Return the line that begins a cell with nbgrader's metadata."""
    unset = {"grade": False, "locked": False, "schema_version": 3, "solution": False, "task": False}
    meta = json.dumps(dict(sorted((unset | {"grade_id": grade_id} | flags).items())))
    return f"# %%{' [markdown]' if kind == 'markdown' else ''} nbgrader={meta}"


SOLUTION = header("double", solution=True)
TEST = header("test-double", grade=True, locked=True, points=2)
LESSON = f"""\
# %% [markdown]
# # Doubling

# %%
import math

{SOLUTION}
# exercise: double
def double(x):
    \"\"\"Return twice x.\"\"\"
    ### BEGIN SOLUTION
    return math.fsum([x, x])
    ### END SOLUTION

{TEST}
# test: double
assert double(1) == 2
### BEGIN HIDDEN TESTS
assert double(1234) == 2468
### END HIDDEN TESTS

# %%
print("done")
"""
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


def run(*arguments):
    return CliRunner().invoke(main, ["build", *map(str, arguments)])


def built(folder):
    [lesson] = build_course(folder).lessons
    return lesson


def cells_of(content):
    return nbformat.reads(content.decode(), as_version=4).cells


def by_id(content):
    return {cell.id: cell for cell in cells_of(content)}


# The committed notebooks


def test_the_committed_notebooks_are_what_their_sources_give():
    assert stale_notebooks(build_course(ROOT), ROOT) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_committed_notebook_has_no_outputs_and_nothing_of_one_machine(name):
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
def test_check_names_a_stale_notebook_and_what_to_run(course, change):
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


def test_the_build_writes_both_notebooks_and_nbgraders_settings(course):
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


def test_learners_get_the_stub_and_the_visible_test_and_the_instructor_all(course):
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


def test_building_twice_gives_the_same_bytes(course):
    folder = course(lesson_02_doubling=TORTURE)
    first, again = built(folder), built(folder)
    assert first == again
    for content in (first.learner, first.instructor):
        assert content.endswith(b"}\n") and content.startswith(b'{\n "cells": [')


def test_cells_are_named_by_their_grade_id_or_by_what_they_hold(course):
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
def test_a_small_edit_is_a_small_diff(course, old, new, most):
    text = TORTURE.replace("# # Doubling", "# ## Doubling")
    assert text.count(old) == 1
    before = built(course(lesson_02_doubling=text)).learner.decode().splitlines()
    after = built(course(lesson_02_doubling=text.replace(old, new))).learner.decode().splitlines()
    changed = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    assert 0 < len(changed) <= most, "\n".join(changed)


def test_whatever_a_source_holds_arrives_in_the_notebook(course):
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


def test_a_survey_stays_as_it_is_and_can_be_answered(course):
    survey = by_id(built(course(lesson_02_doubling=TORTURE)).learner)["survey-pace"]
    assert survey.source == '# survey: pace\npace = None  # "too slow", "right" or "too fast"'
    assert "editable" not in survey.metadata
    assert not utils.is_grade(survey) and not utils.is_locked(survey)


def test_the_stub_is_the_one_of_nbgraders_settings(course):
    folder = course(lesson_02_doubling=LESSON)
    settings = folder / "instructor" / "nbgrader_config.py"
    settings.write_text(settings.read_text().replace("write your answer here", "schreiben Sie"))
    assert "schreiben Sie" in by_id(built(folder).learner)["double"].source


def test_single_lessons_are_built_by_name_or_number_whatever_the_others_are(course):
    folder = course(lesson_01_broken="# %% title\n(", lesson_02_doubling=LESSON)
    for name in ("02", "02_doubling"):
        assert [lesson.name for lesson in build_course(folder, [name]).lessons] == ["02_doubling"]
    with pytest.raises(ValueError, match=r"no lesson '03'; there are: 01_broken, 02_doubling"):
        build_course(folder, ["03"])


@pytest.mark.slow
def test_nbgraders_own_command_releases_the_same_notebook(course):
    folder = course(lesson_02_doubling=TORTURE)
    write_course(build_course(folder), folder)
    home = folder / "build" / "course"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # for alembic
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "02_doubling"]
    subprocess.run(command, cwd=home, env=os.environ | {"PATH": path}, check=True, timeout=300)
    released = home / "release" / "02_doubling" / "02_doubling.ipynb"
    assert released.read_bytes() == (folder / "notebooks" / "02_doubling.ipynb").read_bytes()


# What it refuses


REFUSED = {
    "a grade_id twice": (
        (LESSON, LESSON + LESSON.replace("def double", "def twice")),
        ["cell double ('# exercise: double'): the grade_id 'double' is taken by cell 3 of"],
    ),
    "a grade_id in capitals": (
        ('"double"', '"Double_It"'),
        ["cell Double_It", "must be lower-case words joined by hyphens"],
    ),
    "a grade_id of the build's": (('"double"', '"install"'), ["belongs to the cell that the"]),
    "no marker of the exercise": (
        ("# exercise: double\n", ""),
        ["cell double ('def double(x):'): its first line must be `# exercise: double`"],
    ),
    "another name than the grade_id": (
        ("# exercise: double", "# exercise: triple"),
        ["its first line must be `# exercise: double`, is `# exercise: triple`"],
    ),
    "no marker of the test": (
        ("# test: double\n", ""),
        ["cell test-double ('assert double(1) == 2'): its first line must be `# test: double`"],
    ),
    "no points": (('"points": 2, ', ""), ['test cell needs "points" from 1 to 5', "got None"]),
    "no points worth having": (('"points": 2', '"points": 0'), ["from 1 to 5", "got 0"]),
    "points for nothing": (
        ('"locked": false, ', '"locked": false, "points": 1, '),
        ["only a test cell has points; delete them from this solution cell's header"],
    ),
    "a test not named for its exercise": (
        ('"test-double"', '"double-test"'),
        ["the grade_id of a test cell is 'test-' and its exercise's; rename 'double-test'"],
    ),
    "a test of nothing": (
        (SOLUTION, SOLUTION.replace("double", "treble")),
        ["cell test-double", "there is no exercise 'double' above it"],
    ),
    "an exercise without a test": (
        (TEST, "# %%"),
        ["cell double", "the exercise has no test; add a test cell", "'test-double'"],
    ),
    "no solution": (
        ("    ### BEGIN SOLUTION\n    return math.fsum([x, x])\n    ### END SOLUTION\n", ""),
        ["cell double", "there is no solution; write it between '### BEGIN SOLUTION' and"],
    ),
    "a region without an end": (
        ("    ### END SOLUTION\n", ""),
        ["'### BEGIN SOLUTION' has no end; write '### END SOLUTION' below the region"],
    ),
    "a region without a begin": (
        ("    ### BEGIN SOLUTION\n", ""),
        ["'### END SOLUTION' has no begin above it"],
    ),
    "a region in a region": (
        ("    ### BEGIN SOLUTION\n", "    ### BEGIN SOLUTION\n    ### BEGIN SOLUTION\n"),
        ["'### BEGIN SOLUTION' follows another one that has no end"],
    ),
    "hidden tests without an end": (
        ("### END HIDDEN TESTS\n", ""),
        ["cell test-double", "'### BEGIN HIDDEN TESTS' has no end"],
    ),
    "a marker nearly right": (
        ("    ### BEGIN SOLUTION\n", "    # begin solution\n"),
        ["'# begin solution' looks like a marker but is none; write one of ### BEGIN SOLUTION"],
    ),
    "a solution elsewhere": (
        ('print("done")', "### BEGIN SOLUTION\n1\n### END SOLUTION"),
        ["cell 5 ('### BEGIN SOLUTION')", "is allowed in a solution cell only"],
    ),
    "a cell line in a string": (
        ('print("done")', 'print("""\n\n# %%\n""")'),
        ['cell 5 (\'print("""\')', "the cell contains a `# %%` line"],
    ),
    "a cell line in a text": (
        ("# # Doubling", "# # Doubling\n#\n# # %% [markdown]"),
        ["cell 1 ('# Doubling')", "the cell contains a `# %%` line"],
    ),
    "a cell line in a function": (
        ('    """Return twice x."""\n', '    """Return twice x."""\n\n    # %% now think\n'),
        ["line 12: an indented `# %%` may split the cell in two"],
    ),
    "a cell line below text": (
        ("# # Doubling\n", "# # Doubling\n# %%\n# more\n"),
        ["line 3: a `# %%` directly below other text splits the cell in two"],
    ),
    "half a cell": (
        ('print("done")', "def f():\n    x = 1\n\n# %%\n    return x"),
        ["cell 6 ('return x')", "this is not Python by itself (unexpected indent, line 1"],
    ),
    "other metadata": (
        ("# %%\nimport math", '# %% jupyter={"source_hidden": true}\nimport math'),
        ["cell 2 ('import math'): the metadata 'jupyter' is not allowed; keep nbgrader"],
    ),
    "a title": (
        ("# %%\nimport math", "# %% Imports\nimport math"),
        ["the metadata 'title' is not allowed (text behind `# %%` becomes a title)"],
    ),
    "a header that is no JSON": (
        (SOLUTION, SOLUTION.replace("false,", "fals,", 1)),
        ["cell 3 ('# exercise: double')", "is not allowed"],
    ),
    "another schema": (
        ('"schema_version": 3, "solution": true', '"schema_version": 2, "solution": true'),
        ["schema_version must be 3, is 2"],
    ),
    "a key too few": ((', "solution": true', ""), ["its nbgrader metadata lacks solution"]),
    "a key too many": (
        ('"solution": true', '"solution": true, "checksum": "0"'),
        ["its nbgrader metadata has checksum; delete it"],
    ),
    "a cell graded by hand": (
        ('{"grade": false', '{"grade": true'),
        ["this course has no cells with {'grade': True, 'solution': True", "copy the header"],
    ),
    "a graded survey": (
        ('"test-double"', '"survey-double"'),
        ["a survey is neither graded nor locked"],
    ),
    "a solution in words": (
        (SOLUTION, SOLUTION.replace("# %%", "# %% [markdown]")),
        ["a solution cell must be a code cell; delete [markdown]"],
    ),
    "a solution given away": (
        ("# # Doubling", "# # Doubling\n# Try `return math.fsum([x, x])`."),
        [
            "cell 1 ('# Doubling'): learners would read 'return math.fsum([x, x])' here",
            "in the solution or the hidden tests of cell double",
        ],
    ),
    "a hidden test given away": (
        ('print("done")', "assert double(1234) == 2468"),
        ["cell 5", "learners would read 'assert double(1234) == 2468' here", "cell test-double"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_source_is_refused_with_the_place_and_the_way_out(course, case):
    (old, new), words = REFUSED[case]
    assert old in LESSON
    folder = course(lesson_01_fine="# %%\n1", lesson_02_doubling=LESSON.replace(old, new, 1))
    result = run("--course", folder)
    assert result.exit_code == 1, result.output
    lines = result.stderr.splitlines()
    assert lines[0].startswith("Error: instructor/sources/02_doubling.py, ")
    for word in words:
        assert any(word in line for line in lines), result.stderr
    assert all(line.endswith(".") for line in lines)
    assert not (folder / "notebooks").exists() and not (folder / "build").exists()
    with pytest.raises(SourceError):
        build_course(folder)


def test_a_grade_id_of_another_lesson_is_refused(course):
    folder = course(lesson_01_doubling=LESSON, lesson_02_doubling=LESSON)
    result = run("--course", folder, "02")
    assert result.exit_code == 1
    assert (
        "instructor/sources/02_doubling.py, cell double ('# exercise: double'): the grade_id "
        "'double' is taken by cell 3 of instructor/sources/01_doubling.py; choose another."
    ) in result.stderr


def test_two_exercises_must_not_share_a_name(course):
    """Else the test of the one that was left out would judge the other's answer."""
    other = LESSON.replace('"double"', '"again"').replace('"test-double"', '"test-again"')
    other = other.replace(": double\n", ": again\n")
    result = run("--course", course(lesson_02_doubling=LESSON + "\n" + other))
    assert "cell again" in result.stderr
    assert "it defines 'double', as exercise double does" in result.stderr


def test_every_problem_is_told_at_once(course):
    text = LESSON.replace("# test: double\n", "").replace("# exercise: double\n", "")
    assert len(run("--course", course(lesson_02_doubling=text)).stderr.splitlines()) == 2


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
def test_an_unreadable_file_is_one_clear_error(course, file, content, words):
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


def test_a_folder_without_a_course_says_where_to_run(tmp_path):
    result = run("--course", tmp_path)
    assert result.exit_code == 1
    assert "run this in the course's folder, or name it with --course" in result.stderr


@pytest.mark.parametrize("library", ["jupytext", "nbgrader"])
def test_without_the_grading_extra_the_command_says_how_to_install_it(monkeypatch, library):
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


def test_the_first_cell_is_short_and_does_nothing_where_the_package_is(course, capfd):
    source = first_cell(course(lesson_02_doubling=LESSON), "no-such-package @ file:///nowhere")
    assert len(source.splitlines()) <= 12 and source.startswith("# ")
    exec(source, {})
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_the_first_cell_installs_the_package_on_colab_only(course, tmp_path):
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
