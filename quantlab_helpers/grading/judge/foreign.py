"""What arrives in the place of objects that are no data."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator
from typing import Any

MAX_TEXT = 200  # characters

# Short also for containers that would be endless in full.
_short_texts = reprlib.Repr()
_short_texts.maxother = _short_texts.maxstring = MAX_TEXT


def text_of(
    value: Any, to_text: Callable[[Any], str] = _short_texts.repr, *, limit: int = MAX_TEXT
) -> str:
    """Return the text of any object, at most `limit` characters, or a note if it raises."""
    try:
        text = str.__str__(to_text(value))
    except BaseException as error:
        return f"[no text: {type(error).__name__}]"
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."


class Foreign:
    """What the other process had in place of plain data: the name of its type, and its text.

    It has no other attribute, equals nothing but itself and is no number.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        """Return the text of the original object, in angle brackets."""
        text = self._text
        return text if text.startswith("<") else f"<{type(self).__name__}: {text}>"


class Items:
    """The items that a generator or another one-way iterator gave in the other process."""

    def __init__(self, items: list[Any], text: str) -> None:
        self._items, self._text, self._next = items, text, 0

    def __iter__(self) -> Iterator[Any]:
        """Return the items that are left."""
        return self

    def __next__(self) -> Any:
        """Return the next item."""
        if self._next == len(self._items):
            raise StopIteration
        self._next += 1
        return self._items[self._next - 1]

    def left(self) -> list[Any]:
        """Return the items that are left, without taking them."""
        return self._items[self._next :]

    def __repr__(self) -> str:
        """Return the text of the original object."""
        return self._text
