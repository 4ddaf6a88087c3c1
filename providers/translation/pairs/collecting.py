"""Put a stream together to the whole answer that its caller has asked for.

Pure. Some servers stream although they were not asked to, and label their streams as anything. Each upstream dialect
has its own way: Chat's deltas are joined, Responses tells the whole in its closing event, Messages' blocks are filled.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from providers.dialects.error_shapes import error_event, event_error
from providers.dialects.mending import DONE, UNREADABLE, pieces, tolerant
from providers.dialects.openai_errors import failure_from_object
from providers.dialects.openai_fields import loose_index
from providers.dialects.sse import SseReader
from providers.dialects.types import Refused
from providers.translation.common.arguments import is_whole_object
from providers.translation.common.parts import nonsense
from providers.translation.common.spoiled import failure_in

Json = dict[str, Any]

SIGNS = (b"data:", b"event:", b"id:", b"retry:", b":")
LEAST_BYTES = 6
"""So many of a body tell whether it is a stream of events."""


def looks_like_events(start: bytes) -> bool:
    """Return whether a body that begins so is a stream of events, whatever its label."""
    return start.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n ").startswith(SIGNS)


def collected(dialect: str, data: bytes) -> bytes | None:
    """Return the whole answer as JSON; None when there is no event in it.

    Raises `Refused` for a stream that is an error, or holds no whole answer.
    """
    try:
        reader = SseReader()
        events = [*reader.feed(data), *reader.flush()]
    except Refused:
        return None
    read: list[Json] = []
    is_in_call = _CALLS.search(data) is not None
    for name, raw in events:
        _read(read, error_event(raw) if name == b"error" else raw, is_in_call=is_in_call)
    if not events:
        return None
    whole = _COLLECTORS[dialect](read)
    if whole is None:
        raise Refused(CUT)
    return orjson.dumps(whole)


CUT = nonsense("Upstream closed the stream before its end")
_OVER: Json = {}
"""Stands for `[DONE]`, which some servers alone end with."""
_CALLS = re.compile(rb'"(?:tool_calls|tool_use|function_call|custom_tool_call)"')


def _read(read: list[Json], raw: bytes, *, is_in_call: bool) -> None:
    """Add what an event says. Raises `Refused` for an error, and for what may not be passed by."""
    try:
        value = tolerant(orjson.loads, raw)
    except UNREADABLE:
        values, rest = pieces(raw)
        for each in values:
            if each == DONE:
                read.append(_OVER)
            else:
                _read(read, each, is_in_call=is_in_call)
        failure = failure_in(rest, "The upstream sent something that is no event", is_in_call=is_in_call)
        if failure is not None:
            raise Refused(failure) from None
        return
    error = event_error(value)
    if error is not None:
        raise Refused(failure_from_object(error))
    if isinstance(value, dict):
        read.append(value)


# --- Chat -----------------------------------------------------------------------------------------------


def _chat(chunks: list[Json]) -> Json | None:
    whole: Json = {}
    choices: dict[int, Json] = {}
    for chunk in chunks:
        for name, value in chunk.items():
            if name not in ("choices", "object") and (value is not None or name not in whole):
                whole[name] = value
        listed = chunk.get("choices")
        for choice in listed if isinstance(listed, list) else [listed]:
            if isinstance(choice, dict):
                _add_choice(choices.setdefault(loose_index(choice.get("index")) or 0, {}), choice)
    is_over = any(chunk is _OVER for chunk in chunks)
    if not choices or not (is_over or any(choice.get("finish_reason") for choice in choices.values())):
        return None
    told = [{"index": index, **choices[index]} for index in sorted(choices)]
    return {**whole, "object": "chat.completion", "choices": told}


def _add_choice(known: Json, choice: Json) -> None:
    message = known.setdefault("message", {"role": "assistant", "content": None})
    delta = choice.get("delta") or choice.get("message")
    if isinstance(delta, dict):
        for name, value in delta.items():
            if name == "tool_calls" and isinstance(value, list):
                for call in value:
                    if isinstance(call, dict):
                        _add_call(message.setdefault("tool_calls", []), call)
            else:
                _join(message, name, value)
    for name, value in choice.items():
        if name not in ("index", "delta", "message") and value is not None:
            known[name] = value
    known.setdefault("finish_reason", None)


def _add_call(calls: list[Json], piece: Json) -> None:
    """Add a piece of a call: to the one of its index, as long as that is the same call."""
    index = piece.get("index")
    known = next((call for call in reversed(calls) if call.get("index") == index), None)
    if known is None or _is_another(known, piece):
        calls.append({**piece, "function": dict(piece.get("function") or {})})
        return
    for name, value in piece.items():
        if name == "function" and isinstance(value, dict):
            for part, text in value.items():
                if part == "name":
                    known["function"].setdefault("name", text)
                else:
                    _join(known["function"], part, text)
        elif value is not None:
            known[name] = value


def _is_another(known: Json, piece: Json) -> bool:
    """Tell whether a piece is of another call than the one that is known under its index."""
    if piece.get("id") and known.get("id") not in (None, "", piece["id"]):
        return True
    told, new = known["function"], piece.get("function") or {}
    name, arguments = new.get("name"), str(new.get("arguments") or "")
    is_whole = is_whole_object(str(told.get("arguments") or ""))
    return bool(name and told.get("name") not in (None, "", name)) or (
        is_whole and arguments.lstrip().startswith("{")
    )


def _join(holder: Json, name: str, value: Any) -> None:
    """Add texts and lists to what is known, in any member; of other values the last counts."""
    known = holder.get(name)
    if isinstance(known, str) and isinstance(value, str) and name != "role":
        holder[name] = known + value
    elif isinstance(known, list) and isinstance(value, list):
        holder[name] = [*known, *value]
    elif value is not None or name not in holder:
        holder[name] = value


# --- Responses ------------------------------------------------------------------------------------------


def _responses(events: list[Json]) -> Json | None:
    closing = ("response.completed", "response.incomplete", "response.failed")
    for event in reversed(events):
        if event.get("type") in closing and isinstance(event.get("response"), dict):
            response: Json = event["response"]
            return response
    return None


# --- Messages -------------------------------------------------------------------------------------------


def _messages(events: list[Json]) -> Json | None:
    message: Json | None = None
    inputs: dict[int, str] = {}
    for event in events:
        kind, index = event.get("type"), event.get("index")
        if kind == "message_start" and isinstance(event.get("message"), dict):
            message = {**event["message"], "content": []}
        elif message is None:
            continue
        elif kind == "content_block_start" and isinstance(event.get("content_block"), dict):
            message["content"].append(dict(event["content_block"]))
        elif kind == "content_block_delta" and isinstance(event.get("delta"), dict):
            _add_delta(message["content"], inputs, index, event["delta"])
        elif kind == "message_delta":
            message.update(event.get("delta") or {})
            message["usage"] = {**(message.get("usage") or {}), **(event.get("usage") or {})}
    if message is None or not (message.get("stop_reason") or events[-1].get("type") == "message_stop"):
        return None
    for index, text in inputs.items():
        try:
            message["content"][index]["input"] = orjson.loads(text)
        except (*UNREADABLE, IndexError):
            continue
    return message


def _add_delta(content: list[Json], inputs: dict[int, str], index: Any, delta: Json) -> None:
    if not isinstance(index, int) or not 0 <= index < len(content):
        return
    for name in ("text", "thinking", "signature"):
        if isinstance(delta.get(name), str):
            content[index][name] = f"{content[index].get(name) or ''}{delta[name]}"
    if isinstance(delta.get("partial_json"), str):
        inputs[index] = inputs.get(index, "") + delta["partial_json"]


_COLLECTORS: dict[str, Callable[[list[Json]], Json | None]] = {
    "openai_chat": _chat,
    "openai_responses": _responses,
    "anthropic": _messages,
}
