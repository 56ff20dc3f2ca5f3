"""The commands for graders: grade, feedback, export."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .common import course_folder, printable, require_grading

if TYPE_CHECKING:
    from tqdm import tqdm

    from ..grading.pipeline import GradingSummary, Progress
    from ..grading.records import Limits, Result
    from ..grading.report.final_grades import FinalGrade


@click.command()
@click.argument("lessons", nargs=-1, metavar="[LESSON]...")
@course_folder
@click.option(
    "--student", "students", multiple=True, metavar="ID", help="Only this student; repeatable."
)
@click.option(
    "--students",
    "roster",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Read the students from this CSV, as collect does; those without a submission are "
    "listed, too. The gradebook stores them.",
)
@click.option(
    "--isolation",
    type=click.Choice(["auto", "require", "prlimit"]),
    default="auto",
    show_default=True,
    help="Choose the sandbox. auto: the best available; require: bubblewrap or an error; prlimit: "
    "limits only.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    help="Grade this many submissions at a time; default: one for each processor.",
)
@click.option("--again", is_flag=True, help="Re-grade submissions that have not changed.")
@click.option(
    "--everything", is_flag=True, help="Run all cells, not only those that affect the score."
)
@click.option(
    "--cell-seconds",
    type=click.FloatRange(0.1),
    help="Limit a cell to this many seconds; default: 60.",
)
@click.option(
    "--submission-seconds",
    type=click.FloatRange(1),
    help="Limit a notebook to this many seconds; default: 600.",
)
@click.option(
    "--memory",
    type=click.FloatRange(0.25),
    help="Limit a notebook to this much memory in GiB; default: 3.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON.")
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
    """Grade the collected submissions of all lessons, or of each LESSON.

    Every submission gets a verdict, and its scores are stored in nbgrader's gradebook; manual
    scores and comments are kept. Graded submissions that have not changed are skipped, so after
    an interruption the same command continues. Exit status 1 if a submission could not be graded
    because of an error of this program or machine.

    \b
    Examples:
      quantlab grade
      quantlab grade 02 --student s01 --again
      quantlab grade --isolation require --json > verdicts.json
    """
    require_grading("Grading")
    from ..grading.execute.sandbox.sandbox import NoIsolation
    from ..grading.pipeline import grade as grade_course
    from ..grading.records import Verdict
    from ..grading.roster import read_roster

    printer = _VerdictPrinter(quiet=as_json)
    try:
        summary = grade_course(
            course,
            lessons,
            students=students,
            roster=read_roster(roster) if roster else (),
            isolation=isolation,
            jobs=jobs,
            regrade=again,
            run_all_cells=everything,
            limits=_limits(cell_seconds, submission_seconds, memory),
            report=printer.show,
        )
    except NoIsolation as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("Stopped; the same command continues from here.", err=True)
        raise
    finally:
        printer.close()
    if as_json:
        click.echo(json.dumps([_result_as_json(result) for result in summary.results], indent=1))
    else:
        _show_summary(summary)
    for problem in summary.problems:
        click.echo(problem, err=True)
    sys.exit(1 if Verdict.INFRASTRUCTURE_ERROR in summary.counts or summary.problems else 0)


@click.command()
@click.argument("lessons", nargs=-1, metavar="[LESSON]...")
@course_folder
@click.option(
    "--student", "students", multiple=True, metavar="ID", help="Only this student; repeatable."
)
@click.option("--json", "as_json", is_flag=True, help="Print the paths of the pages as JSON.")
def feedback(
    lessons: tuple[str, ...], course: Path, students: tuple[str, ...], as_json: bool
) -> None:
    """Write a feedback page for every submission: points, messages, repairs, comments.

    Each page is one file that opens offline, in the place where nbgrader expects it:
    COURSE/feedback/STUDENT/LESSON/LESSON.html. It shows no hidden tests and no signs of tampering.

    \b
    Examples:
      quantlab feedback
      quantlab feedback 02 --student s01
    """
    require_grading("Feedback")
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
    help="Choose the format. csv: a line for each student and lesson, with all details; canvas, "
    "moodle: a file their gradebooks import, a line for each student, a column for each lesson.",
)
def export(lessons_and_out: tuple[str, ...], course: Path, form: str) -> None:
    """Write the scores of all lessons, or of each LESSON, to the file OUT.

    Includes manual scores, extra credit and late penalties. Students without a score get an empty
    cell, never 0, and are listed.

    \b
    Examples:
      quantlab export marks.csv
      quantlab export 02 03 moodle.csv --format moodle
    """
    require_grading("Exporting")
    from ..grading.report.marks_table import export as export_to

    *lessons, out = lessons_and_out
    without_score: list[str] = []
    outdated: list[str] = []
    count = 0

    def take(grade: FinalGrade) -> None:
        nonlocal count
        count += 1
        if grade.score is None:
            without_score.append(f"{grade.student:12} {grade.lesson:26} {grade.status}")
        if grade.outdated:
            outdated.append(f"{grade.student:12} {grade.lesson}")

    path = export_to(course, out, lessons=lessons, format=form, report=take)
    for line in without_score:
        click.echo(printable(f"no score     {line}"))
    for line in outdated:
        click.echo(printable(f"old verdict  {line}"))
    if outdated:
        reason = "The submission or the lesson has changed since these were graded"
        click.echo(f"{reason}; run: quantlab grade", err=True)
    with_score = count - len(without_score)
    scores = "1 score" if with_score == 1 else f"{with_score} scores"
    click.echo(f"{path}: {scores}, {len(without_score)} without one")


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


def _result_as_json(result: Result) -> dict[str, Any]:
    fields = result.as_json()
    names = ("student", "lesson", "verdict", "score", "max_score", "repairs", "isolation")
    return {**{name: fields[name] for name in names}, "seconds": fields["seconds"]}


class _VerdictPrinter:
    """Prints a line for each verdict on standard output, and a progress bar on a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: tqdm[Any] | None = None

    def show(self, progress: Progress) -> None:
        """Print one verdict and advance the bar."""
        from .._support.progress import progress_bar

        if self._bar is None:
            self._bar = progress_bar(progress.total, "graded", show=True, unit="submission")
        if not self._quiet:
            self._bar.write(_line(progress), file=sys.stdout)
        self._bar.update()

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()


