"""Grade a class: every submission gets a verdict, also if a stage fails.

    submitted/ --workers: align, execute, score--> one writer --> gradebook, autograded/, results

Workers are processes without access to the gradebook. A submission that has its verdict and did
not change is skipped, so a run that was interrupted continues with the next submission.
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
from .course_folder import CourseFolder
from .execute.sandbox.sandbox import choose_isolation
from .gradebook.reader import StudentScores
from .gradebook.verdict_files import StoredVerdict, forget_result, read_result, write_result
from .gradebook.writer import GradebookWriter, open_gradebook
from .lesson import Lesson, load_lesson
from .records import CellState, InvalidNotebook, Limits, Result, Verdict
from .roster import Student
from .score import unscored
from .submissions import (
    Submission,
    all_students,
    is_folder_name,
    lesson_files,
    read_submission,
    students_with_submission,
)
from .workers.pool import WorkerLost, Workers
from .workers.task import GradingOutcome, GradingTask, one_line

ISOLATION = {"auto": "auto", "require": "bubblewrap", "prlimit": "prlimit"}


class Progress(NamedTuple):
    """One more submission has a verdict; ``newly_graded`` is False where it had it before."""

    result: Result
    newly_graded: bool
    number: int
    total: int


class GradingSummary(NamedTuple):
    """The verdicts, by lesson and student, and how many were given in this run.

    ``problems`` are sentences for the instructor: failures that are no submission's verdict.
    """

    results: list[Result]
    newly_graded: int
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
    regrade: bool = False,
    run_all_cells: bool = False,
    limits: Limits | None = None,
    report: Callable[[Progress], None] | None = None,
) -> GradingSummary:
    """Give every submission of a course folder its verdict.

    Parameters
    ----------
    course : str or Path, default="build/course"
        nbgrader's course folder, with ``source/`` and ``submitted/``.
    lessons : sequence of str, optional
        Names of lessons or their beginnings, such as "02"; default: all with submissions.
    students : sequence of str, optional
        Ids; default: all students, also those without a submission.
    roster : sequence of Student, optional
        The list of students, from `read_roster`; it is written into the gradebook.
    isolation : {"auto", "require", "prlimit"}
        "auto" uses the best sandbox available, "require" accepts bubblewrap only.
    jobs : int, 1 or more, optional
        How many submissions run at the same time; default: one for each processor.
    regrade : bool, default=False
        Grade again what has a verdict and has not changed.
    run_all_cells : bool, default=False
        Run every cell of a notebook, not only those that its scores depend on.
    limits : Limits, optional
        Time, memory and output that one submission may take.
    report : callable, optional
        Called with a `Progress` for every verdict.

    Returns
    -------
    GradingSummary

    Raises
    ------
    FileNotFoundError
        If there is no such course, or nothing was handed in.
    ValueError
        If a lesson or a student is unknown, or an option has another value.
    NoIsolation
        If the required isolation is not available.
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
    folder, start = CourseFolder(course), time.monotonic()
    names = _lessons_to_grade(folder, lessons)
    limits = limits or Limits()
    with open_gradebook(course) as gradebook:
        gradebook.enrol(roster)
        run = _GradingRun(
            folder, gradebook, names, students=students, regrade=regrade, report=report
        )
        longest = limits.submission_seconds + 20 * limits.startup_seconds + 120
        with Workers(jobs, seconds=longest) as workers:
            tasks = run.tasks(limits, ISOLATION[isolation], run_all_cells=run_all_cells)
            for task, outcome in workers.run(tasks):
                run.take(task, outcome)
        problems = tuple(run.update_late_penalties())
    results = sorted(run.results, key=lambda result: (result.lesson, result.student))
    return GradingSummary(results, run.newly_graded, time.monotonic() - start, problems)


