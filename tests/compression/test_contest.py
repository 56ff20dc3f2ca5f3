import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

import quantlab_helpers as ql
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
