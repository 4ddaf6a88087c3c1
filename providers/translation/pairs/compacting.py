"""Compaction and counting around the pairs that carry Responses elsewhere.

Pure. A compaction is one summarising call of the inner pair, a count a question about the call that it would make.
Every other call goes straight to the inner pair, with summaries of ours in clear.
"""

from __future__ import annotations

from typing import Any

import orjson
from msgspec.structs import replace

from providers.dialects.encodings import plain
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.openai_responses import INPUT_TOKENS, counted, event_bytes, response_error
from providers.dialects.sse import SseReader
from providers.dialects.types import (
    Call,
    Failure,
    FailureKind,
    Headers,
    MakeId,
    Refused,
    Sealer,
    Target,
    Translator,
    Usage,
    WireAnswer,
    WireRequest,
)
from providers.translation.messages.request import counting
from providers.translation.responses import compaction

Object = dict[str, Any]
RESPONSES = b"/v1/responses"
JSON: Headers = ((b"content-type", b"application/json"),)
_BEGINNINGS = (b"response.created", b"response.in_progress")
_ENDS = (b"response.completed", b"response.incomplete")
EMPTY = Failure(FailureKind.UPSTREAM, "The upstream wrote no summary of the conversation")


class Compacting:
    """The translator around another one of the same pair."""

    is_transparent = False

    def __init__(self, inner: Translator, ids: MakeId, sealer: Sealer) -> None:
        self._inner = inner
        self._ids = ids
        self._sealer = sealer
        self._summing: Object | None = None  # the call that is summed up
        self._is_alone = False  # it came at the path of its own, and is answered by an object of its own
        self._sse = SseReader()
        self._is_counting = False

    @property
    def usage(self) -> Usage:
        return self._inner.usage

    @property
    def model(self) -> str | None:
        return self._inner.model

    @property
    def failure(self) -> Failure | None:
        return self._inner.failure

    def written(self, size: int) -> int:
        return self._inner.written(size)

    def request(self, call: Call, target: Target) -> WireRequest:
        self._is_alone, self._summing = call.path == compaction.PATH, None
        self._is_counting = call.path == INPUT_TOKENS
        if self._is_alone or compaction.is_mentioned(call.body):
            call = self._prepared(call)
        if self._summing is None:
            self.feed = self._inner.feed  # type: ignore[method-assign]  # the hot path: nothing stands in between
        made = self._inner.request(call, target)
        return counting(made) if self._is_counting else made

    def _prepared(self, call: Call) -> Call:
        fields = compaction.read(call.body)
        if fields is None:
            return call
        fields = compaction.opened(fields, self._sealer.open)
        if self._is_alone:
            if not isinstance(fields.get("model"), str):
                raise Refused(Failure(FailureKind.INVALID_REQUEST, "model: is required", param="model"))
            fields = {**fields, "stream": False}
        if self._is_alone or compaction.is_asked(fields):
            self._summing = fields
            fields = compaction.asking(fields)
        path = RESPONSES if self._is_alone else call.path
        return replace(call, path=path, body=orjson.dumps(fields))

    def response(self, answer: WireAnswer) -> WireAnswer:
        if self._is_counting and 200 <= answer.status < 300:
            return self._counted(answer)
        made = self._inner.response(answer)
        if self._summing is None or not 200 <= made.status < 300 or not made.body:
            return made
        if made.body.startswith(b"{"):
            return replace(made, body=orjson.dumps(self._whole(orjson.loads(made.body))))
        return replace(made, body=self._events(SseReader().feed(made.body)))

    @staticmethod
    def _counted(answer: WireAnswer) -> WireAnswer:
        try:
            count = tolerant(orjson.loads, plain(answer).body)["input_tokens"]
        except (*UNREADABLE, KeyError, TypeError):
            raise Refused(Failure(FailureKind.UPSTREAM, "The upstream's count can't be read")) from None
        return WireAnswer(answer.status, JSON, counted(int(count)))

    def feed(self, chunk: bytes) -> bytes:
        data = self._inner.feed(chunk)
        return data if self._summing is None else self._events(self._sse.feed(data))

    def finish(self) -> bytes:
        data = self._inner.finish()
        return data if self._summing is None else self._events(self._sse.feed(data))

    def fail(self, failure: Failure) -> bytes:
        data = self._inner.fail(failure)
        return data if self._summing is None else self._events(self._sse.feed(data))

    def keepalive(self) -> bytes:
        return self._inner.keepalive()

    def _events(self, events: list[tuple[bytes, bytes]]) -> bytes:
        """Pass the beginning and a failure; make one item of all between, when it has come to its end."""
        out = b""
        for name, data in events:
            if name in _BEGINNINGS or name == b"response.failed":
                out += b"event: " + name + b"\ndata: " + data + b"\n\n"
            elif name in _ENDS:
                out += self._ended(orjson.loads(data)["response"])
        return out

    def _ended(self, response: Object) -> bytes:
        item = self._item(response)
        if item is None:
            failed = {**response, "status": "failed", "output": [], "error": response_error(EMPTY)}
            return _event("response.failed", 2, response=failed)
        done = {**response, "status": "completed", "incomplete_details": None, "output": [item]}
        return (
            _event("response.output_item.added", 2, output_index=0, item=item)
            + _event("response.output_item.done", 3, output_index=0, item=item)
            + _event("response.completed", 4, response=done)
        )

    def _whole(self, response: Object) -> Object:
        item = self._item(response)
        if item is None:
            raise Refused(EMPTY)
        if not self._is_alone:
            return {**response, "status": "completed", "incomplete_details": None, "output": [item]}
        assert self._summing is not None
        return {
            "id": response["id"],
            "object": "response.compaction",
            "created_at": response["created_at"],
            "output": [*compaction.users_words(self._summing, self._ids), item],
            "usage": response["usage"],
        }

    def _item(self, response: Object) -> Object | None:
        summary = compaction.summary_of(response)
        if not summary:
            return None
        sealed = self._sealer.seal(summary.encode("utf-8", "replace"), compaction.CONTEXT)
        return {"id": self._ids("cmp_"), "type": "compaction", "encrypted_content": sealed}


def _event(name: str, number: int, **fields: Any) -> bytes:
    return event_bytes(name, {"type": name, "sequence_number": number, **fields})
