"""Share counts among workers: one small file of each in the directory of their run.

The parent of the workers makes the directory and removes it at its end. A file stays when its worker ends, so
that totals never go back while the run lasts; one that was killed takes what it counted in its last second
with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from gateway.kernel import regular
from gateway.telemetry.counters import Counts, decoded, encoded

logger = logging.getLogger(__name__)

SUFFIX = ".counts"
INTERVAL_SECONDS = 1.0


class Snapshots:
    """Writes this worker's counts and reads the others'.

    `start` and `aclose` belong to one event loop; `elsewhere` may be called from any thread.
    """

    def __init__(self, directory: Path, counts: Callable[[], Counts]) -> None:
        self._directory = directory
        self._counts = counts
        self._path = directory / f"{os.getpid()}-{uuid.uuid4().hex}{SUFFIX}"
        self._written = b""
        self._has_failed = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="metric-snapshots")

    async def aclose(self) -> None:
        """Stop, and write the counts a last time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._write()

    async def _run(self) -> None:
        while True:
            self._write()
            await asyncio.sleep(INTERVAL_SECONDS)

    def _write(self) -> None:
        data = encoded(self._counts())
        if data == self._written:
            return
        beside = self._path.with_suffix(".new")
        try:
            beside.write_bytes(data)
            beside.replace(self._path)
        except OSError as exc:
            if not self._has_failed:
                logger.warning("metrics: other workers don't see ours (%s)", exc.strerror)
            self._has_failed = True
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
        else:
            self._written, self._has_failed = data, False

    def elsewhere(self) -> Iterator[Counts]:
        """Yield what the others wrote last."""
        for path in sorted(self._directory.glob(f"*{SUFFIX}")):
            if path == self._path:
                continue
            try:
                counts = decoded(regular.read(path, regular.SMALL_BYTES))
            except (OSError, msgspec.MsgspecError) as exc:
                logger.warning("metrics: %s can't be read: %s", path.name, type(exc).__name__)
                continue
            if not _is_alive(int(path.name.partition("-")[0])):
                counts.forget_present()
            yield counts


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
