"""What Claude Code reads of a person's cap: on a 200 what was spent before, at the cap a refusal it does not repeat."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.exchange.downstream import Message
from gateway.relay import errors
from gateway.usage import caps
from gateway.usage.balances import Balances
from gateway.usage.metering import Meter
from gateway.usage.prices.copy import Prices
from gateway.usage.prices.table import Price, PriceTable
from providers.catalog.records import ProviderRecord, Route
from providers.dialects.types import Target
from tests.gateway.usage.contexts import context, recording, token
from tokens.errors import CapUnreadable, LedgerUnavailable, LimitExceeded
from tokens.limits.calendar import Calendar
from tokens.limits.ledger import Balance, State
from tokens.limits.memory import MemoryLedger
from tokens.records import Limits, TokenRecord

U = "anthropic-ratelimit-unified-"
END = 1_800_000_000.0
CAP = Limits("person:1", budget=Decimal(10), budget_period="month")
POOL = Limits("group:1", "dev", budget=Decimal(100), budget_period="week")
ALWAYS = Limits("person:1", budget=Decimal(10), budget_period="never")


def state(limits: Limits, spent: str, reserved: str = "0") -> State:
    return State(limits, spent=Decimal(spent), reserved=Decimal(reserved), period_ends_at=END)


def told(*states: State) -> dict[str, str]:
    return {name.decode().removeprefix(U): value.decode() for name, value in caps.allowed(states)}


@pytest.mark.parametrize(
    ("spent", "utilization", "threshold"),
    [
        ("0", "0.00", None),
        ("5.019", "0.50", None),
        ("7.5", "0.75", None),
        ("7.6", "0.76", "0.75"),
        ("9.6", "0.96", "0.95"),
        ("9.999", "0.99", "0.95"),
        ("10", "0.99", "0.95"),
        ("12", "0.99", "0.95"),
    ],
)
def test_a_200_says_what_is_spent_and_never_all(spent: str, utilization: str, threshold: str | None) -> None:
    status = "allowed" if threshold is None else "allowed_warning"
    expected = {
        "status": status, "reset": "1800000000", "representative-claim": "overage", "overage-status": status,
        "overage-reset": "1800000000", "overage-utilization": utilization,
    }  # fmt: skip
    if threshold is not None:
        expected["overage-surpassed-threshold"] = threshold
    assert told(state(CAP, spent, reserved="9")) == expected


def test_of_cap_and_pool_the_fuller_is_told() -> None:
    assert told(state(CAP, "1"), state(POOL, "80"))["overage-utilization"] == "0.80"
    assert told(state(CAP, "9"), state(POOL, "80"))["overage-utilization"] == "0.90"


def test_what_never_resets_is_not_told() -> None:
    assert told(state(ALWAYS, "9")) == told(state(Limits("person:1", requests_per_minute=5), "0")) == {}
    assert told(state(ALWAYS, "9"), state(POOL, "5"))["overage-utilization"] == "0.05"


# Through the meter


class Spent(Balances):
    """Knows at once that so much is spent."""

    amount = Decimal(0)

    async def provide(self, sets: tuple[Limits, ...]) -> None:
        for limits in sets:
            await self._ledger.seed(limits, Balance(1, self.amount), time.time())


class Away(MemoryLedger):
    """Can't be asked."""

    async def reserve(self, *_: Any) -> Any:
        raise LedgerUnavailable


def meter(spent: str = "0", kind: type[MemoryLedger] = MemoryLedger) -> Meter:
    calendar, prices = Calendar("UTC"), Prices()
    prices.table = PriceTable([Price("claude-*", Decimal(2), Decimal(10))])
    ledger = kind(calendar)

    async def flush() -> bool:
        return True

    balances = Spent(ledger, calendar, flush)
    balances.amount = Decimal(spent)
    return Meter(ledger, prices, balances)


async def call(
    of: Meter, who: TokenRecord, surface: str = "messages", status: int = 200
) -> tuple[int, dict[str, str], Any]:
    """Ask for a call and answer it; return its status, headers, and failure."""
    sent: list[Message] = []
    found = msgspec.structs.replace(context(surface, send=recording(sent), model_asked="claude-x"), token=who)
    failure = None
    try:
        await of.reserve(found, routes())
    except (LimitExceeded, LedgerUnavailable) as problem:
        status, failure = errors.describe(problem)
        answer = errors.render(status, failure, found.surface.dialect, "id")
        await found.downstream.answer(status, answer.headers, answer.body, 0.0)
    else:
        await found.downstream.answer(status, (), b"", 0.0)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return status, headers, failure


