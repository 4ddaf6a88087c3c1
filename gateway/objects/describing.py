"""Remember what an answer says of a stored object, before it leaves."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import msgspec

from gateway.objects.paths import Asked
from gateway.objects.records import StoredObject
from gateway.objects.store import ObjectStore
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.types import WireAnswer

logger = logging.getLogger(__name__)


class _Told(msgspec.Struct):
    id: str | None = None


CUT_BYTES = 4096
"""Of an answer that was cut, so much is searched for the id."""
_decoder = msgspec.json.Decoder(_Told)
Make = Callable[[str, str], StoredObject]
"""Makes an object of its id and its description."""


class DescribingTap:
    """Sees the answer of one call to a path of objects. Of a good one only."""

    def __init__(self, store: ObjectStore, asked: Asked, make: Make) -> None:
        self._store = store
        self._asked = asked
        self._make = make
        self._is_done = False

    async def answered(self, answer: WireAnswer) -> None:
        """See a whole answer: errors come so, and what has no body."""
        if 200 <= answer.status < 300:
            await self.fed(answer.body)

    async def fed(self, data: bytes) -> None:
        """See an answer that was held until it was whole; of others, parts that tell nothing."""
        asked = self._asked
        if self._is_done:
            return
        if asked.deletes and asked.id is not None:
            self._is_done = True
            await self._store.delete(asked.id)
            return
        name = _id_in(data) if asked.is_whole or asked.method == "POST" else None
        if name is None:
            return
        self._is_done = True
        document = data.decode("utf-8", "replace") if data.rstrip().endswith(b"}") else ""
        if asked.makes:
            await self._store.put(self._make(name, document))
        elif name == asked.id:
            await self._store.describe(name, document)


_FLAT = rb'\s*"[^"\\]*"\s*:\s*(?:"[^"\\]*"|[\w.+-]+)\s*,'
_CUT = re.compile(rb"\s*\{(?:" + _FLAT + rb')*?\s*"id"\s*:\s*"([^"\\]+)"')


def _id_in(data: bytes) -> str | None:
    """Return the id that a JSON object tells; None when it is none. Of one that was cut, when it stands before."""
    if not data.lstrip().startswith(b"{"):
        return None
    try:
        return tolerant(_decoder.decode, data).id
    except UNREADABLE:
        cut = _CUT.match(data[:CUT_BYTES])
        return None if cut is None else cut[1].decode("utf-8", "replace")
