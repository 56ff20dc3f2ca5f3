"""A course with one small lesson."""

import json
import shutil

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
