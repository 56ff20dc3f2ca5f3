"""The commands for those who give the course."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import console, course_folder, need_grading, printable

if TYPE_CHECKING:
    from rich.table import Table

    from ..compression.contest import LeaderboardRow


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
    need_grading("Building")
    from ..course.authoring.build import build_course, stale, write_course

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
    from ..compression.contest import leaderboard as rank
    from ..metrics import float32_bytes
    from ..model import Net

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


@click.command()
@click.argument("lessons_and_out", nargs=-1, required=True, metavar="[LESSON]... OUT")
@click.option(
    "--course",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("."),
    help="The course's folder, with instructor/; default: this one.",
)
def release(lessons_and_out: tuple[str, ...], course: Path) -> None:
    """Write what learners get into OUT: of all lessons, or of each LESSON.

    Notebooks, a zip for each lesson, and what to install. Ends with the proof that no solution
    and no hidden test can be read in it; without it give nothing away.

    \b
    Examples:
      quantlab release students
      quantlab release 02 03 students
    """
    need_grading("Releasing")
    from ..course.release.packaging import release as release_to

    *lessons, out = lessons_and_out
    done = release_to(out, lessons, folder=course)
    for path in done.files:
        click.echo(str(path))
    lessons_done = "1 lesson" if len(done.lessons) == 1 else f"{len(done.lessons)} lessons"
    click.echo(
        f"{lessons_done}. No answer in it: {done.cells:,} cells compared with their sources, "
        f"{done.secrets:,} lines of solutions and hidden tests looked for."
    )


@click.command()
@click.argument("sources", nargs=-1, metavar="SOURCE...", type=click.Path(path_type=Path))
@click.option(
    "--students",
    "roster",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV with the columns id, first_name, last_name, email, lms_user_id; nobody else counts.",
)
@click.option(
    "--map",
    "mapping",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV with the columns name (of a folder, a file, a person; * allowed) and student.",
)
@click.option("--student", metavar="ID", help="Whose all of it is.")
@click.option("--lesson", help="The lesson of notebooks that do not tell theirs.")
@click.option(
    "--verify",
    "receipt",
    metavar="RECEIPT",
    help="Collect nothing; compare a receipt (file, id or SHA-256) with the SOURCEs, or with "
    "what was collected.",
)
@course_folder
@click.option("--json", "as_json", is_flag=True, help="Print the report for a machine.")
def collect(
    sources: tuple[Path, ...],
    roster: Path | None,
    mapping: Path | None,
    student: str | None,
    lesson: str | None,
    receipt: str | None,
    course: Path,
    as_json: bool,
) -> None:
    """Collect submissions from folders, bundles, downloads of Moodle or Canvas, and notebooks.

    The latest of each student counts, earlier ones are kept in COURSE/quantlab/collected. Exit
    status 1 if something could not be collected; all else was.

    \b
    Examples:
      quantlab collect downloads/moodle.zip --students students.csv
      quantlab collect handed-in/ --map names.csv
      quantlab collect --verify 7F3A-91C2-04BE
    """
    need_grading("Collecting")
    if receipt is not None:
        from ..grading.collect.receipts import verify

        findings = verify(receipt, sources, course=course)
        if as_json:
            click.echo(json.dumps([finding._asdict() for finding in findings], indent=1))
        else:
            for finding in findings:
                where = f" ({finding.origin})" if finding.origin else ""
                click.echo(f"{'ok  ' if finding.intact else 'fail'} {finding.text}{where}")
        sys.exit(0 if all(finding.intact for finding in findings) else 1)
    if not sources:
        raise click.UsageError("Name a folder, an archive or a notebook to collect from.")
    from ..grading.collect.collector import collect as collect_from
    from ..grading.collect.identify import Students
    from ..grading.roster import read_mapping, read_roster

    known = Students(
        read_roster(roster) if roster else (), read_mapping(mapping) if mapping else ()
    )
    report = collect_from(sources, course, students=known, student=student, lesson=lesson)
    if as_json:
        lines = [line._asdict() for line in report.lines]
        click.echo(json.dumps({"lines": lines, "missing": report.missing}, indent=1))
    else:
        for line in report.lines:
            who = f"{line.student or '?':12} {line.lesson or '?':26}"
            if line.outcome == "problem":
                click.echo(f"problem      {who} {line.origin}: {line.detail}")
            else:
                click.echo(f"{line.outcome:12} {who} {line.detail}")
        for name, absent in report.missing.items():
            click.echo(f"{name}: nothing from {', '.join(absent)}")
        counts = Counter(line.outcome for line in report.lines)
        click.echo(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    if report.problems:
        sys.exit(1)


def _board(entries: list[LeaderboardRow], whole: int) -> Table:
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
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


COMMANDS = (build, release, collect, leaderboard)
