"""Taps: who sees the bytes of one exchange's answer on their way to the client."""

from __future__ import annotations

from typing import Protocol

from providers.dialects.types import WireAnswer


class Tap(Protocol):
    """Made for one attempt, with the request it belongs to. It sees what leaves, and changes nothing of it."""

    async def answered(self, answer: WireAnswer) -> None:
        """See a whole answer, as the client gets it, before it leaves."""

    async def fed(self, data: bytes) -> None:
        """See the next bytes of a streamed answer before they leave."""
