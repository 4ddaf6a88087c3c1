from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import OperationalError

from gateway.kernel.moments import id_floor
from gateway.usage import balances, services, viewing
from gateway.usage.balances import Balances
from tests.gateway.usage.making import exchange
from tokens.errors import BalancesUnknown
from tokens.limits.calendar import Calendar
from tokens.limits.ledger import Balance
from tokens.limits.memory import MemoryLedger
from tokens.records import Limits

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def sent(when: str, cost: str, **values: object):
    return exchange(
        id=_id(at(when)), started_at=at(when), cost=Decimal(cost), is_sent=True, ledger_id="t", **values
    )


def at_another(when: str, **values: object):
    return exchange(id=_id(at(when)), started_at=at(when), **values)


def _id(when: float) -> str:
    """Make a UUIDv7 of that moment."""
    return str(uuid.UUID(int=id_floor(when).int + 1))


@pytest.fixture
def rows(db: None) -> None:
    services.write(
        [
            sent("2026-10-31T23:30", "1"),
            sent("2026-11-01T00:30", "2"),
            sent("2026-11-23T14:30", "4", group_ledger="group:1"),
            sent("2026-11-23T15:30", "8", group_ledger="group:1", parent_ledger="group:2"),
            sent("2026-11-24T01:00", "16", group_ledger="group:3", parent_ledger="group:2"),
            sent("2026-11-24T02:00", "32", currency="EUR"),
            at_another("2026-11-24T03:00", cost=None, ledger_id="t"),
            at_another("2026-11-24T04:00", ledger_id="other", token_id="other", is_sent=True),
        ]
    )


def read(limits: Limits, zone: str = "UTC") -> tuple[int, Decimal]:
    balance = balances.read(limits, Calendar(zone), NOW)
    return balance.requests, balance.spent


@pytest.mark.parametrize(
    ("period", "zone", "spent"),
    [
        ("never", "UTC", 31),
        ("month", "UTC", 30),
        ("week", "UTC", 28),
        ("day", "UTC", 16),
        ("day", "Asia/Tokyo", 24),  # since 2026-11-23T15:00Z: partly from the exchanges
        ("month", "America/New_York", 28),  # since 2026-11-01T04:00Z
    ],
)
def test_what_a_token_has_spent(rows: None, period: str, zone: str, spent: int) -> None:
    own = Limits("t", budget=Decimal(100), budget_currency="USD", budget_period=period)
    assert read(own, zone) == (6, spent)


def test_what_groups_have_spent(rows: None) -> None:
    def group(ledger: str) -> tuple[int, Decimal]:
        return read(Limits(ledger, "name", budget=Decimal(100)))

    assert [group(f"group:{pk}") for pk in (1, 2, 3, 4)] == [(2, 12), (2, 24), (1, 16), (0, 0)]


def test_the_view_without_a_ledger(rows: None) -> None:
    [state] = viewing.from_rows((Limits("t", budget=Decimal(100)),))
    assert (state.requests, state.spent, state.period_ends_at) == (6, 31, None)


def provider(ledger: MemoryLedger, flushes: bool = True) -> Balances:
    async def flush() -> bool:
        return flushes

    return Balances(ledger, Calendar("UTC"), flush)


async def test_a_balance_is_read_once_for_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []

    def read(limits: Limits, calendar: Calendar, now: float) -> Balance:
        reads.append(limits.ledger)
        return Balance(5)

    monkeypatch.setattr(balances, "read", read)
    ledger = MemoryLedger(Calendar("UTC"))
    found = provider(ledger)
    own = Limits("t", max_requests=9)
    await asyncio.gather(*(found.provide((own,)) for _ in range(5)))
    assert reads == ["t"]
    [state] = await ledger.states((own,), NOW)
    assert state.requests == 5


@pytest.mark.parametrize("flushes", [True, False])
async def test_unread_balances_refuse(monkeypatch: pytest.MonkeyPatch, flushes: bool) -> None:
    def read(*_: object) -> Balance:
        raise OperationalError

    monkeypatch.setattr(balances, "read", read)
    with pytest.raises(BalancesUnknown):
        await provider(MemoryLedger(Calendar("UTC")), flushes).provide((Limits("t", max_requests=9),))


async def test_who_waits_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balances, "PATIENCE_SECONDS", 0.01)
    never = asyncio.Event()

    async def flush() -> bool:
        await never.wait()
        return True

    found = Balances(MemoryLedger(Calendar("UTC")), Calendar("UTC"), flush)
    with pytest.raises(BalancesUnknown):
        await found.provide((Limits("t", max_requests=9),))
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
