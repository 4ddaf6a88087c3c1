"""What the road asks of a dialect, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from providers.dialects import anthropic, bedrock, openai_chat, openai_errors, openai_responses
from providers.dialects.types import CallFields, Envelope, Failure, Headers
from providers.dialects.vertex import VertexEnvelope


@dataclass(frozen=True, slots=True)
class Dialect:
    """One wire language, as far as the road speaks it itself."""

    name: str
    read_call: Callable[[bytes], CallFields]
    error_body: Callable[[Failure, str | None], bytes]
    read_error: Callable[[int, Headers, bytes], Failure]
    ping: bytes
    envelope: Callable[[], Envelope] | None = None  # one per exchange; inside it the dialect is "anthropic"
    error_headers: Callable[[Failure], Headers] | None = None  # beside the content type
    asks_for_stream: Callable[[bytes], bool] | None = None  # whether the query does, beside the body

    def read(self, body: bytes, query: bytes) -> CallFields:
        """The fields of a call, from its body and its query."""
        fields = self.read_call(body)
        if self.asks_for_stream is not None and self.asks_for_stream(query):
            return replace(fields, stream=True)
        return fields

    @property
    def pair(self) -> str:
        """The surface's side of a pair: an envelope's calls are messages calls."""
        return self.name if self.envelope is None else "anthropic"


_KINDS = (
    Dialect("anthropic", anthropic.read_call, anthropic.error_body, anthropic.read_error, anthropic.PING),
    Dialect(
        "openai_chat",
        openai_chat.read_call,
        openai_errors.error_body,
        openai_errors.read_failure,
        openai_chat.KEEPALIVE,
        asks_for_stream=openai_chat.asks_for_stream,
    ),
    Dialect(
        "openai_responses",
        openai_responses.read_call,
        openai_errors.error_body,
        openai_errors.read_failure,
        openai_responses.KEEPALIVE,
    ),
    Dialect(
        "bedrock",
        anthropic.read_call,
        bedrock.error_body,
        anthropic.read_error,
        bedrock.PING,
        bedrock.BedrockEnvelope,
        bedrock.error_headers,
    ),
    Dialect(
        "vertex",
        anthropic.read_call,
        anthropic.error_body,
        anthropic.read_error,
        anthropic.PING,
        VertexEnvelope,
    ),
)
DIALECTS: dict[str, Dialect] = {kind.name: kind for kind in _KINDS}

JSON: Headers = ((b"content-type", b"application/json"),)
STREAM: Headers = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)
"""The head of a stream that begins with a ping of ours."""

NO_FIELDS = CallFields()
"""Of a call whose body the road does not read."""
