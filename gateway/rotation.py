"""One provider's part of a call: an account, the translated request, as much of the answer as its verdict needs; then
the next account.
"""

from __future__ import annotations

import time

import httpx
from msgspec.structs import replace

from accounts.errors import PoolExhausted
from accounts.pool import Ask, Lease
from gateway.answers import NEVER_SENT, failure_of, is_event_stream, read_whole, with_retry_after
from gateway.attempts import Attempt, Budget, Sent
from gateway.house import House
from gateway.responses_store import Keeping
from gateway.trip import Trip
from gateway.wire import Wire
from providers.catalog import Route
from providers.dialects.table import DIALECTS, STREAM
from providers.dialects.types import Call, Refused, Translator, WireAnswer
from providers.drivers.anthropic_limits import retry_after
from providers.drivers.base import Driver, Outcome
from providers.records import Timeouts
from providers.registry import DRIVERS
from providers.upstream import Upstream
from tokens.records import TokenRecord


class Rotation:
    """Over the accounts of a provider; for one event loop."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def call(self, trip: Trip, call: Call, token: TokenRecord, route: Route, budget: Budget) -> Attempt:
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
            await let_go(*earlier)
            if lease.is_expired and not await self._is_renewed(lease, budget):
                continue
            last = await self._once(trip, call, route, lease, budget)
            if last.verdict.needs_refresh and await self._has_refreshed(lease, budget):
                if budget.is_spent(time.monotonic()) or trip.wire.has_content:
                    return last
                answer, trip.answer = trip.answer, None
                await let_go(answer, None)  # the account stays: its new credential is to be tried
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


async def let_go(answer: httpx.Response | None, lease: Lease | None) -> None:
    if lease is not None:
        lease.release()
    if answer is not None:
        await answer.stream.aclose()  # type: ignore[union-attr]
