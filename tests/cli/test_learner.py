import json
import os
import pty
import signal
import subprocess
import sys
import termios

import pytest
from click.testing import CliRunner

import quantlab_helpers as ql
from quantlab_helpers import data, training
from quantlab_helpers.cli import doctor
from quantlab_helpers.cli.common import RECIPES
from quantlab_helpers.cli.main import main


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.training
def test_doctor_prints_a_line_per_finding():
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert "ok   baseline" in result.output and "4 checksums verified" in result.output


def test_doctor_failure_exits_1_with_fix(monkeypatch):
    broken = doctor.InstallationFinding("fail", "data", "gone", "reinstall quantlab-helpers")
    monkeypatch.setattr(doctor, "examine", lambda: [broken])
    result = run("doctor")
    assert result.exit_code == 1
    assert "fail data" in result.output and "to fix it: reinstall" in result.output
    assert json.loads(run("doctor", "--json").stdout)[0]["status"] == "fail"


def test_lab_copies_and_keeps_notebooks(tmp_path):
    first = run("lab", tmp_path / "mine", "--copy-only")
    assert first.exit_code == 0 and "00_start_here.ipynb: new" in first.output
    (tmp_path / "mine" / "00_start_here.ipynb").write_text("my answers")
    again = run("lab", tmp_path / "mine", "--copy-only")
    assert "00_start_here.ipynb: kept as you changed it" in again.output
    assert (tmp_path / "mine" / "00_start_here.ipynb").read_text() == "my answers"


def test_lab_folder_is_a_file(tmp_path):
    (tmp_path / "mine").write_text("")
    result = run("lab", tmp_path / "mine", "--copy-only")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The notebooks need a folder")


def test_recipes_are_those_of_training():
    assert list(training.RECIPES) == RECIPES


@pytest.fixture
def few_images(monkeypatch):
    load = training.load_mnist
    monkeypatch.setattr(
        training, "load_mnist", lambda split, **options: load(split, limit=300, **options)
    )


@pytest.mark.training
def test_train_saves_network_and_recipe(few_images, tmp_path):
    path = tmp_path / "net.safetensors"
    result = run("train", "--recipe", "fast", "--seed", 3, "--device", "cpu", "--save", path)
    assert result.exit_code == 0, result.stderr
    assert "epoch 1: loss" in result.stdout and f"saved in {path}" in result.stdout
    note = ql.net_metadata(path)
    assert (note["recipe"], note["epochs"], note["seed"]) == ("fast", 1, 3)
    assert note["learning_rate"] == 0.005 and note["one_cycle"] and not note["interrupted"]
    assert f"test accuracy {note['test_accuracy']:.2%}" in result.stdout
    test = ql.load_mnist("test", limit=300, device="cpu")
    assert ql.evaluate(ql.load_net(path, device="cpu"), test).accuracy == note["test_accuracy"]


@pytest.mark.training
def test_train_prints_json(few_images):
    numbers = json.loads(run("train", "--epochs", 2, "--device", "cpu", "--json").stdout)
    assert [epoch["epoch"] for epoch in numbers["history"]] == [1, 2]
    assert numbers["recipe"] == "course" and 0 <= numbers["test_accuracy"] <= 1


@pytest.mark.process
@pytest.mark.training
def test_train_ctrl_c_saves_the_network(tmp_path):
    """Press Ctrl-C in a real terminal: the bar is shown, and the network is saved."""
    path = tmp_path / "net.safetensors"
    start = "from quantlab_helpers.cli.main import main; main()"
    command = [sys.executable, "-c", start, "train", "--save", str(path)]
    terminal, inside = pty.openpty()
    termios.tcsetwinsize(inside, (24, 120))
    process = subprocess.Popen(
        command, stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
        preexec_fn=lambda: take_terminal(inside),
    )  # fmt: skip
    os.close(inside)
    screen = ""
    while "accuracy=" not in screen:
        screen += os.read(terminal, 4096).decode()
    os.write(terminal, b"\x03")
    screen += remaining_output(terminal)
    assert process.wait(timeout=120) == 1
    assert "training:" in screen and "loss=" in screen and "<" in screen
    assert "Training was interrupted after step" in screen and "Traceback" not in screen
    assert "test accuracy" in screen and f"saved in {path}" in screen
    assert ql.net_metadata(path)["interrupted"] is True
    assert ql.load_net(path, device="cpu").fc1.weight.shape == (300, 1568)


@pytest.mark.training
def test_compress_writes_file_and_prints_ledger(tmp_path, monkeypatch):
    """On 11,000 images, of which 10,000 are held out: a minute of training is not needed."""
    load = data.load_mnist
    monkeypatch.setattr(data, "load_mnist", lambda split: load(split, limit=11_000, device="cpu"))
    out = tmp_path / "small.safetensors"
    result = run("compress", "baseline", out, "--no-pruning", "--min-accuracy", "0.9")
    assert result.exit_code == 0, result.output
    assert (
        f"{out.stat().st_size:,}" in result.stdout and "test accuracy, read back" in result.stdout
    )
    assert ql.load_quantized(out, device="cpu").net.fc1.weight.shape == (300, 1568)
    failed = run("compress", "baseline", "no/such/folder/out", "--no-pruning")
    assert failed.exit_code == 1 and "There is no folder" in failed.stderr


def take_terminal(handle):
    """Make this the process's controlling terminal, so that Ctrl-C in it becomes a signal."""
    import fcntl

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job would ignore it
    fcntl.ioctl(handle, termios.TIOCSCTTY, 0)


def remaining_output(terminal):
    """Return the rest of a terminal's output, until its program ends."""
    output = b""
    try:
        while chunk := os.read(terminal, 4096):
            output += chunk
    except OSError:  # raised by Linux when the other end is closed
        pass
    return output.decode()
