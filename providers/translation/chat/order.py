"""Put Chat messages in the order that servers other than OpenAI's insist on.

Pure. The chat templates of most open models take one system message, at the beginning, and turns that
alternate; several answer anything else with 400. OpenAI's own models take messages as they come, and keep
them so.
"""

from __future__ import annotations

from typing import Any

from providers.translation.common.openai_models import is_openai
from providers.translation.messages.input import SEPARATOR

Message = dict[str, Any]


def in_order(messages: list[Message], model: str) -> list[Message]:
    """Return leading system messages as one, later ones as the user's, user messages in a row as one."""
    if is_openai(model):
        return messages
    out: list[Message] = []
    for message in messages:
        if message["role"] == "system" and out and (len(out) > 1 or out[0]["role"] != "system"):
            message = {"role": "user", "content": f"<system>\n{message['content']}\n</system>"}
        if out and message["role"] == out[-1]["role"] and message["role"] in ("system", "user"):
            out[-1] = {"role": message["role"], "content": _together(out[-1]["content"], message["content"])}
        else:
            out.append(message)
    return out


def _together(first: Any, second: Any) -> Any:
    if isinstance(first, str) and isinstance(second, str):
        return SEPARATOR.join(text for text in (first, second) if text)
    return [*_parts(first), *_parts(second)]


def _parts(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content)
