"""The contest of lesson 07: score a file by its bytes, and rank a folder of files.

A file counts if `load_quantized` reads it and the network in it classifies at least 98.2% of the
test images correctly. Only `load_quantized` opens a submitted file, and nothing is unpickled.
`STEPS` is the only definition of the points. `storage/file.py` has the format of the file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from .._support.progress import progress_bar
from ..data import Dataset, load_mnist
from ..storage.file import load_quantized
from ..training import evaluate

MIN_ACCURACY = 0.982
MAX_BYTES = 4_000_000  # twice the network in float32; a larger file is not read
SUFFIX = ".safetensors"

Options = Mapping[str, Mapping[int, tuple[float, float]]]  # layer -> setting -> bytes, lost


class PointsStep(NamedTuple):
    """Points for a file of at most so many bytes, and a hint how to get there."""

    points: int
    bytes: int
    means: str


STEPS = (
    PointsStep(1, 500_000, "codes of 8 bits instead of floats, one of the levels at zero"),
    PointsStep(2, 20_000, "an entropy coder behind the codes"),
    PointsStep(3, 10_000, "small weights exactly zero, and centres placed on the others alone"),
    PointsStep(
        4, 5_000, "each BatchNorm folded into its convolution, and codebooks for the biases"
    ),
    PointsStep(
        5, 2_500, "the dense layers merged, and pruning in small steps with training between"
    ),
)


class FileScore(NamedTuple):
    """The bytes, accuracy and points of one file.

    ``accuracy`` is in 0..1, None if the file could not be tested. ``problem`` is one sentence why
    the file does not count, empty if it counts.
    """

    bytes: int
    accuracy: float | None
    points: int
    problem: str


class LeaderboardRow(NamedTuple):
    """One file on the leaderboard; ``rank`` is None if it does not count."""

    rank: int | None
    student: str
    path: Path
    score: FileScore


def points_for(size: int) -> int:
    """Return the points of a file of that many bytes, if its network is accurate enough.

    Parameters
    ----------
    size : int
        Bytes of the file on disk.

    Returns
    -------
    int
        From `STEPS`; 0 above the first one's bytes.

    Examples
    --------
    >>> points_for(1_925_368), points_for(99_000), points_for(3_000)
    (0, 1, 4)
    """
    return max((step.points for step in STEPS if size <= step.bytes), default=0)


def next_step(size: int) -> PointsStep | None:
    """Return the next step for a file of that many bytes; None if it has all points.

    Examples
    --------
    >>> next_step(99_000).bytes
    20000
    """
    return next((step for step in STEPS if size > step.bytes), None)


def cheapest(options: Options, most_lost: float) -> dict[str, int]:
    """Return a setting for every layer with the fewest bytes within the allowed loss.

    Parameters
    ----------
    options : dict of str to dict
        For every layer a dict from its settings, k for example, to (bytes, images lost).
    most_lost : float
        Allowed loss of all layers together; a negative loss is a gain.

    Returns
    -------
    dict of str to int
        A setting for every layer.

    Raises
    ------
    ValueError
        If every choice loses more.

    Examples
    --------
    >>> cheapest({"a": {2: (10, 5), 4: (20, 0)}, "b": {2: (90, 6), 4: (120, 0)}}, 6)
    {'a': 4, 'b': 2}
    """
    best: dict[float, tuple[float, tuple[int, ...]]] = {0.0: (0.0, ())}  # by the loss so far
    for table in options.values():
        longer: dict[float, tuple[float, tuple[int, ...]]] = {}
        for (before, (size, chosen)), (setting, (more, lost)) in product(
            best.items(), table.items()
        ):
            candidate = size + more, (*chosen, setting)
            longer[before + lost] = min(candidate, longer.get(before + lost, candidate))
        best = longer
    allowed = [candidate for lost, candidate in best.items() if lost <= most_lost]
    if not allowed:
        raise ValueError(
            f"`most_lost` must be at least {min(best):g}, the loss of the most accurate "
            f"choice, got {most_lost!r}; allow more, or offer larger settings."
        )
    return dict(zip(options, min(allowed)[1], strict=True))


def score_file(
    path: str | Path,
    *,
    data: Dataset | None = None,
    device: str | torch.device | None = None,
) -> FileScore:
    """Load a file with the package's own loader, test its network, and count its bytes.

    Parameters
    ----------
    path : str or Path
        A file written by `save_quantized`. Links, and files of more than `MAX_BYTES`, are not
        opened.
    data : Dataset, optional
        Images to test on; by default MNIST's 10,000 test images.
    device : str or torch.device, optional
        By default CUDA or MPS if available, else the CPU.

    Returns
    -------
    FileScore
        Of any kind of file; if it does not count, ``problem`` says why.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "mine.safetensors")
    ...     _ = path.write_bytes(b"not a network")
    ...     score_file(path).points
    0
    """
    path = Path(path)
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(
            f"There is no file {str(path)!r}; check the name and the folder."
        ) from None
    size = status.st_size
    if not stat.S_ISREG(status.st_mode):
        return FileScore(size, None, 0, "it is a link or something else that is not a plain file")
    if size > MAX_BYTES:
        most = f"{MAX_BYTES:,}"
        return FileScore(size, None, 0, f"it has {size:,} bytes, and more than {most} are not read")
    try:
        net = load_quantized(path, device=device).net
    except Exception as error:  # any file: the others must still be ranked
        reason = str(error).partition("; ")[0].replace(repr(str(path)), "it")
        return FileScore(size, None, 0, reason or type(error).__name__)
    return _tested(size, net, data)


def leaderboard(
    folder: str | Path,
    *,
    data: Dataset | None = None,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> list[LeaderboardRow]:
    """Rank the files of a class by their bytes, at an accuracy of at least 98.2%.

    Parameters
    ----------
    folder : str or Path
        Files under ``folder/STUDENT/`` that end in ``.safetensors`` belong to STUDENT; a file
        directly in `folder` has the name of its student. Links are not followed.
    data, device
        As for `score_file`.
    progress : bool, default=True
        Show a progress bar in a terminal or a notebook.

    Returns
    -------
    list of LeaderboardRow
        First the smallest file of every student that counts, ranked; then the tested files that
        do not count. Files of the same size share a rank.

    Raises
    ------
    NotADirectoryError
        If there is no such folder.

    Notes
    -----
    A student's files are tested from the smallest to the first that counts: larger files cannot
    change the rank.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "ada.safetensors").write_bytes(b"not a network")
    ...     [(row.rank, row.student) for row in leaderboard(folder, progress=False)]
    [(None, 'ada')]
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise NotADirectoryError(
            f"There is no folder {str(folder)!r}; name the one that holds a folder per student."
        )
    files = _files_by_student(folder)
    counted: list[LeaderboardRow] = []
    others: list[LeaderboardRow] = []
    with progress_bar(len(files), "scoring", show=progress, unit="student") as bar:
        for student, paths in files.items():
            for path in paths:
                if data is None and path.lstat().st_size <= MAX_BYTES:
                    data = load_mnist("test", device=device)
                score = score_file(path, data=data, device=device)
                row = LeaderboardRow(None, student, path, score)
                if not score.problem:
                    counted.append(row)
                    break
                others.append(row)
            bar.update()
    counted.sort(key=lambda row: (row.score.bytes, row.student))
    sizes = [row.score.bytes for row in counted]
    ranked = [row._replace(rank=1 + sizes.index(row.score.bytes)) for row in counted]
    return [*ranked, *others]


def _tested(size: int, net: nn.Module, data: Dataset | None) -> FileScore:
    """Return the score of a loaded network with a file of `size` bytes."""
    result = evaluate(net, data)
    if result.accuracy < MIN_ACCURACY:
        problem = (
            f"its network classifies {result.correct:,} of {result.total:,} test images "
            f"correctly, {result.accuracy:.2%}, and {MIN_ACCURACY:.1%} are needed"
        )
        return FileScore(size, result.accuracy, 0, problem)
    return FileScore(size, result.accuracy, points_for(size), "")


def _files_by_student(folder: Path) -> dict[str, list[Path]]:
    """Return each student's files, the smallest first; students in alphabetical order."""
    files: dict[str, list[Path]] = {}
    for path in _walk(folder):
        inside = path.relative_to(folder).parts
        student = inside[0] if len(inside) > 1 else path.stem
        files.setdefault(student, []).append(path)
    return {
        student: sorted(files[student], key=lambda path: (path.lstat().st_size, path))
        for student in sorted(files)
    }


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the paths of submitted files by their suffix; links to folders are not followed."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            if name.lower().endswith(SUFFIX):
                yield Path(place, name)
