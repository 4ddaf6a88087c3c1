"""One clock for all exchanges of an event loop: pings, timeouts and the watch for clients that leave.

A timer per event would cost more than relaying the event, so exchanges only note when something last moved, and the
pulse looks at all of them a few times a second. With no exchange on the road it stands still.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.wire import Interruption, Wire


@dataclass(frozen=True, slots=True)
class PulseOptions:
    """Durations in seconds; 0 = never."""

    ping_seconds: float = 15.0
    first_byte_timeout_seconds: float = 600.0
    idle_timeout_seconds: float = 300.0
    send_timeout_seconds: float = 60.0

    @property
    def interval_seconds(self) -> float:
        shortest = min(
            (
                value
                for value in (
                    self.ping_seconds,
                    self.first_byte_timeout_seconds,
                    self.idle_timeout_seconds,
                    self.send_timeout_seconds,
                )
                if value > 0
            ),
            default=1.0,
        )
        return min(0.25, shortest / 4)


class Pulse:
    """The exchanges on the road of one event loop."""

    def __init__(self, options: PulseOptions, is_over: Callable[[], bool] = lambda: False) -> None:
        """`is_over` says that the server's drain has ended and what still streams must close."""
        self._options = options
        self._is_over = is_over
        self._interval = options.interval_seconds
        self._wires: set[Wire] = set()
        self._handle: asyncio.TimerHandle | None = None
        self._pings: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._wires)

    def add(self, wire: Wire) -> None:
        self._wires.add(wire)
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(self._interval, self._beat)

    def discard(self, wire: Wire) -> None:
        self._wires.discard(wire)

    def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        self._handle = loop.call_later(self._interval, self._beat) if self._wires else None
        now = time.monotonic()
        is_over = self._is_over()
        for wire in tuple(self._wires):
            if now - wire.started_at >= self._interval:
                wire.watch()
            why = Interruption.DRAIN if is_over else self._overdue(wire, now)
            if why is not None:
                wire.interrupt(why)
            elif self._wants_ping(wire, now):
                ping = loop.create_task(wire.ping(now))
                self._pings.add(ping)
                ping.add_done_callback(self._pings.discard)

    def _overdue(self, wire: Wire, now: float) -> Interruption | None:
        options = self._options
        if wire.writing_since is not None:
            limit = options.send_timeout_seconds
            return Interruption.CLIENT_STUCK if 0 < limit < now - wire.writing_since else None
        if wire.waiting_since is not None:
            own = wire.first_byte_seconds
            limit = options.first_byte_timeout_seconds if own is None else own
            return Interruption.FIRST_BYTE if 0 < limit < now - wire.waiting_since else None
        if wire.is_relaying:
            own = wire.idle_seconds
            limit = options.idle_timeout_seconds if own is None else own
            return Interruption.IDLE if 0 < limit < now - wire.touched_at else None
        return None

    def _wants_ping(self, wire: Wire, now: float) -> bool:
        limit = self._options.ping_seconds
        return (
            limit > 0
            and wire.keepalive is not None
            and wire.writing_since is None
            and now - max(wire.touched_at, wire.pinged_at) >= limit
        )
