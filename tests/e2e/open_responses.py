"""The forms of OpenResponses (2026-04-24), read strictly: required keys, and what stands under each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Check = Callable[[Any], bool]


def _is(*kinds: type) -> Check:
    return lambda value: isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds)


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


TEXT, COUNT, NUMBER, FLAG, LIST, OBJECT = _is(str), _is(int), _is(int, float), _is(bool), _is(list), _is(dict)

RESPONSE: dict[str, Check] = {
    "id": TEXT, "object": lambda value: value == "response", "created_at": COUNT, "completed_at": _or_null(COUNT),
    "status": TEXT, "incomplete_details": _or_null(OBJECT), "model": TEXT, "previous_response_id": _or_null(TEXT),
    "instructions": _or_null(TEXT), "output": LIST, "error": _or_null(OBJECT), "tools": LIST,
    "tool_choice": _is(str, dict), "truncation": lambda value: value in ("auto", "disabled"),
    "parallel_tool_calls": FLAG, "text": OBJECT, "top_p": NUMBER, "presence_penalty": NUMBER,
    "frequency_penalty": NUMBER, "top_logprobs": COUNT, "temperature": NUMBER, "reasoning": _or_null(OBJECT),
    "usage": _or_null(OBJECT), "max_output_tokens": _or_null(COUNT), "max_tool_calls": _or_null(COUNT),
    "store": FLAG, "background": FLAG, "service_tier": TEXT, "metadata": OBJECT,
    "safety_identifier": _or_null(TEXT), "prompt_cache_key": _or_null(TEXT),
}  # fmt: skip
ITEMS: dict[str, dict[str, Check]] = {
    "message": {"id": TEXT, "status": TEXT, "role": TEXT, "content": LIST},
    "function_call": {"id": TEXT, "call_id": TEXT, "name": TEXT, "arguments": TEXT, "status": TEXT},
    "reasoning": {"id": TEXT, "summary": LIST},
    "compaction": {"id": TEXT, "encrypted_content": TEXT},
}
PARTS: dict[str, dict[str, Check]] = {
    "output_text": {"text": TEXT, "annotations": LIST}, "input_text": {"text": TEXT}, "refusal": {"refusal": TEXT},
    "summary_text": {"text": TEXT}, "reasoning_text": {"text": TEXT},
}  # fmt: skip
USAGE: dict[str, Check] = {
    "input_tokens": COUNT, "output_tokens": COUNT, "total_tokens": COUNT,
    "input_tokens_details": lambda value: isinstance(value["cached_tokens"], int),
    "output_tokens_details": lambda value: isinstance(value["reasoning_tokens"], int),
}  # fmt: skip
TOOL: dict[str, Check] = {
    "name": TEXT, "description": _or_null(TEXT), "parameters": _or_null(OBJECT), "strict": _or_null(FLAG),
}  # fmt: skip
WHERE: dict[str, Check] = {"item_id": TEXT, "output_index": COUNT}
IN_TEXT: dict[str, Check] = {**WHERE, "content_index": COUNT}
IN_SUMMARY: dict[str, Check] = {**WHERE, "summary_index": COUNT}
EVENTS: dict[str, dict[str, Check]] = {
    **{f"response.{name}": {"response": OBJECT} for name in (
        "created", "queued", "in_progress", "completed", "incomplete", "failed",
    )},
    "response.output_item.added": {"output_index": COUNT, "item": OBJECT},
    "response.output_item.done": {"output_index": COUNT, "item": OBJECT},
    "response.content_part.added": {**IN_TEXT, "part": OBJECT},
    "response.content_part.done": {**IN_TEXT, "part": OBJECT},
    "response.output_text.delta": {**IN_TEXT, "delta": TEXT},
    "response.output_text.done": {**IN_TEXT, "text": TEXT},
    "response.refusal.delta": {**IN_TEXT, "delta": TEXT},
    "response.refusal.done": {**IN_TEXT, "refusal": TEXT},
    "response.function_call_arguments.delta": {**WHERE, "delta": TEXT},
    "response.function_call_arguments.done": {**WHERE, "arguments": TEXT},
    "response.reasoning_summary_part.added": {**IN_SUMMARY, "part": OBJECT},
    "response.reasoning_summary_part.done": {**IN_SUMMARY, "part": OBJECT},
    "response.reasoning_summary_text.delta": {**IN_SUMMARY, "delta": TEXT},
    "response.reasoning_summary_text.done": {**IN_SUMMARY, "text": TEXT},
}  # fmt: skip


def _checked(value: Any, form: dict[str, Check], what: str) -> Any:
    for name, check in form.items():
        assert name in value, f"{what} lacks {name}"
        assert check(value[name]), f"{what}.{name} is {value[name]!r}"
    return value


def message(item: Any) -> Any:
    """Check an output item of any type, and return it."""
    _checked(item, ITEMS[item["type"]], item["type"])
    for part in (*item.get("content", ()), *item.get("summary", ())):
        _checked(part, PARTS[part["type"]], part["type"])
    assert "encrypted_content" not in item or isinstance(item["encrypted_content"], str)
    return item


def response(value: Any) -> Any:
    _checked(value, RESPONSE, "response")
    for item in value["output"]:
        message(item)
    for tool in value["tools"]:
        _checked(tool, TOOL, "tool")
    _checked(value["text"], {"format": OBJECT}, "text")
    if value["usage"] is not None:
        _checked(value["usage"], USAGE, "usage")
    if value["error"] is not None:
        _checked(value["error"], {"code": TEXT, "message": TEXT}, "error")
    if value["reasoning"] is not None:
        assert {"effort", "summary"} <= set(value["reasoning"])
    return value


def stream(events: list[Any]) -> tuple[list[Any], Any]:
    """Check the events of one answer; return them and the response that ends it."""
    for number, event in enumerate(events):
        assert event["sequence_number"] == number
        _checked(event, EVENTS[event["type"]], event["type"])
        if "response" in event:
            response(event["response"])
        if event["type"] == "response.output_item.done":
            message(event["item"])
    return events, events[-1]["response"]


def compacted(value: Any) -> Any:
    form: dict[str, Check] = {
        "id": TEXT,
        "object": lambda given: given == "response.compaction",
        "created_at": COUNT,
    }
    _checked(value, {**form, "output": LIST, "usage": OBJECT}, "compaction")
    _checked(value["usage"], USAGE, "usage")
    for item in value["output"]:
        message(item)
    return value


def error(event: Any) -> Any:
    """Check an error event over a WebSocket; return the error."""
    _checked(event, {"status": COUNT, "error": OBJECT}, "error event")
    form = {"type": TEXT, "code": _or_null(TEXT), "message": TEXT, "param": _or_null(TEXT)}
    return _checked(event["error"], form, "error")
