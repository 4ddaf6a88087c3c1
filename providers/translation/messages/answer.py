"""Read a tool's input, or an error, out of an Anthropic answer.

Pure.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import orjson

from providers.dialects.anthropic import read_error
from providers.dialects.mending import UNREADABLE
from providers.dialects.openai_errors import error_body
from providers.dialects.overflow import TOO_LONG, overflow_of
from providers.dialects.types import FailureKind, Headers, WireAnswer

JSON_TYPE = (b"content-type", b"application/json")


def arguments_text(raw: msgspec.Raw) -> str:
    """Return a tool's input as the vendor wrote it; `{}` when there is none."""
    text = bytes(raw).decode("utf-8", "replace")
    return text if text not in ("", "null", "{}") else "{}"


def custom_input(arguments: str) -> str:
    """Return the free text of a custom tool, from the JSON object that it travelled in."""
    try:
        text = orjson.loads(arguments).get("input", "")
    except (*UNREADABLE, AttributeError):
        return arguments  # cut short by max_tokens, or not what was asked for: shown as it came
    return text if isinstance(text, str) else orjson.dumps(text).decode()


_STATUSES = {529: 503}
"""Statuses for those of the vendor's own that an OpenAI client does not know."""


def told_error(answer: WireAnswer, kept: Headers) -> WireAnswer:
    """Return an answer with an error status as an OpenAI client gets it. `kept`: its headers."""
    failure = replace(read_error(answer.status, answer.headers, answer.body), type=None)
    status = _STATUSES.get(answer.status, answer.status if answer.status >= 400 else 502)
    if overflow_of(failure.message, answer.status) is not None:
        status, failure = 400, replace(failure, kind=FailureKind.INVALID_REQUEST, code=TOO_LONG)
    return WireAnswer(status, (JSON_TYPE, *kept), error_body(failure))
