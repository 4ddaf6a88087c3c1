"""The payment of one call, from the hash of its body to the receipt of its answer."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial

from msgspec.structs import replace

from gateway.exchange.attempts import Reply
from gateway.exchange.context import Arrival, CallContext
from gateway.exchange.downstream import Message, Receive
from gateway.exchange.surfaces import Action, Family
from gateway.payments import preferences, problems, receipt
from gateway.payments.challenge import Challenge, rfc3339
from gateway.payments.credential import HEADER
from gateway.payments.desk import Asked
from gateway.payments.gate import Gate, Paid, is_charged
from gateway.payments.problems import Code, PaymentProblem
from providers.catalog.records import Route
from providers.dialects.envelopes import COUNT_TOKENS
from providers.dialects.types import Failure, FailureKind, Headers, Refused, WireAnswer
from tokens.errors import MissingToken
from tokens.models import CHARGE
from tokens.records import TokenRecord, unrecorded

ANONYMOUS = "anonymous"
NO_STORE: Headers = ((b"cache-control", b"no-store"),)
UNCACHED = b", no-cache, no-transform"
KINDS = {
    402: FailureKind.BILLING,
    409: FailureKind.CONFLICT,
    500: FailureKind.INTERNAL,
    503: FailureKind.UNAVAILABLE,
}

Sending = Callable[[], Awaitable[Reply]]
SendingOn = Callable[[CallContext, Sequence[Route]], Awaitable[Reply]]


class PaymentRefused(Exception):
    """A call that is not served, with the whole answer that says why."""

    def __init__(self, answer: WireAnswer, failure: Failure) -> None:
        super().__init__(failure.message)
        self.answer = answer
        self.failure = failure


class Toll:
    """Made for a call to a surface that is paid for, before its body is read."""

    def __init__(self, gate: Gate, arrival: Arrival) -> None:
        self._gate = gate
        self._arrival = arrival
        self._hash = hashlib.sha256()

    def hashing(self, receive: Receive) -> Receive:
        """Return a `receive` that also takes the hash of the body, as it comes."""

        async def hashed() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                self._hash.update(message.get("body", b""))
            return message

        return hashed

    async def identify(self, authenticating: Awaitable[TokenRecord]) -> TokenRecord:
        """Return the caller's token; a caller without one stands for itself alone where those may pay."""
        try:
            return await authenticating
        except MissingToken:
            if not self._gate.options.allows_anonymous:
                raise
        # Of its own, so that anonymous callers share neither sessions nor stored answers.
        moment = int(time.time())
        return unrecorded(f"{ANONYMOUS}:{self._arrival.exchange.id}", ANONYMOUS, (moment, moment + 3600))

    def carrying(self, send: SendingOn) -> SendingOn:
        """Return `send` behind the gate."""

        async def sent(context: CallContext, routes: Sequence[Route]) -> Reply:
            return await self.carry(context, partial(send, context, routes))

        return sent

    async def carry(self, context: CallContext, send: Sending) -> Reply:
        """Return the answer to a call that is paid for, with its receipt. Raises PaymentRefused."""
        if context.token.payment != CHARGE or context.call.path == COUNT_TOKENS:
            reply = await send()
            if any(name == HEADER for name, _ in context.request.headers):
                _keep_from_caches(reply, b"private")
            return reply
        if context.surface.action is Action.RELAY and not context.call.fields.is_readable:
            raise Refused(Failure(FailureKind.INVALID_REQUEST, "the body can't be read as JSON"))
        asked = Asked(context.exchange.path, self._hash.digest())
        try:
            paid = await self._gate.collect(context, asked)
        except PaymentProblem as problem:
            raise await self._refused(context, asked, problem) from problem
        if not context.exchange.token_id:
            context.exchange.token_id = context.exchange.token_label = ANONYMOUS
        return await self._deliver(context, paid, send)

    async def _deliver(self, context: CallContext, paid: Paid, send: Sending) -> Reply:
        """Call the upstream; the receipt leaves with the head, so nothing may leave before it."""
        context.downstream.hold_head()
        try:
            reply = await send()
            if 200 <= reply.head.status < 300:
                await _begin(context, reply)
        except Exception as exc:
            await self._gate.undelivered(paid, f"no answer: {type(exc).__name__}")
            raise
        except BaseException:
            self._gate.undelivered_later(paid, "the caller left, or the call was stopped")
            raise
        status = reply.head.status
        if not 200 <= status < 300:
            await self._gate.undelivered(paid, f"the upstream answered {status}")
            _keep_from_caches(reply, b"no-store")
            return reply
        await self._gate.serve(paid)
        _keep_from_caches(reply, b"private")
        told = receipt.header_value(
            paid.method.name, paid.settled.reference, rfc3339(time.time()), paid.settled.extras
        )
        context.downstream.add_headers(((receipt.HEADER, told),))
        return reply

    async def _refused(self, context: CallContext, asked: Asked, problem: PaymentProblem) -> PaymentRefused:
        """Return the refusal: a 402 with fresh challenges, or another status without."""
        challenges: list[Challenge] = []
        if problem.status == 402:
            accepted = [value for name, value in context.request.headers if name == preferences.HEADER]
            challenges = await self._gate.desk.challenges(asked, accepted)
            if not challenges:
                words = "no payment can be asked for now; please try again"
                problem = PaymentProblem(Code.INTERNAL, words, 503)
        self._count(problem, challenges)
        error = None
        if problem.status == 402:
            error = problems.required_error(
                self._gate.options.terms, _message(context, problem), asked.resource
            )
        body = problems.body(problem, challenges[0].id if challenges else "", error)
        headers: Headers = (
            (b"content-type", problems.CONTENT_TYPE),
            (b"cache-control", b"no-store"),
            (b"request-id", context.exchange.id.encode()),
            *((b"www-authenticate", challenge.header_value().encode()) for challenge in challenges),
        )
        failure = Failure(KINDS[problem.status], f"{problem.code}: {problem.detail}")
        return PaymentRefused(WireAnswer(problem.status, headers, body), failure)

    def _count(self, problem: PaymentProblem, challenges: Sequence[Challenge]) -> None:
        for challenge in challenges:
            self._gate.count(challenge.method, "challenged")
        if problem.code is not Code.REQUIRED:
            self._gate.count("", str(problem.code))


