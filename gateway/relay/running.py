"""One response that runs in the background: the client's side of its exchange, and how it stands."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import orjson

from gateway.exchange.context import CallContext
from gateway.exchange.detached import Detached
from gateway.exchange.downstream import Interruption
from gateway.exchange.turn import Turn
from gateway.exchange.upgrades import as_call
from gateway.objects.calls import KEPT_SECONDS
from gateway.objects.records import Kind, StoredObject
from gateway.telemetry.request_ids import HEADER, make_id
from providers.dialects import envelopes
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.openai_response import Resource, repeated
from providers.dialects.openai_responses import decode_event, failure_of, response_error
from providers.dialects.types import Call, Failure, FailureKind, Refused
from providers.translation.common.openai_upstream import read_object
from providers.translation.pairs.passthrough import Passthrough
from providers.translation.responses import replay, stored_items

Object = dict[str, Any]
_TRANSPORT_FIELDS = ("background", "background_options", "stream")
"""Fields that say how the answer travels: that is settled here."""


def failed(response: bytes, failure: Failure) -> bytes:
    """Return a response as one that has failed."""
    return orjson.dumps({**orjson.loads(response), "status": "failed", "error": response_error(failure)})


def refused(why: str) -> Refused:
    """Return the refusal of a call that asks for the background."""
    return Refused(Failure(FailureKind.INVALID_REQUEST, f"background: {why}", param="background"))


class Run:
    """The state of one response. `resource` has the fields that stay."""

    def __init__(self, context: CallContext, resource: Resource) -> None:
        fields = {
            key: value
            for key, value in envelopes.read_object(context.call.body).items()
            if key not in _TRANSPORT_FIELDS
        }
        self.body = envelopes.write_object({**fields, "stream": b"true"})
        self.name = resource.id
        self.token_id, self.owner = context.token.id, context.token.ledger_id
        self.dialect = context.surface.dialect
        self.request = msgspec.structs.replace(as_call(context.request), make=self.downstream_of)
        self.exchange_id = context.exchange.id
        self.response = self.first = resource.object("queued", [])
        self.events: list[bytes] = []  # that are not written down yet
        self.has_moved = False  # the response has another state than is written down
        self.is_sent = False  # an upstream is asked: what it refuses has failed
        self.is_kept = False  # it can be asked for
        self.is_cancelled = False
        self.is_forgotten = False  # it is cancelled and deleted
        self.sign_at = 0.0  # monotonic seconds
        self.news = asyncio.Event()  # an upstream is asked, or the call is refused
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.begun.add_done_callback(
            lambda done: done.cancelled() or done.exception()
        )  # nobody may wait for it
        self._has_left = asyncio.Event()
        self.turn = Turn(self.body, self._frame, self._has_left)
        self._call = context.call
        self._downstream: Detached | None = None

    @classmethod
    def of(cls, context: CallContext) -> Run:
        """Make the run that a call asks for. Raises `Refused`."""
        body = read_object(context.call.body)
        if body.get("store") is False:
            raise refused("a response that runs in the background is stored; leave store out")
        echo = {**repeated(body), "background": True, "store": True}
        return cls(
            context,
            Resource(make_id(stored_items.BACKGROUND), int(time.time()), str(body.get("model") or ""), echo),
        )

    @property
    def call(self) -> Call:
        """Return the call as it was sent: with what it referred to put in."""
        sent = None if self._downstream is None else self._downstream.sent
        return msgspec.structs.replace(self._call, body=self.body) if sent is None else sent.call

    @property
    def is_native(self) -> bool:
        """Tell whether the upstream speaks the call's dialect: it knows the items of the answer."""
        sent = None if self._downstream is None else self._downstream.sent
        return sent is not None and sent.is_native

    def made(self) -> StoredObject:
        """Return where the answer was made: its follow-ups go there."""
        assert self._downstream is not None and self._downstream.sent is not None
        exchange, now = self._downstream.sent.exchange, time.time()
        return StoredObject(
            self.name, Kind.RESPONSE, exchange.provider, exchange.account, self.token_id, self.owner, now,
            now + KEPT_SECONDS[Kind.RESPONSE],
        )  # fmt: skip

    @property
    def is_running(self) -> bool:
        return self.response["status"] in replay.RUNNING

    @property
    def has_failed(self) -> bool:
        return str(self.response["status"]) == "failed"

    def downstream_of(self, *args: Any) -> Detached:
        """Make the client's side of the exchange."""
        self._downstream = Detached(self._sent, *args)
        self.exchange_id = dict(args[-1])[HEADER].decode()
        return self._downstream

    def _sent(self) -> None:
        self.is_sent = True
        self.news.set()

    def begin(self, problem: Exception | None = None) -> None:
        """Let whoever has asked for it go on."""
        if self.begun.done():
            return
        if problem is None:
            self.begun.set_result(None)
        else:
            self.begun.set_exception(problem)

    def cancel(self) -> None:
        """End it as its client's leaving would."""
        if self.is_running:
            self.is_cancelled = True
            self.response = {**self.response, "status": "cancelled"}
            self._add("response.incomplete", {"response": self.response})
        self._has_left.set()

    def interrupt(self, why: Interruption) -> None:
        """Stop the exchange for a reason of ours."""
        if self._downstream is not None:
            self._downstream.interrupt(why)

    def end(self, failure: Failure) -> None:
        """Note that the exchange is over. Where its answer has not told an end, `failure` is the reason."""
        if self.is_running:
            self.response = {**self.response, "status": "failed", "error": response_error(failure)}
            if not self.number:
                self._add("response.created", {"response": self.first})
            self._add("response.failed", {"response": self.response})

    number = 0  # of the next event

    def _add(self, name: str, fields: Object) -> None:
        self.events.append(orjson.dumps({"type": name, "sequence_number": self.number, **fields}))
        self.number += 1

    async def _frame(self, text: str) -> None:
        """Take one event of the answer; its response gets our id."""
        if self.turn.refusal is not None or self.is_cancelled:
            self.news.set()
            return
        data = text.encode()
        try:
            event = tolerant(orjson.loads, data)
            seen = decode_event(data)
        except UNREADABLE:
            return
        number = event.get("sequence_number")
        self.number = number if isinstance(number, int) else self.number
        name = seen.type
        if name == "error":
            failure = failure_of(seen)
            assert failure is not None
            self.end(failure)
            return
        response = event.get("response")
        if isinstance(response, dict):
            event["response"] = self._seen(response)
            data = orjson.dumps(event)
        self.events.append(data)
        self.number += 1
        self.news.set()

    def _seen(self, response: Object) -> Object:
        own = {name: self.first[name] for name in ("id", "created_at", "background", "store", "model")}
        seen = {**response, **own}
        if seen.get("status") != self.response["status"]:
            self.has_moved = True
        self.response = seen
        return seen


class Telling(Passthrough):
    """The translator of a stream that is ours: nothing in it is looked at or changed."""

    is_transparent = False

    def feed(self, chunk: bytes) -> bytes:
        return chunk

    def finish(self) -> bytes:
        return b""

    def fail(self, failure: Failure) -> bytes:
        return b""
