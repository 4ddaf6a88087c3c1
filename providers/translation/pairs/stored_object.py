"""Pass an answer about a stored object: the bytes stay untouched but those of an address that leads past us.

Pure. A batch tells where its results lie: at the vendor, where our callers' tokens are worth nothing.
"""

from __future__ import annotations

import re

import msgspec
import orjson

from providers.dialects.encodings import Decoder, codings, decoder, is_known, needed, without_coding
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.types import Call, Headers, Target, WireAnswer, WireRequest
from providers.translation.messages.thinking import strip_seals_of_batch
from providers.translation.pairs.forwarding import Forwarding

MAX_HELD_BYTES = 4 * 1024 * 1024
"""An answer above this size describes no object: it passes."""
BATCHES = b"/v1/messages/batches"
RESULTS = "/v1/messages/batches/"


class StoredObjectPassthrough(Forwarding):
    """Holds a JSON answer until it is whole, so that it can be remembered before its first byte has left."""

    seal_prefix = ""  # of what is ours alone, and leaves the calls of a batch

    def __init__(self, base: str | None) -> None:
        """Take how the caller reaches us: scheme and host. None: nothing is changed."""
        super().__init__()
        self._is_plain = True
        self._base = base
        self._is_content = False  # what a caller has stored, or results: nothing of it is read or changed
        self._coding: Decoder | None = None
        self._whole: list[bytes] | None = None
        self._size = 0

    def request(self, call: Call, target: Target) -> WireRequest:
        self._is_content = call.path.rstrip(b"/").endswith(CONTENT)
        if call.path == BATCHES and self.seal_prefix:
            call = msgspec.structs.replace(call, body=strip_seals_of_batch(call.body, self.seal_prefix))
        made = super().request(call, target)
        kept = tuple(pair for pair in made.headers if pair[0] != b"accept-encoding")
        return msgspec.structs.replace(made, headers=(*kept, (b"accept-encoding", b"identity")))

    def response(self, answer: WireAnswer) -> WireAnswer:
        is_held = 200 <= answer.status < 300 and not self._is_content and _is_json(answer.headers)
        if not is_held:
            return super().response(answer)
        if names := codings(answer.headers):  # although nothing was to be compressed
            if not is_known(names):
                return super().response(answer)
            self._coding = decoder(answer.headers)
            answer = WireAnswer(answer.status, without_coding(answer.headers), answer.body)
        passed = super().response(answer)
        self._whole = []
        headers = tuple(pair for pair in passed.headers if pair[0] != b"content-length")
        return WireAnswer(passed.status, headers, passed.body)

    def feed(self, chunk: bytes) -> bytes:
        if self._coding is not None:
            chunk = needed(self._coding, chunk)
        passed = super().feed(chunk)
        if self._whole is None:
            return passed
        self._whole.append(passed)
        self._size += len(passed)
        if self._size > MAX_HELD_BYTES:
            whole, self._whole = b"".join(self._whole), None
            return whole
        # Whole by its form: whatever becomes of the connection, the object is there, and its maker must find it.
        if not passed.rstrip().endswith(b"}") or not _is_object(whole := b"".join(self._whole)):
            return b""
        self._whole = None
        return self._told(whole)

    def finish(self) -> bytes:
        rest = super().finish()
        if self._whole is None:
            return rest
        return self._told(b"".join(self._whole) + rest)

    def cut_off(self) -> bytes:
        """Return what had come, once the rest will not."""
        whole, self._whole = self._whole, None
        return b"".join(whole or ())

    def _told(self, whole: bytes) -> bytes:
        return whole if self._base is None else with_results_url(whole, self._base)


CONTENT = (b"/content", b"/results")
"""Ends of paths below an object at which its vendor tells no object."""
_KINDS = re.compile(rb"application/(?:[\w.+-]+\+)?json(?![\w-])|text/json")


def _is_json(headers: Headers) -> bool:
    """Tell whether the head says that JSON follows, or nothing."""
    kind = dict(reversed(headers)).get(b"content-type", b"").strip().lower()
    return not kind or _KINDS.match(kind) is not None


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(tolerant(orjson.loads, body), dict)
    except UNREADABLE:
        return False


class _Batch(msgspec.Struct):
    results_url: msgspec.Raw = msgspec.Raw()


_decoder = msgspec.json.Decoder(_Batch)


def with_results_url(body: bytes, base: str) -> bytes:
    """Return the body with `results_url` leading to `base`; the same body where there is none of a batch's."""
    if b"results_url" not in body:
        return body
    try:
        raw = bytes(tolerant(_decoder.decode, body).results_url)
        told = orjson.loads(raw) if raw else None
    except UNREADABLE:
        return body
    if not isinstance(told, str) or RESULTS not in told:
        return body
    address = base + told[told.index(RESULTS) :]
    found = list(re.finditer(rb'"results_url"\s*:\s*(' + re.escape(raw) + rb")", body))
    if len(found) != 1:
        return body
    start, end = found[0].span(1)
    return body[:start] + orjson.dumps(address) + body[end:]
