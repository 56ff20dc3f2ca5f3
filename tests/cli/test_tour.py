import json

import pytest
from click.testing import CliRunner

from quantlab_helpers.cli import tour
from quantlab_helpers.cli import tour_report as report
from quantlab_helpers.cli.main import main

STEPS = ["baseline", "uniform", "kmeans", "retrained", "requantized", "stored"]


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """The real tour, once, as its user runs it: 2 seeds, JSON on stdout, a report."""
    folder = tmp_path_factory.mktemp("tour")
    arguments = ["tour", "--json", "--seeds", "2", "--report", str(folder)]
    return CliRunner().invoke(main, arguments), folder


@pytest.mark.slow
def test_it_ends_well_with_valid_json_for_every_step(walked):
    result, _ = walked
    assert result.exit_code == 0, result.stderr
    numbers = json.loads(result.stdout)
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


@pytest.mark.slow
def test_seeds_change_the_retraining_but_not_what_is_loaded(walked):
    steps = {step["step"]: step for step in json.loads(walked[0].stdout)["steps"]}
    assert steps["kmeans"]["std"] == 0
    assert len(steps["retrained"]["accuracies"]) == 2
    assert steps["retrained"]["accuracies"][0] != steps["retrained"]["accuracies"][1]


@pytest.mark.slow
def test_each_tensor_is_reported_for_both_quantizers(walked):
    tensors = json.loads(walked[0].stdout)["tensors"]
    assert {row["step"] for row in tensors} == {"uniform", "kmeans"}
    fc1 = [row for row in tensors if row["name"] == "fc1.weight"]
    assert [row["payload_bytes"] for row in fc1] == [470_400, 176_400]
    assert [row["overhead_bytes"] for row in fc1] == [8, 32]
    assert all(row["unique_after"] <= row["unique_before"] for row in tensors)


@pytest.mark.slow
def test_the_report_shows_its_figures_with_words_and_needs_nothing_from_outside(walked):
    _, folder = walked
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
    """A tour over few images, for what only concerns its shape."""
    patch = pytest.MonkeyPatch()
    load, go_on = tour.load_mnist, tour.train
    patch.setattr(tour, "load_mnist", lambda split, device: load(split, limit=200, device="cpu"))
    few = load("train", limit=200, device="cpu")
    patch.setattr(tour, "train", lambda *a, **options: go_on(*a, **options, data=few))
    said = []
    with patch.context():
        walked = tour.run_tour(
            train_first=True, seeds=2, epochs=1, progress=False, device="cpu", say=said.append
        )
    patch.undo()
    return walked, said


def test_training_the_baseline_is_part_of_the_tour_when_asked(small_tour):
    walked, said = small_tour
    assert said[0] == "training the baseline, recipe 'fast', 1 epoch (seed 0)"
    assert len(walked.steps[0].accuracies) == 2


def test_whoever_interrupts_a_training_ends_the_tour(monkeypatch):
    def interrupted(*_, **__):
        return tour.TrainingResult(None, [], {}, interrupted=True)

    monkeypatch.setattr(tour, "train", interrupted)
    result = CliRunner().invoke(main, ["tour", "--train"])
    assert result.exit_code == 1 and result.stderr.endswith("Aborted!\n")


def test_the_tables_show_mean_and_spread_and_the_published_figures(small_tour):
    rows = report.step_rows(small_tour[0])
    assert rows[0][0] == "baseline, float32"
    assert "±" in rows[0][1] and rows[0][2] == "1,925,368" and rows[0][3] == "1.0x"
    assert rows[1][4:] == ("98.30%", "94.59%")
    assert rows[3][4:] == ("", "98.45%")
    tensors = dict((row[0], row[1:]) for row in report.tensor_rows(small_tour[0]))
    assert tensors["conv1.weight"][0] == "400"
    assert tensors["fc1.weight"][3] == "470,400 + 8" and tensors["fc1.weight"][5] == "176,400 + 32"


def test_a_report_replaces_the_one_before(small_tour, tmp_path):
    report.write_report(small_tour[0], tmp_path / "new" / "folder")
    page = report.write_report(small_tour[0], tmp_path / "new" / "folder")
    assert page.read_text().startswith("<!doctype html>")
    assert len(list(page.parent.iterdir())) == 5
