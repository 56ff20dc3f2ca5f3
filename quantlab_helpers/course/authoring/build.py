"""Build the learners' notebooks and nbgrader's course from the lessons' sources.

    instructor/sources/NN_name.py  -->  notebooks/NN_name.ipynb              (for learners)
                                   -->  build/course/source/NN_name/...ipynb (for nbgrader)
    instructor/sources/slides_name.py --> notebooks/slides/name.ipynb       (for lecturers)

nbgrader's own preprocessors remove solutions and hidden tests. The same source gives the same
bytes, so a comparison of bytes finds stale notebooks.
"""

from __future__ import annotations

import copy
import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode
from traitlets.config import Config

from ..._support.files import write_atomically
from .nbgrader_steps import HIDE_TESTS, MAKE_STUBS, read_settings, run_steps
from .regions import leaked_lines, secret_lines
from .source_rules import duplicate_grade_ids, source_problems
from .sources import (
    INSTALL_ID,
    Source,
    SourceError,
    grade_id_of,
    label_of,
    read_sources,
    role_of,
)

# No machine's kernel name and no language version.
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
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
    """The notebooks of a course, in memory."""

    lessons: list[BuiltLesson]
    decks: list[BuiltDeck]
    config: bytes  # nbgrader_config.py
    orphans: list[str]  # notebooks without a source


def build_course(folder: str | Path = ".", lessons: Sequence[str] = ()) -> BuiltCourse:
    """Build the notebooks of a course in memory; refuse all if one source has a problem.

    Parameters
    ----------
    folder : str or Path, default="."
        The course: the folder that holds ``instructor/`` and ``notebooks/``.
    lessons : sequence of str, default=()
        Lessons or slides to build, by name ("02_uniform_quantization",
        "slides_weight_quantization") or number ("02"); all if empty.

    Returns
    -------
    BuiltCourse
        Write it with `write_course`, or compare it with `stale_notebooks`.

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
    settings = folder / "instructor" / "nbgrader_config.py"
    content = _content(settings)
    if content is None:
        raise FileNotFoundError(f"There is no {str(settings)!r}; nbgrader needs it to grade.")
    config = read_settings(settings)
    sources = read_sources(folder)
    chosen = _choose(sources, lessons)
    problems = [problem for source in chosen for problem in source_problems(source)]
    names = {source.name for source in chosen}
    problems += [problem for name, problem in duplicate_grade_ids(sources) if name in names]
    if problems:
        raise SourceError("\n".join(problems))
    built = [_build(source, package, config) for source in chosen if source.is_lesson]
    decks = [_build_deck(source) for source in chosen if not source.is_lesson]
    expected = {source.name if source.is_lesson else _deck_name(source) for source in sources}
    notebooks = folder / "notebooks"
    present = [*notebooks.glob("*.ipynb"), *notebooks.glob("slides/*.ipynb")]
    present_names = {path.relative_to(notebooks).with_suffix("").as_posix() for path in present}
    orphans = sorted(present_names - expected)
    return BuiltCourse(built, decks, content, [] if lessons else orphans)


def write_course(course: BuiltCourse, folder: str | Path) -> list[Path]:
    """Write the built notebooks that are new or differ from their files.

    Parameters
    ----------
    course : BuiltCourse
        From `build_course`.
    folder : str or Path
        The course's folder; files go to ``notebooks/`` and ``build/course/``.

    Returns
    -------
    list of Path
        The files written; the others are left alone.
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


def stale_notebooks(course: BuiltCourse, folder: str | Path) -> list[str]:
    """Return a line for each notebook of ``notebooks/`` that differs from a fresh build.

    Parameters
    ----------
    course : BuiltCourse
        From `build_course`.
    folder : str or Path
        The course's folder.

    Returns
    -------
    list of str
        Each line with the way out; empty if all are current.
    """
    lines = []
    learner_notebooks = [(lesson.name, lesson.learner) for lesson in course.lessons]
    for name, content in [*learner_notebooks, *course.decks]:
        present = _content(Path(folder) / "notebooks" / f"{name}.ipynb")
        if present != content:
            problem = "is missing" if present is None else "is not what its source gives"
            lines.append(f"notebooks/{name}.ipynb {problem}; run: quantlab build")
    for name in course.orphans:
        lines.append(
            f"notebooks/{name}.ipynb has no source; delete it, or write "
            f"instructor/sources/{name.replace('/', '_')}.py"
        )
    return lines


def _choose(sources: list[Source], lessons: Sequence[str]) -> list[Source]:
    """Return the sources of the given lessons, all sources if no lesson is given."""
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
    try:
        released = run_steps(MAKE_STUBS + HIDE_TESTS, notebook, name=source.file, config=config)
    except ValueError as error:
        raise SourceError(str(error)) from error
    if leaks := list(_leaks(source, released)):
        raise SourceError("\n".join(leaks))
    return BuiltLesson(source.name, _as_bytes(released), _as_bytes(notebook))


def _build_deck(source: Source) -> BuiltDeck:
    """Return the notebook of slides or a demo, with its code folded away."""
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
    """Set each cell's id to its grade_id, else to a hash of its text, so that diffs stay small."""
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


def _leaks(source: Source, released: NotebookNode) -> Iterator[str]:
    """Yield a problem for every line of a solution or a hidden test that learners would see."""
    for secret_number, secret in enumerate(source.cells, start=1):
        for number, cell in enumerate(released.cells[1:], start=1):
            for line in leaked_lines(cell.source, secret_lines(secret)):
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
        raise ValueError(f"{path} cannot be read: {error}; fix that line.") from None
    package = settings.get("package")
    if not isinstance(package, str) or set(settings) != {"package"}:
        raise ValueError(
            f'{path} must have one setting, `package = "..."`, got {settings}; see its comment.'
        )
    return package


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
