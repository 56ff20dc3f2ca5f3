"""The limits on a sandbox, and what is mounted for it."""

import functools
import os

import pytest

from tests.grading.sandbox_runs import each_level, printed, run_cells

pytestmark = pytest.mark.process


@functools.cache
def has_own_shm(level):
    """Return whether a sandbox of this level has a /dev/shm for itself on this machine."""
    _, ran = run_cells("import os; print(os.stat('/dev/shm').st_dev)", isolation=level)
    return int(printed(ran[0])) != os.stat("/dev/shm").st_dev


@each_level
def test_sandbox_has_its_own_shm(level):
    if level == "prlimit" and not has_own_shm(level):
        pytest.skip("this user may not mount a /dev/shm for a sandbox")
    assert has_own_shm(level)
