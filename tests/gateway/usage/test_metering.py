"""Between the road and a ledger in memory: what is reserved, what is settled, what the headers and rows say."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.exchange import CLIENT_LEFT
from gateway.usage.balances import Balances
from gateway.usage.metering import Meter
from gateway.usage.prices.copy import Prices
from gateway.usage.prices.table import Price, PriceTable
from providers.dialects.types import Usage
from tests.gateway.usage.trips import BODY, Told, call, token, trip
from tokens.errors import BalancesUnknown, LimitExceeded
from tokens.limits.calendar import Calendar
from tokens.limits.ledger import Amount, Balance, State
from tokens.limits.memory import MemoryLedger
from tokens.records import Limits

OWN = Limits("t", budget=Decimal(1), requests_per_minute=2, max_requests=9)


class Ready(Balances):
    """Knows every balance at once."""

    reads = 0

    async def provide(self, sets: tuple[Limits, ...]) -> None:
        self.reads += 1
        for limits in sets:
            await self._ledger.seed(limits, Balance(requests=1, spent=Decimal("0.25")), 0.0)


def meter(balances: type[Balances] = Ready) -> Meter:
    ledger, prices, calendar = MemoryLedger(Calendar("UTC")), Prices(), Calendar("UTC")
    prices.table = PriceTable([Price("claude-*", Decimal(2), Decimal(10))])

    async def flush() -> bool:
        return False

    return Meter(ledger, prices, balances(ledger, calendar, flush))


async def admitted(of: Meter, own: Limits = OWN):
    found = trip(model_asked="claude-x")
    await of.admit(found, call(), token(own), ())
    return found


async def state(of: Meter, own: Limits = OWN) -> State:
    [found] = await of.ledger.states((own,), 0.0)
    return found


async def sonnet(of: Meter, own: Limits = OWN):
    """Admitted, with one place to go."""
    found = trip(model_asked="claude-x")
    reservation = await of._reserve(token(own), _amount(), of._note(found, [("claude-x", "p")], _amount()))
    found.reservation = reservation
    return found


def _amount() -> Amount:
    return Amount(10, 100, Decimal("0.00102"))


async def test_what_is_reserved_is_settled_with_the_vendors_usage() -> None:
    of = meter()
    found = await sonnet(of)
    assert (await state(of)).reserved == Decimal("0.00102")
    found.exchange.is_sent, found.is_whole = True, True
    found.translator = Told(Usage(1000, output_tokens=10), "claude-x-1")
    of.conclude(found)
    of.conclude(found)  # once
    exchange = found.exchange
    assert (exchange.cost, exchange.currency, exchange.model_served) == (
        Decimal("0.0021"),
        "USD",
        "claude-x-1",
    )
    after = await state(of)
    assert (after.requests, after.spent, after.reserved) == (2, Decimal("0.2521"), 0)
    assert (after.parallel, after.minute_requests) == (0, 1)


async def test_nothing_sent_is_given_back() -> None:
    of = meter()
    of.conclude(await sonnet(of))
    after = await state(of)
    assert (after.requests, after.minute_requests, after.spent) == (1, 0, Decimal("0.25"))


async def test_the_served_name_decides_the_price_else_the_sent_else_the_asked() -> None:
    of = meter()
    for served, sent, asked, cost in (
        ("claude-a", "", "", "0.000002"),
        ("alias", "claude-a", "", "0.000002"),
        (None, "", "claude-a", "0.000002"),
        ("alias", "", "alias", None),
    ):
        found = trip(model_asked=asked, is_sent=True)
        found.translator, found.model_sent, found.is_whole = Told(Usage(1), served), sent, True
        of.conclude(found)
        assert found.exchange.cost == (None if cost is None else Decimal(cost))


async def test_the_headers_say_what_is_left_also_when_refused() -> None:
    of = meter()
    own = Limits("t", requests_per_minute=1)
    first = await admitted(of, own)
    assert (b"anthropic-ratelimit-requests-remaining", b"0") in first.wire.answer_headers
    second = trip(model_asked="claude-x")
    with pytest.raises(LimitExceeded):
        await of.admit(second, call(), token(own), ())
    assert (b"anthropic-ratelimit-requests-remaining", b"0") in second.wire.answer_headers
    assert second.reservation is None


async def test_balances_are_asked_for_once_and_may_be_unknown() -> None:
    of = meter()
    await sonnet(of)
    await sonnet(of)
    assert isinstance(of.balances, Ready)
    assert of.balances.reads == 1
    with pytest.raises(BalancesUnknown):
        await sonnet(meter(Balances))


async def test_a_lease_is_told_what_was_seen_so_far() -> None:
    of = meter()
    own = Limits("t", input_tokens_per_minute=1000)
    found = await admitted(of, own)
    assert found.reservation is not None
    assert found.reservation.progress is not None
    assert found.reservation.progress().input_tokens == -(-len(BODY) // 4)
    found.exchange.is_sent, found.exchange.upstream_status, found.exchange.status = True, 200, CLIENT_LEFT
    found.translator = Told(Usage(500, output_tokens=7), "claude-x")
    seen = found.reservation.progress()
    assert (seen.input_tokens, seen.output_tokens, seen.cost) == (500, 7, Decimal("0.00107"))
    assert found.reservation.note["seen"] == [-(-len(BODY) // 4), 0, "0"]
