"""What a bearer is told of its budget: cents, periods, and which of several budgets the client shows."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from gateway.exchange.downstream import Request
from gateway.kernel.parts import PARTS
from gateway.models import DailyUsage
from gateway.personal.budget import OwnUsage, cents, of_token, shown, unlimited
from tests.gateway.usage.contexts import token
from tokens.limits import usage
from tokens.limits.ledger import State
from tokens.records import Limits, TokenRecord

MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
CAP = Limits("person:1", budget=Decimal(500), budget_currency="USD", budget_period="month")
POOL = Limits("group:1", "dev", budget=Decimal(1000), budget_currency="USD", budget_period="week")


def state(limits: Limits, spent: str, ends_at: float | None = MIDNIGHT) -> State:
    return State(limits, spent=Decimal(spent), period_ends_at=ends_at)


def test_the_cap_of_a_person() -> None:
    assert shown([state(CAP, "123.456")]) == {
        "extra_usage": {
            "is_enabled": True, "monthly_limit": 50000, "used_credits": 12345.6, "utilization": 24, "currency": "USD",
        },
        "limits": [
            {"kind": "spend", "group": "monthly", "percent": 24, "resets_at": "2026-12-01T00:00:00Z",
             "severity": "normal", "is_active": True},
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cap", "pool", "active", "used"),
    [("100", "900", "weekly", 90000), ("450", "100", "monthly", 45000), ("0", "0", "monthly", 0)],
)
def test_the_fullest_is_shown(cap: str, pool: str, active: str, used: int) -> None:
    told: Any = shown([state(CAP, cap), state(POOL, pool)])
    assert [row["group"] for row in told["limits"]] == ["monthly", "weekly"]
    assert [row["group"] for row in told["limits"] if row["is_active"]] == [active]
    assert told["extra_usage"]["used_credits"] == used


def test_a_budget_that_never_begins_anew_has_no_row() -> None:
    once = Limits("t", budget=Decimal("2.5"), budget_period="never")
    told: Any = shown([state(once, "5", None)])
    assert told["limits"] == [] and told["extra_usage"]["currency"] == "USD"
    assert (told["extra_usage"]["monthly_limit"], told["extra_usage"]["utilization"]) == (250, 100)


def test_nothing_to_spend_is_spent() -> None:
    told: Any = shown([state(Limits("t", budget=Decimal(0), budget_period="day"), "0")])
    assert (told["limits"][0]["group"], told["limits"][0]["percent"]) == ("daily", 100)


@pytest.mark.parametrize(
    ("amount", "told"),
    [("1", 100), ("0.015", 1.5), ("0.0000004", 0), ("0.00123456", 0.1235), ("12.30", 1230)],
)
def test_cents(amount: str, told: float) -> None:
    assert cents(Decimal(amount)) == told


def spend(day: str, cost: str, ledger: str = "person:1", currency: str = "USD") -> None:
    DailyUsage.objects.create(
        id=uuid.uuid4(),
        day=day,
        ledger_id=ledger,
        token_id="t",
        cost=Decimal(cost),
        currency=currency,
        requests=1,
    )


@pytest.mark.django_db
def test_without_a_cap_it_is_told_what_was_spent_of_late() -> None:
    for day, cost in (("2026-11-19", "5"), ("2026-11-16", "3"), ("2026-11-02", "2"), ("2026-10-31", "100")):
        spend(day, cost)
    spend("2026-11-19", "50", ledger="person:2")
    thursday = datetime(2026, 11, 19, 23, 59, tzinfo=UTC).timestamp()
    nothing = {"limit": None, "utilization": None}
    assert unlimited(Limits("person:1"), thursday) == {
        "extra_usage": {
            "is_enabled": True, "monthly_limit": None, "used_credits": 1000, "utilization": None, "currency": "USD",
            "daily": {**nothing, "used_credits": 500}, "weekly": {**nothing, "used_credits": 800},
        },
        "limits": [],
    }  # fmt: skip


@pytest.fixture
def spent() -> Any:
    """Say that half of every budget is spent."""
    before = PARTS.get(usage.READER)
    PARTS.put(usage.READER, lambda sets: tuple(state(each, str((each.budget or 0) / 2)) for each in sets))
    yield
    PARTS.drop(usage.READER)
    if before is not None:
        PARTS.put(usage.READER, before)


def of(own: Limits, **more: Any) -> Any:
    return of_token(TokenRecord("t", "", 0, 0, None, False, None, None, "dev", own.ledger, own, **more))


def test_who_signed_in_sees_cap_and_pool_and_a_plain_token_its_own(spent: None) -> None:
    assert len(of(CAP, shared=(POOL,), is_sign_in=True)["limits"]) == 2
    assert [row["group"] for row in of(Limits("person:1"), shared=(POOL,), is_sign_in=True)["limits"]] == [
        "weekly"
    ]
    assert [row["group"] for row in of(CAP, shared=(POOL,))["limits"]] == ["monthly"]


@pytest.mark.django_db(transaction=True)
async def test_the_answer_is_not_kept_anywhere(spent: None) -> None:
    request = Request("GET", b"/api/oauth/usage", b"", (), "")
    answer = await OwnUsage().answer(token(CAP), b"", request, None)  # type: ignore[arg-type]
    assert answer.status == 200 and dict(answer.headers)[b"cache-control"] == b"no-store"
    assert orjson.loads(answer.body)["extra_usage"]["utilization"] == 50
