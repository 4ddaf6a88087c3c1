"""Compaction of a Responses conversation: a summary that the upstream writes, sealed, and opened again later.

Pure. A client asks with a `compaction_trigger` as the last input item, or at `/v1/responses/compact`. It gets one
`compaction` item, whose content only this gateway can read, and sends it in later calls in place of what it sums up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.types import Failure, FailureKind, Refused

Object = dict[str, Any]
Open = Callable[[str, str], bytes | None]
"""Opens `(sealed, context)`; None for what is not ours."""

PATH = b"/v1/responses/compact"
CONTEXT = "responses-compaction-1"
"""The seal's context: it is opened whatever model goes on."""
TRIGGER = "compaction_trigger"
ITEMS = frozenset({"compaction", "compaction_summary", "context_compaction"})
_MARK = b"ompaction"
KEPT_BYTES = 64 * 1024
"""So much of the user's own words, the newest, stands beside the summary at `PATH`."""

INSTRUCTION = (
    "Write a summary of this conversation for whoever continues it without having read it. Cover what the user wants"
    " and every constraint they gave, what has been done and found so far with the names, paths, values and commands"
    " that matter, decisions and their reasons, what is unfinished, and the next step. Write the summary only: call"
    " no tool and answer nothing else."
)
SUMMARY = "Summary of the conversation so far, which continues from here:\n\n"
LOST = "[A summary of the conversation so far stood here. Another service has sealed it: it can't be read any more.]"


def is_mentioned(body: bytes) -> bool:
    """Tell whether a body may ask for a compaction, or hold one."""
    return _MARK in body


def read(body: bytes) -> Object | None:
    """Return a body as an object; None for one that can't be read: its reader says what is wrong."""
    try:
        fields = tolerant(orjson.loads, body)
    except UNREADABLE:
        return None
    return fields if isinstance(fields, dict) else None


def items_of(fields: Object) -> list[Any]:
    given = fields.get("input")
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return given if isinstance(given, list) else []


def is_asked(fields: Object) -> bool:
    """Tell whether the last item is the trigger."""
    items = items_of(fields)
    return bool(items) and _kind(items[-1]) == TRIGGER


def asking(fields: Object) -> Object:
    """Return the call that has the conversation summed up. The tools stay, for the history has calls of them."""
    items = [item for item in items_of(fields) if _kind(item) != TRIGGER]
    if not items and not fields.get("previous_response_id"):
        raise Refused(
            Failure(FailureKind.INVALID_REQUEST, "input: there is nothing to be compacted", param="input")
        )
    told = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": INSTRUCTION}]}
    kept = {
        name: value for name, value in fields.items() if name not in ("text", "parallel_tool_calls", "store")
    }
    choice: Object = {"tool_choice": "none"} if fields.get("tools") else {}
    return {**kept, **choice, "input": [*items, told], "store": False}


def opened(fields: Object, open_: Open, *, is_native: bool = False) -> Object:
    """Return the call with each summary of ours in clear. `is_native`: others' are the upstream's own, and stay."""
    items = items_of(fields)
    changed = [_opened(item, open_, is_native) for item in items]
    return fields if changed == items else {**fields, "input": changed}


def _opened(item: Any, open_: Open, is_native: bool) -> Any:
    if _kind(item) not in ITEMS:
        return item
    sealed = item.get("encrypted_content")
    plain = open_(sealed, CONTEXT) if isinstance(sealed, str) and sealed else None
    if plain is None and is_native:
        return item
    text = LOST if plain is None else SUMMARY + plain.decode()
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def summary_of(response: Object) -> str:
    """Return the text that a response says; "" when it says none."""
    return "".join(
        part["text"]
        for item in _objects(response.get("output"))
        if item.get("type") == "message"
        for part in _objects(item.get("content"))
        if isinstance(part.get("text"), str)
    ).strip()


def users_words(fields: Object, ids: Callable[[str], str]) -> list[Object]:
    """Return the newest of the user's own messages, text alone, as output items."""
    kept: list[Object] = []
    size = 0
    for item in reversed([one for one in items_of(fields) if isinstance(one, dict)]):
        if item.get("role") != "user" or _kind(item) not in ("message", ""):
            continue
        text = "\n".join(_texts(item.get("content")))
        size += len(text.encode("utf-8", "replace"))
        if size > KEPT_BYTES:
            break
        if text:
            content = [{"type": "input_text", "text": text}]
            kept.append(
                {
                    "type": "message",
                    "id": ids("msg_"),
                    "status": "completed",
                    "role": "user",
                    "content": content,
                }
            )
    return kept[::-1]


def _texts(content: Any) -> Iterable[str]:
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in _objects(content) if isinstance(part.get("text"), str)]


def _objects(listed: Any) -> list[Object]:
    return [one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, dict)]


def _kind(item: Any) -> str:
    kind = item.get("type") if isinstance(item, dict) else None
    return kind if isinstance(kind, str) else ""
