"""What the browser's tests look at: pixels, sentences, and what axe-core says of a page."""

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
    """An explorer as somebody sees it at one moment."""

    pixels: str
    blue: int
    sentence: str


def explorer_of(page: Any, words: str) -> Any:
    """Return the output, or player, with a slider whose picture's alt text begins like that."""
    boxes = page.locator(".jp-OutputArea-output, .ql-player").filter(
        has=page.locator(_LIVE_SLIDER), has_not=page.locator(".ql-player")
    )
    found = boxes.filter(has=page.locator(f'img[alt^="{words}"]'))
    found.first.wait_for()
    return found.first


def look(explorer: Any) -> Look:
    """Take the picture off the screen, once it stands still."""
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
    """Do something to an explorer, and return what it shows once it shows something else."""
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
    """Return what axe-core calls serious or critical, as ids of rules and classes of elements."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    # Without preload: it would ask for style sheets, which a page from a file may not.
    found = page.evaluate("(inside) => axe.run(inside, {preload: false})", inside)
    assert found["passes"], "axe-core tested nothing"
    return {
        f"{rule['id']}: {page.locator(node['target'][0]).get_attribute('class')}"
        for rule in found["violations"]
        for node in rule["nodes"]
        if rule["impact"] in ("serious", "critical")
    }
