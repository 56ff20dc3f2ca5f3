"""One Chromium for each file of tests; where it is missing, a reason instead."""

import os

import pytest

from tests.browser.browsing import chromium, what_is_missing


@pytest.fixture(scope="module")
def browser():
    missing = what_is_missing()
    if missing and "QUANTLAB_BROWSER" in os.environ:
        pytest.fail(f"QUANTLAB_BROWSER is set, and there is {missing}")
    if missing:
        pytest.skip(missing)
    with chromium() as started:
        yield started
