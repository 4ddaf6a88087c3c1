"""From an admitted call to an upstream's answer that may begin: route, account, translation, sending, and again.

Whatever fails here fails before a byte of content has left, so another account or provider may still be tried, within
one budget per call.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import httpx

from accounts.errors import PoolExhausted
from accounts.pool import Ask, Lease
from gateway.admission import admit_model
from gateway.house import House
from gateway.responses_store import Keeping, wants_keeping
from gateway.surfaces import Action
from gateway.trip import Trip
from providers.catalog import Route, Want
from providers.dialects.envelopes import COUNT_TOKENS
from providers.dialects.table import DIALECTS, STREAM
from providers.dialects.types import Call, Failure, FailureKind, Headers, Translator, WireAnswer, header
from providers.drivers.base import Driver, Outcome, Verdict
from providers.registry import DRIVERS
from providers.translation import count_tokens
from providers.upstream import Upstream
from tokens.records import TokenRecord

RESPONSES = "openai_responses"
MAX_BUFFERED_BYTES = 64 * 1024 * 1024
"""An answer that must be whole before it can be translated, and any error, is at most this large."""


@dataclass(slots=True)
class Sent:
    """An upstream's answer, ready to be passed on. `body` None = `head.body` is the whole of it."""

    head: WireAnswer
    translator: Translator
    at: float  # monotonic seconds
    body: AsyncIterator[bytes] | None = None
    first: bytes = b""  # what had to be read before the answer could be judged, translated
    is_stream: bool = False
    upstream_status: int = 200


@dataclass(slots=True)
class Budget:
    """One retry budget per call, whoever fails."""

    attempts_left: int
    until: float  # monotonic seconds
    excluded: set[str] = field(default_factory=set)
    has_refreshed: bool = False

    def is_spent(self, now: float) -> bool:
        return self.attempts_left <= 0 or now >= self.until


@dataclass(slots=True)
class Attempt:
    """One upstream call and what it means. `sent` None = no answer at all: `failure` says why."""

    lease: Lease
    verdict: Verdict
    sent: Sent | None = None
    failure: Failure | None = None

    @property
    def is_final(self) -> bool:
        """No other provider would help: an answer, or the request's own fault."""
        return self.verdict.outcome in (Outcome.OK, Outcome.GIVE_UP) and not self.verdict.is_overflow

    @property
    def is_missing(self) -> bool:
        return self.sent is not None and self.sent.upstream_status in (404, 405)


