"""Serve a person's managed settings: the policy of her first group that has one, else everybody's, else 404.

Rows are asked, for a client asks once an hour; while the database is away the last answer to the same token goes on.
"""

from __future__ import annotations

from collections import OrderedDict

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from gateway.exchange.downstream import Receive, Request
from providers.dialects.types import Failure, FailureKind, Headers, Refused, WireAnswer, header
from tokens.policies import services
from tokens.policies.services import Served
from tokens.records import TokenRecord

MOST_KEPT = 10_000
NO_POLICY = "No managed settings for this person"


class ManagedSettings:
    """For one event loop."""

    def __init__(self, most_kept: int = MOST_KEPT) -> None:
        self._most_kept = most_kept
        self._last: OrderedDict[str, Served | None] = OrderedDict()

    async def answer(self, token: TokenRecord, path: bytes, request: Request, receive: Receive) -> WireAnswer:
        """Answer with the settings, or 304 to who has them. Raises `Refused` without a policy, `DatabaseError`."""
        found = await self._served(token.id)
        if found is None:
            raise Refused(Failure(FailureKind.NOT_FOUND, NO_POLICY))
        tag = b'"' + found.checksum.encode() + b'"'
        if _has(request.headers, tag):
            return WireAnswer(304, ())
        headers: Headers = (
            (b"content-type", b"application/json"),
            (b"etag", tag),
            (b"cache-control", b"no-store"),
        )
        body = f'{{"uuid":"{found.checksum}","checksum":"{found.checksum}","settings":{found.body}}}'
        return WireAnswer(200, headers, body.encode())

    async def _served(self, token_id: str) -> Served | None:
        asking = database_sync_to_async(services.served_to, thread_sensitive=False)
        try:
            found: Served | None = await asking(token_id)
        except DatabaseError:
            if token_id not in self._last:
                raise
            return self._last[token_id]
        self._last[token_id] = found
        self._last.move_to_end(token_id)
        while len(self._last) > self._most_kept:
            self._last.popitem(last=False)
        return found


def _has(headers: Headers, tag: bytes) -> bool:
    """Tell whether `If-None-Match` names the tag; weak ones count, `*` names nothing."""
    told = header(headers, b"if-none-match") or b""
    return any(each.strip().removeprefix(b"W/") == tag for each in told.split(b","))
