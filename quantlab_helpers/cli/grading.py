"""The commands that mark what was handed in."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .common import course_folder, need_grading, printable

if TYPE_CHECKING:
    from tqdm import tqdm

    from ..grading.pipeline import Step, Summary
    from ..grading.records import Limits, Result
    from ..grading.report.final_grades import Standing


@click.command()
@click.argument("lessons", nargs=-1, metavar="[LESSON]...")
@course_folder
@click.option("--student", "students", multiple=True, metavar="ID", help="Whose; repeatable.")
@click.option(
    "--students",
    "roster",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The list of students, as for collect: who handed in nothing gets a line, too. The "
    "gradebook remembers it.",
)
@click.option(
    "--isolation",
    type=click.Choice(["auto", "require", "prlimit"]),
    default="auto",
    show_default=True,
    help="auto: the best jail there is; require: bubblewrap or nothing; prlimit: limits only.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    help="How many submissions run at the same time; default: one for each processor.",
)
@click.option("--again", is_flag=True, help="Grade also what is graded and has not changed.")
@click.option("--everything", is_flag=True, help="Run all cells, not only those that marks need.")
@click.option(
    "--cell-seconds", type=click.FloatRange(0.1), help="Most time for one cell; default: 60."
)
@click.option(
    "--submission-seconds", type=click.FloatRange(1), help="Most time for a notebook; default: 600."
)
@click.option(
    "--memory", type=click.FloatRange(0.25), help="Most memory for a notebook in GiB; default: 3."
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts for a machine.")
def grade(
    lessons: tuple[str, ...],
    course: Path,
    students: tuple[str, ...],
    roster: Path | None,
    isolation: str,
    jobs: int | None,
    again: bool,
    everything: bool,
    cell_seconds: float | None,
    submission_seconds: float | None,
    memory: float | None,
    as_json: bool,
) -> None:
    """Grade what was collected, of all lessons or of each LESSON.

    Every submission gets a verdict, and nbgrader's gradebook its marks; marks and comments by
    people stay. What is graded and has not changed is left alone: stopped in the middle, the same
    command goes on. Exit status 1 if a submission could not be judged for a reason of ours.

    \b
    Examples:
      quantlab grade
      quantlab grade 02 --student s01 --again
      quantlab grade --isolation require --json > verdicts.json
    """
    need_grading("Grading")
    from ..grading.execute.sandbox.sandbox import NoIsolation
    from ..grading.pipeline import grade as grade_course
    from ..grading.roster import read_roster

    lines = _Lines(quiet=as_json)
    try:
        summary = grade_course(
            course,
            lessons,
            students=students,
            roster=read_roster(roster) if roster else (),
            isolation=isolation,
            jobs=jobs,
            again=again,
            everything=everything,
            limits=_limits(cell_seconds, submission_seconds, memory),
            report=lines.show,
        )
    except NoIsolation as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("Stopped; the same command goes on from here.", err=True)
        raise
    finally:
        lines.close()
    if as_json:
        click.echo(json.dumps([_plain(result) for result in summary.results], indent=1))
    else:
        _show_summary(summary)
    for problem in summary.problems:
        click.echo(problem, err=True)
    sys.exit(1 if "infrastructure_error" in summary.counts or summary.problems else 0)


@click.command()
@click.argument("lessons", nargs=-1, metavar="[LESSON]...")
@course_folder
@click.option("--student", "students", multiple=True, metavar="ID", help="Whose; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print the names of the pages for a machine.")
def feedback(
    lessons: tuple[str, ...], course: Path, students: tuple[str, ...], as_json: bool
) -> None:
    """Write a page for every submission: points, messages, what was put right, comments.

    Each page is one file that opens without a network, where nbgrader looks for it:
    COURSE/feedback/STUDENT/LESSON/LESSON.html. Hidden tests and signs of tampering are not in it.

    \b
    Examples:
      quantlab feedback
      quantlab feedback 02 --student s01
    """
    need_grading("Feedback")
    from ..grading.report.feedback import write_feedback

    paths = write_feedback(course, lessons=lessons, students=students)
    if as_json:
        click.echo(json.dumps([str(path) for path in paths], indent=1))
    else:
        pages = "1 page" if len(paths) == 1 else f"{len(paths)} pages"
        click.echo(f"{course / 'feedback'}: {pages} written")


@click.command()
@click.argument("lessons_and_out", nargs=-1, required=True, metavar="[LESSON]... OUT")
@course_folder
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "canvas", "moodle"]),
    default="csv",
    show_default=True,
    help="csv: a line for each student and lesson, with all that is known; canvas, moodle: what "
    "their gradebooks import, a line for each student and a column for each lesson.",
)
def export(lessons_and_out: tuple[str, ...], course: Path, form: str) -> None:
    """Write the marks of all lessons, or of each LESSON, into the file OUT.

    Marks by people, extra credit and late penalties are in them. Who has no mark has none in the
    file either, never 0; they are listed here.

    \b
    Examples:
      quantlab export marks.csv
      quantlab export 02 03 moodle.csv --format moodle
    """
    need_grading("Exporting")
    from ..grading.report.marks_table import export as export_to

    *lessons, out = lessons_and_out
    without: list[str] = []
    old: list[str] = []
    count = 0

    def take(standing: Standing) -> None:
        nonlocal count
        count += 1
        if standing.score is None:
            without.append(f"{standing.student:12} {standing.lesson:26} {standing.status}")
        if standing.outdated:
            old.append(f"{standing.student:12} {standing.lesson}")

    path = export_to(course, out, lessons=lessons, format=form, report=take)
    for line in without:
        click.echo(printable(f"no mark      {line}"))
    for line in old:
        click.echo(printable(f"old verdict  {line}"))
    if old:
        changed = "Something else was handed in, or the lesson built anew, since these were graded"
        click.echo(f"{changed}; run: quantlab grade", err=True)
    marks = "1 mark" if count - len(without) == 1 else f"{count - len(without)} marks"
    click.echo(f"{path}: {marks}, {len(without)} without one")


def _limits(
    cell_seconds: float | None, submission_seconds: float | None, memory: float | None
) -> Limits:
    from ..grading.records import Limits

    limits = Limits()
    if cell_seconds is not None:
        limits = limits._replace(cell_seconds=cell_seconds)
    if submission_seconds is not None:
        limits = limits._replace(submission_seconds=submission_seconds)
    if memory is not None:
        limits = limits._replace(memory_bytes=int(memory * 2**30))
    return limits


def _plain(result: Result) -> dict[str, Any]:
    plain = result.as_json()
    names = ("student", "lesson", "verdict", "score", "max_score", "repairs", "isolation")
    return {**{name: plain[name] for name in names}, "seconds": plain["seconds"]}


class _Lines:
    """A line for each verdict on standard output, and a bar where somebody watches."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: tqdm[Any] | None = None

    def show(self, step: Step) -> None:
        """Take in one verdict."""
        from .._support.progress import progress_bar

        if self._bar is None:
            self._bar = progress_bar(step.total, "graded", show=True, unit="submission")
        if not self._quiet:
            self._bar.write(_line(step), file=sys.stdout)
        self._bar.update()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


