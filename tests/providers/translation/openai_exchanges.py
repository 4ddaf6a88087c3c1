"""Drive the pairs over OpenAI dialects in tests: a sealer, ids that repeat, transcripts as JSON.

A transcript (`tests/wire/<pair>/<case>.json`) holds the caller's body (`call`), what the upstream must get
(`request`), the upstream's events (`upstream`), and what the caller must get (`written`: `[event name,
data]`).
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from typing import Any

from providers.dialects.types import (
    Call,
    CallFields,
    Failure,
    FailureKind,
    Target,
    Truncated,
    WireAnswer,
)
from providers.translation.common.openai_upstream import OpenAiUpstream
from providers.translation.pairs.chat_over_responses import ChatOverResponses
from providers.translation.pairs.messages_over_chat import MessagesOverChat
from providers.translation.pairs.messages_over_responses import MessagesOverResponses
from providers.translation.pairs.responses_over_chat import ResponsesOverChat
from tests.wire.feeding import assert_same_however_cut, cases, parsed, sse_bytes

PAIRS: dict[str, type[OpenAiUpstream]] = {
    "messages_over_chat": MessagesOverChat,
    "responses_over_chat": ResponsesOverChat,
    "messages_over_responses": MessagesOverResponses,
    "chat_over_responses": ChatOverResponses,
}
NOW = 1_790_000_000.0
UPSTREAM_MODEL = "gpt-5.1"


class PlainSealer:
    """A sealer that seals nothing, but tells what was sealed for which context."""

    prefix = "sealed:"

    def seal(self, plain: bytes, context: str) -> str:
        return base64.b64encode(context.encode() + b"|" + plain).decode()

    def open(self, sealed: str, context: str) -> bytes | None:
        try:
            plain = base64.b64decode(sealed, validate=True)
        except ValueError:
            return None
        start = context.encode() + b"|"
        return plain.removeprefix(start) if plain.startswith(start) else None


def counting_ids() -> Any:
    counts: Counter[str] = Counter()

    def ids(prefix: str) -> str:
        counts[prefix] += 1
        return f"{prefix}{counts[prefix]}"

    return ids


def call_of(body: dict[str, Any]) -> Call:
    fields = CallFields(model=body.get("model"), stream=body.get("stream") is True)
    return Call("surface", "POST", b"/v1/x", b"", (), json.dumps(body).encode(), fields)


def translator(pair: str, body: dict[str, Any], target: Target | None = None) -> OpenAiUpstream:
    """Return a translator that has seen its request."""
    made = PAIRS[pair](counting_ids(), NOW, PlainSealer())
    made.request(call_of(body), target or Target(UPSTREAM_MODEL))
    return made


def sent(pair: str, body: dict[str, Any], target: Target | None = None) -> dict[str, Any]:
    """Return what the upstream gets for a body."""
    made = PAIRS[pair](counting_ids(), NOW, PlainSealer())
    request: dict[str, Any] = json.loads(made.request(call_of(body), target or Target(UPSTREAM_MODEL)).body)
    return request


def written(pair: str, case: dict[str, Any]) -> list[list[Any]]:
    """Return what the caller gets, after checking that no cut and no line end changes it."""

    def failed(made: Any, exc: Exception) -> bytes:
        assert isinstance(exc, Truncated)
        told: bytes = made.fail(Failure(FailureKind.UPSTREAM, "The upstream cut its answer"))
        return told

    out = assert_same_however_cut(lambda: translator(pair, case["call"]), case["upstream"], failed)
    return [[name, data] for name, data in parsed(out)]


def answered(pair: str, call: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Return the caller's answer to a whole one of the upstream."""
    head = ((b"content-type", b"application/json"),)
    whole = {name: value for name, value in call.items() if name not in ("stream", "stream_options")}
    answer = translator(pair, whole).response(WireAnswer(200, head, json.dumps(body).encode()))
    assert answer.status == 200, answer.body
    told: dict[str, Any] = json.loads(answer.body)
    return told


def transcripts(pair: str) -> list[tuple[str, dict[str, Any]]]:
    return sorted(cases(pair).items())


def streamed(
    pair: str, call: dict[str, Any], events: list[dict[str, Any]]
) -> tuple[list[list[Any]], OpenAiUpstream]:
    """Return (what the caller gets, the translator) for a stream that ends well, fed at once."""
    made = translator(pair, call)
    out = made.feed(sse_bytes(events)) + made.finish()
    return [[name, data] for name, data in parsed(out)], made
