"""Anthropic's rate-limit headers, in both forms. Pure.

Subscriptions get `anthropic-ratelimit-unified-*`: resets are Unix seconds, utilisations fractions. API
keys get `anthropic-ratelimit-{requests|tokens|…}-*`: resets are RFC 3339.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from providers.dialects.types import Headers, header
from providers.drivers.base import QuotaWindow

PREFIX = b"anthropic-ratelimit-"
UNIFIED = b"anthropic-ratelimit-unified-"
UNIFIED_FIELDS = ("status", "reset", "utilization")
FIELDS = ("limit", "remaining", "reset")
ACCOUNT_WINDOWS = frozenset(("5h", "7d"))
NOT_WINDOWS = frozenset(("overage",))  # extra-usage billing: its refusal limits nobody
ACCOUNT_CLAIMS = frozenset(("five_hour", "seven_day"))
LAST_MOMENT = 1e11  # a later "seconds" value is milliseconds or nonsense


def told(headers: Headers) -> Headers:
    """The headers that say something about limits."""
    return tuple([pair for pair in headers if pair[0].startswith(PREFIX)])


def windows(headers: Headers) -> tuple[QuotaWindow, ...]:
    """Every window that the headers describe; values that can't be read are None."""
    found: dict[str, dict[str, str]] = {}
    for name, value in headers:
        if name.startswith(UNIFIED):
            window, _, field = name[len(UNIFIED) :].decode("latin-1").rpartition("-")
            if window and field in UNIFIED_FIELDS and window not in NOT_WINDOWS:
                found.setdefault(window, {})[field] = value.decode("latin-1")
        elif name.startswith(PREFIX):
            window, _, field = name[len(PREFIX) :].decode("latin-1").rpartition("-")
            if window and field in FIELDS:
                found.setdefault(window, {})[field] = value.decode("latin-1")
    return tuple(_window(name, fields) for name, fields in found.items())


def unified_status(headers: Headers) -> str:
    """`allowed`, `allowed_warning`, `rejected`, or "" when the form is not there."""
    return (header(headers, UNIFIED + b"status") or b"").decode("latin-1").strip()


def unified_reset(headers: Headers) -> float | None:
    """Unix seconds of the representative window's end."""
    return _epoch((header(headers, UNIFIED + b"reset") or b"").decode("latin-1"))


def claims_family(headers: Headers) -> bool:
    """Whether the representative claim is a window of a model family, not of the account."""
    claim = (header(headers, UNIFIED + b"representative-claim") or b"").decode("latin-1").strip()
    return claim.startswith("seven_day_") and claim not in ACCOUNT_CLAIMS


def retry_after(headers: Headers, now: float) -> float | None:
    """Unix seconds: `retry-after-ms` before `retry-after` (seconds as a float, or an HTTP date)."""
    millis = _number(header(headers, b"retry-after-ms"))
    if millis is not None and millis >= 0:
        return now + millis / 1000.0
    raw = header(headers, b"retry-after")
    seconds = _number(raw)
    if seconds is not None:
        return now + seconds if seconds >= 0 else None
    if raw is None:
        return None
    try:
        moment = parsedate_to_datetime(raw.decode("latin-1"))
    except ValueError:
        return None
    return moment.timestamp()


def _window(name: str, fields: dict[str, str]) -> QuotaWindow:
    if "remaining" not in fields and "limit" not in fields:
        used = _number(fields.get("utilization", "").encode())
        return QuotaWindow(name, fields.get("status", ""), used, _moment(fields.get("reset", "")))
    limit, remaining = (
        _number(fields.get("limit", "").encode()),
        _number(fields.get("remaining", "").encode()),
    )
    used = None
    if limit is not None and remaining is not None and limit > 0:
        used = 1.0 - remaining / limit
    status = "rejected" if remaining is not None and remaining <= 0 else "allowed"
    return QuotaWindow(name, status, used, _moment(fields.get("reset", "")))


def _number(raw: bytes | None) -> float | None:
    try:
        value = float(raw or b"")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _moment(text: str) -> float | None:
    """Epoch seconds or RFC 3339: told apart by their look, for forms drift."""
    epoch = _epoch(text)
    if epoch is not None:
        return epoch
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _epoch(text: str) -> float | None:
    value = _number(text.encode())
    return value if value is not None and 0 < value < LAST_MOMENT else None
