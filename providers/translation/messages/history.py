"""Tell what stands in a Messages history in words that another upstream can read.

Pure. What an assistant's turn holds was written by a model or by Anthropic's side, and its user can't change it: no
block of it may refuse the whole conversation. What no other upstream can read becomes text, or goes where it
only marks a place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

Block = dict[str, Any]

MARKERS = frozenset(("fallback", "mcp_tool_listing", "connector_text"))
"""Blocks that say how an answer came about, and nothing else."""

_READABLE = ("title", "url", "text", "stdout", "stderr", "error_code")


def is_server_tool_block(kind: str) -> bool:
    """Return whether a block is a call that Anthropic's side carried out, or its result."""
    return kind in ("server_tool_use", "mcp_tool_use") or (
        kind.endswith("_tool_result") and kind != "tool_result"
    )


def server_tool_text(block: Block) -> str:
    """Return a server tool's call or result in the history, as text that another model can read."""
    if block.get("type") in ("server_tool_use", "mcp_tool_use"):
        return f"[{block.get('name') or 'tool'} {orjson.dumps(block.get('input') or {}).decode()}]"
    found = list(_readable(block.get("content")))
    return f"[result: {'; '.join(found)}]" if found else "[no readable result]"


def _readable(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _readable(item)
    elif isinstance(value, dict):
        yield from (
            str(value[name]) for name in _READABLE if isinstance(value.get(name), str) and value[name]
        )
        yield from _readable(value.get("content"))


def compaction_text(block: Block) -> str:
    """Return the summary that a compaction block holds; "" for one that failed."""
    content = block.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(_readable(content))


def said_text(block: Block) -> str:
    """Return an assistant's block of any other kind than text, calls, thinking and images as text; "" for markers."""
    kind = str(block.get("type"))
    if kind in MARKERS:
        return ""
    if is_server_tool_block(kind):
        return server_tool_text(block)
    if kind == "compaction":
        return compaction_text(block)
    if kind == "container_upload":
        return upload_text(block)
    found = list(_readable([block]))
    return f"[{kind}: {'; '.join(found)}]" if found else f"[{kind}]"


def upload_text(block: Block) -> str:
    """Return the mention of a file that was put into a container: no other upstream can open it."""
    return f"[uploaded file {block.get('file_id') or ''}]"


def result_error_text(text: str, block: Block) -> str:
    """Return a tool result's text, which says that it is an error: OpenAI has no `is_error`."""
    if block.get("is_error") is True and not text.startswith("Error"):
        return f"Error: {text}"
    return text
