"""Bundle notebooks for submission: one zip to upload, a receipt, and the unanswered exercises.

The bundle contains the unchanged notebooks and a manifest with the SHA-256 of each. The receipt's
own SHA-256 is computed from the manifest, so it stays valid if a platform packs the files again.
The receipt proves the contents, not the time of submission: the time is that of the learner's
clock.
"""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from .. import __version__
from .._support.archives import zip_bytes
from .._support.files import write_atomically
from .notebook_cells import (
    Outline,
    State,
    has_exercises,
    lesson_by_content,
    lesson_by_name,
    plain_name,
    read_cells,
    read_outlines,
    states_of,
)
from .workspace import notebooks_folder

MANIFEST = "quantlab-submission.json"
STUDENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_NEWER = re.compile(r"\d\d_[a-z0-9_]+")
_LARGEST = 64 * 2**20


class BundleItem(NamedTuple):
    """One notebook of a bundle."""

    lesson: str
    path: Path
    content: bytes
    states: dict[str, State]  # empty if the installed package does not have the lesson

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the file, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def answered(self) -> int:
        """Return the number of answered exercises."""
        return list(self.states.values()).count("answered")


class Receipt(NamedTuple):
    """The proof of a bundle's contents; ``sha256`` is computed from the other fields."""

    sha256: str
    created: str  # ISO 8601, with the offset from UTC
    student: str | None
    notebooks: dict[str, str]  # lesson -> SHA-256 of its file

    @property
    def id(self) -> str:
        """Return the start of the SHA-256, short enough to read aloud."""
        return short_id(self.sha256)

    @property
    def file(self) -> str:
        """Return the name of the bundle."""
        return f"submission-{self.id}.zip"

    @property
    def receipt_file(self) -> str:
        """Return the name of the text file with the receipt."""
        return f"submission-{self.id}-receipt.txt"

    def as_text(self) -> str:
        """Return the receipt as lines of text."""
        made = datetime.fromisoformat(self.created)
        lines = [
            f"receipt  {self.id}",
            f"SHA-256  {self.sha256}",
            f"date     {made:%Y-%m-%d}",
            f"time     {made:%H:%M:%S} UTC{made:%z}",
        ]
        if self.student is not None:
            lines.append(f"student  {self.student}")
        lines += [f"holds    {name}  {digest}" for name, digest in self.notebooks.items()]
        return "\n".join(lines) + "\n"


def read_submissions(
    paths: Sequence[str | Path], *, notebooks: Path | None = None
) -> list[BundleItem]:
    """Read the notebooks of a bundle, with the state of each exercise.

    Parameters
    ----------
    paths : sequence of str or Path
        Notebooks, under any name, or folders; from a folder, the notebooks with an answer are read.
    notebooks : Path, optional
        The folder of the course's own notebooks; by default that of the package.

    Returns
    -------
    list of BundleItem
        In the order of the lessons.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is missing, is no notebook or belongs to no lesson, or if two files are of the
        same lesson.

    Examples
    --------
    >>> [item] = read_submissions([notebooks_folder() / "00_start_here.ipynb"])
    >>> item.lesson, item.states
    ('00_start_here', {'levels-of-bits': 'unanswered'})
    """
    outlines = read_outlines(sorted((notebooks or notebooks_folder()).glob("*.ipynb")))
    items: dict[str, BundleItem] = {}
    for path, only_answered in _files(paths):
        item = _read(path, outlines, only_answered=only_answered)
        if item is None:
            continue
        other = items.get(item.lesson)
        if other is not None and other.path.resolve() != path.resolve():
            raise ValueError(
                f"Both {str(other.path)!r} and {str(path)!r} are lesson {item.lesson}; name the "
                "one that you want to submit."
            )
        items[item.lesson] = item
    if not items:
        raise ValueError(
            f"There is no answered notebook in {', '.join(map(repr, map(str, paths)))}; "
            "save your notebook, or name its file."
        )
    return [items[lesson] for lesson in sorted(items)]


def write_bundle(
    submissions: Sequence[BundleItem],
    folder: str | Path = ".",
    *,
    student: str | None = None,
    now: datetime | None = None,
) -> Receipt:
    """Write the bundle and its receipt.

    Parameters
    ----------
    submissions : sequence of BundleItem
        From `read_submissions`; at least one.
    folder : str or Path, default="."
        The folder of the two files; created if missing.
    student : str, optional
        The id that the instructor uses for the learner. Not needed if a learning platform records
        the uploader.
    now : datetime, optional
        With a time zone; by default the current time.

    Returns
    -------
    Receipt
        `Receipt.file` and `Receipt.receipt_file` name the files.

    Raises
    ------
    ValueError
        If `submissions` is empty, `student` is no id or `now` has no time zone.

    Examples
    --------
    >>> import tempfile
    >>> items = read_submissions([notebooks_folder() / "00_start_here.ipynb"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     receipt = write_bundle(items, folder, student="s01")
    ...     sorted(path.name for path in Path(folder).iterdir()) == sorted(
    ...         [receipt.file, receipt.receipt_file]
    ...     )
    True
    """
    if not submissions:
        raise ValueError("`submissions` must hold at least one notebook, got none.")
    if student is not None:
        check_student(student)
    made = (now or datetime.now().astimezone()).replace(microsecond=0)
    if made.tzinfo is None:
        raise ValueError(f"`now` must have a time zone, got {made}; use datetime.astimezone().")
    receipt = _receipt(
        {
            "created": made.isoformat(),
            "student": student,
            "notebooks": {item.lesson: item.sha256 for item in submissions},
        }
    )
    manifest = {"format": 1, "package": __version__, "id": receipt.id, **receipt._asdict()}
    files = {MANIFEST: json.dumps(manifest, indent=1).encode()}
    files |= {f"{item.lesson}.ipynb": item.content for item in submissions}
    write_atomically(Path(folder) / receipt.file, zip_bytes(files))
    write_atomically(Path(folder) / receipt.receipt_file, receipt.as_text().encode())
    return receipt


