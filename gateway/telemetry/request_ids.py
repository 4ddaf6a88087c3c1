"""Ids of requests: one for every exchange, on every answer and every log line."""

from __future__ import annotations

import secrets
from contextvars import ContextVar

from uuid_utils import uuid7

HEADER = b"x-gateway-request-id"
"""On every answer. `request-id` beside it is the vendor's own, or ours where the answer is ours."""


current: ContextVar[str] = ContextVar("request_id", default="-")
"""The id of the exchange that this task carries, for log lines."""


def request_id() -> str:
    """Return a UUIDv7 as text: sorts by time."""
    return str(uuid7())


def make_id(prefix: str) -> str:
    """Make an id in a vendor's style, for what a translation must name: `msg_` + 24 hexadecimal digits."""
    return prefix + secrets.token_hex(12)
