"""The Responses forms of the OpenAI stand-in."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.openai_saying import OUTPUT_TOKENS, Saying
from tests.fakes.vendor import pieces

Body = dict[str, Any]
ENCRYPTED = "gAAAAFakeEncryptedReasoning"
INPUT_TOKENS, CACHED_TOKENS = 2060, 2048


def response(body: Body, said: Saying, number: int) -> Body:
    """A whole Response object."""
    return {
        "id": f"resp_fake{number}",
        "object": "response",
        "created_at": 1790000000,
        "status": "completed",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": body["model"],
        "output": _output(body, said, number),
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": body.get("reasoning") or {"effort": None, "summary": None},
        "store": body.get("store", True),
        "temperature": 1.0,
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": INPUT_TOKENS,
            "input_tokens_details": {"cached_tokens": CACHED_TOKENS},
            "output_tokens": OUTPUT_TOKENS,
            "output_tokens_details": {"reasoning_tokens": said.reasoning_tokens},
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        },
        "metadata": body.get("metadata") or {},
    }


def _output(body: Body, said: Saying, number: int) -> list[Body]:
    items: list[Body] = []
    if said.reasoning:
        has_summary = bool((body.get("reasoning") or {}).get("summary"))
        item: Body = {"id": f"rs_fake{number}", "type": "reasoning", "summary": []}
        if has_summary:
            item["summary"] = [{"type": "summary_text", "text": said.reasoning}]
        if "reasoning.encrypted_content" in (body.get("include") or []):
            item["encrypted_content"] = ENCRYPTED
        items.append(item)
    part = None
    if said.text is not None:
        part = {"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}
    elif said.refusal is not None:
        part = {"type": "refusal", "refusal": said.refusal}
    if part is not None:
        message = {"id": f"msg_fake{number}", "type": "message", "role": "assistant", "status": "completed"}
        items.append({**message, "content": [part]})
    for index, call in enumerate(said.calls):
        items.append(
            {
                "id": f"fc_fake{number}_{index}",
                "type": "function_call",
                "status": "completed",
                "call_id": call.id,
                "name": call.name,
                "arguments": call.arguments,
            }
        )
    return items


class _Numbered:
    """Writes events with their sequence numbers."""

    def __init__(self, start: int = 0) -> None:
        self.count = start

    def __call__(self, kind: str, **data: Any) -> bytes:
        body = {"type": kind, "sequence_number": self.count, **data}
        self.count += 1
        return f"event: {kind}\ndata: {json.dumps(body)}\n\n".encode()


def records(whole: Body) -> list[bytes]:
    """The stream of the same Response, one record per item."""
    event = _Numbered()
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    out = [event("response.created", response=begun), event("response.in_progress", response=begun)]
    for index, item in enumerate(whole["output"]):
        bare = _bare(item)
        out.append(event("response.output_item.added", output_index=index, item=bare))
        out += _inside(event, index, item)
        out.append(event("response.output_item.done", output_index=index, item=item))
    out.append(event("response.completed", response=whole))
    return out


def failed(whole: Body) -> bytes:
    error = {"code": "server_error", "message": "Overloaded"}
    broken = {**whole, "status": "failed", "output": [], "usage": None, "error": error}
    return _Numbered(3)("response.failed", response=broken)


def _bare(item: Body) -> Body:
    empty: Body = {"content": []} if item["type"] == "message" else {}
    if item["type"] == "function_call":
        empty = {"arguments": ""}
    if item["type"] == "reasoning":
        return {**item, "summary": []}
    return {**item, **empty, "status": "in_progress"}


def _inside(event: _Numbered, index: int, item: Body) -> list[bytes]:
    where: Body = {"item_id": item["id"], "output_index": index}
    if item["type"] == "function_call":
        name, end = "response.function_call_arguments", {"arguments": item["arguments"], "name": item["name"]}
        deltas = [event(f"{name}.delta", **where, delta=part) for part in pieces(item["arguments"], 7)]
        return [*deltas, event(f"{name}.done", **where, **end)]
    if item["type"] == "reasoning":
        return [record for part in item["summary"] for record in _summary(event, where, part)]
    return _part(event, {**where, "content_index": 0}, item["content"][0])


def _summary(event: _Numbered, where: Body, part: Body) -> list[bytes]:
    at = {**where, "summary_index": 0}
    name, text = "response.reasoning_summary_text", part["text"]
    out = [event("response.reasoning_summary_part.added", **at, part={**part, "text": ""})]
    out += [event(f"{name}.delta", **at, delta=piece) for piece in pieces(text, 7)]
    out.append(event(f"{name}.done", **at, text=text))
    return [*out, event("response.reasoning_summary_part.done", **at, part=part)]


def _part(event: _Numbered, at: Body, part: Body) -> list[bytes]:
    key = "text" if part["type"] == "output_text" else "refusal"
    name = f"response.{part['type']}"
    more: Body = {"logprobs": []} if key == "text" else {}
    out = [event("response.content_part.added", **at, part={**part, key: ""})]
    out += [event(f"{name}.delta", **at, delta=piece, **more) for piece in pieces(part[key], 7)]
    out.append(event(f"{name}.done", **at, **{key: part[key]}, **more))
    return [*out, event("response.content_part.done", **at, part=part)]
