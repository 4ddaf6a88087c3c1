"""Wrap whichever translator speaks Messages in what the clouds refuse, and in the names that they use. Pure.

`thread` is refused, tags are taken out where nobody knows them, betas of our own logins stay here, and an answer
names the model that was asked.
"""

from __future__ import annotations

import orjson
from msgspec.structs import replace

from providers.clouds.bodies import betas_of
from providers.dialects import envelopes
from providers.dialects.toplevel import find_nested_model, with_model
from providers.dialects.types import (
    Call,
    Failure,
    FailureKind,
    Headers,
    Refused,
    Target,
    Translator,
    WireAnswer,
    WireRequest,
)
from providers.dialects.wrapping import Wrapping

TAGS_BETA = "request-tags-2026-08-21"
LOGIN_BETAS = "oauth-"
MAX_HEAD_BYTES = 65536
THREAD = "thread: threads are not kept at this provider; send the conversation's messages instead"


class CloudEnvelope:
    """Wraps the translators of a kind. `takes_tags`: the cloud knows the field and its beta."""

    def __init__(self, *, takes_tags: bool) -> None:
        self._takes_tags = takes_tags

    def wrap(self, inner: Translator) -> Translator:
        """Return a translator that speaks to the cloud."""
        return CloudTranslator(inner, takes_tags=self._takes_tags)


class CloudTranslator(Wrapping):
    """One exchange."""

    def __init__(self, inner: Translator, *, takes_tags: bool) -> None:
        super().__init__(inner)
        self._takes_tags = takes_tags
        self._asked: str | None = None  # to be put into the answer here: a passthrough does it by itself
        self._held = b""

    def request(self, call: Call, target: Target) -> WireRequest:
        there = target.id or target.model
        if self._inner.is_transparent:
            request = self._inner.request(call, replace(target, model=there, names_asked=True))
            self.feed = self._inner.feed  # type: ignore[method-assign]  # the hot path: nothing stands in between
        else:
            request = self._inner.request(call, target)
            self._asked = call.fields.model
            if there is not None and there != target.model:
                request = replace(request, body=with_model(request.body, there))
        return replace(request, headers=self._headers(request.headers), body=self._body(request.body))

    def response(self, answer: WireAnswer) -> WireAnswer:
        if self._asked is not None and answer.body and 200 <= answer.status < 300:
            answer = replace(answer, body=_named(answer.body, 0, (), self._asked))
        return self._inner.response(answer)

    def feed(self, chunk: bytes) -> bytes:
        return self._inner.feed(chunk if self._asked is None else self._renamed(chunk))

    def finish(self) -> bytes:
        held, self._held = self._held, b""
        return (self._inner.feed(held) if held else b"") + self._inner.finish()

    def fail(self, failure: Failure) -> bytes:
        return self._inner.fail(failure)

    def keepalive(self) -> bytes:
        return self._inner.keepalive()

    def _headers(self, headers: Headers) -> Headers:
        """Return the headers with the betas that the cloud may be told, none when there is none."""
        betas = [beta for beta in betas_of(headers) if not beta.startswith(LOGIN_BETAS)]
        if not self._takes_tags and betas:
            betas = [beta for beta in betas if beta != TAGS_BETA]
        kept = [pair for pair in headers if pair[0] not in (b"anthropic-beta", b"accept-encoding")]
        told = ((b"anthropic-beta", ",".join(betas).encode("latin-1")),) if betas else ()
        return (*kept, *told, (b"accept-encoding", b"identity"))

    def _body(self, body: bytes) -> bytes:
        is_escaped = b"\\" in body and b"\\u00" in body
        if b'"thread"' not in body and (self._takes_tags or b'"tags"' not in body) and not is_escaped:
            return body
        fields = envelopes.read_object(body)
        if "thread" in fields:
            raise Refused(Failure(FailureKind.INVALID_REQUEST, THREAD, param="thread"))
        if self._takes_tags or "tags" not in fields:
            return body
        del fields["tags"]
        return envelopes.write_object(fields)

    def _renamed(self, chunk: bytes) -> bytes:
        """Hold a stream's head until its first event is whole, and put the asked name into it."""
        held = self._held + chunk
        start = held.find(b"message_start")
        is_whole = start >= 0 and (held.find(b"\n\n", start) >= 0 or held.find(b"\r\n\r\n", start) >= 0)
        if not is_whole and b"event: error" not in held and len(held) < MAX_HEAD_BYTES:
            self._held = held
            return b""
        asked, self._asked, self._held = self._asked or "", None, b""
        return _named(held, max(held.find(b"{"), 0), ("message",), asked) if is_whole else held


def _named(data: bytes, start: int, path: tuple[str, ...], asked: str) -> bytes:
    span = find_nested_model(data[start:], path)
    if span is None:
        return data
    return data[: start + span[0]] + orjson.dumps(asked) + data[start + span[1] :]