class _GradingRun:
    """One run of `grade`, in the only process that writes."""

    def __init__(
        self,
        course: CourseFolder,
        gradebook: GradebookWriter,
        names: Sequence[str],
        *,
        students: Sequence[str],
        regrade: bool,
        report: Callable[[Progress], None] | None,
    ) -> None:
        self.course, self.gradebook = course, gradebook
        self.regrade, self.report = regrade, report
        self.results: list[Result] = []
        self.newly_graded = 0
        self.lessons = {name: load_lesson(course.path, name) for name in names}
        self.sources = {name: lesson_files(course, name) for name in names}
        for lesson in self.lessons.values():
            gradebook.prepare(lesson)
        enrolled = {*filter(is_folder_name, gradebook.students()), *all_students(course)}
        if unknown := sorted(set(students) - enrolled):
            raise ValueError(
                f"There is no student {', '.join(unknown)}: neither in the gradebook nor as a "
                f"folder in {str(course.path / 'submitted')!r}; check the id."
            )
        self.submitters = {name: set(students_with_submission(course, name)) for name in names}
        self.students = sorted(set(students) or enrolled)
        self.total = len(self.students) * len(names)
        self.submissions: dict[tuple[str, str], Submission] = {}  # those that are being graded
        self.times: dict[str, dict[str, datetime]] = {name: {} for name in names}

    def tasks(
        self, limits: Limits, isolation: str, *, run_all_cells: bool
    ) -> Iterator[GradingTask]:
        """Yield a task for each submission to run; record the verdicts that need no run."""
        course = str(self.course.path.resolve())
        for name, lesson in self.lessons.items():
            scores = {row.student: row for row in self.gradebook.all_scores(name)}
            for student in self.students:
                before = read_result(self.course, name, student=student)
                if student not in self.submitters[name]:
                    self._record_no_submission(lesson, student, before)
                    continue
                submission = self._read_submission(lesson, student, before)
                if submission is None:
                    continue
                if submission.timestamp is not None:
                    self.times[name][student] = submission.timestamp
                if before is not None and self._is_current(before, submission, scores.get(student)):
                    self._report(before.result, newly_graded=False)
                    continue
                level = choose_isolation(isolation)  # only if there is something to run
                self.submissions[name, student] = submission
                yield GradingTask(
                    course,
                    name,
                    student,
                    submission.notebook,
                    submission.files,
                    limits,
                    level,
                    run_all_cells,
                    submission.repairs,
                )

    def take(self, task: GradingTask, outcome: GradingOutcome | WorkerLost) -> None:
        """Record the outcome of a task."""
        lesson, student = self.lessons[task.lesson], task.student
        submission = self.submissions.pop((task.lesson, student))
        if isinstance(outcome, WorkerLost):
            detail = f"The process that graded it {outcome.why}."
            result = self._infrastructure_error(lesson, student, detail, outcome.log)
            outcome = GradingOutcome(result._replace(repairs=task.repairs))
        elif outcome.log:
            detail = outcome.result.detail
            result = self._infrastructure_error(lesson, student, detail, outcome.log)
            outcome = GradingOutcome(result._replace(repairs=task.repairs))
        self._record(lesson, outcome, submission)

    def update_late_penalties(self) -> Iterator[str]:
        """Compute the late penalties of all submissions again; yield a line for each failure."""
        for name, times in self.times.items():
            try:
                self.gradebook.update_late_penalties(name, times=times)
            except Exception as error:  # the plugin is the course's own
                yield f"{name}: late penalties could not be computed ({one_line(error)})."

    def _read_submission(
        self, lesson: Lesson, student: str, before: StoredVerdict | None
    ) -> Submission | None:
        """Read a submission; record the verdict and return None if it cannot be read."""
        source = self.sources[lesson.name]
        try:
            return read_submission(self.course, lesson.name, student=student, source=source)
        except InvalidNotebook as error:
            verdict = Verdict.INVALID_NOTEBOOK
            result = unscored(lesson, student=student, verdict=verdict, detail=str(error))
        except OSError as error:
            log = traceback.format_exc()
            result = self._infrastructure_error(lesson, student, one_line(error), log)
        if before is not None and before.result == result and not self.regrade:
            self._report(result, newly_graded=False)
        else:
            self._record(lesson, GradingOutcome(result), None)
        return None

    def _record_no_submission(
        self, lesson: Lesson, student: str, before: StoredVerdict | None
    ) -> None:
        verdict = Verdict.NO_SUBMISSION
        if before is not None and before.result.verdict == verdict and not self.regrade:
            self._report(before.result, newly_graded=False)
            return
        detail = "Nothing was handed in."
        result = unscored(lesson, student=student, verdict=verdict, detail=detail)
        self._record(lesson, GradingOutcome(result), None)

    def _is_current(
        self, before: StoredVerdict, submission: Submission, scores: StudentScores | None
    ) -> bool:
        """Return whether a verdict is of this submission, and all of it was written."""
        result = before.result
        if self.regrade or before.sha256 != submission.sha256 or scores is None:
            return False
        if result.verdict == Verdict.INFRASTRUCTURE_ERROR or scores.max_score != result.max_score:
            return False
        written = {cell.cell: cell.auto for cell in scores.cells if cell.auto is not None}
        expected = {
            cell.cell: cell.score
            for cell in result.cell_scores
            if cell.state != CellState.NEEDS_GRADING
        }
        folder = self.course.autograded(result.student, result.lesson)
        is_executed = (folder / f"{result.lesson}.ipynb").is_file()
        return (
            bool(scores.cells) and written == expected and is_executed == (result.score is not None)
        )

    def _record(
        self, lesson: Lesson, outcome: GradingOutcome, submission: Submission | None
    ) -> None:
        """Write one verdict; the file in results/ comes last, as the proof that all is written."""
        result = outcome.result
        student = result.student
        forget_result(self.course, lesson.name, student=student)
        try:
            self.gradebook.record(
                lesson,
                result,
                executed=outcome.executed,
                timestamp=submission.timestamp if submission else None,
                files=submission.files if submission else None,
            )
        except OSError:
            raise  # a full disk, for example: the error could not be recorded either
        except Exception as error:
            detail = f"The gradebook could not be written ({one_line(error)})."
            log = traceback.format_exc()
            failed = self._infrastructure_error(lesson, student, detail, log)
            result = failed._replace(repairs=result.repairs)
            with contextlib.suppress(Exception):
                self.gradebook.record(lesson, result)  # so that no score of an earlier run remains
        write_result(self.course, result, sha256=submission.sha256 if submission else "")
        self._report(result, newly_graded=True)

    def _infrastructure_error(self, lesson: Lesson, student: str, detail: str, log: str) -> Result:
        """Write a log; return the verdict on a failure that is not the student's."""
        path = self.course.log(student, lesson.name)
        head = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC  {lesson.name}  {student}\n{detail}\n\n"
        write_atomically(path, (head + log).encode("utf-8", "replace"))
        verdict = Verdict.INFRASTRUCTURE_ERROR
        detail = f"{detail} See quantlab/logs/{path.name}"
        return unscored(lesson, student=student, verdict=verdict, detail=detail)

    def _report(self, result: Result, *, newly_graded: bool) -> None:
        self.results.append(result)
        self.newly_graded += newly_graded
        if self.report is not None:
            self.report(Progress(result, newly_graded, len(self.results), self.total))


def _lessons_to_grade(course: CourseFolder, names: Sequence[str]) -> list[str]:
    """Return the lessons with these names, or else all that have submissions."""
    chosen = course.choose_lessons(names)
    submitted = [
        name for name in chosen or course.lessons() if students_with_submission(course, name)
    ]
    if not submitted:
        of_lessons = f" for {', '.join(chosen)}" if chosen else ""
        raise FileNotFoundError(
            f"Nothing was handed in{of_lessons}: {str(course.path / 'submitted')!r} has no such "
            "folder; run: quantlab collect"
        )
    return chosen or submitted