def routes() -> tuple[Route, ...]:
    return (Route(ProviderRecord("p", "anthropic", "https://p.test"), "anthropic", Target(model="claude-x")),)


def signed_in(own: Limits = CAP, *shared: Limits) -> TokenRecord:
    return replace(token(own, shared), is_sign_in=True)


def unified(headers: dict[str, str]) -> dict[str, str]:
    return {name.removeprefix(U): value for name, value in headers.items() if name.startswith(U)}


async def test_a_sign_in_is_told_what_was_spent_before_its_call() -> None:
    of = meter("4")
    status, headers, _ = await call(of, signed_in())
    assert (status, unified(headers)["overage-utilization"]) == (200, "0.40")
    assert unified((await call(of, signed_in(), status=529))[1]) == {}
    assert unified((await call(of, signed_in(), "chat_completions"))[1]) == {}
    assert unified((await call(of, token(CAP)))[1]) == {}


async def test_at_the_cap_the_refusal_has_the_exact_form() -> None:
    now = time.time()
    status, headers, failure = await call(meter("10"), signed_in())
    today = datetime.fromtimestamp(now, UTC)
    following = datetime(today.year + today.month // 12, today.month % 12 + 1, 1, tzinfo=UTC)
    reset = str(int(following.timestamp()))
    assert status == 429
    assert unified(headers) == {
        "status": "rejected", "reset": reset, "overage-reset": reset, "overage-utilization": "1",
        "overage-surpassed-threshold": "1", "overage-period": "monthly",
        "overage-disabled-reason": "org_spend_cap_reached",
    }  # fmt: skip
    assert headers["x-should-retry"] == "false"
    assert 0 <= int(headers["retry-after"]) - (following.timestamp() - now) <= 2
    assert failure.message == (
        f"Your budget, 10 USD per month, has no room for this call until it resets on {following:%Y-%m-%d} at "
        "00:00 UTC: wait until then, or ask your administrator for more"
    )


async def test_at_a_pool_it_says_that_it_is_one() -> None:
    pool = replace(POOL, budget=Decimal(1))
    status, headers, failure = await call(meter("1"), signed_in(CAP, pool))
    assert (status, unified(headers)["overage-scope"], unified(headers)["overage-period"]) == (
        429, "group_pool", "weekly",
    )  # fmt: skip
    assert failure.message.startswith("The budget that group dev shares, 1 USD per week, has no room")


async def test_at_a_cap_that_never_resets_nobody_waits() -> None:
    status, headers, failure = await call(meter("10"), signed_in(ALWAYS))
    assert (status, unified(headers), headers["x-should-retry"]) == (429, {}, "false")
    assert "retry-after" not in headers
    assert failure.message.endswith("does not reset: ask your administrator for more")


async def test_a_plain_token_gets_the_same_error_and_none_of_the_headers() -> None:
    status, headers, failure = await call(meter("10"), token(CAP))
    assert (status, unified(headers), headers["x-should-retry"]) == (429, {}, "false")
    assert failure.kind.value == "billing" and failure.message.startswith("Token has no room")


async def test_a_rate_is_no_cap() -> None:
    of = meter()
    who = signed_in(replace(CAP, requests_per_minute=1))
    assert (await call(of, who))[0] == 200
    status, headers, failure = await call(of, who)
    assert (status, failure.kind.value, unified(headers)) == (429, "rate_limit", {})
    assert headers["x-should-retry"] == "true"


async def test_what_can_not_be_counted_is_told_so_and_nothing_else() -> None:
    of = meter(kind=Away)
    status, headers, failure = await call(of, signed_in())
    assert (status, unified(headers)) == (429, {"overage-disabled-reason": "fetch_error"})
    assert headers["x-should-retry"] == "false" and "retry-after" not in headers
    assert failure.kind.value == "billing"
    status, headers, _ = await call(of, token(CAP))
    assert (status, headers["retry-after"], unified(headers)) == (503, "1", {})
    assert errors.describe(CapUnreadable())[0] == 429
