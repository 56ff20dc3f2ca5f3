"""A small lesson as a source, and the build command."""

import json

from click.testing import CliRunner

from quantlab_helpers.cli.main import main


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


def run(*arguments):
    return CliRunner().invoke(main, ["build", *map(str, arguments)])
