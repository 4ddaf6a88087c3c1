"""Correct what ledgers in use have counted as spent, once what they counted it for is known.

Money that is charged before its time, such as what a batch may cost, is corrected by the difference. Rows say the
same at that moment, so only a book is corrected that was opened before them: its mark tells.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from redis import exceptions
from redis.asyncio import Redis

from tokens.errors import LedgerUnavailable
from tokens.limits.encoding import PREFIX, book_key, milliseconds, packed, parts_of, unpacked
from tokens.limits.scripts import Script

AWAY = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.ReadOnlyError, OSError)
REMEMBERED_MS = 40 * 86_400_000
"""So long a correction is known as made."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A difference to what is spent in one currency. `id`: whoever repeats it changes nothing.

    `marks`: the books that it is for, by ledger. `at`: the moment (Unix seconds) at which the money was charged; a
    budget whose period began later is none of its business.
    """

    id: str
    marks: Mapping[str, str]
    difference: Decimal
    currency: str
    at: float


class Corrector(Protocol):
    """Corrects the books of one process, or those that processes share."""

    async def marks(self, ledgers: Iterable[str]) -> dict[str, str]:
        """Return the marks of those books that are open. Raises `LedgerUnavailable`."""

    async def correct(self, correction: Correction) -> None:
        """Correct those books that still have their marks. Raises `LedgerUnavailable`."""


_CORRECT = """
-- KEYS: correction, books…  asked: at, difference hi, lo, colon and currency, life, mark per book
local at, dh, dl, currency, life, marks = unpack(asked)
if not redis.call('SET', KEYS[1], '1', 'NX', 'PX', text(life)) then return 0 end
for i = 2, #KEYS do
  local b = read(KEYS[i], at)
  if b and b.g == marks[i - 1] and at >= b.ps and string.sub(b.pk, -#currency) == currency then
    b.sh, b.sl = add(b.sh, b.sl, dh, dl)
    write(b)
  end
end
return 1
"""
CORRECT = Script(_CORRECT)


class RedisCorrector:
    """Corrects the books in Redis: one round trip, all of them or none."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis

    async def marks(self, ledgers: Iterable[str]) -> dict[str, str]:
        found = {}
        try:
            for ledger in ledgers:
                raw = await self._redis.hget(book_key(ledger), "c")
                if raw is not None:
                    found[ledger] = str(unpacked(raw)["g"])
        except AWAY as exc:
            raise LedgerUnavailable from exc
        return found

    async def correct(self, correction: Correction) -> None:
        marks, asked = correction.marks, f":{correction.currency}"
        figures = (milliseconds(correction.at), *parts_of(correction.difference), asked, REMEMBERED_MS)
        keys = [f"{PREFIX}corrected:{correction.id}", *map(book_key, marks)]
        await self._run(keys, packed((*figures, list(marks.values()))))

    async def _run(self, keys: list[str], asked: bytes) -> None:
        try:
            with contextlib.suppress(exceptions.NoScriptError):
                await self._redis.evalsha(CORRECT.sha, len(keys), *keys, asked)
                return
            await self._redis.eval(CORRECT.text, len(keys), *keys, asked)
        except AWAY as exc:
            raise LedgerUnavailable from exc
