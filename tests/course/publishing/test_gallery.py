"""The gallery: pages of learners' notebooks, with outputs, without answers."""

import re

import nbformat
import pytest

import quantlab_helpers.course.publishing.html_pages as pages
from quantlab_helpers.course.publishing.gallery import write_gallery

GRADED = {"grade_id": "double", "schema_version": 3, "grade": False, "locked": False}


def code(source, **nbgrader):
    cell = nbformat.v4.new_code_cell(source)
    if nbgrader:
        cell.metadata["nbgrader"] = GRADED | nbgrader
    return cell


def lesson(*cells):
    head = nbformat.v4.new_markdown_cell(
        "# Doubling & more\n\nAfter this you can\n**double**.\n\n*Needs*: nothing."
    )
    install = code("raise RuntimeError('on Colab only')")
    install["id"] = "install"
    return nbformat.v4.new_notebook(cells=[install, head, *cells])


@pytest.fixture
def make(tmp_path, libraries):
    """Return a function that writes a gallery of the given notebooks."""

    def write(**notebooks):
        source = tmp_path / "notebooks"
        source.mkdir()
        for name, notebook in notebooks.items():
            nbformat.write(notebook, source / f"{name}.ipynb")
        return write_gallery(tmp_path / "out", notebooks=source, libraries=libraries)

    return write


@pytest.mark.process
def test_write_gallery_pages_and_index(make):
    index = make(
        a=lesson(
            code("print(6 * 7)"),
            code("raise NotImplementedError('write your answer here')", solution=True),
            code("assert double(1) == 2", grade=True, locked=True, solution=False, points=1),
        ),
        b=nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Last\n\n$x^2$")]),
    )
    overview, page = index.read_text(), (index.parent / "a.html").read_text()
    assert '<a href="a.html">Doubling &amp; more</a><p>After this you can double.</p>' in overview
    assert "<pre>42" in page and "on Colab only" not in page
    assert "write your answer here" in page, "the stub is there"
    assert "Traceback" not in page and "NameError" not in page
    assert '<a href="b.html">Last</a>' in page and 'aria-current="page"' in page
    for file in index.parent.glob("*.html"):
        text = file.read_text()
        assert pages.outside_addresses(text) == []
        for name in re.findall(r'(?:src|href)="(?!data:|#)([^"?]+)', text):
            assert (index.parent / name).is_file(), name


@pytest.mark.process
def test_write_gallery_refuses_failing_cell(make):
    with pytest.raises(ValueError, match=r"a, cell 2: ZeroDivisionError: division by zero"):
        make(a=lesson(code("1 / 0")))


def test_write_gallery_refuses_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no notebooks in .*; name another folder"):
        write_gallery(tmp_path / "out", notebooks=tmp_path)
