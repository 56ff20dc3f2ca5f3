"""Search written files for lines of solutions and hidden tests."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..._support.archives import Fault, walk
from ..authoring.sources import (
    BEGIN_HIDDEN,
    BEGIN_SOLUTION,
    END_HIDDEN,
    END_SOLUTION,
    Source,
    grade_id_of,
    role_of,
    secret_lines,
)
from ..notebook_cells import read_cells

_SHORT = 15  # a shorter line may stand elsewhere by chance


_OPENED = "quantlab_helpers/"  # the package's own code in a wheel


class LeakError(ValueError):
    """An answer that learners would read; a line for each."""


def prove(out: str | Path, sources: Iterable[Source]) -> tuple[int, int]:
    """Prove that no file of a folder holds a solution or a hidden test.

    Every notebook of a lesson must be its source, cell by cell, with one and the same stub in
    place of each solution and nothing in place of each hidden test. No other file, and nothing in
    a zip or a wheel, may hold a longer line of either; in the package's own code only the lines of
    hidden tests are looked for, as it contains the functions that the exercises rebuild.

    Parameters
    ----------
    out : str or Path
        What learners get.
    sources : iterable of Source
        All lessons.

    Returns
    -------
    tuple of (int, int)
        How many cells were compared, how many lines were looked for.

    Raises
    ------
    LeakError
        With a line for each leak: the file, what is to be read there.
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
            count, faults = _compare(by_name[lesson], content, stubs)
            compared += count
            leaks += [f"{name}, {fault}" for fault in faults]
            wanted = {lesson: secrets[lesson]}
        else:
            wanted = secrets
        leaks += [f"{name}: {line!r} can be read" for line in _found(name, content, wanted)]
    if len(stubs) > 1:
        leaks.append(f"not every answer has the same stub: {', '.join(map(repr, sorted(stubs)))}")
    if leaks:
        raise LeakError("Do not give this away.\n" + "\n".join(dict.fromkeys(leaks)))
    return compared, sum(len(one.hidden | one.solution) for one in secrets.values())


class _Secrets(NamedTuple):
    hidden: frozenset[str]
    solution: frozenset[str]


def _secrets(source: Source) -> _Secrets:
    """Return the lines that must not be read, less those that learners are shown anyway."""
    shown = {line.strip() for cell in source.cells for line in _visible(cell.source)}
    lines: dict[str, set[str]] = {"test": set(), "solution": set()}
    for cell in source.cells:
        role = str(role_of(cell))
        lines.setdefault(role, set()).update(
            line for line in secret_lines(cell) if len(line) >= _SHORT and line not in shown
        )
    return _Secrets(frozenset(lines["test"]), frozenset(lines["solution"]))


def _visible(text: str) -> Iterator[str]:
    """Yield the lines outside every region."""
    inside = False
    for line in text.split("\n"):
        if line.strip() in (BEGIN_SOLUTION, BEGIN_HIDDEN):
            inside = True
        elif line.strip() in (END_SOLUTION, END_HIDDEN):
            inside = False
        elif not inside:
            yield line


def _compare(source: Source, content: bytes, stubs: set[str]) -> tuple[int, list[str]]:
    """Compare a released notebook with its source, cell by cell."""
    try:
        released = read_cells(content)[1:]  # without the cell that installs the package
    except ValueError as error:
        return 0, [f"not a notebook: {error}"]
    if len(released) != len(source.cells):
        return 0, [f"it has {len(released)} cells, its source {len(source.cells)}"]
    faults = []
    for number, (cell, original) in enumerate(zip(released, source.cells, strict=True), start=1):
        label = grade_id_of(original) or number
        if not _is_stripped(cell.source, original.source, stubs):
            faults.append(f"cell {label}: it is not its source without solution and hidden tests")
    if any("outputs" in cell and cell["outputs"] for cell in json.loads(content)["cells"]):
        faults.append("a cell has an output")
    return len(released), faults


def _is_stripped(text: str, original: str, stubs: set[str]) -> bool:
    """Say whether a cell is its source with stubs for solutions; remember which stub it has."""
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
    """Yield (name, content) of every file, those in zips and wheels too."""
    for found in walk(out):
        if isinstance(found, Fault):
            raise LeakError(f"{'/'.join(found.trail)}: {found.text}; it cannot be looked into.")
        for entry in found.entries:
            name = "/".join((*found.trail, entry.name))
            content = entry.read()
            yield name, content
            if name.endswith(".whl"):
                with zipfile.ZipFile(io.BytesIO(content)) as wheel:
                    for member in wheel.namelist():
                        yield f"{name}/{member}", wheel.read(member)


def _found(name: str, content: bytes, secrets: dict[str, _Secrets]) -> Iterator[str]:
    """Yield the secret lines that a file holds."""
    if name.endswith((".xz", ".safetensors", ".whl", ".png")):
        return
    text = content.decode("utf-8", errors="replace")
    code = f".whl/{_OPENED}" in name and not name.endswith(".ipynb")
    if name.endswith(".ipynb"):
        # As written, and as read: quotes and line ends are escaped in the file.
        with contextlib.suppress(ValueError, RecursionError):
            text += "\n" + "\n".join(_strings(json.loads(content)))
    for marker in () if code else (BEGIN_SOLUTION, BEGIN_HIDDEN):
        if marker in text:
            yield marker
    for lines in secrets.values():
        yield from (line for line in lines.hidden if line in text)
        if not code:
            yield from (line for line in lines.solution if line in text)


def _strings(value: Any) -> Iterator[str]:
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
