"""Explorers with a kernel, in the front ends that learners and lecturers open."""

from typing import Any, NamedTuple

import pytest

from tests.browser.browsing import Notes, page_of, run_all, served, write_notebook
from tests.browser.seeing import explorer_of, look, moved, serious_faults

pytestmark = [pytest.mark.process, pytest.mark.browser]
CELLS = (
    "import quantlab_helpers as ql\n"
    "from quantlab_helpers import explorers\n"
    "net = ql.load_baseline(device='cpu')",
    "explorers.explore_uniform(net)",
    "explorers.explore_kmeans(net)",
    # Two broken explorers, which show that the tests can fail.
    "unobserved = explorers.explore_outlier()\n"
    "for control in unobserved.controls.values():\n"
    "    control.unobserve_all('value')\n"
    "unobserved",
    "empty = explorers.explore_outlier()\n"
    "empty.view.before.bars.set_visible(False)\n"
    "empty._renderer._background_key = None\n"
    "empty",
)
# Notebook logs this even for an empty notebook: it reads JupyterLab settings that it lacks.
EXPECTED_ERRORS = {"notebook": ["Cannot read properties of undefined (reading 'schema')"]}
UNIFORM = "Two histograms with the same axes"
KMEANS = "Two histograms of the 2,304 weights"


class Front(NamedTuple):
    """A notebook that was run in one of the front ends."""

    kind: str
    page: Any
    notes: Notes

    def press(self, explorer: Any, key: str) -> None:
        """Press a key on the first slider."""
        explorer.get_by_role("slider").first.focus()
        self.page.keyboard.press(key)

    def assert_quiet(self) -> None:
        """Check that no other machine was contacted and no error or text appeared."""
        assert self.notes.outside == []
        assert [
            error for error in self.notes.errors if error not in EXPECTED_ERRORS.get(self.kind, [])
        ] == []
        texts = self.page.locator(".jp-OutputArea-output .jp-RenderedText").all_inner_texts()
        assert texts == []


@pytest.fixture(scope="module", params=["lab", "notebook", "voila"])
def front(request, browser, tmp_path_factory):
    path = write_notebook(tmp_path_factory.mktemp("live") / "explorers.ipynb", *CELLS)
    kind = request.param
    with served(kind, path) as address, page_of(browser) as (page, notes):
        if kind == "voila":
            page.goto(address)
        else:
            run_all(page, address, path.name)
        page.locator(".jp-OutputArea-output img").nth(3).wait_for()
        yield Front(kind, page, notes)


@pytest.mark.parametrize("words", [UNIFORM, KMEANS])
def test_explorer_arrow_keys_change_the_picture(front, words):
    explorer = explorer_of(front.page, words)
    if front.kind == "notebook":  # it handles the arrow keys itself; its users have the buttons
        with pytest.raises(AssertionError, match="the picture did not change"):
            moved(explorer, lambda: front.press(explorer, "ArrowRight"), patience=1)
        return
    start = look(explorer)
    after = moved(explorer, lambda: front.press(explorer, "ArrowRight"))
    back = moved(explorer, lambda: front.press(explorer, "ArrowLeft"))
    assert after != start and back == start
    front.assert_quiet()


@pytest.mark.parametrize(
    ("words", "more", "fewer"),
    [(UNIFORM, "+ weight bit", "− weight bit"), (KMEANS, "+ centre", "− centre")],
)
def test_explorer_buttons_by_mouse_and_keyboard(front, words, more, fewer):
    explorer = explorer_of(front.page, words)
    start = look(explorer)
    after = moved(explorer, explorer.get_by_role("button", name=more).click)
    back = moved(explorer, lambda: explorer.get_by_role("button", name=fewer).press("Space"))
    assert after != start and back == start
    front.assert_quiet()


def test_explore_kmeans_button_plays_lloyd(front):
    explorer = explorer_of(front.page, KMEANS)
    menu = explorer.get_by_role("combobox").filter(has_text="linear")
    moved(explorer, lambda: menu.select_option(label="linear: equal steps"))
    step = explorer.get_by_role("button", name="one step")
    sentences = [moved(explorer, step.click).sentence for _ in range(2)]
    assert "Lloyd, assign 1" in sentences[0] and "Lloyd, update 1" in sentences[1]
    moved(explorer, lambda: menu.select_option(index=0))
    front.assert_quiet()


def test_explorer_axe_only_slider_handle_name(front):
    found = serious_faults(front.page, ".jp-OutputArea-output")
    # ipywidgets gives the handle no name, and no way to give it one.
    assert found == {"aria-input-field-name: noUi-handle noUi-handle-lower"}


def test_moved_fails_without_observers(front):
    unobserved = explorer_of(front.page, "Histogram of 2,303")
    with pytest.raises(AssertionError, match="the picture did not change"):
        moved(unobserved, unobserved.get_by_role("button", name="+ outlier").click, patience=2)


def test_moved_fails_with_empty_axes(front):
    empty = explorer_of(front.page, "Histogram of 2,303").locator(
        "xpath=following::*[contains(@class, 'jp-OutputArea-output')][1]"
    )
    with pytest.raises(AssertionError, match="no bars in the picture: 0 pixels"):
        moved(empty, empty.get_by_role("button", name="+ outlier").click)
