"""Bound how slowly a body may come: whoever holds one back holds memory."""

from __future__ import annotations

from typing import Protocol

LEAST_BYTES_PER_SECOND = 1024
STRETCH_SECONDS = 5.0
"""Every stretch of a body so long must bring its bytes; what came before it does not count."""
SWEEP_SECONDS = 1.0


class Sender(Protocol):
    """A connection whose body is coming in."""

    def body_received(self) -> int:
        """Return how many bytes of the body have come so far."""

    def answer_for(self) -> None:
        """Find who answers for the body: it was not whole at once."""

    def is_read(self) -> bool:
        """Tell whether we take what comes: if not, it is we who are slow."""

    def refuse_slow_body(self) -> None:
        """Answer that it is too slow, and be done with it."""


class _Stretch:
    __slots__ = ("bytes", "since")

    def __init__(self, now: float, received: int) -> None:
        self.since = now
        self.bytes = received


class Pace:
    """The bodies that are coming in, and what each has brought in its present stretch (none before its first sweep)."""

    def __init__(self) -> None:
        self._senders: dict[Sender, _Stretch | None] = {}
        self._swept_at = 0.0

    def begin(self, sender: Sender) -> None:
        """Watch a body, if it is not watched yet."""
        self._senders.setdefault(sender, None)

    def end(self, sender: Sender) -> None:
        """Forget a body that is whole, or given up."""
        self._senders.pop(sender, None)

    def sweep(self, now: float) -> None:
        """Refuse those that are too slow. To be called every SWEEP_SECONDS: a sweep that comes late finds bytes
        that wait to be read, and starts all stretches anew."""
        is_late = now - self._swept_at > 2 * SWEEP_SECONDS
        self._swept_at = now
        for sender, stretch in list(self._senders.items()):
            received = sender.body_received()
            if stretch is None:
                self._senders[sender] = _Stretch(now, received)
                sender.answer_for()
                continue
            if is_late or not sender.is_read():
                stretch.since, stretch.bytes = now, received
                continue
            seconds = now - stretch.since
            if seconds < STRETCH_SECONDS:
                continue
            if received - stretch.bytes < LEAST_BYTES_PER_SECOND * seconds:
                self.end(sender)
                sender.refuse_slow_body()
            else:
                stretch.since, stretch.bytes = now, received
