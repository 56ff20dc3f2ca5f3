"""Copy the course's notebooks for a learner, and open them in JupyterLab."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Literal, NamedTuple

from .._support.files import write_atomically

_RECORD = ".quantlab.json"  # the hash of every notebook as it was copied
FIRST_NOTEBOOK = "00_start_here.ipynb"


class CopiedFile(NamedTuple):
    """One notebook and the result of its copy; "kept" is a file that the learner has changed."""

    name: str
    outcome: Literal["new", "unchanged", "updated", "kept"]


def notebooks_folder() -> Path:
    """Return the folder of the course's notebooks, in the installed package or the checkout.

    Returns
    -------
    Path
        Read-only for callers.

    Raises
    ------
    FileNotFoundError
        If the installation has no notebooks.

    Examples
    --------
    >>> (notebooks_folder() / FIRST_NOTEBOOK).is_file()
    True
    """
    package = Path(str(files("quantlab_helpers")))
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / FIRST_NOTEBOOK).is_file():
            return folder
    raise FileNotFoundError(
        "The notebooks are missing from this installation; reinstall quantlab-helpers."
    )


def copy_notebooks(target: str | Path) -> list[CopiedFile]:
    """Copy the course's notebooks into a folder, without overwriting changed files.

    Parameters
    ----------
    target : str or Path
        Created if missing. A file that is unchanged since its copy is replaced by a newer
        edition; a file that was changed or came from elsewhere is kept.

    Returns
    -------
    list of CopiedFile
        One per notebook, in order.

    Raises
    ------
    NotADirectoryError
        If `target` is a file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     copy_notebooks(folder)[0]
    CopiedFile(name='00_start_here.ipynb', outcome='new')
    """
    target = Path(target)
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(
            f"The notebooks need a folder, but {str(target)!r} is a file; name another folder."
        )
    record = _read_record(target / _RECORD)
    copied = []
    for source in sorted(notebooks_folder().glob("*.ipynb")):
        content, path = source.read_bytes(), target / source.name
        outcome: Literal["new", "unchanged", "updated", "kept"] = "new"
        if path.exists():
            present = _hash(path.read_bytes())
            if present == _hash(content):
                outcome = "unchanged"
            else:
                outcome = "updated" if present == record.get(source.name) else "kept"
        if outcome in ("new", "updated"):
            write_atomically(path, content)
        if outcome != "kept":
            record[source.name] = _hash(content)
        copied.append(CopiedFile(source.name, outcome))
    write_atomically(target / _RECORD, json.dumps(record, indent=1).encode())
    return copied


def open_jupyterlab(
    folder: str | Path,
    *,
    port: int | None = None,
    browser: bool = True,
    first: str = FIRST_NOTEBOOK,
) -> int:
    """Serve a folder with JupyterLab until the user stops it.

    Parameters
    ----------
    folder : str or Path
        The root of JupyterLab's file browser.
    port : int, optional
        1..65535; by default the first free port from 8888.
    browser : bool, default=True
        Open a browser on it.
    first : str, default="00_start_here.ipynb"
        The notebook of the folder that is opened first.

    Returns
    -------
    int
        JupyterLab's exit status.

    Raises
    ------
    ModuleNotFoundError
        If JupyterLab is not installed.
    ValueError
        If the port is in use.

    Examples
    --------
    >>> open_jupyterlab("my-notebooks", port=8890)  # doctest: +SKIP
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise ModuleNotFoundError(
            f"JupyterLab is not installed; run: {install_command('notebooks')}"
        )
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={Path(folder).resolve()}"]
    command.append(f"--LabApp.default_url=/lab/tree/{first}")
    # The course works offline: no check for updates, no question about news.
    command.append("--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate")
    if port is not None:
        _require_free(port)
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # containers run as root; Jupyter would refuse to start
    settings = [str(files("quantlab_helpers") / "assets" / "jupyter")]
    settings += filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])
    server = subprocess.Popen(
        command, env=os.environ | {"JUPYTER_CONFIG_PATH": os.pathsep.join(settings)}
    )
    # Ctrl-C reaches the server, which asks for confirmation; this process waits for it.
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    terminate = signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    try:
        return server.wait()
    finally:
        signal.signal(signal.SIGINT, interrupt)
        signal.signal(signal.SIGTERM, terminate)


def install_command(extra: str | None = None) -> str:
    """Return the pip command that installs this package with an extra.

    Parameters
    ----------
    extra : str, optional
        "notebooks", "grading" or "dev".

    Returns
    -------
    str
        For a checkout, pip with the exact tested versions; else with lower bounds only.

    Examples
    --------
    >>> install_command("grading").endswith("[grading]'")
    True
    """
    suffix = f"[{extra}]" if extra else ""
    root = Path(str(files("quantlab_helpers"))).parent
    if (root / "constraints.txt").is_file():
        arguments = f"-c '{root / 'constraints.txt'}' -e '{root}{suffix}'"
    else:
        arguments = f"'quantlab-helpers{suffix}'"
    return f"{sys.executable} -m pip install {arguments}"


def _require_free(port: int) -> None:
    """Refuse a port that another program uses."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ValueError(
                f"Port {port} cannot be used ({error.strerror}); pass another --port, "
                "or omit it to use the first free port."
            ) from None


def _read_record(path: Path) -> dict[str, str]:
    """Return the hashes of the last copy; empty if unknown, so that every file is kept."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
