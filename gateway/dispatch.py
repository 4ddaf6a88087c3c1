"""From an admitted call to an upstream's answer that may begin: one provider after the other, as the routes say.

Whatever fails here fails before a byte of content has left, so another account or provider may still be tried, within
one budget per call.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from accounts.errors import PoolExhausted
from gateway.admission import admit_model
from gateway.attempts import Attempt, Budget, Sent, UpstreamFailed
from gateway.house import House
from gateway.responses_store import wants_keeping
from gateway.rotation import Rotation, let_go
from gateway.surfaces import Action
from gateway.trip import Trip
from providers.catalog import Route, Want
from providers.dialects.envelopes import COUNT_TOKENS
from providers.dialects.table import DIALECTS
from providers.dialects.types import (
    Call,
    Failure,
    FailureKind,
    Refused,
)
from providers.translation import count_tokens
from tokens.records import TokenRecord

RESPONSES = "openai_responses"


class Dispatch:
    """For one event loop."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._rotation = Rotation(house)

    async def send(self, trip: Trip, call: Call, token: TokenRecord, routes: Sequence[Route]) -> Sent:
        """The answer to pass on. Raises `PoolExhausted`, `UpstreamFailed`, `Refused`."""
        options = self._house.options
        now = time.monotonic()
        budget = Budget(options.retry_attempts, now + options.retry_seconds)
        last: Attempt | None = None
        shut: PoolExhausted | None = None
        for later, route in zip(reversed(range(len(routes))), routes, strict=True):
            if is_local_count(call, route):
                return self._counted(trip, call)
            budget.excluded.clear()
            budget.reserved = later
            try:
                carried = await self._self_contained(trip, call, token, route)
                last = await self._rotation.call(trip, carried, token, route, budget)
            except PoolExhausted as exc:
                shut = _sooner(shut, exc)
                continue
            except Refused:
                if last is None or (last.sent is not None and last.sent.body is not None):
                    raise
                break  # a fallback that can't carry this call: the answer before it stands
            if route.is_probe and last.is_missing:
                self._house.catalog.lacks(route)
            elif last.is_final or trip.wire.has_content or budget.is_over(time.monotonic()):
                break
        if last is None and shut is not None:
            raise shut
        return self._result(last)

    def routes(self, trip: Trip, call: Call, token: TokenRecord) -> Sequence[Route]:
        """Where the call may go, best first. Raises what the catalog raises, and `Refused`."""
        surface = trip.surface
        routes = self._house.catalog.routes(
            Want(
                dialect=DIALECTS[surface.dialect].pair,
                model=call.fields.model,
                provider=token.provider,
                is_forward=surface.action is Action.FORWARD,
                is_native=not surface.has_body,
            )
        )
        admitted = [route for route in routes if _is_admitted(token, call, route)]
        if not admitted:
            admit_model(token, routes[0].target.model or "")
        return admitted

    async def _self_contained(self, trip: Trip, call: Call, token: TokenRecord, route: Route) -> Call:
        """A translated upstream keeps no conversation: what the call refers to is put in, what it gets is kept."""
        trip.is_kept = False
        if trip.surface.dialect != RESPONSES or route.dialect == RESPONSES:
            return call
        call = await self._house.responses.expanded(call, token.id)
        trip.is_kept = wants_keeping(call.body)
        return call

    def _counted(self, trip: Trip, call: Call) -> Sent:
        """An upstream that cannot count: our own estimate, said to be one."""
        head = count_tokens.estimate_answer(call.body)
        translator = trip.wrapped(self._house.translator("anthropic", "anthropic"))
        return Sent(translator.response(head), translator, time.monotonic())

    def learn(self, trip: Trip, failure: Failure | None) -> None:
        """An answer that failed after its beginning says as much about its account as a refusal does."""
        driver, trip.driver = trip.driver, None
        if failure is not None and driver is not None and trip.lease is not None:
            self._house.pool.report(trip.lease, driver.classify(failure, time.time()))

    @staticmethod
    def _result(last: Attempt | None) -> Sent:
        if last is None:
            raise UpstreamFailed(Failure(FailureKind.UNAVAILABLE, "No provider serves this call"))
        if last.sent is None:
            raise UpstreamFailed(last.failure or Failure(FailureKind.UPSTREAM, "Upstream request failed"))
        return last.sent

    async def release(self, trip: Trip) -> None:
        """Closes the upstream's answer and gives the account's slot back."""
        answer, trip.answer = trip.answer, None
        lease, trip.lease = trip.lease, None
        await let_go(answer, lease)


def _is_admitted(token: TokenRecord, call: Call, route: Route) -> bool:
    served = route.target.model
    return served is None or served == call.fields.model or token.may_use_model(served)


def _sooner(one: PoolExhausted | None, other: PoolExhausted) -> PoolExhausted:
    """Of two providers that can't be called now, the one that ends sooner."""
    if one is None or one.until is None:
        return other if one is None or other.until is not None else one
    return other if other.until is not None and other.until < one.until else one


def is_local_count(call: Call, route: Route) -> bool:
    return call.path == COUNT_TOKENS and route.dialect != "anthropic"
