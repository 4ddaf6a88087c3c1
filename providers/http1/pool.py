"""Idle connections by origin: the one used last goes first, so that the others may grow old and be closed."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable

from providers.http1.connection import Connection
from providers.http1.dialing import Dialer, Origin


class Pool:
    """For one event loop. No limit on their number: the limits of tokens and accounts are the limits."""

    def __init__(self, dialer: Dialer, keepalive_seconds: float) -> None:
        self._dialer = dialer
        self._keepalive_seconds = keepalive_seconds
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._busy: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def acquire(self, origin: Origin, connect_seconds: float) -> Connection:
        """An idle connection or a new one. Raises `TimeoutError`, `OSError`."""
        idle = self._idle.get(origin)
        oldest = time.monotonic() - self._keepalive_seconds
        while idle:
            connection = idle.pop()
            if connection.is_reusable and connection.idle_since >= oldest:
                self._busy.add(connection)
                return connection
            connection.abort()
        async with asyncio.timeout(connect_seconds):
            connection = await self._dialer.connect(origin)
        if self._is_closed:
            connection.abort()
            raise ConnectionAbortedError("the pool is closed")
        connection.on_lost = self._forget(origin)
        self._busy.add(connection)
        return connection

    def release(self, origin: Origin, connection: Connection) -> None:
        """Keeps it for the next exchange when it can carry one, else closes it at once."""
        self._busy.discard(connection)
        if self._is_closed or not connection.is_reusable:
            connection.abort()
            return
        connection.idle_since = time.monotonic()
        self._idle[origin].append(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._keepalive_seconds, self._close_old)

    def close(self) -> None:
        """Idle and busy ones."""
        self._is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in [*self._busy, *(one for idle in self._idle.values() for one in idle)]:
            connection.abort()
        self._idle.clear()
        self._busy.clear()

    def _forget(self, origin: Origin) -> Callable[[Connection], None]:
        def forget(connection: Connection) -> None:
            self._busy.discard(connection)
            idle = self._idle.get(origin)
            if idle is not None and connection in idle:
                idle.remove(connection)
                if not idle:
                    del self._idle[origin]

        return forget

    def _close_old(self) -> None:
        self._sweep = None
        oldest = time.monotonic() - self._keepalive_seconds
        for origin, idle in list(self._idle.items()):
            for connection in [one for one in idle if one.idle_since <= oldest]:
                idle.remove(connection)
                connection.abort()
            if not idle:
                del self._idle[origin]
        if self._idle:
            first = min(one.idle_since for idle in self._idle.values() for one in idle)
            self._sweep = asyncio.get_running_loop().call_later(
                max(0.0, first - oldest) + 0.001, self._close_old
            )
