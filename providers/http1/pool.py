"""Idle connections by origin: the one used last goes first, so that the others may grow old and be closed.

Before one is used again it is looked at: closed, or with anything unread in its socket, it is closed and not used.
One that was given back a moment ago is not: what came meanwhile the event loop has read, and under load the call into
the kernel, which lets other threads run, costs 7 µs of a request's 170.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from providers.http1.connection import Connection
from providers.http1.dialing import Dialer, Origin

MARGIN_SECONDS = 1.0
"""So much before the upstream's own end of an idle connection ours comes, half of it where that is less."""

FRESH_SECONDS = 0.001
"""A connection that has been idle no longer is taken without a look."""


@dataclass(frozen=True, slots=True)
class IdleLimits:
    """The bounds on idle connections: their age, and their number."""

    seconds: float
    per_origin: int
    in_total: int


class ConnectionPool:
    """The connections of one event loop.

    Idle ones are bounded, busy ones are not: the limits of tokens and accounts are theirs.
    """

    def __init__(
        self, dialer: Dialer, limits: IdleLimits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._dialer = dialer
        self._limits = limits
        self._clock = clock
        self._idle: dict[Origin, list[Connection]] = {}
        self.idle_count = 0
        self._busy: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False

    def take(self, origin: Origin) -> Connection | None:
        """Return an idle connection that can carry an exchange; None when there is none."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            self.idle_count -= 1
            now = self._clock()
            is_fresh = now - connection.idle_since < FRESH_SECONDS
            if (
                connection.is_reusable
                and connection.idle_until >= now
                and (is_fresh or connection.is_quiet())
            ):
                self._busy.add(connection)
                return connection
            connection.abort()
        return None

    async def dial(self, origin: Origin, connect_seconds: float) -> Connection:
        """Open a new connection. Raises `TimeoutError`, `OSError`."""
        async with asyncio.timeout(connect_seconds):
            connection = await self._dialer.connect(origin)
        if self._is_closed:
            connection.abort()
            raise ConnectionAbortedError("the pool is closed")
        connection.on_lost = self._forget(origin)
        self._busy.add(connection)
        return connection

    def release(self, origin: Origin, connection: Connection) -> None:
        """Keep a connection for the next exchange when it can carry one, else close it at once."""
        self._busy.discard(connection)
        told = connection.framing.idle_seconds
        seconds = self._limits.seconds if told is None else self._shortened(told)
        if self._is_closed or seconds <= 0 or not connection.is_reusable:
            connection.abort()
            return
        connection.idle_since = now = self._clock()
        connection.idle_until = now + seconds
        if (idle := self._idle.get(origin)) is None:
            idle = self._idle[origin] = []
        idle.append(connection)
        self.idle_count += 1
        if len(idle) > self._limits.per_origin:
            self._drop(origin, idle[0])
        elif self.idle_count > self._limits.in_total:
            self._drop_oldest()
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._limits.seconds, self._close_old)

    def close(self) -> None:
        """Close all connections, idle and busy ones."""
        self._is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in [*self._busy, *(one for idle in self._idle.values() for one in idle)]:
            connection.abort()
        self._idle.clear()
        self.idle_count = 0
        self._busy.clear()

    def _shortened(self, told: float) -> float:
        """How long a connection may lie idle that the upstream keeps for so many seconds."""
        return min(self._limits.seconds, told - min(MARGIN_SECONDS, told / 2))

    def _drop(self, origin: Origin, connection: Connection) -> None:
        idle = self._idle[origin]
        idle.remove(connection)
        self.idle_count -= 1
        if not idle:
            del self._idle[origin]
        connection.abort()

    def _drop_oldest(self) -> None:
        lists = ((origin, idle) for origin, idle in self._idle.items() if idle)
        origin, idle = min(lists, key=lambda item: item[1][0].idle_until)
        self._drop(origin, idle[0])

    def _forget(self, origin: Origin) -> Callable[[Connection], None]:
        def forget(connection: Connection) -> None:
            self._busy.discard(connection)
            if connection in self._idle.get(origin, ()):
                self._drop(origin, connection)

        return forget

    def _close_old(self) -> None:
        self._sweep = None
        now = self._clock()
        for origin, idle in list(self._idle.items()):
            if not idle:
                del self._idle[origin]
            for connection in [one for one in idle if one.idle_until <= now]:
                self._drop(origin, connection)
        if self.idle_count:
            first = min(one.idle_until for idle in self._idle.values() for one in idle)
            seconds = max(0.0, first - now) + 0.001
            self._sweep = asyncio.get_running_loop().call_later(seconds, self._close_old)
