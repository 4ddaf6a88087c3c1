"""Between the relay and the ledger: what a call may take is reserved before it is sent, what it took settled after.

Costs are worked out for every exchange; the ledger is asked only for tokens that have a limit which counts something.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from operator import attrgetter
from typing import Protocol

from msgspec.structs import replace

from gateway.exchange import tries
from gateway.exchange.attempts import Attempt
from gateway.exchange.context import Arrival, CallContext, Hold
from gateway.exchange.exchange import CLIENT_LEFT, NO_USAGE, Exchange
from gateway.exchange.surfaces import EXTRA, Action
from gateway.usage import caps, estimates, lost
from gateway.usage.balances import Balances
from gateway.usage.batches import requests
from gateway.usage.headers import limit_headers
from gateway.usage.holds import Growth, Learned, Running
from gateway.usage.prices.copy import Prices
from gateway.usage.prices.places import Priced, regional
from gateway.usage.prices.table import Cost
from gateway.usage.waiting import Waiting
from providers.catalog.catalog import Route
from providers.dialects import estimate
from providers.dialects.table import DIALECTS
from providers.dialects.types import MOST_TOKENS, UNREAD, Call, Part, Target, Usage
from tokens.errors import BalancesUnknown, LedgerUnavailable, LimitExceeded
from tokens.limits.ledger import Amount, Ledger

logger = logging.getLogger(__name__)

BYTES_OF_WHOLE = 4
"""Bytes per token of an answer that is one JSON document."""
COUNTING = (b"/count_tokens", b"/count-tokens", b"/count-tokens:rawPredict", b"/input_tokens")
FORWARDED_TEXTS = (b"/v1/completions", b"/v1/embeddings", b"/v1/rerank")
"""Of the paths passed on, those that count tokens; pictures and sound have prices of other kinds."""
MOST_UNREAD_TOKENS = 128_000
"""An answer whose usage could not be read may hold pictures: no model writes more than this."""


class BatchHolds(Protocol):
    """What remains held when a call that makes a batch has ended."""

    async def hold(self, exchange: Exchange, cost: Decimal, currency: str) -> None: ...

    def kept(self, exchange: Exchange) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class Meter:
    """Meters the calls of one event loop."""

    ledger: Ledger
    prices: Prices
    balances: Balances
    refuses_unknown_price: bool = True
    learned: Learned | None = None  # None: every call holds what it could cost at most
    growth: Growth | None = None
    batches: BatchHolds | None = None
    offers: estimates.Offers = field(default_factory=estimates.Offers, init=False)
    policy: estimates.Policy = field(init=False)

    def __post_init__(self) -> None:
        hold = None if self.learned is None else self.learned.hold
        object.__setattr__(self, "policy", estimates.Policy(self.refuses_unknown_price, hold))

    def capped(self, target: Target, call: Call) -> Target:
        """Return where a call goes that is written anew, with the model's ceiling."""
        ceiling = self.prices.table.ceiling(target.model or call.fields.model or "", target.provider)
        return target if ceiling is None else replace(target, max_output_tokens=ceiling)

    async def reserve(self, context: CallContext, routes: Sequence[Route]) -> Hold:
        """Hold what the call may cost a limited token, and put its limits into the answer's headers.

        Raises `LimitExceeded`, `BalancesUnknown`, `LedgerUnavailable`, and `Refused` for what can't be estimated.
        """
        token, offer = context.token, self.offers.of(self.prices.table, context.call, routes)
        is_batch = context.surface.name == EXTRA and requests.is_made(context.call)
        if is_batch:
            estimate = await self._of_batch(context, offer)
        else:
            estimate = estimates.upper(context, offer, self.policy)
        amount = estimate.amount
        note: dict[str, object] = {"id": context.exchange.id}
        if self.ledger.keeps_notes:
            note = self._note(context, offer.places, amount)
        try:
            reservation = await self.ledger.reserve(token, amount, time.time(), note)
        except (LimitExceeded, BalancesUnknown) as reason:
            waiting = Waiting(self.ledger, self.balances, self.learned is not None)
            reservation = await waiting.admitted(context, estimate, note, reason)
        except LedgerUnavailable as exc:
            raise caps.unreadable(context, amount) or exc from None
        reservation.progress = progress = partial(self._progress, context, amount.input_tokens)
        if is_batch and self.batches is not None:
            currency = next(iter(token.needs.currencies), "")
            try:
                await self.batches.hold(context.exchange, amount.cost, currency)
            except BaseException:  # the client has left meanwhile
                self.ledger.give_back(reservation, time.time())
                raise
        if self.growth is not None and amount.cost:
            self.growth.add(Running(reservation, context.downstream, progress))
        if token.is_told:
            told = limit_headers(context.surface.dialect, reservation.states, reservation.at)
            context.downstream.add_headers(told)
            if token.is_sign_in:
                caps.show(context, reservation.states)
        model = offer.places[0].model if offer.places else ""
        return Hold(reservation, amount.input_tokens, model, is_batch)

    async def _of_batch(self, context: CallContext, offer: estimates.Offer) -> estimates.Estimate:
        """Estimate what the calls of a batch may take. Raises `Refused` for what can't be estimated."""
        needs, learned = context.token.needs, self.learned
        if not needs.is_any:
            return estimates.FREE
        terms = requests.Terms(
            [place.provider for place in offer.places],
            self.prices.table,
            self.refuses_unknown_price,
            None if learned is None else partial(learned.hold, context.token.ledger_id),
        )
        return await requests.upper(context.call.body, needs, terms)

    async def give_back(self, hold: Hold) -> None:
        """Take a reservation back before the answer leaves: who has to pay comes again at once, to any process."""
        self.ledger.give_back(hold.reservation, time.time())
        with contextlib.suppress(LedgerUnavailable):
            await self.ledger.states(hold.reservation.sets, time.time())  # writes what is queued

    def conclude(self, arrival: Arrival, hold: Hold | None) -> None:
        """Put times, usage and cost into the exchange's record, and end what was held. Never raises."""
        exchange, cost = arrival.exchange, None
        _note_times(arrival)
        attempts, failed = arrival.attempts, exchange.status >= 400 or exchange.failure_kind is not None
        if failed or len(attempts) != 1 or attempts[0].translator.failure is not None:
            tries.note(arrival)  # most have nothing to tell: no frame for them
        if attempts and arrival.surface.action is not Action.STORED:  # it was billed when it was made
            translator = attempts[-1].translator
            usage, exchange.model_served = translator.usage, translator.model or ""
            exchange.usage = seen(arrival, usage, 0 if hold is None else hold.input_estimate)
            if exchange.usage != NO_USAGE:
                cost = self._cost(arrival, exchange.usage, exchange.model_served)
                exchange.usage = summed(exchange.usage)
        if cost is not None:
            exchange.cost, exchange.currency = cost.amount, cost.currency
        if hold is None:
            return
        if self.growth is not None:
            self.growth.discard(hold.reservation)
        used = exchange.usage
        if self.learned is not None and used.output_tokens and not used.is_estimated:
            self.learned.note(exchange.ledger_id, hold.model, used.output_tokens)
        spent, now = None if cost is None else cost.amount, exchange.started_at + exchange.total_seconds
        if hold.is_batch and self.batches is not None and (kept := self.batches.kept(exchange)):
            spent = kept if spent is None else spent + kept
        if exchange.is_sent:
            self.ledger.settle(hold.reservation, estimates.used(used, spent), now)
        else:
            self.ledger.give_back(hold.reservation, now)

    def _note(self, context: CallContext, places: Sequence[Priced], amount: Amount) -> dict[str, object]:
        """Return what the lease keeps, with the input alone as the first that is known of its cost."""
        begun = Usage(input_tokens=amount.input_tokens)
        place = places[0] if places else Priced("", "")
        cost = self.prices.table.cost(begun, *place) if amount.cost else None
        known = estimates.used(begun, _money(cost))
        return lost.note_of(context.exchange, known, "" if cost is None else cost.currency)

    def _progress(self, context: CallContext, input_estimate: int) -> Amount:
        """Return what a lease should remember of a running call."""
        usage, cost = NO_USAGE, None
        if context.attempts:
            usage = seen(context, context.attempts[-1].translator.usage, input_estimate)
        if usage == NO_USAGE:
            usage = Usage(input_tokens=input_estimate)
        if context.attempts and usage != NO_USAGE:
            cost = self._cost(context, usage, context.attempts[-1].translator.model)
        return estimates.used(summed(usage), _money(cost))

    def _cost(self, arrival: Arrival, usage: Usage, served: str | None) -> Cost | None:
        """Return the cost by the name that was served, else by the one sent, else by the one asked."""
        exchange, table, attempt = arrival.exchange, self.prices.table, arrival.attempts[-1]
        provider, record, target = exchange.provider, attempt.route.provider, attempt.route.target
        sent = target.id or target.model or ""
        rows = regional(record, sent, attempt.lease.credential.region) if record.options else ""
        for model in (served, target.model, exchange.model_asked):
            if model and (cost := table.cost(usage, model, provider, rows)) is not None:
                return cost
        return None


