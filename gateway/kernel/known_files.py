"""Remember which contents of a file that others write, too, have been read: their digests, in a file beside it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from gateway.kernel import regular
from gateway.kernel.files import replace


def digest(raw: bytes) -> str:
    """Return what is remembered of a file's contents."""
    return hashlib.sha256(raw).hexdigest()


def recall(path: Path) -> set[str]:
    """Return the digests that `path` holds; none when it is not there. Raises `OSError`."""
    if not path.is_file():
        return set()
    return set(regular.read(path, regular.SMALL_BYTES).decode("ascii", "replace").split())


def remember(path: Path, contents: Iterable[bytes]) -> None:
    """Let `path` hold the digests of these contents, if it does not hold them all yet. Raises `OSError`."""
    seen = {digest(raw) for raw in contents}
    if not seen <= recall(path):
        replace(path, "\n".join(sorted(seen)).encode())


def keep_copy(path: Path) -> None:
    """Copy a damaged file as it was, under a name that isn't taken. Raises `OSError`."""
    handle, copy = tempfile.mkstemp(prefix=f"{path.name}.damaged-", dir=path.parent)
    os.close(handle)
    shutil.copyfile(path, copy)
