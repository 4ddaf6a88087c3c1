"""Between the road and the ledger: what a call may take is reserved before it is sent, what it took is settled after.

Costs are worked out for every exchange; the ledger is asked only for tokens that have a limit which counts something.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from gateway.exchange import NO_USAGE
from gateway.trip import Trip
from gateway.usage import estimates, lost
from gateway.usage.balances import Balances
from gateway.usage.headers import limit_headers
from gateway.usage.prices.copy import Prices
from gateway.usage.prices.table import Cost
from providers.catalog import Route
from providers.dialects.types import Call, Usage
from tokens.errors import BalancesUnknown, LimitExceeded
from tokens.limits.ledger import Amount, Ledger, Reservation, State
from tokens.records import TokenRecord

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Meter:
    """For one event loop."""

    ledger: Ledger
    prices: Prices
    balances: Balances
    refuses_unknown_price: bool = True

    async def admit(self, trip: Trip, call: Call, token: TokenRecord, routes: Sequence[Route]) -> None:
        """Reserves for a limited token and puts its limits into the answer's headers.

        Raises `LimitExceeded`, `BalancesUnknown`, `LedgerUnavailable`, and `Refused` for what can't be estimated.
        """
        places = estimates.places_of(call, routes)
        needs = estimates.needs_of(token)
        table = self.prices.table
        amount = estimates.upper(trip, call, needs, places, table, self.refuses_unknown_price)
        trip.input_estimate = amount.input_tokens
        dialect = trip.surface.dialect
        try:
            reservation = await self._reserve(token, amount, self._note(trip, places, amount))
        except LimitExceeded as refusal:
            trip.wire.answer_headers += limit_headers(dialect, _states(refusal.states), time.time())
            raise
        trip.reservation = reservation
        reservation.progress = lambda: self._progress(trip)
        trip.wire.answer_headers += limit_headers(dialect, reservation.states, reservation.at)

    async def _reserve(self, token: TokenRecord, amount: Amount, note: dict[str, object]) -> Reservation:
        try:
            return await self.ledger.reserve(token, amount, time.time(), note)
        except BalancesUnknown as unknown:
            await self.balances.provide(unknown.sets)
        return await self.ledger.reserve(token, amount, time.time(), note)

    def conclude(self, trip: Trip) -> None:
        """Usage and cost of the exchange, and the reservation's end. Never raises."""
        exchange, reservation = trip.exchange, trip.reservation
        exchange.usage = estimates.seen(trip)
        if trip.translator is not None:
            exchange.model_served = trip.translator.model or ""
        cost = self._cost(trip, exchange.usage)
        if cost is not None:
            exchange.cost, exchange.currency = cost.amount, cost.currency
        if reservation is None:
            return
        trip.reservation = None
        if exchange.is_sent:
            self.ledger.settle(reservation, estimates.used(exchange.usage, _money(cost)), time.time())
        else:
            self.ledger.give_back(reservation, time.time())

    def _note(self, trip: Trip, places: Sequence[tuple[str, str]], amount: Amount) -> dict[str, object]:
        """With the input alone as the first that is known of its cost."""
        begun = Usage(input_tokens=amount.input_tokens)
        model, provider = places[0] if places else ("", "")
        cost = self.prices.table.cost(begun, model, provider) if amount.cost else None
        seen = estimates.used(begun, _money(cost))
        return lost.note_of(trip.exchange, seen, "" if cost is None else cost.currency)

    def _progress(self, trip: Trip) -> Amount:
        """What a lease should remember of a running call."""
        usage = estimates.seen(trip)
        if usage == NO_USAGE:
            usage = Usage(input_tokens=trip.input_estimate)
        return estimates.used(usage, _money(self._cost(trip, usage)))

    def _cost(self, trip: Trip, usage: Usage) -> Cost | None:
        """By the name that was served, else by the one that was sent, else by the one that was asked."""
        if usage == NO_USAGE:
            return None
        served = trip.translator.model if trip.translator is not None else None
        for model in (served, trip.model_sent, trip.exchange.model_asked):
            if model and (cost := self.prices.table.cost(usage, model, trip.exchange.provider)) is not None:
                return cost
        return None


def _money(cost: Cost | None) -> Decimal | None:
    return None if cost is None else cost.amount


def _states(found: Sequence[object]) -> tuple[State, ...]:
    return tuple(state for state in found if isinstance(state, State))
