"""Read from an answer what it has made: what its upstream keeps from now on, for us to find again.

Pure. Ids are read where a vendor writes them, never from text or from the arguments of a client's tools.
"""

from __future__ import annotations

from typing import Any

import orjson

from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.types import Made

CONTAINER, FILE, CREDIT = "container", "file", "credit"


def by_messages(data: bytes) -> list[Made]:
    """Return the container and the files that a whole answer or one of its events has made."""
    try:
        told = tolerant(orjson.loads, data)
    except UNREADABLE:
        return []
    if not isinstance(told, dict):
        return []
    made = []
    for holder in (told, told.get("delta"), told.get("message")):
        container = holder.get("container") if isinstance(holder, dict) else None
        if isinstance(container, dict) and isinstance(name := container.get("id"), str):
            made.append(Made(CONTAINER, name))
        details = holder.get("stop_details") if isinstance(holder, dict) else None
        token = details.get("fallback_credit_token") if isinstance(details, dict) else None
        if isinstance(token, str) and token:
            made.append(Made(CREDIT, token))
    content = told.get("content")
    blocks = [told.get("content_block"), *(content if isinstance(content, list) else ())]
    return made + [Made(FILE, name) for name in _files_in(blocks)]


def _files_in(blocks: list[Any]) -> list[str]:
    """Return the files that tools of the vendor's have written: a client's own tools write none."""
    found = []
    for block in blocks:
        if isinstance(block, dict) and str(block.get("type", "")).endswith("_tool_result"):
            result = block.get("content")
            parts = result.get("content") if isinstance(result, dict) else result
            for part in parts if isinstance(parts, list) else ():
                if isinstance(part, dict) and isinstance(name := part.get("file_id"), str):
                    found.append(name)
    return found


RESPONSE, ITEM = "response", "item"


def by_responses(body: bytes) -> list[Made]:
    """Return what a whole answer leaves at its upstream: the response and its items."""
    try:
        return left_by(tolerant(orjson.loads, body))
    except UNREADABLE:
        return []


def left_by(response: object) -> list[Made]:
    """Return what a Responses answer leaves at its upstream."""
    if not isinstance(response, dict):
        return []
    output = response.get("output")
    items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    containers = [Made(CONTAINER, name) for name in dict.fromkeys(map(_container_of, items)) if name]
    name = response.get("id")
    if response.get("store") is False or not isinstance(name, str) or response.get("status") == "failed":
        return containers
    ids = [item.get("id") for item in items]
    return [Made(RESPONSE, name), *(Made(ITEM, one) for one in ids if isinstance(one, str)), *containers]


def _container_of(item: dict[str, Any]) -> str | None:
    """Return the container that an item says its vendor's code has run in."""
    place = item.get("environment")
    holder = place if isinstance(place, dict) else item
    name = holder.get("container_id")
    return name if isinstance(name, str) else None
