"""Word a full context so that a client of the dialect acts on it, where its upstream words it otherwise.

Pure. Errors pass word for word, but for this one: Claude Code compacts on Anthropic's sentence alone, others on
OpenAI's code, and compatible servers have sentences of their own. Everything else of the answer stays.
"""

from __future__ import annotations

from typing import Any

import orjson
from msgspec.structs import replace

from providers.dialects import anthropic, openai_errors
from providers.dialects.encodings import codings, without_coding
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.overflow import TOO_LONG
from providers.dialects.types import WireAnswer
from providers.translation.messages.writer import in_anthropics_words

BAD_REQUEST = 400
OWN_WORDS = ("prompt is too long", "exceed context limit")
"""Of Anthropic's own sentences."""


def for_anthropic(answer: WireAnswer) -> WireAnswer:
    """Return the refusal in Anthropic's words; the same object when it is no such refusal, or has them."""
    if codings(answer.headers):
        return answer
    failure = openai_errors.read_failure(answer.status, answer.headers, answer.body)
    if failure.code != TOO_LONG or any(words in failure.message.lower() for words in OWN_WORDS):
        return answer
    told = in_anthropics_words(failure)
    document = _document(answer.body)
    error = document.get("error")
    if not isinstance(error, dict):
        return _changed(answer, anthropic.error_body(told))
    error |= {"type": anthropic.error_type(told), "message": told.message}
    return _changed(answer, orjson.dumps({**document, "type": "error"}))


def for_openai(answer: WireAnswer) -> WireAnswer:
    """Return the refusal with OpenAI's code; the same object when it is no such refusal, or has it."""
    if codings(answer.headers):
        return answer
    failure = openai_errors.read_failure(answer.status, answer.headers, answer.body)
    document = _document(answer.body)
    error = document.get("error")
    if failure.code != TOO_LONG or (isinstance(error, dict) and error.get("code") == TOO_LONG):
        return answer
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return _changed(answer, openai_errors.error_body(failure))
    return _changed(answer, orjson.dumps({**document, "error": {**error, "code": TOO_LONG}}))


def _document(body: bytes) -> dict[str, Any]:
    try:
        told = tolerant(orjson.loads, body)
    except UNREADABLE:
        return {}
    return told if isinstance(told, dict) else {}


def _changed(answer: WireAnswer, body: bytes) -> WireAnswer:
    kept = tuple(pair for pair in without_coding(answer.headers) if pair[0] != b"content-type")
    return replace(
        answer, status=BAD_REQUEST, headers=((b"content-type", b"application/json"), *kept), body=body
    )
