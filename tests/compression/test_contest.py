import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from nbgrader.utils import determine_grade

import quantlab_helpers as ql
from quantlab_helpers import checks
from quantlab_helpers.checks import _contest as _checks_contest
from quantlab_helpers.compression import contest
from quantlab_helpers.compression.contest import (
    STEPS,
    cheapest,
    leaderboard,
    next_step,
    points_for,
    score_file,
)

EIGHT = {"weights": lambda w: ql.uniform_quantize(w, 8, zero_point="int"), "biases": None}


@pytest.fixture(scope="module")
def good(baseline, tmp_path_factory):
    """A file that passes, 8 bits behind an entropy coder."""
    path = tmp_path_factory.mktemp("good") / "good.safetensors"
    ql.save_quantized(ql.quantize_model(baseline, **EIGHT), path)
    return path


@pytest.fixture(scope="module")
def coarse(baseline, tmp_path_factory):
    """A file that loads and is smaller, but not accurate enough."""
    path = tmp_path_factory.mktemp("coarse") / "coarse.safetensors"
    model = ql.quantize_model(baseline, weights=lambda w: ql.kmeans_quantize(w, 3), biases=None)
    ql.save_quantized(model, path)
    return path


@pytest.fixture(scope="module")
def most_right(baseline, test_set):
    """300 images with as many that the baseline gets right as the test set has, and a few more."""
    with torch.inference_mode():
        right = baseline(test_set.images[:2000]).argmax(1) == test_set.labels[:2000]
    index = torch.cat([torch.nonzero(right)[:297, 0], torch.nonzero(~right)[:3, 0]])
    return ql.Dataset(test_set.images[index], test_set.labels[index])


def put(path, source):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(source if isinstance(source, bytes) else source.read_bytes())
    return path


# The steps


def test_steps_are_ordered():
    assert [step.points for step in STEPS] == [1, 2, 3, 4, 5]
    sizes = [step.bytes for step in STEPS]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("step", STEPS)
def test_points_for_and_next_step_limits(step):
    assert points_for(step.bytes) == step.points == points_for(step.bytes + 1) + 1
    assert next_step(step.bytes + 1) == step
    assert next_step(STEPS[-1].bytes) is None


# One file


def test_score_file_counts_bytes_on_disk(good, most_right):
    score = score_file(good, data=most_right, device="cpu")
    assert score.bytes == os.path.getsize(good)
    assert (score.points, score.problem) == (2, "") and score.accuracy >= 0.982


@pytest.mark.training
def test_score_file_uses_whole_test_set(good):
    score = score_file(good, device="cpu")
    assert score.accuracy == pytest.approx(0.983, abs=0.0015) and score.points == 2


def test_score_file_names_low_accuracy(coarse, most_right):
    score = score_file(coarse, data=most_right, device="cpu")
    assert score.points == 0 and score.accuracy < 0.982
    assert "of 300 test images correctly" in score.problem and "98.2% are needed" in score.problem


def test_score_file_accepts_exact_min_accuracy(good, few, monkeypatch):
    accuracy = ql.evaluate(ql.load_quantized(good, device="cpu").net, few).accuracy
    monkeypatch.setattr(contest, "MIN_ACCURACY", accuracy)
    assert score_file(good, data=few, device="cpu").problem == ""
    monkeypatch.setattr(contest, "MIN_ACCURACY", accuracy + 1e-6)
    assert score_file(good, data=few, device="cpu").points == 0


FOREIGN = {
    "empty": (b"", "is not a file of save_quantized"),
    "noise": (bytes(range(256)) * 20, "is not a file of save_quantized"),
    "pickle": (pickle.dumps(np.zeros(3)), "is not a file of save_quantized"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_score_file_names_foreign_file(name, tmp_path, few):
    content, words = FOREIGN[name]
    score = score_file(put(tmp_path / "x.safetensors", content), data=few, device="cpu")
    assert score.accuracy is None and score.points == 0 and words in score.problem
    assert str(tmp_path) not in score.problem


def test_leaderboard_never_opens_pickle(tmp_path, few):
    """Opened, it would make a file; scored, it only does not count."""

    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "opened",))

    for name, write in (("a", pickle.dump), ("b", torch.save)):
        with (tmp_path / f"{name}.safetensors").open("wb") as file:
            write(Bomb(), file)
    assert len(leaderboard(tmp_path, data=few, device="cpu", progress=False)) == 2
    assert not (tmp_path / "opened").exists()


