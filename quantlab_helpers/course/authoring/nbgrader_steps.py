"""nbgrader's own preprocessors and settings, in this process and without its database."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader import preprocessors
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

# Both lists in the order of nbgrader's `generate_assignment`, without what needs its database.
MAKE_STUBS = (
    preprocessors.LockCells,
    preprocessors.ClearSolutions,
    preprocessors.ClearOutput,
    preprocessors.CheckCellMetadata,
    preprocessors.ComputeChecksums,
)
HIDE_TESTS = (
    preprocessors.ClearHiddenTests,
    preprocessors.ClearMarkScheme,
    preprocessors.ComputeChecksums,
    preprocessors.CheckCellMetadata,
)


def run_steps(
    steps: Sequence[Any], notebook: NotebookNode, *, name: str, config: Config | None = None
) -> NotebookNode:
    """Return a copy of a notebook after some of nbgrader's preprocessors.

    Parameters
    ----------
    steps : sequence of preprocessor classes
        `MAKE_STUBS`, `HIDE_TESTS`, or both in this order.
    notebook : NotebookNode
        With solutions and hidden tests; not changed.
    name : str
        The name of the notebook in error messages.
    config : traitlets Config, optional
        The preprocessors' settings, such as the text of the stubs.

    Returns
    -------
    NotebookNode

    Raises
    ------
    ValueError
        If nbgrader refuses the notebook.
    """
    result, resources = copy.deepcopy(notebook), dict[str, Any]()
    for step in steps:
        try:
            result, resources = step(config=config or Config())(result, resources)
        except Exception as error:  # each preprocessor has errors of its own
            raise ValueError(f"{name}: nbgrader refuses it: {error}") from error
    return result


def read_settings(path: Path) -> Config:
    """Return the settings in a file ``nbgrader_config.py``; none if it is missing.

    Raises
    ------
    ValueError
        If it cannot be run.
    """
    if not path.is_file():
        return Config()
    try:
        settings: Any = PyFileConfigLoader(path.name, str(path.parent)).load_config()
    except Exception as error:  # the file is a program
        raise ValueError(f"{path} cannot be read: {error}; fix it.") from error
    return Config(settings)
