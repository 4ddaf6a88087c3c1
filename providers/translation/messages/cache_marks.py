"""Limit and set cache marks: at most four in one request, the caller's own kept.

Pure. A mark is `cache_control` on a tool, a system block, or a content block (also inside a tool result). A
fifth is a 400 of the vendor's, so the oldest marks in the messages go first: the newest cover the longest
prefix.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MAX_MARKS = 4
Block = dict[str, Any]


def mark_from(part: Block) -> Block | None:
    """Return the mark that a part of an OpenAI request asks for: `cache_control`, or its own breakpoint."""
    mark = part.get("cache_control")
    if isinstance(mark, dict):
        return mark
    breakpoint_ = part.get("prompt_cache_breakpoint")
    if isinstance(breakpoint_, dict):
        return mark_for(breakpoint_.get("ttl"))
    return None


def mark_for(ttl: Any) -> Block:
    """Return the mark for a time to live, rounded up.

    OpenAI keeps for 30 minutes or longer, Anthropic for 5 minutes or an hour.
    """
    return {"type": "ephemeral"} if ttl is None else {"type": "ephemeral", "ttl": "1h"}


def _marked(blocks: Any) -> Iterator[Block]:
    if not isinstance(blocks, list):
        return
    for block in blocks:
        if isinstance(block, dict):
            if block.get("type") == "tool_result":
                yield from _marked(block.get("content"))
            if "cache_control" in block:
                yield block


def limit_marks(tools: Any, system: Any, messages: list[Block], reserved: int = 0) -> None:
    """Remove marks, in place, until `MAX_MARKS - reserved` are left."""
    in_messages = [block for message in messages for block in _marked(message.get("content"))]
    before = [*_marked(tools), *_marked(system)]
    excess = len(in_messages) + len(before) + reserved - MAX_MARKS
    for block in [*in_messages[:-1], *before, *in_messages[-1:]][: max(0, excess)]:
        del block["cache_control"]


def mark_automatically(tools: Any, system: Any, messages: list[Block], mark: Block) -> None:
    """Mark the end of the fixed part and the end of the conversation, unless the caller set marks.

    For callers whose vendor caches by itself, and who therefore can't set marks.
    """
    if any(True for blocks in (tools, system) for _ in _marked(blocks)):
        return
    if any(True for message in messages for _ in _marked(message.get("content"))):
        return
    for blocks in (system, tools):
        if isinstance(blocks, list) and blocks:
            blocks[-1]["cache_control"] = mark
            break
    if messages:
        last = messages[-1]
        if isinstance(last["content"], str):
            last["content"] = [{"type": "text", "text": last["content"]}]
        for block in reversed(last["content"]):
            if block["type"] not in ("thinking", "redacted_thinking"):
                block["cache_control"] = mark
                return
