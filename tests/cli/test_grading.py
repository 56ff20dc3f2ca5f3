import importlib.util

import pytest
from click.testing import CliRunner

from quantlab_helpers.cli.grading import _limits
from quantlab_helpers.cli.main import main
from quantlab_helpers.grading.records import Limits


def test_limits_replace_only_given_values():
    assert _limits(None, None, None) == Limits()
    limits = _limits(1.5, None, 2)
    assert (limits.cell_seconds, limits.memory_bytes) == (1.5, 2 * 2**30)
    assert limits.submission_seconds == Limits().submission_seconds


@pytest.mark.parametrize("command", ["grade", "feedback", "export"])
def test_grading_commands_name_the_missing_library(command, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = CliRunner().invoke(main, [command, "02"])
    assert result.exit_code == 1
    assert "needs jupytext; run: " in result.stderr and "Traceback" not in result.output


def test_grade_refuses_unknown_isolation():
    result = CliRunner().invoke(main, ["grade", "--isolation", "none"])
    assert result.exit_code == 2 and "'none' is not one of" in result.stderr
