"""Read a tool's input out of an Anthropic answer.

Pure.
"""

from __future__ import annotations

import msgspec
import orjson

from providers.dialects.mending import UNREADABLE


def arguments_text(raw: msgspec.Raw) -> str:
    """Return a tool's input as the vendor wrote it; `{}` when there is none."""
    text = bytes(raw).decode("utf-8", "replace")
    return text if text not in ("", "null", "{}") else "{}"


def custom_input(arguments: str) -> str:
    """Return the free text of a custom tool, from the JSON object that it travelled in."""
    try:
        text = orjson.loads(arguments).get("input", "")
    except (*UNREADABLE, AttributeError):
        return arguments  # cut short by max_tokens, or not what was asked for: shown as it came
    return text if isinstance(text, str) else orjson.dumps(text).decode()
