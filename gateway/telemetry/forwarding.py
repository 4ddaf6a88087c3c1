"""Send clients' telemetry on to the operator's collector, as it came, from a bounded queue.

OTLP over HTTP. Nothing of a body is read, kept beyond the queue, or logged. One task sends, so bodies arrive in
their order; when the collector is slow or away the oldest go.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from providers.client import as_they_are
from providers.dialects.types import Headers
from providers.drivers.http import base_of
from providers.sending import read_all

logger = logging.getLogger(__name__)

MAX_BODIES, MAX_BYTES = 1_000, 64 * 1024 * 1024
"""Of all bodies that wait."""
SEND_SECONDS = 10.0
"""Longest time for one body, its answer included."""
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 30.0
FLUSH_SECONDS = 2.0
"""What is left at the end of the process has so long."""
ANSWER_BYTES = 65_536
AGAIN = frozenset((429, 502, 503, 504))
"""OTLP's statuses for trying again; others say that the body will never be taken."""

Count = Callable[[str], None]
"""Told what became of a body: `forwarded`, `refused` by the collector, or `dropped`."""


@dataclass(frozen=True, slots=True)
class Collector:
    """Where telemetry goes: OTLP's base URL, and the operator's own headers."""

    base_url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Body:
    """One body with the headers that pass."""

    path: bytes
    headers: Headers
    data: bytes = field(repr=False)


class Forwarder:
    """Belongs to one event loop."""

    def __init__(self, collector: Collector, transport: httpx.AsyncBaseTransport, count: Count) -> None:
        self._url, self._prefix = base_of(collector.base_url)
        self._own = tuple((name.lower().encode(), value.encode()) for name, value in collector.headers)
        self._own_names = frozenset(name for name, _ in self._own) | {b"accept-encoding"}
        self._transport = transport
        self._count = count
        self._waiting: deque[Body] = deque()
        self._bytes = 0
        self._has_work = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_away = False

    async def start(self) -> None:
        """Start sending."""
        self._task = asyncio.create_task(self._run(), name="telemetry")

    async def aclose(self) -> None:
        """Send what waits, for a moment, then stop; what is left counts as dropped."""
        task, self._task = self._task, None
        if task is None:
            return
        if not self._is_away:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._is_idle.wait()
        task.cancel()
        await asyncio.wait((task,))
        while self._waiting:
            self._drop_oldest()

    def put(self, body: Body) -> None:
        """Take a body to send; the oldest ones make room."""
        self._waiting.append(body)
        self._bytes += len(body.data)
        self._is_idle.clear()
        while len(self._waiting) > MAX_BODIES or self._bytes > MAX_BYTES:
            self._drop_oldest()
        self._has_work.set()

    def _drop_oldest(self) -> None:
        self._bytes -= len(self._waiting.popleft().data)
        self._count("dropped")

    async def _run(self) -> None:
        wait = FIRST_WAIT_SECONDS
        while True:
            while not self._waiting:
                self._has_work.clear()
                self._is_idle.set()
                await self._has_work.wait()
            body = self._waiting[0]
            outcome = await self._sent(body)
            if outcome is None:
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT_SECONDS)
                continue
            wait = FIRST_WAIT_SECONDS
            if self._waiting and self._waiting[0] is body:  # else it went meanwhile, and is counted
                self._waiting.popleft()
                self._bytes -= len(body.data)
                self._count(outcome)

    async def _sent(self, body: Body) -> str | None:
        """Send one body; return what became of it, None to try again."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                response = await self._transport.handle_async_request(self._request(body))
                try:
                    await read_all(response.stream, ANSWER_BYTES)  # type: ignore[arg-type]
                finally:
                    await response.aclose()
        except (httpx.TransportError, TimeoutError) as exc:
            self._tell_away(type(exc).__name__)
            return None
        if response.status_code in AGAIN:
            self._tell_away(f"status {response.status_code}")
            return None
        if self._is_away:
            logger.warning("the telemetry collector takes bodies again")
        self._is_away = False
        return "forwarded" if response.status_code < 300 else "refused"

    def _request(self, body: Body) -> httpx.Request:
        headers = [pair for pair in body.headers if pair[0] not in self._own_names]
        return httpx.Request(
            "POST",
            self._url,
            headers=as_they_are((*headers, *self._own)),
            stream=httpx.ByteStream(body.data),
            extensions={"target": self._prefix + body.path},
        )

    def _tell_away(self, why: str) -> None:
        if not self._is_away:
            logger.warning(
                "the telemetry collector takes nothing (%s): the oldest bodies go when too many wait", why
            )
        self._is_away = True
