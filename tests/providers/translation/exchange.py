"""One exchange of a pair, for tests: a call in, a stream or an answer through it."""

from __future__ import annotations

import json
from typing import Any

from providers.dialects.types import (
    Call,
    Failure,
    FailureKind,
    Headers,
    Target,
    Translator,
    Truncated,
    WireAnswer,
)
from tests.fakes.sealer import CountedIds, PlainSealer
from tests.providers.translation.making import translator

JSON: Headers = ((b"content-type", b"application/json"),)
EVENTS: Headers = ((b"content-type", b"text/event-stream; charset=utf-8"),)
MODEL = "claude-sonnet-4-5"


def call(body: Any, headers: Headers = (), path: bytes = b"/v1/x", query: bytes = b"") -> Call:
    return Call(
        "any", "POST", path, query, headers, body if isinstance(body, bytes) else json.dumps(body).encode()
    )


def make(surface: str, body: Any, upstream: str = "anthropic", model: str | None = MODEL) -> Translator:
    """Return a translator that has sent its request."""
    made = translator(surface, upstream, CountedIds(), 1700000000.5, PlainSealer())
    made.request(call(body), Target(model))
    return made


def sent(
    surface: str, body: Any, target: Target | None = None, headers: Headers = (), query: bytes = b""
) -> Any:
    """Return the body that the upstream gets."""
    made = translator(surface, "anthropic", CountedIds(), 1700000000.5, PlainSealer())
    return json.loads(made.request(call(body, headers, query=query), target or Target(MODEL)).body)


def cut(made: Any, exc: Exception) -> bytes:
    """Do what the relay does when `finish` raises."""
    assert isinstance(exc, Truncated)
    told: bytes = made.fail(Failure(FailureKind.UPSTREAM, "The upstream's stream was cut"))
    return told


def answered(made: Translator, message: Any, status: int = 200, headers: Headers = JSON) -> WireAnswer:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return made.response(WireAnswer(status, headers, body))
