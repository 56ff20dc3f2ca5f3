"""The surroundings of every test and doctest: no window, one thread, a cache of its own."""

import atexit
import os
import shutil
import tempfile

import matplotlib

# Before anything asks for the cache folder: tests must neither read nor spoil the user's own.
_CACHE = tempfile.mkdtemp(prefix="quantlab-tests-")
atexit.register(shutil.rmtree, _CACHE, ignore_errors=True)
os.environ["XDG_CACHE_HOME"] = _CACHE
os.environ.pop("QUANTLAB_DATA", None)
matplotlib.use("Agg")
