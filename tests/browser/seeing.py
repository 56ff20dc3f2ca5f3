"""Helpers of the browser tests: pixels and sentences of explorers, and axe-core's findings."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from playwright.sync_api import Error

from tests.browser.browsing import AXE

BARS = (0x00, 0x72, 0xB2)
_FEWEST_BARS = 500  # pixels; a histogram has thousands
_LIVE_SLIDER = '[role="slider"], input[type="range"]'


class Look(NamedTuple):
    """The visible state of an explorer: hash of the pixels, number of blue pixels, sentence."""

    pixels: str
    blue: int
    sentence: str


def explorer_of(page: Any, words: str) -> Any:
    """Return the explorer with a slider whose picture's alt text begins with `words`."""
    boxes = page.locator(".jp-OutputArea-output, .ql-player").filter(
        has=page.locator(_LIVE_SLIDER), has_not=page.locator(".ql-player")
    )
    matches = boxes.filter(has=page.locator(f'img[alt^="{words}"]'))
    matches.first.wait_for()
    return matches.first


def look(explorer: Any) -> Look:
    """Take a screenshot of the picture once two in a row are equal."""
    before = None
    while True:
        try:
            shot = explorer.locator("img").screenshot()
        except Error:  # it was replaced by the next one while the shot was taken
            continue
        pixels = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))
        key = hashlib.sha256(pixels.tobytes()).hexdigest()
        if key == before:
            blue = int((pixels == BARS).all(axis=-1).sum())
            return Look(key, blue, explorer.locator("[role=status]").inner_text())
        before = key


def moved(explorer: Any, act: Callable[[], object], *, patience: float = 30) -> Look:
    """Run `act`, wait until the explorer's picture changes, and return its new state."""
    before = look(explorer)
    act()
    until = time.monotonic() + patience
    while (after := look(explorer)).pixels == before.pixels:
        assert time.monotonic() < until, "the picture did not change"
    assert after.sentence != before.sentence, "the sentence did not change"
    assert after.blue > _FEWEST_BARS, f"no bars in the picture: {after.blue} pixels of their colour"
    assert explorer.locator("img").count() == 1, "more than one picture"
    assert explorer.locator("[role=alert]").count() == 0, "the explorer shows an error"
    return after


def serious_faults(page: Any, inside: str) -> set[str]:
    """Return axe-core's serious and critical findings as "rule: class of the element"."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    # Without preload: a page from a file may not request style sheets.
    results = page.evaluate("(inside) => axe.run(inside, {preload: false})", inside)
    assert results["passes"], "axe-core tested nothing"
    return {
        f"{rule['id']}: {page.locator(node['target'][0]).get_attribute('class')}"
        for rule in results["violations"]
        for node in rule["nodes"]
        if rule["impact"] in ("serious", "critical")
    }
