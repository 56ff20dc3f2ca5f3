"""The surroundings of every test and doctest: no window, one thread, a cache of its own."""

import atexit
import os
import shutil
import tempfile

import matplotlib
from hypothesis import settings

# Before anything asks for the cache folder: tests must neither read nor spoil the user's own.
_CACHE = tempfile.mkdtemp(prefix="quantlab-tests-")
atexit.register(shutil.rmtree, _CACHE, ignore_errors=True)
os.environ["XDG_CACHE_HOME"] = _CACHE
os.environ.pop("QUANTLAB_DATA", None)
matplotlib.use("Agg")

# The same examples on every run, so that a red run is red again; `--hypothesis-profile=search`
# draws many new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=3_000, deadline=None)
settings.load_profile("repeatable")

# They hold no doctest, and looking for one would import several by the same name.
collect_ignore_glob = ["*conftest.py"]