def _note_times(arrival: Arrival) -> None:
    """Note how long the call has taken, and how much of that was ours."""
    exchange, downstream = arrival.exchange, arrival.downstream
    exchange.total_seconds = time.monotonic() - downstream.started_at
    if downstream.first_byte_at is not None:
        exchange.first_byte_seconds = downstream.first_byte_at - downstream.started_at
        before = exchange.first_byte_seconds - downstream.waited_seconds - downstream.read_seconds
        exchange.overhead_seconds = max(0.0, before)


def seen(arrival: Arrival, usage: Usage, input_estimate: int) -> Usage:
    """Return the vendor's usage where it told it; else what the bytes that came let conclude, flagged.

    `usage` is what the translator of the attempt that counts has read.
    """
    exchange, attempt = arrival.exchange, arrival.attempts[-1]
    status = exchange.upstream_status
    if _is_wild(usage):
        tamed = zip(_COUNTS, _counts(usage), strict=True)
        usage = replace(usage, **{name: min(max(0, count), MOST_TOKENS) for name, count in tamed})
    is_refused = status is not None and status >= 400
    is_told = attempt.is_whole and not _is_unread(arrival, usage)
    if not exchange.is_sent or is_refused or is_told or (status is None and exchange.status != CLIENT_LEFT):
        return NO_USAGE if usage == UNREAD else usage
    output_tokens = usage.output_tokens
    is_final = output_tokens > attempt.opening_output_tokens
    if not is_final:
        most = MOST_UNREAD_TOKENS if attempt.is_whole else MOST_TOKENS
        output_tokens = min(max(output_tokens, _written(exchange.bytes_in, attempt)), most)
        if arrival.path.startswith(estimates.WITHOUT_OUTPUT):
            output_tokens = 0
    input_tokens = usage.input_tokens
    if usage.input_tokens + usage.cache_read_tokens + estimates.written(usage) == 0:
        input_tokens = input_estimate or exchange.bytes_out // estimate.BYTES_PER_TOKEN
    is_estimated = usage.is_estimated or not is_final
    return replace(usage, input_tokens=input_tokens, output_tokens=output_tokens, is_estimated=is_estimated)


