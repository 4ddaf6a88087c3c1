"""Anthropic streams for tests: any valid one, and the whole message that a stream amounts to."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

Event = dict[str, Any]
KEYS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


def named(events: list[Event]) -> list[dict[str, Any]]:
    """Return events in the form of a transcript."""
    return [{"event": event["type"], "data": event} for event in events]


def whole_message(transcript: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the vendor's answer without streaming; None for a stream that does not end well."""
    message: dict[str, Any] = {}
    arguments: dict[int, str] = {}
    for entry in transcript:
        event = entry["data"] if isinstance(entry["data"], dict) else {"type": "error"}
        kind = event["type"]
        if kind == "error":
            return None
        if kind == "message_start" and not message:
            message = json.loads(json.dumps(event["message"]))
            message["content"] = {}
        elif kind == "content_block_start":
            message["content"][event["index"]] = dict(event["content_block"])
        elif kind == "content_block_delta":
            _add(message["content"].get(event["index"]), event, arguments)
        elif kind == "message_delta":
            message |= event["delta"]
            message["usage"] |= event["usage"]
        elif kind == "message_stop":
            for index, text in arguments.items():
                message["content"][index]["input"] = _value(text)
            message["content"] = [message["content"][index] for index in sorted(message["content"])]
            return message
    return None


def _value(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return {}  # cut by `max_tokens`


def _add(block: dict[str, Any] | None, event: Event, arguments: dict[int, str]) -> None:
    delta = event["delta"]
    if block is None:
        return
    if delta["type"] == "input_json_delta":
        if delta["partial_json"]:
            arguments[event["index"]] = arguments.get(event["index"], "") + delta["partial_json"]
    elif delta["type"] in KEYS:
        key = KEYS[delta["type"]]
        block[key] = block.get(key, "") + delta[key]


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | _TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def _cut(draw: st.DrawFn, text: str) -> list[str]:
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@st.composite
def _block(draw: st.DrawFn, index: int) -> list[Event]:
    kind = draw(
        st.sampled_from(["text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "new"])
    )
    start: dict[str, Any] = {"type": kind}
    deltas: list[dict[str, Any]] = []
    if kind == "text":
        start["text"] = draw(st.sampled_from(["", "at once "]))
        deltas = [{"type": "text_delta", "text": part} for part in draw(_cut(draw(_TEXT)))]
    elif kind == "thinking":
        start |= {"thinking": "", "signature": ""}
        deltas = [{"type": "thinking_delta", "thinking": part} for part in draw(_cut(draw(_TEXT)))]
        deltas.append({"type": "signature_delta", "signature": f"sig{index}"})
    elif kind == "redacted_thinking":
        start["data"] = "b3BhcXVl"
    elif kind in ("tool_use", "server_tool_use"):
        start |= {"id": f"toolu_{index}", "name": draw(st.sampled_from(["f", "g"])), "input": {}}
        arguments = draw(st.dictionaries(_TEXT, _JSON, max_size=2))
        parts = draw(_cut(json.dumps(arguments))) if arguments else draw(st.sampled_from([[], [""], ["{}"]]))
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


_REASONS = st.sampled_from(
    (
        "end_turn",
        "stop_sequence",
        "tool_use",
        "max_tokens",
        "model_context_window_exceeded",
        "pause_turn",
        "refusal",
        "brand_new",
    )
)


@st.composite
def streams(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw any stream that ends well: blocks in turn or interleaved, pings and unknown events between."""
    blocks = [draw(_block(index)) for index in range(draw(st.integers(0, 4)))]
    body: list[Event] = []
    while any(blocks):
        alive = [block for block in blocks if block]
        started = [block for block in alive if block[0]["type"] != "content_block_start"]
        choices = alive[: len(started) + 1]  # blocks start in the order of their indices
        body.append((draw(st.sampled_from(choices)) if draw(st.booleans()) else alive[0]).pop(0))
        if draw(st.integers(0, 5)) == 0:
            body.append(draw(st.sampled_from([{"type": "ping"}, {"type": "brand_new", "index": "x"}])))
    usage = {"input_tokens": draw(st.integers(0, 99)), "output_tokens": 1, "cache_read_input_tokens": 3}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": []}
    message = {**head, "stop_reason": None, "stop_sequence": None, "usage": usage}
    end = {"stop_reason": draw(_REASONS), "stop_sequence": None}
    return named(
        [
            {"type": "message_start", "message": message},
            *body,
            {"type": "message_delta", "delta": end, "usage": {"output_tokens": draw(st.integers(1, 99))}},
            {"type": "message_stop"},
        ]
    )
