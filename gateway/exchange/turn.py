"""One call whose client is no HTTP connection, in the shape in which the relay knows calls: ASGI's HTTP messages.

A message over a WebSocket, or a response that runs in the background. What the relay sends as a stream leaves as one
frame for each event; what it refuses leaves as an error frame.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway.exchange.downstream import Message
from providers.dialects import openai_socket
from providers.dialects.sse import SseReader
from providers.dialects.types import Headers, WireAnswer, header
from providers.translation.responses.stored_items import FinalResponse

SendText = Callable[[str], Awaitable[None]]
FAILED, CREATED = b"response.failed", b"response.created"


class Turn:
    """The `receive` and `send` of one exchange."""

    def __init__(self, body: bytes, send_text: SendText, has_left: asyncio.Event) -> None:
        self._body: bytes | None = body
        self._send_text = send_text
        self._has_left = has_left
        self._status = 0
        self._headers: Headers = ()
        self._sse: SseReader | None = None
        self._pieces: list[bytes] = []
        self._final = FinalResponse()
        self.response_id: str | None = None  # once the stream has told it
        self.has_failed = False
        self.is_over = False  # the relay has sent the end

    @property
    def response(self) -> bytes | None:
        """Return the response object of an answer that ended well."""
        return None if self.has_failed else self._final.response

    @property
    def refusal(self) -> WireAnswer | None:
        """Return the answer that is a refusal; None for any other, and before its end."""
        if not self.is_over or self._status < 400:
            return None
        kept = tuple(pair for pair in self._headers if pair[0] != b"content-length")
        return WireAnswer(self._status, kept, b"".join(self._pieces))

    async def receive(self) -> Message:
        body, self._body = self._body, None
        if body is not None:
            return {"type": "http.request", "body": body, "more_body": False}
        await self._has_left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begin(message)
            return
        body: bytes = message.get("body", b"")
        has_more: bool = message.get("more_body", False)
        if self._sse is None:
            self._pieces.append(body)
        elif body:
            await self._pass_events(self._sse, body)
        if not has_more:
            self.is_over = True
            await self._end()

    def _begin(self, message: Message) -> None:
        self._status, self._headers = message["status"], tuple(message["headers"])
        kind = header(self._headers, b"content-type") or b""
        if self._status < 400 and kind.startswith(b"text/event-stream"):
            self._sse = SseReader()
        self.has_failed = self._status >= 400

    async def _pass_events(self, reader: SseReader, body: bytes) -> None:
        for name, data in reader.feed(body):
            await self._frame(name, data)

    async def _frame(self, name: bytes, data: bytes) -> None:
        if data.startswith(b"[DONE]"):
            return
        name = name or openai_socket.type_of(data)
        if self.response_id is None and name == CREATED:
            self.response_id = openai_socket.response_id_of(data)
        self._final.take(name, data)
        if name == FAILED:
            self.has_failed = True
        await self._send_text(data.decode("utf-8", "replace"))

    async def _end(self) -> None:
        if self._sse is not None:
            for name, data in self._sse.flush():
                await self._frame(name, data)
            return
        whole = b"".join(self._pieces)
        if self.has_failed:
            await self._send_text(openai_socket.error_frame(self._status, self._headers, whole))
        else:
            await self._frame(b"response.completed", openai_socket.whole_frame(whole))
