"""Which cells of a submission must run so that its marks are the same as if all did.

Tests, answers, and all that the learner added or changed run; of the lesson's own cells only
those that import, and those whose names these read, and so on. A lesson's demonstrations take
longer than its exercises, and every learner would wait for the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable

from nbformat import NotebookNode

from ...course.authoring.sources import INSTALL_ID
from ..align.cells import plain_text
from ..lesson import Lesson, is_answer, is_test
from ..name_analysis import Names, imported, names_of, only_imports, seeds


def needed(lesson: Lesson, notebook: NotebookNode, *, everything: bool = False) -> list[str]:
    """Return the code cells that must run.

    Parameters
    ----------
    lesson : Lesson
        From `load_lesson`.
    notebook : NotebookNode
        The submission, from `align`.
    everything : bool, default=False
        Run every code cell.

    Returns
    -------
    list of str
        Ids, in the order of the notebook.

    Examples
    --------
    >>> needed(lesson, align(lesson, content).notebook)[:3]  # doctest: +SKIP
    ['install', 'eeb32347', 'uniform-levels']
    """
    cells = {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}
    names = {name: names_of(cell.source) for name, cell in cells.items()}
    ours = {cell.id: cell for cell in lesson.notebook.cells}
    texts = {plain_text(cell.source) for cell in ours.values() if cell.cell_type == "code"}
    first = {name for name, cell in cells.items() if _must_run(cell, ours, texts)}
    if everything or any(names[name].opaque for name in first):
        return list(cells)
    modules = frozenset(name for cell in cells.values() for name in imported(cell.source))
    always = first | {name for name in cells if _is_setting(cells[name], names[name], modules)}
    run = _close(always, first, names, modules)
    return [name for name in cells if name in run]


def _must_run(cell: NotebookNode, ours: dict[str, NotebookNode], texts: set[str]) -> bool:
    """Return whether a cell gives marks, or is not the lesson's as it was handed out."""
    original = ours.get(cell.id)
    if original is None:  # a second copy of a demonstration is a demonstration
        return plain_text(cell.source) not in texts
    return is_test(cell) or is_answer(cell) or cell.source != original.source


def _is_setting(cell: NotebookNode, names: Names, modules: frozenset[str]) -> bool:
    """Return whether a cell does something to what every other cell can see."""
    if cell.id == INSTALL_ID or only_imports(cell.source) or names.opaque:
        return True
    return bool(names.stored & modules) or seeds(cell.source, modules)


def _close(
    always: set[str], first: set[str], names: dict[str, Names], modules: frozenset[str]
) -> set[str]:
    """Add the cells that give or change what the cells run so far read, until none is missing."""
    order = list(names)
    bound = frozenset(name for cell in names.values() for name in cell.bound)
    readers = [place for place, name in enumerate(order) if name in first and names[name].read]
    before = order[: max(readers, default=0)]
    run = set(always)
    while True:
        wanted = bound & frozenset(name for cell in run for name in names[cell].read)
        changing = _may_change(before, wanted - modules, names)
        more = {cell for cell in before if cell in changing or names[cell].bound & wanted} - run
        if not more:
            return run
        run |= more


def _may_change(cells: Iterable[str], wanted: frozenset[str], names: dict[str, Names]) -> set[str]:
    """Return the cells that may change the object of a wanted name, also under another name."""
    found, shared = set(), set[str]()
    for cell in cells:
        here = names[cell]
        shared |= here.bound & wanted
        if here.read & shared:
            shared |= here.bound
        if here.changed & shared:
            found.add(cell)
    return found
