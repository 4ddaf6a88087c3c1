"""Read `retry-after` and its variants, as every vendor writes them. Pure."""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime

from providers.dialects.types import Headers, header


def retry_after(headers: Headers, now: float) -> float | None:
    """Return the end of the delay, in Unix seconds.

    `retry-after-ms` goes before `retry-after` (seconds as a float, or an HTTP date).
    """
    millis = number(header(headers, b"retry-after-ms"))
    if millis is not None and millis >= 0:
        return now + millis / 1000.0
    raw = header(headers, b"retry-after")
    seconds = number(raw)
    if seconds is not None:
        return now + seconds if seconds >= 0 else None
    if raw is None:
        return None
    try:
        moment = parsedate_to_datetime(raw.decode("latin-1"))
    except ValueError:
        return None
    return moment.timestamp()


def number(raw: bytes | None) -> float | None:
    """Return a finite number; None for anything else."""
    try:
        value = float(raw or b"")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
