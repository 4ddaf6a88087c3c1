"""Take clients' telemetry: answered alike whether it is sent on or thrown away."""

from __future__ import annotations

from gateway.exchange.downstream import Receive, Request, read_body
from gateway.exchange.headers import headers_up
from gateway.telemetry.forwarding import Body, Forwarder
from providers.dialects.types import WireAnswer, header
from tokens.records import TokenRecord

PROTOBUF = b"application/x-protobuf"
TAKEN = WireAnswer(200, ((b"content-type", b"application/json"),), b"{}")
TAKEN_PROTOBUF = WireAnswer(200, ((b"content-type", PROTOBUF),), b"")
"""OTLP's whole success, in either of its encodings: a message without fields."""


class Telemetry:
    """Gives bodies to the forwarder; without one they are dropped unread."""

    def __init__(self, forwarder: Forwarder | None, max_body_bytes: int) -> None:
        self._forwarder = forwarder
        self._max_body_bytes = max_body_bytes

    async def answer(self, token: TokenRecord, path: bytes, request: Request, receive: Receive) -> WireAnswer:
        """Take one body. Raises `Refused` for one that is too large, `ClientLeft`."""
        data = await read_body(request, receive, self._max_body_bytes)
        if self._forwarder is not None:
            self._forwarder.put(Body(path, headers_up(request.headers), data))
        kind = (header(request.headers, b"content-type") or b"").partition(b";")[0].strip().lower()
        return TAKEN_PROTOBUF if kind == PROTOBUF else TAKEN
