"""The commands for those who show the course: slides, gallery, demo."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import click

_LIBRARIES = click.option(
    "--libraries",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/npm/node_modules"),
    show_default=True,
    help="Where npm put reveal.js and MathJax; `make slides` does that.",
)

_BROWSER = click.option(
    "--browser/--no-browser", default=True, help="Open a browser on it, or only serve it."
)


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/slides"),
    show_default=True,
    help="Folder for index.html and what it loads; with --live, for your copy of the deck.",
)
@click.option(
    "--deck",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A notebook with slide types; default: the course's lecture.",
)
@_LIBRARIES
@click.option(
    "--live", is_flag=True, help="Open the deck in JupyterLab, its sliders with a kernel."
)
@_BROWSER
@click.option("--port", type=click.IntRange(1, 65535), help="With --live; default: a free one.")
def slides(
    output: Path, deck: Path | None, libraries: Path, live: bool, browser: bool, port: int | None
) -> None:
    """Write the lecture as slides that open from a disk, without a kernel or a network.

    Arrow keys turn the slides, S opens the speaker notes, ?print-pdf prints.

    \b
    Example:
      quantlab slides --output build/slides
      quantlab slides --live
    """
    _require("nbconvert", "notebooks", "Exporting slides")
    from ..course.publishing.slides import open_live, write_slides

    if live:
        sys.exit(open_live(output, deck=deck, port=port, browser=browser, say=_progress))
    if port is not None:
        raise click.UsageError("--port is for --live; written slides need no server.")

    page = write_slides(output, deck=deck, libraries=libraries, say=_progress)
    click.echo(f"The slides are in {page}")


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/gallery"),
    show_default=True,
    help="Folder for the pages.",
)
@_LIBRARIES
def gallery(output: Path, libraries: Path) -> None:
    """Write every lesson as a web page with its outputs, for people who look before they install.

    \b
    Example:
      quantlab gallery --output build/gallery
    """
    _require("nbconvert", "notebooks", "The gallery")
    _require("jupytext", "grading", "The gallery")
    from ..course.publishing.gallery import write_gallery

    click.echo(f"The gallery is in {write_gallery(output, libraries=libraries, say=_progress)}")


@click.command()
@_BROWSER
@click.option("--port", type=click.IntRange(1, 65535), help="Default: the first free from 8866.")
def demo(browser: bool, port: int | None) -> None:
    """Serve the explorers alone as one page, with a kernel behind it.

    \b
    Example:
      quantlab demo --no-browser --port 8870
    """
    from ..course.publishing.demo import open_demo

    sys.exit(open_demo(port=port, browser=browser))


def _require(library: str, extra: str, what: str) -> None:
    from ..course.workspace import install_command

    if importlib.util.find_spec(library) is None:
        raise ModuleNotFoundError(f"{what} needs {library}; run: {install_command(extra)}")


def _progress(text: str) -> None:
    click.echo(f"· {text}", err=True)


COMMANDS = (slides, gallery, demo)
