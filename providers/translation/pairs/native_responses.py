"""Responses over an upstream that speaks it itself, and may know nothing of compaction.

Pure. A call that asks for one is passed on to an upstream that compacts, and is a summarising call to any other.
"""

from __future__ import annotations

from msgspec.structs import replace

from providers.dialects.types import Call, Failure, MakeId, Sealer, Target, Usage, WireAnswer, WireRequest
from providers.translation.pairs.compacting import Compacting
from providers.translation.pairs.openai_passthrough import ResponsesPassthrough
from providers.translation.responses import compaction


class _Summing(ResponsesPassthrough):
    """The summarising call: its answer is read whole where it is not streamed."""

    def response(self, answer: WireAnswer) -> WireAnswer:
        made = super().response(answer)
        if not 200 <= made.status < 300 or not made.body:
            return made
        return replace(made, body=self.feed(made.body) + self.finish())


class NativeResponses(ResponsesPassthrough):
    """The translator of this pair."""

    def __init__(self, ids: MakeId, sealer: Sealer) -> None:
        super().__init__(sealer)
        self._ids = ids
        self._around: Compacting | None = None

    @property
    def usage(self) -> Usage:
        return super().usage if self._around is None else self._around.usage

    @property
    def model(self) -> str | None:
        return super().model if self._around is None else self._around.model

    @property
    def failure(self) -> Failure | None:
        return super().failure if self._around is None else self._around.failure

    def written(self, size: int) -> int:
        return super().written(size) if self._around is None else self._around.written(size)

    def request(self, call: Call, target: Target) -> WireRequest:
        self._around = None
        if target.compacts or not _asks(call):
            return super().request(call, target)
        self._around = Compacting(_Summing(self._sealer), self._ids, self._sealer)
        self.is_transparent = False
        self.feed = self._around.feed  # type: ignore[method-assign]  # all other calls have nothing in between
        return self._around.request(call, target)

    def response(self, answer: WireAnswer) -> WireAnswer:
        return super().response(answer) if self._around is None else self._around.response(answer)

    def finish(self) -> bytes:
        return super().finish() if self._around is None else self._around.finish()

    def fail(self, failure: Failure) -> bytes:
        return super().fail(failure) if self._around is None else self._around.fail(failure)

    def keepalive(self) -> bytes:
        return super().keepalive() if self._around is None else self._around.keepalive()


def _asks(call: Call) -> bool:
    if call.path == compaction.PATH:
        return True
    fields = compaction.read(call.body) if compaction.is_mentioned(call.body) else None
    return fields is not None and compaction.is_asked(fields)
