"""The meter between relay and a ledger in memory: what is reserved and settled, what headers and rows say."""

from __future__ import annotations

import time
from decimal import Decimal

import msgspec
import pytest

from gateway.exchange.context import CallContext, Hold
from gateway.exchange.downstream import Message
from gateway.exchange.exchange import CLIENT_LEFT
from gateway.exchange.surfaces import SURFACES
from gateway.usage.balances import Balances
from gateway.usage.metering import Meter, seen
from gateway.usage.prices.copy import Prices
from gateway.usage.prices.table import Price, PriceTable
from providers.dialects.types import UNREAD, Usage
from tests.gateway.usage.contexts import BODY, Told, context, recording, tell, token
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


async def admitted(of: Meter, own: Limits = OWN) -> tuple[CallContext, Hold]:
    found = context(own=own, model_asked="claude-x")
    return found, await of.reserve(found, ())


async def state(of: Meter, own: Limits = OWN) -> State:
    [found] = await of.ledger.states((own,), 0.0)
    return found


async def sonnet(of: Meter, own: Limits = OWN) -> tuple[CallContext, Hold]:
    """Reserve for a call that has one place to go."""
    found = context(own=own, model_asked="claude-x")
    try:
        reservation = await of.ledger.reserve(token(own), _amount(), time.time(), {})
    except BalancesUnknown as unknown:
        await of.balances.provide(unknown.sets)
        reservation = await of.ledger.reserve(token(own), _amount(), time.time(), {})
    return found, Hold(reservation, 10)


def _amount() -> Amount:
    return Amount(10, 100, Decimal("0.00102"))


async def test_what_is_reserved_is_settled_with_the_vendors_usage() -> None:
    of = meter()
    found, hold = await sonnet(of)
    assert (await state(of)).reserved == Decimal("0.00102")
    found.exchange.is_sent, found.exchange.provider = True, "p"
    tell(found, Usage(1000, output_tokens=10), "claude-x-1", is_whole=True)
    of.conclude(found, hold)
    of.conclude(found, hold)  # once
    exchange = found.exchange
    assert (exchange.cost, exchange.currency, exchange.model_served) == (
        Decimal("0.0021"),
        "USD",
        "claude-x-1",
    )
    after = await state(of)
    assert (after.requests, after.spent, after.reserved) == (2, Decimal("0.2521"), 0)
    assert after.parallel == 0


async def test_a_call_costs_what_stands_when_it_ends_and_a_credit_is_in_its_counts_alone() -> None:
    """A refusal gives a credit, a price is changed, and the credit is redeemed: its vendor tells it as tokens read."""
    of = meter()
    refused, hold = await sonnet(of)
    refused.exchange.is_sent = True
    tell(refused, Usage(10, cache_write_5m_tokens=1000, output_tokens=1), "claude-x-1", is_whole=True)
    of.conclude(refused, hold)
    first = refused.exchange.cost
    again, hold = await sonnet(of)
    held = (await state(of)).reserved
    of.prices.table = PriceTable([Price("claude-*", Decimal(20), Decimal(100), cache_read=Decimal(2))])
    assert (await state(of)).reserved == held
    again.exchange.is_sent = True
    tell(again, Usage(10, cache_read_tokens=1000, output_tokens=1), "claude-x-1", is_whole=True)
    of.conclude(again, hold)
    assert first == refused.exchange.cost == Decimal("0.00203")
    assert again.exchange.cost == Decimal("0.0023")
    after = await state(of)
    assert (after.spent, after.reserved) == (Decimal("0.25") + first + again.exchange.cost, 0)


async def test_nothing_sent_is_given_back() -> None:
    of = meter()
    of.conclude(*await sonnet(of))
    after = await state(of)
    assert (after.requests, after.spent) == (1, Decimal("0.25"))


async def test_what_is_given_back_before_the_answer_is_given_back_once() -> None:
    of = meter()
    found, hold = await sonnet(of)
    await of.give_back(hold)
    assert (await state(of)).requests == 1
    of.conclude(found, hold)
    assert (await state(of)).requests == 1


async def test_the_served_name_decides_the_price_else_the_sent_else_the_asked() -> None:
    of = meter()
    for served, sent, asked, cost in (
        ("claude-a", "", "", "0.000002"),
        ("alias", "claude-a", "", "0.000002"),
        (None, "", "claude-a", "0.000002"),
        ("alias", "", "alias", None),
    ):
        found = context(model_asked=asked, is_sent=True)
        tell(found, Usage(1), served, sent, is_whole=True)
        of.conclude(found, None)
        assert found.exchange.cost == (None if cost is None else Decimal(cost))