def test_score_file_names_float32_and_damage(baseline, good, tmp_path, few):
    ql.save_net(baseline, tmp_path / "net.safetensors")
    score = score_file(tmp_path / "net.safetensors", data=few, device="cpu")
    assert "holds float32 weights that save_net wrote" in score.problem
    damaged = bytearray(good.read_bytes())
    damaged[-100] ^= 1
    score = score_file(put(tmp_path / "d.safetensors", bytes(damaged)), data=few, device="cpu")
    assert "is damaged" in score.problem


def test_score_file_ignores_huge_file(tmp_path, few):
    with (tmp_path / "x.safetensors").open("wb") as file:
        file.truncate(10**12)
    score = score_file(tmp_path / "x.safetensors", data=few, device="cpu")
    assert score.problem == "it has 1,000,000,000,000 bytes, and more than 4,000,000 are not read"


def test_score_file_ignores_links_and_pipes(good, tmp_path, few):
    (tmp_path / "link.safetensors").symlink_to(good)
    os.mkfifo(tmp_path / "pipe.safetensors")  # reading it would wait for ever
    for name in ("link", "pipe"):
        score = score_file(tmp_path / f"{name}.safetensors", data=few, device="cpu")
        assert "not a plain file" in score.problem


def test_score_file_names_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*gone"):
        score_file(tmp_path / "gone")


# A folder of files


def test_leaderboard_ranks_by_bytes(good, coarse, tmp_path, most_right):
    put(tmp_path / "ada" / "07" / "a.safetensors", good)
    put(tmp_path / "bob" / "b.SAFETENSORS", good)
    put(tmp_path / "cleo.safetensors", good)
    put(tmp_path / "dan" / "d.safetensors", coarse)
    (tmp_path / "eve").mkdir()
    (tmp_path / "eve" / "notes.txt").write_text("no file")
    larger = ql.load_quantized(good, device="cpu")
    ql.save_quantized(larger, tmp_path / "zoe.safetensors", coding="packed")
    board = leaderboard(tmp_path, data=most_right, device="cpu", progress=False)
    assert [(entry.rank, entry.student) for entry in board] == [
        (1, "ada"),
        (1, "bob"),
        (1, "cleo"),
        (4, "zoe"),
        (None, "dan"),
    ]
    assert board[0].path == tmp_path / "ada" / "07" / "a.safetensors"
    assert "are needed" in board[-1].score.problem


def test_leaderboard_takes_smallest_valid_file(good, coarse, tmp_path, most_right):
    put(tmp_path / "ada" / "1.safetensors", coarse)
    put(tmp_path / "ada" / "2.safetensors", good)
    put(tmp_path / "ada" / "3.safetensors", b"x" * 100)
    put(tmp_path / "ada" / "4.safetensors", b"x" * 3_000_000)  # larger than what counts: not tried
    board = leaderboard(tmp_path, data=most_right, device="cpu", progress=False)
    assert [(entry.rank, entry.path.stem) for entry in board] == [
        (1, "2"),
        (None, "3"),
        (None, "1"),
    ]


def test_leaderboard_ignores_links(good, tmp_path, most_right):
    put(tmp_path / "ada" / "a.safetensors", good)
    (tmp_path / "bob").symlink_to(tmp_path / "ada")
    (tmp_path / "cy").mkdir()
    (tmp_path / "cy" / "mine.safetensors").symlink_to(tmp_path / "ada" / "a.safetensors")
    board = leaderboard(tmp_path, data=most_right, device="cpu", progress=False)
    assert [(entry.rank, entry.student) for entry in board] == [(1, "ada"), (None, "cy")]


