"""The commands for lecturers: slides, gallery, demo."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import click

from .common import show_progress

_LIBRARIES = click.option(
    "--libraries",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/npm/node_modules"),
    show_default=True,
    help="Take reveal.js and MathJax from this folder; `make slides` fills it.",
)

_BROWSER = click.option(
    "--browser/--no-browser",
    default=True,
    help="Open a browser (the default), or only start the server.",
)


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/slides"),
    show_default=True,
    help="Write index.html and its files into this folder; with --live, your copy of the deck.",
)
@click.option(
    "--deck",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Use this notebook with slide types; default: the course's lecture.",
)
@_LIBRARIES
@click.option(
    "--live", is_flag=True, help="Open the deck in JupyterLab; a kernel moves its sliders."
)
@_BROWSER
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Serve on this port; default: a free one (with --live).",
)
def slides(
    output: Path, deck: Path | None, libraries: Path, live: bool, browser: bool, port: int | None
) -> None:
    """Write the lecture as slides that open from a disk, offline and without a kernel.

    Arrow keys turn the slides, S opens the speaker notes, ?print-pdf prints.

    \b
    Examples:
      quantlab slides --output build/slides
      quantlab slides --live
    """
    _require("nbconvert", "notebooks", "Exporting slides")
    from ..course.publishing.slides import open_live, write_slides

    if live:
        sys.exit(open_live(output, deck=deck, port=port, browser=browser, say=show_progress))
    if port is not None:
        raise click.UsageError("--port is for --live; written slides need no server.")

    page = write_slides(output, deck=deck, libraries=libraries, say=show_progress)
    click.echo(f"The slides are in {page}")


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/gallery"),
    show_default=True,
    help="Write the pages into this folder.",
)
@_LIBRARIES
def gallery(output: Path, libraries: Path) -> None:
    """Write every lesson as a web page with its outputs, to read before installing.

    \b
    Example:
      quantlab gallery --output build/gallery
    """
    _require("nbconvert", "notebooks", "The gallery")
    _require("jupytext", "grading", "The gallery")
    from ..course.publishing.gallery import write_gallery

    click.echo(f"The gallery is in {write_gallery(output, libraries=libraries, say=show_progress)}")


@click.command()
@_BROWSER
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Serve on this port; default: the first free one from 8866.",
)
def demo(browser: bool, port: int | None) -> None:
    """Serve the explorers as one page that a kernel updates.

    \b
    Example:
      quantlab demo --no-browser --port 8870
    """
    from ..course.publishing.demo import open_demo

    sys.exit(open_demo(port=port, browser=browser))


def _require(library: str, extra: str, task: str) -> None:
    """Refuse a task if a library is not installed."""
    from ..course.workspace import install_command

    if importlib.util.find_spec(library) is None:
        raise ModuleNotFoundError(f"{task} needs {library}; run: {install_command(extra)}")


COMMANDS = (slides, gallery, demo)
