"""Publish all lessons as web pages with their outputs, readable without an installation."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import nbformat
from jinja2 import Environment, FileSystemLoader
from nbformat import NotebookNode

from ..._support.files import write_atomically
from ..authoring.sources import INSTALL_ID, grade_id_of, role_of
from ..workspace import notebooks_folder
from .html_pages import NPM, copy_libraries, render, run_for_page, title_of

TEMPLATE = Path(str(files("quantlab_helpers"))) / "assets" / "gallery"


class _Page(NamedTuple):
    """A lesson, with the first paragraph of its text as `promise`."""

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
        Created if missing.
    notebooks : str or Path, optional
        A folder of notebooks; by default the course's.
    libraries : str or Path, default="build/npm/node_modules"
        Where npm put MathJax.
    say : callable, optional
        Called with messages about the progress.

    Returns
    -------
    Path
        The index. Nothing in the folder needs a network.

    Raises
    ------
    FileNotFoundError
        If there are no notebooks, or a library is missing.
    ValueError
        If a cell fails that is not an exercise.

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

        def report(text: str, name: str = page.name) -> None:
            say(f"{name}: {text}")

        links = [{"file": x.file, "title": x.title, "is_current": x is page} for x in pages]
        executed = run_for_page(page.notebook, allow_errors=True, say=report)
        _remove_exercise_errors(executed, page.name)
        text = render(
            executed,
            "quantlab_lesson",
            title=page.title,
            resources={"quantlab_links": links},
        )
        write_atomically(folder / page.file, text.encode())
    write_atomically(folder / "index.html", _index(pages).encode())
    return folder / "index.html"


def _read(path: Path) -> _Page:
    notebook = nbformat.read(path, as_version=4)
    # It installs the package on Colab; on a page it is of no interest.
    notebook.cells = [cell for cell in notebook.cells if cell.get("id") != INSTALL_ID]
    first = next((c.source for c in notebook.cells if c.cell_type == "markdown"), "")
    paragraphs = [part for part in first.split("\n\n") if part and not part.startswith("#")]
    promise = " ".join(paragraphs[0].split()) if paragraphs else ""
    return _Page(path.stem, title_of(notebook), promise.replace("**", ""), notebook)


def _remove_exercise_errors(notebook: NotebookNode, name: str) -> None:
    """Remove the errors of unanswered exercises; refuse an error of any other cell."""
    for number, cell in enumerate(notebook.cells, start=1):
        errors = [output for output in cell.get("outputs", []) if output.output_type == "error"]
        if errors and role_of(cell) not in ("solution", "test"):
            raise ValueError(
                f"{name}, cell {grade_id_of(cell) or number}: {errors[0].ename}: "
                f"{errors[0].evalue}; run the notebook in JupyterLab to see more."
            )
        if errors:
            cell.outputs = []


def _index(pages: list[_Page]) -> str:
    """Return the page that lists all lessons."""
    environment = Environment(loader=FileSystemLoader(TEMPLATE), autoescape=True)
    return environment.get_template("index.html.j2").render(pages=pages)
