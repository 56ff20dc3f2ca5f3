"""Grade a class: every submission gets a verdict, even if a stage fails.

    read        submissions and files beside them, from ``submitted/``
    align       }
    execute     }  by a worker process, for one submission at a time
    score       }
    gradebook   scores into nbgrader's gradebook, the executed notebook into ``autograded/``
    verdict     the file in ``quantlab/results/``, written last: this submission is done

Only this process writes; the workers have no access to the gradebook. What goes wrong with one
submission is its own verdict; only a full or broken disk, or a locked gradebook, ends the run. A
submission that has its verdict and did not change is skipped, so a run that was interrupted
continues with the next submission.
"""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from .._support.files import is_disk_failure, write_atomically
from .course_folder import CourseFolder
from .execute.sandbox.sandbox import choose_isolation
from .execute.shared_tests import find_shared_tests
from .gradebook.lock import Busy
from .gradebook.reader import StudentScores
from .gradebook.verdict_files import StoredVerdict, forget_result, read_result, write_result
from .gradebook.writer import GradebookWriter, open_gradebook
from .lesson import Lesson, load_lesson
from .records import CellState, InvalidNotebook, Limits, Repair, Result, SharedTest, Verdict
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
        If another process is grading in the same folder, or has the gradebook locked.

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
    limits = limits or Limits()
    folder, start = CourseFolder(course), time.monotonic()
    names = _lessons_to_grade(folder, lessons)
    with open_gradebook(course) as gradebook:
        gradebook.enrol(roster)
        run = _GradingRun(
            folder, gradebook, names, students=students, regrade=regrade, report=report
        )
        with Workers(jobs, seconds=_longest_seconds(limits)) as workers:
            tasks = (
                run.make_task(submission, limits, ISOLATION[isolation], run_all_cells)
                for submission in run.submissions_to_grade()
            )
            for task, outcome in workers.run(tasks):  # align, execute, score
                run.record_outcome(task, outcome)
        problems = tuple(run.update_late_penalties())
    results = sorted(run.results, key=lambda result: (result.lesson, result.student))
    return GradingSummary(results, run.newly_graded, time.monotonic() - start, problems)


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


def _longest_seconds(limits: Limits) -> float:
    """Return the wall time after which a worker is lost: no submission may take as long."""
    return limits.submission_seconds + 20 * limits.startup_seconds + 120


