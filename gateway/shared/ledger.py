"""Guard the shared ledger: while Redis is away, limited calls are refused, or counted in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from gateway.shared.redis import Health
from tokens.errors import LedgerUnavailable, LimitExceeded
from tokens.limits.ledger import Amount, Balance, Ledger, Reservation, State
from tokens.limits.redis import RedisLedger
from tokens.records import Limits, TokenRecord


class GuardedLedger:
    """Decides on limited calls with Redis, or without it while it is away. `local` None = refuse.

    What was counted locally is in the recorded rows: when Redis is back, the books of those ledgers are read
    from there anew. `count` is told what each decision without Redis was, `refused` or `local`.
    """

    keeps_notes = True

    def __init__(
        self, shared: RedisLedger, local: Ledger | None, health: Health, count: Callable[[str], None]
    ) -> None:
        self._shared = shared
        self._local = local
        self._health = health
        self._count = count
        self._local_calls: set[str] = set()
        self._local_ledgers: set[str] = set()

    async def reserve(
        self, record: TokenRecord, estimate: Amount, now: float, note: Mapping[str, object]
    ) -> Reservation:
        if self._health.is_up:
            try:
                await self._hand_back()
                reservation = await self._shared.reserve(record, estimate, now, note)
            except LedgerUnavailable as exc:
                self._health.down(exc.__cause__ or exc)
            else:
                self._health.up()
                return reservation
        return await self._without_redis(record, estimate, now, note)

    async def _without_redis(
        self, record: TokenRecord, estimate: Amount, now: float, note: Mapping[str, object]
    ) -> Reservation:
        if self._local is None:
            self._count("refused")
            raise LedgerUnavailable
        try:
            reservation = await self._local.reserve(record, estimate, now, note)
        except LimitExceeded:
            self._count("local")
            raise
        self._count("local")
        self._local_calls.add(reservation.id)
        self._local_ledgers.update(limits.ledger for limits in reservation.sets)
        return reservation

    async def seed(self, limits: Limits, balance: Balance, now: float) -> None:
        if self._health.is_up:
            try:
                await self._shared.seed(limits, balance, now)
            except LedgerUnavailable as exc:
                self._health.down(exc.__cause__ or exc)
            else:
                return
        if self._local is None:
            raise LedgerUnavailable
        await self._local.seed(limits, balance, now)

    async def extend(self, reservation: Reservation, extra: Decimal, now: float) -> bool:
        """Extend a hold where it was taken. With Redis away the call goes on: its answer is under way."""
        if self._local is not None and reservation.id in self._local_calls:
            return await self._local.extend(reservation, extra, now)
        if not self._health.is_up:
            return True
        try:
            return await self._shared.extend(reservation, extra, now)
        except LedgerUnavailable as exc:
            self._health.down(exc.__cause__ or exc)
            return True

    def settle(self, reservation: Reservation, actual: Amount, now: float) -> None:
        self._of(reservation).settle(reservation, actual, now)

    def give_back(self, reservation: Reservation, now: float) -> None:
        self._of(reservation).give_back(reservation, now)

    def forget(self, ledger: str) -> None:
        self._shared.forget(ledger)
        if self._local is not None:
            self._local.forget(ledger)

    async def states(self, sets: tuple[Limits, ...], now: float) -> tuple[State, ...]:
        if self._health.is_up:
            try:
                return await self._shared.states(sets, now)
            except LedgerUnavailable as exc:
                self._health.down(exc.__cause__ or exc)
        return () if self._local is None else await self._local.states(sets, now)

    async def aclose(self) -> None:
        await self._shared.aclose()

    def _of(self, reservation: Reservation) -> Ledger:
        if self._local is not None and reservation.id in self._local_calls:
            self._local_calls.discard(reservation.id)
            return self._local
        return self._shared

    async def _hand_back(self) -> None:
        """Hand locally counted ledgers back before the first question to a Redis that may be back.

        Raises `LedgerUnavailable` when it is not.
        """
        if not self._local_ledgers:
            return
        await self._shared.ping()
        for ledger in self._local_ledgers:
            self.forget(ledger)
        self._local_ledgers.clear()
        await self._shared.flush()
