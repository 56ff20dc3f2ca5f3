"""What the commands share: errors in a sentence, a console, a check before minutes are spent."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

course_folder = click.option(
    "--course",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/course"),
    show_default=True,
    help="nbgrader's course folder.",
)
RECIPES = ["course", "fast"]  # training.RECIPES, without importing torch for --help


class Commands(click.Group):
    """A group whose users never see a traceback for what they asked or what their disk said."""

    def invoke(self, ctx: click.Context) -> Any:
        """Turn what the package says of a wrong value into the message of a wrong option."""
        try:
            return super().invoke(ctx)
        except (ValueError, OSError, ModuleNotFoundError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            raise click.ClickException(str(error)) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List commands in the order in which they are needed, not in the alphabet's."""
        return list(self.commands)


def check_writable(path: Path) -> None:
    """Refuse a file that could not be written, before minutes are spent on its content."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OSError(f"There is no folder {str(folder)!r} to save in; make it first.")
    if not os.access(folder, os.W_OK):
        raise OSError(f"The folder {str(folder)!r} cannot be written to; choose another.")


def console() -> Console:
    """Return a console that does not fold tables where nobody sets a width."""
    from rich.console import Console

    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=120)


def need_grading(doing: str) -> None:
    """Refuse without the extra, before an import fails."""
    from ..course.workspace import install_command

    for library in ("jupytext", "nbgrader"):
        if importlib.util.find_spec(library) is None:
            raise ModuleNotFoundError(f"{doing} needs {library}; run: {install_command('grading')}")


def printable(text: str) -> str:
    """Write out what would move the cursor or cannot be encoded: file names may hold anything."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