def test_leaderboard_survives_any_loader_error(good, tmp_path, most_right, monkeypatch):
    put(tmp_path / "ada.safetensors", good)
    put(tmp_path / "bob.safetensors", b"strange")
    real = contest.load_quantized

    def load(path, **options):
        if path.stem == "bob":
            raise RecursionError
        return real(path, **options)

    monkeypatch.setattr(contest, "load_quantized", load)
    board = leaderboard(tmp_path, data=most_right, device="cpu", progress=False)
    assert [(entry.rank, entry.student) for entry in board] == [(1, "ada"), (None, "bob")]
    assert board[1].score.problem == "RecursionError"


def test_leaderboard_of_empty_or_missing_folder(tmp_path):
    assert leaderboard(tmp_path, progress=False) == []
    with pytest.raises(NotADirectoryError, match=r"There is no folder .*name the one that holds"):
        leaderboard(tmp_path / "gone")


# A budget over layers


@pytest.mark.parametrize("seed", range(20))
def test_cheapest_equals_trying_all(seed):
    rng = np.random.default_rng(seed)
    options = {
        f"layer{i}": {k: (int(rng.integers(1, 99)), int(rng.integers(-3, 9))) for k in (2, 4, 8)}
        for i in range(4)
    }
    most = int(rng.integers(0, 12))
    grid = np.array(np.meshgrid(*[range(3)] * 4)).reshape(4, -1).T
    sums = [
        np.sum(
            [list(table.values())[i] for table, i in zip(options.values(), places, strict=True)], 0
        )
        for places in grid
    ]
    allowed = [size for size, lost in sums if lost <= most]
    if not allowed:
        with pytest.raises(ValueError, match="`most_lost` must be at least"):
            cheapest(options, most)
        return
    chosen = cheapest(options, most)
    size, lost = np.sum([options[layer][k] for layer, k in chosen.items()], 0)
    assert size == min(allowed) and lost <= most


# The exercise


@pytest.fixture
def quick(monkeypatch, most_right):
    """Let the check look at 300 images instead of all, and count its looks from 0."""
    monkeypatch.setattr(_checks_contest, "score_file", partial(score_file, data=most_right))
    monkeypatch.setattr(_checks_contest, "_looks", 0)


def eight_bits(net, path):
    ql.save_quantized(ql.quantize_model(net, **EIGHT), path)


def test_points_prints_next_step(quick, capsys):
    assert checks.points("smallest-file", eight_bits) == 2
    output = capsys.readouterr().out
    assert "2 of 5 points." in output
    assert "3 points: at most 10,000 bytes. A way: small weights" in output


def test_points_counts_test_set_uses(quick, capsys):
    checks.points("smallest-file", eight_bits)
    assert "look" not in capsys.readouterr().out
    checks.points("smallest-file", eight_bits)
    assert "This was look 2 at the test images." in capsys.readouterr().out


def test_points_ignores_stderr(quick, capsys):
    def loud(net, path):
        print("warned", file=sys.stderr)
        eight_bits(net, path)

    assert checks.points("smallest-file", loud) == 2
    assert capsys.readouterr().err == ""


def test_points_stops_endless_function(monkeypatch):
    monkeypatch.setattr(_checks_contest, "SECONDS", 0.2)

    def slow(net, path):
        while True:
            with contextlib.suppress(Exception):
                time.sleep(0.01)

    with pytest.raises(checks.CheckFailed, match=r"was stopped after 0\.2 seconds"):
        checks.points("smallest-file", slow)


def test_limited_restores_earlier_timer():
    handler = signal.signal(signal.SIGALRM, lambda *_: None)
    before = signal.setitimer(signal.ITIMER_REAL, 1000, 7)
    try:
        with _checks_contest._limited(500):
            pass
        left, again = signal.getitimer(signal.ITIMER_REAL)
        assert 900 < left <= 1000 and again == 7
    finally:
        signal.setitimer(signal.ITIMER_REAL, *before)
        signal.signal(signal.SIGALRM, handler)


