"""Build the learners' notebooks and nbgrader's course from the lessons' sources.

    instructor/sources/NN_name.py  -->  notebooks/NN_name.ipynb              (what learners open)
                                   -->  build/course/source/NN_name/...ipynb (nbgrader's input)
    instructor/sources/slides_name.py --> notebooks/slides/name.ipynb       (what lecturers show)

nbgrader's own preprocessors strip solutions and hidden tests, in this process and without its
database. The same source gives the same bytes, so a stale notebook shows by comparison.
"""

from __future__ import annotations

import copy
import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from nbformat import NotebookNode
from nbgrader import preprocessors as nbgrader_steps
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from ..._support.files import write_atomically
from .source_rules import duplicates, problems_of
from .sources import (
    INSTALL_ID,
    Source,
    SourceError,
    grade_id_of,
    label_of,
    read_sources,
    role_of,
    secret_lines,
)

# No machine's kernel name and no language version.
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# The order of nbgrader's own `generate_assignment`, less what needs its database.
_STEPS = [
    nbgrader_steps.LockCells,
    nbgrader_steps.ClearSolutions,
    nbgrader_steps.ClearOutput,
    nbgrader_steps.CheckCellMetadata,
    nbgrader_steps.ComputeChecksums,
    nbgrader_steps.ClearHiddenTests,
    nbgrader_steps.ClearMarkScheme,
    nbgrader_steps.ComputeChecksums,
    nbgrader_steps.CheckCellMetadata,
]
_SHORT = 15  # a shorter line of a solution may stand elsewhere by chance

_INSTALL = """\
# Installs the course's package where it is missing, as on Colab; elsewhere it does nothing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("quantlab_helpers") is None:
    package = {package}
    if "google.colab" not in sys.modules:
        raise ModuleNotFoundError("Run the course's set-up first (README.md says how).")
    if not package:
        raise ModuleNotFoundError("Instructor: set `package` in instructor/course.toml, build.")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", package], check=True)"""


class BuiltLesson(NamedTuple):
    """One lesson as two notebook files."""

    name: str  # NN_name
    learner: bytes  # without solutions, hidden tests and outputs
    instructor: bytes  # what nbgrader's `generate_assignment` reads


class BuiltDeck(NamedTuple):
    """Slides, or the page of explorers, as a notebook file."""

    name: str  # its path below notebooks/ without .ipynb: slides/name
    content: bytes


class BuiltCourse(NamedTuple):
    """What `build_course` made, all of it in memory."""

    lessons: list[BuiltLesson]
    decks: list[BuiltDeck]
    config: bytes  # nbgrader_config.py
    orphans: list[str]  # notebooks without a source


def build_course(folder: str | Path = ".", lessons: Sequence[str] = ()) -> BuiltCourse:
    """Build lessons in memory; refuse all of them if one of them has a problem.

    Parameters
    ----------
    folder : str or Path, default="."
        The course: the folder that holds ``instructor/`` and ``notebooks/``.
    lessons : sequence of str, default=()
        Which ones, by name ("02_uniform_quantization", "slides_weight_quantization") or number
        ("02"); all where empty.

    Returns
    -------
    BuiltCourse
        Write it with `write_course`, or compare it with `stale`.

    Raises
    ------
    SourceError
        With one line for every problem: file, cell, what is wrong, the way out.
    FileNotFoundError, ValueError
        If the folder holds no course, or a lesson or a setting cannot be read.

    Examples
    --------
    >>> write_course(build_course("."), ".")  # doctest: +SKIP
    [PosixPath('notebooks/02_uniform_quantization.ipynb')]
    """
    folder = Path(folder)
    package = _read_package(folder / "instructor" / "course.toml")
    content, config = _read_config(folder / "instructor" / "nbgrader_config.py")
    sources = read_sources(folder)
    chosen = _choose(sources, lessons)
    problems = [problem for source in chosen for problem in problems_of(source)]
    names = {source.name for source in chosen}
    problems += [problem for name, problem in duplicates(sources) if name in names]
    if problems:
        raise SourceError("\n".join(problems))
    built = [_build(source, package, config) for source in chosen if source.is_lesson]
    decks = [_build_deck(source) for source in chosen if not source.is_lesson]
    known = {source.name if source.is_lesson else _deck_name(source) for source in sources}
    notebooks = folder / "notebooks"
    present = [*notebooks.glob("*.ipynb"), *notebooks.glob("slides/*.ipynb")]
    found = (path.relative_to(notebooks).with_suffix("").as_posix() for path in present)
    orphans = sorted(name for name in found if name not in known)
    return BuiltCourse(built, decks, content, [] if lessons else orphans)


