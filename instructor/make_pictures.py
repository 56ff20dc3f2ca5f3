"""Take the pictures of the explorers for README.md: `make pictures`. Needs Chromium and npm.

An explorer in JupyterLab, a slide of the lecture and a page of the gallery, as learners and
lecturers see them; written to docs/, each with its own palette.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat

from quantlab_helpers._support.files import write_atomically
from quantlab_helpers.course.publishing.gallery import write_gallery
from quantlab_helpers.course.publishing.slides import DECK, write_slides
from quantlab_helpers.explorers.view import reduce_colours

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
from tests.browser.browsing import (  # noqa: E402
    NPM,
    chromium,
    page_of,
    run_all,
    served,
    what_is_missing,
    write_notebook,
)

CELLS = (
    "import quantlab_helpers as ql\n"
    "from quantlab_helpers import explorers\n\n"
    'net = ql.load_baseline(device="cpu")',
    "explorers.explore_kmeans(net)",
)
SLIDE = "## Demo: bits per weight"
LESSON = "02_uniform_quantization"
MOST = 120_000  # bytes of one picture


def explorer(browser: Any, folder: Path) -> bytes:
    """Play six half-steps of Lloyd's algorithm in JupyterLab."""
    path = write_notebook(folder / "k-means.ipynb", *CELLS)
    size = {"width": 1160, "height": 1150}
    with served("lab", path) as address, page_of(browser, viewport=size) as (page, _):
        run_all(page, address, path.name)
        page.locator(".jp-OutputArea-output img").wait_for()
        page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
        menu = page.get_by_role("combobox").filter(has_text="linear")
        menu.select_option(label="linear: equal steps")
        for count in range(1, 7):
            page.get_by_role("button", name="one step").click()
            phase = f"Lloyd, {'assign' if count % 2 else 'update'} {(count + 1) // 2}"
            page.locator("[role=status]").filter(has_text=phase).wait_for()
        page.locator(".ql-facts").filter(has_not_text="…").wait_for()
        page.mouse.move(1, 1)
        return bytes(page.locator("#main").screenshot())


def slide(browser: Any, folder: Path) -> bytes:
    """Open one slide of the written lecture, from the disk."""
    lecture = nbformat.read(ROOT / "notebooks" / "slides" / f"{DECK}.ipynb", as_version=4)
    place = next(n for n, cell in enumerate(lecture.cells) if cell.source.startswith(SLIDE))
    lecture.cells = [lecture.cells[0], *lecture.cells[place : place + 2]]
    nbformat.write(lecture, folder / "deck.ipynb")
    page_path = write_slides(folder / "slides", deck=folder / "deck.ipynb", libraries=NPM)
    size = {"width": 1280, "height": 720}
    with page_of(browser, offline=True, viewport=size) as (page, _):
        page.goto(page_path.resolve().as_uri())
        page.locator(".reveal.ready .ql-player img").wait_for()
        page.wait_for_timeout(500)
        return bytes(page.screenshot())


def gallery(browser: Any, folder: Path) -> bytes:
    """Open a lesson of the gallery, at its formula."""
    lessons = folder / "lessons"
    lessons.mkdir()
    for path in (ROOT / "notebooks").glob("0*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        if path.stem == LESSON:
            notebook.cells = notebook.cells[:12]
        else:  # only its title is visible
            notebook.cells = [c for c in notebook.cells if c.cell_type == "markdown"][:1]
        nbformat.write(notebook, lessons / path.name)
    index = write_gallery(folder / "gallery", notebooks=lessons, libraries=NPM)
    size = {"width": 1100, "height": 900}
    with page_of(browser, offline=True, viewport=size) as (page, _):
        page.goto((index.parent / f"{LESSON}.html").resolve().as_uri())
        page.locator(".MathJax_CHTML").first.wait_for()
        page.wait_for_timeout(1000)
        return bytes(page.screenshot())


def main() -> None:
    """Write the pictures into docs/; stop if one cannot be taken."""
    if missing := what_is_missing():
        sys.exit(missing)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for take in (explorer, slide, gallery):
            (own := Path(folder) / take.__name__).mkdir()
            picture = reduce_colours(take(browser, own))
            path = ROOT / "docs" / f"{take.__name__}.png"
            if len(picture) > MOST:
                sys.exit(f"{path} would have {len(picture):,} bytes; show less of the page")
            write_atomically(path, picture)
            print(f"{path.relative_to(ROOT)}: {len(picture):,} bytes")


if __name__ == "__main__":
    main()
