import importlib.util

from click.testing import CliRunner

from quantlab_helpers.cli.main import main


def test_slides_port_needs_live():
    result = CliRunner().invoke(main, ["slides", "--port", "8888"])
    assert result.exit_code == 2 and "--port is for --live" in result.stderr


def test_gallery_names_the_missing_library(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = CliRunner().invoke(main, ["gallery"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The gallery needs nbconvert; run: ")
