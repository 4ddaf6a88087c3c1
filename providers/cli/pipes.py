"""Read a program's output on the event loop.

Not by `connect_read_pipe`: uvloop closes the descriptor that it is given, and then its file closes the number again,
which by then may be somebody else's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import IO


class Pipe:
    """The reading end of a pipe. One reader at a time; closed by `close` alone."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[None] | None = None
        os.set_blocking(file.fileno(), False)

    async def read(self, most: int) -> bytes:
        """Return what comes next, b"" at the end or once it is closed."""
        while not self._file.closed:
            with contextlib.suppress(BlockingIOError):
                return os.read(self._file.fileno(), most)
            await self._readable()
        return b""

    async def _readable(self) -> None:
        waiting = self._waiting = self._loop.create_future()
        self._loop.add_reader(self._file.fileno(), self._wake)
        try:
            await waiting
        finally:
            self._waiting = None
            if not self._file.closed:  # else the number is no longer ours
                self._loop.remove_reader(self._file.fileno())

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def close(self) -> None:
        """Close the descriptor; whoever waits reads the end."""
        if not self._file.closed:
            self._loop.remove_reader(self._file.fileno())
            self._file.close()
            self._wake()
