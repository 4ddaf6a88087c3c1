"""Ledger that several processes share: books in Redis, one round trip for all of a token's limits.

Settling never makes an answer wait: it is queued, written in batches at once, and flushed when the process
ends. A running call has a lease of 60 s, renewed every 20 s with what has been seen of it; when its process
dies, the next process that looks settles it with that and hands its note to `on_lost`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from redis import exceptions
from redis.asyncio import Redis

from tokens.errors import BalancesUnknown, LedgerUnavailable
from tokens.limits import scripts
from tokens.limits.book import period_of
from tokens.limits.calendar import Calendar
from tokens.limits.encoding import (
    LEASES,
    amount_of,
    book_key,
    ending,
    figures,
    lease_key,
    limits_of,
    milliseconds,
    packed,
    parts_of,
    refusal_of,
    seen_of,
    state_of,
    text,
    unpacked,
)
from tokens.limits.extending import EXTEND
from tokens.limits.ledger import (
    LEASE_SECONDS,
    NOTHING,
    RENEW_SECONDS,
    ZERO,
    Amount,
    Balance,
    Reservation,
    State,
)
from tokens.limits.scripts import Script
from tokens.limits.shares import tell_crossed
from tokens.records import Limits, TokenRecord, currency_of

logger = logging.getLogger(__name__)

AWAY = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.ReadOnlyError, OSError)
MAX_QUEUED = 100_000
BATCH = 200
REAPS_PER_RENEWAL = 4


@dataclass(frozen=True, slots=True)
class Lost:
    """Call whose process died: its note, and the amount that its budget keeps."""

    note: Mapping[str, Any]
    amount: Amount


@dataclass(frozen=True, slots=True)
class _Ending:
    keys: list[str]
    asked: bytes  # empty: the keys are deleted
    sets: tuple[Limits, ...] = ()
    cost: Decimal = ZERO

    def tell(self, answer: bytes | None) -> None:
        """Tell which budgets have reached a level by this call."""
        for index, *spent in unpacked(answer) if answer else ():
            after = amount_of(*spent)
            tell_crossed(self.sets[index], after - self.cost, after)


class RedisLedger:
    """Shared ledger of one event loop; `start` begins renewing and reaping leases, `aclose` flushes."""

    keeps_notes = True

    def __init__(self, redis: Redis, calendar: Calendar, lease_seconds: float = LEASE_SECONDS) -> None:
        self._redis: Any = redis  # answers are bytes, and lists of them
        self._calendar = calendar
        self._lease_ms = int(lease_seconds * 1000)
        self._renew_seconds = lease_seconds * RENEW_SECONDS / LEASE_SECONDS
        self._live: dict[str, Reservation] = {}
        self._endings: deque[_Ending] = deque()
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_closing = False

    async def start(self, on_lost: Callable[[Lost], None]) -> None:
        self._tasks = [
            asyncio.create_task(self._write(), name="ledger-writer"),
            asyncio.create_task(self._renew(on_lost), name="ledger-leases"),
        ]

    async def reserve(
        self, record: TokenRecord, estimate: Amount, now: float, note: Mapping[str, object]
    ) -> Reservation:
        """Reserve as in `Ledger`; raises `LedgerUnavailable` when Redis is away."""
        sets, at = record.counted, milliseconds(now)
        call_id = str(note.get("id") or uuid.uuid4())
        data = text({"sets": [limits.ledger for limits in sets], "note": note})
        books = [[*limits_of(limits), *self._period(limits, now)] for limits in sets]
        asked = packed((at, call_id, at + self._lease_ms, *figures(estimate), data, books))
        keys = [LEASES, lease_key(call_id), *[book_key(limits.ledger) for limits in sets]]
        told = unpacked(await self._run(scripts.RESERVE, keys, asked))
        if told[0] == "missing":
            raise BalancesUnknown(tuple(sets[index] for index in told[1]))
        states = tuple(state_of(limits, found) for limits, found in zip(sets, told[1:], strict=True))
        if told[0] != "ok":
            raise refusal_of(sets, told[0], states)
        reservation = Reservation(call_id, sets, estimate, now, states, note)
        self._live[call_id] = reservation
        return reservation

    async def seed(self, limits: Limits, balance: Balance, now: float) -> None:
        spent = parts_of(balance.spent)
        asked = packed((uuid.uuid4().hex, balance.requests, *spent, *self._period(limits, now)))
        await self._run(scripts.SEED, [book_key(limits.ledger)], asked)

    async def extend(self, reservation: Reservation, extra: Decimal, now: float) -> bool:
        if not reservation.is_open:
            return True
        budgets = [(-1, 0) if own.budget is None else parts_of(own.budget) for own in reservation.sets]
        asked = packed((milliseconds(now), *parts_of(extra), budgets))
        keys = [LEASES, lease_key(reservation.id), *[book_key(own.ledger) for own in reservation.sets]]
        if not await self._run(EXTEND, keys, asked):
            return False
        reservation.estimate = replace(reservation.estimate, cost=reservation.estimate.cost + extra)
        return True

    def settle(self, reservation: Reservation, actual: Amount, now: float) -> None:
        self._end(reservation, "settle", actual, now)

    def give_back(self, reservation: Reservation, now: float) -> None:
        self._end(reservation, "back", NOTHING, now)

    def forget(self, ledger: str) -> None:
        self._queue(_Ending([book_key(ledger)], b""))

    async def states(self, sets: tuple[Limits, ...], now: float) -> tuple[State, ...]:
        if not sets:
            return ()
        await self.flush()
        asked = packed((milliseconds(now), [self._period(limits, now) for limits in sets]))
        keys = [book_key(limits.ledger) for limits in sets]
        told = unpacked(await self._run(scripts.STATES, keys, asked))
        return tuple(state_of(limits, found) for limits, found in zip(sets, told, strict=True) if found)

    async def ping(self) -> None:
        """Ask whether Redis is there. Raises `LedgerUnavailable` when it does not answer."""
        try:
            await self._redis.ping()
        except AWAY as exc:
            raise LedgerUnavailable from exc

    async def flush(self) -> None:
        """Write queued endings, wait for those under way. Raises `LedgerUnavailable`: the rest stays queued."""
        async with self._writing:
            while batch := [self._endings.popleft() for _ in range(min(len(self._endings), BATCH))]:
                try:
                    await self._write_batch(batch)
                except AWAY as exc:
                    self._endings.extendleft(reversed(batch))
                    raise LedgerUnavailable from exc

    async def aclose(self) -> None:
        self._is_closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        try:
            async with asyncio.timeout(5.0):
                await self.flush()
        except (LedgerUnavailable, TimeoutError):
            logger.warning("%d settled calls could not be told to Redis: their leases will end", self.queued)

    @property
    def queued(self) -> int:
        return len(self._endings)

    async def reap(self, now: float, on_lost: Callable[[Lost], None]) -> int:
        """Settle calls whose lease has ended, once over all processes; return how many were found."""
        ids = await self._redis.zrangebyscore(LEASES, "-inf", milliseconds(now), start=0, num=BATCH)
        for raw in ids:
            await self._reap_one(raw.decode(), now, on_lost)
        return len(ids)

    async def _reap_one(self, call_id: str, now: float, on_lost: Callable[[Lost], None]) -> None:
        found = await self._redis.hgetall(lease_key(call_id))
        if not found:
            await self._redis.zrem(LEASES, call_id)
            return
        data = json.loads(found[b"data"])
        amount = seen_of(found, data["note"])
        keys = [LEASES, lease_key(call_id), *(book_key(ledger) for ledger in data["sets"])]
        if await self._run(scripts.SETTLE, keys, ending(now, call_id, "settle", amount)) is not None:
            on_lost(Lost({**data["note"], "id": call_id}, amount))

    def _end(self, reservation: Reservation, how: str, actual: Amount, now: float) -> None:
        if not reservation.is_open:
            return
        reservation.is_open = False
        self._live.pop(reservation.id, None)
        keys = [LEASES, lease_key(reservation.id), *[book_key(limits.ledger) for limits in reservation.sets]]
        self._queue(_Ending(keys, ending(now, reservation.id, how, actual), reservation.sets, actual.cost))

    def _queue(self, written: _Ending) -> None:
        if len(self._endings) >= MAX_QUEUED:
            self._endings.popleft()  # its lease will end by itself
        self._endings.append(written)
        self._wake.set()

    async def _write(self) -> None:
        while not self._is_closing:  # a client that has just been answered loses a cancellation
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.flush()
            except LedgerUnavailable:
                logger.warning("Redis is away: %d settled calls wait for it", self.queued)
                await asyncio.sleep(1.0)
                self._wake.set()

    async def _write_batch(self, batch: Sequence[_Ending]) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for each in batch:
                if each.asked:
                    pipe.evalsha(scripts.SETTLE.sha, len(each.keys), *each.keys, each.asked)
                else:
                    pipe.delete(*each.keys)
            told = await pipe.execute(raise_on_error=False)
        for each, answer in zip(batch, told, strict=True):
            if isinstance(answer, exceptions.NoScriptError):
                each.tell(await self._run(scripts.SETTLE, each.keys, each.asked))
            elif isinstance(answer, Exception):
                raise answer
            elif each.asked:
                each.tell(answer)

    async def _renew(self, on_lost: Callable[[Lost], None]) -> None:
        turn = 0
        while not self._is_closing:
            await asyncio.sleep(self._renew_seconds / REAPS_PER_RENEWAL)
            turn += 1
            try:
                if turn % REAPS_PER_RENEWAL == 0:
                    await self.renew(time.time())
                await self.reap(time.time(), on_lost)
            except (LedgerUnavailable, *AWAY) as exc:
                logger.warning("Leases can't be renewed: %s", type(exc).__name__)

    async def renew(self, now: float) -> None:
        """Prolong the leases of the running calls, and leave with each what was seen so far."""
        until = milliseconds(now) + self._lease_ms
        live = list(self._live.values())
        for start in range(0, len(live), BATCH):
            calls = []
            for reservation in live[start : start + BATCH]:
                seen = NOTHING if reservation.progress is None else reservation.progress()
                calls.append((reservation.id, text((seen.input_tokens, seen.output_tokens, str(seen.cost)))))
            await self._run(scripts.RENEW, [LEASES], packed((lease_key(""), until, calls)))

    def _period(self, limits: Limits, now: float) -> list[str | int]:
        """Return kind and currency, start, end in milliseconds; "" for a set without a budget."""
        if limits.budget is None:
            return ["", 0, -1]
        period = period_of(limits, self._calendar, now)
        end = -1 if math.isinf(period.end) else milliseconds(period.end)
        return [f"{period.kind}:{currency_of(limits)}", milliseconds(period.start), end]

    async def _run(self, script: Script, keys: list[str], asked: bytes) -> Any:
        try:
            with contextlib.suppress(exceptions.NoScriptError):
                return await self._redis.evalsha(script.sha, len(keys), *keys, asked)
            return await self._redis.eval(script.text, len(keys), *keys, asked)
        except AWAY as exc:
            raise LedgerUnavailable from exc
