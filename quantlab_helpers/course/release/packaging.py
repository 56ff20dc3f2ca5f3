"""Make what learners get, and prove from the written files that no answer is in it.

    OUT/README.md                 how to install, open and hand in
        notebooks/NN_name.ipynb   the lessons
        NN_name.zip               each lesson alone, for a learning platform
        environment/              environment.yml, constraints.txt, the package as a wheel
        SHA256SUMS

The proof takes nothing from the build: it reads the files back, and compares every cell with its
source by itself.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..._support.archives import pack
from ..._support.files import write_atomically
from ..authoring.build import BuiltCourse, build_course
from ..authoring.sources import read_sources
from ..workspace import FIRST_NOTEBOOK
from .leak_check import prove
from .wheel import make_wheel

_README = """\
# Weight quantization: the notebooks

## Install

With conda: `cd environment`, `conda env create -f environment.yml`, `conda activate quantlab`.

With Python 3.11 or newer: make and activate an environment (`python -m venv quantlab`), then

    cd environment
    python -m pip install -c constraints.txt "{requirement}"

`quantlab doctor` says whether all is well.

## Work

`quantlab lab` copies the notebooks into `my-notebooks/` and opens them. Or open a notebook of this
folder in Jupyter, VS Code or Colab.

## Hand in

    quantlab submit my-notebooks/{example}.ipynb

says what is not answered yet, and writes one file to hand in and a receipt to keep. Where your
instructor asks for the notebook itself, hand in the `.ipynb` file under the name that it has.
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
    """What `release` wrote, and what it proved."""

    files: list[Path]
    lessons: list[str]
    cells: int  # compared with their source
    secrets: int  # lines of solutions and hidden tests that were looked for


def release(out: str | Path, lessons: Sequence[str] = (), *, folder: str | Path = ".") -> Released:
    """Write what learners get into a folder, and prove that it holds no answer.

    Parameters
    ----------
    out : str or Path
        Made where missing. Files of an earlier release are replaced; nothing is deleted.
    lessons : sequence of str, default=()
        Which ones, by name or number; all where empty.
    folder : str or Path, default="."
        The course: the folder that holds ``instructor/``.

    Returns
    -------
    Released
        After the proof; where it fails, nothing of `out` must be given away.

    Raises
    ------
    LeakError
        If a solution or a hidden test can be read in any file of `out`.
    SourceError, FileNotFoundError, ValueError
        As for `build_course`; also if `out` is in a place that would mix it with the course.

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
    cells, secrets = prove(out, sources)
    written = [out / name for name in [*files, "SHA256SUMS"]]
    return Released(written, [lesson.name for lesson in course.lessons], cells, secrets)


def _files(
    course: BuiltCourse, packed: BuiltCourse, package: str, folder: Path
) -> dict[str, bytes]:
    """Return what goes to learners, by name."""
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
        files[f"{lesson.name}.zip"] = pack({f"{lesson.name}.ipynb": lesson.learner})
    return files


def _sums(out: Path) -> str:
    """Return lines for `sha256sum --check`."""
    paths = sorted(path for path in out.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    lines = []
    for path in paths:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        lines.append(f"{digest}  {path.relative_to(out).as_posix()}\n")
    return "".join(lines)


def _check_out(out: Path, folder: Path) -> None:
    place, root = out.resolve(), folder.resolve()
    if out.exists() and not out.is_dir():
        raise ValueError(f"{str(out)!r} is a file; name a folder for what learners get.")
    taken = [root / name for name in ("instructor", "notebooks", "quantlab_helpers", "tests")]
    taken.append(root / "build" / "course")
    if place == root or any(place == one or one in place.parents for one in taken):
        raise ValueError(f"{str(out)!r} belongs to the course itself; name a folder of its own.")
