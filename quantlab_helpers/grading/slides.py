"""The lecture as one folder that opens from a disk, without a kernel and without a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat

from .._files import write_atomically
from ..workspace import notebooks_folder
from .pages import NPM, TEMPLATES, copy_libraries, execute, render, title_of

DECK = "weight_quantization"


def write_slides(
    folder: str | Path,
    *,
    deck: str | Path | None = None,
    libraries: str | Path = NPM,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Execute a deck and write it as slides, with everything they load beside them.

    Parameters
    ----------
    folder : str or Path
        Made where missing.
    deck : str or Path, optional
        A notebook with slide types; by default the course's lecture.
    libraries : str or Path, default="build/npm/node_modules"
        Where npm put reveal.js and MathJax.
    say : callable, optional
        Called with a few words about the progress.

    Returns
    -------
    Path
        The page to open. Arrow keys turn the slides, and move a slider once it was clicked; S
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
    path = notebooks_folder() / "slides" / f"{DECK}.ipynb" if deck is None else Path(deck)
    if not path.is_file():
        raise FileNotFoundError(f"There is no deck {str(path)!r}; name a notebook with --deck.")
    copy_libraries(libraries, folder, reveal=True)
    notebook = nbformat.read(path, as_version=4)
    executed = execute(notebook, say=say)
    theme = (TEMPLATES / "quantlab_slides" / "slides.css").read_bytes()
    write_atomically(folder / "assets/reveal/dist/theme/quantlab.css", theme)
    page = render(executed, "quantlab_slides", title=title_of(executed))
    write_atomically(folder / "index.html", page.encode())
    return folder / "index.html"
