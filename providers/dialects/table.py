"""The table of dialects: what the relay asks of each, by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from providers.dialects import (
    anthropic,
    anthropic_call,
    bedrock,
    limit_headers,
    listing,
    mentions,
    openai_chat,
    openai_errors,
    openai_responses,
)
from providers.dialects.envelopes import COUNT_TOKENS
from providers.dialects.listing import Model
from providers.dialects.types import Call, CallFields, Envelope, Failure, Headers
from providers.dialects.vertex import VertexEnvelope


@dataclass(frozen=True, slots=True)
class Dialect:
    """All that the relay asks of a wire language."""

    name: str
    read_call: Callable[[bytes], CallFields]
    error_body: Callable[[Failure, str | None], bytes]
    read_error: Callable[[int, Headers, bytes], Failure]
    limit_headers: Callable[[str, int, int, float, float], Headers]
    bytes_per_output_token: int  # of a stream, with the frame that each delta comes in
    metric_family: str  # the reference's counter for it
    list_models: Callable[[Sequence[Model], bytes], object]  # a document, by the caller's query
    show_model: Callable[[Model], object]
    pair: str  # the surface's side of a pair: an envelope's calls are calls of another dialect
    names_objects: Callable[[Call], bool]  # whether a call may name what its vendor stores: rather too often
    counts: frozenset[bytes] = frozenset()  # paths at which an upstream that speaks it counts a call's tokens
    keeps_conversations: bool = False  # a call may refer to the answer of an earlier one
    envelope: Callable[[], Envelope] | None = None  # one per exchange
    error_headers: Callable[[Failure], Headers] | None = None  # beside the content type
    request_id: bytes = b"request-id"  # the header by which a client tells its vendor which call it was
    is_id_sure: bool = True  # an upstream that speaks it sends one with every answer
    asks_for_stream: Callable[[bytes], bool] | None = None  # whether the query does, beside the body
    statuses: Mapping[int, int] = field(default_factory=dict)  # for those that its clients do not know


METRIC_FAMILIES = ("openai_chat_completions", "openai_responses", "anthropic_messages")
"""In the reference's order."""
CHAT, RESPONSES, MESSAGES = METRIC_FAMILIES

_ANTHROPIC = Dialect(
    "anthropic",
    anthropic.read_call,
    anthropic.error_body,
    anthropic.read_error,
    limit_headers.anthropic,
    bytes_per_output_token=32,
    metric_family=MESSAGES,
    list_models=listing.anthropic_page,
    show_model=listing.in_anthropic_shape,
    pair="anthropic",
    names_objects=anthropic_call.names_objects,
    counts=frozenset((COUNT_TOKENS, openai_responses.INPUT_TOKENS)),
)
_CHAT = Dialect(
    "openai_chat",
    openai_chat.read_call,
    openai_errors.error_body,
    openai_errors.read_failure,
    limit_headers.openai,
    bytes_per_output_token=200,
    metric_family=CHAT,
    list_models=listing.openai_list,
    show_model=listing.in_openai_shape,
    pair="openai_chat",
    names_objects=mentions.by_chat,
    asks_for_stream=openai_chat.asks_for_stream,
    statuses={529: 503},
    request_id=b"x-request-id",
    is_id_sure=False,
)
_KINDS = (
    _ANTHROPIC,
    _CHAT,
    replace(
        _CHAT,
        name="openai_responses",
        read_call=openai_responses.read_call,
        bytes_per_output_token=150,
        metric_family=RESPONSES,
        pair="openai_responses",
        names_objects=mentions.by_responses,
        keeps_conversations=True,
        counts=frozenset((openai_responses.INPUT_TOKENS,)),
        asks_for_stream=None,
    ),
    replace(
        _ANTHROPIC,
        name="bedrock",
        error_body=bedrock.error_body,
        envelope=bedrock.BedrockEnvelope,
        error_headers=bedrock.error_headers,
    ),
    replace(_ANTHROPIC, name="vertex", envelope=VertexEnvelope),
)
DIALECTS: dict[str, Dialect] = {kind.name: kind for kind in _KINDS}


def of_caller(headers: Headers) -> str:
    """Return the dialect of a caller whose path does not tell: OpenAI's clients send neither of Anthropic's headers."""
    for name, _ in headers:
        if name in (b"anthropic-version", b"x-api-key"):
            return _ANTHROPIC.name
    return _CHAT.name


_OPENAI_AGENT = re.compile(rb"openai|\bcodex", re.IGNORECASE)


def is_openai_client(headers: Headers) -> bool:
    """Return whether a caller says that it is a client of OpenAI's, and nothing of Anthropic's."""
    is_openai = False
    for name, value in headers:
        if name in (b"anthropic-version", b"anthropic-beta", b"x-api-key"):
            return False
        if name == b"user-agent":
            is_openai = is_openai or _OPENAI_AGENT.search(value) is not None
        is_openai = is_openai or name.startswith(b"openai-")
    return is_openai


JSON: Headers = ((b"content-type", b"application/json"),)
STREAM: Headers = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)
"""The head of a stream that begins with a ping of ours."""

NO_FIELDS = CallFields()
"""Of a call whose body the relay does not read."""
