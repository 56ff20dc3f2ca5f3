"""The surroundings of every test and doctest: no window, one thread, a cache of its own."""

import atexit
import os
import shutil
import sys
import tempfile

import matplotlib
import pytest
from hypothesis import settings

# Before anything asks for the cache folder: tests must neither read nor spoil the user's own.
_CACHE = tempfile.mkdtemp(prefix="quantlab-tests-")
atexit.register(shutil.rmtree, _CACHE, ignore_errors=True)
os.environ["XDG_CACHE_HOME"] = _CACHE
os.environ.pop("QUANTLAB_DATA", None)
matplotlib.use("Agg")

# The same examples on every run, so that a red run is red again; `--hypothesis-profile=search`
# draws many new ones, and `make quick` a few of them.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("quick", max_examples=20, derandomize=True, deadline=None)
settings.register_profile("search", max_examples=3_000, deadline=None)
settings.load_profile("repeatable")

# They hold no doctest, and looking for one would import several by the same name.
collect_ignore_glob = ["*conftest.py"]

# Each of these starts a process or a server; a test that does it says so by a marker.
_STARTS = {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "socket.bind"}
_STARTS.add("subprocess.Popen")
_COSTLY = ("process", "notebook", "browser")
_running = {"test": None}


def _refuse_unmarked_start(event, arguments):
    test = _running["test"]
    if event not in _STARTS or test is None:
        return
    if not any(test.get_closest_marker(name) for name in _COSTLY):
        raise RuntimeError(f"{test.nodeid} starts a process ({event}): mark it `process`")


sys.addaudithook(_refuse_unmarked_start)


# Doctests cannot have markers; these measure networks on all test images.
_COSTLY_DOCTESTS = ("cli.doctor", "compression.", "explorers.explore", "experiments.", "training")


def pytest_itemcollected(item):
    """Mark the costly doctests."""
    if item.name.startswith(tuple(f"quantlab_helpers.{part}" for part in _COSTLY_DOCTESTS)):
        item.add_marker(pytest.mark.training)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Remember which test runs."""
    _running["test"] = item
    try:
        return (yield)
    finally:
        _running["test"] = None
