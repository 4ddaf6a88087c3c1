"""Answers of an upstream, drawn by Hypothesis: the same one as a stream of chunks or events, and whole."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
MODEL = "gpt-5.1-2026"


@dataclass
class Tool:
    id: str
    name: str
    arguments: str


@dataclass
class Answer:
    """An answer of the model, in the order in which a whole one tells it."""

    reasoning: str = ""
    text: str = ""
    refusal: str = ""
    tools: list[Tool] = field(default_factory=list)
    is_cut: bool = False
    cached: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.refusal or self.tools)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    tools = [
        Tool(
            draw(st.sampled_from(["call_1", "call_2", "functions.f:0", ""])),
            draw(st.sampled_from(["get_weather", "get_time", "x" * 64])),
            json.dumps(draw(st.dictionaries(texts, st.one_of(texts, st.integers(-9, 9)), max_size=3))),
        )
        for _ in range(draw(st.integers(0, 4)))
    ]
    return Answer(
        reasoning=draw(st.one_of(st.just(""), texts)),
        text=draw(st.one_of(st.just(""), texts)),
        refusal=draw(st.one_of(st.just(""), st.just(""), texts)),
        tools=tools,
        is_cut=draw(st.booleans()),
        cached=draw(st.integers(0, 10)),
    )


def pieces(draw: st.DrawFn, text: str) -> list[str]:
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def interleaved(draw: st.DrawFn, lanes: list[list[Any]]) -> list[Any]:
    """Mix the lanes' events, each lane in its own order and begun after the lanes before it."""
    lanes = [list(lane) for lane in lanes if lane]
    out: list[Any] = []
    begun = 0
    while any(lanes):
        ready = [n for n, lane in enumerate(lanes) if lane and n <= begun]
        lane = draw(st.sampled_from(ready))
        begun = max(begun, lane + 1)
        out.append(lanes[lane].pop(0))
    return out


# --- Chat Completions ---------------------------------------------------------------------------------


def chat_usage(answer: Answer) -> dict[str, Any]:
    return {
        "prompt_tokens": 20,
        "completion_tokens": 7,
        "total_tokens": 27,
        "prompt_tokens_details": {"cached_tokens": answer.cached},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }


def chat_reason(answer: Answer) -> str:
    return "length" if answer.is_cut else "tool_calls" if answer.tools else "stop"


def chat_body(answer: Answer) -> dict[str, Any]:
    said: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    if answer.reasoning:
        said["reasoning_content"] = answer.reasoning
    if answer.refusal:
        said["refusal"] = answer.refusal
    if answer.tools:
        said["tool_calls"] = [
            {"id": tool.id, "type": "function", "function": {"name": tool.name, "arguments": tool.arguments}}
            for tool in answer.tools
        ]
    choice = {"index": 0, "message": said, "finish_reason": chat_reason(answer)}
    return {"id": "chatcmpl-9", "model": MODEL, "choices": [choice], "usage": chat_usage(answer)}


def _chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"event": None, "data": {"id": "chatcmpl-9", "model": MODEL, "choices": [choice], "usage": None}}


def _tool_chunks(draw: st.DrawFn, index: int, tool: Tool) -> list[dict[str, Any]]:
    first, *rest = pieces(draw, tool.arguments)
    function = {"name": tool.name, "arguments": first}
    head = {"index": index, "id": tool.id, "type": "function", "function": function}
    return [_chunk({"tool_calls": [head]})] + [
        _chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}) for piece in rest
    ]


@st.composite
def chat_streams(draw: st.DrawFn) -> tuple[Answer, list[dict[str, Any]]]:
    answer = draw(answers())
    events = [_chunk({"role": "assistant", "content": ""})]
    for name, text in (
        ("reasoning_content", answer.reasoning),
        ("content", answer.text),
        ("refusal", answer.refusal),
    ):
        events += [_chunk({name: piece}) for piece in pieces(draw, text)] if text else []
    events += interleaved(draw, [_tool_chunks(draw, n, tool) for n, tool in enumerate(answer.tools)])
    usage = {"id": "chatcmpl-9", "model": MODEL, "choices": [], "usage": chat_usage(answer)}
    events += [_chunk({}, chat_reason(answer)), {"event": None, "data": usage}]
    if draw(st.booleans()):
        events.append({"event": None, "data": "[DONE]"})
    return answer, events


