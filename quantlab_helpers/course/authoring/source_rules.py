"""Check sources: one line for each problem, with the file, the cell, the rule and the way out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from nbformat import NotebookNode

from ..notebook_cells import defined_names
from .regions import BEGIN_HIDDEN, BEGIN_SOLUTION, END_HIDDEN, END_SOLUTION, MARKERS
from .sources import INSTALL_ID, Role, Source, grade_id_of, label_of, role_of

_REGIONS = {"solution": (BEGIN_SOLUTION, END_SOLUTION), "test": (BEGIN_HIDDEN, END_HIDDEN)}
# nbgrader sees a marker anywhere in a line; a reader takes other spellings for one as well.
_TAKEN_FOR_MARKER = re.compile(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)")
_MEANT_AS_MARKER = re.compile(r"\s*#+\s*(begin|end)\s*(solution|hidden\s*test)s?\b", re.IGNORECASE)
_CELL_LINE = re.compile(r"\s*#\s*%%")
_GRADE_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_KEYS = {"grade", "grade_id", "locked", "schema_version", "solution"}
_SLIDE_TYPES = ("slide", "subslide", "fragment", "notes", "skip", "-")


def source_problems(source: Source) -> Iterator[str]:
    """Yield the problems of one source: the place, the rule and the way out, in one line each."""
    splits = list(_problems_of_text(source.text))
    for line_number, problem in splits:
        yield f"{source.file}, line {line_number}: {problem}."
    if splits:  # the cells are not those that the author meant; their problems would confuse
        return
    for number, cell in enumerate(source.cells, start=1):
        for problem in _problems_of_cell(cell):
            yield f"{source.file}, {label_of(cell, number)}: {problem}."
    if source.is_lesson:
        yield from _problems_of_pairs(source)
    else:
        yield from _problems_of_slides(source)


def duplicate_grade_ids(sources: Sequence[Source]) -> Iterator[tuple[str, str]]:
    """Yield (lesson, problem) for every grade_id that an earlier cell of the course has."""
    first: dict[str, str] = {}
    for source in sources:
        for number, cell in enumerate(source.cells, start=1):
            grade_id = grade_id_of(cell)
            if grade_id is None:
                continue
            here = f"{source.file}, {label_of(cell, number)}"
            if grade_id in first:
                yield (
                    source.name,
                    f"{here}: the grade_id {grade_id!r} is taken by {first[grade_id]}; "
                    "choose another.",
                )
            first.setdefault(grade_id, f"cell {number} of {source.file}")


def _problems_of_text(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, problem) for lines that split a cell by mistake."""
    above = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if _CELL_LINE.match(line):
            if line[0].isspace():
                yield number, "an indented `# %%` may split the cell in two; write it differently"
            elif above.strip():
                yield (
                    number,
                    "a `# %%` directly below other text splits the cell in two; if a new cell "
                    "is meant, leave an empty line above it",
                )
        above = line


def _problems_of_cell(cell: NotebookNode) -> Iterator[str]:
    if any(_CELL_LINE.match(line) for line in cell.source.split("\n")):
        yield "the cell contains a `# %%` line, where it would be split; write it differently"
    elif cell.cell_type == "code" and (error := _syntax_error(cell.source)):
        yield f"this is not Python by itself ({error}); fix it, or see whether a `# %%` splits it"
    unknown = sorted(set(cell.metadata) - {"nbgrader", "slideshow", "tags"})
    if unknown:
        hint = " (text behind `# %%` becomes a title)" if "title" in unknown else ""
        yield (
            f"the metadata {', '.join(map(repr, unknown))} is not allowed{hint}; "
            "keep nbgrader, slideshow and tags"
        )
    if "nbgrader" in cell.metadata:
        problem = _problem_of_metadata(cell)
        if problem:
            yield problem
            return
    role = role_of(cell)
    yield from _problems_of_markers(cell, role)
    if role in ("solution", "test") or (role == "survey" and cell.cell_type == "code"):
        yield from _problems_of_first_line(cell, role)


def _problem_of_metadata(cell: NotebookNode) -> str | None:
    """Return the first problem of a cell's nbgrader metadata, None if it has none."""
    meta = cell.metadata.nbgrader
    if not isinstance(meta, dict):
        return "its nbgrader metadata is not a dictionary; copy the header of another graded cell"
    missing, unknown = _KEYS - set(meta), set(meta) - _KEYS - {"task", "points"}
    if missing:
        return f"its nbgrader metadata lacks {', '.join(sorted(missing))}; add it to the header"
    if unknown:
        return f"its nbgrader metadata has {', '.join(sorted(unknown))}; delete it from the header"
    if meta["schema_version"] != 3:
        return f"schema_version must be 3, is {meta['schema_version']!r}; fix the header"
    grade_id = meta["grade_id"]
    if not (isinstance(grade_id, str) and _GRADE_ID.fullmatch(grade_id) and len(grade_id) <= 64):
        return (
            f"the grade_id {grade_id!r} must be lower-case words joined by hyphens, "
            "like 'uniform-levels'; rename it"
        )
    if grade_id == INSTALL_ID:
        return f"the grade_id {grade_id!r} belongs to the cell that the build adds; rename it"
    role = role_of(cell)
    if meta.get("task", False) is not False or role is None:
        flags = {key: meta.get(key, False) for key in ("grade", "solution", "locked", "task")}
        return (
            f"this course has no cells with {flags}; copy the header of a solution or a test cell"
        )
    if role == "survey" and (meta["grade"] is not False or meta["locked"] is not False):
        return "a survey is neither graded nor locked; set grade and locked to false"
    if role != "test":
        if "points" in meta:
            return f"only a test cell has points; delete them from this {role} cell's header"
    else:
        points = meta.get("points")
        if isinstance(points, bool) or not isinstance(points, int) or not 1 <= points <= 5:
            return f'a test cell needs "points" from 1 to 5 in its header, got {points!r}'
    if role in _REGIONS and cell.cell_type != "code":
        return f"a {role} cell must be a code cell; delete [{cell.cell_type}] from its header"
    return None


