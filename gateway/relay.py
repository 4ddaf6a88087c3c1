"""The road: one for every surface and every provider kind, in the order in which things happen.

No SQL, no parsing and no provider's name in here. Failover happens in `dispatch` and `rotation`, only before the first
byte of an answer has left; then an error is told in the dialect of the surface. Every exchange ends in `_conclude`.
"""

from __future__ import annotations

import asyncio
import time

import httpx

from gateway import errors, identity, logs
from gateway.admission import admit
from gateway.attempts import Sent
from gateway.dispatch import Dispatch
from gateway.exchange import CLIENT_LEFT, Exchange
from gateway.headers import headers_down, headers_up, stream_headers
from gateway.house import House
from gateway.models_list import PLAIN_SECONDS, ModelsList, in_callers_dialect
from gateway.responses_store import keep
from gateway.surfaces import UNKNOWN, Action, Match, WrongMethod
from gateway.trip import Trip
from gateway.wire import ClientLeft, Interruption, Receive, Request, Send, Wire, read_body
from providers.dialects.table import DIALECTS, NO_FIELDS
from providers.dialects.types import Call, Failure, FailureKind, Refused, Truncated
from tokens import registry as tokens
from tokens.errors import UnknownToken
from tokens.records import TokenRecord


class Relay:
    """Carries exchanges for one event loop."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._dispatch = Dispatch(house)
        self._models = ModelsList(house.catalog, house.pool, house.transport)

    async def aclose(self) -> None:
        """Ends what still runs beside the exchanges."""
        await self._models.aclose()

    async def carry(self, match: Match, request: Request, receive: Receive, send: Send) -> None:
        """One exchange from its head to its record. Raises only what cuts the connection."""
        trip = self._set_out(match, request, receive, send)
        try:
            token = await self._authenticate(request, trip)
            if match.surface is UNKNOWN:
                raise Refused(
                    Failure(FailureKind.NOT_FOUND, f"Unknown path: {logs.redact(trip.exchange.path)}")
                )
            call = await self._read(trip, receive)
            admit(token, call)
            sent = await self._send(trip, call, token)
            await self._respond(trip, sent)
        except ClientLeft:
            trip.exchange.status = CLIENT_LEFT
        except asyncio.CancelledError:
            await self._interrupted(trip)
        except Exception as exc:  # noqa: BLE001 - the one place where whatever went wrong becomes an answer
            await self._tell(trip, *errors.describe(exc))
        finally:
            await self._conclude(trip)

    async def _send(self, trip: Trip, call: Call, token: TokenRecord) -> Sent:
        """Routes, what the limits reserve, and the answer of whoever serves it."""
        if trip.surface.action is Action.MODELS:
            return await self._list_models(trip, call, token)
        routes = self._dispatch.routes(trip, call, token)
        if token.is_limited:
            await self._house.meter.admit(trip, call, token, routes)
        return await self._dispatch.send(trip, call, token, routes)

    async def refuse(self, wrong: WrongMethod, request: Request, receive: Receive, send: Send) -> None:
        """The path is a surface's, the method is not: told before any token is looked at."""
        trip = self._set_out(Match(UNKNOWN, request.raw_path), request, receive, send)
        trip.wire.answer_headers += ((b"allow", ",".join(wrong.allowed).encode()),)
        try:
            await self._tell(trip, *errors.describe(wrong))
        finally:
            await self._conclude(trip)

    def _set_out(self, match: Match, request: Request, receive: Receive, send: Send) -> Trip:
        now = time.monotonic()
        exchange = Exchange(
            id=identity.request_id(),
            started_at=time.time(),
            surface=match.surface.name,
            method=request.method,
            path=request.raw_path.decode("latin-1"),
            peer=self._house.peer(request),
        )
        wire = Wire(receive, send, now, request.abort)
        wire.answer_headers = ((identity.HEADER, exchange.id.encode()),)
        identity.current.set(exchange.id)
        self._house.metrics.opened()
        self._house.pulse.add(wire)
        surface = match.surface
        if surface.action is Action.MODELS:
            surface = in_callers_dialect(surface, request.headers)
        return Trip(surface, match.path, request, wire, exchange)

    async def _authenticate(self, request: Request, trip: Trip) -> TokenRecord:
        """From the headers alone, before the body is read; one look-up for a token that memory does not know."""
        registry = self._house.registry
        secret = tokens.extract(request.headers)
        try:
            token = registry.authenticate(secret, time.time())
        except UnknownToken as unknown:
            await registry.lookup(unknown.sub)
            token = registry.authenticate(secret, time.time())
        trip.exchange.token_id = token.id
        trip.exchange.token_label = token.label
        trip.exchange.ledger_id = token.ledger_id
        if token.shared:
            trip.exchange.group_ledger = token.shared[0].ledger
            trip.exchange.parent_ledger = token.shared[-1].ledger if len(token.shared) > 1 else ""
        return token

    async def _read(self, trip: Trip, receive: Receive) -> Call:
        began = time.monotonic()
        body = await read_body(trip.request, receive, self._house.options.max_body_bytes)
        trip.body_seconds = time.monotonic() - began
        request, surface = trip.request, trip.surface
        dialect = DIALECTS[surface.dialect]
        fields = (
            dialect.read(body, request.query) if surface.has_body and dialect.envelope is None else NO_FIELDS
        )
        call = Call(
            surface.name, request.method, trip.path, request.query, headers_up(request.headers), body, fields
        )
        if dialect.envelope is not None:
            trip.envelope = dialect.envelope()
            call = trip.envelope.unwrap(call)
        trip.exchange.model_asked = call.fields.model or ""
        trip.exchange.is_stream = call.fields.stream
        return call

    async def _list_models(self, trip: Trip, call: Call, token: TokenRecord) -> Sent:
        """Anthropic's own answer while nothing is to be added to it, else ours. In time either way."""
        if self._models.is_plain(trip.surface, trip.path, token):
            try:
                async with asyncio.timeout(PLAIN_SECONDS):
                    routes = self._dispatch.routes(trip, call, token)
                    return await self._dispatch.send(trip, call, token, routes)
            except TimeoutError:
                late = Failure(FailureKind.TIMEOUT, "The upstream's list of models did not come in time")
                raise Refused(late) from None
        head = await self._models.answer(trip.surface, trip.path, call.query, token)
        return Sent(head, self._house.translator("anthropic", "anthropic"), time.monotonic())

    async def _respond(self, trip: Trip, sent: Sent) -> None:
        """The head, then every chunk as it comes, then the end."""
        wire, head = trip.wire, sent.head
        trip.exchange.status = head.status
        wire.is_stream = sent.is_stream
        if sent.body is None:
            await self._answer(trip, sent)
            return
        if not wire.started:
            await wire.start(
                head.status, stream_headers(head.headers) if sent.is_stream else headers_down(head.headers)
            )
        clock = time.monotonic
        wire.is_relaying = True
        feed = sent.translator.feed
        try:
            if sent.first:
                await keep(trip.keeping)
                await wire.write(sent.first, clock())
            async for chunk in sent.body:
                trip.exchange.bytes_in += len(chunk)
                if data := feed(chunk):
                    if trip.keeping is not None:
                        await keep(trip.keeping)
                    await wire.write(data, clock())
                else:
                    wire.touched_at = clock()
            last = sent.translator.finish()
            self._dispatch.learn(trip, sent.translator.failure)
            trip.is_whole = True
            await keep(trip.keeping)
            await wire.end(last)
        except (httpx.TransportError, Truncated) as exc:
            status, failure = errors.describe(exc)
            self._dispatch.learn(trip, sent.translator.failure or failure)
            await self._tell(trip, status, failure)

    async def _answer(self, trip: Trip, sent: Sent) -> None:
        """An answer that is whole. When a ping has committed us to a 200, an error becomes an event."""
        head = sent.head
        trip.is_whole = True
        await keep(trip.keeping)
        if not trip.wire.started:
            headers = tuple(pair for pair in headers_down(head.headers) if pair[0] != b"content-length")
            await trip.wire.answer(head.status, headers, head.body, time.monotonic())
            return
        trip.wire.is_stream = True
        read_error = DIALECTS[trip.surface.dialect].read_error
        await self._tell(trip, head.status, read_error(head.status, head.headers, head.body))

    async def _tell(self, trip: Trip, status: int, failure: Failure) -> None:
        """Says what went wrong in the surface's dialect: as an answer, as an event, or by cutting the connection."""
        wire, exchange = trip.wire, trip.exchange
        exchange.failure_kind, exchange.failure_message = failure.kind, failure.message
        if not wire.started:
            exchange.status = status
            exchange.is_refusal = exchange.upstream_status is None
            answer = errors.render(status, failure, trip.surface.dialect, exchange.id)
            await wire.answer(answer.status, answer.headers, answer.body, time.monotonic())
        elif wire.ended:
            pass
        elif trip.translator is not None and wire.is_stream and (last := trip.translator.fail(failure)):
            await wire.end(last)
        else:
            wire.cut()

    async def _interrupted(self, trip: Trip) -> None:
        """The pulse stopped us, or the server itself did."""
        why = trip.wire.acknowledge()
        if why in (None, Interruption.CLIENT_LEFT, Interruption.CLIENT_STUCK):
            trip.exchange.status = CLIENT_LEFT
            if why is Interruption.CLIENT_STUCK:
                trip.wire.cut()
            if why is None:
                raise asyncio.CancelledError
            return
        status, failure = errors.INTERRUPTIONS[why]
        if why is not Interruption.DRAIN:
            self._dispatch.learn(trip, failure)
        await self._tell(trip, status, failure)

    async def _conclude(self, trip: Trip) -> None:
        """Reservation settled, upstream closed, slot given back, usage recorded: whatever happened."""
        wire, exchange = trip.wire, trip.exchange
        wire.close()
        self._house.pulse.discard(wire)
        now = time.monotonic()
        exchange.total_seconds = now - wire.started_at
        if wire.first_byte_at is not None:
            exchange.first_byte_seconds = wire.first_byte_at - wire.started_at
            before = exchange.first_byte_seconds - trip.waited_seconds - trip.body_seconds
            exchange.overhead_seconds = max(0.0, before)
        self._house.meter.conclude(trip)
        await self._dispatch.release(trip)
        self._house.conclude(exchange)
