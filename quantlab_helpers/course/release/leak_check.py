"""Search the files of a release for solutions and hidden tests.

The check takes nothing from the build: it reads the written files, and compares every cell of a
notebook with its source.
"""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..._support.archives import ArchiveProblem, walk_files
from ..authoring.regions import (
    BEGIN_HIDDEN,
    BEGIN_SOLUTION,
    END_HIDDEN,
    END_SOLUTION,
    MARKERS,
    leaked_lines,
    unshown_lines,
    visible_lines,
)
from ..authoring.sources import Source, grade_id_of, role_of
from ..notebook_cells import read_cells

_PACKAGE = "quantlab_helpers/"  # the package's own code in a wheel


class LeakError(ValueError):
    """A release that shows solutions or hidden tests; the message has a line for each leak."""


def check_no_leaks(out: str | Path, sources: Iterable[Source]) -> tuple[int, int]:
    """Refuse a folder that shows solutions or hidden tests; return how much was checked.

    Every notebook of a lesson must equal its source, cell by cell, with the same stub in place of
    each solution and nothing in place of each hidden test. No other file may contain a line of
    either, including files in zips and wheels. The package's own code is searched for lines of
    hidden tests only, because it contains the functions that the exercises rebuild.

    Parameters
    ----------
    out : str or Path
        The folder that learners get.
    sources : iterable of Source
        All sources of the course.

    Returns
    -------
    tuple of (int, int)
        The number of cells that were compared and of lines that were searched for.

    Raises
    ------
    LeakError
        With a line for each leak: the file and the line that it shows.
    """
    sources = list(sources)
    by_name = {source.name: source for source in sources}
    leaks: list[str] = []
    stubs: set[str] = set()
    compared = 0
    secrets = {source.name: _secrets(source) for source in sources}
    for name, content in _contents(Path(out)):
        lesson = Path(name).name.removesuffix(".ipynb")
        if name.endswith(".ipynb") and lesson in by_name:
            count, problems = _compare(by_name[lesson], content, stubs)
            compared += count
            leaks += [f"{name}, {problem}" for problem in problems]
            searched = [secrets[lesson]]
        else:
            searched = list(secrets.values())
        leaks += [f"{name}: {line!r} can be read" for line in _leaks(name, content, searched)]
    if len(stubs) > 1:
        leaks.append(f"not every answer has the same stub: {', '.join(map(repr, sorted(stubs)))}")
    if leaks:
        raise LeakError(
            "Release refused: learners could read solutions or hidden tests. Do not publish this "
            "folder.\n" + "\n".join(dict.fromkeys(leaks))
        )
    return compared, sum(len(lines.hidden | lines.solution) for lines in secrets.values())


class _Secrets(NamedTuple):
    hidden: set[str]
    solution: set[str]


def _secrets(source: Source) -> _Secrets:
    """Return the lines of a source that must not be read, without those that learners see."""
    shown = {*MARKERS, *(line for cell in source.cells for line in visible_lines(cell))}
    tests = (cell for cell in source.cells if role_of(cell) == "test")
    solutions = (cell for cell in source.cells if role_of(cell) == "solution")
    return _Secrets(unshown_lines(tests, shown), unshown_lines(solutions, shown))


def _compare(source: Source, content: bytes, stubs: set[str]) -> tuple[int, list[str]]:
    """Return the number of cells compared with their source, and the differences."""
    try:
        released = read_cells(content)[1:]  # without the cell that installs the package
    except ValueError as error:
        return 0, [f"not a notebook: {error}"]
    if len(released) != len(source.cells):
        return 0, [f"it has {len(released)} cells, its source {len(source.cells)}"]
    problems = []
    for number, (cell, original) in enumerate(zip(released, source.cells, strict=True), start=1):
        label = grade_id_of(original) or number
        if not _is_stripped(cell.source, original.source, stubs):
            problems.append(f"cell {label}: it is not its source without solution and hidden tests")
    if any("outputs" in cell and cell["outputs"] for cell in json.loads(content)["cells"]):
        problems.append("a cell has an output")
    return len(released), problems


def _is_stripped(text: str, original: str, stubs: set[str]) -> bool:
    """Return whether a cell is its source with stubs for solutions; add its stubs to `stubs`."""
    lines, position = text.rstrip().split("\n"), 0
    inside, region = "", set[str]()
    for line in original.rstrip().split("\n"):
        marker = line.strip()
        if marker in (BEGIN_SOLUTION, BEGIN_HIDDEN):
            inside, region = marker, set()
        elif marker == END_SOLUTION and inside == BEGIN_SOLUTION:
            stub = lines[position].strip() if position < len(lines) else ""
            if not stub or stub in region:
                return False
            stubs.add(stub)
            position, inside = position + 1, ""
        elif marker == END_HIDDEN and inside == BEGIN_HIDDEN:
            inside = ""
        elif inside:
            region.add(marker)
        elif position < len(lines) and lines[position].rstrip() == line.rstrip():
            position += 1
        elif marker:  # an empty line at the end of a cell may go
            return False
    return not inside and position >= len(lines)


def _contents(out: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of every file, including those in zips and wheels."""
    for folder in walk_files(out):
        if isinstance(folder, ArchiveProblem):
            path = "/".join(folder.trail)
            raise LeakError(f"{path}: {folder.text}; it cannot be checked for solutions.")
        for entry in folder.entries:
            name = "/".join((*folder.trail, entry.name))
            content = entry.read()
            yield name, content
            if name.endswith(".whl"):
                with zipfile.ZipFile(io.BytesIO(content)) as wheel:
                    for member in wheel.namelist():
                        yield f"{name}/{member}", wheel.read(member)


def _leaks(name: str, content: bytes, secrets: Iterable[_Secrets]) -> Iterator[str]:
    """Yield the secret lines and the markers that a file contains."""
    if name.endswith((".xz", ".safetensors", ".whl", ".png")):
        return
    text = content.decode("utf-8", errors="replace")
    code = f".whl/{_PACKAGE}" in name and not name.endswith(".ipynb")
    if name.endswith(".ipynb"):
        # As written, and as read: quotes and line ends are escaped in the file.
        with contextlib.suppress(ValueError, RecursionError):
            text += "\n" + "\n".join(_strings(json.loads(content)))
    for marker in () if code else (BEGIN_SOLUTION, BEGIN_HIDDEN):
        if marker in text:
            yield marker
    for lines in secrets:
        yield from leaked_lines(text, lines.hidden if code else lines.hidden | lines.solution)


def _strings(value: Any) -> Iterator[str]:
    """Yield the texts in a JSON value, and lists of texts as one text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield "".join(item for item in value if isinstance(item, str))
        for item in value:
            if not isinstance(item, str):
                yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
