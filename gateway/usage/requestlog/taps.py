"""Gather what a call asks and is answered, where its token or chance says so, until the call has ended.

Nothing is redacted here: what is gathered stays in this memory, bounded, until the recorder's thread takes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.exchange.context import CallContext
from providers.dialects.types import WireAnswer

MOST_BYTES = 64 * 1024 * 1024
"""Of all calls that are gathered at a time."""
MARGIN = 4096
"""Bytes beyond those that are kept: a secret that the cut would halve is still known for one."""
STREAM_FACTOR = 8
"""A stream says its text in many small events, which are put together before they are cut."""


@dataclass(slots=True)
class Entry:
    """One call. `sizes` are those of the whole request and answer."""

    request: bytes
    answer: bytearray = field(default_factory=bytearray)
    request_size: int = 0
    answer_size: int = 0


class LogTap:
    """Sees the answer of one attempt."""

    def __init__(self, entry: Entry, max_bytes: int) -> None:
        self._entry = entry
        self._most = max_bytes + MARGIN
        self._most_of_stream = max_bytes * STREAM_FACTOR + MARGIN

    async def answered(self, answer: WireAnswer) -> None:
        """See a whole answer."""
        self._entry.answer[:] = answer.body[: self._most]
        self._entry.answer_size = len(answer.body)

    async def fed(self, data: bytes) -> None:
        """See the next bytes of a streamed answer."""
        entry = self._entry
        entry.answer_size += len(data)
        if (room := self._most_of_stream - len(entry.answer)) > 0:
            entry.answer += data[:room]


class RequestLog:
    """What is gathered in this process. `percent`: of all calls, beside those of tokens that ask for it."""

    def __init__(self, percent: int = 0, max_bytes: int = 65536) -> None:
        self.percent = percent
        self.entries: dict[str, Entry] = {}
        self._max_bytes = max_bytes
        self._most = max(16, MOST_BYTES // (max_bytes * (STREAM_FACTOR + 1)))

    def tap(self, context: CallContext) -> LogTap | None:
        """Return who gathers the answer of an attempt; of several attempts the last counts."""
        name = context.exchange.id
        if not (context.token.logs_requests or is_chosen(name, self.percent)):
            return None
        body = context.call.body
        entry = Entry(body[: self._max_bytes + MARGIN], request_size=len(body))
        while len(self.entries) >= self._most and name not in self.entries:
            self.entries.pop(next(iter(self.entries)), None)  # the oldest
        self.entries[name] = entry
        return LogTap(entry, self._max_bytes)

    def taken(self, ids: Iterable[str]) -> list[tuple[str, Entry]]:
        """Hand over what was gathered of calls that have ended."""
        found = [(name, self.entries.pop(name, None)) for name in ids]
        return [(name, entry) for name, entry in found if entry is not None]


NO_LOG = RequestLog()
"""Of a relay that nobody has given one: it keeps what tokens ask for, and nobody takes it."""


def is_chosen(request_id: str, percent: int) -> bool:
    """Tell whether chance keeps a call: by the random end of its id, so that all its attempts agree."""
    return percent > 0 and int(request_id[-8:], 16) * 100 < percent << 32
