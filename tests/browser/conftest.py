"""One Chromium for each test file; without Chromium, tests are skipped with a reason."""

import os

import pytest

from tests.browser.browsing import chromium, what_is_missing


@pytest.fixture(scope="module")
def browser():
    missing = what_is_missing()
    if missing and "QUANTLAB_BROWSER" in os.environ:
        pytest.fail(f"QUANTLAB_BROWSER is set, but there is {missing}")
    if missing:
        pytest.skip(missing)
    with chromium() as started:
        yield started