class Payments:
    """Tells the relay of payments: which calls pass a gate, and what their errors need."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def toll(self, arrival: Arrival) -> Toll | None:
        """Return the call's toll; None where the surface is free. Over a WebSocket the handshake's GET is no method."""
        method = arrival.request.method if arrival.request.method in arrival.surface.methods else "POST"
        if is_charged(self._gate.options.surfaces, arrival.surface, method):
            return Toll(self._gate, arrival)
        return None

    @staticmethod
    def guard(arrival: Arrival) -> None:
        """Keep an error from shared caches where the request held a credential."""
        if any(name == HEADER for name, _ in arrival.request.headers):
            arrival.downstream.add_headers(NO_STORE)


async def _begin(context: CallContext, reply: Reply) -> None:
    """Wait for the first bytes of an answer, so that an upstream that breaks before them has delivered nothing."""
    if reply.body is None or reply.first:
        return
    downstream, body = context.downstream, aiter(reply.body)
    downstream.await_upstream(time.monotonic(), downstream.first_byte_seconds, downstream.idle_seconds)
    first = b""
    try:
        async for first in body:
            if first:
                break
    finally:
        downstream.stop_waiting(time.monotonic())
    reply.body = _chained(first, body)


def _keep_from_caches(reply: Reply, directive: bytes) -> None:
    """Put our `cache-control` in the place of the upstream's."""
    value = directive + UNCACHED if reply.is_stream else directive
    kept = tuple(pair for pair in reply.head.headers if pair[0] != b"cache-control")
    reply.head = replace(reply.head, headers=(*kept, (b"cache-control", value)))


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in rest:
        yield chunk


def _message(context: CallContext, problem: PaymentProblem) -> str:
    """Return the reference's words for a call that was not paid at all, else the reason."""
    if problem.code is not Code.REQUIRED:
        return problem.detail
    kind = "OpenAI-compatible endpoint" if context.surface.family is Family.OPENAI else "this endpoint"
    return f"Payment required for {kind}"
