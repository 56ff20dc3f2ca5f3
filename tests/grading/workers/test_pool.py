"""Workers: many tasks for few processes, and none of them is waited for in vain."""

import json
import os

import pytest

from quantlab_helpers.grading.workers.pool import WorkerLost, Workers
from quantlab_helpers.grading.workers.task import GradingOutcome, GradingTask
from tests.grading.classroom import LIMITS, NAME, answers

pytestmark = pytest.mark.process

SLEEPS = "import time\ntime.sleep(15)\ndef mean(values):\n    return 0"


def task(course, student, content=None, **changes):
    plain = json.dumps(content or answers(course)).encode()
    return GradingTask(str(course), NAME, student, plain, {}, LIMITS, "prlimit")._replace(**changes)


def outcomes(tasks, count=1, seconds=100.0):
    with Workers(count, seconds=seconds) as workers:
        return {done.student: outcome for done, outcome in workers.run(iter(tasks))}


def test_task_json_round_trip(course):
    sent = task(course, "s01", files={"a.bin": bytes(range(256))}, run_all_cells=True)
    assert GradingTask.from_json(json.loads(json.dumps(sent.as_json()))) == sent


def test_workers_run_every_task_once(course):
    tasks = [
        task(course, "s01"),
        task(course, "s02", notebook=b"no notebook"),
        task(course, "s03", files={"big.bin": os.urandom(3_000_000)}),  # more than a pipe takes
        task(course, "s04"),
    ]
    outcome_of = outcomes(tasks, count=2)
    assert {student: outcome.result.verdict for student, outcome in outcome_of.items()} == {
        **dict.fromkeys(("s01", "s03", "s04"), "graded"),
        "s02": "invalid_notebook",
    }
    assert outcome_of["s03"].executed.cells and outcome_of["s02"].executed is None


def test_workers_run_without_tasks():
    assert outcomes([]) == {}


def test_pool_gives_up_stuck_worker(course):
    slow = answers(course, mean=SLEEPS)
    tasks = [task(course, "s01", slow), task(course, "s02", notebook=b"no notebook")]
    outcome_of = outcomes(tasks, seconds=5)
    assert (
        isinstance(outcome_of["s01"], WorkerLost)
        and outcome_of["s01"].why == "did not come to an end"
    )
    assert isinstance(outcome_of["s02"], GradingOutcome)


def test_pool_reports_traceback_of_worker(course):
    outcome = outcomes([task(course, "s01", files={"../out.txt": b""})])["s01"]
    assert outcome.result.verdict == "infrastructure_error"
    assert "ValueError" in outcome.result.detail and "Traceback" in outcome.log


def test_pool_reports_output_of_lost_worker(course):
    outcome_of = outcomes([task(course, "s01", lesson="09_nothing"), task(course, "s02")])
    assert outcome_of["s01"].why == "ended with exit status 1"
    assert "There is no lesson '09_nothing'" in outcome_of["s01"].log
    assert outcome_of["s02"].result.verdict == "graded"
