"""Anthropic's rate-limit headers, in both forms.

Pure. Subscriptions get `anthropic-ratelimit-unified-*`: resets are Unix seconds, utilisations fractions. API
keys get `anthropic-ratelimit-{requests|tokens|…}-*`: resets are RFC 3339.
"""

from __future__ import annotations

from datetime import UTC, datetime

from providers.dialects.types import Headers, header
from providers.drivers.base import QuotaWindow
from providers.drivers.retry_after import number

PREFIX = b"anthropic-ratelimit-"
UNIFIED = b"anthropic-ratelimit-unified-"
UNIFIED_FIELDS = ("status", "reset", "utilization")
FIELDS = ("limit", "remaining", "reset")
ACCOUNT_WINDOWS = frozenset(("5h", "7d"))
NOT_WINDOWS = frozenset(("overage",))  # extra-usage billing: its refusal limits nobody
ACCOUNT_CLAIMS = frozenset(("five_hour", "seven_day"))
LAST_MOMENT = 1e11  # a later "seconds" value is milliseconds or nonsense


def windows(headers: Headers) -> tuple[QuotaWindow, ...]:
    """Return every window that the headers describe; values that can't be read are None."""
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
    """Return `allowed`, `allowed_warning`, `rejected`, or "" when the form is not there."""
    return (header(headers, UNIFIED + b"status") or b"").decode("latin-1").strip()


def unified_reset(headers: Headers) -> float | None:
    """Return the representative window's end, in Unix seconds."""
    return _epoch((header(headers, UNIFIED + b"reset") or b"").decode("latin-1"))


def claims_family(headers: Headers) -> bool:
    """Return whether the representative claim is a window of a model family, not of the account."""
    claim = (header(headers, UNIFIED + b"representative-claim") or b"").decode("latin-1").strip()
    return claim.startswith("seven_day_") and claim not in ACCOUNT_CLAIMS


def _window(name: str, fields: dict[str, str]) -> QuotaWindow:
    if "remaining" not in fields and "limit" not in fields:
        used = number(fields.get("utilization", "").encode())
        return QuotaWindow(name, fields.get("status", ""), used, _moment(fields.get("reset", "")))
    limit, remaining = (
        number(fields.get("limit", "").encode()),
        number(fields.get("remaining", "").encode()),
    )
    used = None
    if limit is not None and remaining is not None and limit > 0:
        used = 1.0 - remaining / limit
    status = "rejected" if remaining is not None and remaining <= 0 else "allowed"
    return QuotaWindow(name, status, used, _moment(fields.get("reset", "")))


def _moment(text: str) -> float | None:
    """Return epoch seconds or an RFC 3339 date as Unix seconds: told apart by their look, for forms drift."""
    epoch = _epoch(text)
    if epoch is not None:
        return epoch
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _epoch(text: str) -> float | None:
    value = number(text.encode())
    return value if value is not None and 0 < value < LAST_MOMENT else None