# --- Responses ----------------------------------------------------------------------------------------


def _event(type_name: str, **fields: Any) -> dict[str, Any]:
    return {"event": type_name, "data": {"type": type_name, "sequence_number": 0, **fields}}


def items(answer: Answer) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    if answer.reasoning:
        summary = [{"type": "summary_text", "text": answer.reasoning}]
        out.append({"id": "rs_1", "type": "reasoning", "summary": summary, "encrypted_content": "enc"})
    for number, (name, text) in enumerate((("text", answer.text), ("refusal", answer.refusal))):
        if text:
            kind = "output_text" if name == "text" else "refusal"
            content = [{"type": kind, name: text, "annotations": []}]
            message = {"id": f"msg_{number}", "type": "message", "role": "assistant", "content": content}
            out.append(message)
    for number, tool in enumerate(answer.tools):
        call = {"id": f"fc_{number}", "type": "function_call", "call_id": tool.id, "name": tool.name}
        out.append({**call, "arguments": tool.arguments})
    return out


def response_body(answer: Answer, output: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "id": "resp_9",
        "object": "response",
        "model": MODEL,
        "status": "incomplete" if answer.is_cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if answer.is_cut else None,
        "output": items(answer) if output is None else output,
        "error": None,
        "usage": {
            "input_tokens": 20,
            "input_tokens_details": {"cached_tokens": answer.cached},
            "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 3},
        },
    }


_DELTAS = {
    "output_text": ("response.output_text", "text"),
    "refusal": ("response.refusal", "refusal"),
    "function_call": ("response.function_call_arguments", "arguments"),
    "reasoning": ("response.reasoning_summary_text", "text"),
}


def _item_events(draw: st.DrawFn, index: int, item: dict[str, Any]) -> list[dict[str, Any]]:
    """Draw deltas, closing events, or only one of the two: servers differ."""
    kind = item["content"][0]["type"] if item["type"] == "message" else item["type"]
    place: dict[str, Any] = {"item_id": item["id"], "output_index": index}
    if kind == "function_call":
        whole, empty = item["arguments"], {**item, "arguments": ""}
    elif kind == "reasoning":
        whole, empty = item["summary"][0]["text"], {**item, "summary": []}
        place["summary_index"] = 0
    else:
        whole, empty = item["content"][0][_DELTAS[kind][1]], {**item, "content": []}
        place["content_index"] = 0
    prefix, name = _DELTAS[kind]
    out = [_event("response.output_item.added", output_index=index, item=empty)]
    has_deltas = draw(st.booleans())
    if has_deltas:
        out += [_event(f"{prefix}.delta", **place, delta=piece) for piece in pieces(draw, whole)]
    if draw(st.booleans()):
        out.append(_event(f"{prefix}.done", **place, **{name: whole}))
    out.append(_event("response.output_item.done", output_index=index, item=item))
    return out


@st.composite
def response_streams(draw: st.DrawFn) -> tuple[Answer, list[dict[str, Any]]]:
    answer = draw(answers())
    output = items(answer)
    started = {**response_body(answer, []), "status": "in_progress"}
    events = [_event("response.created", response=started)]
    lanes = [_item_events(draw, n, item) for n, item in enumerate(output)]
    first_call = len(output) - len(answer.tools)
    events += [event for lane in lanes[:first_call] for event in lane]
    events += interleaved(draw, lanes[first_call:])
    closing = "response.incomplete" if answer.is_cut else "response.completed"
    events.append(_event(closing, response=response_body(answer)))
    return answer, events
