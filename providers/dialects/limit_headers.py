"""A token's own rate limits as headers, in each vendor's form. Pure.

Kinds are `requests`, `input-tokens`, `output-tokens`, `tokens`; times are Unix seconds.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import lru_cache

from providers.dialects.types import Headers

KINDS = ("requests", "input-tokens", "output-tokens", "tokens")
_WORDS = ("limit", "remaining", "reset")
_ANTHROPIC = {kind: tuple(f"anthropic-ratelimit-{kind}-{word}".encode() for word in _WORDS) for kind in KINDS}
_OPENAI = {kind: tuple(f"x-ratelimit-{word}-{kind}".encode() for word in _WORDS) for kind in KINDS}


def anthropic(kind: str, limit: int, left: int, resets_at: float, now: float) -> Headers:
    """Write the reset as an RFC 3339 time, rounded up to the second."""
    names = _ANTHROPIC[kind]
    return (names[0], b"%d" % limit), (names[1], b"%d" % left), (names[2], _moment(math.ceil(resets_at)))


def openai(kind: str, limit: int, left: int, resets_at: float, now: float) -> Headers:
    """Write the reset as seconds from now, rounded up."""
    names = _OPENAI[kind]
    seconds = b"%ds" % math.ceil(resets_at - now)
    return (names[0], b"%d" % limit), (names[1], b"%d" % left), (names[2], seconds)


@lru_cache(maxsize=128)
def _moment(second: int) -> bytes:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
