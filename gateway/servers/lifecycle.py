"""A server's life from its first listening to its last stream, the same for both servers.

Signal (SIGTERM, SIGINT): not ready -> `drain_delay_seconds` as before -> listener closed, every answer
closes its connection -> running exchanges up to `drain_seconds` -> deadline event -> cancelled. A second
signal skips to the end. A worker takes its parent's word for that: both may get the first signal.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from gateway.servers.drain import Drain
from gateway.servers.lifespan import LifespanDriver
from gateway.servers.memory import keep_freed_memory
from gateway.servers.options import ASGIApp, ServeOptions
from gateway.servers.sockets import BACKLOG, url

logger = logging.getLogger(__name__)

IDLE_GRACE_SECONDS = 1.0
"""How long kept-alive connections stay open for a request that is on its way when we stop."""
GOODBYE_SECONDS = 1.0
"""From the deadline event to the cancellation."""
CANCEL_SECONDS = 2.0
"""How long we wait for cancelled exchanges: they may send a last chunk and settle."""
LAST_WORD_SECONDS = 0.5
"""The same after a second signal: more than the beat at which streams look up."""
FLUSH_SECONDS = 0.05
POLL_SECONDS = 0.02
LAST_HOOKS_SECONDS = 1.0
"""For the shut-down hooks after a second signal."""
SAME_SIGNAL_SECONDS = 0.2
"""A signal that comes again so soon is the same one: wrappers like `timeout` send it to the process and to its
group."""
YOUNG_OBJECTS = 10_000
OLDER_GENERATIONS = (20, 20)
"""How often the collector looks, once start-up's own objects are out of its sight (CPython's own: 700, 10, 10)."""
SWITCH_SECONDS = 0.001
"""After which a thread that makes a page lets the loop go on, if it waits (CPython's own: 0.005). A call waits for that
several times: beside somebody who opens page after page its 99th percentile was twice as long."""
HARD_EXIT_SECONDS = 6
"""After a second signal the process ends in that time, even with a thread that hangs."""


class HttpServer(Protocol):
    """A server as the life cycle needs it."""

    async def listen(self, sock: socket.socket, state: dict[str, Any]) -> None:
        """Accept connections from now on; `state` goes into every scope."""

    async def stop_listening(self) -> None:
        """Close the listener. The drain says `is_draining`: answers close their connections from now on."""

    def close_idle(self) -> None:
        """Close connections on which no request is under way, and say goodbye on websockets."""

    def is_quiet(self) -> bool:
        """Tell whether no connection is open and no exchange is running."""

    def exchanges(self) -> Sequence[asyncio.Task[None]]:
        """Return the running ones."""


def settle_memory() -> None:
    """Keep freed memory (`memory.py`), and let the collector look at new things only.

    What start-up has made is there to stay: the collector need not look at it again. It would otherwise walk all of
    Django every few hundred exchanges, and every stream waits meanwhile (some 100 ms; a tenth of the CPU)."""
    keep_freed_memory()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *OLDER_GENERATIONS)


class StopSignals:
    """`first` and `second` are set by signals; in a worker `second` is set by the parent."""

    def __init__(self, supervisor_fd: int | None) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        self.supervisor_fd = supervisor_fd
        self.first_at = 0.0

    def install(self) -> None:
        loop = asyncio.get_running_loop()
        on_signal = self._on_signal if self.supervisor_fd is None else self.first.set
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, on_signal)
        if self.supervisor_fd is None:
            loop.add_signal_handler(signal.SIGHUP, self.first.set)
        else:
            loop.add_signal_handler(signal.SIGHUP, ignore)
            os.set_blocking(self.supervisor_fd, False)
            loop.add_reader(self.supervisor_fd, self._on_supervisor, self.supervisor_fd)

    def _on_signal(self) -> None:
        now = time.monotonic()  # the loop's own clock lags behind a signal
        if not self.first.is_set():
            self.first_at = now
            self.first.set()
        elif now - self.first_at > SAME_SIGNAL_SECONDS:
            self._end_at_once()

    def _on_supervisor(self, fd: int) -> None:
        try:
            said = os.read(fd, 1)
        except OSError:
            said = b""  # died with bytes of ours unread
        if not said:
            asyncio.get_running_loop().remove_reader(fd)
            self.first.set()
        elif said == b"X":
            self.first.set()
            self._end_at_once()

    def _end_at_once(self) -> None:
        self.second.set()
        signal.alarm(HARD_EXIT_SECONDS)

    def say_ready(self) -> None:
        if self.supervisor_fd is not None:
            with contextlib.suppress(OSError):  # it is gone: then we are about to learn that
                os.write(self.supervisor_fd, b"R")


def ignore() -> None:
    """Ignore a signal that means something to our parent only."""


class Lifecycle:
    """One run of one server in one process; `run` returns after the shut-down hooks."""

    def __init__(self, server: HttpServer, application: ASGIApp, options: ServeOptions) -> None:
        self.server = server
        self.options = options
        self.drain = Drain()
        self.lifespan = LifespanDriver(
            application, {"drain": self.drain, "run_directory": options.run_directory}
        )
        self.signals = StopSignals(options.supervisor_fd)

    async def run(self, sock: socket.socket) -> None:
        """Start the application and listen; raises StartError."""
        self.signals.install()
        starting = asyncio.create_task(self.lifespan.startup())
        await first_of(starting, self.signals.first)
        if not starting.done():
            starting.cancel()
            return
        starting.result()
        settle_memory()
        sys.setswitchinterval(SWITCH_SECONDS)
        address = url(sock)
        sock.listen(BACKLOG)
        await self.server.listen(sock, self.lifespan.state)
        self._announce(address)
        await self.signals.first.wait()
        await self._stop()
        await self._shutdown_hooks()

    def _announce(self, address: str) -> None:
        self.drain.is_ready = True
        logger.info("listening on %s", address)
        self.signals.say_ready()
        if self.options.on_listening is not None:
            self.options.on_listening(address)

    async def _stop(self) -> None:
        self.drain.is_ready = False
        logger.info("stopping: %d exchanges are running", len(self.server.exchanges()))
        await self._until(never, self.options.drain_delay_seconds)
        self.drain.is_draining = True
        await self.server.stop_listening()
        grace = min(IDLE_GRACE_SECONDS, self.options.drain_seconds)
        await self._until(self.server.is_quiet, grace)
        await self._until(self._is_finished, self.options.drain_seconds - grace)
        await self._cut()

    async def _cut(self) -> None:
        self.drain.deadline_event.set()
        await poll(self._is_finished, LAST_WORD_SECONDS)
        await self._until(self._is_finished, GOODBYE_SECONDS - LAST_WORD_SECONDS)
        running = self.server.exchanges()
        if running:
            logger.warning("%d exchanges did not end in time and are cancelled", len(running))
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=CANCEL_SECONDS)
        self.server.close_idle()
        await asyncio.sleep(FLUSH_SECONDS)

    async def _shutdown_hooks(self) -> None:
        hooks = asyncio.create_task(self.lifespan.shutdown())
        await first_of(hooks, self.signals.second)
        await asyncio.wait({hooks}, timeout=LAST_HOOKS_SECONDS)

    def _is_finished(self) -> bool:
        self.server.close_idle()
        return self.server.is_quiet() and not self.drain.is_held()

    async def _until(self, is_done: Callable[[], bool], seconds: float) -> None:
        await poll(lambda: is_done() or self.signals.second.is_set(), seconds)


async def poll(is_done: Callable[[], bool], seconds: float) -> None:
    """Poll until it is so, for what ends here are sockets and tasks of two libraries, and a drain is rare."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not is_done() and loop.time() < end:  # noqa: ASYNC110
        await asyncio.sleep(POLL_SECONDS)


def never() -> bool:
    return False


async def first_of(task: asyncio.Task[None], event: asyncio.Event) -> None:
    """Wait until the task is done or the event is set."""
    waiter = asyncio.create_task(event.wait())
    await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
