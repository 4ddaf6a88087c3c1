"""The functions by which a passthrough reads its dialect.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from providers.dialects import anthropic, made
from providers.dialects.types import Failure, Made, Usage, WireAnswer
from providers.translation.messages.thinking import strip_seals
from providers.translation.pairs.rewording import for_anthropic


class Totals(Protocol):
    """Totals of a stream that passes by."""

    usage: Usage
    model: str | None
    failure: Failure | None
    is_finished: bool
    made: list[Made] | None

    def see(self, name: bytes, data: bytes) -> None: ...

    def written(self, size: int, more_events: int) -> int: ...


@dataclass(frozen=True, slots=True)
class Watched:
    """Functions by which a passthrough reads its dialect."""

    totals: Callable[[], Totals]
    read_totals: Callable[[bytes], tuple[str | None, Usage]]
    error_event: Callable[[Totals, Failure], bytes]
    ping: bytes
    made_by: Callable[[bytes], list[Made]] | None = None  # what a whole answer has made
    marks: tuple[bytes, ...] = ()  # without one of these it has made nothing
    model_path: tuple[str, ...] = ()  # to the object in an event that names the model
    reworded: Callable[[WireAnswer], WireAnswer] | None = (
        None  # a refusal that its clients would not understand
    )
    without_seals: Callable[[bytes, str], bytes] | None = None  # takes out of a body what we sealed
    silent: bytes = b""  # how most events begin, which say nothing of the totals; b"": none begins so


MESSAGES = Watched(
    anthropic.StreamTotals,
    anthropic.read_totals,
    lambda totals, failure: anthropic.error_event(failure),
    anthropic.PING,
    made.by_messages,
    (b'"container"', b'"file_id"', b'"fallback_credit_token"'),
    ("message",),
    for_anthropic,
    strip_seals,
    silent=b"event: content_block_delta\n",
)
