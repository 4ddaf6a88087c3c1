"""Answer Messages calls by runs of the command line: so many at once, each for so long.

For one event loop. A run begins to answer with its first event; what fails before has a status of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import httpx

from providers.cli.command import CliOptions
from providers.cli.failing import BROKE_DOWN, BUSY, MISSING, STOPPED, TIME_OVER, CliFailed, Failed
from providers.cli.running import Order, Run
from providers.cli.telling import Telling
from providers.dialects.anthropic import error_body
from providers.dialects.types import Refused
from providers.translation.pairs.collecting import collected

ORDER = "cli"
"""The extension of a request that holds its `Order`."""
JSON, EVENTS = "application/json", "text/event-stream; charset=utf-8"
NO_MODELS = b'{"object":"list","data":[]}'


class CliTransport(httpx.AsyncBaseTransport):
    """The engine under the kind."""

    def __init__(self, options: CliOptions) -> None:
        self.options = options
        self._free = asyncio.Semaphore(options.max_processes)
        self._starting: set[asyncio.Task[Run]] = set()
        self._exchanges: set[CliExchange] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, or why there is none."""
        order: Order | None = request.extensions.get(ORDER)
        if order is None:  # somebody asks which models there are
            if shutil.which(self.options.program) is None:
                return _response(request, MISSING.status, JSON, MISSING.body())
            return _response(request, 200, JSON, NO_MODELS)
        try:
            exchange = await self._begun(order)
            if order.task.is_stream:
                return httpx.Response(200, headers={"content-type": EVENTS}, stream=exchange, request=request)
            whole = collected("anthropic", await exchange.read())
        except CliFailed as exc:
            return _response(request, exc.failed.status, JSON, exc.failed.body())
        except Refused as exc:
            return _response(request, exc.failure.vendor_status or 502, JSON, error_body(exc.failure))
        if whole is None:
            return _response(request, BROKE_DOWN.status, JSON, BROKE_DOWN.body())
        return _response(request, 200, JSON, whole)

    async def _begun(self, order: Order) -> CliExchange:
        """Return a run that has begun to answer. Raises `CliFailed`."""
        try:
            async with asyncio.timeout(self.options.timeout_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise CliFailed(BUSY) from None
        deadline = asyncio.get_running_loop().time() + self.options.timeout_seconds
        starting = asyncio.create_task(self._start(order))
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)
        try:
            run = await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._later(self._end_started(starting))  # soon: nobody else knows of it
            raise
        exchange = CliExchange(self, run, Telling(order.task.model), deadline)
        self._exchanges.add(exchange)
        await exchange.begin()
        return exchange

    async def _start(self, order: Order) -> Run:
        """Start a run in a place that is taken already. Raises `CliFailed`, and the place is free again."""
        try:
            if self._is_closed:
                raise CliFailed(STOPPED)
            return await Run.start(order, self.options)
        except BaseException:
            self._free.release()
            raise

    async def _end_started(self, starting: asyncio.Task[Run]) -> None:
        """End a run whose call has gone while it was being started."""
        with contextlib.suppress(CliFailed):
            await self._end(await starting)

    def ended(self, exchange: CliExchange) -> None:
        """End a run beside the call that it was for; its place is free once the process has gone."""
        if exchange in self._exchanges:
            self._exchanges.discard(exchange)
            self._later(self._end(exchange.run))

    def _later(self, ending: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(ending)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    async def _end(self, run: Run) -> None:
        try:
            await run.end()
        finally:
            self._free.release()

    async def aclose(self) -> None:
        """End every run."""
        self._is_closed = True
        await asyncio.gather(*self._starting, return_exceptions=True)
        for exchange in list(self._exchanges):
            self.ended(exchange)
        await asyncio.gather(*self._endings, return_exceptions=True)


class CliExchange(httpx.AsyncByteStream):
    """One run and its answer, as the body of a response."""

    def __init__(self, transport: CliTransport, run: Run, telling: Telling, deadline: float) -> None:
        self._transport = transport
        self.run = run
        self._telling = telling
        self._deadline = deadline
        self._first = b""
        self._events = self._told()

    async def begin(self) -> None:
        """Wait for the first event. Raises `CliFailed`."""
        try:
            self._first = await anext(self._events)
        except CliFailed as exc:
            self._note(exc.failed)
            raise
        except StopAsyncIteration:
            raise AssertionError("it ends with a failure or after events") from None
        finally:
            if not self._first:
                self._transport.ended(self)

    async def read(self) -> bytes:
        """Return all events. Raises `CliFailed`."""
        try:
            return b"".join([self._first, *[event async for event in self._events]])
        except CliFailed as exc:
            self._note(exc.failed)
            raise
        finally:
            self._transport.ended(self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._first
        try:
            async for event in self._events:
                yield event
        except CliFailed as exc:
            self._note(exc.failed)
            yield exc.failed.event()
        finally:
            self._transport.ended(self)

    async def _told(self) -> AsyncIterator[bytes]:
        """Yield events until the answer is whole. Raises `CliFailed`."""
        lines = self.run.lines()
        while not self._telling.is_over:
            try:
                async with asyncio.timeout_at(self._deadline):
                    line = await anext(lines, None)
            except TimeoutError:
                raise CliFailed(TIME_OVER) from None
            if line is None:
                self._telling.finish()
                return
            if events := self._telling.feed(line):
                yield events

    def _note(self, failed: Failed) -> None:
        self.run.note_failure(failed.message)

    async def aclose(self) -> None:
        """End the run, whatever it has told. Does not wait for it."""
        self._transport.ended(self)
        with contextlib.suppress(RuntimeError):  # it is being read by whoever is cancelled
            await self._events.aclose()  # type: ignore[attr-defined]


def _response(request: httpx.Request, status: int, kind: str, body: bytes) -> httpx.Response:
    headers = {"content-type": kind, "content-length": str(len(body))}
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body), request=request)
