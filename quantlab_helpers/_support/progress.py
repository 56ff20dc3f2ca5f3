"""A progress bar for terminals and notebooks, and lines of text that do not break it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm


def progress_bar(total: int, description: str, *, show: bool, unit: str = "step") -> tqdm[Any]:
    """Return a bar over `total` steps; hidden without a terminal or notebook, or if not `show`."""
    from tqdm.auto import tqdm as auto

    # Outside notebooks, None hides the bar if stderr is a file or a pipe.
    disable = None if show and not _in_notebook() else not show
    return auto(
        total=total,
        desc=description,
        unit=unit,
        disable=disable,
        file=_stream(),
        leave=_in_notebook(),
    )


def say(text: str) -> None:
    """Print a line to the bars' stream, without breaking a bar that is shown."""
    from tqdm.auto import tqdm as auto

    auto.write(text, file=_stream())


def _in_notebook() -> bool:
    from tqdm.auto import tqdm as auto
    from tqdm.notebook import tqdm_notebook

    return issubclass(auto, tqdm_notebook)


def _stream() -> TextIO:
    """Return stderr; in a notebook stdout, because nbgrader reads stderr as a failure."""
    return sys.stdout if _in_notebook() else sys.stderr
