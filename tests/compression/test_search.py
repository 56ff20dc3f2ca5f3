import numpy as np
import pytest
import torch

import quantlab_helpers as ql
from quantlab_helpers import training
from quantlab_helpers.compression import search
from quantlab_helpers.compression.folding import fold_batchnorm, merge_dense
from quantlab_helpers.compression.pruning import PruningResult, prune


@pytest.fixture(scope="session")
def small():
    return ql.load_mnist("train", limit=1_000, device="cpu")


def run(small, **options):
    options = {"validation": 200, "data": small, "progress": False} | options
    return search.compress(ql.load_baseline("cpu"), **options)


@pytest.mark.training
@pytest.mark.parametrize("merge", [True, False])
def test_compress_file_keeps_min_accuracy(small, merge, tmp_path):
    result = run(small, min_accuracy=0.9, margin=0.0, merge=merge)
    size = ql.save_quantized(result.model, tmp_path / "net")
    assert result.reached and result.accuracy >= 0.9
    assert result.file_bytes == size == (tmp_path / "net").stat().st_size < 20_000
    loaded = ql.load_quantized(tmp_path / "net", device="cpu")
    validation = ql.holdout(small, images=200)[1]
    assert ql.evaluate(loaded.net, validation).accuracy == result.accuracy
    best = [trial for trial in result.trials if trial.accuracy >= 0.9]
    assert result.file_bytes == min(trial.file_bytes for trial in best)
    centres = [t.codebook for t in result.model.tensors.values() if hasattr(t, "codebook")]
    assert all(np.array_equal(c, c.astype(np.float16).astype(np.float32)) for c in centres)


@pytest.mark.training
def test_compress_same_seed_same_file(small, tmp_path):
    for name in ("first", "second"):
        result = run(small, min_accuracy=0.8, margin=0.0, seed=7)
        ql.save_quantized(result.model, tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


@pytest.mark.training
def test_compress_returns_best_if_not_reached(small):
    result = run(small, min_accuracy=0.9999, margin=0.0, pruning=False)
    assert not result.reached
    assert result.accuracy == max(trial.accuracy for trial in result.trials)


@pytest.mark.training
def test_compress_smaller_tolerance_larger_file(small):
    options = {"min_accuracy": 0.5, "margin": 0.0, "pruning": False}
    coarse, fine = (run(small, tolerance=value, **options) for value in (0.1, 0.001))
    assert sum(fine.trials[0].ks.values()) > sum(coarse.trials[0].ks.values())
    assert fine.file_bytes > coarse.file_bytes


def test_compress_names_zero_tolerance(small):
    with pytest.raises(ValueError, match="`tolerance` must be"):
        run(small, tolerance=0)


@pytest.mark.training
def test_compress_without_pruning_keeps_weights(small):
    result = run(small, max_drop=0.05, pruning=False, merge=False)
    original = fold_batchnorm(ql.load_baseline("cpu"))
    assert result.trials[0].weights > 0.9 * sum(p.numel() for p in original.parameters())
    assert result.reached


@pytest.mark.training
def test_compress_ctrl_c_returns_network(small, monkeypatch, capsys):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(search, "prune_gradually", interrupted_pruning)
    result = run(small)
    assert result.interrupted and len(result.trials) == 1
    monkeypatch.undo()
    monkeypatch.setattr(training.F, "cross_entropy", interrupt)
    monkeypatch.setattr(search, "_mean_loss", lambda net, data: 0.0)
    result = run(small, pruning=False)
    assert result.interrupted and len(result.trials) == 1
    assert "interrupted" in capsys.readouterr().err


def interrupted_pruning(net, **options):
    return PruningResult(net, [], True)


@pytest.mark.training
def test_choose_ks_gives_fewest_centres(small):
    net = merge_dense(fold_batchnorm(prune(ql.load_baseline("cpu"), threshold=0.01)))
    before = net.conv1.weight.clone()
    coarse, fine = (search.choose_ks(net, tolerance=t, data=small) for t in (1.0, 0.001))
    assert torch.equal(net.conv1.weight, before)
    assert all(coarse[name] <= fine[name] for name in coarse)
    assert sum(fine.values()) > sum(coarse.values())
    assert fine["fc2.weight"] == fine["fc1.bias"] == 2  # frozen
    limit = search._mean_loss(net, small) + 0.001
    k = fine["conv2.weight"]
    with torch.no_grad():
        net.conv2.weight.copy_(
            torch.from_numpy(search.sparse_kmeans(net.conv2.weight, k).dequantize())
        )
    assert search._mean_loss(net, small) <= limit or k == search.KS[-1]


@pytest.mark.parametrize(
    ("reached", "failed", "expected"),
    [(481_000, 0, 8_000), (8_000, 0, 4_000), (2_000, 1_000, 1_414), (1_200, 1_000, 0)],
)
def test_next_weight_count_halves_then_bisects(reached, failed, expected):
    assert search._next_weight_count(reached, failed) == expected


def test_compress_names_impossible_accuracy(small):
    with pytest.raises(ValueError, match=r"below 1, got 98\.2 plus 0\.001; 0\.982 means"):
        run(small, min_accuracy=98.2)
    with pytest.raises(ValueError, match="`max_drop` must be a finite number of at least 0"):
        run(small, max_drop=-1)
