"""Pass a call on to an upstream of its own dialect, of which only the model and the usage are looked at.

Pure. Embeddings, pictures, audio: nothing is put into such a body or its answer but the model's name where an alias is
mapped, and nothing is taken out. A stream has no course that is known here: its usage is that of the last event that
tells any, and its end is the connection's.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.dialects import forms, openai_chat, openai_responses
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.openai_fields import text_or_none
from providers.dialects.types import (
    UNREAD,
    Call,
    Failure,
    Made,
    Target,
    Usage,
    WireAnswer,
    WireRequest,
)
from providers.translation.pairs.passthrough import Passthrough
from providers.translation.pairs.watched import Totals, Watched


class _Told(msgspec.Struct):
    """What any answer or event may tell."""

    model: Any = None
    usage: Any = None
    response: Any = None


_decoder = msgspec.json.Decoder(_Told)


def _usage_of(usage: object) -> Usage | None:
    """Return usage under either of OpenAI's names; None when it is none."""
    if not isinstance(usage, dict):
        return None
    is_chat = "prompt_tokens" in usage or "completion_tokens" in usage
    return openai_chat.usage_from(usage) if is_chat else openai_responses.usage_from(usage)


def read_totals(body: bytes) -> tuple[str | None, Usage]:
    """Return `(model, usage)` of a whole answer; `(None, UNREAD)` when the body can't be read."""
    try:
        told = tolerant(_decoder.decode, body)
    except UNREADABLE:
        return None, UNREAD
    return text_or_none(told.model), _usage_of(told.usage) or UNREAD


class AnyTotals:
    """Totals of a stream of any course. Never raises."""

    __slots__ = ("failure", "is_finished", "made", "model", "usage")

    def __init__(self) -> None:
        self.usage = UNREAD  # as long as nobody has told it
        self.model: str | None = None
        self.failure: Failure | None = None
        self.is_finished = True
        self.made: list[Made] | None = None

    def written(self, size: int, more_events: int) -> int:
        """See `Totals`: of no known course."""
        return 0

    def see(self, name: bytes, data: bytes) -> None:
        """Take note of the usage and the model that an event tells."""
        if b'"usage"' not in data and (self.model is not None or b'"model"' not in data):
            return
        try:
            told = tolerant(_decoder.decode, data)
        except UNREADABLE:
            return
        inner = told.response if isinstance(told.response, dict) else {}
        self.model = text_or_none(told.model) or text_or_none(inner.get("model")) or self.model
        self.usage = _usage_of(told.usage) or _usage_of(inner.get("usage")) or self.usage


def _no_error(totals: Totals, failure: Failure) -> bytes:
    return b""


FORWARDED = Watched(AnyTotals, read_totals, _no_error, b"")


class Forwarding(Passthrough):
    """One forwarded exchange."""

    def __init__(self) -> None:
        super().__init__(FORWARDED)
        self._is_plain = True

    def request(self, call: Call, target: Target) -> WireRequest:
        """Return the call as it came, with the upstream's name of the model in JSON or in a form."""
        boundary = forms.boundary_of(call.headers)
        if boundary is None or target.model is None or target.model == call.fields.model:
            return super().request(call, target)
        body = forms.with_model(call.body, boundary, target.model)
        self._alias = call.fields.model
        return WireRequest(call.method, call.path, call.query, call.headers, body)

    def response(self, answer: WireAnswer) -> WireAnswer:
        """Return the answer's head; only JSON is renamed."""
        passed = super().response(answer)
        if not self._is_json:
            self._alias = None
            return answer
        return passed
