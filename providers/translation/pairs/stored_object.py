"""Pass an answer about a stored object: the bytes stay untouched but those of an address that leads past us.

Pure. A batch tells where its results lie: at the vendor, where our callers' tokens are worth nothing.
"""

from __future__ import annotations

import re

import msgspec
import orjson

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
        self._whole: list[bytes] | None = None
        self._size = 0

    def request(self, call: Call, target: Target) -> WireRequest:
        if call.path == BATCHES and self.seal_prefix:
            call = msgspec.structs.replace(call, body=strip_seals_of_batch(call.body, self.seal_prefix))
        made = super().request(call, target)
        kept = tuple(pair for pair in made.headers if pair[0] != b"accept-encoding")
        return msgspec.structs.replace(made, headers=(*kept, (b"accept-encoding", b"identity")))

    def response(self, answer: WireAnswer) -> WireAnswer:
        passed = super().response(answer)
        if not 200 <= answer.status < 300 or not _is_plain_json(answer.headers):
            return passed
        self._whole = []
        headers = tuple(pair for pair in passed.headers if pair[0] != b"content-length")
        return WireAnswer(passed.status, headers, passed.body)

    def feed(self, chunk: bytes) -> bytes:
        passed = super().feed(chunk)
        if self._whole is None:
            return passed
        self._whole.append(passed)
        self._size += len(passed)
        if self._size <= MAX_HELD_BYTES:
            return b""
        whole, self._whole = b"".join(self._whole), None
        return whole

    def finish(self) -> bytes:
        rest = super().finish()
        if self._whole is None:
            return rest
        whole = b"".join(self._whole) + rest
        return whole if self._base is None else with_results_url(whole, self._base)


def _is_plain_json(headers: Headers) -> bool:
    told = dict(reversed(headers))
    kind = told.get(b"content-type", b"").lstrip().lower()
    return kind.startswith(b"application/json") and b"content-encoding" not in told


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
