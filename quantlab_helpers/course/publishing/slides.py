"""The slides of the lecture: as a folder of static pages, or live in JupyterLab."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat

from ..._support.files import write_atomically
from ..workspace import install_command, notebooks_folder, open_jupyterlab
from .html_pages import NPM, TEMPLATES, copy_libraries, render, run_for_page, title_of

DECK = "weight_quantization"


def write_slides(
    folder: str | Path,
    *,
    deck: str | Path | None = None,
    libraries: str | Path = NPM,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Execute a deck and write it as HTML slides, with everything that they load.

    Parameters
    ----------
    folder : str or Path
        Created if missing.
    deck : str or Path, optional
        A notebook with slide types; by default the course's lecture.
    libraries : str or Path, default="build/npm/node_modules"
        Where npm put reveal.js and MathJax.
    say : callable, optional
        Called with messages about the progress.

    Returns
    -------
    Path
        The page to open. Arrow keys change the slide, or move a slider after a click on it; S
        opens the speaker notes.

    Raises
    ------
    FileNotFoundError
        If the deck or a library is missing.
    ValueError
        If a cell of the deck fails.

    Examples
    --------
    >>> write_slides("build/slides")  # doctest: +SKIP
    PosixPath('build/slides/index.html')
    """
    folder = Path(folder)
    path = _path_of(deck)
    copy_libraries(libraries, folder, reveal=True)
    notebook = nbformat.read(path, as_version=4)
    executed = run_for_page(notebook, say=say)
    theme = (TEMPLATES / "quantlab_slides" / "slides.css").read_bytes()
    write_atomically(folder / "assets/reveal/dist/theme/quantlab.css", theme)
    page = render(executed, "quantlab_slides", title=title_of(executed))
    write_atomically(folder / "index.html", page.encode())
    return folder / "index.html"


def open_live(
    folder: str | Path,
    *,
    deck: str | Path | None = None,
    port: int | None = None,
    browser: bool = True,
    say: Callable[[str], None] = lambda text: None,
) -> int:
    """Open a deck in JupyterLab, where cells are slides and a kernel answers the sliders.

    Parameters
    ----------
    folder : str or Path
        Gets a copy of the deck, created if missing; an existing copy is kept.
    deck : str or Path, optional
        A notebook with slide types; by default the course's lecture.
    port : int, optional
        1..65535; by default the first free port from 8888.
    browser : bool, default=True
        Open a browser on it.
    say : callable, optional
        Called with the path of the deck and the buttons to click.

    Returns
    -------
    int
        JupyterLab's exit status.

    Raises
    ------
    ModuleNotFoundError
        If JupyterLab or its extension for slides is not installed.
    FileNotFoundError
        If the deck is missing.
    ValueError
        If the port is in use.

    Examples
    --------
    >>> open_live("my-slides", port=8890)  # doctest: +SKIP
    """
    path = _path_of(deck)
    if importlib.util.find_spec("jupyterlab_slideshow") is None:
        raise ModuleNotFoundError(
            f"Live slides need jupyterlab-slideshow; run: {install_command('slides')}"
        )
    copied = Path(folder) / path.name
    if not copied.exists():
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copied)
    say(f"The deck is {copied}; delete it to get a new one.")
    say("Run All Cells, click into the first slide, then Start Deck (the cards in the toolbar).")
    return open_jupyterlab(folder, port=port, browser=browser, first=path.name)


def _path_of(deck: str | Path | None) -> Path:
    """Return the path of a deck's notebook; refuse a path without a file."""
    path = notebooks_folder() / "slides" / f"{DECK}.ipynb" if deck is None else Path(deck)
    if not path.is_file():
        raise FileNotFoundError(f"There is no deck {str(path)!r}; name a notebook with --deck.")
    return path
