"""A sealer whose seals can be read in a transcript. Not secret."""

from __future__ import annotations

import base64


class PlainSealer:
    """Binds to the context as a real one does, and gives the same seal every time."""

    prefix = "sealed:"

    def seal(self, plain: bytes, context: str) -> str:
        return base64.b64encode(context.encode() + b"\0" + plain).decode()

    def open(self, sealed: str, context: str) -> bytes | None:
        try:
            found, _, plain = base64.b64decode(sealed, validate=True).partition(b"\0")
        except ValueError:
            return None
        return plain if found == context.encode() else None


class CountedIds:
    """`ids("msg_")` gives msg_1, msg_2, …"""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"
