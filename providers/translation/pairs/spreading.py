"""Tell a whole answer as the stream that its caller has asked for.

Pure. Some servers do not stream, whatever they are asked. Each upstream dialect has its own events; every text comes in
one piece. The opposite of `collecting`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from providers.dialects.mending import UNREADABLE, tolerant
from providers.translation.responses import replay

Json = dict[str, Any]


def spread(dialect: str, body: bytes) -> bytes | None:
    """Return the events that tell a whole answer; None for what is none."""
    try:
        whole = tolerant(orjson.loads, body)
    except UNREADABLE:
        return None
    if not isinstance(whole, dict) or whole.get("error") is not None:
        return None
    return _SPREADERS[dialect](whole)


def _chat(whole: Json) -> bytes | None:
    choices = _objects(whole.get("choices"))
    if not choices:
        return None
    head = {name: value for name, value in whole.items() if name not in ("choices", "usage", "object")}
    head = {**head, "object": "chat.completion.chunk"}
    chunks: list[Json] = []
    for choice in choices:
        index, message = choice.get("index") or 0, choice.get("message")
        delta = dict(message) if isinstance(message, dict) else {"content": choice.get("text")}
        calls = _objects(delta.pop("tool_calls", None))
        if calls:
            delta["tool_calls"] = [{"index": number, **call} for number, call in enumerate(calls)]
        rest = {
            name: value for name, value in choice.items() if name not in ("index", "message", "finish_reason")
        }
        chunks.append({**head, "choices": [{"index": index, "delta": delta, "finish_reason": None, **rest}]})
        reason = choice.get("finish_reason") or ("tool_calls" if calls else "stop")
        chunks.append({**head, "choices": [{"index": index, "delta": {}, "finish_reason": reason}]})
    if whole.get("usage") is not None:
        chunks.append({**head, "choices": [], "usage": whole["usage"]})
    return b"".join(b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


def _responses(whole: Json) -> bytes | None:
    if not isinstance(whole.get("output"), list):
        return None
    events = replay.events_of({"status": "completed", **whole})
    return b"".join(replay.written(replay.numbered(data).type, data) for data in events)


def _messages(whole: Json) -> bytes | None:
    if not isinstance(whole.get("content"), list):
        return None
    usage = whole.get("usage")
    begun = {**whole, "content": [], "stop_reason": None, "stop_sequence": None}
    if isinstance(usage, dict):
        begun["usage"] = {**usage, "output_tokens": min(1, usage.get("output_tokens") or 0)}
    out = _event("message_start", message=begun)
    for index, block in enumerate(_objects(whole["content"])):
        empty, deltas = _block(block)
        out += _event("content_block_start", index=index, content_block=empty)
        for delta in deltas:
            out += _event("content_block_delta", index=index, delta=delta)
        out += _event("content_block_stop", index=index)
    ending: Json = {"stop_reason": whole.get("stop_reason"), "stop_sequence": whole.get("stop_sequence")}
    ending |= {name: whole[name] for name in ("stop_details", "container") if name in whole}
    return out + _event("message_delta", delta=ending, usage=usage or {}) + _event("message_stop")


def _block(block: Json) -> tuple[Json, Iterator[Json]]:
    """Return a block as it begins, and the deltas that fill it."""
    kind = block.get("type")
    if kind == "text":
        deltas = [{"type": "text_delta", "text": block.get("text") or ""}]
        deltas += [{"type": "citations_delta", "citation": one} for one in _objects(block.get("citations"))]
        return {**block, "text": "", **({"citations": []} if block.get("citations") else {})}, iter(deltas)
    if kind == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": block.get("thinking") or ""}]
        if block.get("signature"):
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        return {**block, "thinking": "", "signature": ""}, iter(deltas)
    if kind in ("tool_use", "server_tool_use", "mcp_tool_use"):
        text = orjson.dumps(block.get("input") or {}).decode()
        return {**block, "input": {}}, iter([{"type": "input_json_delta", "partial_json": text}])
    return block, iter(())


def _event(name: str, **fields: Any) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps({"type": name, **fields}) + b"\n\n"


def _objects(listed: Any) -> list[Json]:
    return [one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, dict)]


_SPREADERS: dict[str, Callable[[Json], bytes | None]] = {
    "openai_chat": _chat,
    "openai_responses": _responses,
    "anthropic": _messages,
}
