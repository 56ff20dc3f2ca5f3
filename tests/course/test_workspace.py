import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from quantlab_helpers.course import workspace


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of two notebooks whose next edition a test can write."""
    folder = tmp_path / "course"
    folder.mkdir()
    (folder / "00_start_here.ipynb").write_text("first")
    (folder / "01_next.ipynb").write_text("second")
    monkeypatch.setattr(workspace, "notebooks_folder", lambda: folder)
    return folder


def outcomes(folder):
    return [outcome for _, outcome in workspace.copy_notebooks(folder)]


def test_copy_notebooks_twice_unchanged(course, tmp_path):
    assert outcomes(tmp_path / "mine") == ["new", "new"]
    assert outcomes(tmp_path / "mine") == ["unchanged", "unchanged"]
    assert (tmp_path / "mine" / "01_next.ipynb").read_text() == "second"


def test_copy_notebooks_keeps_changed_file(course, tmp_path):
    mine = tmp_path / "mine"
    workspace.copy_notebooks(mine)
    (mine / "00_start_here.ipynb").write_text("my answers")
    (course / "00_start_here.ipynb").write_text("first, corrected")
    (course / "01_next.ipynb").write_text("second, corrected")
    assert outcomes(mine) == ["kept", "updated"]
    assert outcomes(mine) == ["kept", "unchanged"]
    assert (mine / "00_start_here.ipynb").read_text() == "my answers"
    assert (mine / "01_next.ipynb").read_text() == "second, corrected"


def test_copy_notebooks_keeps_file_from_elsewhere(course, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "01_next.ipynb").write_text("somebody else's")
    assert outcomes(tmp_path / "mine") == ["new", "kept"]


@pytest.mark.parametrize("damage", ["", "[]", "{"])
def test_copy_notebooks_unreadable_record_keeps_files(course, tmp_path, damage):
    mine = tmp_path / "mine"
    workspace.copy_notebooks(mine)
    (mine / ".quantlab.json").write_text(damage)
    (course / "01_next.ipynb").write_text("second, corrected")
    assert outcomes(mine) == ["unchanged", "kept"]


def test_copy_notebooks_refuses_file_as_folder(course, tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(NotADirectoryError, match=r"'.*mine' is a file; name another folder"):
        workspace.copy_notebooks(tmp_path / "mine")


@pytest.mark.process
def test_open_jupyterlab_refuses_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(ValueError, match=rf"Port {port} cannot be used .*another --port"):
            workspace.open_jupyterlab(tmp_path, port=port)


def test_open_jupyterlab_missing_names_install_command(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install .*\[notebooks\]'"):
        workspace.open_jupyterlab(tmp_path)


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals to the server")
def test_open_jupyterlab_real_server_serves_and_stops(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    quantlab = Path(sys.executable).with_name("quantlab")
    log = tmp_path / "log"
    environment = os.environ | {"JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    with log.open("w") as output:
        server = subprocess.Popen(
            [quantlab, "lab", tmp_path / "mine", "--no-browser", "--port", str(port)],
            stdout=output,
            stderr=output,
            env=environment,
        )
    try:
        token = None
        deadline = time.monotonic() + 90
        while token is None and time.monotonic() < deadline:
            found = re.search(rf"127\.0\.0\.1:{port}/lab\S*\?token=(\w+)", log.read_text())
            token = found and found[1]
            time.sleep(0.2)
        assert token, log.read_text()
        root = f"http://127.0.0.1:{port}"
        page = urllib.request.urlopen(f"{root}/lab?token={token}").read().decode()
        assert "JupyterLab" in page
        assert "apputils-extension:announcements" in page  # switched off: it would ask about news
        listing = urllib.request.urlopen(f"{root}/api/contents?token={token}").read()
        names = [item["name"] for item in json.loads(listing)["content"]]
        assert "00_start_here.ipynb" in names
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)
    with socket.create_server(("127.0.0.1", port)):
        pass  # nothing listens there any more
