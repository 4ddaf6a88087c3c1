"""An answer in no dialect: parts in the order in which they are written, and how it ended. Pure.

A reader (one per upstream dialect) finds the parts, a sink (one per surface) writes them. Between them
stands the sequencer: it lets one part at a time be open, so every surface gets whole parts one after the
other, however the upstream interleaves them.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from providers.dialects.types import Failure, FailureKind, MakeId, Usage


class PartKind(StrEnum):
    TEXT = "text"
    REFUSAL = "refusal"
    REASONING = "reasoning"
    REDACTED = "redacted"  # reasoning without any readable text
    TOOL = "tool"  # a call with JSON arguments
    CUSTOM = "custom"  # a call with free text as input


@dataclass(slots=True)
class Part:
    """One text, one piece of reasoning, or one tool call."""

    kind: PartKind
    id: str = ""  # of the tool call
    name: str = ""  # of the tool, as the upstream knows it
    fragments: list[str] = field(default_factory=list)
    sealed: str | None = None  # reasoning: what the client must bring back
    annotations: list[Any] = field(default_factory=list)
    is_closed: bool = False

    @property
    def text(self) -> str:
        return "".join(self.fragments)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the answer ended. `reason` is a Chat finish reason, or the upstream's own unknown word."""

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
        """The surface's own form of an error in the middle of a stream, with its terminal event."""

    def ping(self) -> bytes: ...

    def take(self) -> bytes:
        """What has been written since the last time."""


class Sequencer:
    """Keeps the order of parts; only the first unfinished one is open, the others wait with their text."""

    __slots__ = ("_sink", "_waiting", "has_begun", "open_part")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._waiting: list[Part] = []
        self.open_part: Part | None = None
        self.has_begun = False

    @property
    def has_waiting(self) -> bool:
        return bool(self._waiting)

    @property
    def last(self) -> Part | None:
        """The part added last, when it has not been written to its end."""
        return self._waiting[-1] if self._waiting else self.open_part

    def begin(self) -> None:
        if not self.has_begun:
            self.has_begun = True
            self._sink.begin()

    def add(self, part: Part) -> None:
        """A new part, after all earlier ones."""
        if self.open_part is None:
            self._open(part)
        else:
            self._waiting.append(part)

    def append(self, part: Part, text: str) -> None:
        part.fragments.append(text)
        if part is self.open_part:
            self._sink.delta(part, text)

    def close(self, part: Part) -> None:
        part.is_closed = True
        while self.open_part is not None and self.open_part.is_closed:
            self._sink.close(self.open_part)
            self.open_part = None
            if self._waiting:
                self._open(self._waiting.pop(0))

    def close_all(self) -> None:
        for part in ([self.open_part] if self.open_part else []) + self._waiting:
            part.is_closed = True
        if self.open_part is not None:
            self.close(self.open_part)

    def _open(self, part: Part) -> None:
        self.open_part = part
        self._sink.open(part)
        for text in part.fragments:
            self._sink.delta(part, text)


class PartList:
    """A sink that keeps the parts: how a whole answer goes through the same reader as a stream."""

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


@dataclass(frozen=True, slots=True)
class ReaderContext:
    """What a reader needs beside the bytes."""

    seal: Seal
    ids: MakeId
    estimate: Callable[[], int]  # input tokens, for when the upstream tells none
    taken_ids: AbstractSet[str] = frozenset()  # tool-call ids of the history
    is_text_sealed: bool = False  # the caller gets no text of the reasoning: what comes back must hold it


class CallIds:
    """Makes the upstream's call ids unique within the conversation: clients file results under them."""

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
    """The upstream broke its own dialect."""
    return Failure(FailureKind.UPSTREAM, message)


class Reader(Protocol):
    """An upstream dialect's way to find parts in a stream or in a whole answer."""

    failure: Failure | None
    is_complete: bool  # nothing that matters can follow

    @property
    def model(self) -> str | None:
        """The model that the upstream says it served."""

    def event(self, data: bytes) -> None: ...

    def whole(self, body: bytes) -> None: ...

    def can_end(self) -> bool:
        """At the end of the stream: whether the answer is whole without its formal end."""

    def outcome(self) -> Outcome: ...
