"""The commands submit, collect and release, as they are typed."""

import json
import shutil

import pytest
from click.testing import CliRunner

import quantlab_helpers as ql
from quantlab_helpers import data
from quantlab_helpers.cli.main import main
from quantlab_helpers.course.workspace import notebooks_folder

NAME = "02_uniform_quantization"


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def mine(tmp_path):
    """A learner's notebook with one answer."""
    text = (notebooks_folder() / f"{NAME}.ipynb").read_text()
    stub = 'raise NotImplementedError(\\"write your answer here, then delete this line\\")'
    path = tmp_path / "mine" / f"{NAME}.ipynb"
    path.parent.mkdir()
    path.write_text(text.replace(stub, "return [low, high]", 1))
    return path


@pytest.fixture
def course(tmp_path):
    folder = tmp_path / "course"
    (folder / "source" / NAME).mkdir(parents=True)
    shutil.copy(notebooks_folder() / f"{NAME}.ipynb", folder / "source" / NAME)
    return folder


def test_submit_says_what_is_unanswered_and_collect_verifies_its_receipt(mine, course, tmp_path):
    result = run("submit", mine, "--student", "s01", "--out", tmp_path / "out")
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


def test_collect_ends_with_1_and_a_line_for_what_it_could_not_place(mine, course, tmp_path):
    (tmp_path / "in" / "s01").mkdir(parents=True)
    shutil.copy(mine, tmp_path / "in" / "s01")
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


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["submit"], 2, "Missing argument"),
        (["submit", "gone.ipynb"], 1, "Error: There is no file 'gone.ipynb'"),
        (["collect"], 2, "Name a folder, an archive or a notebook"),
        (["collect", "--verify", "x"], 1, "Error: 'x' is no receipt"),
        (["collect", "x", "--course", __file__], 2, "is a file"),
        (["release"], 2, "Missing argument"),
        (["release", "99", "out"], 1, "Error: There is no lesson '99'"),
    ],
)
def test_a_mistake_gets_one_sentence_and_no_traceback(arguments, status, words):
    result = run(*arguments)
    assert result.exit_code == status, result.output
    assert words in result.stderr and "Traceback" not in result.output


def test_leaderboard_ranks_and_says_why_a_file_does_not_count(baseline, tmp_path):
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


@pytest.mark.slow
def test_compress_writes_a_file_and_prints_where_its_bytes_are(tmp_path, monkeypatch):
    """On 11,000 images, of which 10,000 are held out: a minute of training is not needed here."""
    load = data.load_mnist
    monkeypatch.setattr(data, "load_mnist", lambda split: load(split, limit=11_000, device="cpu"))
    out = tmp_path / "small.safetensors"
    result = run("compress", "baseline", out, "--no-pruning", "--min-accuracy", "0.9")
    assert result.exit_code == 0, result.output
    assert (
        f"{out.stat().st_size:,}" in result.stdout and "test accuracy, read back" in result.stdout
    )
    assert ql.load_quantized(out, device="cpu").net.fc1.weight.shape == (300, 1568)
    hopeless = run("compress", "baseline", "no/such/folder/out", "--no-pruning")
    assert hopeless.exit_code == 1 and "There is no folder" in hopeless.stderr
