"""Tell what a Responses answer has used beside the counts of its `usage`, or instead of them.

Pure.
"""

from __future__ import annotations

from typing import Any

import orjson

from providers.dialects.mending import UNREADABLE
from providers.dialects.openai_fields import member
from providers.dialects.types import UNREAD, Usage

BYTES_PER_TOKEN = 4
LARGE = 512
"""Bytes of an event that is looked at for what it repeats."""
SSE_FRAME = len(b"event: \ndata: \n\n")
SAID = frozenset(("text", "arguments", "input", "refusal", "code"))
"""Members that hold what the model has said."""


def searches_of(response: object) -> int:
    """Return how often an answer has searched the web: each call has a price."""
    output = member(response, "output")
    items = output if isinstance(output, list) else ()
    return sum(member(item, "type") == "web_search_call" for item in items)


def guessed(response: object) -> Usage:
    """Return what an answer has written by its texts, for one that tells no usage; `UNREAD` when it has none."""
    size = _said(member(response, "output"))
    return Usage(output_tokens=-(-size // BYTES_PER_TOKEN), is_estimated=True) if size else UNREAD


def _said(value: Any) -> int:
    """Return the bytes of all that is said below."""
    if isinstance(value, list):
        return sum(map(_said, value))
    if not isinstance(value, dict):
        return 0
    return sum(
        len(inner.encode("utf-8", "replace")) if isinstance(inner, str) and name in SAID else _said(inner)
        for name, inner in value.items()
    )


def frame_of(name: bytes, data: bytes) -> int:
    """Return the bytes of an event around its piece of text; 0 when it has none."""
    if not name.endswith(b".delta"):
        return 0
    try:
        told = member(orjson.loads(data), "delta")
    except UNREADABLE:
        return 0
    if not isinstance(told, str) or not told:
        return 0
    return max(1, SSE_FRAME + len(name) + len(data) + 2 - len(orjson.dumps(told)))


def tokens_in(size: int, frame: int, events: int) -> int:
    """Return the tokens of the texts in so many events with such a frame around each; 0 when that is not known."""
    return -(-max(0, size - frame * events) // BYTES_PER_TOKEN) if frame else 0
