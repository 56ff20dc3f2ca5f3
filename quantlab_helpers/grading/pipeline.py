"""Grade a class: every submission gets a verdict, whatever it does and whatever happens here.

    submitted/ --workers: align, execute, score--> one writer --> gradebook, autograded/, results

Workers are processes that know no gradebook. What is graded already is left alone, so a run that
was stopped, by whatever, goes on with the next one.
"""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from .._support.files import write_atomically
from .course_folder import course_directory
from .execute.sandbox.sandbox import isolation as level_of
from .gradebook.reader import Marks
from .gradebook.verdict_files import Graded, forget_result, read_result, write_result
from .gradebook.writer import Book, open_book
from .lesson import Lesson, load_lesson
from .records import NEEDS_GRADING, InvalidNotebook, Limits, Result
from .roster import Student
from .score import unscored
from .submissions import (
    Submission,
    everybody,
    is_folder_name,
    lesson_files,
    read_submission,
    submitted,
)
from .workers.pool import Lost, Workers
from .workers.task import Outcome, Task, in_a_line

ISOLATION = {"auto": "auto", "require": "bubblewrap", "prlimit": "prlimit"}


class Step(NamedTuple):
    """One more submission has its verdict; not ``fresh`` where it had it before."""

    result: Result
    fresh: bool
    number: int
    total: int


