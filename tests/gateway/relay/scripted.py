"""A scripted upstream: answers in order, and what was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import httpx

ASK = {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
    "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn", "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 5},
}  # fmt: skip


class Body(httpx.AsyncByteStream):
    """Chunks of an answer; an exception in their place is raised. It knows whether it has been closed."""

    def __init__(self, chunks: Iterable[bytes | Exception]) -> None:
        self.chunks = list(chunks)
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    async def aclose(self) -> None:
        self.is_closed = True


def answer(status: int = 200, body: Any = MESSAGE, **headers: str) -> httpx.Response:
    """Return a whole JSON answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(
        status, headers={"content-type": "application/json", **headers}, stream=Body([data])
    )


def stream(*chunks: bytes | Exception) -> httpx.Response:
    """Return an event stream."""
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Body(chunks))


def refusal(status: int, kind: str = "api_error", message: str = "no", **headers: str) -> httpx.Response:
    """Return an error in Anthropic's form."""
    return answer(status, {"type": "error", "error": {"type": kind, "message": message}}, **headers)


Step = httpx.Response | Exception | Callable[[], Any]


class Script(httpx.AsyncBaseTransport):
    """Gives the answers in order and remembers the requests. What is asked beyond them is a fault of the test."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []
        self.bodies: list[Body] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps.pop(0)
        if callable(step):
            step = await step()
        if isinstance(step, Exception):
            raise step
        assert isinstance(step.stream, Body)
        self.bodies.append(step.stream)
        return step

    def credentials(self) -> list[str]:
        """Return the key of each request."""
        return [one.headers.get("x-api-key") or one.headers.get("authorization", "") for one in self.requests]


def event(name: str, **data: Any) -> bytes:
    """Return one event of a Messages stream."""
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()


STARTED = event(
    "message_start", message={**MESSAGE, "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}}
)
DELTA = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "hi"})
FINISHED = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 5}) + event(
    "message_stop"
)
STREAMED = {**ASK, "stream": True}
CHAT_ANSWER = {
    "id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-x",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hey"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
}  # fmt: skip
