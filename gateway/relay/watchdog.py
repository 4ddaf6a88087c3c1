"""Watch the exchanges of an event loop with one timer: pings, timeouts and clients that leave.

A timer per event would cost more than relaying the event, so exchanges only note when something last moved,
and the watchdog looks at all of them a few times a second. Without exchanges it stands still.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.exchange.downstream import Downstream, Interruption


@dataclass(frozen=True, slots=True)
class WatchdogOptions:
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


class Watchdog:
    """Watches the running exchanges of one event loop."""

    def __init__(self, options: WatchdogOptions, is_over: Callable[[], bool] = lambda: False) -> None:
        """Start without exchanges.

        `is_over` says that the drain has ended and what still streams must close.
        """
        self._options = options
        self.is_over = is_over
        self._interval = options.interval_seconds
        self._downstreams: set[Downstream] = set()
        self._handle: asyncio.TimerHandle | None = None
        self._pings: set[asyncio.Task[None]] = set()
        self.discard: Callable[[Downstream], None] = self._downstreams.discard
        self.add: Callable[[Downstream], None] = self._wake

    @property
    def streams(self) -> int:
        """Return how many running answers stream."""
        return sum(downstream.is_stream for downstream in tuple(self._downstreams))

    def __len__(self) -> int:
        return len(self._downstreams)

    @property
    def is_awake(self) -> bool:
        """Tell whether the timer runs."""
        return self._handle is not None

    def _wake(self, downstream: Downstream) -> None:
        """Add the first exchange after a pause; while the timer runs, adding is the set's own."""
        self._downstreams.add(downstream)
        self._handle = asyncio.get_running_loop().call_later(self._interval, self._beat)
        self.add = self._downstreams.add

    def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        if self._downstreams:
            self._handle = loop.call_later(self._interval, self._beat)
        else:
            self._handle, self.add = None, self._wake
        now = time.monotonic()
        is_over = self.is_over()
        for downstream in tuple(self._downstreams):
            if now - downstream.started_at >= self._interval:
                downstream.watch()
            why = Interruption.DRAIN if is_over else self._overdue(downstream, now)
            if why is not None:
                downstream.interrupt(why)
            elif self._wants_ping(downstream, now):
                ping = loop.create_task(downstream.ping(now))
                self._pings.add(ping)
                ping.add_done_callback(self._pings.discard)

    def _overdue(self, downstream: Downstream, now: float) -> Interruption | None:
        options = self._options
        if downstream.writing_since is not None:
            limit = options.send_timeout_seconds
            return Interruption.CLIENT_STUCK if 0 < limit < now - downstream.writing_since else None
        if downstream.waiting_since is not None:
            own = downstream.first_byte_seconds
            limit = options.first_byte_timeout_seconds if own is None else own
            return Interruption.FIRST_BYTE if 0 < limit < now - downstream.waiting_since else None
        if downstream.is_relaying:
            own = downstream.idle_seconds
            limit = options.idle_timeout_seconds if own is None else own
            return Interruption.IDLE if 0 < limit < now - downstream.touched_at else None
        return None

    def _wants_ping(self, downstream: Downstream, now: float) -> bool:
        limit = self._options.ping_seconds
        return (
            limit > 0
            and downstream.keepalive is not None
            and downstream.writing_since is None
            and now - max(downstream.touched_at, downstream.pinged_at) >= limit
        )