async def test_the_headers_say_what_is_left_also_when_refused() -> None:
    of = meter()
    own = Limits("t", requests_per_minute=1)
    await admitted(of, own)
    assert (await state(of, own)).minute_requests == 1
    for limits, is_refused in ((Limits("u", requests_per_minute=1), False), (own, True)):
        sent: list[Message] = []
        found = context(own=limits, send=recording(sent), model_asked="claude-x")
        if is_refused:
            with pytest.raises(LimitExceeded):
                await of.reserve(found, ())
        else:
            await of.reserve(found, ())
        await found.downstream.answer(200, (), b"", 0.0)
        assert (b"anthropic-ratelimit-requests-remaining", b"0") in sent[0]["headers"]


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
    assert isinstance(of.ledger, MemoryLedger)
    of.ledger.keeps_notes = True  # as one does that others read after this process's death
    own = Limits("t", input_tokens_per_minute=1000)
    found, hold = await admitted(of, own)
    progress = hold.reservation.progress
    assert progress is not None
    assert progress().input_tokens == -(-len(BODY) // 4) == hold.input_estimate
    found.exchange.is_sent, found.exchange.upstream_status, found.exchange.status = True, 200, CLIENT_LEFT
    tell(found, Usage(500, output_tokens=7), "claude-x")
    seen = progress()
    assert (seen.input_tokens, seen.output_tokens, seen.cost) == (500, 7, Decimal("0.00107"))
    assert hold.reservation.note["seen"] == [-(-len(BODY) // 4), 0, "0"]


async def test_in_memory_a_call_is_noted_by_its_name_alone() -> None:
    found, hold = await admitted(meter(), Limits("t", input_tokens_per_minute=1000))
    assert hold.reservation.note == {"id": found.exchange.id} and hold.reservation.id == found.exchange.id


def left(usage: Usage, **values: object) -> CallContext:
    found = context(status=CLIENT_LEFT, is_sent=True, upstream_status=200, bytes_in=640, bytes_out=400)
    tell(found, usage, **{"is_streaming": True, "opening_output_tokens": 1, **values})
    return found


def usage_seen(found: CallContext, input_estimate: int) -> Usage:
    return seen(found, found.attempts[-1].translator.usage, input_estimate)


async def test_a_client_that_left_is_estimated_from_what_was_seen() -> None:
    assert usage_seen(left(Usage(12, 5, 0, 0, 1)), 0) == Usage(12, 5, 0, 0, 20, is_estimated=True)
    assert usage_seen(left(Usage()), 0) == Usage(100, output_tokens=20, is_estimated=True)
    assert usage_seen(left(Usage()), 33).input_tokens == 33


async def test_a_stream_with_large_pieces_is_estimated_by_what_was_written_in_them() -> None:
    found = left(Usage(12, 5, 0, 0, 1))
    translator = found.attempts[-1].translator
    assert isinstance(translator, Told)
    translator.told_tokens = 150
    assert usage_seen(found, 0) == Usage(12, 5, 0, 0, 150, is_estimated=True)


async def test_final_figures_are_no_estimate() -> None:
    final = Usage(12, 0, 0, 0, 34)
    assert usage_seen(left(final), 0) == final
    assert usage_seen(left(Usage(12), is_whole=True), 0) == Usage(12)


async def test_a_whole_answer_that_nobody_could_read_is_estimated() -> None:
    told = {"is_whole": True, "is_streaming": False, "opening_output_tokens": 0}
    unread = left(UNREAD, **told)
    assert usage_seen(unread, 0) == Usage(100, output_tokens=160, is_estimated=True)
    for path in (b"/v1/messages/count_tokens", b"/model/m/count-tokens"):
        assert usage_seen(msgspec.structs.replace(unread, path=path), 0) == Usage()


async def test_an_estimate_stays_one_and_what_it_lacks_is_estimated() -> None:
    told = {"is_whole": True, "opening_output_tokens": 0}
    only_output = Usage(output_tokens=40, is_estimated=True)
    assert usage_seen(left(only_output, **told), 0) == Usage(100, output_tokens=40, is_estimated=True)
    only_input = Usage(12, is_estimated=True)
    assert usage_seen(left(only_input, **told), 0) == Usage(12, output_tokens=20, is_estimated=True)
    cut = Usage(12, output_tokens=40, is_estimated=True)
    assert usage_seen(left(cut, opening_output_tokens=0), 0) == cut


async def test_wild_figures_are_tamed() -> None:
    wild = usage_seen(left(Usage(-5, 10**30, 0, 0, 7), is_whole=True), 0)
    assert wild == Usage(0, 10**12, 0, 0, 7)


async def test_what_was_not_answered_costs_nothing() -> None:
    found = left(Usage())
    found.exchange.is_sent = False
    assert usage_seen(found, 0) == Usage()
    found.exchange.is_sent, found.exchange.upstream_status = True, 500
    assert usage_seen(found, 0) == Usage()
    found.exchange.status, found.exchange.upstream_status = 504, None
    assert usage_seen(found, 0) == Usage()
    found.exchange.status = CLIENT_LEFT  # it was sent, and is paid for
    assert usage_seen(found, 0).input_tokens == 100


@pytest.mark.parametrize(
    ("path", "tokens"), [("/v1/responses", 1000), ("/v1/responses/{id}", 0), ("/v1/responses/{id}/cancel", 0)]
)
async def test_reading_what_has_been_made_costs_nothing(path: str, tokens: int) -> None:
    of = meter()
    found, hold = await sonnet(of)
    found = msgspec.structs.replace(found, surface=next(row for row in SURFACES if row.path == path))
    found.exchange.is_sent, found.exchange.provider = True, "p"
    tell(found, Usage(1000, output_tokens=10), "claude-x-1", is_whole=True)
    of.conclude(found, hold)
    assert (found.exchange.usage.input_tokens, found.exchange.cost is None) == (tokens, not tokens)
