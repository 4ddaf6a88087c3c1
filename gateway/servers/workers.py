"""The parent of several workers on one listening socket. It serves nothing, and imports no server, no Django.

SIGTERM or SIGINT: every worker drains; what is left after that is killed. A second one: all end at once.
SIGHUP: one after the other, a new worker is started and, once it listens, the old one drains. A worker that
died is replaced, later each time if they die young.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Coroutine
from dataclasses import asdict, dataclass, replace
from typing import Any

from gateway.servers.errors import StartError
from gateway.servers.lifecycle import SAME_SIGNAL_SECONDS
from gateway.servers.options import ServeOptions
from gateway.servers.sockets import url

logger = logging.getLogger(__name__)

READY_SECONDS = 60.0
"""In which a worker must listen."""
END_SECONDS = 5.0
"""In which a worker that has given up must have ended."""
FIRST_BACKOFF_SECONDS = 0.5
LAST_BACKOFF_SECONDS = 30.0
YOUNG_SECONDS = 10.0
"""A worker that lived longer is replaced at once."""
KILL_GRACE_SECONDS = 8.0
"""Beyond a worker's own drain, before SIGKILL."""


@dataclass(frozen=True, slots=True)
class Job:
    """The work of every worker."""

    server: str
    application: str
    options: ServeOptions

    def arguments(self, listening_fd: int, supervisor_fd: int) -> list[str]:
        """Return the worker's command line."""
        options = replace(
            self.options, workers=1, fd=listening_fd, supervisor_fd=supervisor_fd, on_listening=None
        )
        job = {"server": self.server, "application": self.application, "options": asdict(options)}
        return [sys.executable, "-m", "gateway.servers.worker", json.dumps(job)]


