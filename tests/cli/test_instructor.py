import json
import shutil

import pytest
from click.testing import CliRunner

import quantlab_helpers as ql
from quantlab_helpers.cli.main import main
from quantlab_helpers.course.workspace import notebooks_folder

NAME = "02_uniform_quantization"


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def notebook(tmp_path):
    """Return a learner's notebook with one answer."""
    text = (notebooks_folder() / f"{NAME}.ipynb").read_text()
    stub = 'raise NotImplementedError(\\"write your answer here, then delete this line\\")'
    path = tmp_path / "notebook" / f"{NAME}.ipynb"
    path.parent.mkdir()
    path.write_text(text.replace(stub, "return [low, high]", 1))
    return path


@pytest.fixture
def course(tmp_path):
    folder = tmp_path / "course"
    (folder / "source" / NAME).mkdir(parents=True)
    shutil.copy(notebooks_folder() / f"{NAME}.ipynb", folder / "source" / NAME)
    return folder


def test_submit_receipt_is_verified_by_collect(notebook, course, tmp_path):
    result = run("submit", notebook, "--student", "s01", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert f"{NAME}: 1 of 6 answered\n  quantize-to-indices: not answered" in result.output
    [bundle] = tmp_path.glob("out/*.zip")
    receipt = bundle.name.removeprefix("submission-").removesuffix(".zip")
    assert f"receipt  {receipt}" in result.output and f"Hand in {bundle};" in result.output
    collected = run("collect", bundle, "--course", course)
    assert collected.exit_code == 0 and collected.output.endswith("1 collected\n")
    verified = run("collect", "--verify", receipt, "--course", course)
    assert verified.exit_code == 0 and "ok   02_uniform" in verified.output
    other = run("collect", "--verify", "0000-0000-0000", "--course", course)
    assert other.exit_code == 1 and "no submission with the receipt" in other.output


def test_collect_reports_problems_and_exits_1(notebook, course, tmp_path):
    (tmp_path / "in" / "s01").mkdir(parents=True)
    shutil.copy(notebook, tmp_path / "in" / "s01")
    (tmp_path / "in" / "s02.zip").write_bytes(b"PK half")
    students = tmp_path / "students.csv"
    students.write_text("id\ns01\ns02\n")
    arguments = [tmp_path / "in", "--course", course, "--students", students]
    result = run("collect", *arguments)
    assert result.exit_code == 1
    assert "in/s02.zip: it is damaged, or no archive" in result.output
    assert f"{NAME}: nothing from s02\n" in result.output
    plain = json.loads(run("collect", *arguments, "--json").stdout)
    assert {line["outcome"] for line in plain["lines"]} == {"unchanged", "problem"}


@pytest.mark.training
def test_leaderboard_ranks_and_gives_reasons(baseline, tmp_path):
    model = ql.quantize_model(
        baseline, weights=lambda w: ql.uniform_quantize(w, 8, zero_point="int"), biases=None
    )
    ql.save_quantized(model, tmp_path / "s01.safetensors")
    (tmp_path / "[red]bob\x1b[31m.safetensors").write_bytes(b"no network")
    result = run("leaderboard", tmp_path, "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "s01" in result.stdout and "98.3" in result.stdout
    assert "[red]bob\\x1b[31m" in result.stdout and "\x1b" not in result.stdout
    first, second = json.loads(run("leaderboard", tmp_path, "--device", "cpu", "--json").stdout)
    assert (first["rank"], first["student"], first["points"]) == (1, "s01", 2)
    assert second["rank"] is None and "is not a file of save_quantized" in second["problem"]
