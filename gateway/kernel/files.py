"""Replace files: whole or not at all, and on the disk when it is done."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def replace(path: Path, data: bytes, like: os.stat_result | None = None) -> None:
    """Put `data` where `path` is, mode 0600, or with mode and owner of `like`. Raises `OSError`."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if like is not None:
                os.fchmod(file.fileno(), like.st_mode & 0o7777)
                # Only root may give a file away, and only root needs to.
                with contextlib.suppress(PermissionError):
                    os.fchown(file.fileno(), like.st_uid, like.st_gid)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        # Else the name may be the old file's after a crash, and files change places in any order.
        os.fsync(directory)
    finally:
        os.close(directory)
