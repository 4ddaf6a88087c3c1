"""Know where a running server of this data directory listens: its flags are its own, so settings alone don't tell."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from gateway.kernel import regular

NAME = "served-at"
CONNECT_SECONDS = 0.5
MAX_BYTES = 4096


def note(directory: Path, url: str) -> None:
    """Leave the address for `address`. A directory that can't be written only costs `doctor` a line."""
    with contextlib.suppress(OSError):
        directory.mkdir(parents=True, exist_ok=True)
        place = directory / f".{NAME}-{os.getpid()}"
        place.touch(0o600)
        place.write_text(url + "\n")
        place.replace(directory / NAME)


def address(directory: Path) -> str | None:
    """Return the address that the last server here listened on, if somebody still does."""
    try:
        url = regular.read(directory / NAME, MAX_BYTES).decode().strip()
        parts = urlsplit(url)
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(parts.hostname or "", parts.hostname)  # noqa: S104
        with socket.create_connection((host, parts.port or 80), CONNECT_SECONDS):
            return url
    except (OSError, ValueError):
        return None
