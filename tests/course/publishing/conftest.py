import pytest


@pytest.fixture
def libraries(tmp_path):
    """A node_modules folder with the files that pages copy; tests in browsers use the real ones."""
    from quantlab_helpers.course.publishing import html_pages

    folder = tmp_path / "node_modules"
    for name in html_pages._MATHJAX | html_pages._REVEAL:
        path = folder / name
        file = path if path.suffix or path.name == "LICENSE" else path / "part.js"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return folder
