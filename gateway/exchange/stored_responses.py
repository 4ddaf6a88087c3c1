"""Stored responses: conversations of the Responses surface that the client does not repeat.

A translated upstream keeps nothing, so we keep what `previous_response_id` and `item_reference` may name
later: per token, sealed, for RESPONSES_STORE_SECONDS, bounded in bytes. With Redis every worker finds it,
else this process does.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec.structs import replace
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.exchange.context import CallContext
from gateway.exchange.detached import Detached, Sent
from gateway.exchange.taps import Tap
from providers.catalog.records import Route
from providers.dialects.types import Call, Failure, FailureKind, Refused, Sealer, WireAnswer, header
from providers.translation.responses import stored_items

logger = logging.getLogger(__name__)

MAX_BYTES = 64 * 1024 * 1024


class ResponseBackend(Protocol):
    """Sealed texts by key, and lists of them; forgotten in time."""

    keep_seconds: float

    async def get(self, key: str) -> str | None: ...

    async def put(self, key: str, sealed: str) -> None: ...

    async def drop(self, key: str) -> None: ...

    async def append(self, key: str, sealed: list[str]) -> None: ...

    async def entries(self, key: str, start: int) -> list[str]: ...

    async def touch(self, key: str) -> None: ...


class MemoryBackend:
    """Keeps sealed texts in this process; the oldest go when it is full."""

    def __init__(self, keep_seconds: float, clock: Callable[[], float], max_bytes: int = MAX_BYTES) -> None:
        self.keep_seconds = keep_seconds
        self._clock = clock
        self._max_bytes = max_bytes
        self._bytes = 0
        self.texts: OrderedDict[str, tuple[float, list[str]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.texts)

    async def get(self, key: str) -> str | None:
        found = await self.entries(key, 0)
        return found[0] if found else None

    async def put(self, key: str, sealed: str) -> None:
        self._drop(key)
        await self.append(key, [sealed])

    async def drop(self, key: str) -> None:
        self._drop(key)

    async def append(self, key: str, sealed: list[str]) -> None:
        _, known = self.texts.pop(key, (0.0, []))
        known += sealed
        self.texts[key] = (self._clock() + self.keep_seconds, known)
        self._bytes += sum(map(len, sealed))
        while self.texts and (self._bytes > self._max_bytes or self._oldest_until() <= self._clock()):
            self._drop(next(iter(self.texts)))

    async def entries(self, key: str, start: int) -> list[str]:
        until, known = self.texts.get(key, (0.0, []))
        return known[start:] if until > self._clock() else []

    async def touch(self, key: str) -> None:
        if key in self.texts:
            await self.append(key, [])

    def _oldest_until(self) -> float:
        return next(iter(self.texts.values()))[0]

    def _drop(self, key: str) -> None:
        _, known = self.texts.pop(key, (0.0, []))
        self._bytes -= sum(map(len, known))


class RedisBackend:
    """Keeps sealed texts in Redis, for all workers; Redis forgets by itself."""

    def __init__(self, redis: Redis, keep_seconds: float) -> None:
        self._redis = redis
        self.keep_seconds = keep_seconds
        self._expires_in = max(1, round(keep_seconds))

    async def get(self, key: str) -> str | None:
        found = await self._redis.get(f"router:{key}")
        return found.decode() if isinstance(found, bytes) else found

    async def put(self, key: str, sealed: str) -> None:
        await self._redis.set(f"router:{key}", sealed, ex=self._expires_in)

    async def drop(self, key: str) -> None:
        await self._redis.delete(f"router:{key}")

    async def append(self, key: str, sealed: list[str]) -> None:
        await self._redis.rpush(f"router:{key}", *sealed)
        await self.touch(key)

    async def entries(self, key: str, start: int) -> list[str]:
        found = await self._redis.lrange(f"router:{key}", start, -1)
        return [one.decode() if isinstance(one, bytes) else one for one in found]

    async def touch(self, key: str) -> None:
        await self._redis.expire(f"router:{key}", self._expires_in)


class ResponsesStore:
    """Stored responses by token: none can refer to another token's."""

    def __init__(self, backend: ResponseBackend, sealer: Sealer) -> None:
        self._backend = backend
        self._sealer = sealer
        self.keep_seconds = backend.keep_seconds

    async def expanded(self, call: Call, token_id: str) -> Call:
        """Return the call as if the client had repeated everything.

        Raises `Refused` (not found) naming an unknown id.
        """
        if call.body.find(b"previous_response_id") < 0 and call.body.find(b'"id"') < 0:
            return call
        found = stored_items.references(call.body)
        if found.previous_response_id is None and not found.item_ids:
            return call
        previous = None
        if found.previous_response_id is not None:
            stored = await self.find(token_id, found.previous_response_id)
            if stored is not None and stored_items.is_running(stored):
                raise Refused(_still_running(found.previous_response_id))
            previous = None if stored is None else stored_items.conversation_of(stored)
            if previous is None:
                message = f"Previous response with id '{found.previous_response_id}' not found."
                raise Refused(
                    Failure(
                        FailureKind.NOT_FOUND,
                        message,
                        param="previous_response_id",
                        code="previous_response_not_found",
                    )
                )
        items = {item: await self._get(token_id, item) for item in found.item_ids}
        known = {item: stored for item, stored in items.items() if stored is not None}
        body = stored_items.expanded(call.body, previous, known)
        return replace(call, body=body, continues=call.continues or found.previous_response_id)

    def tap(self, context: CallContext, route: Route, call: Call) -> Tap | None:
        """Return who keeps the answer, where a translated upstream would not and the caller has not said no."""
        is_native = context.surface.dialect == route.dialect
        if isinstance(context.downstream, Detached):
            context.downstream.sent = Sent(call, context.exchange, is_native)
            return None
        if is_native or not stored_items.is_to_be_stored(call.body):
            return None
        return StoredResponseTap(self, context.token.id, call)

    async def keep(self, token_id: str, call: Call, response: bytes) -> None:
        """Store a finished response and its items under their ids."""
        name = stored_items.response_id(response)
        if name is None:
            return
        await self.put(token_id, name, stored_items.record(call.body, response))
        for item, stored in stored_items.output_items(response).items():
            await self._put(token_id, item, stored)

    async def put(self, token_id: str, name: str, record: bytes) -> None:
        """Store what `stored_items.record` has made of a response."""
        await self._put(token_id, _RESPONSE + name, record)

    async def find(self, token_id: str, name: str) -> bytes | None:
        """Return what `stored_items.record` has made of a response of this token; None when there is none."""
        return await self._get(token_id, _RESPONSE + name)

    async def forget(self, token_id: str, name: str) -> bool:
        """Delete a stored response and its items; tell whether there was one."""
        stored = await self.find(token_id, name)
        if stored is None:
            return False
        items = stored_items.output_items(stored_items.response_of(stored))
        for key in (*[kind + name for kind in (_RESPONSE, _EVENTS, ALIVE)], *items):
            await self._backend.drop(_key(token_id, key))
        return True

    # --- of responses that run in the background -----------------------------------------------------

    async def tell(self, token_id: str, name: str, events: Sequence[bytes]) -> None:
        """Add events, as JSON, to those of a response."""
        if not events:
            return
        key = _key(token_id, _EVENTS + name)
        await self._backend.append(key, [self._sealer.seal(event, key) for event in events])

    async def told(self, token_id: str, name: str, start: int) -> list[bytes]:
        """Return the events that have been told of a response, from this one on."""
        key = _key(token_id, _EVENTS + name)
        found = [self._sealer.open(one, key) for one in await self._backend.entries(key, start)]
        return [one for one in found if one is not None]

    async def sign(self, token_id: str, name: str, kind: str, text: str) -> None:
        """Leave a sign at a response that runs, for another process."""
        await self._put(token_id, kind + name, text.encode())
        for key in (_RESPONSE, _EVENTS):
            await self._backend.touch(_key(token_id, key + name))

    async def sign_of(self, token_id: str, name: str, kind: str) -> str:
        """Return the last sign of a kind; "" when there is none."""
        return (await self._get(token_id, kind + name) or b"").decode()

    async def _get(self, token_id: str, name: str) -> bytes | None:
        key = _key(token_id, name)
        sealed = await self._backend.get(key)
        return None if sealed is None else self._sealer.open(sealed, key)

    async def _put(self, token_id: str, name: str, plain: bytes) -> None:
        key = _key(token_id, name)
        await self._backend.put(key, self._sealer.seal(plain, key))