def write_course(course: BuiltCourse, folder: str | Path) -> list[Path]:
    """Write the built notebooks.

    Parameters
    ----------
    course : BuiltCourse
        From `build_course`.
    folder : str or Path
        The course's folder; files go to ``notebooks/`` and ``build/course/``.

    Returns
    -------
    list of Path
        The files that were not there or differed; the others are left alone.
    """
    folder = Path(folder)
    files = {folder / "build" / "course" / "nbgrader_config.py": course.config}
    for lesson in course.lessons:
        source = folder / "build" / "course" / "source" / lesson.name
        files[folder / "notebooks" / f"{lesson.name}.ipynb"] = lesson.learner
        files[source / f"{lesson.name}.ipynb"] = lesson.instructor
    for deck in course.decks:
        files[folder / "notebooks" / f"{deck.name}.ipynb"] = deck.content
    changed = [path for path, content in files.items() if _content(path) != content]
    for path in changed:
        write_atomically(path, files[path])
    return changed


def stale(course: BuiltCourse, folder: str | Path) -> list[str]:
    """Say which of the learners' notebooks are not what their sources give.

    Parameters
    ----------
    course : BuiltCourse
        From `build_course`.
    folder : str or Path
        The course's folder.

    Returns
    -------
    list of str
        A line for each, with the way out; empty if all are current.
    """
    lines = []
    wanted = [(lesson.name, lesson.learner) for lesson in course.lessons]
    for name, content in [*wanted, *course.decks]:
        present = _content(Path(folder) / "notebooks" / f"{name}.ipynb")
        if present != content:
            fault = "is missing" if present is None else "is not what its source gives"
            lines.append(f"notebooks/{name}.ipynb {fault}; run: quantlab build")
    for name in course.orphans:
        lines.append(
            f"notebooks/{name}.ipynb has no source; delete it, or write "
            f"instructor/sources/{name.replace('/', '_')}.py"
        )
    return lines


def _choose(sources: list[Source], lessons: Sequence[str]) -> list[Source]:
    """Return the sources of the lessons asked for, all where none is."""
    for lesson in lessons:
        if not any(_is_called(source, lesson) for source in sources):
            names = ", ".join(source.name for source in sources)
            raise ValueError(f"There is no lesson {lesson!r}; there are: {names}.")
    return [
        source
        for source in sources
        if not lessons or any(_is_called(source, lesson) for lesson in lessons)
    ]


def _is_called(source: Source, lesson: str) -> bool:
    return lesson in (source.name, source.name[:2])


def _build(source: Source, package: str, config: Config) -> BuiltLesson:
    """Return both notebooks of a source that has no problems."""
    install = nbformat.v4.new_code_cell(_INSTALL.format(package=json.dumps(package)), id=INSTALL_ID)
    cells = [install, *copy.deepcopy(source.cells)]
    _set_ids(cells[1:])
    for cell in cells:
        if role_of(cell) == "survey":
            # To nbgrader it is an ordinary cell: a solution without a region would be replaced.
            cell.metadata.nbgrader["solution"] = False
    notebook = _notebook(cells)
    released = _release(source, notebook, config)
    leaks = list(_leaks(source, released))
    if leaks:
        raise SourceError("\n".join(leaks))
    return BuiltLesson(source.name, _as_bytes(released), _as_bytes(notebook))


