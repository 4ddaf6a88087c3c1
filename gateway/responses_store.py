"""Conversations of the Responses surface that the client does not repeat.

A translated upstream keeps nothing, so we keep what `previous_response_id` and `item_reference` may name later: per
token, sealed, for RESPONSES_STORE_SECONDS, bounded in bytes. With Redis every worker finds it, else this process does.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from msgspec.structs import replace
from redis.asyncio import Redis
from redis.exceptions import RedisError

from providers.dialects.types import (
    Call,
    Failure,
    FailureKind,
    Refused,
    Sealer,
    Target,
    Translator,
    Usage,
    WireAnswer,
    WireRequest,
)
from providers.translation import stored_items

logger = logging.getLogger(__name__)

MAX_BYTES = 64 * 1024 * 1024


class Shelf(Protocol):
    """Sealed texts by key, forgotten in time."""

    async def get(self, key: str) -> str | None: ...

    async def put(self, key: str, sealed: str) -> None: ...


class MemoryShelf:
    """Of one process; the oldest go when it is full."""

    def __init__(self, keep_seconds: float, clock: Callable[[], float], max_bytes: int = MAX_BYTES) -> None:
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._max_bytes = max_bytes
        self._bytes = 0
        self._texts: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._texts)

    async def get(self, key: str) -> str | None:
        until, sealed = self._texts.get(key, (0.0, ""))
        return sealed if until > self._clock() else None

    async def put(self, key: str, sealed: str) -> None:
        self._drop(key)
        self._texts[key] = (self._clock() + self._keep_seconds, sealed)
        self._bytes += len(sealed)
        while self._texts and (self._bytes > self._max_bytes or self._oldest_until() <= self._clock()):
            self._drop(next(iter(self._texts)))

    def _oldest_until(self) -> float:
        return next(iter(self._texts.values()))[0]

    def _drop(self, key: str) -> None:
        _, sealed = self._texts.pop(key, (0.0, ""))
        self._bytes -= len(sealed)


class RedisShelf:
    """Shared by all workers; Redis forgets by itself."""

    def __init__(self, redis: Redis, keep_seconds: float) -> None:
        self._redis = redis
        self._keep_seconds = max(1, round(keep_seconds))

    async def get(self, key: str) -> str | None:
        found = await self._redis.get(f"router:{key}")
        return found.decode() if isinstance(found, bytes) else found

    async def put(self, key: str, sealed: str) -> None:
        await self._redis.set(f"router:{key}", sealed, ex=self._keep_seconds)


class ResponsesStore:
    """What a token may refer to: never another token's."""

    def __init__(self, shelf: Shelf, sealer: Sealer) -> None:
        self._shelf = shelf
        self._sealer = sealer

    async def expanded(self, call: Call, token_id: str) -> Call:
        """The call as if the client had repeated everything. Raises `Refused` (not found) naming an unknown id."""
        if b"previous_response_id" not in call.body and b'"id"' not in call.body:
            return call
        found = stored_items.references(call.body)
        if found.previous_response_id is None and not found.item_ids:
            return call
        previous = None
        if found.previous_response_id is not None:
            previous = await self._get(token_id, found.previous_response_id)
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
        return replace(call, body=body, continues=found.previous_response_id)

    async def keep(self, token_id: str, call: Call, response: bytes) -> None:
        """Stores a finished response and its items under their ids."""
        name = stored_items.response_id(response)
        if name is None:
            return
        await self._put(token_id, name, stored_items.conversation(call.body, response))
        for item, stored in stored_items.output_items(response).items():
            await self._put(token_id, item, stored)

    async def _get(self, token_id: str, name: str) -> bytes | None:
        key = _key(token_id, name)
        sealed = await self._shelf.get(key)
        return None if sealed is None else self._sealer.open(sealed, key)

    async def _put(self, token_id: str, name: str, plain: bytes) -> None:
        key = _key(token_id, name)
        await self._shelf.put(key, self._sealer.seal(plain, key))


def _key(token_id: str, name: str) -> str:
    return f"response:{len(token_id)}:{token_id}:{name}"


class Keeping:
    """A translator of the Responses surface that keeps what it gave, before its last byte leaves."""

    def __init__(self, inner: Translator, store: ResponsesStore, token_id: str, call: Call) -> None:
        self._inner = inner
        self._store = store
        self._token_id = token_id
        self._call = call
        self._final = stored_items.FinalResponse()
        self._whole: bytes | None = None
        self._has_kept = False

    @property
    def is_ready(self) -> bool:
        return not self._has_kept and (self._whole or self._final.response) is not None

    async def keep(self) -> None:
        """Call when `is_ready`."""
        self._has_kept = True
        response = self._whole or self._final.response
        if response is not None:
            await self._store.keep(self._token_id, self._call, response)

    @property
    def usage(self) -> Usage:
        return self._inner.usage

    @property
    def model(self) -> str | None:
        return self._inner.model

    @property
    def failure(self) -> Failure | None:
        return self._inner.failure

    @property
    def is_transparent(self) -> bool:
        return self._inner.is_transparent

    def request(self, call: Call, target: Target) -> WireRequest:
        return self._inner.request(call, target)

    def response(self, answer: WireAnswer) -> WireAnswer:
        told = self._inner.response(answer)
        if told.status == 200 and told.body:
            self._whole = told.body
        return told

    def feed(self, chunk: bytes) -> bytes:
        return self._seen(self._inner.feed(chunk))

    def finish(self) -> bytes:
        return self._seen(self._inner.finish())

    def fail(self, failure: Failure) -> bytes:
        return self._inner.fail(failure)

    def keepalive(self) -> bytes:
        return self._inner.keepalive()

    def _seen(self, told: bytes) -> bytes:
        if told:
            self._final.see(told)
        return told


def wants_keeping(body: bytes) -> bool:
    """`store` is not false."""
    return stored_items.references(body).is_to_be_stored


async def keep(keeping: Keeping | None) -> None:
    """Before the last byte leaves: the client may refer to it at once. A store that is away costs only that."""
    if keeping is None or not keeping.is_ready:
        return
    try:
        await keeping.keep()
    except RedisError:
        logger.warning("A response could not be kept: the store is away")
