"""Shared by the commands: errors as one sentence, a console, common options, early checks."""

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
    help="Use this course folder of nbgrader.",
)
RECIPES = ["course", "fast"]  # training.RECIPES, without importing torch for --help


class CommandGroup(click.Group):
    """A group of commands that reports wrong values and file errors without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn errors about values, files and missing libraries into one message."""
        try:
            return super().invoke(ctx)
        except (ValueError, OSError, ModuleNotFoundError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            raise click.ClickException(str(error)) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List commands in the order in which they are used, not alphabetically."""
        return list(self.commands)


def check_writable(path: Path) -> None:
    """Refuse a path that cannot be written, before a long computation."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OSError(f"There is no folder {str(folder)!r} to save in; create it first.")
    if not os.access(folder, os.W_OK):
        raise OSError(f"The folder {str(folder)!r} cannot be written to; choose another.")


def console() -> Console:
    """Return a console for tables, 120 columns wide if the output is not a terminal."""
    from rich.console import Console

    default = Console()
    return default if default.is_terminal else Console(width=120)


def require_grading(task: str) -> None:
    """Refuse a task if the libraries of the extra `grading` are not installed."""
    from ..course.workspace import install_command

    for library in ("jupytext", "nbgrader"):
        if importlib.util.find_spec(library) is None:
            raise ModuleNotFoundError(f"{task} needs {library}; run: {install_command('grading')}")


def printable(text: str) -> str:
    """Return `text` with unprintable characters escaped; file names may hold any."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def show_progress(text: str) -> None:
    """Print a line about progress to standard error."""
    click.echo(f"· {text}", err=True)
