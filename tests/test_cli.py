import json

import pytest
from click.testing import CliRunner

from quantlab_helpers import __version__, doctor
from quantlab_helpers.cli import main


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
