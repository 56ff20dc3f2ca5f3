import click
import pytest
from click.testing import CliRunner

from quantlab_helpers import __version__
from quantlab_helpers.cli.main import main


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_main_prints_version():
    assert run("--version").output == f"quantlab, version {__version__}\n"


@pytest.mark.parametrize("command", sorted(main.commands))
def test_main_help_with_an_example(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output and f"quantlab {command}" in result.output


@pytest.mark.parametrize("command", sorted(main.commands))
def test_main_help_of_every_option(command):
    options = [p for p in main.commands[command].params if isinstance(p, click.Option)]
    for option in options:
        assert option.help and option.help.endswith("."), option.name


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["lab", "--port", "0"], 2, "0 is not in the range 1<=x<=65535"),
        (["tour", "--seeds", "none"], 2, "'none' is not a valid integer"),
        (["tour", "--device", "abacus"], 1, "Error: `device` must name a device"),
        (["tour", "--recipe", "slow"], 2, "'slow' is not one of 'course', 'fast'"),
        (["train", "--epochs", "0"], 2, "0 is not in the range x>=1"),
        (["train", "--save", "no/such/folder/a.safetensors"], 1, "Error: There is no folder"),
        (["play"], 2, "No such command 'play'"),
        (["submit"], 2, "Missing argument"),
        (["submit", "gone.ipynb"], 1, "Error: There is no file 'gone.ipynb'"),
        (["collect"], 2, "Name a folder, an archive or a notebook"),
        (["collect", "--verify", "x"], 1, "Error: 'x' is no receipt"),
        (["collect", "x", "--course", __file__], 2, "is a file"),
        (["release"], 2, "Missing argument"),
        (["release", "99", "out"], 1, "Error: There is no lesson '99'"),
    ],
)
def test_main_mistake_is_one_sentence(arguments, status, message):
    result = run(*arguments)
    assert result.exit_code == status, result.output
    assert message in result.stderr and "Traceback" not in result.output
