"""An answer in no dialect: parts in the order in which they are written, and its ending.

Pure. A reader (one per upstream dialect) finds the parts, a sink (one per surface) writes them. Between them
stands the sequencer: it lets one part at a time be open, so every surface gets whole parts one after the
other, however the upstream interleaves them.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from providers.dialects.types import Failure, FailureKind, MakeId, Usage


class PartKind(StrEnum):
    TEXT = "text"
    REFUSAL = "refusal"
    REASONING = "reasoning"
    REDACTED = "redacted"  # reasoning without any readable text
    TOOL = "tool"  # a call with JSON arguments
    CUSTOM = "custom"  # a call with free text as input


class Part(msgspec.Struct):
    """One text, one piece of reasoning, or one tool call."""

    kind: PartKind
    id: str = ""  # of the tool call
    name: str = ""  # of the tool, as the upstream knows it
    fragments: list[str] = []
    sealed: str | None = None  # reasoning: what the client must bring back
    annotations: list[Any] = []
    is_closed: bool = False
    is_carried: bool = (
        False  # redacted: the upstream's own, which the next call needs whatever the caller asked
    )

    @property
    def text(self) -> str:
        return "".join(self.fragments)


class Outcome(msgspec.Struct, frozen=True):
    """The ending of an answer.

    `reason` is a Chat finish reason, or the upstream's own unknown word.
    """

    reason: str
    usage: Usage
    reasoning_tokens: int = 0
    has_refusal: bool = False  # the model declined in words of its own
    stop_sequence: str | None = None  # the one that was met, where the upstream tells


class Sink(Protocol):
    """A surface's way to write parts as they come."""

    def begin(self) -> None: ...

    def open(self, part: Part) -> None: ...

    def delta(self, part: Part, text: str) -> None: ...

    def close(self, part: Part) -> None: ...

    def end(self, outcome: Outcome) -> None: ...

    def fail(self, failure: Failure) -> None:
        """Write the surface's own form of an error in the middle of a stream, with its terminal event."""

    def ping(self) -> bytes: ...

    def take(self) -> bytes:
        """Return what has been written since the last time."""


class Sequencer:
    """The order of parts: only the first unfinished one is open, the others wait with their text."""

    __slots__ = ("_sink", "has_begun", "open_part", "waiting")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.waiting: list[Part] = []  # after the open one
        self.open_part: Part | None = None
        self.has_begun = False

    @property
    def last(self) -> Part | None:
        """Return the part added last, when it has not been written to its end."""
        return self.waiting[-1] if self.waiting else self.open_part

    def begin(self) -> None:
        if not self.has_begun:
            self.has_begun = True
            self._sink.begin()

    def add(self, part: Part) -> None:
        """Add a new part, after all earlier ones."""
        if self.open_part is None:
            self._open(part)
        else:
            self.waiting.append(part)

    def append(self, part: Part, text: str) -> None:
        part.fragments.append(text)
        if part is self.open_part:
            self._sink.delta(part, text)

    def close(self, part: Part) -> None:
        part.is_closed = True
        while self.open_part is not None and self.open_part.is_closed:
            self._sink.close(self.open_part)
            self.open_part = None
            if self.waiting:
                self._open(self.waiting.pop(0))

    def close_all(self) -> None:
        for part in ([self.open_part] if self.open_part else []) + self.waiting:
            part.is_closed = True
        if self.open_part is not None:
            self.close(self.open_part)

    def _open(self, part: Part) -> None:
        self.open_part = part
        self._sink.open(part)
        for text in part.fragments:
            self._sink.delta(part, text)


class PartList:
    """A sink that keeps the parts: so a whole answer goes through the same reader as a stream."""

    def __init__(self) -> None:
        self.parts: list[Part] = []

    def begin(self) -> None: ...

    def open(self, part: Part) -> None:
        self.parts.append(part)

    def delta(self, part: Part, text: str) -> None: ...

    def close(self, part: Part) -> None: ...

    def end(self, outcome: Outcome) -> None: ...

    def fail(self, failure: Failure) -> None: ...

    def ping(self) -> bytes:
        return b""

    def take(self) -> bytes:
        return b""


Seal = Callable[[bytes], str]
"""Seals for the model of this exchange."""


class ReaderContext(msgspec.Struct, frozen=True):
    """Everything that a reader needs beside the bytes."""

    seal: Seal
    ids: MakeId
    estimate: Callable[[], int]  # input tokens, for when the upstream tells none
    taken_ids: AbstractSet[str] = frozenset()  # tool-call ids of the history
    is_text_sealed: bool = False  # the caller gets no text of the reasoning: what comes back must hold it
    is_hidden: bool = False  # it gets no reasoning at all: calls bring back what the upstream needs of it


class CallIds:
    """Call ids that are unique within the conversation: clients file results under them."""

    __slots__ = ("_ids", "_taken")

    def __init__(self, context: ReaderContext) -> None:
        self._ids = context.ids
        self._taken = set(context.taken_ids)

    def unique(self, raw_id: str) -> str:
        base = unique = raw_id or self._ids("call_")
        number = 1
        while unique in self._taken:
            number += 1
            unique = f"{base}_{number}"
        self._taken.add(unique)
        return unique


CALL_KINDS = frozenset({PartKind.TOOL, PartKind.CUSTOM})


def nonsense(message: str) -> Failure:
    """Return the failure of an upstream that broke its own dialect."""
    return Failure(FailureKind.UPSTREAM, message)


class Reader(Protocol):
    """An upstream dialect's way to find parts in a stream or in a whole answer."""

    failure: Failure | None
    is_complete: bool  # nothing that matters can follow

    @property
    def model(self) -> str | None:
        """Return the model that the upstream says it served."""

    def event(self, data: bytes) -> None: ...

    def whole(self, body: bytes) -> None: ...

    def can_end(self) -> bool:
        """Return whether the answer is whole without its formal end, once the stream has ended."""

    def outcome(self) -> Outcome: ...
