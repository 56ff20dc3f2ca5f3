"""The commands for those who give the course."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._commands import console

if TYPE_CHECKING:
    from rich.table import Table

    from .contest import Entry


@click.command()
@click.argument("lessons", nargs=-1, metavar="[LESSON]...")
@click.option(
    "--check",
    "check_only",
    is_flag=True,
    help="Write nothing; exit status 1 if a notebook is not what its source gives.",
)
@click.option(
    "--course",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("."),
    help="The course's folder; default: this one.",
)
def build(lessons: tuple[str, ...], check_only: bool, course: Path) -> None:
    """Build the notebooks of all lessons, or of each LESSON, from instructor/sources.

    Writes notebooks/ for learners, without solutions, and build/course/ for nbgrader.

    \b
    Examples:
      quantlab build
      quantlab build 02
      quantlab build --check
    """
    from .workspace import install_command

    for library in ("jupytext", "nbgrader"):
        if importlib.util.find_spec(library) is None:
            raise ModuleNotFoundError(
                f"Building needs {library}; run: {install_command('grading')}"
            )
    from .grading.build import build_course, stale, write_course

    built = build_course(course, lessons)
    faults = stale(built, course)
    if check_only:
        for fault in faults:
            click.echo(fault, err=True)
        sys.exit(1 if faults else 0)
    for path in write_course(built, course):
        click.echo(f"{path.relative_to(course)}: written")
    for name in built.orphans:
        click.echo(f"notebooks/{name}.ipynb has no source; delete it if it is not needed", err=True)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--device", help="cpu, cuda or mps; default: the best there is.")
@click.option("--json", "as_json", is_flag=True, help="Print the ranking for a machine.")
def leaderboard(folder: Path, device: str | None, as_json: bool) -> None:
    """For instructors: rank the files of lesson 07's contest in FOLDER by their bytes.

    Everything named *.safetensors under FOLDER/STUDENT/ is that student's, and the smallest one
    that reaches 98.2 % on the test images counts; of a file in FOLDER itself the name says whose
    it is. Files that do not count are listed with the reason. Nothing is unpickled.

    \b
    Examples:
      quantlab leaderboard submitted
      quantlab leaderboard submitted --json > board.json
    """
    from .contest import leaderboard as rank
    from .metrics import float32_bytes
    from .model import Net

    entries = rank(folder, device=device)
    if not entries:
        raise ValueError(
            f"There is no *.safetensors file under {str(folder)!r}; name the folder that holds a "
            "folder per student."
        )
    whole = float32_bytes(Net())
    if as_json:
        rows = [
            {
                "rank": entry.rank,
                "student": entry.student,
                "file": str(entry.path),
                "times_smaller": None
                if entry.rank is None
                else round(whole / entry.score.bytes, 1),
                **entry.score._asdict(),
            }
            for entry in entries
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    console().print(_board(entries, whole))


def _board(entries: list[Entry], whole: int) -> Table:
    """Return the leaderboard as a table; names are shown as they are, never as markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title="The smallest files at 98.2 % or better", title_justify="left")
    words = ("student", "file", "why it does not count")
    for name in ("rank", *words[:2], "bytes", "smaller", "accuracy", "points", words[2]):
        table.add_column(name, justify="left" if name in words else "right", overflow="fold")
    for rank, student, path, score in entries:
        cells = [
            "" if rank is None else str(rank),
            student,
            path.name,
            f"{score.bytes:,}",
            "" if rank is None else f"{whole / score.bytes:,.0f}x",
            "" if score.accuracy is None else f"{score.accuracy:.2%}",
            str(score.points),
            score.problem,
        ]
        table.add_row(*(Text(_printable(cell)) for cell in cells))
    return table


def _printable(text: str) -> str:
    """Write out what would move the cursor or cannot be encoded: file names may hold anything."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


COMMANDS = (build, leaderboard)
