"""Serve the explorers as one page with voila."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from ..workspace import install_command, notebooks_folder

PAGE = "explorers"
# Extensions for JupyterLab fail on this page and write errors to its console.
_EXTENSIONS = (
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager7",
    "@voila-dashboards/widgets-manager8",
)


def open_demo(*, port: int | None = None, browser: bool = True) -> int:
    """Serve the page of explorers on this machine until the user stops it.

    Parameters
    ----------
    port : int, optional
        1..65535; by default 8866, or the next free port.
    browser : bool, default=True
        Open a browser on it.

    Returns
    -------
    int
        Voila's exit status; 0 if the user stopped it.

    Raises
    ------
    ModuleNotFoundError
        If voila is not installed.
    FileNotFoundError
        If the page is missing from this installation.

    Examples
    --------
    >>> open_demo(port=8870)  # doctest: +SKIP
    """
    if importlib.util.find_spec("voila") is None:
        raise ModuleNotFoundError(f"The demo needs voila; run: {install_command('demo')}")
    page = notebooks_folder() / "slides" / f"{PAGE}.ipynb"
    if not page.is_file():
        raise FileNotFoundError(f"{str(page)!r} is missing; reinstall quantlab-helpers.")
    # For a template of our own: voila's fetches icons from another machine.
    paths = [str(files("quantlab_helpers") / "assets"), os.environ.get("JUPYTER_PATH", "")]
    environment = os.environ | {"JUPYTER_PATH": os.pathsep.join(filter(None, paths))}
    server = subprocess.Popen(_command(page, port=port, browser=browser), env=environment)
    try:
        return server.wait()
    except KeyboardInterrupt:  # the server has received it, too
        server.wait()
        return 0


def _command(page: Path, *, port: int | None, browser: bool) -> list[str]:
    command = [sys.executable, "-m", "voila", str(page), "--Voila.ip=127.0.0.1"]
    command.append("--template=quantlab")
    command += [f"--VoilaConfiguration.extension_allowlist={name}" for name in _EXTENSIONS]
    if port is not None:
        command += [f"--port={port}", "--Voila.port_retries=0"]
    if not browser:
        command.append("--no-browser")
    return command
