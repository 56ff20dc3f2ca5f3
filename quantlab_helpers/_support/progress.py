"""One progress bar for terminals and notebooks, and a line of text beside it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm


def progress_bar(total: int, description: str, *, show: bool, unit: str = "step") -> tqdm[Any]:
    """Return a bar over `total` steps; silent where nobody watches or `show` is False."""
    from tqdm.auto import tqdm as auto

    # In a terminal, None switches the bar off when stderr is a file or a pipe.
    silent = None if show and not _in_notebook() else not show
    return auto(
        total=total,
        desc=description,
        unit=unit,
        disable=silent,
        file=_stream(),
        leave=_in_notebook(),
    )


def say(text: str) -> None:
    """Print a line where the bars are, without breaking one that is shown."""
    from tqdm.auto import tqdm as auto

    auto.write(text, file=_stream())


def _in_notebook() -> bool:
    from tqdm.auto import tqdm as auto
    from tqdm.notebook import tqdm_notebook

    return issubclass(auto, tqdm_notebook)


def _stream() -> TextIO:
    """In a notebook never stderr, which nbgrader takes for a failure."""
    return sys.stdout if _in_notebook() else sys.stderr
