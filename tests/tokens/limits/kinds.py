"""Ledgers that the same tests run on, with a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from decimal import Decimal
from typing import Any

from redis.asyncio import Redis

from tests.fakes.redis import RedisServer
from tokens.limits.calendar import Calendar
from tokens.limits.ledger import Amount, Balance, Reservation, State
from tokens.limits.memory import MemoryLedger
from tokens.limits.redis import RedisLedger
from tokens.records import Limits, TokenRecord, unrecorded

START = 1_795_500_000.0  # a Tuesday in November 2026


def record(own: Limits, *shared: Limits) -> TokenRecord:

    token = replace(unrecorded(own.ledger, "", (0, 2**40)), own=own)
    return token.with_shared(shared)


def amount(input_tokens: int = 0, output_tokens: int = 0, cost: str | Decimal = "0") -> Amount:
    return Amount(input_tokens, output_tokens, Decimal(cost))


class Subject:
    """Ledger behind synchronous calls."""

    def __init__(self, ledger: MemoryLedger | RedisLedger, loop: asyncio.AbstractEventLoop) -> None:
        self.ledger = ledger
        self.loop = loop
        self.now = START
        self.redis: Redis | None = None  # of the shared one
        self._count = 0

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def open(self, token: TokenRecord, balance: Balance | None = None) -> None:
        for limits in token.counted:
            self.run(self.ledger.seed(limits, balance or Balance(), self.now))

    def reserve(self, token: TokenRecord, estimate: Amount | None = None) -> Reservation:
        self._count += 1
        note = {"id": f"call-{self._count}"}
        return self.run(self.ledger.reserve(token, estimate or amount(), self.now, note))

    def extend(self, reservation: Reservation, extra: str) -> bool:
        return bool(self.run(self.ledger.extend(reservation, Decimal(extra), self.now)))

    def settle(self, reservation: Reservation, actual: Amount | None = None) -> None:
        self.ledger.settle(reservation, actual or amount(), self.now)
        self._flush()

    def give_back(self, reservation: Reservation) -> None:
        self.ledger.give_back(reservation, self.now)
        self._flush()

    def forget(self, ledger: str) -> None:
        self.ledger.forget(ledger)
        self._flush()

    def state(self, limits: Limits) -> State:
        [found] = self.run(self.ledger.states((limits,), self.now))
        return found

    def _flush(self) -> None:
        if isinstance(self.ledger, RedisLedger):
            self.run(self.ledger.flush())

    def close(self) -> None:
        self.run(self.ledger.aclose())
        self.loop.close()


def memory(zone: str = "UTC") -> Subject:
    return Subject(MemoryLedger(Calendar(zone)), asyncio.new_event_loop())


def shared(server: RedisServer, zone: str = "UTC") -> Subject:
    """Build the shared ledger on an emptied Redis."""
    loop = asyncio.new_event_loop()
    client = Redis.from_url(server.url)
    loop.run_until_complete(client.flushall())
    subject = Subject(RedisLedger(client, Calendar(zone)), loop)
    subject.redis = client
    return subject
