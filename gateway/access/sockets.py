"""WebSockets of pages for people: from our own origin, for a session that may look, or for the admin key.

A browser sends the session's cookie with any page's handshake, and does not ask first: the `Origin` header alone tells
whose page it is. Programs send none, and prove themselves by the key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.urls.resolvers import URLPattern

from gateway.access import guards
from gateway.access.gate import AccessDenied, Caller
from gateway.access.sessions import May
from gateway.exchange.downstream import Receive, Scope, Send
from gateway.exchange.upgrades import Denial, is_connected
from gateway.relay import errors
from gateway.telemetry import request_ids
from providers.dialects.types import Failure, FailureKind, Headers, header

FOREIGN = Failure(FailureKind.PERMISSION, "The page that asks is not one of this server's")
NOBODY = Failure(FailureKind.PERMISSION, "Log in first, with a login that may look")
DEFAULT_PORTS = {"http": 80, "https": 443}


class Pages:
    """Channels' consumers by path, each behind the same gates. `may_look` tells of a login whether it may."""

    def __init__(self, routes: Sequence[URLPattern], may_look: May) -> None:
        self._routes = tuple(routes)
        self._may_look = may_look
        self._consumers: Any = URLRouter(list(routes))  # type: ignore[no-untyped-call]
        self._with_user: Any = AuthMiddlewareStack(self._for_people)  # type: ignore[no-untyped-call]

    def has(self, path: str) -> bool:
        """Tell whether a page is served under this path."""
        return any(route.pattern.match(path.removeprefix("/")) for route in self._routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = tuple([(name.lower(), value) for name, value in scope["headers"]])
        bearer = header(headers, b"authorization")
        if bearer is not None:
            await self._for_key(scope, receive, send)
        elif is_same_origin(headers):
            await self._with_user(scope, receive, send)
        else:
            await _refuse(scope, receive, send, FOREIGN)

    async def _for_key(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client") or ("", None)
        headers = tuple([(name.lower(), value) for name, value in scope["headers"]])
        try:
            guards.gate().admit(Caller(client[0] or "", "GET", headers))
        except AccessDenied as denied:
            await _refuse(scope, receive, send, denied.failure)
            return
        await self._consumers(scope, receive, send)

    async def _for_people(self, scope: Scope, receive: Receive, send: Send) -> None:
        user: Any = scope["user"]
        if user.is_active and await database_sync_to_async(self._may_look)(user):
            await self._consumers(scope, receive, send)
        else:
            await _refuse(scope, receive, send, NOBODY)


def is_same_origin(headers: Headers) -> bool:
    """Tell whether the `Origin` names the host that was asked. None, or `null`, names nobody."""
    origin, host = (header(headers, name) or b"" for name in (b"origin", b"host"))
    try:
        asking = urlsplit(origin.decode("ascii"))
        asked = urlsplit(f"//{host.decode('ascii')}")
        port = asking.port or DEFAULT_PORTS.get(asking.scheme)
        return (
            bool(asking.hostname)
            and asking.hostname == asked.hostname
            and port == (asked.port or DEFAULT_PORTS.get(asking.scheme))
        )
    except ValueError:
        return False


async def _refuse(scope: Scope, receive: Receive, send: Send, failure: Failure) -> None:
    if await is_connected(receive):
        answer = errors.render(errors.status_of(failure), failure, "anthropic", request_ids.request_id())
        await Denial(scope, send).answer(answer)