def read_manifest(content: bytes) -> Receipt:
    """Read a bundle's manifest and check its SHA-256.

    Parameters
    ----------
    content : bytes
        The file named `MANIFEST` in a bundle.

    Returns
    -------
    Receipt
        Its ``notebooks`` must be compared with the files.

    Raises
    ------
    ValueError
        If it is damaged or was changed.
    """
    try:
        plain = json.loads(content.decode("utf-8-sig"))
        given, receipt = plain["sha256"], _receipt(plain)
        if datetime.fromisoformat(receipt.created).tzinfo is None:
            raise ValueError
        for lesson, digest in receipt.notebooks.items():
            if not (STUDENT_ID.fullmatch(lesson) and re.fullmatch(r"[0-9a-f]{64}", digest)):
                raise ValueError
        if receipt.student is not None and not STUDENT_ID.fullmatch(receipt.student):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("its list of contents is damaged") from None
    if given != receipt.sha256:
        raise ValueError("its list of contents was changed after it was made")
    return receipt


def short_id(sha256: str) -> str:
    """Return the first twelve digits of a SHA-256 in groups.

    Examples
    --------
    >>> short_id("0a1b2c3d4e5f" + "0" * 52)
    '0A1B-2C3D-4E5F'
    """
    return "-".join(textwrap.wrap(sha256[:12].upper(), 4))


def check_student(student: str) -> None:
    """Refuse an id of a student that could not be the name of a folder."""
    if not STUDENT_ID.fullmatch(student):
        raise ValueError(
            f"`student` must be up to 64 letters, digits and . _ @ -, got {student!r}; "
            "use the id that your instructor gave you."
        )


def _receipt(plain: dict[str, Any]) -> Receipt:
    """Return the receipt of a manifest; its SHA-256 does not depend on the layout of the JSON."""
    core = {key: plain[key] for key in ("created", "student", "notebooks")}
    text = json.dumps({"format": 1, **core}, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Receipt(digest, core["created"], core["student"], dict(core["notebooks"]))


def _files(paths: Sequence[str | Path]) -> Iterable[tuple[Path, bool]]:
    """Yield (file, whether to skip it if nothing is answered), which holds for files of folders."""
    for path in map(Path, paths):
        if path.is_dir():
            yield from ((file, True) for file in sorted(path.glob("*.ipynb")))
        elif path.is_file():
            yield path, False
        else:
            raise FileNotFoundError(
                f"There is no file {str(path)!r}; run this in the folder of your notebooks, or "
                "name the file with its folder."
            )


def _read(path: Path, outlines: dict[str, Outline], *, only_answered: bool) -> BundleItem | None:
    """Return a notebook as an item of a bundle; None if it is skipped."""
    if path.stat().st_size > _LARGEST:
        raise ValueError(
            f"{str(path)!r} has more than {_LARGEST // 2**20} MB; clear the outputs of its cells "
            "(Edit, Clear Outputs of All Cells), save, and try again."
        )
    content = path.read_bytes()
    try:
        cells = read_cells(content)
    except ValueError as error:
        if only_answered and lesson_by_name(path.name, outlines) is None:
            return None
        raise ValueError(
            f"{str(path)!r} cannot be submitted: {error}. Open it in Jupyter, save it, and try "
            "again."
        ) from None
    lesson = lesson_by_content(cells, outlines) or lesson_by_name(path.name, outlines)
    if lesson is None and has_exercises(cells) and _NEWER.fullmatch(plain_name(path.name)):
        lesson = plain_name(path.name)  # of a later edition; submitted without a check
    if lesson is None:
        if only_answered:
            return None
        raise ValueError(
            f"{str(path)!r} belongs to no lesson: it has no line `# exercise: NAME` of a "
            f"lesson. If it is one, give the file the lesson's name: {', '.join(outlines)}."
        )
    outline = outlines.get(lesson)
    item = BundleItem(lesson, path, content, states_of(cells, outline) if outline else {})
    return None if only_answered and outline and not item.answered else item
