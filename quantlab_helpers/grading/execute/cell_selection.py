"""Select the fewest cells whose execution gives the same scores as executing all.

Tests, answers, and cells that the student added or changed run. Of the lesson's own cells, those
with imports run, and those that define or mutate names that a selected cell uses. The others are
demonstrations, which take longer than the exercises and are the same for every student.
"""

from __future__ import annotations

from collections.abc import Iterable

from nbformat import NotebookNode

from ...course.authoring.sources import INSTALL_ID
from ..lesson import Lesson, is_answer, is_test
from ..name_analysis import (
    NameUse,
    names_from_imports,
    names_of,
    normalize_whitespace,
    only_imports,
    seeds_shared_generator,
)


def cells_to_run(
    lesson: Lesson, notebook: NotebookNode, *, run_all_cells: bool = False
) -> list[str]:
    """Return the ids of the code cells that must run.

    Parameters
    ----------
    lesson : Lesson
        From `load_lesson`.
    notebook : NotebookNode
        The submission, rebuilt by `align`.
    run_all_cells : bool, default=False
        Return every code cell.

    Returns
    -------
    list of str
        In the order of the notebook.

    Examples
    --------
    >>> cells_to_run(lesson, align(lesson, content).notebook)[:3]  # doctest: +SKIP
    ['install', 'eeb32347', 'uniform-levels']
    """
    cells = {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}
    names = {name: names_of(cell.source) for name, cell in cells.items()}
    originals = {cell.id: cell for cell in lesson.notebook.cells}
    lesson_sources = {
        normalize_whitespace(cell.source) for cell in originals.values() if cell.cell_type == "code"
    }
    scored = {
        name for name, cell in cells.items() if _affects_scores(cell, originals, lesson_sources)
    }
    if run_all_cells or any(names[name].unknown for name in scored):
        return list(cells)
    modules = frozenset(name for cell in cells.values() for name in names_from_imports(cell.source))
    always = scored | {
        name for name in cells if _affects_all_cells(cells[name], names[name], modules)
    }
    selected = _add_dependencies(always, scored, names, modules)
    return [name for name in cells if name in selected]


def cells_for_tests(lesson: NotebookNode) -> list[str]:
    """Return the ids of the lesson's own code cells that its tests depend on.

    Parameters
    ----------
    lesson : NotebookNode
        The instructor's notebook; the cells have ids.

    Returns
    -------
    list of str
        In the order of the notebook: cells with imports, and those that define or mutate names
        that a test uses. Neither tests nor answers.
    """
    cells = {cell.id: cell for cell in lesson.cells if cell.cell_type == "code"}
    names = {name: names_of(cell.source) for name, cell in cells.items()}
    tests = {name for name, cell in cells.items() if is_test(cell)}
    own = [name for name, cell in cells.items() if not is_test(cell) and not is_answer(cell)]
    if any(names[name].unknown for name in tests):
        return own
    modules = frozenset(name for cell in cells.values() for name in names_from_imports(cell.source))
    always = {
        name
        for name in own
        if name != INSTALL_ID and _affects_all_cells(cells[name], names[name], modules)
    }
    answers = {name for name, cell in cells.items() if is_answer(cell)}
    without_answers = {name: NameUse() if name in answers else names[name] for name in cells}
    selected = _add_dependencies(always | tests, tests, without_answers, modules)
    return [name for name in own if name in selected]


def _affects_scores(
    cell: NotebookNode, originals: dict[str, NotebookNode], lesson_sources: set[str]
) -> bool:
    """Return whether a cell is a test, an answer, or differs from the released lesson."""
    original = originals.get(cell.id)
    if original is None:  # a copy of a demonstration is a demonstration
        return normalize_whitespace(cell.source) not in lesson_sources
    return is_test(cell) or is_answer(cell) or cell.source != original.source


def _affects_all_cells(cell: NotebookNode, names: NameUse, modules: frozenset[str]) -> bool:
    """Return whether a cell imports, changes a module, seeds it, or cannot be analysed."""
    if cell.id == INSTALL_ID or only_imports(cell.source) or names.unknown:
        return True
    return bool(names.assigns_into & modules) or seeds_shared_generator(cell.source, modules)


def _add_dependencies(
    always: set[str], scored: set[str], names: dict[str, NameUse], modules: frozenset[str]
) -> set[str]:
    """Add the cells that define or mutate names that selected cells use, until none is missing."""
    order = list(names)
    defined = frozenset(name for use in names.values() for name in use.defines)
    users = [place for place, cell in enumerate(order) if cell in scored and names[cell].uses]
    before = order[: max(users, default=0)]
    selected = set(always)
    while True:
        used = defined & frozenset(name for cell in selected for name in names[cell].uses)
        mutating = _mutating_cells(before, used - modules, names)
        more = {cell for cell in before if cell in mutating or names[cell].defines & used}
        if more <= selected:
            return selected
        selected |= more


def _mutating_cells(
    cells: Iterable[str], used: frozenset[str], names: dict[str, NameUse]
) -> set[str]:
    """Return the cells that may mutate the object of a used name, also through another name."""
    mutating, aliases = set(), set[str]()
    for cell in cells:
        use = names[cell]
        aliases |= use.defines & used
        if use.uses & aliases:
            aliases |= use.defines
        if use.mutates & aliases:
            mutating.add(cell)
    return mutating