class Worker:
    """A started process and our end of the socket pair to it."""

    def __init__(self, process: asyncio.subprocess.Process, link: socket.socket) -> None:
        self.process = process
        self.link = link
        self.exited = asyncio.create_task(process.wait())
        self.exited.add_done_callback(self._close_link)
        self.is_retiring = False
        self.started_at = asyncio.get_running_loop().time()

    def _close_link(self, _: object) -> None:
        self.link.close()

    async def ready(self) -> None:
        """Return when it listens; raises StartError when it ended before, or takes too long."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(READY_SECONDS):
                said = await loop.sock_recv(self.link, 1)
        except (OSError, TimeoutError):
            said = b""
        if said != b"R":
            await asyncio.wait({self.exited}, timeout=END_SECONDS)  # for its own status
            self.signal(signal.SIGKILL)
            status = await asyncio.shield(self.exited)
            raise StartError(f"worker {self.process.pid} ended with status {status} before it listened")

    def drain(self) -> None:
        self.is_retiring = True
        self.signal(signal.SIGTERM)

    def end_at_once(self) -> None:
        """Send its second signal."""
        self.is_retiring = True
        with contextlib.suppress(OSError):  # it ended by itself
            self.link.send(b"X")

    def signal(self, number: signal.Signals) -> None:
        if self.process.returncode is None:
            self.process.send_signal(number)


def supervise(job: Job, sock: socket.socket) -> int:
    """Run the workers until a signal. The result is the exit status."""
    try:
        with tempfile.TemporaryDirectory(prefix="router-workers-", ignore_cleanup_errors=True) as directory:
            job = replace(job, options=replace(job.options, run_directory=directory))
            return asyncio.run(Supervisor(job, sock).run())
    except StartError as exc:
        logger.critical("%s", exc)
        return 1


class Supervisor:
    """Keeps `job.options.workers` workers listening."""

    def __init__(self, job: Job, sock: socket.socket) -> None:
        self.job = job
        self.sock = sock
        self.workers: list[Worker] = []  # also those that retire
        self.stopping = asyncio.Event()
        self.stopping_at = 0.0
        self.forced = asyncio.Event()
        self.tasks: set[asyncio.Task[Any]] = set()
        self.backoff_seconds = FIRST_BACKOFF_SECONDS
        self.rolling = asyncio.Lock()

    async def run(self) -> int:
        """Start the workers; raises StartError if one of the first does not start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)
        try:
            async with self.rolling:
                await self._start_all()
            if not self.stopping.is_set():
                self._announce()
                await self.stopping.wait()
        finally:
            await self._stop()
        return 0

    def _announce(self) -> None:
        address = url(self.sock)
        logger.info("listening on %s with %d workers", address, self.job.options.workers)
        if self.job.options.on_listening is not None:
            self.job.options.on_listening(address)

    def _on_stop(self) -> None:
        now = time.monotonic()
        if not self.stopping.is_set():
            self.stopping_at = now
            self.stopping.set()
        elif now - self.stopping_at > SAME_SIGNAL_SECONDS:
            self.forced.set()

    def _on_hangup(self) -> None:
        self._background(self._roll())

    def _background(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _start_all(self) -> None:
        first = [self._background(self._start()) for _ in range(self.job.options.workers)]
        stop = self._background(self.stopping.wait())
        waiting = {*first}
        while waiting and not stop.done():
            done, rest = await asyncio.wait({*waiting, stop}, return_when=asyncio.FIRST_COMPLETED)
            waiting = rest - {stop}
            for start in done - {stop}:
                start.result()

    # One worker.

    async def _start(self) -> Worker:
        """Start a worker that listens, and is replaced when it dies."""
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            fds = (self.sock.fileno(), theirs.fileno())
            process = await asyncio.create_subprocess_exec(
                *self.job.arguments(*fds), pass_fds=fds, env=environment()
            )
        worker = Worker(process, ours)
        self.workers.append(worker)
        try:
            await worker.ready()
        except BaseException:
            self.workers.remove(worker)
            worker.signal(signal.SIGKILL)
            raise
        self._background(self._watch(worker))
        return worker

    async def _watch(self, worker: Worker) -> None:
        status = await asyncio.shield(worker.exited)
        self.workers.remove(worker)
        if worker.is_retiring or self.stopping.is_set():
            return
        logger.error("worker %d died with status %s and is replaced", worker.process.pid, status)
        loop = asyncio.get_running_loop()
        if loop.time() - worker.started_at > YOUNG_SECONDS:
            self.backoff_seconds = FIRST_BACKOFF_SECONDS
        else:
            await self._back_off()
        await self._replace()

    async def _replace(self) -> None:
        while not self.stopping.is_set():
            try:
                await self._start()
                return
            except StartError as exc:
                logger.error("%s", exc)
            await self._back_off()

    async def _back_off(self) -> None:
        seconds, self.backoff_seconds = (
            self.backoff_seconds,
            min(self.backoff_seconds * 2, LAST_BACKOFF_SECONDS),
        )
        await asyncio.sleep(seconds)

    # All of them.

    async def _roll(self) -> None:
        async with self.rolling:
            for old in [each for each in self.workers if not each.is_retiring]:
                if not old.exited.done():  # otherwise it is being replaced
                    old.is_retiring = True
                    try:
                        await self._start()
                    except StartError as exc:
                        logger.error("rolling restart given up, the old workers stay: %s", exc)
                        self._stays(old)
                        return
                    old.drain()

    def _stays(self, worker: Worker) -> None:
        worker.is_retiring = False
        if worker.exited.done():
            self._background(self._replace())

    async def _stop(self) -> None:
        self.stopping.set()
        logger.info("stopping %d workers", len(self.workers))
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        options = self.job.options
        for worker in self.workers:
            worker.drain()
        forced = asyncio.create_task(self.forced.wait())
        await self._wait(options.drain_delay_seconds + options.drain_seconds + KILL_GRACE_SECONDS, forced)
        if forced.done():
            for worker in self.workers:
                worker.end_at_once()
            await self._wait(KILL_GRACE_SECONDS)
        forced.cancel()
        for worker in self.workers:
            worker.signal(signal.SIGKILL)
        await self._wait(KILL_GRACE_SECONDS)

    async def _wait(self, seconds: float, *or_this: asyncio.Task[Any]) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        waiting = {worker.exited for worker in self.workers if not worker.exited.done()}
        while waiting and loop.time() < end and not any(task.done() for task in or_this):
            first = asyncio.FIRST_COMPLETED
            await asyncio.wait({*waiting, *or_this}, timeout=end - loop.time(), return_when=first)
            waiting = {task for task in waiting if not task.done()}


def environment() -> dict[str, str]:
    """Return our environment, with our `sys.path`: a worker finds the modules that we find."""
    path = os.pathsep.join(each or os.getcwd() for each in sys.path)  # noqa: PTH109
    return {**os.environ, "PYTHONPATH": path}