def _line(progress: Progress) -> str:
    result = progress.result
    points = "-" if result.score is None else f"{result.score:g}/{result.max_score:g}"
    notes = [f"{result.seconds:.1f} s"] if progress.newly_graded and result.seconds else []
    notes += [] if progress.newly_graded else ["as before"]
    if result.repairs:
        notes.append("1 repair" if len(result.repairs) == 1 else f"{len(result.repairs)} repairs")
    if result.detail and result.verdict != "no_submission":
        notes.append(result.detail)
    if result.shared_points:
        notes.append(f"shared process: {result.shared_points:g} points can be forged")
    notes += [f"look at it: {text}" for text in result.evidence[:1]]
    item = f"{printable(result.student):12} {result.lesson:26}"
    return f"{item} {result.verdict:20} {points:>7}  {printable('; '.join(notes))}".rstrip()


def _show_summary(summary: GradingSummary) -> None:
    counts = ", ".join(f"{count} {verdict}" for verdict, count in summary.counts.items())
    click.echo(f"{counts}. Graded in this run: {summary.newly_graded}, in {summary.seconds:.0f} s.")
    levels = {result.isolation for result in summary.results} - {""}
    if "prlimit" in levels:
        click.echo(
            "Some submissions ran without bubblewrap, and could read files on this machine. "
            "Install it (apt install bubblewrap), or grade on a machine without private files.",
            err=True,
        )


COMMANDS = (grade, feedback, export)