class Summary(NamedTuple):
    """The verdicts, by lesson and student, and how many were given in this run.

    ``problems`` is in words for the instructor: what went wrong beside the verdicts.
    """

    results: list[Result]
    fresh: int
    seconds: float
    problems: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Return how often each verdict was given."""
        return dict(Counter(result.verdict for result in self.results))


def grade(
    course: str | Path = "build/course",
    lessons: Sequence[str] = (),
    *,
    students: Sequence[str] = (),
    roster: Sequence[Student] = (),
    isolation: str = "auto",
    jobs: int | None = None,
    again: bool = False,
    everything: bool = False,
    limits: Limits | None = None,
    report: Callable[[Step], None] | None = None,
) -> Summary:
    """Give every submission of a course folder its verdict.

    Parameters
    ----------
    course : str or Path, default="build/course"
        nbgrader's course folder, with ``source/`` and ``submitted/``.
    lessons : sequence of str, optional
        Names of lessons or their beginnings, such as "02"; default: all with submissions.
    students : sequence of str, optional
        Whose; default: everybody's, also of those who handed in nothing.
    roster : sequence of Student, optional
        The list of students, from `read_roster`; the gradebook remembers it.
    isolation : {"auto", "require", "prlimit"}
        "auto" takes the best jail there is, "require" accepts bubblewrap only.
    jobs : int, 1 or more, optional
        How many submissions run at the same time; default: one for each processor.
    again : bool, default=False
        Grade also what is graded and has not changed.
    everything : bool, default=False
        Run every cell of a notebook, not only those that its marks hang on.
    limits : Limits, optional
        What one submission may take.
    report : callable, optional
        Called with a `Step` for every verdict.

    Returns
    -------
    Summary

    Raises
    ------
    FileNotFoundError
        If there is no such course, or nothing was handed in.
    ValueError
        If a lesson or a student is not known, or an option has another value.
    NoIsolation
        If the isolation that is required cannot be had.
    Busy
        If another process is grading in the same folder.

    Examples
    --------
    >>> grade("build/course", ["02"]).counts  # doctest: +SKIP
    {'graded': 28, 'no_submission': 2}
    """
    if isolation not in ISOLATION:
        raise ValueError(f"`isolation` must be auto, require or prlimit, got {isolation!r}.")
    jobs = len(os.sched_getaffinity(0)) if jobs is None else jobs
    if jobs < 1:
        raise ValueError(f"`jobs` must be 1 or more, got {jobs}; leave it out for the best.")
    course, begun = Path(course), time.monotonic()
    names = _choose(course, lessons)
    limits = limits or Limits()
    with open_book(course) as book:
        book.enrol(roster)
        run = _Run(course, book, names, students=students, again=again, report=report)
        longest = limits.submission_seconds + 20 * limits.startup_seconds + 120
        with Workers(jobs, seconds=longest) as workers:
            tasks = run.tasks(limits, ISOLATION[isolation], everything=everything)
            for task, outcome in workers.run(tasks):
                run.take(task, outcome)
        problems = tuple(run.finish())
    seconds = time.monotonic() - begun
    return Summary(sorted(run.results, key=_place), run.fresh, seconds, problems)


class _Run:
    """One run, in the process that alone writes."""

    def __init__(
        self,
        course: Path,
        book: Book,
        names: Sequence[str],
        *,
        students: Sequence[str],
        again: bool,
        report: Callable[[Step], None] | None,
    ) -> None:
        self.course, self.book, self.again, self.report = course, book, again, report
        self.results: list[Result] = []
        self.fresh = 0
        self.lessons = {name: load_lesson(course, name) for name in names}
        ignore = course_directory(course).ignore
        self.sources = {name: lesson_files(course, name, ignore=ignore) for name in names}
        for lesson in self.lessons.values():
            book.prepare(lesson)
        known = {*filter(is_folder_name, book.students()), *everybody(course)}
        if unknown := sorted(set(students) - known):
            raise ValueError(
                f"Nothing is known of {', '.join(unknown)}: there is no such folder in "
                f"{str(course / 'submitted')!r} and no such student in the gradebook."
            )
        self.there = {name: set(submitted(course, name)) for name in names}
        self.students = sorted(set(students) or known)
        self.total = len(self.students) * len(names)
        self.read: dict[tuple[str, str], Submission] = {}  # those that are being graded
        self.times: dict[str, dict[str, datetime]] = {name: {} for name in names}

    def tasks(self, limits: Limits, isolation: str, *, everything: bool) -> Iterator[Task]:
        """Yield what has to run; what has its verdict without that gets it on the way."""
        course = str(self.course.resolve())
        for name, lesson in self.lessons.items():
            marks = {of.student: of for of in self.book.all_marks(name)}
            for student in self.students:
                before = read_result(self.course, name, student=student)
                if student not in self.there[name]:
                    self._take_nothing(lesson, student, before)
                    continue
                submission = self._read(lesson, student, before)
                if submission is None:
                    continue
                if submission.timestamp is not None:
                    self.times[name][student] = submission.timestamp
                if before is not None and self._holds(before, submission, marks.get(student)):
                    self._tell(before.result, fresh=False)
                    continue
                level = level_of(isolation)  # tried once, and only if there is something to run
                self.read[name, student] = submission
                yield Task(
                    course,
                    name,
                    student,
                    submission.notebook,
                    submission.files,
                    limits,
                    level,
                    everything,
                    submission.repairs,
                )

    def take(self, task: Task, outcome: Outcome | Lost) -> None:
        """Write down what became of a task."""
        lesson, student = self.lessons[task.lesson], task.student
        submission = self.read.pop((task.lesson, student))
        if isinstance(outcome, Lost):
            detail = f"The process that graded it {outcome.why}."
            result = self._fault(lesson, student, detail, outcome.log)
            outcome = Outcome(result._replace(repairs=task.repairs))
        elif outcome.log:
            detail = outcome.result.detail
            result = self._fault(lesson, student, detail, outcome.log)
            outcome = Outcome(result._replace(repairs=task.repairs))
        self._keep(lesson, outcome, submission)

    def finish(self) -> Iterator[str]:
        """Bring late penalties up to date, also of what was graded before; yield what failed."""
        for name, times in self.times.items():
            try:
                self.book.renew_penalties(name, times=times)
            except Exception as error:  # the plugin is the course's own
                yield f"{name}: late penalties could not be worked out ({in_a_line(error)})."

    def _read(self, lesson: Lesson, student: str, before: Graded | None) -> Submission | None:
        """Read a submission; one that cannot be read gets its verdict here."""
        source = self.sources[lesson.name]
        try:
            return read_submission(self.course, lesson.name, student=student, source=source)
        except InvalidNotebook as error:
            verdict = "invalid_notebook"
            result = unscored(lesson, student=student, verdict=verdict, detail=str(error))
        except OSError as error:
            result = self._fault(lesson, student, in_a_line(error), traceback.format_exc())
        if before is not None and before.result == result and not self.again:
            self._tell(result, fresh=False)
        else:
            self._keep(lesson, Outcome(result), None)
        return None

    def _take_nothing(self, lesson: Lesson, student: str, before: Graded | None) -> None:
        if before is not None and before.result.verdict == "no_submission" and not self.again:
            self._tell(before.result, fresh=False)
            return
        detail = "Nothing was handed in."
        result = unscored(lesson, student=student, verdict="no_submission", detail=detail)
        self._keep(lesson, Outcome(result), None)

    def _holds(self, before: Graded, submission: Submission, marks: Marks | None) -> bool:
        """Return whether a verdict is of this very submission, and all was written down."""
        result = before.result
        if self.again or before.sha256 != submission.sha256 or marks is None:
            return False
        if result.verdict == "infrastructure_error" or marks.max_score != result.max_score:
            return False
        given = {cell.cell: cell.auto for cell in marks.cells if cell.auto is not None}
        told = {mark.cell: mark.score for mark in result.marks if mark.state != NEEDS_GRADING}
        folder = self.course / "autograded" / result.student / result.lesson
        there = (folder / f"{result.lesson}.ipynb").is_file()
        return bool(marks.cells) and given == told and there == (result.score is not None)

    def _keep(self, lesson: Lesson, outcome: Outcome, submission: Submission | None) -> None:
        """Write one verdict down; the file in results/ last, for it says that all is done."""
        result = outcome.result
        student = result.student
        forget_result(self.course, lesson.name, student=student)
        try:
            self.book.record(
                lesson,
                result,
                executed=outcome.executed,
                timestamp=submission.timestamp if submission else None,
                files=submission.files if submission else None,
            )
        except OSError:
            raise  # a full disk: nothing can be written down, this least of all
        except Exception as error:
            detail = f"The gradebook could not be written ({in_a_line(error)})."
            fault = self._fault(lesson, student, detail, traceback.format_exc())
            result = fault._replace(repairs=result.repairs)
            with contextlib.suppress(Exception):
                self.book.record(lesson, result)  # so that no mark of an earlier run remains
        write_result(self.course, result, sha256=submission.sha256 if submission else "")
        self._tell(result, fresh=True)

    def _fault(self, lesson: Lesson, student: str, detail: str, log: str) -> Result:
        """Return the verdict for what is no fault of the learner's; the log has the details."""
        path = self.course / "quantlab" / "logs" / f"{lesson.name}-{student}.log"
        head = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC  {lesson.name}  {student}\n{detail}\n\n"
        write_atomically(path, (head + log).encode("utf-8", "replace"))
        verdict = "infrastructure_error"
        detail = f"{detail} See quantlab/logs/{path.name}"
        return unscored(lesson, student=student, verdict=verdict, detail=detail)

    def _tell(self, result: Result, *, fresh: bool) -> None:
        self.results.append(result)
        self.fresh += fresh
        if self.report is not None:
            self.report(Step(result, fresh, len(self.results), self.total))


def _choose(course: Path, wanted: Sequence[str]) -> list[str]:
    """Return the full names of the lessons that are meant."""
    sources = (path.parent.name for path in course.glob("source/*/*.ipynb"))
    known = sorted(name for name in set(sources) if (course / "source" / name).is_dir())
    if not known:
        raise FileNotFoundError(
            f"There are no lessons in {str(course / 'source')!r}; run: quantlab build, or name "
            "the course's folder with --course."
        )
    chosen = []
    for name in wanted:
        found = [name] if name in known else [full for full in known if full.startswith(name)]
        if not name or len(found) != 1:
            fault = "is no lesson" if not found else "may be several lessons"
            raise ValueError(f"{name!r} {fault}; there are: {', '.join(known)}.")
        chosen += found
    with_work = [name for name in chosen or known if submitted(course, name)]
    if not with_work:
        what = f" for {', '.join(chosen)}" if chosen else ""
        raise FileNotFoundError(
            f"Nothing was handed in{what}: {str(course / 'submitted')!r} has no such folder; "
            "run: quantlab collect"
        )
    return sorted(set(chosen)) or with_work


def _place(result: Result) -> tuple[str, str]:
    return result.lesson, result.student
