"""List the input items of a stored response, as the API pages them.

Pure. Items that came without an id get one that stays the same as long as the response is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import orjson

from providers.dialects.types import Failure, FailureKind, Refused

Object = dict[str, Any]

DEFAULT_LIMIT, MOST = 20, 100
PREFIXES = {
    "message": "msg_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "custom_tool_call": "ctc_",
    "custom_tool_call_output": "cto_",
    "reasoning": "rs_",
    "compaction": "cmp_",
}


def page(response_id: str, items: Sequence[bytes], query: bytes) -> Object:
    """Return the page that a query asks for: newest first, unless `order` is `asc`. Raises `Refused`."""
    asked = parameters(query)
    whole = [_listed(orjson.loads(item), response_id, place) for place, item in enumerate(items)]
    order = asked.get("order", "desc")
    if order not in ("asc", "desc"):
        raise _refused("order: must be asc or desc", "order")
    if order == "desc":
        whole.reverse()
    if "after" in asked:
        whole = _after(whole, asked["after"])
    limit = _limit(asked.get("limit", str(DEFAULT_LIMIT)))
    data = whole[:limit]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": len(whole) > limit,
    }


def parameters(query: bytes) -> dict[str, str]:
    """Return the parameters of a query; of one that stands there twice, the first."""
    parsed = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    return {name: values[0] for name, values in parsed.items()}


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST:
        raise _refused(f"limit: must be between 1 and {MOST}", "limit")
    return int(text)


def _after(items: list[Object], name: str) -> list[Object]:
    for place, item in enumerate(items):
        if item["id"] == name:
            return items[place + 1 :]
    raise _refused("after: names no item of this list", "after")


def _listed(item: Object, response_id: str, place: int) -> Object:
    """Return an item in the form of lists: with an id, a message with a type and parts."""
    kind = item.get("type") or "message"
    made_id = f"{PREFIXES.get(kind, 'item_')}{response_id.removeprefix('resp_')}{place:04x}"
    listed = {**item, "type": kind, "id": item.get("id") or made_id}
    if kind == "message":
        listed["status"] = item.get("status") or "completed"
        if isinstance(item.get("content"), str):
            part = "output_text" if item.get("role") == "assistant" else "input_text"
            listed["content"] = [{"type": part, "text": item["content"]}]
    return listed


def _refused(message: str, param: str) -> Refused:
    return Refused(Failure(FailureKind.INVALID_REQUEST, message, param=param))
