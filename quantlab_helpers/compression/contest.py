"""The contest of lesson 07: score a file by its bytes, and rank a folder of them.

A file counts if `load_quantized` reads it and the network in it classifies at least 98.2 % of the
test images correctly. Nothing else ever opens what somebody hands in, and nothing is unpickled.
`STEPS` is the one place where the points are. Read `storage.py` for the format of the file.
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
MOST_BYTES = 4_000_000  # twice the network in float32; a larger file is not read
SUFFIX = ".safetensors"

Options = Mapping[str, Mapping[int, tuple[float, float]]]  # layer -> setting -> bytes, lost


class Step(NamedTuple):
    """A step of the ladder: what it is worth, the most bytes it allows, and what leads there."""

    points: int
    bytes: int
    means: str


STEPS = (
    Step(1, 500_000, "codes of 8 bits instead of floats, one of the levels at zero"),
    Step(2, 20_000, "an entropy coder behind the codes"),
    Step(3, 10_000, "small weights exactly zero, and centres placed on the others alone"),
    Step(4, 5_000, "each BatchNorm folded into its convolution, and codebooks for the biases"),
    Step(5, 2_500, "the dense layers merged, and pruning in small steps with training between"),
)


class Score(NamedTuple):
    """What a file is worth.

    ``accuracy`` is in 0..1, None where there was nothing to test. ``problem`` says in one
    sentence why the file does not count, and is empty where it does.
    """

    bytes: int
    accuracy: float | None
    points: int
    problem: str


class Entry(NamedTuple):
    """A line of the leaderboard; ``rank`` is None where the file does not count."""

    rank: int | None
    student: str
    path: Path
    score: Score


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


def next_step(size: int) -> Step | None:
    """Return the step below a file of that many bytes; None where it has all points.

    Examples
    --------
    >>> next_step(99_000).bytes
    20000
    """
    return next((step for step in STEPS if size > step.bytes), None)


def cheapest(options: Options, most_lost: float) -> dict[str, int]:
    """Choose one setting for every layer so that the bytes are fewest and the losses allowed.

    Parameters
    ----------
    options : dict of str to dict
        For every layer a dict from its settings, k for example, to (bytes, images lost).
    most_lost : float
        What all layers together may lose; a negative loss is a gain.

    Returns
    -------
    dict of str to int
        A setting for every layer.

    Raises
    ------
    ValueError
        If no choice loses that little.

    Examples
    --------
    >>> cheapest({"a": {2: (10, 5), 4: (20, 0)}, "b": {2: (90, 6), 4: (120, 0)}}, 6)
    {'a': 4, 'b': 2}
    """
    best: dict[float, tuple[float, tuple[int, ...]]] = {0.0: (0.0, ())}  # by what has been lost
    for table in options.values():
        longer: dict[float, tuple[float, tuple[int, ...]]] = {}
        for (before, (size, chosen)), (setting, (more, lost)) in product(
            best.items(), table.items()
        ):
            found = size + more, (*chosen, setting)
            longer[before + lost] = min(found, longer.get(before + lost, found))
        best = longer
    allowed = [found for lost, found in best.items() if lost <= most_lost]
    if not allowed:
        raise ValueError(
            f"`most_lost` must be at least {min(best):g}, what the most accurate choice loses, got "
            f"{most_lost!r}; allow more, or offer larger settings."
        )
    return dict(zip(options, min(allowed)[1], strict=True))


def score_file(
    path: str | Path,
    *,
    data: Dataset | None = None,
    device: str | torch.device | None = None,
) -> Score:
    """Load a file with the package's own loader, test its network, and count its bytes.

    Parameters
    ----------
    path : str or Path
        A file written by `save_quantized`. Links, and files of more than `MOST_BYTES`, are not
        opened.
    data : Dataset, optional
        Images to test on; by default MNIST's 10,000 test images.
    device : str or torch.device, optional
        By default CUDA or MPS where there is one, else the CPU.

    Returns
    -------
    Score
        Of any file whatsoever: where it does not count, ``problem`` says why.

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
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(
            f"There is no file {str(path)!r}; check the name and the folder."
        ) from None
    size = found.st_size
    if not stat.S_ISREG(found.st_mode):
        return Score(size, None, 0, "it is a link or something else that is not a plain file")
    if size > MOST_BYTES:
        most = f"{MOST_BYTES:,}"
        return Score(size, None, 0, f"it has {size:,} bytes, and more than {most} are not read")
    try:
        net = load_quantized(path, device=device).net
    except Exception as error:  # whatever one file is, the others of the class are still ranked
        reason = str(error).partition("; ")[0].replace(repr(str(path)), "it")
        return Score(size, None, 0, reason or type(error).__name__)
    return _tested(size, net, data)


def leaderboard(
    folder: str | Path,
    *,
    data: Dataset | None = None,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> list[Entry]:
    """Rank the files of a class by their bytes, at 98.2 % accuracy or better.

    Parameters
    ----------
    folder : str or Path
        Everything under ``folder/STUDENT/`` that ends in ``.safetensors`` belongs to STUDENT;
        of a file directly in `folder` the name says whose it is. Links are not followed.
    data, device
        As for `score_file`.
    progress : bool, default=True
        Show a progress bar in a terminal or a notebook.

    Returns
    -------
    list of Entry
        First the smallest file that counts of every student, ranked, then all that were tried
        and do not count. Files of the same size share a rank.

    Raises
    ------
    NotADirectoryError
        If there is no such folder.

    Notes
    -----
    A student's files are tried from the smallest on, until one counts: larger ones could not
    change the rank.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "ada.safetensors").write_bytes(b"not a network")
    ...     [(entry.rank, entry.student) for entry in leaderboard(folder, progress=False)]
    [(None, 'ada')]
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise NotADirectoryError(
            f"There is no folder {str(folder)!r}; name the one that holds a folder per student."
        )
    files = _files_by_student(folder)
    counted: list[Entry] = []
    others: list[Entry] = []
    with progress_bar(len(files), "scoring", show=progress, unit="student") as bar:
        for student, paths in files.items():
            for path in paths:
                if data is None and path.lstat().st_size <= MOST_BYTES:
                    data = load_mnist("test", device=device)
                score = score_file(path, data=data, device=device)
                (others if score.problem else counted).append(Entry(None, student, path, score))
                if not score.problem:
                    break
            bar.update()
    counted.sort(key=lambda entry: (entry.score.bytes, entry.student))
    sizes = [entry.score.bytes for entry in counted]
    ranked = [entry._replace(rank=1 + sizes.index(entry.score.bytes)) for entry in counted]
    return [*ranked, *others]


def _tested(size: int, net: nn.Module, data: Dataset | None) -> Score:
    """Score a network that has been loaded."""
    result = evaluate(net, data)
    if result.accuracy < MIN_ACCURACY:
        problem = (
            f"its network classifies {result.correct:,} of {result.total:,} test images "
            f"correctly, {result.accuracy:.2%}, and {MIN_ACCURACY:.1%} are needed"
        )
        return Score(size, result.accuracy, 0, problem)
    return Score(size, result.accuracy, points_for(size), "")


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
    """Yield every path that looks like a file handed in; links to folders are not entered."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            if name.lower().endswith(SUFFIX):
                yield Path(place, name)
