import json
import os
import pty
import subprocess
import sys
import termios

import pytest
from click.testing import CliRunner

import quantlab_helpers as ql
from quantlab_helpers import __version__, training
from quantlab_helpers.cli import doctor
from quantlab_helpers.cli.common import RECIPES
from quantlab_helpers.cli.main import main


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_version_is_the_packages():
    assert run("--version").output == f"quantlab, version {__version__}\n"


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_has_help_with_an_example(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output and f"quantlab {command}" in result.output


def test_doctor_prints_a_line_per_finding_and_ends_with_0():
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert "ok   baseline" in result.output and "4 checksums verified" in result.output


def test_doctor_ends_with_1_and_the_way_out_if_something_has_to_be_mended(monkeypatch):
    broken = doctor.Finding("fail", "data", "gone", "reinstall quantlab-helpers")
    monkeypatch.setattr(doctor, "examine", lambda: [broken])
    result = run("doctor")
    assert result.exit_code == 1
    assert "fail data" in result.output and "to mend it: reinstall" in result.output
    assert json.loads(run("doctor", "--json").stdout)[0]["status"] == "fail"


def test_lab_copies_the_notebooks_and_says_what_it_kept(tmp_path):
    first = run("lab", tmp_path / "mine", "--copy-only")
    assert first.exit_code == 0 and "00_start_here.ipynb: new" in first.output
    (tmp_path / "mine" / "00_start_here.ipynb").write_text("my answers")
    again = run("lab", tmp_path / "mine", "--copy-only")
    assert "00_start_here.ipynb: kept as you changed it" in again.output
    assert (tmp_path / "mine" / "00_start_here.ipynb").read_text() == "my answers"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["lab", "--port", "0"], 2, "0 is not in the range 1<=x<=65535"),
        (["tour", "--seeds", "none"], 2, "'none' is not a valid integer"),
        (["tour", "--device", "abacus"], 1, "Error: `device` must name a device"),
        (["tour", "--recipe", "slow"], 2, "'slow' is not one of 'course', 'fast'"),
        (["train", "--epochs", "0"], 2, "0 is not in the range x>=1"),
        (["train", "--save", "no/such/folder/a.safetensors"], 1, "Error: There is no folder"),
        (["play"], 2, "No such command 'play'"),
    ],
)
def test_a_users_mistake_gets_one_sentence_on_stderr_and_no_traceback(arguments, status, words):
    result = run(*arguments)
    assert result.exit_code == status
    assert words in result.stderr and "Traceback" not in result.output


def test_a_folder_that_is_a_file_is_one_clear_error(tmp_path):
    (tmp_path / "mine").write_text("")
    result = run("lab", tmp_path / "mine", "--copy-only")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The notebooks need a folder")


def test_the_recipes_offered_are_those_there_are():
    assert list(training.RECIPES) == RECIPES


@pytest.fixture
def few_images(monkeypatch):
    load = training.load_mnist
    monkeypatch.setattr(
        training, "load_mnist", lambda split, **options: load(split, limit=300, **options)
    )


def test_train_saves_the_network_with_its_recipe(few_images, tmp_path):
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


def test_train_prints_its_numbers_for_a_machine(few_images):
    numbers = json.loads(run("train", "--epochs", 2, "--device", "cpu", "--json").stdout)
    assert [epoch["epoch"] for epoch in numbers["history"]] == [1, 2]
    assert numbers["recipe"] == "course" and 0 <= numbers["test_accuracy"] <= 1


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_saves_the_network_trained_so_far(tmp_path):
    """A real terminal, a real key: the bar shows what it should, and nothing is lost."""
    path = tmp_path / "net.safetensors"
    start = "from quantlab_helpers.cli import main; main()"
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
    screen += rest(terminal)
    assert process.wait(timeout=120) == 1
    assert "training:" in screen and "loss=" in screen and "<" in screen
    assert "Training was interrupted after step" in screen and "Traceback" not in screen
    assert "test accuracy" in screen and f"saved in {path}" in screen
    assert ql.net_metadata(path)["interrupted"] is True
    assert ql.load_net(path, device="cpu").fc1.weight.shape == (300, 1568)


def take_terminal(handle):
    """Make the terminal the process's own, so that Ctrl-C in it becomes a signal."""
    import fcntl

    fcntl.ioctl(handle, termios.TIOCSCTTY, 0)


def rest(terminal):
    """Read what a terminal still shows, until its program ends."""
    shown = b""
    try:
        while chunk := os.read(terminal, 4096):
            shown += chunk
    except OSError:  # Linux says so when the other end is closed
        pass
    return shown.decode()
