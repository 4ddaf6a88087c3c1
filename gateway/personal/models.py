"""Ask which models a token may use. The running relay has the lists; a process that serves nothing knows none."""

from __future__ import annotations

from collections.abc import Callable

from gateway.kernel.parts import PARTS, Key
from tokens.records import TokenRecord

Reader = Callable[[TokenRecord], list[str]]
READER: Key[Reader] = Key("reader of models")
"""Gives the names. Called from threads, never from the relay's own event loop."""


def of(token: TokenRecord) -> list[str]:
    """Return the names that this token may ask for, in order."""
    reader = PARTS.get(READER)
    return [] if reader is None else reader(token)
