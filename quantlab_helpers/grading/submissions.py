"""Read submissions from ``submitted/``, refusing symbolic links and skipping oversized files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from nbgrader import utils as nbgrader_utils

from .._support.archive_members import MB
from .course_folder import TIMESTAMP, CourseFolder
from .records import InvalidNotebook, Repair

_MAX_FILES, _MAX_BYTES = 200, 20 * MB
_MAX_NOTEBOOK_BYTES = 512 * MB  # `align` reports what is wrong with a smaller one


class Submission(NamedTuple):
    """A student's submission; ``sha256`` is of everything that determines its score."""

    student: str
    lesson: str
    notebook: bytes
    files: dict[str, bytes]
    timestamp: datetime | None
    repairs: tuple[Repair, ...]
    sha256: str


def students_with_submission(course: CourseFolder, lesson: str) -> list[str]:
    """Return the ids of the students who handed in a file, or a link, for a lesson."""
    students = (path.name for path in course.path.glob("submitted/*"))
    return sorted(
        student
        for student in filter(is_folder_name, students)
        if _first_link(course, student, lesson) or _has_files(course.submitted(student, lesson))
    )


def all_students(course: CourseFolder) -> set[str]:
    """Return the ids of the students with a submission, or a collected version, of any lesson."""
    students = {path.parent.name for path in course.path.glob("submitted/*/*")}
    students |= {path.name for path in course.path.glob("quantlab/collected/*/*")}
    return set(filter(is_folder_name, students))


def is_folder_name(student: str) -> bool:
    """Return whether a student's id can name a folder; some ids in a gradebook cannot."""
    return bool(student) and not student.startswith(".") and "/" not in student


def read_submission(
    course: CourseFolder, lesson: str, *, student: str, source: Mapping[str, bytes]
) -> Submission:
    """Read one submission.

    Parameters
    ----------
    course : CourseFolder
        The course.
    lesson : str
        The lesson's full name.
    student : str
        The student's id.
    source : mapping of str to bytes
        From `lesson_files`; its notebook counts for the SHA-256, and its other files take
        the place of the student's, as in nbgrader.

    Returns
    -------
    Submission

    Raises
    ------
    InvalidNotebook
        If it has no notebook, or several and none with the lesson's name, or a symbolic link.
    OSError
        If it cannot be read.
    """
    if link := _first_link(course, student, lesson):
        raise InvalidNotebook(
            f"{link!r} is a symbolic link, and what is behind a link is not graded; hand in the "
            "file or folder itself."
        )
    folder = course.submitted(student, lesson)
    paths = list(_files_in(folder))
    name, repairs = _choose_notebook([path for path in paths if path.endswith(".ipynb")], lesson)
    if (folder / name).stat().st_size > _MAX_NOTEBOOK_BYTES:
        raise InvalidNotebook(f"The notebook has more than {_MAX_NOTEBOOK_BYTES // MB} MiB.")
    notebook = (folder / name).read_bytes()
    files: dict[str, bytes] = {}
    left_out, total = 0, 0
    for path in paths:
        if path.endswith(".ipynb") or path == TIMESTAMP:
            continue
        total += (folder / path).stat().st_size
        if len(files) >= _MAX_FILES or total > _MAX_BYTES:
            left_out += 1
        else:
            files[path] = (folder / path).read_bytes()
    if left_out:
        text = f"{left_out} other files were left out: there were too many, or they were too big."
        repairs = (*repairs, Repair("files", None, text))
    own_name = f"{lesson}.ipynb"
    digest = _digest({**files, own_name: notebook}, source)
    files |= {path: content for path, content in source.items() if path != own_name}
    time = course.submission_time(student, lesson)
    return Submission(student, lesson, notebook, files, time, repairs, digest)


def lesson_files(course: CourseFolder, lesson: str) -> dict[str, bytes]:
    """Return a lesson's notebook, and the files beside it that nbgrader copies for a kernel.

    Parameters
    ----------
    course : CourseFolder
        The course; the patterns of files that are not copied are among its settings.
    lesson : str
        The lesson's full name.

    Returns
    -------
    dict of str to bytes
        By names relative to the lesson's folder.
    """
    folder = course.source(lesson)
    ignored = [*course.directory.ignore, "*.ipynb"]
    others = nbgrader_utils.find_all_files(str(folder), ignored)
    paths = [folder / f"{lesson}.ipynb", *map(Path, sorted(others))]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def _has_files(folder: Path) -> bool:
    return any(path != TIMESTAMP for path in _files_in(folder))


def _first_link(course: CourseFolder, student: str, lesson: str) -> str | None:
    """Return the first symbolic link on the way to a submission or in it, None without one."""
    folder = course.submitted(student, lesson)
    if not os.path.lexists(folder):
        return None
    if link := course.link_to_submission(student, lesson):
        return link
    paths = (path for path in _visible_in(folder) if path.is_symlink())
    return next((str(path.relative_to(folder)) for path in paths), None)


def _files_in(folder: Path) -> Iterator[str]:
    """Yield the relative paths of a folder's regular files, without links and hidden files."""
    for path in _visible_in(folder):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(folder))


def _visible_in(folder: Path) -> Iterator[Path]:
    """Yield all files, and links to folders, that are not hidden, in a fixed order."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        links = [name for name in folders if Path(place, name).is_symlink()]
        visible = [name for name in names if not name.startswith(".")]
        yield from (Path(place, name) for name in sorted([*links, *visible]))


def _choose_notebook(notebooks: list[str], lesson: str) -> tuple[str, tuple[Repair, ...]]:
    """Return the notebook to grade, and a repair if it has another name than the lesson."""
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
            content = hashlib.sha256(part[name]).digest()
            digest.update(name.encode("utf-8", "replace") + b"\0" + content)
        digest.update(b"\0\0")
    return digest.hexdigest()
