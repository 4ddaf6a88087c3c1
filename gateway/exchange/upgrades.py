"""WebSocket handshakes: how one is recognised, and how one is told that only HTTP is spoken here."""

from __future__ import annotations

import msgspec

from gateway.exchange.downstream import Message, Receive, Request, Scope, Send, read_request
from providers.dialects.types import Failure, FailureKind, Headers, WireAnswer, header

DENIAL = "websocket.http.response"
"""ASGI's extension for a refusal with a status and a body of our own. Without it a refusal is a 403."""
UPGRADE_REQUIRED = 426
POLICY = 1008
UPGRADE: Headers = ((b"upgrade", b"HTTP/1.1"), (b"connection", b"upgrade"))
NOT_SERVED = Failure(
    FailureKind.INVALID_REQUEST, "WebSocket is not served here: send the same as a POST and read its stream"
)
"""What makes a client fall back to HTTP at once."""
CALL_HEADERS: Headers = ((b"content-type", b"application/json"), (b"accept", b"text/event-stream"))
"""Of the calls that a connection's messages make."""
_HANDSHAKE = b"sec-websocket-"
_OF_HTTP = frozenset(
    {
        b"connection",
        b"upgrade",
        b"content-length",
        b"transfer-encoding",
        b"content-encoding",
        b"content-type",
        b"accept",
    }
)


def asks_for_websocket(request: Request) -> bool:
    """Tell whether it is a handshake that the server has passed on as an ordinary request."""
    return request.method == "GET" and (header(request.headers, b"upgrade") or b"").lower() == b"websocket"


def read_handshake(scope: Scope) -> Request:
    """Return a handshake as the head of the calls that its messages make: POST, with a JSON body each."""
    return as_call(read_request({**scope, "method": "POST"}))


def as_call(request: Request) -> Request:
    """Return the head of a call that has no HTTP connection of its own: a JSON body, a stream as its answer."""
    kept = [
        pair for pair in request.headers if not pair[0].startswith(_HANDSHAKE) and pair[0] not in _OF_HTTP
    ]
    return msgspec.structs.replace(request, headers=(*kept, *CALL_HEADERS), abort=None)


async def is_connected(receive: Receive) -> bool:
    """Wait for the handshake; tell whether it is still wanted."""
    first: Message = await receive()
    return bool(first["type"] == "websocket.connect")


class Denial:
    """Refuses one handshake by an HTTP answer, or by closing where the server can do no more."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._can_answer = DENIAL in (scope.get("extensions") or {})
        self._send = send

    async def answer(self, answer: WireAnswer) -> None:
        await self.send(
            {"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)}
        )
        await self.send({"type": "http.response.body", "body": answer.body, "more_body": False})

    async def send(self, message: Message) -> None:
        """Take the messages of an HTTP answer."""
        if self._can_answer:
            await self._send({**message, "type": message["type"].replace("http.response", DENIAL)})
        elif message["type"] == "http.response.start":
            await self._send({"type": "websocket.close", "code": POLICY})
