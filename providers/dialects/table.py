"""What the road asks of a dialect, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from providers.dialects import anthropic, bedrock, openai_chat, openai_errors, openai_responses
from providers.dialects.bedrock import BedrockEnvelope
from providers.dialects.types import CallFields, Envelope, Failure, Headers
from providers.dialects.vertex import VertexEnvelope


@dataclass(frozen=True, slots=True)
class Dialect:
    """One wire language, as far as the road speaks it itself."""

    read_call: Callable[[bytes], CallFields]
    error_body: Callable[[Failure, str | None], bytes]
    read_error: Callable[[int, Headers, bytes], Failure]
    ping: bytes
    error_headers: Callable[[Failure], Headers] = lambda failure: JSON


JSON: Headers = ((b"content-type", b"application/json"),)
STREAM: Headers = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)
"""The head of a stream that begins with a ping of ours."""

DIALECTS: dict[str, Dialect] = {
    "anthropic": Dialect(anthropic.read_call, anthropic.error_body, anthropic.read_error, anthropic.PING),
    "openai_chat": Dialect(
        openai_chat.read_call, openai_errors.error_body, openai_errors.read_failure, openai_chat.KEEPALIVE
    ),
    "openai_responses": Dialect(
        openai_responses.read_call,
        openai_errors.error_body,
        openai_errors.read_failure,
        openai_responses.KEEPALIVE,
    ),
}

ERRORS: dict[str, Dialect] = {
    **DIALECTS,
    "bedrock": Dialect(
        anthropic.read_call, bedrock.error_body, anthropic.read_error, bedrock.PING, bedrock.error_headers
    ),
}
"""How a caller hears an error: by its envelope where that has a form of its own, else by its dialect."""

ENVELOPES: dict[str, Callable[[], Envelope]] = {"bedrock": BedrockEnvelope, "vertex": VertexEnvelope}

NO_FIELDS = CallFields()
"""Of a call whose body the road does not read."""
