"""One progress bar for terminals and notebooks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm


def progress_bar(total: int, description: str, *, show: bool, unit: str = "step") -> tqdm[Any]:
    """Return a bar over `total` steps; silent where nobody watches or `show` is False."""
    from tqdm.auto import tqdm as auto

    in_notebook = auto.__module__ == "tqdm.notebook"
    # In a terminal, None switches the bar off when stderr is a file or a pipe.
    silent = None if show and not in_notebook else not show
    # A notebook's bar that cannot use widgets falls back to text: never on stderr, which
    # nbgrader takes for a failure.
    stream = sys.stdout if in_notebook else sys.stderr
    return auto(
        total=total, desc=description, unit=unit, disable=silent, file=stream, leave=in_notebook
    )
