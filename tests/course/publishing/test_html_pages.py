"""Pages of notebooks: execution, alt texts, and nothing loaded from outside."""

import nbformat
import pytest
from matplotlib.figure import Figure

import quantlab_helpers.course.publishing.html_pages as pages


def notebook_of(*cells):
    return nbformat.v4.new_notebook(cells=list(cells))


@pytest.mark.process
def test_run_for_page_failing_cell():
    with pytest.raises(ValueError, match="A cell fails with ZeroDivisionError: division by zero"):
        pages.run_for_page(notebook_of(nbformat.v4.new_code_cell("1 / 0")))


@pytest.mark.process
def test_run_for_page_shows_static_explorers():
    code = (
        "from quantlab_helpers.explorers import explore_outlier\n"
        "explorer = explore_outlier()\nexplorer"
    )
    executed = pages.run_for_page(notebook_of(nbformat.v4.new_code_cell(code)))
    [output] = executed.cells[0].outputs
    assert '<input type="range"' in output.data["text/html"]
    assert "application/vnd.jupyter.widget-view+json" not in output.data
    assert "widgets" not in executed.metadata


@pytest.mark.parametrize(
    ("html", "addresses"),
    [
        ('<script src="https://a.org/x.js"></script>', ["https://a.org/x.js"]),
        ('<link href="//a.org/x.css">', ["//a.org/x.css"]),
        ("<style>@import url(http://a.org/f.css)</style>", ["http://a.org/f.css"]),
        ("<style>/* thanks to https://a.org */ p { color: red }</style>", []),
        ("<p style='background: url(//a.org/i.png)'></p>", ["//a.org/i.png"]),
        (
            '<img srcset="https://a.org/1.png 1x, https://b.org/2.png 2x">',
            ["https://a.org/1.png", "https://b.org/2.png"],
        ),
        ("<p>Read https://a.org, too.</p>", []),
        ("<script>import('https://a.org/m.mjs')</script>", ["https://a.org/m.mjs"]),
        ('<a class="x" href="https://a.org">read</a>', []),
        ('<svg xmlns="http://www.w3.org/2000/svg"></svg>', []),
        ('<img src="data:image/png;base64,AA//bb.cc">', []),
        ('<script src="assets/x.js"></script> // a comment', []),
    ],
)
def test_outside_addresses_finds_what_loads(html, addresses):
    assert pages.outside_addresses(html) == addresses


def test_render_refuses_outside_address():
    cell = nbformat.v4.new_markdown_cell("![x](https://a.org/x.png)")
    with pytest.raises(ValueError, match=r"would load 'https://a\.org/x\.png'"):
        pages.render(notebook_of(cell), "quantlab_lesson", title="T")


def test_alt_text_of_figure_without_labels():
    assert pages.alt_text_of(Figure()) == "Figure without labels; see the text beside it."


def test_copy_libraries_with_and_without_reveal(tmp_path, libraries):
    pages.copy_libraries(libraries, tmp_path / "lessons")
    pages.copy_libraries(libraries, tmp_path / "slides", reveal=True)
    assert (tmp_path / "lessons/assets/mathjax/MathJax.js").is_file()
    assert not (tmp_path / "lessons/assets/reveal").exists()
    assert (tmp_path / "slides/assets/reveal/dist/reveal.js").is_file()
