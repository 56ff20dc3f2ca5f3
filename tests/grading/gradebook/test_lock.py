"""One writer at a time, and no lock that outlives its process."""

import json
import multiprocessing
import os
import subprocess
import sys

import pytest

from quantlab_helpers.grading.gradebook.lock import Busy, locked

pytestmark = pytest.mark.process


HOLD = """
import pathlib, signal, sys
from quantlab_helpers.grading.gradebook.lock import locked
with locked(pathlib.Path(sys.argv[1])):
    print("entered", flush=True)
    signal.pause()
"""


def test_locked_refuses_a_second_process(tmp_path):
    path = tmp_path / "quantlab" / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "entered\n"
        with (
            pytest.raises(Busy, match=rf"^Process {other.pid} on .* wait until it has ended"),
            locked(path),
        ):
            pass
        other.kill()
    with locked(path):
        pass


def test_locked_ignores_an_old_lock_file(tmp_path):
    path = tmp_path / "lock"
    path.write_text(json.dumps({"pid": 1, "host": "h", "since": "2026-01-01T00:00:00+00:00"}))
    with locked(path):
        pass


def test_locked_stays_held_when_a_forked_child_ends(tmp_path):
    path = tmp_path / "lock"
    context = multiprocessing.get_context("fork")
    with locked(path):
        child = context.Process(target=int)
        child.start()
        child.join(10)
        with pytest.raises(Busy, match=f"Process {os.getpid()} on"), locked(path):
            pass