def _line(step: Step) -> str:
    result = step.result
    points = "-" if result.score is None else f"{result.score:g}/{result.max_score:g}"
    words = [f"{result.seconds:.1f} s"] if step.fresh and result.seconds else []
    words += [] if step.fresh else ["as before"]
    if result.repairs:
        words.append("1 repair" if len(result.repairs) == 1 else f"{len(result.repairs)} repairs")
    if result.detail and result.verdict != "no_submission":
        words.append(result.detail)
    words += [f"look at it: {text}" for text in result.evidence[:1]]
    who = f"{printable(result.student):12} {result.lesson:26}"
    return f"{who} {result.verdict:20} {points:>7}  {printable('; '.join(words))}".rstrip()


def _show_summary(summary: Summary) -> None:
    counts = ", ".join(f"{count} {verdict}" for verdict, count in summary.counts.items())
    click.echo(f"{counts}. Graded in this run: {summary.fresh}, in {summary.seconds:.0f} s.")
    levels = {result.isolation for result in summary.results} - {""}
    if "prlimit" in levels:
        click.echo(
            "Some ran without bubblewrap, and could read what others may read on this machine. "
            "Install it (apt install bubblewrap), or grade where there is nothing to be read.",
            err=True,
        )


COMMANDS = (grade, feedback, export)
