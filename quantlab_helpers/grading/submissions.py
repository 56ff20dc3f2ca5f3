"""Read what was handed in from nbgrader's folder ``submitted/``, links and giants left out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from nbgrader import utils as nbgrader_utils

from .._support.archive_members import MB
from .course_folder import TIMESTAMP, stamp_in
from .records import InvalidNotebook, Repair

_MOST_FILES, _MOST_BYTES = 200, 20 * MB
_MOST_NOTEBOOK = 512 * MB  # `align` says what is wrong with anything smaller


class Submission(NamedTuple):
    """What a student handed in for a lesson; ``sha256`` is of all that its marks hang on."""

    student: str
    lesson: str
    notebook: bytes
    files: dict[str, bytes]
    timestamp: datetime | None
    repairs: tuple[Repair, ...]
    sha256: str


def submitted(course: Path, lesson: str) -> list[str]:
    """Return who handed in something for a lesson."""
    folders = (course / "submitted").glob(f"*/{lesson}")
    names = (folder.parent.name for folder in folders if _holds_something(folder))
    return sorted(filter(is_folder_name, names))


def everybody(course: Path) -> set[str]:
    """Return who ever handed in anything."""
    folders = [*(course / "submitted").glob("*/*"), *_collected(course)]
    found = {path.name for path in _collected(course)}
    found |= {path.parent.name for path in folders if path.parent.parent.name == "submitted"}
    return set(filter(is_folder_name, found))


def is_folder_name(student: str) -> bool:
    """Return whether a student can have a folder; a gradebook may know people who cannot."""
    return bool(student) and not student.startswith(".") and "/" not in student


def read_submission(
    course: Path, lesson: str, *, student: str, source: Mapping[str, bytes]
) -> Submission:
    """Read one submission.

    Parameters
    ----------
    course : Path
        nbgrader's course folder.
    lesson : str
        The lesson's full name.
    student : str
        Whose it is.
    source : mapping of str to bytes
        What `lesson_files` gave; its notebook counts for the SHA-256, and its other files take
        the place of the student's, as in nbgrader.

    Returns
    -------
    Submission

    Raises
    ------
    InvalidNotebook
        If there is no notebook in it, or several of which none has the lesson's name.
    OSError
        If it cannot be read.
    """
    folder = course / "submitted" / student / lesson
    paths = list(_files_in(folder))
    name, repairs = _choose([path for path in paths if path.endswith(".ipynb")], lesson)
    if (folder / name).stat().st_size > _MOST_NOTEBOOK:
        raise InvalidNotebook(f"The notebook has more than {_MOST_NOTEBOOK // MB} MiB.")
    notebook = (folder / name).read_bytes()
    files: dict[str, bytes] = {}
    left_out, total = 0, 0
    for path in paths:
        if path.endswith(".ipynb") or path == TIMESTAMP:
            continue
        total += (folder / path).stat().st_size
        if len(files) >= _MOST_FILES or total > _MOST_BYTES:
            left_out += 1
        else:
            files[path] = (folder / path).read_bytes()
    if left_out:
        text = f"{left_out} other files were left out: there were too many, or they were too big."
        repairs = (*repairs, Repair("files", None, text))
    ours = f"{lesson}.ipynb"
    digest = _digest({**files, ours: notebook}, source)
    files |= {path: content for path, content in source.items() if path != ours}
    return Submission(student, lesson, notebook, files, stamp_in(folder), repairs, digest)


def lesson_files(course: Path, lesson: str, *, ignore: Iterable[str]) -> dict[str, bytes]:
    """Return the lesson's notebook, and the files beside it that nbgrader hands to a kernel.

    Parameters
    ----------
    course : Path
        nbgrader's course folder.
    lesson : str
        The lesson's full name.
    ignore : iterable of str
        nbgrader's patterns of files that are not handed on.

    Returns
    -------
    dict of str to bytes
        By names relative to the lesson's folder.
    """
    folder = course / "source" / lesson
    found = nbgrader_utils.find_all_files(str(folder), [*ignore, "*.ipynb"])
    paths = [folder / f"{lesson}.ipynb", *map(Path, sorted(found))]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def _collected(course: Path) -> list[Path]:
    return list((course / "quantlab" / "collected").glob("*/*"))


def _holds_something(folder: Path) -> bool:
    return any(path != TIMESTAMP for path in _files_in(folder))


def _files_in(folder: Path) -> Iterator[str]:
    """Yield the plain files of a folder, relative to it; nothing that is a link or hidden."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield str(path.relative_to(folder))


def _choose(notebooks: list[str], lesson: str) -> tuple[str, tuple[Repair, ...]]:
    """Return the notebook that counts, and what had to be guessed."""
    if f"{lesson}.ipynb" in notebooks:
        return f"{lesson}.ipynb", ()
    if not notebooks:
        raise InvalidNotebook("There is no notebook in what was handed in; hand in the .ipynb.")
    if len(notebooks) > 1:
        raise InvalidNotebook(
            f"There are {len(notebooks)} notebooks and none is called {lesson}.ipynb; hand in one."
        )
    text = f"The notebook was called {notebooks[0]!r}; it was taken for {lesson}.ipynb."
    return notebooks[0], (Repair("renamed", None, text),)


def _digest(*parts: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        for name in sorted(part):
            one = hashlib.sha256(part[name]).digest()
            digest.update(name.encode("utf-8", "replace") + b"\0" + one)
        digest.update(b"\0\0")
    return digest.hexdigest()
