"""Read the answer bank: for every exercise right answers written differently, and mistakes.

A file ``instructor/answers/NN_name.py`` is a docstring and one cell for each answer::

    # %% uniform-levels: right, numpy.linspace
    def uniform_levels(low, high, bits): ...

    # %% uniform-levels: wrong, divides by the number of levels
    # says: you divided by 2^bits
    def uniform_levels(low, high, bits): ...

The body stands in place of the whole solution cell; ``says`` is what the check must say.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

_HEADER = re.compile(r"# %% (?P<exercise>[a-z0-9-]+): (?P<kind>right|wrong), (?P<title>\S.*)")


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
        """Return a short name that is unique in its file."""
        kind = "right" if self.right else "wrong"
        return f"{self.exercise}: {kind}, {self.title}"


def read_answers(path: str | Path) -> list[Answer]:
    """Read the answers of one lesson.

    Parameters
    ----------
    path : str or Path
        A file of ``instructor/answers``.

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
    ...     path = Path(folder, "02_uniform_quantization.py")
    ...     _ = path.write_text("# %% bits-for-17: right, a plain number\\nanswer = 5\\n")
    ...     read_answers(path)[0].name
    'bits-for-17: right, a plain number'
    """
    path = Path(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    starts = [i for i, line in enumerate(lines) if re.match(r"#\s*%%", line)]
    _check_preamble(path, lines[: starts[0]] if starts else lines)
    answers: list[Answer] = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        answer = _answer(path, start, lines[start:end])
        same = [other.line for other in answers if other.name == answer.name]
        if same:
            raise _error(path, start, f"line {same[0]} has the same title; titles must differ")
        answers.append(answer)
    return answers


def _answer(path: Path, start: int, lines: list[str]) -> Answer:
    """Return the answer whose header is the first of these lines."""
    match = _HEADER.fullmatch(lines[0].rstrip())
    if match is None:
        raise _error(
            path,
            start,
            f"{lines[0]!r} is no header; write `# %% EXERCISE: right, TITLE` or "
            "`# %% EXERCISE: wrong, TITLE`",
        )
    right, body, says = match["kind"] == "right", lines[1:], ""
    if body and (told := re.match(r"# says:(.*)", body[0])):
        says, body = told[1].strip(), body[1:]
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
        raise _error(path, line, f"this is not Python ({error.msg}); mend the answer") from None
    if empty:
        raise _error(path, start, "the answer has no code; write what a learner would write")
    return Answer(match["exercise"], right, match["title"], says, code, start + 1)


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
