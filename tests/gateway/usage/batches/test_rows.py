"""The table of batches: claimed by one worker, billed once, remembered a while."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.batches.models import BatchRow
from gateway.models import DailyUsage, ExchangeRow
from gateway.usage import balances
from gateway.usage.batches import rows
from gateway.usage.batches.rows import KEPT_SECONDS, Settlement
from providers.dialects.types import Usage
from tokens.limits.calendar import Calendar
from tokens.records import Limits

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOW = NOON.timestamp()


def batch(name: str = "b1", **changes: object) -> BatchRow:
    given = {
        "made_at": NOON,
        "look_at": NOON,
        "ledger_id": "t",
        "token_id": "t",
        "provider": "p",
        "account": "a",
    }
    row = BatchRow(id=name, held=Decimal("2.5"), **{"currency": "USD"} | given | changes)
    rows.add(row)
    return row


def settlement(row: BatchRow, cost: str = "0.5") -> Settlement:
    exchange = rows.exchange_of(row, "claude-x")
    exchange.usage, exchange.cost, exchange.currency = Usage(10, output_tokens=5), Decimal(cost), "USD"
    return Settlement([exchange], Decimal(cost) - row.held, "USD", {"t": "mark"})


def test_a_batch_is_claimed_once_and_again_later() -> None:
    batch()
    batch("later", look_at=datetime(2026, 11, 25, tzinfo=UTC))
    assert [row.pk for row in rows.claim(NOW)] == ["b1"]
    assert rows.claim(NOW + 59) == []
    assert [row.pk for row in rows.claim(NOW + 61)] == ["b1"]
    rows.due("later")
    assert [row.pk for row in rows.claim(NOW + 62)] == ["later"]


def test_it_is_looked_at_less_often_the_older_it_is() -> None:
    batch()
    for age, pause in ((0, 60), (1000, 100), (80_000, 900)):
        BatchRow.objects.update(look_at=NOON)
        rows.claim(NOW + age)
        assert BatchRow.objects.get().look_at.timestamp() == NOW + age + pause


def test_it_is_billed_once_with_its_daily_sum() -> None:
    row = batch()
    assert rows.settle(row, settlement(row), NOW + 5) and not rows.settle(row, settlement(row, "9"), NOW + 6)
    [written], [day] = ExchangeRow.objects.all(), DailyUsage.objects.all()
    assert (written.surface, written.cost, written.started_at) == ("batch", Decimal("0.5"), NOON)
    assert (day.cost, day.sent, day.requests, day.model) == (Decimal("0.5"), 0, 1, "claude-x")
    assert rows.find("b1") is None and rows.claim(NOW + 10**6) == []


def test_the_same_bill_has_the_same_row_whoever_makes_it() -> None:
    row = batch()
    one, other = rows.exchange_of(row, "a"), rows.exchange_of(row, "b")
    assert one.id == rows.exchange_of(rows.find("b1"), "a").id != other.id


def test_ledgers_are_told_until_that_is_noted() -> None:
    row = batch()
    rows.settle(row, settlement(row), NOW)
    [untold] = rows.untold()
    assert (untold.difference, untold.marks) == (Decimal(-2), {"t": "mark"})
    rows.told("b1")
    assert rows.untold() == []


def test_old_ones_are_forgotten_once_they_are_billed() -> None:
    batch("open")
    row = batch("billed")
    rows.settle(row, settlement(row), NOW)
    rows.prune(NOW + KEPT_SECONDS + 1)
    assert BatchRow.objects.count() == 2
    rows.told("billed")
    rows.prune(NOW + KEPT_SECONDS - 1)
    assert BatchRow.objects.count() == 2
    rows.prune(NOW + KEPT_SECONDS + 1)
    assert [row.pk for row in BatchRow.objects.all()] == ["open"]


def test_a_book_begins_with_what_is_held_for_batches_of_its_period() -> None:
    row = batch()
    batch("before", made_at=datetime(2026, 11, 23, 12, tzinfo=UTC), ledger_id="t")
    batch("another", ledger_id="u", group_ledger="group:1")
    batch("money", currency="EUR")
    day = Limits("t", budget=Decimal(9), budget_period="day")
    ever = Limits("t", budget=Decimal(9))
    group = Limits("group:1", name="g", budget=Decimal(9), budget_period="day")
    spent = [balances.read(limits, Calendar("UTC"), NOW).spent for limits in (day, ever, group)]
    assert spent == [Decimal("2.5"), Decimal(5), Decimal("2.5")]
    rows.settle(row, settlement(row), NOW)
    assert balances.read(day, Calendar("UTC"), NOW).spent == Decimal("0.5")