def _written(size: int, attempt: Attempt) -> int:
    """Return the tokens that an answer of so many bytes may hold, whose usage nobody has told."""
    if not attempt.is_streaming:
        return -(-size // BYTES_OF_WHOLE)
    least = -(-size // DIALECTS[attempt.route.dialect].bytes_per_output_token)
    return max(least, attempt.translator.written(size))


def _is_unread(arrival: Arrival, usage: Usage) -> bool:
    """Tell whether a whole answer must have used tokens, and nobody has told or could read how many."""
    surface = arrival.surface
    if not (usage.is_estimated and 0 in (usage.input_tokens, usage.output_tokens) and surface.has_body):
        return False
    if surface.action is Action.FORWARD:
        return arrival.path.startswith(FORWARDED_TEXTS)
    return not arrival.path.endswith(COUNTING)


def summed(usage: Usage) -> Usage:
    """Return the usage as rows and limits count it: with the steps that the counts of the whole do not have."""
    if not usage.parts:
        return usage
    parts = (_counts(usage), *map(_counts, usage.parts))
    sums = {
        name: min(sum(each), MOST_TOKENS)
        for name, each in zip(_COUNTS, zip(*parts, strict=True), strict=True)
    }
    return replace(usage, parts=(), **sums)


_COUNTS = tuple(name for name in Usage.__struct_fields__ if name.endswith("_tokens"))
_counts: Callable[[Usage | Part], tuple[int, ...]] = attrgetter(*_COUNTS)


def _is_wild(usage: Usage) -> bool:
    """Tell whether a vendor wrote numbers that rows, sums and limits can't hold."""
    return not (
        0 <= usage.input_tokens <= MOST_TOKENS
        and 0 <= usage.output_tokens <= MOST_TOKENS
        and 0 <= usage.cache_read_tokens <= MOST_TOKENS
        and 0 <= usage.cache_write_5m_tokens <= MOST_TOKENS
        and 0 <= usage.cache_write_1h_tokens <= MOST_TOKENS
    )


def _money(cost: Cost | None) -> Decimal | None:
    return None if cost is None else cost.amount
