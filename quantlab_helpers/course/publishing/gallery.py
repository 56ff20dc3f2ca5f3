"""All lessons as web pages with their outputs: to look at before anything is installed."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

from ..._support.files import write_atomically
from ..authoring.sources import INSTALL_ID, grade_id_of, role_of
from ..workspace import notebooks_folder
from .html_pages import NPM, TEMPLATES, copy_libraries, execute, render, title_of

_INTRODUCTION = (
    "A lab on weight quantization: how few bits does a weight need, and what does it cost? These "
    "are the notebooks as learners get them, run from top to bottom. Sliders on these pages work; "
    "exercises are left for you. To answer them, install the lab and run <code>quantlab lab</code>."
)


class _Page(NamedTuple):
    """A lesson and the file it becomes."""

    name: str
    title: str
    promise: str
    notebook: NotebookNode

    @property
    def file(self) -> str:
        return f"{self.name}.html"


def write_gallery(
    folder: str | Path,
    *,
    notebooks: str | Path | None = None,
    libraries: str | Path = NPM,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Execute the learners' notebooks and write them as pages, with an index.

    Parameters
    ----------
    folder : str or Path
        Made where missing.
    notebooks : str or Path, optional
        A folder of notebooks; by default the course's.
    libraries : str or Path, default="build/npm/node_modules"
        Where npm put MathJax.
    say : callable, optional
        Called with a few words about the progress.

    Returns
    -------
    Path
        The index. Nothing in the folder needs a network.

    Raises
    ------
    FileNotFoundError
        If there are no notebooks, or a library is missing.
    ValueError
        If a cell fails that is no exercise.

    Examples
    --------
    >>> write_gallery("build/gallery")  # doctest: +SKIP
    PosixPath('build/gallery/index.html')
    """
    folder = Path(folder)
    source = notebooks_folder() if notebooks is None else Path(notebooks)
    pages = [_read(path) for path in sorted(source.glob("*.ipynb"))]
    if not pages:
        raise FileNotFoundError(f"There are no notebooks in {str(source)!r}; name another folder.")
    copy_libraries(libraries, folder)
    for page in pages:

        def tell(text: str, name: str = page.name) -> None:
            say(f"{name}: {text}")

        executed = execute(page.notebook, allow_errors=True, say=tell)
        _leave_exercises_open(executed, page.name)
        text = render(
            executed,
            "quantlab_lesson",
            title=page.title,
            resources={"quantlab_navigation": _navigation(pages, page)},
        )
        write_atomically(folder / page.file, text.encode())
    write_atomically(folder / "index.html", _index(pages).encode())
    return folder / "index.html"


def _read(path: Path) -> _Page:
    notebook = nbformat.read(path, as_version=4)
    # It installs the package on Colab, and is nothing to look at.
    notebook.cells = [cell for cell in notebook.cells if cell.get("id") != INSTALL_ID]
    first = next((c.source for c in notebook.cells if c.cell_type == "markdown"), "")
    paragraphs = [part for part in first.split("\n\n") if part and not part.startswith("#")]
    promise = " ".join(paragraphs[0].split()) if paragraphs else ""
    return _Page(path.stem, title_of(notebook), promise.replace("**", ""), notebook)


def _leave_exercises_open(notebook: NotebookNode, name: str) -> None:
    """Drop what unanswered exercises say; refuse an error of any other cell."""
    for number, cell in enumerate(notebook.cells, start=1):
        errors = [output for output in cell.get("outputs", []) if output.output_type == "error"]
        if errors and role_of(cell) not in ("solution", "test"):
            raise ValueError(
                f"{name}, cell {grade_id_of(cell) or number}: {errors[0].ename}: "
                f"{errors[0].evalue}; run the notebook in JupyterLab to see more."
            )
        if errors:
            cell.outputs = []


def _navigation(pages: list[_Page], here: _Page) -> str:
    links = ['<a href="index.html">All lessons</a>']
    for page in pages:
        current = ' aria-current="page"' if page is here else ""
        links.append(f'<a href="{page.file}"{current}>{html.escape(page.title)}</a>')
    return "\n".join(links)


def _index(pages: list[_Page]) -> str:
    items = "\n".join(
        f'<li><a href="{page.file}">{html.escape(page.title)}</a>'
        f"<p>{html.escape(page.promise)}</p></li>"
        for page in pages
    )
    style = (TEMPLATES / "quantlab_lesson" / "index.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Weight quantization: all lessons</title>\n<style>{style}</style></head>\n"
        f"<body><main><h1>Weight quantization</h1>\n<p>{_INTRODUCTION}</p>\n"
        f"<ol>\n{items}\n</ol>\n</main></body></html>\n"
    )