def _problems_of_markers(cell: NotebookNode, role: Role | None) -> Iterator[str]:
    """Yield the problems of a cell's region markers; nbgrader sees them anywhere in a line."""
    allowed: tuple[str, ...] = _REGIONS.get(role or "", ())
    opened, complete = False, False
    for line in cell.source.split("\n"):
        marker = line.strip()
        if marker not in MARKERS:
            code = cell.cell_type == "code"
            if _TAKEN_FOR_MARKER.search(line) or (code and _MEANT_AS_MARKER.match(line)):
                yield (
                    f"{marker!r} looks like a marker but is none; write one of "
                    f"{', '.join(MARKERS)}, or reword the line"
                )
        elif marker not in allowed:
            kind = "solution" if marker in _REGIONS["solution"] else "test"
            yield f"{marker!r} is allowed in a {kind} cell only; move or delete it"
            return
        elif (marker == allowed[0]) == opened:
            problem = "follows another one that has no end" if opened else "has no begin above it"
            yield f"{marker!r} {problem}; every region needs its own begin and end"
            return
        else:
            opened, complete = not opened, opened
    if opened:
        yield f"{allowed[0]!r} has no end; write {allowed[1]!r} below the region"
    elif role == "solution" and not complete:
        yield f"there is no solution; write it between {BEGIN_SOLUTION!r} and {END_SOLUTION!r}"


def _problems_of_first_line(cell: NotebookNode, role: Role | None) -> Iterator[str]:
    """Yield the problems of the line `# exercise: NAME`, which survives the loss of metadata."""
    grade_id = cell.metadata.nbgrader["grade_id"]
    word = {"solution": "exercise"}.get(str(role), str(role))
    if role == "test" and not grade_id.startswith("test-"):
        yield f"the grade_id of a test cell is 'test-' and its exercise's; rename {grade_id!r}"
        return
    name = grade_id.removeprefix("test-") if role == "test" else grade_id
    if role == "solution" and grade_id.startswith("test-"):
        yield f"{grade_id!r} is named like a test cell; rename the exercise"
    expected = f"# {word}: {name}"
    first = cell.source.partition("\n")[0].rstrip()
    # A survey's name may come with or without the prefix that its grade_id has.
    if first not in (expected, f"# {word}: {name.removeprefix(f'{word}-')}"):
        yield f"its first line must be `{expected}`, is `{first}`"


def _problems_of_pairs(source: Source) -> Iterator[str]:
    """Yield exercises without a test, tests without an exercise, and names defined twice."""
    exercises: dict[str, str] = {}
    definers: dict[str, str] = {}
    tested: set[str] = set()
    for number, cell in enumerate(source.cells, start=1):
        role, grade_id = role_of(cell), grade_id_of(cell) or ""
        here = f"{source.file}, {label_of(cell, number)}"
        if role == "solution":
            exercises[grade_id] = here
            for name in defined_names(cell.source):
                if name in definers:
                    yield (
                        f"{here}: it defines {name!r}, as exercise {definers[name]} does, so the "
                        "test of an unanswered one would use the other's answer; choose another "
                        "name."
                    )
                definers.setdefault(name, grade_id)
        elif role == "test":
            exercise = grade_id.removeprefix("test-")
            if exercise not in exercises:
                yield (
                    f"{here}: there is no exercise {exercise!r} above it; write its solution "
                    "cell, or rename the test."
                )
            tested.add(exercise)
    for exercise, here in exercises.items():
        if exercise not in tested:
            yield (
                f"{here}: the exercise has no test; add a test cell with the grade_id "
                f"'test-{exercise}' below it."
            )


def _problems_of_slides(source: Source) -> Iterator[str]:
    """Yield graded cells, unknown slide types, and slides without speaker notes."""
    needs_notes = source.name.startswith("slides_")
    without_notes = ""  # the slide that has no notes yet
    for number, cell in enumerate(source.cells, start=1):
        here = f"{source.file}, {label_of(cell, number)}"
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        if "nbgrader" in cell.metadata:
            yield f"{here}: nothing is graded here; delete nbgrader from the cell's header."
        if kind not in _SLIDE_TYPES:
            yield f"{here}: slide_type must be one of {_SLIDE_TYPES}, is {kind!r}; fix the header."
        if kind in ("slide", "subslide"):
            if without_notes:
                yield _no_notes(without_notes)
            without_notes = here if needs_notes else ""
        elif kind == "notes":
            without_notes = ""
    if without_notes:
        yield _no_notes(without_notes)


def _no_notes(slide: str) -> str:
    return f"{slide}: the slide has no speaker notes; add a cell of slide_type notes."


def _syntax_error(code: str) -> str | None:
    """Return why a cell is not Python, None if it is or uses IPython's own syntax."""
    try:
        ast.parse(code)
    except SyntaxError as error:
        if re.search(r"^\s*[%!?]|=\s*[%!]|\?\s*$", code, re.MULTILINE):
            return None
        return f"{error.msg}, line {error.lineno} of the cell"
    return None
