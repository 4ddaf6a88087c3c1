"""From an admitted call to an upstream's answer that may begin: route, account, translation, sending, and again.

Whatever fails here fails before a byte of content has left, so another account or provider may still be tried, within
one budget per call.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import httpx
from msgspec.structs import replace

from accounts.errors import PoolExhausted
from accounts.pool import Ask, Lease
from gateway.admission import admit_model
from gateway.answers import NEVER_SENT, failure_of, is_event_stream, read_whole, with_retry_after
from gateway.attempts import Attempt, Budget, Sent, UpstreamFailed
from gateway.house import House
from gateway.responses_store import Keeping, wants_keeping
from gateway.surfaces import Action
from gateway.trip import Trip
from gateway.wire import Wire
from providers.catalog import Route, Want
from providers.dialects.envelopes import COUNT_TOKENS
from providers.dialects.table import DIALECTS, STREAM
from providers.dialects.types import (
    Call,
    Failure,
    FailureKind,
    Refused,
    Translator,
    WireAnswer,
)
from providers.drivers.anthropic_limits import retry_after
from providers.drivers.base import Driver, Outcome
from providers.records import Timeouts
from providers.registry import DRIVERS
from providers.translation import count_tokens
from providers.upstream import Upstream
from tokens.records import TokenRecord

RESPONSES = "openai_responses"


class Dispatch:
    """Carries attempts for one event loop."""

    def __init__(self, house: House) -> None:
        self._house = house

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
                last = await self._try_route(trip, carried, token, route, budget)
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

    async def _try_route(
        self, trip: Trip, call: Call, token: TokenRecord, route: Route, budget: Budget
    ) -> Attempt:
        """Accounts of one provider, until one has answered or none is left. Raises `PoolExhausted` when all rest."""
        ask = await self._ask(call, token, route)
        last: Attempt | None = None
        while True:
            # What came before stays open until there is another account: it may be the answer after all.
            earlier = (trip.answer, trip.lease)
            try:
                lease = self._choose(trip, ask, budget)
            except PoolExhausted:
                if last is not None:
                    return self._with_soonest(last, token)  # the upstream's own refusal says more than ours
                raise
            trip.answer = None
            await _let_go(*earlier)
            if lease.is_expired and not await self._is_renewed(lease, budget):
                continue
            last = await self._once(trip, call, route, lease, budget)
            if last.verdict.needs_refresh and await self._has_refreshed(lease, budget):
                if budget.is_spent(time.monotonic()) or trip.wire.has_content:
                    return last
                answer, trip.answer = trip.answer, None
                await _let_go(answer, None)  # the account stays: its new credential is to be tried
                last = await self._once(trip, call, route, lease, budget)
            is_over = last.verdict.outcome in (Outcome.OK, Outcome.GIVE_UP) or trip.wire.has_content
            if is_over or budget.is_spent(time.monotonic()):
                return self._with_soonest(last, token)
            budget.excluded.add(lease.account)

    async def _ask(self, call: Call, token: TokenRecord, route: Route) -> Ask:
        """With several processes: what the others know of a conversation that is new to this one comes first."""
        house = self._house
        ask = Ask(
            provider=route.provider.name,
            model=route.target.model,
            session=house.session_key(route.provider.name, call),
            token_id=token.id,
            pinned=token.account,
            now=time.time(),
            own=route.provider.own_credential(),
            address=route.provider.base_url,
        )
        if house.seats is not None and ask.session is not None:
            await house.seats.recall(ask)
        return ask

    async def _once(self, trip: Trip, call: Call, route: Route, lease: Lease, budget: Budget) -> Attempt:
        budget.attempts_left -= 1
        attempt = await self._attempt(
            trip, self._own(call, lease), route, DRIVERS[route.provider.kind], lease
        )
        self._house.pool.report(lease, attempt.verdict)
        return attempt

    async def _is_renewed(self, lease: Lease, budget: Budget) -> bool:
        """False: its pair can't be renewed, and another account is there. Alone it is tried as it is: clocks err."""
        if await self._house.pool.refresh(lease):
            return True
        budget.excluded.add(lease.account)
        return not self._house.pool.has_other(lease.state.terms.provider, budget.excluded)

    async def _has_refreshed(self, lease: Lease, budget: Budget) -> bool:
        """One refresh per call, whoever refuses."""
        if budget.has_refreshed or budget.is_late(time.monotonic()):
            return False
        budget.has_refreshed = True
        return await self._house.pool.refresh(lease)

    def _with_soonest(self, last: Attempt, token: TokenRecord) -> Attempt:
        """The upstream's refusal speaks for one account: `retry-after` is when the first of them all is back."""
        sent = last.sent
        if sent is None or sent.upstream_status != 429 or last.verdict.outcome is not Outcome.RETRY_OTHER:
            return last
        now = time.time()
        told = retry_after(sent.head.headers, now)
        soonest = self._house.pool.soonest(last.lease, token.account, now)
        if soonest is not None and (soonest > now if told is None else soonest < told):
            sent.head = with_retry_after(sent.head, soonest - now)
        return last

    def learn(self, trip: Trip, failure: Failure | None) -> None:
        """An answer that failed after its beginning says as much about its account as a refusal does."""
        driver, trip.driver = trip.driver, None
        if failure is not None and driver is not None and trip.lease is not None:
            self._house.pool.report(trip.lease, driver.classify(failure, time.time()))

    def _choose(self, trip: Trip, ask: Ask, budget: Budget) -> Lease:
        ask.now, ask.excluded = time.time(), frozenset(budget.excluded)
        lease = self._house.pool.choose(ask)
        trip.lease = lease
        trip.exchange.provider, trip.exchange.account = ask.provider, lease.account
        return lease

    def _own(self, call: Call, lease: Lease) -> Call:
        """The call without what only another account could read."""
        if not (lease.is_moved or lease.foreign_messages):
            return call
        return replace(call, body=self._house.pool.own_thinking(lease, call.body))

    async def _attempt(self, trip: Trip, call: Call, route: Route, driver: Driver, lease: Lease) -> Attempt:
        wire, exchange = trip.wire, trip.exchange
        translator = trip.wrapped(self._house.translator(DIALECTS[trip.surface.dialect].pair, route.dialect))
        if trip.is_kept:
            translator = trip.keeping = Keeping(translator, self._house.responses, exchange.token_id, call)
        trip.translator = translator
        trip.model_sent, trip.upstream_dialect = route.target.model or "", route.dialect
        translated = translator.request(call, route.target)
        outbound = driver.build(_upstream(route, lease), translated)
        _limit(outbound, wire, route.provider.timeouts)
        exchange.attempts += 1
        exchange.bytes_out += len(translated.body)
        if call.fields.stream:
            wire.keepalive = translator.keepalive
            wire.early_headers = STREAM
            wire.is_stream = True
        wire.waiting_since, trip.driver = time.monotonic(), driver
        was_sent, exchange.is_sent = (
            exchange.is_sent,
            True,
        )  # so it counts too when the client leaves meanwhile
        try:
            answer = await driver.transport(self._house.transport).handle_async_request(outbound)
            trip.answer = answer
            exchange.upstream_status = answer.status_code
            return await self._judge(trip, driver, lease, translator, answer)
        except httpx.TransportError as exc:
            exchange.is_sent = was_sent or not isinstance(exc, NEVER_SENT)
            trip.driver = None
            failure = failure_of(exc)
            return Attempt(lease, driver.classify(failure, time.time()), failure=failure)
        finally:
            trip.waited_seconds += time.monotonic() - wire.waiting_since
            wire.waiting_since = None

    async def _judge(
        self, trip: Trip, driver: Driver, lease: Lease, translator: Translator, answer: httpx.Response
    ) -> Attempt:
        """Reads as much of the answer as its verdict needs: an error whole, a stream to its first event."""
        seen = WireAnswer(answer.status_code, tuple([(k.lower(), v) for k, v in answer.headers.raw]))
        body = answer.stream.__aiter__()  # type: ignore[union-attr]
        is_stream = is_event_stream(seen.headers)
        if seen.status >= 400 or not (is_stream or translator.is_transparent):
            seen = WireAnswer(seen.status, seen.headers, await read_whole(body))
            trip.exchange.bytes_in += len(seen.body)
            trip.driver = None
            try:
                head = translator.response(seen)
            except Refused as exc:  # an answer that is none
                return Attempt(lease, driver.classify(exc.failure, time.time()), failure=exc.failure)
            sent = Sent(head, translator, time.monotonic(), upstream_status=seen.status)
            return Attempt(lease, driver.classify(seen, time.time()), sent)
        sent = Sent(translator.response(seen), translator, time.monotonic(), body, is_stream=is_stream)
        verdict = driver.classify(seen, time.time())
        if is_stream:
            first = await anext(body, b"")
            trip.exchange.bytes_in += len(first)
            sent.first = translator.feed(first)
            trip.is_streaming, trip.opening_output_tokens = True, translator.usage.output_tokens
            if translator.failure is not None:
                verdict = driver.classify(translator.failure, time.time())
                trip.driver = None
        return Attempt(lease, verdict, sent)

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
        await _let_go(answer, lease)


