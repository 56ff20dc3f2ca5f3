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


def test_notebooks_are_copied_once(course, tmp_path):
    assert outcomes(tmp_path / "mine") == ["new", "new"]
    assert outcomes(tmp_path / "mine") == ["unchanged", "unchanged"]
    assert (tmp_path / "mine" / "01_next.ipynb").read_text() == "second"


def test_a_changed_notebook_is_never_overwritten(course, tmp_path):
    mine = tmp_path / "mine"
    workspace.copy_notebooks(mine)
    (mine / "00_start_here.ipynb").write_text("my answers")
    (course / "00_start_here.ipynb").write_text("first, corrected")
    (course / "01_next.ipynb").write_text("second, corrected")
    assert outcomes(mine) == ["kept", "updated"]
    assert outcomes(mine) == ["kept", "unchanged"]
    assert (mine / "00_start_here.ipynb").read_text() == "my answers"
    assert (mine / "01_next.ipynb").read_text() == "second, corrected"


def test_a_notebook_from_elsewhere_with_the_same_name_is_kept(course, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "01_next.ipynb").write_text("somebody else's")
    assert outcomes(tmp_path / "mine") == ["new", "kept"]


@pytest.mark.parametrize("damage", ["", "[]", "{"])
def test_without_a_readable_record_every_difference_counts_as_the_users(course, tmp_path, damage):
    mine = tmp_path / "mine"
    workspace.copy_notebooks(mine)
    (mine / ".quantlab.json").write_text(damage)
    (course / "01_next.ipynb").write_text("second, corrected")
    assert outcomes(mine) == ["unchanged", "kept"]


def test_a_file_where_the_folder_should_be_is_named(course, tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(NotADirectoryError, match=r"'.*mine' is a file; name another folder"):
        workspace.copy_notebooks(tmp_path / "mine")


def test_a_port_in_use_is_named_before_anything_starts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(ValueError, match=rf"Port {port} cannot be used .*another --port"):
            workspace.open_jupyterlab(tmp_path, port=port)


def test_a_missing_jupyterlab_is_named_with_the_command_that_brings_it(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install .*\[notebooks\]'"):
        workspace.open_jupyterlab(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals to the server")
def test_the_real_server_shows_the_notebooks_and_stops_when_told(tmp_path):
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
