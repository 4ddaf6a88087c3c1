"""Wrap whichever translator speaks Messages in what the clouds refuse, and in the names that they use. Pure.

`thread` is refused, tags are taken out where nobody knows them, betas of our own logins stay here, and an answer
names the model that was asked.
"""

from __future__ import annotations

from functools import lru_cache

import orjson
from msgspec.structs import replace

from providers.clouds.bodies import split_betas
from providers.dialects import envelopes
from providers.dialects.toplevel import BACKSLASH, find_nested_model, with_model
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
from providers.translation.pairs.passthrough import Passthrough

TAGS_BETA = "request-tags-2026-08-21"
LOGIN_BETAS = "oauth-"
MAX_HEAD_BYTES = 65536
PLAIN = (b"accept-encoding", b"identity")
THREAD = "thread: threads are not kept at this provider; send the conversation's messages instead"


class CloudEnvelope:
    """Wraps the translators of a kind. `takes_tags`: the cloud knows the field and its beta."""

    def __init__(self, *, takes_tags: bool) -> None:
        self._takes_tags = takes_tags
        self._told_betas = lru_cache(maxsize=1024)(
            self._betas
        )  # a client sends the same ones again and again

    def wrap(self, inner: Translator) -> Translator:
        """Return a translator that speaks to the cloud."""
        if type(inner) is Passthrough:  # the hot path: nothing stands in between
            inner.place = self
            return inner
        return CloudTranslator(inner, self)

    def told(self, request: WireRequest) -> WireRequest:
        """See `Place`."""
        fields, body = request.fields, request.body
        if fields is None or fields.rare is None or fields.rare:
            body = self._body(body)
        headers = self._headers(request.headers)
        return WireRequest(request.method, request.path, request.query, headers, body, fields)

    def _headers(self, headers: Headers) -> Headers:
        """Return the headers with the betas that the cloud may be told, none when there is none."""
        lines, kept = [], []
        for pair in headers:
            if pair[0] == b"anthropic-beta":
                lines.append(pair[1])
            elif pair[0] != b"accept-encoding":
                kept.append(pair)
        if lines and (betas := self._told_betas(b",".join(lines))):
            kept.append((b"anthropic-beta", betas))
        kept.append(PLAIN)
        return tuple(kept)

    def _betas(self, line: bytes) -> bytes:
        betas = [beta for beta in split_betas(line) if not beta.startswith(LOGIN_BETAS)]
        if not self._takes_tags:
            betas = [beta for beta in betas if beta != TAGS_BETA]
        return ",".join(betas).encode("latin-1")

    def _body(self, body: bytes) -> bytes:
        # From the end, these searches take a quarter.
        is_escaped = BACKSLASH in body and body.rfind(b"\\u00") >= 0
        has_tags = not self._takes_tags and body.rfind(b'"tags"') >= 0
        if body.rfind(b'"thread"') < 0 and not has_tags and not is_escaped:
            return body
        fields = envelopes.read_object(body)
        if "thread" in fields:
            raise Refused(Failure(FailureKind.INVALID_REQUEST, THREAD, param="thread"))
        if self._takes_tags or "tags" not in fields:
            return body
        del fields["tags"]
        return envelopes.write_object(fields)


class CloudTranslator(Wrapping):
    """One exchange that is translated."""

    def __init__(self, inner: Translator, envelope: CloudEnvelope) -> None:
        super().__init__(inner)
        self._envelope = envelope
        self._asked: str | None = None  # to be put into the answer
        self._held = b""

    def request(self, call: Call, target: Target) -> WireRequest:
        if self._inner.is_transparent:
            named = replace(target, model=target.id or target.model, names_asked=True)
            request = self._inner.request(call, named)
            self.feed = self._inner.feed  # type: ignore[method-assign]  # it renames by itself
        else:
            there = target.id or target.model
            request = self._inner.request(call, target)
            self._asked = call.fields.model
            if there is not None and there != target.model:
                request = replace(request, body=with_model(request.body, there))
        return self._envelope.told(request)

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
