"""What the steps of grading hand to each other: plain records, no behaviour beyond JSON.

    submission --align--> Aligned --execute--> Executed --score--> Result --> gradebook, feedback

Every step is a function of records, without a database and without a course folder, so each runs
on any machine and is tested alone.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from nbformat import NotebookNode

# What became of a submission. "structure_repaired" is said in addition, by `Result.repairs`.
VERDICTS = (
    "graded",  # every test cell ran
    "partly_graded",  # some did; points of the others are 0 and marked "not run"
    "timeout",  # the submission's time was up
    "memory",  # it took more memory than allowed
    "kernel_died",  # its process ended, by its own doing
    "invalid_notebook",  # not a notebook of this lesson
    "no_submission",  # nothing was handed in
    "infrastructure_error",  # ours: nothing is known about the answers, no mark is given
)
STATES = ("right", "partial", "wrong", "not_answered", "not_run", "timeout", "needs_grading")


class Limits(NamedTuple):
    """What one submission may take; seconds of wall time, bytes."""

    cell_seconds: float = 60.0
    points_seconds: float = 300.0  # of a test that ends in `checks.points`: it may train
    submission_seconds: float = 600.0
    startup_seconds: float = 60.0
    memory_bytes: int = 3 * 2**30
    processes: int = 64
    file_bytes: int = 100 * 2**20
    cell_output_bytes: int = 200_000
    notebook_output_bytes: int = 2_000_000


class Repair(NamedTuple):
    """One thing that was put right before a submission ran, in words for its author.

    ``kind`` is one word for reports, such as "test_restored", "found_by_marker", "merged",
    "duplicate", "metadata"; ``cell`` the grade_id it is about, where there is one.
    """

    kind: str
    cell: str | None
    text: str


class Aligned(NamedTuple):
    """A submission on the instructor's notebook, ready to run.

    ``notebook`` holds the instructor's test cells with hidden tests, and the learner's answers.
    ``answered`` says for each exercise whether it holds more than its stub.
    """

    notebook: NotebookNode
    repairs: tuple[Repair, ...]
    answered: dict[str, bool]


class Executed(NamedTuple):
    """What running gave.

    ``notebook`` has the outputs. ``ran`` has True for the grade_id of every test cell that is
    proven to have run to its end or to its own exception. ``status`` is "complete", "timeout",
    "memory", "kernel_died" or "infrastructure_error"; ``isolation`` is "bubblewrap" or "prlimit".
    ``evidence`` lists signs of tampering in words; they cost no points by themselves.
    """

    notebook: NotebookNode
    status: str
    detail: str
    ran: dict[str, bool]
    isolation: str
    seconds: float
    evidence: tuple[str, ...] = ()


class Mark(NamedTuple):
    """Points of one test cell; ``message`` is what its learner reads."""

    cell: str
    score: float
    max_score: float
    state: str
    message: str = ""


class Result(NamedTuple):
    """The verdict on one submission; ``score`` is None where nothing is known."""

    student: str
    lesson: str
    verdict: str
    score: float | None
    max_score: float
    marks: tuple[Mark, ...] = ()
    repairs: tuple[Repair, ...] = ()
    isolation: str = ""
    seconds: float = 0.0
    detail: str = ""
    evidence: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return what `json.dumps` takes."""
        plain = self._asdict()
        plain["marks"] = [mark._asdict() for mark in self.marks]
        plain["repairs"] = [repair._asdict() for repair in self.repairs]
        plain["evidence"] = list(self.evidence)
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Result:
        """Read back what `as_json` gave."""
        marks = tuple(Mark(**mark) for mark in plain["marks"])
        repairs = tuple(Repair(**repair) for repair in plain["repairs"])
        rest = {**plain, "marks": marks, "repairs": repairs, "evidence": tuple(plain["evidence"])}
        return cls(**rest)


class InvalidNotebook(ValueError):
    """A file that is no notebook, or none of the lesson; the message says why, to its author."""


NEEDS_GRADING = "needs_grading"  # the state of an answer that only a person can mark


NO_SCORE = ("invalid_notebook", "no_submission", "infrastructure_error", "not_graded")
