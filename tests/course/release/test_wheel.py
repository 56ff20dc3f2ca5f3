"""The wheel of a release: complete, with true metadata, from a checkout and from a wheel."""

import base64
import csv
import hashlib
import io
import subprocess
import sys
import zipfile

import pytest

from quantlab_helpers import __version__
from quantlab_helpers.course.release.wheel import make_wheel

NOTEBOOKS = {"00_start_here.ipynb": b"{}"}
INFO = f"quantlab_helpers-{__version__}.dist-info"


@pytest.fixture(scope="module")
def built():
    return make_wheel(NOTEBOOKS)


@pytest.fixture
def wheel(built):
    with zipfile.ZipFile(io.BytesIO(built[1])) as archive:
        yield archive


def test_make_wheel_same_bytes_each_time(built):
    assert built[0] == f"quantlab_helpers-{__version__}-py3-none-any.whl"
    assert make_wheel(NOTEBOOKS) == built


def test_make_wheel_record_lists_every_file(wheel):
    record = list(csv.reader(wheel.read(f"{INFO}/RECORD").decode().splitlines()))
    assert sorted(row[0] for row in record) == sorted(wheel.namelist())
    for name, digest, size in record[:-1]:
        content = wheel.read(name)
        expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        assert (digest, int(size)) == (f"sha256={expected}", len(content))


def test_make_wheel_metadata_is_the_projects(wheel):
    metadata = wheel.read(f"{INFO}/METADATA").decode()
    assert "Requires-Dist: torch>=2.6\n" in metadata and "extra == 'notebooks'\n" in metadata
    scripts = wheel.read(f"{INFO}/entry_points.txt").decode()
    assert "quantlab = quantlab_helpers.cli.main:main" in scripts


def test_make_wheel_holds_package_and_given_notebooks(wheel):
    names = wheel.namelist()
    assert [name for name in names if name.startswith("quantlab_helpers/notebooks/")] == [
        "quantlab_helpers/notebooks/00_start_here.ipynb"
    ]
    assert "quantlab_helpers/assets/baseline.safetensors" in names
    folders = {part for name in names for part in name.split("/")[:-1]}
    assert not folders & {"__pycache__", "instructor", "tests"}


@pytest.mark.process
def test_make_wheel_from_an_installed_wheel(wheel, tmp_path):
    wheel.extractall(tmp_path / "site")
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1])\n"
        "import quantlab_helpers.course.release.wheel as wheel\n"
        "assert wheel.__file__.startswith(sys.argv[1])\n"
        "name, content = wheel.make_wheel({'00_start_here.ipynb': b'{}'})\n"
        "pathlib.Path(name).write_bytes(content)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "site")]
    subprocess.run(command, check=True, cwd=tmp_path)
    [path] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(path) as again:
        expected = set(wheel.namelist()) - {f"{INFO}/licenses/LICENSE"}
        assert set(again.namelist()) == expected
        for name in expected - {f"{INFO}/RECORD", f"{INFO}/METADATA"}:
            assert again.read(name) == wheel.read(name), name
        lines = wheel.read(f"{INFO}/METADATA").decode().splitlines()
        lines.remove("License-File: LICENSE")
        assert again.read(f"{INFO}/METADATA").decode().splitlines() == lines
