"""Make kept bytes fit to be read: a stream as its text, no secret, of bounded length."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from gateway.kernel.redaction import HIDDEN, redact

REDACTED = "[redacted]"
DATA = "data:"
Piece = tuple[str, str]


def shown(data: bytes, size: int, max_bytes: int) -> tuple[str, bool]:
    """Return a text without secrets, of so many bytes at most, and whether that cuts it.

    `size`: of the whole, of which `data` is the beginning.
    """
    text = data.decode("utf-8", "ignore")
    if "\0" in text or len(text.encode()) < len(data) - 8:  # the cut may have halved one letter
        return f"({size} bytes that are no text)", size > 0
    clean = redact(merged(text)).replace(HIDDEN, REDACTED).encode()
    return clean[:max_bytes].decode("utf-8", "ignore"), size > len(data) or len(clean) > max_bytes


def merged(text: str) -> str:
    """Return what a stream of events says, put together; any other text as it is.

    A secret that was written piece by piece is one only when they are together.
    """
    if not text.startswith(("event:", DATA, ":")):
        return text
    parts: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        for label, piece in _pieces(_event(line)):
            if not parts or parts[-1][0] != label:
                parts.append((label, []))
            parts[-1][1].append(piece)
    return "\n\n".join(f"[{label}]\n{''.join(pieces)}" for label, pieces in parts) or text


def _event(line: str) -> dict[str, Any]:
    if not line.startswith(DATA):
        return {}
    try:
        found = json.loads(line.removeprefix(DATA))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _pieces(event: dict[str, Any]) -> Iterator[Piece]:
    """Yield what one event adds: of Messages, Chat Completions, or Responses."""
    delta, kind = event.get("delta"), str(event.get("type", ""))
    if isinstance(delta, str):
        yield f"{kind.removesuffix('.delta')} {event.get('output_index', 0)}", delta
    elif isinstance(delta, dict) and "index" in event:
        for name in ("text", "thinking", "partial_json"):
            if isinstance(delta.get(name), str):
                yield f"{name} {event['index']}", delta[name]
    block = event.get("content_block")
    if isinstance(block, dict) and isinstance(block.get("name"), str):
        yield f"{block.get('type')} {event.get('index', 0)}", block["name"]
    if "error" in event:
        yield "error", json.dumps(event["error"], ensure_ascii=False)
    choices = event.get("choices")
    for choice in choices if isinstance(choices, list) else []:
        yield from _of_choice(choice)


def _of_choice(choice: Any) -> Iterator[Piece]:
    delta = choice.get("delta") if isinstance(choice, dict) else None
    if not isinstance(delta, dict):
        return
    number = choice.get("index", 0)
    for name, value in delta.items():
        if name != "role" and isinstance(value, str):
            yield f"{name} {number}", value
    calls = delta.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") if isinstance(call, dict) else None
        for name in ("name", "arguments"):
            if isinstance(function, dict) and isinstance(function.get(name), str):
                yield f"tool call {number}.{call.get('index', 0)} {name}", function[name]
