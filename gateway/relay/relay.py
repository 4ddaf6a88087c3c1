"""The relay's path: one for every surface and every provider kind, in the order in which things happen.

No SQL, no parsing and no provider's or dialect's name in here. Failover happens in `failover` and `rotation`, only
before the first byte of an answer has left; then an error is told in the surface's dialect. All ends in `conclude`.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial

import httpx
from uuid_utils import uuid7

from gateway.exchange.attempts import Reply
from gateway.exchange.context import Arrival, CallContext, Hold
from gateway.exchange.downstream import (
    ClientLeft,
    Downstream,
    Interruption,
    Receive,
    Request,
    Send,
    read_body,
)
from gateway.exchange.exchange import CLIENT_LEFT, Exchange
from gateway.exchange.headers import headers_up, passing_headers, query_up, whole_headers
from gateway.exchange.surfaces import EXTRA, UNKNOWN, Action, Match, WrongMethod, as_called, unknown
from gateway.kernel.redaction import redact
from gateway.relay import errors
from gateway.relay.admission import admit
from gateway.relay.background import Backgrounds
from gateway.relay.bodies import Bodies, read_forwarded
from gateway.relay.deps import RelayDeps
from gateway.relay.hybrid import failover_of
from gateway.relay.models_list import ModelsList
from gateway.relay.objects import answered_here, held_of
from gateway.relay.stored import Answer, StoredAnswers, warmed_up
from gateway.telemetry import request_ids
from providers.dialects.mending import UNWRITABLE
from providers.dialects.table import DIALECTS, NO_FIELDS
from providers.dialects.types import Call, Failure, FailureKind, Refused, Truncated, WireAnswer
from providers.dialects.wrapping import innermost
from providers.translation.pairs.passthrough import Passthrough
from tokens.records import TokenRecord


class Relay:
    """Carries exchanges for one event loop."""

    def __init__(self, deps: RelayDeps) -> None:
        self._deps = deps
        self._bodies = Bodies(deps.catalog, deps.pool, deps.options.max_body_bytes)
        self._failover = failover_of(deps)
        self.models = ModelsList(deps.catalog, deps.pool, deps.sender)
        self.backgrounds = Backgrounds(deps, self.carry)
        self._answers: dict[Action, Answer] = {
            Action.MODELS: partial(self.models.reply, ask=self._failover.ask),
            Action.STORED: StoredAnswers(deps, self._failover, self.backgrounds).answer,
            Action.WARM_UP: warmed_up,
            Action.OBJECTS: partial(answered_here, deps),
        }
        self.callers = deps.registry

    async def aclose(self) -> None:
        """End what still runs beside the exchanges."""
        await asyncio.gather(self.backgrounds.aclose(), self.models.aclose())

    async def carry(self, match: Match, request: Request, receive: Receive, send: Send) -> None:
        """Carry one exchange from its head to its record. Raises only what cuts the connection."""
        arrival, objects = self.arrive(match, request, receive, send), self._deps.objects
        hold: Hold | None = None
        toll = None if self._deps.payments is None else self._deps.payments.toll(arrival)
        try:
            authenticating = self._authenticate(arrival)
            token = await (authenticating if toll is None else toll.identify(authenticating))
            receive = receive if toll is None else toll.hashing(receive)
            context = await self._read(arrival, token, receive)
            if token.is_surface_restricted or token.is_model_restricted:
                admit(token, context.call, has_model=context.surface.action is not Action.STORED)
            is_background, action = context.call.fields.is_background, context.surface.action
            answer = self.backgrounds.begin if is_background else self._answers.get(action)
            reply = None if answer is None else await answer(context)
            if reply is None:
                routes = self._failover.routes(context)
                if objects is not None and context.surface.names_objects(context.call):
                    context, routes = await objects.placed(context, routes)
                if token.is_limited:
                    hold = await self._deps.meter.reserve(context, routes)
                send_up = self._failover.send if toll is None else toll.carrying(self._failover.send)
                reply = await send_up(context, routes)
            await self._respond(context, reply)
        except ClientLeft:
            arrival.exchange.status = CLIENT_LEFT
        except asyncio.CancelledError:
            await self._interrupted(arrival)
        except Exception as exc:  # noqa: BLE001 - the one place where whatever went wrong becomes an answer
            if (answer := getattr(exc, "answer", None)) is not None and hold is not None:
                await self._deps.meter.give_back(hold)
            await self._tell(arrival, *errors.describe(exc), answer=answer)
        finally:
            await self.conclude(arrival, hold)

    async def refuse(self, wrong: WrongMethod, request: Request, receive: Receive, send: Send) -> None:
        """Refuse a method that the surface of this path does not have, before any token is looked at."""
        arrival = self.arrive(unknown(request.raw_path, request.headers), request, receive, send)
        status, failure, headers = errors.refusal(wrong, request)
        arrival.downstream.add_headers(headers)
        try:
            await self._tell(arrival, status, failure)
        finally:
            await self.conclude(arrival, None)

    def arrive(self, match: Match, request: Request, receive: Receive, send: Send) -> Arrival:
        deps, surface, own_id = self._deps, match.surface, str(uuid7())
        exchange = Exchange(
            id=own_id, started_at=time.time(), surface=surface.name, method=request.method,
            path=request.raw_path.decode("latin-1"),
            peer=request.peer if deps.peer is None else deps.peer(request),
        )  # fmt: skip
        own = (request_ids.HEADER, own_id.encode())
        downstream = (request.make or Downstream)(receive, send, time.monotonic(), request.abort, (own,))
        request_ids.current.set(own_id)
        deps.watchdog.add(downstream)
        if surface.action is Action.MODELS or surface.name == EXTRA:
            surface = as_called(surface, request.headers)
        return Arrival(surface, match.path, request, downstream, exchange, [])

    async def _authenticate(self, arrival: Arrival) -> TokenRecord:
        """Find the caller's token from the headers alone, before the body is read."""
        token = await self.callers.whose(arrival.request.headers)
        exchange = arrival.exchange
        exchange.token_id, exchange.token_label = token.id, token.label
        exchange.person, exchange.ledger_id = token.person, token.ledger_id
        if token.shared:
            exchange.group, exchange.group_ledger = token.shared[0].name, token.shared[0].ledger
            exchange.parent_ledger = token.shared[-1].ledger if len(token.shared) > 1 else ""
        if arrival.surface.name == UNKNOWN.name:
            raise Refused(Failure(FailureKind.NOT_FOUND, f"Unknown path: {redact(exchange.path)}"))
        return token

    async def _read(self, arrival: Arrival, token: TokenRecord, receive: Receive) -> CallContext:
        began, request = time.monotonic(), arrival.request
        surface, exchange = arrival.surface, arrival.exchange
        body = await read_body(request, receive, self._deps.options.max_body_bytes)
        arrival.downstream.was_read(time.monotonic() - began)
        headers = headers_up(request.headers)
        for name, _ in headers:
            if name == b"content-encoding":
                body, headers = await self._bodies.plain(arrival, token, body, headers)
                break
        dialect, fields = DIALECTS[surface.dialect], NO_FIELDS
        if surface.has_body and dialect.envelope is None:
            is_passed_on = surface.action is Action.FORWARD
            fields = read_forwarded(dialect, headers, body) if is_passed_on else dialect.read_call(body)
            if not fields.is_readable:
                self._bodies.check(arrival, token)
            if dialect.asks_for_stream is not None and dialect.asks_for_stream(request.query):
                fields = fields.streamed()
        query = query_up(request.query) if request.query else b""
        call = Call(
            surface.name, request.method, arrival.path, query, headers, body, fields, request.continues
        )
        envelope = None if dialect.envelope is None else dialect.envelope()
        if envelope is not None:
            call = envelope.unwrap(call)
        exchange.model_asked, exchange.is_stream = call.fields.model or "", call.fields.stream
        return CallContext(
            surface, arrival.path, request, arrival.downstream, exchange, arrival.attempts, token, call, envelope,
        )  # fmt: skip

    async def _respond(self, context: CallContext, reply: Reply) -> None:
        """Pass the answer on: the head, then every chunk as it comes, then the end."""
        downstream, exchange, translator = context.downstream, context.exchange, reply.translator
        exchange.status = reply.head.status
        if reply.body is None or translator is None:
            await self._answer(context, reply)
            return
        await downstream.relay(reply.head.status, passing_headers(context, reply), reply.is_stream)
        clock, feed, taps, words = time.monotonic, translator.feed, reply.taps, reply.words
        made, objects = reply.made, self._deps.objects
        look = None if words is None else words.__call__  # bound once: it is called for every event
        try:
            if reply.first:
                await self._write(context, reply, reply.first)
                reply.first = b""  # it would stay as long as the stream
            async for chunk in reply.body:
                exchange.bytes_in += len(chunk)
                if data := feed(chunk if look is None else look(chunk)):
                    if made and objects is not None:
                        await objects.keep(context, made)
                    for tap in taps:
                        await tap.fed(data)
                    await downstream.write(data, clock())
                else:
                    downstream.touch(clock())
            if words is not None and words.held:
                await self._write(context, reply, feed(words.flush()))
            last = translator.finish()
            self._end(context, translator.failure)
            for tap in taps:
                await tap.fed(last)
            await downstream.end(last)
        except (httpx.TransportError, Truncated, *UNWRITABLE) as exc:
            if words is not None and words.held:
                await self._write(context, reply, feed(words.flush()))
            await self._write(context, reply, held_of(translator))
            status, failure = errors.describe(exc, translator.failure)
            self._failover.learn(context.attempt, failure)
            await self._tell(context, status, failure)

    async def _write(self, context: CallContext, reply: Reply, data: bytes) -> None:
        """Write bytes that did not come by the loop: an answer's first, or what was held back of its last event."""
        if data:
            if reply.made and self._deps.objects is not None:
                await self._deps.objects.keep(context, reply.made)
            for tap in reply.taps:
                await tap.fed(data)
            await context.downstream.write(data, time.monotonic())

    def _end(self, context: CallContext, failure: Failure | None) -> None:
        """Note that the upstream's answer has come to its proper end."""
        if (attempt := context.attempts[-1] if context.attempts else None) is not None:
            attempt.is_whole = True
            if failure is not None:
                self._failover.learn(attempt, failure)
            attempt.may_still_fail = False

    async def _answer(self, context: CallContext, reply: Reply) -> None:
        """Send an answer that is whole. When a ping has committed us to a 200, an error becomes an event."""
        head, downstream, dialect = reply.head, context.downstream, context.surface.dialect
        failure = None if head.status < 400 and downstream.is_open else errors.failure_in(head, dialect)
        if failure is not None:
            context.exchange.keep_words(failure)
        self._end(context, None)
        if head.status >= 400 and context.attempts:
            context.exchange.failure_message = context.attempts[-1].refusal
        for tap in reply.taps:
            await tap.answered(head)
        if failure is None or downstream.is_open:
            await downstream.answer(head.status, whole_headers(context, head), head.body, time.monotonic())
        else:
            await self._tell(context, head.status, failure)

    async def _tell(
        self, arrival: Arrival, status: int, failure: Failure, answer: WireAnswer | None = None
    ) -> None:
        """Tell what went wrong: by `answer` or one in the surface's dialect, an event, or a cut connection."""
        downstream, exchange, attempt = arrival.downstream, arrival.exchange, arrival.attempt
        exchange.note(failure)
        if downstream.is_open:
            exchange.is_refusal = exchange.upstream_status is None
            if answer is None and self._deps.payments is not None:
                self._deps.payments.guard(arrival)
            answer = answer or errors.render(status, failure, arrival.surface.dialect, exchange.id)
            exchange.status = answer.status
            await downstream.answer(answer.status, answer.headers, answer.body, time.monotonic())
        elif downstream.has_ended:
            pass
        elif attempt is not None and downstream.is_stream and (last := attempt.translator.fail(failure)):
            await downstream.end(last)
        else:
            downstream.cut()

    async def _interrupted(self, arrival: Arrival) -> None:
        """End an exchange that the watchdog stopped, or the server itself."""
        why = arrival.downstream.acknowledge()
        if why in (None, Interruption.CLIENT_LEFT, Interruption.CLIENT_STUCK):
            arrival.exchange.status = CLIENT_LEFT
            if why is Interruption.CLIENT_STUCK:
                arrival.downstream.cut()
            if why is None:
                raise asyncio.CancelledError
            return
        status, failure = errors.INTERRUPTIONS[why]
        if why not in (Interruption.DRAIN, Interruption.BUDGET):
            self._failover.learn(arrival.attempt, failure)
        await self._tell(arrival, status, failure)

    async def conclude(self, arrival: Arrival, hold: Hold | None) -> None:
        """Settle the reservation, close the upstream, release the lease, record the usage: in any case."""
        downstream, exchange = arrival.downstream, arrival.exchange
        downstream.close()
        self._deps.watchdog.discard(downstream)
        if self._bodies.sizes:
            self._bodies.release(arrival)
        self._deps.meter.conclude(arrival, hold)
        if arrival.attempts:
            attempt, objects = arrival.attempts[-1], self._deps.objects
            self._deps.pool.release(attempt.lease)
            await attempt.close()
            passing = own if isinstance(own := attempt.translator, Passthrough) else innermost(own)
            if objects is not None and isinstance(passing, Passthrough) and passing.is_in_thread:
                objects.note_thread(exchange, passing.thread_message)
        deps = self._deps
        sinks = deps.sinks if exchange.token_id else deps.stranger_sinks
        sinks = (*deps.failure_sinks, *sinks) if exchange.failure_kind is not None else sinks
        for sink in () if exchange.is_handed_on else sinks:
            sink.concluded(exchange)
