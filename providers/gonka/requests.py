"""Write a Chat request as Gonka's servers take it: schemas without references, text content as one text.

Pure. A body in which nothing is to be changed keeps every byte.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from providers.dialects.mending import UNREADABLE, tolerant
from providers.gonka.schemas import schemas_of, written_out

MARKED = re.compile(rb'"\$ref"|"content"\s*:\s*\[|"functions?"\s*:')
"""Without one of these there is nothing to change."""
NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


def mended(body: bytes) -> bytes:
    """Return the body as it is to be sent; the same object when nothing is to be changed."""
    if MARKED.search(body) is None:
        return body
    try:
        document = tolerant(orjson.loads, body)
    except UNREADABLE:
        return body
    if not isinstance(document, dict):
        return body
    changes = [written_out(schema) for schema in schemas_of(document)]
    changes += [_join_content(message) for message in _objects(document.get("messages"))]
    changes += [_give_parameters(tool) for tool in _objects(document.get("tools"))]
    return orjson.dumps(document) if any(changes) else body


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _join_content(message: dict[str, Any]) -> bool:
    """Make one text of content that is nothing but text in parts: some models' templates know no parts."""
    content = message.get("content")
    if not isinstance(content, list) or not content:
        return False
    parts = _objects(content)
    texts = [
        part["text"] for part in parts if part.get("type") == "text" and isinstance(part.get("text"), str)
    ]
    if len(texts) < len(content):
        return False
    message["content"] = "\n".join(texts)
    return True


def _give_parameters(tool: dict[str, Any]) -> bool:
    """Give a function without parameters an empty schema: MiniMax refuses one that has none."""
    function = tool.get("function")
    if not isinstance(function, dict) or function.get("parameters"):
        return False
    function["parameters"] = NO_PARAMETERS
    return True