def test_check_and_points_name_each_other():
    with pytest.raises(ValueError, match=r"earns points by degrees; call checks\.points"):
        checks.check("smallest-file", eight_bits)
    with pytest.raises(ValueError, match=r"is right or not; call checks\.check"):
        checks.points("merge-dense", eight_bits)
    with pytest.raises(checks.NotAnswered):
        checks.points("smallest-file", lambda net, path: (_ for _ in ()).throw(NotImplementedError))


def test_points_for_equals_nbgrader_grade():
    """determine_grade is nbgrader's own: the one that its autograder and its feedback call."""
    cell = nbformat.v4.new_code_cell("checks.points('smallest-file', smallest_file)")
    cell.metadata["nbgrader"] = {
        "grade": True,
        "grade_id": "test-smallest-file",
        "locked": True,
        "points": STEPS[-1].points,
        "schema_version": 3,
        "solution": False,
        "task": False,
    }
    for step in STEPS:
        shown = {"text/plain": repr(points_for(step.bytes))}
        printed = nbformat.v4.new_output("stream", name="stdout", text="some words")
        result = nbformat.v4.new_output("execute_result", data=shown)
        cell.outputs = [printed, result]
        assert determine_grade(cell) == (step.points, STEPS[-1].points)


COURSE = """\
c = get_config()
c.CourseDirectory.course_id = "contest"
c.CourseDirectory.root = {root!r}
c.Execute.timeout = 200
"""
SOLUTION = """\
# exercise: smallest-file
def smallest_file(net, path):
    ### BEGIN SOLUTION
    ql.save_quantized(ql.quantize_model(net, weights=rule, biases=None), path, coding="packed")
    ### END SOLUTION
"""


@pytest.mark.process
def test_points_in_nbgrader_autograder(tmp_path):
    """From source to gradebook: 1 point packed, 2 entropy-coded, 0 for the stub."""

    def graded(grade_id, source, **flags):
        cell = nbformat.v4.new_code_cell(source, id=grade_id)
        unset = {"grade": False, "locked": False, "solution": False, "task": False}
        cell.metadata["nbgrader"] = unset | {"grade_id": grade_id, "schema_version": 3} | flags
        return cell

    def notebook(answer):
        imports = (
            "import quantlab_helpers as ql\nfrom quantlab_helpers import checks\n"
            'rule = lambda w: ql.uniform_quantize(w, 8, zero_point="int")'
        )
        cells = [
            nbformat.v4.new_code_cell(imports, id="imports"),
            graded("smallest-file", answer, solution=True),
            graded(
                "test-smallest-file",
                '# test: smallest-file\nchecks.points("smallest-file", smallest_file)',
                grade=True,
                locked=True,
                points=5,
            ),
        ]
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})

    def write(answer, *place):
        path = tmp_path.joinpath(*place, "07", "07.ipynb")
        path.parent.mkdir(parents=True)
        nbformat.write(notebook(answer), path)

    (tmp_path / "nbgrader_config.py").write_text(COURSE.format(root=str(tmp_path)))
    write(SOLUTION, "source")
    write(SOLUTION, "submitted", "one")
    write(SOLUTION.replace(', coding="packed"', ""), "submitted", "two")
    write(SOLUTION.replace("ql.save_", "raise NotImplementedError  # "), "submitted", "none")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # for alembic
    environment = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"}
    for command in ("generate_assignment", "autograde"):
        run = subprocess.run(
            [sys.executable, "-m", "nbgrader", command, "07"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=500,
        )
        assert run.returncode == 0, run.stderr
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}", "contest") as gradebook:
        submissions = gradebook.assignment_submissions("07")
        scores = {submission.student.id: submission.score for submission in submissions}
        manual = [submission.needs_manual_grade for submission in submissions]
    assert scores == {"one": 1, "two": 2, "none": 0} and not any(manual)
    graded_cell = json.loads((tmp_path / "autograded/two/07/07.ipynb").read_text())["cells"][-1]
    assert graded_cell["outputs"][-1]["data"]["text/plain"] == ["2"]
