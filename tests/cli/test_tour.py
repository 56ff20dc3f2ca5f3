import json

import pytest
from click.testing import CliRunner

from quantlab_helpers.cli import tour, tour_report
from quantlab_helpers.cli.main import main

STEPS = ["baseline", "uniform", "kmeans", "retrained", "requantized", "stored"]


@pytest.fixture(scope="module")
def full_tour(once):
    """The real tour as its user runs it: 2 seeds, JSON on stdout, a report."""

    def run(folder):
        arguments = ["tour", "--json", "--seeds", "2", "--report", str(folder)]
        result = CliRunner().invoke(main, arguments)
        return result.exit_code, result.stdout, result.stderr

    return once("tour", run)


@pytest.mark.training
def test_tour_json_of_every_step(full_tour):
    (exit_code, stdout, stderr), _ = full_tour
    assert exit_code == 0, stderr
    numbers = json.loads(stdout)
    assert [step["step"] for step in numbers["steps"]] == STEPS
    steps = {step["step"]: step for step in numbers["steps"]}
    assert steps["baseline"]["accuracy"] >= 0.982
    assert steps["baseline"]["bytes"] == 4 * 481_342
    assert steps["baseline"]["published"] == [0.9812, 0.9817]
    assert steps["uniform"]["accuracy"] > steps["baseline"]["accuracy"] - 0.01
    assert steps["requantized"]["accuracy"] > 0.95
    assert steps["stored"]["accuracy"] == steps["requantized"]["accuracy"]
    assert steps["stored"]["bytes"] < steps["requantized"]["bytes"] / 10
    assert steps["kmeans"]["bytes"] < steps["uniform"]["bytes"] < steps["baseline"]["bytes"]
    assert numbers["seconds"] > 0


@pytest.mark.training
def test_tour_seeds_change_only_the_retraining(full_tour):
    steps = {step["step"]: step for step in json.loads(full_tour[0][1])["steps"]}
    assert steps["kmeans"]["std"] == 0
    assert len(steps["retrained"]["accuracies"]) == 2
    assert steps["retrained"]["accuracies"][0] != steps["retrained"]["accuracies"][1]


@pytest.mark.training
def test_tour_reports_tensors_of_both_quantizers(full_tour):
    tensors = json.loads(full_tour[0][1])["tensors"]
    assert {row["step"] for row in tensors} == {"uniform", "kmeans"}
    fc1 = [row for row in tensors if row["name"] == "fc1.weight"]
    assert [row["payload_bytes"] for row in fc1] == [470_400, 176_400]
    assert [row["overhead_bytes"] for row in fc1] == [8, 32]
    assert all(row["unique_after"] <= row["unique_before"] for row in tensors)


@pytest.mark.training
def test_report_has_captions_and_no_external_links(full_tour):
    _, folder = full_tour
    page = (folder / "index.html").read_text()
    pictures = sorted(path.name for path in folder.glob("*.png"))
    assert pictures == ["accuracy.png", "kmeans.png", "overview.png", "uniform.png"]
    for name in pictures:
        assert f'<img src="{name}" alt="' in page
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    assert "http" not in page
    assert page.count('type="range"') == 2, "two explorers as finished pictures"
    for title in ("baseline, float32", "k-means again, k = 8", "fc1.weight"):
        assert title in page


@pytest.fixture(scope="module")
def small_tour(tmp_path_factory):
    """Return a tour over few images, and its messages."""
    patch = pytest.MonkeyPatch()
    load, train = tour.load_mnist, tour.train
    patch.setattr(tour, "load_mnist", lambda split, device: load(split, limit=200, device="cpu"))
    few = load("train", limit=200, device="cpu")
    patch.setattr(tour, "train", lambda *a, **options: train(*a, **options, data=few))
    messages = []
    with patch.context():
        few_tour = tour.run_tour(
            train_first=True, seeds=2, epochs=1, progress=False, device="cpu", say=messages.append
        )
    patch.undo()
    return few_tour, messages


@pytest.mark.training
def test_tour_train_first_trains_per_seed(small_tour):
    few_tour, messages = small_tour
    assert messages[0] == "training the baseline, recipe 'fast', 1 epoch (seed 0)"
    assert len(few_tour.steps[0].accuracies) == 2


def test_tour_ends_when_training_is_interrupted(monkeypatch):
    def interrupted(*_, **__):
        return tour.TrainingResult(None, [], {}, interrupted=True)

    monkeypatch.setattr(tour, "train", interrupted)
    result = CliRunner().invoke(main, ["tour", "--train"])
    assert result.exit_code == 1 and result.stderr.endswith("Aborted!\n")


@pytest.mark.training
def test_step_rows_mean_spread_and_published(small_tour):
    rows = tour_report.step_rows(small_tour[0])
    assert rows[0][0] == "baseline, float32"
    assert "±" in rows[0][1] and rows[0][2] == "1,925,368" and rows[0][3] == "1.0x"
    assert rows[1][4:] == ("98.30%", "94.59%")
    assert rows[3][4:] == ("", "98.45%")
    tensors = dict((row[0], row[1:]) for row in tour_report.tensor_rows(small_tour[0]))
    assert tensors["conv1.weight"][0] == "400"
    assert tensors["fc1.weight"][3] == "470,400 + 8" and tensors["fc1.weight"][5] == "176,400 + 32"


@pytest.mark.training
def test_write_report_replaces_earlier_report(small_tour, tmp_path):
    tour_report.write_report(small_tour[0], tmp_path / "new" / "folder")
    page = tour_report.write_report(small_tour[0], tmp_path / "new" / "folder")
    assert page.read_text().startswith("<!doctype html>")
    assert len(list(page.parent.iterdir())) == 5