class UpstreamFailed(Exception):
    """No upstream could be reached, or none answered."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Dispatch:
    """Carries attempts for one event loop."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def send(self, trip: Trip, call: Call, token: TokenRecord) -> Sent:
        """The answer to pass on. Raises `PoolExhausted`, `UpstreamFailed`, `Refused`, and what the catalog raises."""
        options = self._house.options
        now = time.monotonic()
        budget = Budget(options.retry_attempts, now + options.retry_seconds)
        last: Attempt | None = None
        for route in self._routes(trip, call, token):
            if is_local_count(call, route):
                return self._counted(trip, call)
            budget.excluded.clear()
            call = await self._self_contained(trip, call, token, route)
            last = await self._try_route(trip, call, token, route, budget, last)
            if route.is_probe and last.is_missing:
                self._house.catalog.lacks(route)
            elif last.is_final:
                break
        return self._result(last)

    def _routes(self, trip: Trip, call: Call, token: TokenRecord) -> Sequence[Route]:
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
        for route in routes:
            if route.target.model is not None and route.target.model != call.fields.model:
                admit_model(token, route.target.model)
        return routes

    async def _self_contained(self, trip: Trip, call: Call, token: TokenRecord, route: Route) -> Call:
        """A translated upstream keeps no conversation: what the call refers to is put in, what it gets is kept."""
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
        self, trip: Trip, call: Call, token: TokenRecord, route: Route, budget: Budget, last: Attempt | None
    ) -> Attempt:
        """Accounts of one provider, until one has answered or none is left."""
        driver = DRIVERS[route.provider.kind]
        ask = await self._ask(call, token, route)
        while True:
            # What came before stays open until there is another account: it may be the answer after all.
            earlier = (trip.answer, trip.lease)
            try:
                lease = self._choose(trip, ask, budget)
            except PoolExhausted:
                if last is not None:
                    return last  # the upstream's own refusal says more than ours
                raise
            trip.answer = None
            await _let_go(*earlier)
            budget.attempts_left -= 1
            if lease.is_expired:
                await self._house.pool.refresh(lease)
            last = await self._attempt(trip, call, route, driver, lease)
            self._house.pool.report(lease, last.verdict)
            if last.verdict.outcome in (Outcome.OK, Outcome.GIVE_UP) or budget.is_spent(time.monotonic()):
                return last
            if trip.wire.has_content:
                return last
            if last.verdict.needs_refresh and not budget.has_refreshed:
                budget.has_refreshed = True
                if await self._house.pool.refresh(lease):
                    continue
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
        )
        if house.seats is not None and ask.session is not None:
            await house.seats.recall(ask)
        return ask

    def _choose(self, trip: Trip, ask: Ask, budget: Budget) -> Lease:
        ask.now, ask.excluded = time.time(), frozenset(budget.excluded)
        lease = self._house.pool.choose(ask)
        trip.lease = lease
        trip.exchange.provider, trip.exchange.account = ask.provider, lease.account
        return lease

    async def _attempt(self, trip: Trip, call: Call, route: Route, driver: Driver, lease: Lease) -> Attempt:
        wire, exchange = trip.wire, trip.exchange
        translator = trip.wrapped(self._house.translator(DIALECTS[trip.surface.dialect].pair, route.dialect))
        if trip.is_kept:
            translator = trip.keeping = Keeping(translator, self._house.responses, exchange.token_id, call)
        trip.translator = translator
        upstream = Upstream(
            route.provider.name,
            route.provider.kind,
            route.provider.base_url,
            lease.account,
            lease.credential,
            route.target.model,
            route.provider.headers,
            lease.proxy,
        )
        outbound = driver.build(upstream, translator.request(call, route.target))
        exchange.attempts += 1
        exchange.bytes_out += len(outbound.content)
        if call.fields.stream:
            wire.keepalive = translator.keepalive
            wire.early_headers = STREAM
            wire.is_stream = True
        wire.waiting_since = time.monotonic()
        try:
            answer = await driver.transport(self._house.transport).handle_async_request(outbound)
            trip.answer = answer
            exchange.upstream_status = answer.status_code
            return await self._judge(trip, driver, lease, translator, answer)
        except httpx.TransportError as exc:
            failure = _failure(exc)
            return Attempt(lease, driver.classify(failure, time.time()), failure=failure)
        finally:
            trip.waited_seconds += time.monotonic() - wire.waiting_since
            wire.waiting_since = None

    async def _judge(
        self, trip: Trip, driver: Driver, lease: Lease, translator: Translator, answer: httpx.Response
    ) -> Attempt:
        """Reads as much of the answer as its verdict needs: an error whole, a stream to its first event."""
        seen = WireAnswer(answer.status_code, tuple((k.lower(), v) for k, v in answer.headers.raw))
        body = answer.stream.__aiter__()  # type: ignore[union-attr]
        is_stream = is_event_stream(seen.headers)
        if seen.status >= 400 or not (is_stream or translator.is_transparent):
            seen = WireAnswer(seen.status, seen.headers, await _whole(trip, body))
            head = translator.response(seen)
            sent = Sent(head, translator, time.monotonic(), upstream_status=seen.status)
            return Attempt(lease, driver.classify(seen, time.time()), sent)
        sent = Sent(translator.response(seen), translator, time.monotonic(), body, is_stream=is_stream)
        verdict = driver.classify(seen, time.time())
        if is_stream:
            first = await anext(body, b"")
            trip.exchange.bytes_in += len(first)
            sent.first = translator.feed(first)
            if translator.failure is not None:
                verdict = driver.classify(translator.failure, time.time())
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


async def _let_go(answer: httpx.Response | None, lease: Lease | None) -> None:
    if lease is not None:
        lease.release()
    if answer is not None:
        await answer.stream.aclose()  # type: ignore[union-attr]


def is_local_count(call: Call, route: Route) -> bool:
    return call.path == COUNT_TOKENS and route.dialect != "anthropic"


def is_event_stream(headers: Headers) -> bool:
    return (header(headers, b"content-type") or b"").lstrip().lower().startswith(b"text/event-stream")


async def _whole(trip: Trip, body: AsyncIterator[bytes]) -> bytes:
    pieces: list[bytes] = []
    total = 0
    async for piece in body:
        total += len(piece)
        if total > MAX_BUFFERED_BYTES:
            raise httpx.RemoteProtocolError("the answer is too large")
        pieces.append(piece)
    trip.exchange.bytes_in += total
    return b"".join(pieces)


def _failure(exc: httpx.TransportError) -> Failure:
    if isinstance(exc, httpx.TimeoutException):
        return Failure(FailureKind.TIMEOUT, "Upstream could not be reached in time")
    if isinstance(exc, httpx.ConnectError):
        return Failure(FailureKind.UPSTREAM, "Upstream request failed: no connection")
    return Failure(FailureKind.UPSTREAM, f"Upstream request failed: {exc}")