class _GradingRun:
    """One run of `grade`: what is graded, and the verdicts so far."""

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
        self._course, self._gradebook = course, gradebook
        self._regrade, self._report = regrade, report
        self._lessons = {name: load_lesson(course.path, name) for name in names}
        self._shared: dict[str, dict[str, SharedTest]] = {}  # by lesson
        self._sources = {name: lesson_files(course, name) for name in names}
        for lesson in self._lessons.values():
            gradebook.prepare(lesson)
        self._students = self._choose_students(students)
        self._submitters = {name: set(students_with_submission(course, name)) for name in names}
        self._in_work: dict[tuple[str, str], Submission] = {}  # by lesson and student
        self._times: dict[str, dict[str, datetime]] = {name: {} for name in names}
        self.results: list[Result] = []
        self.newly_graded = 0

    def _choose_students(self, chosen: Sequence[str]) -> list[str]:
        """Return the ids of the chosen students, or of all; they are names of folders."""
        in_gradebook = filter(is_folder_name, self._gradebook.students())
        enrolled = {*in_gradebook, *all_students(self._course)}
        if unknown := sorted(set(chosen) - enrolled):
            raise ValueError(
                f"There is no student {', '.join(unknown)}: neither in the gradebook nor as a "
                f"folder in {str(self._course.path / 'submitted')!r}; check the id."
            )
        return sorted(set(chosen) or enrolled)

    # Read

    def submissions_to_grade(self) -> Iterator[Submission]:
        """Yield the submissions that must run; give the others their verdicts."""
        for name, lesson in self._lessons.items():
            scores = {row.student: row for row in self._gradebook.all_scores(name)}
            for student in self._students:
                before = read_result(self._course, name, student=student)
                if student not in self._submitters[name]:
                    self._record_no_submission(lesson, student, before)
                    continue
                submission = self._read_submission(lesson, student, before)
                if submission is None:
                    continue
                if submission.timestamp is not None:
                    self._times[name][student] = submission.timestamp
                if before is not None and self._is_current(before, submission, scores.get(student)):
                    self._add_result(before.result, newly_graded=False)
                    continue
                yield submission

    def _record_no_submission(
        self, lesson: Lesson, student: str, before: StoredVerdict | None
    ) -> None:
        verdict = Verdict.NO_SUBMISSION
        if before is not None and before.result.verdict == verdict and not self._regrade:
            self._add_result(before.result, newly_graded=False)
            return
        detail = "Nothing was handed in."
        result = unscored(lesson, student=student, verdict=verdict, detail=detail)
        self._write_verdict(lesson, GradingOutcome(result), None)

    def _read_submission(
        self, lesson: Lesson, student: str, before: StoredVerdict | None
    ) -> Submission | None:
        """Read a submission; record the verdict and return None if it cannot be read."""
        source = self._sources[lesson.name]
        try:
            submission = read_submission(self._course, lesson.name, student=student, source=source)
            return _without_files_in_the_way(submission, source)
        except InvalidNotebook as error:
            verdict = Verdict.INVALID_NOTEBOOK
            result = unscored(lesson, student=student, verdict=verdict, detail=str(error))
        except Exception as error:
            if _ends_the_run(error):
                raise
            log = traceback.format_exc()
            result = self._infrastructure_error(lesson, student, one_line(error), log)
        if before is not None and before.result == result and not self._regrade:
            self._add_result(result, newly_graded=False)
        else:
            self._write_verdict(lesson, GradingOutcome(result), None)
        return None

    def _is_current(
        self, before: StoredVerdict, submission: Submission, scores: StudentScores | None
    ) -> bool:
        """Return whether a verdict is of this submission, and all of it was written."""
        result = before.result
        if self._regrade or before.sha256 != submission.sha256 or scores is None:
            return False
        if result.verdict == Verdict.INFRASTRUCTURE_ERROR or scores.max_score != result.max_score:
            return False
        written = {cell.cell: cell.auto for cell in scores.cells if cell.auto is not None}
        expected = {
            cell.cell: cell.score
            for cell in result.cell_scores
            if cell.state != CellState.NEEDS_GRADING
        }
        folder = self._course.autograded(result.student, result.lesson)
        is_executed = os.path.isfile(folder / f"{result.lesson}.ipynb")
        return (
            bool(scores.cells) and written == expected and is_executed == (result.score is not None)
        )

    # Align, execute, score

    def make_task(
        self, submission: Submission, limits: Limits, isolation: str, run_all_cells: bool
    ) -> GradingTask:
        """Return the task for a worker; the submission is kept until its outcome is there."""
        level = choose_isolation(isolation)  # not before, for nothing may have to run
        self._in_work[submission.lesson, submission.student] = submission
        name = submission.lesson
        notebook = f"{name}.ipynb"
        files = {path: content for path, content in self._sources[name].items() if path != notebook}
        if name not in self._shared:
            lesson = self._lessons[name]
            self._shared[name] = find_shared_tests(lesson, files, limits=limits, isolation=level)
        return GradingTask(
            str(self._course.path.resolve()),
            submission.lesson,
            submission.student,
            submission.notebook,
            submission.files,
            limits,
            level,
            run_all_cells,
            submission.repairs,
            files,
            self._shared[name],
        )

    def record_outcome(self, task: GradingTask, outcome: GradingOutcome | WorkerLost) -> None:
        """Write the verdict of a worker; a failure of the worker is a verdict with a log."""
        submission = self._in_work.pop((task.lesson, task.student))
        if isinstance(outcome, WorkerLost):
            detail = f"The process that graded it {outcome.why}."
            outcome = self._failed_outcome(task, detail, outcome.log)
        elif outcome.log:
            outcome = self._failed_outcome(task, outcome.result.detail, outcome.log)
        self._write_verdict(self._lessons[task.lesson], outcome, submission)

    def _failed_outcome(self, task: GradingTask, detail: str, log: str) -> GradingOutcome:
        lesson = self._lessons[task.lesson]
        result = self._infrastructure_error(lesson, task.student, detail, log)
        return GradingOutcome(result._replace(repairs=task.repairs))

    # Gradebook, verdict

    def _write_verdict(
        self, lesson: Lesson, outcome: GradingOutcome, submission: Submission | None
    ) -> None:
        """Write a verdict; if that fails, the failure is the verdict."""
        result = outcome.result
        try:
            self._store(lesson, outcome, submission)
        except Exception as error:
            if _ends_the_run(error):
                raise
            detail = f"The verdict could not be written ({one_line(error)})."
            log = traceback.format_exc()
            failed = self._infrastructure_error(lesson, result.student, detail, log)
            result = failed._replace(repairs=result.repairs)
            with _for_one_submission():
                self._gradebook.record(lesson, result)  # no score of an earlier run may remain
            with _for_one_submission():
                write_result(self._course, result, sha256=submission.sha256 if submission else "")
        self._add_result(result, newly_graded=True)

    def _store(
        self, lesson: Lesson, outcome: GradingOutcome, submission: Submission | None
    ) -> None:
        """Write the gradebook, then the verdict file, as the proof that all is written."""
        result = outcome.result
        forget_result(self._course, lesson.name, student=result.student)
        self._gradebook.record(
            lesson,
            result,
            executed=outcome.executed,
            timestamp=submission.timestamp if submission else None,
            files=submission.files if submission else None,
        )
        write_result(self._course, result, sha256=submission.sha256 if submission else "")

    def _infrastructure_error(self, lesson: Lesson, student: str, detail: str, log: str) -> Result:
        """Write a log; return the verdict on a failure that is not the student's."""
        path = self._course.log(student, lesson.name)
        head = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC  {lesson.name}  {student}\n{detail}\n\n"
        verdict = Verdict.INFRASTRUCTURE_ERROR
        with _for_one_submission():
            write_atomically(path, (head + log).encode("utf-8", "replace"))
            detail = f"{detail} See quantlab/logs/{path.name}"
        return unscored(lesson, student=student, verdict=verdict, detail=detail)

    def _add_result(self, result: Result, *, newly_graded: bool) -> None:
        """Count a verdict and report it."""
        self.results.append(result)
        self.newly_graded += newly_graded
        if self._report is not None:
            total = len(self._students) * len(self._lessons)
            self._report(Progress(result, newly_graded, len(self.results), total))

    def update_late_penalties(self) -> Iterator[str]:
        """Compute the late penalties of all submissions again; yield a line for each failure."""
        for name, times in self._times.items():
            try:
                self._gradebook.update_late_penalties(name, times=times)
            except Exception as error:  # the plugin is the course's own
                if _ends_the_run(error):
                    raise
                yield f"{name}: late penalties could not be computed ({one_line(error)})."


def _ends_the_run(error: Exception) -> bool:
    """Return whether an error would meet every submission: all others are one submission's own."""
    return isinstance(error, Busy) or is_disk_failure(error)


@contextlib.contextmanager
def _for_one_submission() -> Iterator[None]:
    """Suppress the errors that are one submission's own."""
    try:
        yield
    except Exception as error:
        if _ends_the_run(error):
            raise


def _without_files_in_the_way(submission: Submission, source: Mapping[str, bytes]) -> Submission:
    """Leave out a student's files where a folder and a file would have the same name."""
    names = {f"{submission.lesson}.ipynb", *submission.files}
    folders = {folder for name in source for folder in _folders_of(name)}
    kept = {
        name: content
        for name, content in submission.files.items()
        if name in source or (name not in folders and names.isdisjoint(_folders_of(name)))
    }
    if len(kept) == len(submission.files):
        return submission
    text = "Other files were left out: a folder had the name of the notebook or of a file."
    repairs = (*submission.repairs, Repair("files", None, text))
    return submission._replace(files=kept, repairs=repairs)


def _folders_of(name: str) -> set[str]:
    return set(map(str, PurePosixPath(name).parents))