def _build_deck(source: Source) -> BuiltDeck:
    """Return what the lecturer shows; its code is folded away, outputs are what counts there."""
    cells = copy.deepcopy(source.cells)
    _set_ids(cells)
    for cell in cells:
        if cell.cell_type == "code":
            cell.metadata["jupyter"] = {"source_hidden": True}
    return BuiltDeck(_deck_name(source), _as_bytes(_notebook(cells)))


def _deck_name(source: Source) -> str:
    return f"slides/{source.name.partition('_')[2]}"


def _notebook(cells: list[NotebookNode]) -> NotebookNode:
    notebook: NotebookNode = nbformat.v4.new_notebook(
        cells=cells, metadata=copy.deepcopy(_METADATA)
    )
    notebook.nbformat_minor = 5
    return notebook


def _set_ids(cells: list[NotebookNode]) -> None:
    """Name each cell by its grade_id, else by what it holds, so that an edit stays small."""
    taken = {INSTALL_ID, *filter(None, map(grade_id_of, cells))}
    seen: Counter[str] = Counter()
    for cell in cells:
        name = grade_id_of(cell)
        if name is None:
            digest = hashlib.sha1((cell.cell_type + cell.source).encode()).hexdigest()[:8]
            name = digest
            while name in taken:
                seen[digest] += 1
                name = f"{digest}-{seen[digest]}"
            taken.add(name)
        cell["id"] = name


def _release(source: Source, notebook: NotebookNode, config: Config) -> NotebookNode:
    """Return the learners' version, as nbgrader's `generate_assignment` makes it."""
    released, resources = copy.deepcopy(notebook), dict[str, Any]()
    for step in _STEPS:
        try:
            released, resources = step(config=config)(released, resources)
        except Exception as error:
            raise SourceError(f"{source.file}: nbgrader refuses it: {error}") from error
    return released


def _leaks(source: Source, released: NotebookNode) -> Iterator[str]:
    """Yield where a line of a solution or of a hidden test is still to be read."""
    for secret_number, secret in enumerate(source.cells, start=1):
        for line in dict.fromkeys(secret_lines(secret)):
            if len(line) < _SHORT:
                continue
            for number, cell in enumerate(released.cells[1:], start=1):
                if line in cell.source:
                    yield (
                        f"{source.file}, {label_of(cell, number)}: learners would read {line!r} "
                        f"here, which is in the solution or the hidden tests of "
                        f"{label_of(secret, secret_number)}; write one of them differently."
                    )


def _as_bytes(notebook: NotebookNode) -> bytes:
    nbformat.validate(notebook)
    text = nbformat.writes(notebook)
    return (text if text.endswith("\n") else f"{text}\n").encode()


def _read_package(path: Path) -> str:
    """Return the pip requirement that notebooks install where the package is missing."""
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"There is no {str(path)!r}; run this in the course's folder, or name it with --course."
        ) from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise ValueError(f"{path} cannot be read: {error}; mend that line.") from None
    package = settings.get("package")
    if not isinstance(package, str) or set(settings) != {"package"}:
        raise ValueError(
            f'{path} must have one setting, `package = "..."`, got {settings}; see its comment.'
        )
    return package


def _read_config(path: Path) -> tuple[bytes, Config]:
    """Return nbgrader's settings as the file that they are, and as nbgrader understands them."""
    content = _content(path)
    if content is None:
        raise FileNotFoundError(f"There is no {str(path)!r}; nbgrader needs it to grade.")
    try:
        config: Any = PyFileConfigLoader(path.name, str(path.parent)).load_config()
    except Exception as error:  # the file is a program
        raise ValueError(f"{path} cannot be read: {error}; mend it.") from error
    return content, config


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
