"""Reads files that somebody else may have put there: regular, of bounded size, or an error at once."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

SMALL_BYTES = 1 << 20  # settings, credentials, secrets
LARGE_BYTES = 256 << 20  # stores and imports
_CHUNK_BYTES = 1 << 20
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


def read(path: Path, limit: int) -> bytes:
    """Return the whole file.

    Raises `OSError`: also for a pipe, a device, a directory, and for more than `limit` bytes.
    """
    _check(path.stat(), path)  # devices may do something when they are opened
    descriptor = os.open(path, _FLAGS)
    try:
        _check(os.fstat(descriptor), path)
        pieces: list[bytes] = []
        size = 0
        while piece := os.read(descriptor, min(_CHUNK_BYTES, limit + 1 - size)):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise OSError(errno.EFBIG, f"larger than {limit} bytes", str(path))
    finally:
        os.close(descriptor)
    return b"".join(pieces)


def _check(info: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def is_unicode(text: str) -> bool:
    """Tell whether no half of a surrogate pair is in a text: no database takes one."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)
