"""Keep exchanges in a bounded file while the database is away. Synchronous, one owner per file.

One JSON line per exchange. The owner holds a lock on its file as long as it lives, so another process can
tell a file that a dead process left behind from one in use. What has been replayed may be replayed again
after a crash: `services.write` counts a row once.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from gateway.exchange.exchange import Exchange

logger = logging.getLogger(__name__)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Exchange)
_SUFFIX = ".spool"


def encode(exchange: Exchange) -> bytes:
    """Encode a tidied exchange as one line."""
    return _encoder.encode(exchange) + b"\n"


class Spool:
    """This process's own spool file. It exists only while there is something in it."""

    def __init__(self, directory: Path, name: str, max_bytes: int) -> None:
        self._path = directory / f"usage-{name}{_SUFFIX}"
        self._max_bytes = max_bytes
        self._file: BinaryIO | None = None
        self.size_bytes = 0

    @property
    def has_lines(self) -> bool:
        return self.size_bytes > 0

    def append(self, exchanges: Sequence[Exchange]) -> int:
        """Write as many as fit, in order; return how many did not. Raises OSError when the disk refuses."""
        lines: list[bytes] = []
        size = self.size_bytes
        for exchange in exchanges:
            line = encode(exchange)
            if size + len(line) > self._max_bytes:
                break
            lines.append(line)
            size += len(line)
        if lines:
            self._write(b"".join(lines))
        return len(exchanges) - len(lines)

    def _write(self, block: bytes) -> None:
        if self._file is None:
            self._file = _create(self._path)
        try:
            self._file.write(block)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(self.size_bytes)
            self._file.seek(self.size_bytes)
            raise
        self.size_bytes += len(block)

    def batches(self, count: int) -> Iterator[list[Exchange]]:
        """Yield what is in the file, in order, `count` at a time."""
        if self.has_lines:
            yield from _read(self._path, count)

    def clear(self) -> None:
        """Remove the file: everything has been replayed."""
        self.close()
        self._path.unlink(missing_ok=True)
        self.size_bytes = 0

    def close(self) -> None:
        """Release the file; what is in it waits for the next process."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Orphan:
    """A file that a dead process left, claimed by this one."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file

    def batches(self, count: int) -> Iterator[list[Exchange]]:
        yield from _read(self._path, count)

    def clear(self) -> None:
        """Remove the file: everything has been replayed."""
        self._path.unlink(missing_ok=True)
        self._file.close()

    def close(self) -> None:
        """Leave the file to the next process: not all could be replayed."""
        self._file.close()


def orphans(directory: Path) -> Iterator[Orphan]:
    """Claim, one after the other, the spool files whose owner is gone."""
    for path in sorted(directory.glob(f"usage-*{_SUFFIX}")):
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise OSError(errno.EINVAL, "not a regular file")
            file = path.open("r+b")
        except OSError as error:
            logger.warning("usage spool %s can't be opened: %s", path.name, error.strerror)
            continue
        if _is_locked(file) and path.exists():
            yield Orphan(path, file)
        else:
            file.close()


def _create(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    file = os.fdopen(descriptor, "w+b")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _is_locked(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read(path: Path, count: int) -> Iterator[list[Exchange]]:
    """Read exchanges; leave out a line cut short by a crash, or damaged, and say so in the log."""
    batch: list[Exchange] = []
    damaged = 0
    with path.open("rb") as lines:
        for line in lines:
            try:
                batch.append(_decoder.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError):
                damaged += 1
            if len(batch) >= count:
                yield batch
                batch = []
    if batch:
        yield batch
    if damaged:
        logger.warning("usage spool %s: %d damaged lines left out", path.name, damaged)
