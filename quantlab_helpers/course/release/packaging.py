"""Write the folder that learners get, and check the written files for solutions.

OUT/README.md                 how to install, work and submit
    notebooks/NN_name.ipynb   the lessons
    NN_name.zip               each lesson alone, for a learning platform
    environment/              environment.yml, constraints.txt, the package as a wheel
    SHA256SUMS
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..._support.archives import zip_bytes
from ..._support.files import write_atomically
from ..authoring.build import BuiltCourse, build_course
from ..authoring.sources import read_sources
from ..workspace import FIRST_NOTEBOOK
from .leak_check import check_no_leaks
from .wheel import make_wheel

_README = """\
# Weight quantization: the notebooks

## Install

With conda:

    cd environment
    conda env create -f environment.yml
    conda activate quantlab

With Python 3.11 or newer, create and activate a virtual environment (`python -m venv quantlab`),
then:

    cd environment
    python -m pip install -c constraints.txt "{requirement}"

Run `quantlab doctor` to check the installation.

## Work

Run `quantlab lab` to copy the notebooks into `my-notebooks/` and open them. You can also open a
notebook from the folder `notebooks` in Jupyter, VS Code or Colab.

## Submit

    quantlab submit my-notebooks/{example}.ipynb

This command lists the exercises that you have not answered yet. It writes one file to submit and a
receipt to keep. If your instructor asks for the notebook itself, submit the `.ipynb` file and keep
its name.
"""
_ENVIRONMENT = """\
# conda env create -f environment.yml && conda activate quantlab
name: quantlab
channels:
  - conda-forge
dependencies:
  - python>=3.11
  - pip
  - pip:
{lines}
"""


class Released(NamedTuple):
    """The files that `release` wrote, and how much it checked."""

    files: list[Path]
    lessons: list[str]
    cells: int  # that were compared with their source
    secrets: int  # lines of solutions and hidden tests that were searched for


def release(out: str | Path, lessons: Sequence[str] = (), *, folder: str | Path = ".") -> Released:
    """Write the folder that learners get, and check that it shows no solution.

    Parameters
    ----------
    out : str or Path
        Created if missing. Files of an earlier release are replaced; nothing is deleted.
    lessons : sequence of str, default=()
        Lessons by name or number; all if empty.
    folder : str or Path, default="."
        The course: the folder that holds ``instructor/``.

    Returns
    -------
    Released
        If the check fails, do not publish anything from `out`.

    Raises
    ------
    LeakError
        If any file of `out` shows a solution or a hidden test.
    SourceError, FileNotFoundError, ValueError
        As for `build_course`; also if `out` is one of the course's own folders.

    Examples
    --------
    >>> release("students", ["02"]).lessons  # doctest: +SKIP
    ['02_uniform_quantization']
    """
    out, folder = Path(out), Path(folder)
    _check_out(out, folder)
    course = build_course(folder, lessons)
    first = Path(FIRST_NOTEBOOK).stem  # `quantlab lab` opens it
    if lessons and (folder / "instructor" / "sources" / f"{first}.py").is_file():
        packed = build_course(folder, [first, *lessons])
    else:
        packed = course
    package = tomllib.loads((folder / "instructor" / "course.toml").read_text()).get("package", "")
    files = _files(course, packed, package, folder)
    for name, content in files.items():
        write_atomically(out / name, content)
    sums = _sums(out)
    write_atomically(out / "SHA256SUMS", sums.encode())
    for lesson in course.lessons:
        target = folder / "build" / "course" / "release" / lesson.name / f"{lesson.name}.ipynb"
        write_atomically(target, lesson.learner)
    sources = read_sources(folder)
    cells, secrets = check_no_leaks(out, sources)
    written = [out / name for name in [*files, "SHA256SUMS"]]
    return Released(written, [lesson.name for lesson in course.lessons], cells, secrets)


def _files(
    course: BuiltCourse, packed: BuiltCourse, package: str, folder: Path
) -> dict[str, bytes]:
    """Return the files for learners, by their path in the release."""
    files: dict[str, bytes] = {}
    requirement = package.replace("quantlab-helpers", "quantlab-helpers[notebooks]", 1)
    if not package:
        notebooks = {f"{lesson.name}.ipynb": lesson.learner for lesson in packed.lessons}
        name, content = make_wheel(notebooks)
        files[f"environment/{name}"] = content
        requirement = f"./{name}[notebooks]"
    constraints = folder / "constraints.txt"
    lines = [requirement]
    if constraints.is_file():
        files["environment/constraints.txt"] = constraints.read_bytes()
        lines = ["-c constraints.txt", *lines]
    listed = "\n".join(f"      - {json.dumps(line)}" for line in lines)
    files["environment/environment.yml"] = _ENVIRONMENT.format(lines=listed).encode()
    readme = _README.format(requirement=requirement, example=course.lessons[-1].name)
    files["README.md"] = readme.encode()
    for lesson in course.lessons:
        files[f"notebooks/{lesson.name}.ipynb"] = lesson.learner
        files[f"{lesson.name}.zip"] = zip_bytes({f"{lesson.name}.ipynb": lesson.learner})
    return files


def _sums(out: Path) -> str:
    """Return the checksums of a folder's files, in lines for `sha256sum --check`."""
    paths = sorted(path for path in out.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    lines = []
    for path in paths:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        lines.append(f"{digest}  {path.relative_to(out).as_posix()}\n")
    return "".join(lines)


def _check_out(out: Path, folder: Path) -> None:
    """Refuse an output folder that would mix the release with the course."""
    target, root = out.resolve(), folder.resolve()
    if out.exists() and not out.is_dir():
        raise ValueError(f"{str(out)!r} is a file; name a folder for the release.")
    names = ("instructor", "notebooks", "quantlab_helpers", "tests", "build/course")
    if target == root or any(target.is_relative_to(root / name) for name in names):
        raise ValueError(f"{str(out)!r} belongs to the course itself; name a folder outside it.")
