"""Jupyter servers with their own home folder, and pages that record requests and errors.

The browser tests, `benchmarks/explorers.py` and `instructor/make_pictures.py` share this file.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from quantlab_helpers.course.publishing import demo
from tests import ROOT

NPM = ROOT / "build" / "npm" / "node_modules"
AXE = ROOT / "build" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
READY = 120  # seconds that a server, or a notebook, may take on a busy machine
_TOKEN = "quantlab"
_FOLDERS = (
    *("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"),
    *("MPLCONFIGDIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"),
)
# Announcements use the network; the others belong to instructors and are not tested here.
_UNUSED = (
    "@jupyterlab/apputils-extension:announcements",
    "@jupyter/nbgrader",
    "jupyterlab-jupytext",
)
_SETTINGS = {
    "apputils-extension/notification.jupyterlab-settings": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    # Otherwise cells outside the window are removed from the page.
    "notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
}
_IDLE = "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status"
_LOOPBACK = re.compile(r"(https?|wss?)://(127\.0\.0\.1|localhost)[:/]|(data|blob|file|about):")


def what_is_missing() -> str:
    """Return what the browser tests lack on this machine and how to get it, or an empty string."""
    if CHROMIUM is None:
        return "no Chromium; on Debian: apt-get install chromium fonts-dejavu"
    if not NPM.is_dir() or not AXE.is_file():
        return "no reveal.js or axe-core; run: make browser"
    return ""


@dataclass
class Notes:
    """The addresses that a page requested and the errors that it logged."""

    addresses: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def outside(self) -> list[str]:
        """The addresses that are not on this machine."""
        return [address for address in self.addresses if not _LOOPBACK.match(address)]


@contextmanager
def chromium() -> Iterator[Any]:
    """Start Debian's Chromium, able to resolve only the loopback address."""
    from playwright.sync_api import sync_playwright

    options = ["--disable-dev-shm-usage", "--disable-gpu"]
    options.append("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    if os.geteuid() == 0:
        options.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page_of(browser: Any, *, offline: bool = False, **options: Any) -> Iterator[tuple[Any, Notes]]:
    """Open an empty page in its own profile; `offline` blocks the network."""
    options = {"viewport": {"width": 1280, "height": 1000}, "service_workers": "block"} | options
    context = browser.new_context(offline=offline, **options)
    context.set_default_timeout(1000 * READY)
    page, notes = context.new_page(), Notes()
    context.on("request", lambda request: notes.addresses.append(request.url))
    page.on("websocket", lambda socket: notes.addresses.append(socket.url))
    page.on("pageerror", lambda error: notes.errors.append(str(error)))
    page.on("console", lambda line: line.type == "error" and notes.errors.append(line.text))
    try:
        yield page, notes
    finally:
        context.close()


@contextmanager
def served(kind: str, *notebooks: Path, python: str = sys.executable) -> Iterator[str]:
    """Serve copies of notebooks; yield an address, with NAME in place of the notebook's name.

    `kind` is "lab", "notebook", or "voila", which serves the first notebook only.
    """
    with tempfile.TemporaryDirectory(prefix="quantlab-browser-") as name:
        folder, port = Path(name), _free_port()
        (folder / "work").mkdir()
        for notebook in notebooks:
            shutil.copy(notebook, folder / "work")
        environment = _environment(folder)
        if kind == "voila":
            page = folder / "work" / notebooks[0].name
            command = [python, *demo._command(page, port=port, browser=False)[1:]]
            environment["JUPYTER_PATH"] = str(ROOT / "quantlab_helpers" / "assets")
            address = f"http://127.0.0.1:{port}/"
        else:
            app = {"lab": "LabApp", "notebook": "JupyterNotebookApp"}[kind]
            command = [
                *(python, "-m", {"lab": "jupyterlab"}.get(kind, kind)),
                *("--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0"),
                *(f"--IdentityProvider.token={_TOKEN}", "--ServerApp.ip=127.0.0.1"),
                *(f"--ServerApp.root_dir={folder / 'work'}", f"--{app}.expose_app_in_browser=True"),
            ]
            route = {"lab": "lab/tree", "notebook": "notebooks"}[kind]
            address = f"http://127.0.0.1:{port}/{route}/NAME?token={_TOKEN}"
        log = folder / "log"
        with log.open("wb") as output:
            server = subprocess.Popen(
                command, env=environment, stdout=output, stderr=output, start_new_session=True
            )
        try:
            _wait_for(port, server, log)
            yield address
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def run_all(page: Any, address: str, name: str = "") -> None:
    """Open a notebook in JupyterLab or Notebook and run all its cells."""
    page.goto(address.replace("NAME", name))
    page.wait_for_function(f"{_IDLE} === 'idle'")
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")


def write_notebook(path: Path, *cells: str) -> Path:
    """Write code as a notebook that opens without a question about its kernel."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["kernelspec"] = kernel
    nbformat.write(notebook, path)
    return path


def _environment(folder: Path) -> dict[str, str]:
    """Return environment variables that hide the settings and files of the user."""
    folders = {name: str(folder / name.lower()) for name in _FOLDERS}
    for path in folders.values():
        Path(path).mkdir()
    for plugin, setting in _SETTINGS.items():
        path = Path(folders["JUPYTERLAB_SETTINGS_DIR"]) / "@jupyterlab" / plugin
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(setting))
    disabled = {name: True for name in _UNUSED}
    labconfig = Path(folders["JUPYTER_CONFIG_DIR"]) / "labconfig"
    labconfig.mkdir()
    (labconfig / "page_config.json").write_text(json.dumps({"disabledExtensions": disabled}))
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")
    }
    return inherited | folders | {"OMP_NUM_THREADS": "1"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the port accepts connections; a GET would make voila start a kernel."""
    until = time.monotonic() + READY
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"The server did not start:\n{log.read_text()[-3000:]}")
