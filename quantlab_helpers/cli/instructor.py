"""The commands for instructors: build, release, collect, leaderboard."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import console, course_folder, printable, require_grading

if TYPE_CHECKING:
    from rich.table import Table

    from ..compression.contest import LeaderboardRow
    from ..course.authoring.build import BuiltCourse


@click.command()
@click.argument("lessons", nargs=-1, metavar="[LESSON]...")
@click.option(
    "--check",
    "check_only",
    is_flag=True,
    help="Write nothing; exit status 1 if a notebook differs from its source. Names the tests "
    "that cannot be judged apart from the answers.",
)
@click.option(
    "--course",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("."),
    help="Use the course in this folder; default: the current one.",
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
    require_grading("Building")
    from ..course.authoring.build import build_course, stale_notebooks, write_course

    built = build_course(course, lessons)
    faults = stale_notebooks(built, course)
    if check_only:
        for fault in faults:
            click.echo(fault, err=True)
        for line in _shared_tests(built):
            click.echo(line)
        sys.exit(1 if faults else 0)
    for path in write_course(built, course):
        click.echo(f"{path.relative_to(course)}: written")
    for name in built.orphans:
        click.echo(
            f"notebooks/{name}.ipynb has no source; delete it if you do not need it", err=True
        )


def _shared_tests(course: BuiltCourse) -> Iterator[str]:
    """Yield a line for each test that must run in the process of the answers."""
    from ..grading.execute.shared_tests import find_shared_tests
    from ..grading.lesson import make_lesson

    for built in course.lessons:
        lesson = make_lesson(built.name, built.instructor)
        for name, test in find_shared_tests(lesson).items():
            yield f"{lesson.name}: {name} runs beside the answers, can be forged: {test.reason}"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--device", help="Compute on cpu, cuda or mps; default: a GPU if there is one.")
@click.option("--json", "as_json", is_flag=True, help="Print the ranking as JSON.")
def leaderboard(folder: Path, device: str | None, as_json: bool) -> None:
    """Rank the files of lesson 07's contest in FOLDER by their bytes.

    All files named *.safetensors under FOLDER/STUDENT/ belong to that student; the smallest one
    that reaches 98.2% on the test images counts. A file in FOLDER itself is named after its
    student. Files that do not count are listed with the reason. Nothing is unpickled.

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
    float32_size = float32_bytes(Net())
    if as_json:
        rows = [
            {
                "rank": entry.rank,
                "student": entry.student,
                "file": str(entry.path),
                "times_smaller": None
                if entry.rank is None
                else round(float32_size / entry.score.bytes, 1),
                **entry.score._asdict(),
            }
            for entry in entries
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    console().print(_leaderboard_table(entries, float32_size))


@click.command()
@click.argument("lessons_and_out", nargs=-1, required=True, metavar="[LESSON]... OUT")
@click.option(
    "--course",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("."),
    help="Use the course in this folder, with instructor/; default: the current one.",
)
def release(lessons_and_out: tuple[str, ...], course: Path) -> None:
    """Write the learners' files of all lessons, or of each LESSON, into the folder OUT.

    These are notebooks, a zip for each lesson, and the package to install. The last line confirms
    that no solution and no hidden test can be read in them; without it, give nothing to learners.

    \b
    Examples:
      quantlab release students
      quantlab release 02 03 students
    """
    require_grading("Releasing")
    from ..course.release.packaging import release as release_to

    *lessons, out = lessons_and_out
    released = release_to(out, lessons, folder=course)
    for path in released.files:
        click.echo(str(path))
    count = "1 lesson" if len(released.lessons) == 1 else f"{len(released.lessons)} lessons"
    click.echo(
        f"{count}. No answer in it: {released.cells:,} cells compared with their sources, "
        f"{released.secrets:,} lines of solutions and hidden tests looked for."
    )


@click.command()
@click.argument("sources", nargs=-1, metavar="SOURCE...", type=click.Path(path_type=Path))
@click.option(
    "--students",
    "roster",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Read the students from this CSV (id, first_name, last_name, email, lms_user_id); "
    "others are refused.",
)
@click.option(
    "--map",
    "mapping",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Map names to students by this CSV: name (of a folder, file or person; * allowed) and "
    "student.",
)
@click.option("--student", metavar="ID", help="Assign all files to this student.")
@click.option("--lesson", help="Assign notebooks without a lesson of their own to this lesson.")
@click.option(
    "--verify",
    "receipt",
    metavar="RECEIPT",
    help="Collect nothing; compare a receipt (file, id or SHA-256) with the SOURCEs, or with "
    "the collected files.",
)
@course_folder
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
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

    The latest submission of each student counts; earlier ones are kept in
    COURSE/quantlab/collected. Exit status 1 if a file could not be collected; the others were.

    \b
    Examples:
      quantlab collect downloads/moodle.zip --students students.csv
      quantlab collect handed-in/ --map names.csv
      quantlab collect --verify 7F3A-91C2-04BE
    """
    require_grading("Collecting")
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
    from ..grading.collect.identify import StudentMatcher
    from ..grading.roster import read_mapping, read_roster

    matcher = StudentMatcher(
        read_roster(roster) if roster else (), read_mapping(mapping) if mapping else ()
    )
    report = collect_from(sources, course, students=matcher, student=student, lesson=lesson)
    if as_json:
        lines = [line._asdict() for line in report.lines]
        click.echo(json.dumps({"lines": lines, "missing": report.missing}, indent=1))
    else:
        for line in report.lines:
            item = f"{line.student or '?':12} {line.lesson or '?':26}"
            if line.outcome == "problem":
                click.echo(f"problem      {item} {line.origin}: {line.detail}")
            else:
                click.echo(f"{line.outcome:12} {item} {line.detail}")
        for name, absent in report.missing.items():
            click.echo(f"{name}: nothing from {', '.join(absent)}")
        counts = Counter(line.outcome for line in report.lines)
        click.echo(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    if report.problems:
        sys.exit(1)


def _leaderboard_table(entries: list[LeaderboardRow], float32_size: int) -> Table:
    """Return the leaderboard as a table; names are never read as markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title="The smallest files at 98.2% or better", title_justify="left")
    texts = ("student", "file", "why it does not count")
    for name in ("rank", *texts[:2], "bytes", "smaller", "accuracy", "points", texts[2]):
        table.add_column(name, justify="left" if name in texts else "right", overflow="fold")
    for rank, student, path, score in entries:
        cells = [
            "" if rank is None else str(rank),
            student,
            path.name,
            f"{score.bytes:,}",
            "" if rank is None else f"{float32_size / score.bytes:,.0f}x",
            "" if score.accuracy is None else f"{score.accuracy:.2%}",
            str(score.points),
            score.problem,
        ]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


COMMANDS = (build, release, collect, leaderboard)
