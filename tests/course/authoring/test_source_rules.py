"""Rules for sources: every problem names its place and its fix."""

import pytest

from quantlab_helpers.course.authoring.build import build_course
from quantlab_helpers.course.authoring.sources import SourceError
from tests.course.authoring.small_source import LESSON, SOLUTION, TEST, run

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
def test_source_problems_give_place_and_fix(course, case):
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


def test_duplicate_grade_ids_across_lessons(course):
    folder = course(lesson_01_doubling=LESSON, lesson_02_doubling=LESSON)
    result = run("--course", folder, "02")
    assert result.exit_code == 1
    assert (
        "instructor/sources/02_doubling.py, cell double ('# exercise: double'): the grade_id "
        "'double' is taken by cell 3 of instructor/sources/01_doubling.py; choose another."
    ) in result.stderr


def test_source_problems_two_exercises_same_name(course):
    """Else the test of the one that was left out would judge the other's answer."""
    other = LESSON.replace('"double"', '"again"').replace('"test-double"', '"test-again"')
    other = other.replace(": double\n", ": again\n")
    result = run("--course", course(lesson_02_doubling=LESSON + "\n" + other))
    assert "cell again" in result.stderr
    assert "it defines 'double', as exercise double does" in result.stderr


def test_source_problems_all_in_one_run(course):
    text = LESSON.replace("# test: double\n", "").replace("# exercise: double\n", "")
    assert len(run("--course", course(lesson_02_doubling=text)).stderr.splitlines()) == 2
