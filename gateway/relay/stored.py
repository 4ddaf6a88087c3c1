"""Answers that need no upstream: of responses that are kept here, or only there to be continued."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

import msgspec
import orjson

from gateway.exchange.attempts import Reply
from gateway.exchange.context import CallContext
from gateway.kernel.redaction import redact
from gateway.objects.records import Kind
from gateway.relay.background import Backgrounds
from gateway.relay.deps import RelayDeps
from gateway.relay.failover import Failover
from gateway.telemetry.request_ids import make_id
from providers.catalog.records import Route
from providers.dialects.openai_response import Resource, repeated
from providers.dialects.openai_responses import event_bytes, usage_object
from providers.dialects.table import JSON, STREAM
from providers.dialects.types import Failure, FailureKind, Refused, Target, Usage, WireAnswer
from providers.translation.common.openai_upstream import read_object
from providers.translation.responses import listing, replay, stored_items

Answer = Callable[[CallContext], Awaitable[Reply | None]]
"""Answers a call; None: an upstream is to be asked."""


class StoredAnswers:
    """Reads and deletes stored responses, each token its own: those that are kept here, else those of a provider."""

    def __init__(self, deps: RelayDeps, failover: Failover, backgrounds: Backgrounds) -> None:
        self._backgrounds = backgrounds
        self._objects = deps.objects
        self._catalog = deps.catalog
        self._failover = failover

    async def answer(self, context: CallContext) -> Reply:
        """Return what the call asks of a stored response. Raises `Refused`: there is none of this name."""
        name, below = _asked(context.path)
        stored = await self._backgrounds.found(context, name)
        if stored is None:
            return await self._fetched(context, name)
        if context.call.method == "DELETE":
            await self._backgrounds.forget(context, name)
            return _reply({"id": name, "object": "response", "deleted": True})
        if below == "cancel":
            return Reply(WireAnswer(200, JSON, await self._backgrounds.cancel(context, name, stored)))
        if below == "input_items":
            return _reply(listing.page(name, stored_items.input_of(stored), context.call.query))
        after = replay.asked_for(context.call.query)
        if after is not None:
            return self._backgrounds.streamed(context, name, after)
        return Reply(WireAnswer(200, JSON, stored_items.response_of(stored)))

    async def _fetched(self, context: CallContext, name: str) -> Reply:
        """Ask the provider that keeps the response, at the account that made it."""
        objects = self._objects
        place = None if objects is None else await objects.place_of(context, name, Kind.RESPONSE)
        record = None if place is None else self._catalog.view.providers.get(place.provider)
        if objects is None or record is None:
            raise _not_found(name)
        route = Route(record, context.surface.dialect, Target(None, record.name))
        reply = await self._failover.send(msgspec.structs.replace(context, place=place), (route,))
        if context.call.method == "DELETE" and reply.head.status == 200:
            await objects.store.delete(name)
        return reply


def _asked(path: bytes) -> tuple[str, str]:
    """Return the response that a path names, and what of it."""
    _, _, _, name, *below = path.decode("latin-1").split("/")
    return unquote(name), below[0] if below else ""


def _reply(document: object) -> Reply:
    return Reply(WireAnswer(200, JSON, orjson.dumps(document)))


def _not_found(name: str) -> Refused:
    return Refused(Failure(FailureKind.NOT_FOUND, f"Response with id '{redact(name)}' not found."))


async def warmed_up(context: CallContext) -> Reply:
    """Return a response without output, as the stream that it is over a WebSocket. Raises `Refused`."""
    body = read_object(context.call.body)
    now = int(time.time())
    echo = {
        **repeated(body),
        "previous_response_id": context.call.continues or body.get("previous_response_id"),
    }
    resource = Resource(make_id("resp_"), now, str(body.get("model") or ""), echo)
    begun = resource.object("in_progress", [])
    done = resource.object("completed", [], completed_at=now, usage=usage_object(Usage()))
    events = (("response.created", begun), ("response.in_progress", begun), ("response.completed", done))
    data = [
        event_bytes(name, {"type": name, "sequence_number": number, "response": response})
        for number, (name, response) in enumerate(events)
    ]
    return Reply(WireAnswer(200, STREAM, b"".join(data)))
