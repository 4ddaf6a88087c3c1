"""Run one command line: its own process group, its own empty folder, both gone afterwards.

The prompt is a file without a name on its standard input, so nothing waits for a program that does not read. Threads
do what blocks; the event loop only reads pipes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from gateway.kernel.redaction import redact
from providers.cli.asking import Task
from providers.cli.command import CliOptions, Login, arguments, environment
from providers.cli.failing import FLOODED, MISSING, CliFailed
from providers.cli.pipes import Pipe
from providers.upstream import Credential

logger = logging.getLogger(__name__)

GRACE_SECONDS = 0.5
"""Time from SIGTERM to SIGKILL."""
LOOK_SECONDS = 0.01
LEFT_SECONDS = 0.5
"""Time after its end in which a program's last words come."""
SHOWN_ERROR_BYTES = 2000
CHUNK_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Order:
    """A task, and the login it is done with."""

    task: Task
    credential: Credential
    account: str = ""
    proxy: str | None = None


class Run:
    """One process. `lines` once, `end` in any case."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, output_bytes: int) -> None:
        self._process = process
        self._folder = folder
        self._output_bytes = output_bytes
        self._errors = b""
        self._pipes = [Pipe(pipe) for pipe in (process.stdout, process.stderr) if pipe is not None]
        self._draining: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, order: Order, options: CliOptions) -> Run:
        """Start a run. Not to be cancelled: nobody else would know of the process. Raises `CliFailed`."""
        try:
            process, folder = await asyncio.to_thread(_started, order, options)
        except OSError as exc:
            logger.error("CLAUDE_CLI_BIN=%s can't be run: %s", options.program, exc.strerror)
            raise CliFailed(MISSING) from None
        return cls(process, folder, options.output_bytes)

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield what it writes, line by line. Raises `CliFailed` for more than it may."""
        output, errors = self._pipes
        self._draining = asyncio.create_task(self._drain(errors))
        held: list[bytes] = []
        total = 0
        while chunk := await self._read(output):
            total += len(chunk)
            if total > self._output_bytes:
                raise CliFailed(FLOODED)
            *whole, last = chunk.split(b"\n")
            for line in whole:
                yield b"".join((*held, line))
                held = []
            held.append(last)
        yield b"".join(held)

    async def _read(self, pipe: Pipe) -> bytes:
        """Return what comes next; b"" at the end, though a child of the dead program may hold the pipe open."""
        while True:
            was_over = self._process.poll() is not None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEFT_SECONDS):
                    return await pipe.read(CHUNK_BYTES)
            if was_over:
                return b""

    async def _drain(self, pipe: Pipe) -> None:
        while chunk := await pipe.read(CHUNK_BYTES):
            self._errors = (self._errors + chunk)[-SHOWN_ERROR_BYTES:]

    async def end(self) -> None:
        """End the whole group, deaf to signals or not, and take its folder away."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE_SECONDS):
                    await self._gone()
        self._signal(signal.SIGKILL)
        await self._gone()
        if self._draining is not None:
            self._draining.cancel()
        for pipe in self._pipes:
            pipe.close()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _gone(self) -> None:
        """Wait for its end by looking: no child watcher of an event loop is in the way of another's."""
        while self._process.poll() is None:  # noqa: ASYNC110 - nobody could set an event
            await asyncio.sleep(LOOK_SECONDS)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def note_failure(self, words: str) -> None:
        """Tell the operator what the program wrote beside its answer; a caller never hears of it."""
        told = redact(self._errors.decode(errors="replace").strip())
        logger.warning("command line: %s (exit %s): %s", words, self._process.poll(), told or "no word")


def _started(order: Order, options: CliOptions) -> tuple[subprocess.Popen[bytes], Path]:
    """Start the process; its folder holds the empty one in which it runs. Blocking. Raises `OSError`."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-cli-"))
    try:
        work, home = folder / "work", folder / "home"
        work.mkdir(mode=0o700)
        home.mkdir(mode=0o700)
        system = None
        if order.task.system:
            system = folder / "system.txt"
            with os.fdopen(os.open(system, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(_encoded(order.task.system))
        login = Login(order.credential, home, order.proxy)
        with tempfile.TemporaryFile(dir=folder) as prompt:
            prompt.write(_encoded(order.task.prompt))
            prompt.seek(0)
            process = subprocess.Popen(
                arguments(options, order.task.model, system),
                stdin=prompt,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=work,
                env=environment(options, login, order.task.max_tokens, os.environ),
                start_new_session=True,
            )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return process, folder


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")
