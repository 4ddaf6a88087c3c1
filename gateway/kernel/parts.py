"""The parts of this process that pages, commands and the admin look for: the running pool, the reader of limits.

Composition puts them here, and nobody else. What stands on a call's way is handed what it needs and asks nothing.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")


class Key(Generic[T]):
    """Names a part, and with it the part's type. An app defines the keys of what it needs from others."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Key({self.name!r})"


class Parts:
    """Parts by key. A process that serves nothing has fewer of them."""

    def __init__(self) -> None:
        self._found: dict[Key[Any], Any] = {}

    def put(self, key: Key[T], part: T) -> None:
        """Put a part in its place, instead of the one before it."""
        self._found[key] = part

    def drop(self, key: Key[T], part: T | None = None) -> None:
        """Empty a place; with `part` only where it is still that one's. No error if it is empty."""
        if part is None or self._found.get(key) is part:
            self._found.pop(key, None)

    def get(self, key: Key[T]) -> T | None:
        """Return the part; None when there is none in this process."""
        return cast("T | None", self._found.get(key))


PARTS = Parts()
"""Of this process."""
