"""What the road asks of a dialect, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from providers.dialects import anthropic, bedrock, openai_chat, openai_errors, openai_responses
from providers.dialects.types import CallFields, Envelope, Failure, Headers
from providers.dialects.vertex import VertexEnvelope


@dataclass(frozen=True, slots=True)
class Dialect:
    """One wire language, as far as the road speaks it itself."""

    read_call: Callable[[bytes], CallFields]
    error_body: Callable[[Failure, str | None], bytes]
    read_error: Callable[[int, Headers, bytes], Failure]
    ping: bytes
    envelope: Callable[[], Envelope] | None = None  # one per exchange; inside it the dialect is "anthropic"
    error_headers: Callable[[Failure], Headers] | None = None  # beside the content type


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
    "bedrock": Dialect(
        anthropic.read_call,
        bedrock.error_body,
        anthropic.read_error,
        bedrock.PING,
        bedrock.BedrockEnvelope,
        bedrock.error_headers,
    ),
    "vertex": Dialect(
        anthropic.read_call, anthropic.error_body, anthropic.read_error, anthropic.PING, VertexEnvelope
    ),
}

NO_FIELDS = CallFields()
"""Of a call whose body the road does not read."""
