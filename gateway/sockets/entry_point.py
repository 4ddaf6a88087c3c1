"""The entry point of WebSocket handshakes.

A path of a surface that is served this way is opened for a valid token: no cookie counts there, so no page of
another origin can use somebody's session. Pages for people go to Channels, which sees their session and whose
handshakes must come from our own origin. All else is refused in due form, which makes clients fall back to HTTP.
"""

from __future__ import annotations

from gateway.access.sockets import Pages
from gateway.exchange.downstream import Message, Receive, Request, Scope, Send
from gateway.exchange.surfaces import Match, Table, WrongMethod, unknown
from gateway.exchange.upgrades import (
    NOT_SERVED,
    UPGRADE,
    UPGRADE_REQUIRED,
    Denial,
    is_connected,
    read_handshake,
)
from gateway.relay import errors
from gateway.relay.relay import Relay
from gateway.runtime.composition import NotHere, Runtime
from gateway.servers.websockets import Activity
from gateway.sockets.responses import Session, Sessions, SocketState
from gateway.telemetry import request_ids
from providers.dialects.types import Failure, FailureKind, WireAnswer
from tokens.errors import TokenError


class SocketEntryPoint:
    """The ASGI application for `websocket` scopes. `pages` takes the paths for people."""

    def __init__(self, of: Runtime, pages: Pages) -> None:
        self._runtime = of
        self._pages = pages
        self._sessions = Sessions()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match, refusal = self._find(scope)
        if match is not None:
            await self._serve(match, scope, receive, send)
        elif self._pages.has(scope["path"]):
            self._runtime.composed.metrics.counts.websockets += 1
            try:
                await self._pages(scope, receive, send)
            finally:
                self._runtime.composed.metrics.counts.websockets -= 1
        elif await is_connected(receive):
            self._runtime.composed.metrics.count_early(refusal.status)
            await Denial(scope, send).answer(refusal)

    def _find(self, scope: Scope) -> tuple[Match | None, WireAnswer]:
        """Return the surface that is served this way, or how the handshake is refused."""
        request = read_handshake(scope)
        path, surface = request.raw_path, unknown(request.raw_path, request.headers).surface
        match, has_surface = _surface(self._runtime.table, path)
        if match is not None and match.surface.has_socket and self._runtime.serves_sockets:
            return match, NOTHING
        if not has_surface:
            failure = Failure(FailureKind.NOT_FOUND, "Unknown path")
            return None, errors.render(404, failure, surface.dialect, request_ids.request_id())
        answer = errors.render(UPGRADE_REQUIRED, NOT_SERVED, surface.dialect, request_ids.request_id())
        return None, WireAnswer(answer.status, (*answer.headers, *UPGRADE), answer.body)

    async def _serve(self, match: Match, scope: Scope, receive: Receive, send: Send) -> None:
        if not await is_connected(receive):
            return
        denial = Denial(scope, send)
        try:
            relay = await self._runtime.relay()
        except NotHere as exc:
            words = errors.describe(exc)
            await denial.answer(errors.render(*words, match.surface.dialect, request_ids.request_id()))
            return
        handshake = read_handshake(scope)
        if not await _is_let_in(relay, match, handshake, denial):
            return
        activity: Activity = (scope.get("state") or {}).get("activity") or Activity()
        state = SocketState(activity, self._runtime.drain, self._runtime.composed.options.MAX_BODY_BYTES)
        session = Session(relay, match, handshake, send, state)
        end = self._sessions.add(session)
        self._runtime.composed.metrics.counts.websockets += 1
        try:
            await send({"type": "websocket.accept"})
            await session.run(receive)
        finally:
            self._runtime.composed.metrics.counts.websockets -= 1
            end()


def _surface(table: Table, path: bytes) -> tuple[Match | None, bool]:
    try:
        return table.match("POST", path), table.match("POST", path) is not None
    except WrongMethod:
        return None, True


async def _is_let_in(relay: Relay, match: Match, handshake: Request, denial: Denial) -> bool:
    """Tell whether the token is valid. Another one gets its refusal, which is recorded like a stranger's call."""
    try:
        await relay.callers.whose(handshake.headers)
        return True
    except TokenError:
        await relay.carry(match, handshake, _no_body, denial.send)
        return False


async def _no_body() -> Message:
    return {"type": "http.disconnect"}


NOTHING = WireAnswer(500, ())
