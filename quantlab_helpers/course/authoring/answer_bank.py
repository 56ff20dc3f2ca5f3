"""Read the answer bank: for every exercise right answers written differently, and mistakes.

The answers to the exercise ``uniform-levels`` of lesson 02 are in
``instructor/answers/lesson_02/uniform_levels.py``, one cell for each::

    # %% right, numpy.linspace
    def uniform_levels(low, high, bits): ...

    # %% wrong, divides by the number of levels
    # says: you divided by 2^bits
    def uniform_levels(low, high, bits): ...

The body replaces the whole solution cell; ``says`` are words of the message of the check.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

_HEADER = re.compile(r"# %% (?P<kind>right|wrong), (?P<title>\S.*)")


class Answer(NamedTuple):
    """One answer to one exercise."""

    exercise: str
    right: bool
    title: str
    says: str  # words of the message that names the mistake; "" for a right answer
    code: str
    line: int  # of the header, counted from 1

    @property
    def name(self) -> str:
        """Return a short name that is unique in the lesson."""
        kind = "right" if self.right else "wrong"
        return f"{self.exercise}: {kind}, {self.title}"


def answers_folder(root: str | Path, lesson: str) -> Path:
    """Return the folder of a lesson's answers.

    Examples
    --------
    >>> answers_folder("course", "02_uniform_quantization").as_posix()
    'course/instructor/answers/lesson_02'
    """
    return Path(root, "instructor", "answers", f"lesson_{lesson.partition('_')[0]}")


def read_lesson_answers(root: str | Path, lesson: str) -> list[Answer]:
    """Read the answers to all exercises of a lesson.

    Parameters
    ----------
    root : str or Path
        The folder that holds ``instructor/``.
    lesson : str
        The name of the lesson, such as "02_uniform_quantization".

    Returns
    -------
    list of Answer
        Sorted by the names of the exercises, then in the order of the files.

    Raises
    ------
    FileNotFoundError
        If the lesson has no folder of answers.
    ValueError
        As for `read_answers`.
    """
    folder = answers_folder(root, lesson)
    if not folder.is_dir():
        raise FileNotFoundError(f"{lesson} has no answers; write them into {folder}.")
    return [answer for path in sorted(folder.glob("*.py")) for answer in read_answers(path)]


def read_answers(path: str | Path) -> list[Answer]:
    """Read the answers to one exercise.

    Parameters
    ----------
    path : str or Path
        A file of ``instructor/answers/lesson_NN``, named like its exercise.

    Returns
    -------
    list of Answer
        In the order of the file.

    Raises
    ------
    ValueError
        If the file is not in the format above; names the file, the line and the way out.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "bits_for_17.py")
    ...     _ = path.write_text("# %% right, a plain number\\nanswer = 5\\n")
    ...     read_answers(path)[0].name
    'bits-for-17: right, a plain number'
    """
    path = Path(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    starts = [i for i, line in enumerate(lines) if re.match(r"#\s*%%", line)]
    _check_preamble(path, lines[: starts[0]] if starts else lines)
    answers: list[Answer] = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        answer = _parse_cell(path, start, lines[start:end])
        namesakes = [other.line for other in answers if other.name == answer.name]
        if namesakes:
            raise _error(path, start, f"line {namesakes[0]} has the same title; titles must differ")
        answers.append(answer)
    return answers


def _parse_cell(path: Path, start: int, lines: list[str]) -> Answer:
    """Return the answer in a cell, given its lines and the index of the first one in the file."""
    header = _HEADER.fullmatch(lines[0].rstrip())
    if header is None:
        raise _error(
            path,
            start,
            f"{lines[0]!r} is no header; write `# %% right, TITLE` or `# %% wrong, TITLE`",
        )
    right, body, says = header["kind"] == "right", lines[1:], ""
    if body and (says_line := re.match(r"# says:(.*)", body[0])):
        says, body = says_line[1].strip(), body[1:]
    if right and says:
        raise _error(path, start, "a right answer gets no message; delete the line `# says:`")
    if not right and not says:
        raise _error(
            path,
            start,
            "a wrong answer needs, in its second line, `# says: WORDS` from the message "
            "that names the mistake",
        )
    code = "\n".join(body).strip("\n") + "\n"
    try:
        empty = not ast.parse(code).body
    except SyntaxError as error:
        line = start + len(lines) - len(body) + (error.lineno or 1) - 1
        raise _error(path, line, f"this is not Python ({error.msg}); fix the answer") from None
    if empty:
        raise _error(path, start, "the answer has no code; write what a learner would write")
    exercise = path.stem.replace("_", "-")
    return Answer(exercise, right, header["title"], says, code, start + 1)


def _check_preamble(path: Path, lines: list[str]) -> None:
    """Refuse code above the first header: it would belong to no answer."""
    try:
        body = ast.parse("\n".join(lines)).body
    except SyntaxError as error:
        raise _error(path, (error.lineno or 1) - 1, f"this is not Python ({error.msg})") from None
    for index, node in enumerate(body):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if index or not docstring:
            raise _error(path, node.lineno - 1, "code above the first `# %%` belongs to no answer")


def _error(path: Path, index: int, problem: str) -> ValueError:
    return ValueError(f"{path.name}, line {index + 1}: {problem}.")
