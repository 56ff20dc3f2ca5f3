"""Releases: complete, installable and the same bytes each time."""

import hashlib
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml

from quantlab_helpers.course.release.packaging import release
from tests import ROOT
from tests.course.release.small_release import LESSON


def test_release_writes_notebooks_zips_environment_sums(course_with_wheel):
    _, out = course_with_wheel
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    wheel = next(out.glob("environment/*.whl")).name
    assert names == sorted(
        [
            "08_doubling.zip",
            "README.md",
            "SHA256SUMS",
            "environment/constraints.txt",
            "environment/environment.yml",
            f"environment/{wheel}",
            "notebooks/08_doubling.ipynb",
        ]
    )
    with zipfile.ZipFile(out / "08_doubling.zip") as archive:
        assert archive.namelist() == ["08_doubling.ipynb"]
        assert (
            archive.read("08_doubling.ipynb")
            == (out / "notebooks" / "08_doubling.ipynb").read_bytes()
        )
    environment = yaml.safe_load((out / "environment" / "environment.yml").read_text())
    assert environment["dependencies"][-1] == {
        "pip": ["-c constraints.txt", f"./{wheel}[notebooks]"]
    }
    for line in (out / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest


def test_release_same_bytes_each_time(course_with_wheel, tmp_path):
    course, out = course_with_wheel
    release(tmp_path / "again", folder=course)
    for path in out.rglob("*"):
        if path.is_file():
            assert (tmp_path / "again" / path.relative_to(out)).read_bytes() == path.read_bytes()


def test_release_fills_nbgraders_release_folder(out, course):
    released = course / "build" / "course" / "release" / "08_doubling" / "08_doubling.ipynb"
    assert released.read_bytes() == (out / "notebooks" / "08_doubling.ipynb").read_bytes()


def test_release_address_of_package_instead_of_wheel(course, tmp_path):
    release(tmp_path / "out", folder=course)
    assert not list(tmp_path.glob("out/environment/*.whl"))
    requirement = "quantlab-helpers[notebooks] @ git+https://example.org/quantlab"
    assert requirement in (tmp_path / "out" / "environment" / "environment.yml").read_text()
    assert requirement in (tmp_path / "out" / "README.md").read_text()


def test_release_one_lesson_only(course, tmp_path):
    other = LESSON.replace("double", "treble").replace("2468", "3702")
    (course / "instructor" / "sources" / "09_trebling.py").write_text(other)
    done = release(tmp_path / "out", ["08"], folder=course)
    assert done.lessons == ["08_doubling"]
    assert not list((tmp_path / "out").rglob("*09*"))


@pytest.mark.parametrize("place", ["notebooks", "instructor/x", "build/course", ".", "a-file"])
def test_release_refuses_folder_of_the_course(course, place):
    (course / "a-file").write_text("")
    with pytest.raises(ValueError, match="name a folder"):
        release(course / place, folder=course)


@pytest.mark.notebook
@pytest.mark.process
def test_release_real_course_installs_and_submits(tmp_path):
    course = tmp_path / "course"
    shutil.copytree(ROOT / "instructor", course / "instructor")
    shutil.copy(ROOT / "constraints.txt", course)
    done = release(tmp_path / "out", folder=course)
    assert done.lessons == sorted(path.stem for path in ROOT.glob("instructor/sources/[0-9]*.py"))
    assert done.secrets > 100
    [wheel] = tmp_path.glob("out/environment/*.whl")
    site = tmp_path / "site"
    install = ["pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([sys.executable, "-m", *install, str(wheel)], check=True)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from quantlab_helpers.course.workspace import notebooks_folder\n"
        "from quantlab_helpers.course.submission import read_submissions\n"
        "print(notebooks_folder().parent)\n"
        "print(*[one.lesson for one in read_submissions(sys.argv[2:])])"
    )
    notebooks = sorted(map(str, tmp_path.glob("out/notebooks/*.ipynb")))
    run = subprocess.run(
        [sys.executable, "-c", code, str(site), *notebooks],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    place, lessons = run.stdout.splitlines()
    assert place == str(site / "quantlab_helpers") and lessons.split() == done.lessons
