"""Hear what an answer says of a batch: that it has been made, or that it has ended."""

from __future__ import annotations

from typing import Protocol

import msgspec

from gateway.exchange.context import CallContext
from gateway.usage.batches.requests import PATH, is_made
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.types import WireAnswer


class Hearer(Protocol):
    """Who wants to know."""

    async def made(self, context: CallContext, name: str) -> None: ...

    async def ended(self, name: str) -> None: ...


class _Told(msgspec.Struct):
    id: str | None = None
    processing_status: str | None = None


_decoder = msgspec.json.Decoder(_Told)


class BatchTap:
    """Sees the answer of one call about batches. It was held until it was whole, or it is of no interest."""

    def __init__(self, hearer: Hearer, context: CallContext) -> None:
        self._hearer = hearer
        self._context = context
        self._is_done = False

    async def answered(self, answer: WireAnswer) -> None:
        """See a whole answer: errors come so."""
        if 200 <= answer.status < 300:
            await self.fed(answer.body)

    async def fed(self, data: bytes) -> None:
        """See a good answer."""
        call = self._context.call
        if self._is_done or not data:
            return
        if call.path.endswith(b"/results"):
            self._is_done = True
            await self._hearer.ended(call.path[len(PATH) + 1 : -len(b"/results")].decode("latin-1"))
            return
        told = _read(data)
        if told is None or told.id is None:
            return
        self._is_done = True
        if is_made(call):
            await self._hearer.made(self._context, told.id)
        elif told.processing_status == "ended":
            await self._hearer.ended(told.id)


def _read(data: bytes) -> _Told | None:
    if not data.lstrip().startswith(b"{"):
        return None
    try:
        return tolerant(_decoder.decode, data)
    except UNREADABLE:
        return None