ALIVE, CANCELLED = "alive:", "cancelled:"
"""Signs: when the process that runs a response last said so, in Unix seconds; that somebody has cancelled it."""
_RESPONSE, _EVENTS = "whole:", "events:"
"""Before the id of a response: an item must not be taken for one."""


def _key(token_id: str, name: str) -> str:
    return f"response:{len(token_id)}:{token_id}:{name}"


def _still_running(name: str) -> Failure:
    words = f"previous_response_id: the response '{name}' is still running; wait until it has ended"
    return Failure(FailureKind.INVALID_REQUEST, words, param="previous_response_id")


class StoredResponseTap:
    """Keeps a Responses answer that was translated, before its last byte leaves: the client may refer to it at once."""

    def __init__(self, store: ResponsesStore, token_id: str, call: Call) -> None:
        """`call` is whole: what it referred to has been put in."""
        self._store = store
        self._token_id = token_id
        self._call = call
        self._final = stored_items.FinalResponse()
        self._has_kept = False

    async def answered(self, answer: WireAnswer) -> None:
        """Keep a whole answer, or the response that ends it where it was written as a stream at once."""
        if answer.status != 200 or not answer.body:
            return
        if (header(answer.headers, b"content-type") or b"").startswith(b"text/event-stream"):
            await self.fed(answer.body)
        else:
            await self._keep(answer.body)

    async def fed(self, data: bytes) -> None:
        """Keep the response that ends a stream."""
        self._final.see(data)
        if self._final.response is not None:
            await self._keep(self._final.response)

    async def _keep(self, response: bytes) -> None:
        """Store it once. A store that is away costs only that."""
        if self._has_kept:
            return
        self._has_kept = True
        try:
            await self._store.keep(self._token_id, self._call, response)
        except RedisError:
            logger.warning("A response could not be stored: the store is away")
