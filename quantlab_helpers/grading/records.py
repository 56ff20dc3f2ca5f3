"""The records that the stages of grading pass on: plain data, no behaviour beyond JSON.

    submission --align--> Aligned --execute--> Executed --score--> Result --> gradebook, feedback

Aligning, executing and scoring are functions of records, without a database and without a course
folder, so each runs on any machine and is tested alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from nbformat import NotebookNode


class Verdict(StrEnum):
    """What became of a submission; `Result.repairs` says in addition what was fixed before."""

    GRADED = "graded"  # every test cell ran
    PARTLY_GRADED = "partly_graded"  # some did; the others score 0 and are marked "not run"
    TIMEOUT = "timeout"  # the submission's time was up
    MEMORY = "memory"  # it took more memory than allowed
    KERNEL_DIED = "kernel_died"  # the submission ended its own process
    INVALID_NOTEBOOK = "invalid_notebook"  # not a notebook of this lesson
    NO_SUBMISSION = "no_submission"  # nothing was handed in
    INFRASTRUCTURE_ERROR = "infrastructure_error"  # the grader failed; the answers are unknown


class CellState(StrEnum):
    """What became of one graded cell."""

    RIGHT = "right"
    PARTIAL = "partial"
    WRONG = "wrong"
    NOT_ANSWERED = "not_answered"
    NOT_RUN = "not_run"
    TIMEOUT = "timeout"
    NEEDS_GRADING = "needs_grading"  # only a person can score it


VERDICTS = tuple(Verdict)
STATES = tuple(CellState)
NOT_GRADED = "not_graded"  # a status, no verdict: handed in, and `quantlab grade` did not run yet
STATUSES: tuple[str, ...] = (*VERDICTS, NOT_GRADED)  # of a student in a lesson, in tables
UNSCORED_VERDICTS = (
    Verdict.INVALID_NOTEBOOK,
    Verdict.NO_SUBMISSION,
    Verdict.INFRASTRUCTURE_ERROR,
)


class Limits(NamedTuple):
    """Limits of one submission: seconds of wall time, bytes, processes."""

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
    """One fix that was made before a submission ran, with a sentence for its author.

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


class SharedTest(NamedTuple):
    """A test that needs the process of the answers, so that a submission can forge its marks.

    ``reason`` says why it cannot be judged apart. ``passes_without`` is True where the solution
    passes it even if its functions return a constant: then nothing can be told from that.
    """

    reason: str
    passes_without: bool = False


class Executed(NamedTuple):
    """An executed notebook, and how its execution ended.

    ``notebook`` has the outputs. ``ran`` has True for the grade_id of every test cell that is
    proven to have run to its end or to its own exception. ``status`` is "complete", or the verdict
    "timeout", "memory", "kernel_died" or "infrastructure_error"; ``isolation`` is "bubblewrap" or
    "prlimit".
    ``evidence`` lists signs of tampering in words; they cost no points by themselves.
    ``shared`` has the tests that ran in the process of the answers, and why they had to. ``forged``
    has those of them that passed again with constants in the place of the answers.
    """

    notebook: NotebookNode
    status: str
    detail: str
    ran: dict[str, bool]
    isolation: str
    seconds: float
    evidence: tuple[str, ...] = ()
    shared: Mapping[str, str] = {}
    forged: frozenset[str] = frozenset()


class CellScore(NamedTuple):
    """The score of one graded cell; ``message`` is written for the student.

    ``shared`` says why the test ran in the process of the answer, which can then forge the score;
    it is empty for a test that was judged apart.
    """

    cell: str
    score: float
    max_score: float
    state: CellState
    message: str = ""
    shared: str = ""


class Result(NamedTuple):
    """The verdict on one submission; ``score`` is None for the verdicts in `UNSCORED_VERDICTS`."""

    student: str
    lesson: str
    verdict: Verdict
    score: float | None
    max_score: float
    cell_scores: tuple[CellScore, ...] = ()
    repairs: tuple[Repair, ...] = ()
    isolation: str = ""
    seconds: float = 0.0
    detail: str = ""
    evidence: tuple[str, ...] = ()

    @property
    def shared_points(self) -> float:
        """Return the points from tests that ran in the process of the answers."""
        return float(sum(cell.score for cell in self.cell_scores if cell.shared))

    def as_json(self) -> dict[str, Any]:
        """Return the result as dictionaries and lists that `json.dumps` takes."""
        plain = self._asdict()
        plain["marks"] = [cell._asdict() for cell in plain.pop("cell_scores")]
        plain["repairs"] = [repair._asdict() for repair in self.repairs]
        plain["evidence"] = list(self.evidence)
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Result:
        """Make a result from what `as_json` returned."""
        plain = dict(plain)
        values = {
            "verdict": Verdict(plain["verdict"]),
            "cell_scores": tuple(
                CellScore(**{**cell, "state": CellState(cell["state"])})
                for cell in plain.pop("marks")
            ),
            "repairs": tuple(Repair(**repair) for repair in plain["repairs"]),
            "evidence": tuple(plain["evidence"]),
        }
        return cls(**{**plain, **values})


class InvalidNotebook(ValueError):
    """A file that is not a notebook of the lesson; the message explains why to its author."""