def _is_admitted(token: TokenRecord, call: Call, route: Route) -> bool:
    served = route.target.model
    return served is None or served == call.fields.model or token.may_use_model(served)


def _sooner(one: PoolExhausted | None, other: PoolExhausted) -> PoolExhausted:
    """Of two providers that can't be called now, the one that ends sooner."""
    if one is None or one.until is None:
        return other if one is None or other.until is not None else one
    return other if other.until is not None and other.until < one.until else one


def _upstream(route: Route, lease: Lease) -> Upstream:
    provider = route.provider
    return Upstream(
        provider.name,
        provider.kind,
        provider.base_url,
        lease.account,
        lease.credential,
        route.target.model,
        provider.headers,
        lease.proxy,
    )


def _limit(outbound: httpx.Request, wire: Wire, timeouts: Timeouts) -> None:
    """The provider's own timeouts, where it has some."""
    wire.first_byte_seconds, wire.idle_seconds = timeouts.first_byte_seconds, timeouts.idle_seconds
    if timeouts.connect_seconds is not None:
        outbound.extensions["timeout"] = {"connect": timeouts.connect_seconds}


async def _let_go(answer: httpx.Response | None, lease: Lease | None) -> None:
    if lease is not None:
        lease.release()
    if answer is not None:
        await answer.stream.aclose()  # type: ignore[union-attr]


def is_local_count(call: Call, route: Route) -> bool:
    return call.path == COUNT_TOKENS and route.dialect != "anthropic"
