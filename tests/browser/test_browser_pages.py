"""Slides and gallery as readers open them: from a disk, offline and without a kernel."""

from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from click.testing import CliRunner

from quantlab_helpers.cli.main import main
from quantlab_helpers.course.publishing.gallery import write_gallery
from tests.browser.browsing import NPM, Notes, page_of, write_notebook
from tests.browser.seeing import explorer_of, look, moved, serious_faults

pytestmark = [pytest.mark.process, pytest.mark.browser]
UNIFORM = "Two histograms with the same axes"
CODE = (
    "import matplotlib.pyplot as plt\n"
    "import quantlab_helpers as ql\n"
    "from quantlab_helpers import explorers",
    "_ = plt.figure().subplots().set(title='Loss', xlabel='epoch')  # 1 in 2.5",
    "[1 in range(3), 0.5 < 1]",
    "explorers.explore_uniform(ql.load_baseline(device='cpu'))",
)
FORMULA = "## Half a step\n\n$$|w - \\hat w| \\leq s/2$$"


class Opened(NamedTuple):
    """A page opened from a file."""

    kind: str
    page: Any
    notes: Notes

    def assert_quiet(self) -> None:
        """Check that the page loaded only files, found all of them, and logged no error."""
        assert self.notes.addresses, "nothing was loaded"
        others = [url for url in self.notes.addresses if not url.startswith(("file:", "data:"))]
        assert [url for url in others if not url.startswith("blob:")] == []
        assert self.notes.errors == []


def write_deck(folder: Path) -> Path:
    """Write a deck of three slides: a picture and a formula, a demo, an end."""
    path = write_notebook(folder / "deck.ipynb", *CODE)
    notebook = nbformat.read(path, as_version=4)
    setup, figure, _, demo = notebook.cells
    title = nbformat.v4.new_markdown_cell(f"# Bits\n\n{FORMULA}")
    heading = nbformat.v4.new_markdown_cell("## Demo")
    end = nbformat.v4.new_markdown_cell("## The end")
    notebook.cells = [setup, title, figure, heading, demo, end]
    setup.metadata["slideshow"] = {"slide_type": "skip"}
    for cell in (title, heading, end):
        cell.metadata["slideshow"] = {"slide_type": "slide"}
    nbformat.write(notebook, path)
    return path


@pytest.fixture(scope="module")
def slides(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("slides")
    command = ["slides", "--deck", str(write_deck(folder)), "--output", str(folder / "out")]
    run = CliRunner().invoke(main, [*command, "--libraries", str(NPM)])
    assert run.exit_code == 0, run.output
    with page_of(browser, offline=True) as (page, notes):
        page.goto((folder / "out" / "index.html").as_uri())
        page.locator(".reveal.ready").wait_for()
        yield Opened("slides", page, notes)


@pytest.fixture(scope="module")
def lesson(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    path = write_notebook(folder / "bits.ipynb", *CODE)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(f"# Bits\n\nFew bits.\n\n{FORMULA}"))
    nbformat.write(notebook, path)
    index = write_gallery(folder / "out", notebooks=folder, libraries=NPM)
    with page_of(browser, offline=True) as (page, notes):
        page.goto(index.as_uri())
        yield Opened("gallery", page, notes)


def slide_number(page):
    """Return the number of the slide that is shown."""
    return page.locator(".slide-number-a").inner_text()


def turn_to(page, number):
    """Show a slide, counted from 1."""
    page.goto(f"{page.url.split('#')[0]}#/{number - 1}")
    page.wait_for_function(f"document.querySelector('.slide-number-a').innerText === '{number}'")


def press(page, player, key):
    """Press a key on the slider of a player."""
    player.get_by_role("slider").focus()
    page.keyboard.press(key)


def test_slides_arrow_keys_turn_or_move_slider(slides):
    page = slides.page
    turn_to(page, 1)
    assert page.locator("section.present mjx-chtml, section.present .MathJax_CHTML").count() == 1
    page.keyboard.press("ArrowRight")
    assert slide_number(page) == "2"
    player = explorer_of(page, UNIFORM)
    start = look(player)
    after = moved(player, lambda: press(page, player, "ArrowRight"))
    back = moved(player, lambda: press(page, player, "ArrowLeft"))
    assert after != start and back == start
    assert slide_number(page) == "2"
    slides.assert_quiet()


def test_slides_demo_fits_on_its_slide(slides):
    turn_to(slides.page, 2)
    player = explorer_of(slides.page, UNIFORM)
    height = player.evaluate("(part) => part.offsetTop + part.scrollHeight")
    assert 400 < height <= 720


def test_slides_axe_finds_nothing_serious(slides):
    for number in (1, 2, 3):
        turn_to(slides.page, number)
        assert serious_faults(slides.page, "section.present") == set()


def test_gallery_lesson_slider_moves(lesson):
    page = lesson.page
    assert serious_faults(page, "html") == set()
    page.get_by_role("link", name="Bits").click()
    page.locator("mjx-chtml, .MathJax_CHTML").first.wait_for()
    player = explorer_of(page, UNIFORM)
    start = look(player)
    after = moved(player, lambda: press(page, player, "ArrowRight"))
    back = moved(player, lambda: press(page, player, "ArrowLeft"))
    assert after != start and back == start
    assert page.locator("img[alt='Figure: Loss: epoch.']").count() == 1
    assert serious_faults(page, "html") == set()
    lesson.assert_quiet()


def test_moved_fails_without_script_or_alt_text(lesson):
    page = lesson.page
    page.get_by_role("link", name="Bits").first.click()
    player = explorer_of(page, UNIFORM)
    page.evaluate(
        "for (const box of document.querySelectorAll('.ql-player')) box.outerHTML = box.outerHTML"
    )
    with pytest.raises(AssertionError, match="the picture did not change"):
        moved(player, lambda: press(page, player, "ArrowRight"), patience=1)
    player.locator("img").evaluate("(picture) => picture.removeAttribute('alt')")
    assert serious_faults(page, "html") == {"image-alt: None"}
